"""Whole datasets as video: what to store how, what it cost, and what to promise.

Importing this module also registers the accessor ``numcodecs_video`` on datasets, data arrays and
trees. Needs the ``xarray`` extra.
"""

from numcodecs_video.xarray.accessor import DataArrayAccessor, DatasetAccessor, DataTreeAccessor
from numcodecs_video.xarray.bands import stack_bands, unstack_bands
from numcodecs_video.xarray.compare import Comparison, compare
from numcodecs_video.xarray.converting import Conversion, convert
from numcodecs_video.xarray.dimensions import choose_chunks, letters_of
from numcodecs_video.xarray.encoding import encoding
from numcodecs_video.xarray.evaluate import Evaluation, evaluate
from numcodecs_video.xarray.example import example_dataset
from numcodecs_video.xarray.images import open_image
from numcodecs_video.xarray.recording import record_loss
from numcodecs_video.xarray.report import Report
from numcodecs_video.xarray.suggest import Suggestion, suggest
from numcodecs_video.xarray.sweep import SweepPoint, sweep, write_csv
from numcodecs_video.xarray.writing import to_zarr

__all__ = [
    "Comparison",
    "Conversion",
    "DataArrayAccessor",
    "DataTreeAccessor",
    "DatasetAccessor",
    "Evaluation",
    "Report",
    "Suggestion",
    "SweepPoint",
    "choose_chunks",
    "compare",
    "convert",
    "encoding",
    "evaluate",
    "example_dataset",
    "letters_of",
    "open_image",
    "record_loss",
    "stack_bands",
    "suggest",
    "sweep",
    "to_zarr",
    "unstack_bands",
    "write_csv",
]
