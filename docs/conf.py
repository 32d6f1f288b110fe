"""The site: `uv run --extra docs sphinx-build -qW docs build/site`."""

from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from sphinx.directives.code import CodeBlock

project = "hikibayes"
copyright = "The hikibayes authors"  # noqa: A001
release = installed("hikibayes")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "hikibayes"
html_static_path = ["_static"]
html_css_files = ["site.css"]
napoleon_google_docstring = False
napoleon_use_rtype = False
autodoc_typehints = "none"
# pages lead to files of the checkout, too, which are no pages
suppress_warnings = ["myst.xref_missing"]
html_show_sourcelink = False
html_copy_source = False

FOR_SCREEN_READERS = {
    '<p class="caption" role="heading">': '<p class="caption" role="heading" aria-level="2">',
    '<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="Pages">',
    '<aside class="toc-drawer': '<aside aria-label="On this page" class="toc-drawer',
    # what scrolls is reached by the keyboard
    "<pre>": '<pre tabindex="0">',
    '<div class="table-wrapper': '<div tabindex="0" class="table-wrapper',
    '<th class="head"><p></p></th>': "<td></td>",
}
"""What the theme's pages lack, as axe finds it."""


def _accessible(app: Any, error: Exception | None) -> None:
    for page in () if error else Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        for old, new in FOR_SCREEN_READERS.items():
            text = text.replace(old, new)
        page.write_text(text, encoding="utf-8")


class CodeCell(CodeBlock):
    """A cell of a text notebook (MyST), shown as Python; the tests run it."""

    required_arguments = 1

    def run(self) -> Any:
        """Return the nodes of a block of code."""
        self.arguments[0] = "python"
        return super().run()


def setup(app: Any) -> None:
    """Mend the pages once they are written."""
    app.add_directive("code-cell", CodeCell)
    app.connect("build-finished", _accessible)
