"""The site: `uv run --extra docs sphinx-build -qW docs build/site`."""

from importlib.metadata import version as installed

project = "hikibayes"
copyright = "The hikibayes authors"  # noqa: A001
release = installed("hikibayes")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "hikibayes"
napoleon_google_docstring = False
napoleon_use_rtype = False
autodoc_typehints = "none"
# pages lead to files of the checkout, too, which are no pages
suppress_warnings = ["myst.xref_missing"]
