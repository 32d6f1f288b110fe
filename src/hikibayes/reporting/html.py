"""The report of a run: one HTML file that needs nothing else, made from the run's saved files alone.

A report is a list of sections. A section has a template of its own and a function that turns the saved tables into what
the template shows; it is left out where the run has not the files it needs. Adding a section is adding one to the list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import apa
from ..provenance import RunRecord
from .figures import figure_files
from .saved import SavedRun
from .sections import SECTIONS, Findings

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

__all__ = ["page", "report", "with_report"]


def report(folder: str | Path) -> str:
    """Make the report of a run folder anew, from its saved files alone.

    Parameters
    ----------
    folder : str or Path
        What a run has written.

    Returns
    -------
    str
        A self-contained HTML document.

    Raises
    ------
    InputError
        The folder is none that a run has written, or its run saved no study to report on.
    """
    return page(SavedRun.of_folder(Path(folder)))


def with_report(contents: Mapping[str, Any], record: RunRecord) -> dict[str, Any]:
    """Return a run's files with its figures and its report, the same as `report` makes from the written folder."""
    run = SavedRun.of_contents(contents, record)
    figures = figure_files(run)
    return {**contents, **figures, "report.html": page(run, figures)}


def page(run: SavedRun, figures: Mapping[str, str] | None = None) -> str:
    """Return the HTML document of a run; its figures are drawn anew unless they are given."""
    figures = figure_files(run) if figures is None else figures
    findings = Findings(run)
    environment = _environment()
    numbers = {"Table": count(1), "Figure": count(1)}
    shared = {
        "f": findings,
        "study": findings.study,
        "number": lambda kind: f"{kind} {next(numbers[kind])}",
        "figure_svg": lambda name: _inline(name, figures),
    }
    shown = [section for section in SECTIONS if run.has(*section.needs)]
    bodies = [
        {
            "id": section.id,
            "title": section.title,
            "body": environment.get_template(f"{section.id}.html.j2").render(shared | section.context(findings)),
        }
        for section in shown
    ]
    return environment.get_template("page.html.j2").render(shared, sections=bodies, css=_text("style.css"))


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("hikibayes.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    names = ("number", "bounded", "value", "interval", "probability", "percent", "bayes_factor", "stated")
    environment.filters |= {f"apa_{name}": getattr(apa, name) for name in names}
    environment.filters["as_printed"] = apa.as_printed
    environment.globals |= {"interval": apa.interval}
    return environment


def _text(name: str) -> Markup:
    from markupsafe import Markup

    return Markup((files("hikibayes.reporting") / "templates" / name).read_text(encoding="utf-8"))


def _inline(name: str, figures: Mapping[str, str]) -> Markup:
    """Return a figure as an SVG element whose ids are its own: several figures share one document."""
    from markupsafe import Markup

    svg = figures[f"figures/{name}.svg"]
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid=")', rf"\1{name}-", svg)
    svg = re.sub(r'((?:xlink:href="|url\()#)', rf"\1{name}-", svg)
    return Markup(svg)
