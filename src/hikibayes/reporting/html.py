"""The report of a run: one HTML file that needs nothing else, made from the run's saved files alone.

A report is told topic by topic (`topics`); a topic is left out where the run has not the files it needs. A run without
any main topic has a plain page: its tables and figures, and what the plain topics say.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from .. import apa
from ..folders import REPORT
from ..provenance import RunRecord
from ..spec import InputError
from .drawing import ROLES
from .findings import Findings
from .saved import SavedRun
from .tables import cell_text
from .topic import Topic
from .topics import TOPICS, figure_files

if TYPE_CHECKING:
    from jinja2 import Environment, Template
    from markupsafe import Markup


class Report(str):
    """An HTML document that stands for itself in a notebook, and says what it is at a prompt."""

    figures: Mapping[str, str]
    """Its figures, drawn anew, by file name."""

    def __repr__(self) -> str:
        return f"Report: {len(self):,} characters of HTML; write it to a file, or show it in a notebook"

    def _repr_html_(self) -> str:
        return str(self)


def report(folder: str | Path) -> Report:
    """Make the report of a run folder anew, from its saved files alone.

    Parameters
    ----------
    folder : str or Path
        What a run has written.

    Returns
    -------
    Report
        A text: a self-contained HTML document.

    Raises
    ------
    InputError
        The folder is none that a run has written, or a file of it is missing or damaged.
    """
    run = SavedRun.of_folder(folder := Path(folder))
    try:
        figures = figure_files(run)
        made = Report(page(run, figures))
    except InputError:
        raise
    except Exception:
        # half a table can still be a table: what it lacks shows when something looks for it
        if spoilt := [name for name, text in run.texts.items() if _is_spoilt(text, run.record.outputs.get(name))]:
            raise InputError(
                "is not what the run had written; no report can be made of it", source=folder / spoilt[0]
            ) from None
        raise
    made.figures = figures
    return made


def _is_spoilt(text: str, digest: str | None) -> bool:
    return digest is not None and hashlib.sha256(text.encode()).hexdigest() != digest


def with_report(contents: Mapping[str, Any], record: RunRecord) -> dict[str, Any]:
    """Return a run's files with its figures and its report, the same as `report` makes from the written folder."""
    run = SavedRun.of_contents(contents, record)
    figures = figure_files(run)
    return {**contents, **figures, REPORT: page(run, figures)}


def page(run: SavedRun, figures: Mapping[str, str]) -> str:
    """Return the HTML document of a run with its figures, as `figure_files` draws them."""
    findings = Findings(run)
    topics = [topic for topic in TOPICS if findings.has(*topic.needs)]
    if not any(topic.main for topic in topics):
        return _plain_page(findings, [topic for topic in topics if topic.plain], figures)
    numbers = {"Table": count(1), "Figure": count(1)}
    shared = {
        "f": findings,
        "study": findings.study,
        "heading": findings.heading,
        "told": {topic.id for topic in topics},
        "number": lambda kind: f"{kind} {next(numbers[kind])}",
        "figure_svg": lambda name, shows: _inline(name, figures, shows),
    }
    sections = _sections(topics, findings, shared)
    return _environment().get_template("page.html.j2").render(shared, sections=sections, css=_text("style.css"))


def _sections(topics: Iterable[Topic], findings: Findings, shared: Mapping[str, Any]) -> list[dict[str, str]]:
    """Render the topics that have something to say."""
    told = ((topic, topic.context(findings)) for topic in topics)
    return [
        {"id": topic.id, "title": topic.title, "body": _template(topic).render({**shared, **context})}
        for topic, context in told
        if context is not None
    ]


POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
"""What a browser lets a report do: nothing but be seen."""
MOST_ROWS = 200
"""A longer table is cut in a plain report; its file has the rest."""
DATA_SET = re.compile(r"dataset-\d+")


def _plain_page(findings: Findings, topics: Sequence[Topic], drawn: Mapping[str, str]) -> str:
    """Return the tables, figures and failed checks of a run, and what plain topics say of it."""
    run = findings.run
    names = sorted(name.removesuffix(".csv") for name in run.texts if name.endswith(".csv"))
    names = [name for name in names if not DATA_SET.fullmatch(name)]
    told = {name for topic in topics for name in topic.tells}
    tables = [
        {"name": name, "columns": list(table), "rows": _as_shown(table.head(MOST_ROWS)), "length": len(table)}
        for name, table in ((name, run.table(name)) for name in names if name not in told)
    ]
    # those drawn anew first, in their topics' order, which files in a folder do not have
    kept = {name: text for name, text in run.texts.items() if name.endswith(".svg") and name not in drawn}
    shown = {
        "run": run,
        "tables": tables,
        "failed": [row for name in names for row in _failed(run.table(name))],
        "figures": {name: _inline(name, drawn) for name in map(_stem, drawn)}
        | {_stem(p): _apart(p, kept) for p in kept},
        "data_sets": sum(bool(DATA_SET.fullmatch(name.removesuffix(".csv"))) for name in run.texts),
        "sections": _sections(topics, findings, {"f": findings}),
    }
    return _environment().get_template("plain.html.j2").render(shown, css=_text("style.css"))


def _as_shown(table: pd.DataFrame) -> list[list[str]]:
    return [[cell_text(value, str(name)) for name, value in row.items()] for row in table.to_dict("records")]


def _failed(table: pd.DataFrame) -> list[dict[Hashable, Any]]:
    """Return the checks of a table of diagnostics that did not pass."""
    if not {"check", "of", "value", "accepted", "ok"} <= set(table.columns):
        return []
    return table.loc[~table["ok"].astype(bool)].to_dict("records")


def _template(topic: Topic) -> Template:
    environment = _environment()
    own = topic.template
    return environment.from_string(own) if own else environment.get_template(f"{topic.id}.html.j2")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    here = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader([here / "templates", *sorted(path for path in (here / "topics").iterdir())]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    names = ("number", "bounded", "value", "interval", "probability", "percent", "bayes_factor", "stated", "plain")
    environment.filters |= {f"apa_{name}": getattr(apa, name) for name in names}
    environment.filters["as_printed"] = apa.as_printed
    environment.globals |= {"interval": apa.interval, "policy": POLICY}
    return environment


def _text(name: str) -> Markup:
    from markupsafe import Markup

    return Markup((Path(__file__).parent / "templates" / name).read_text(encoding="utf-8"))


def _apart(path: str, figures: Mapping[str, str]) -> Markup:
    """Return a figure that was found in the folder, as a picture: whatever else is in it does nothing there."""
    from markupsafe import Markup

    whole = base64.b64encode(figures[path].encode()).decode()
    return Markup('<img alt="{}" src="data:image/svg+xml;base64,{}">').format(_stem(path).replace("_", " "), whole)


def _stem(path: str) -> str:
    return Path(path).stem


def _inline(name: str, figures: Mapping[str, str], shows: str = "") -> Markup:
    """Return a figure as an SVG element in the page's colours whose ids are its own: several share one document."""
    from markupsafe import Markup, escape

    svg = figures[f"figures/{name}.svg"]
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid=")', rf"\1{name}-", svg)
    svg = re.sub(r'((?:xlink:href="|url\()#)', rf"\1{name}-", svg)
    for colour, role in ROLES.items():
        svg = svg.replace(colour, f"var(--{role})")
    described = escape(shows or name.replace("_", " "))
    return Markup(svg.replace("<svg", f'<svg role="img" aria-label="{described}"', 1))
