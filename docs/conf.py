"""Sphinx: ``python -m sphinx -n -W -b html docs docs/_build/html``, with the extra ``docs``."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numcodecs_video

HERE = Path(__file__).parent

project = "numcodecs-video"
author = "numcodecs-video contributors"
copyright = author
version = release = numcodecs_video.__version__

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
]
exclude_patterns = ["_build", "_templates", "jupyter_execute"]
templates_path = ["_templates"]
default_role = "autolink"  # a link where it is a name of ours, else italics, as numpydoc means it
nitpicky = True

# Types of other packages: their inventories are on the network, and a build needs none.
nitpick_ignore_regex = [
    ("py:.*", r"(collections|dask|matplotlib|numcodecs|numpy|os|typing|xarray|zarr)\b.*"),
    ("py:class", r"numcodecs_video\.config\.\w*Settings"),  # what codecs make of their keywords
]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's sections say the types, with shapes and units
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

html_theme = "pydata_sphinx_theme"
html_title = f"{project} {release}"
html_theme_options = {
    "navbar_align": "left",
    "show_toc_level": 2,
    "show_prev_next": False,
    "secondary_sidebar_items": {"**": ["page-toc"], "index": [], "migrating": []},
    "pygments_light_style": "default",
}
html_sidebars = {page: [] for page in ("index", "getting_started", "migrating", "faq")}
smartquotes = False  # they make dashes of the options in examples of the command line
html_static_path = ["_static"]
html_css_files = ["wide.css"]

# The notebooks lie where a reader of the repository looks for them; here they become pages.
shutil.copytree(
    HERE.parent / "examples",
    HERE / "examples",
    dirs_exist_ok=True,
    ignore=shutil.ignore_patterns("browser"),
)

# Links of these pages are those of the repository, so that they work there as well.
PAGES = {
    "](../examples/": "](examples/",
    "](../CHANGELOG.md": "](changelog.md",
    "](../SECURITY.md": "](security.md",
}


def _link_to_pages(app: Any, name: str, source: list[str]) -> None:
    for link, page in PAGES.items():
        source[0] = source[0].replace(link, page)


def setup(app: Any) -> None:
    """Read the pages' links as links to pages."""
    app.connect("source-read", _link_to_pages)
