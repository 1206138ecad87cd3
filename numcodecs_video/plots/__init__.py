"""Pictures of what compression did.

Uses matplotlib's object interface and no ``pyplot``, so it leaves no global state behind and works
in threads and on machines without a display. Needs the ``plots`` extra.
"""

try:
    import matplotlib as _matplotlib  # noqa: F401 - to say in one line what is missing
except ImportError as error:
    raise ImportError("pictures need matplotlib: pip install 'numcodecs-video[plots]'") from error

from numcodecs_video.plots.dates import pictures
from numcodecs_video.plots.histogram import error_histogram
from numcodecs_video.plots.rate import rate_distortion
from numcodecs_video.plots.side_by_side import side_by_side, side_by_side_dates

__all__ = [
    "error_histogram",
    "pictures",
    "rate_distortion",
    "side_by_side",
    "side_by_side_dates",
]
