"""The report of a run: one HTML file that needs nothing else, made from the run's saved files alone.

A report is a list of sections. A section has a template of its own and a function that turns the saved tables into what
the template shows; it is left out where the run has not the files it needs. Adding a section is adding one to the list.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Hashable, Iterable, Mapping
from functools import cache
from importlib.resources import files
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from .. import apa
from ..folders import REPORT
from ..provenance import RunRecord
from ..spec import InputError
from .figures import figure_files
from .fit_words import fit_sentences
from .saved import SavedRun
from .sections import SECTIONS, Findings, Section, remark_rows
from .tables import cell_text

if TYPE_CHECKING:
    from jinja2 import Environment, Template
    from markupsafe import Markup

WITH_SECTIONS = ("reanalyze", "power", "priors", "imbalance", "confounding")
"""Verbs whose folders the sections are about; the others have a plain report of tables and figures."""

__all__ = ["Report", "page", "report", "with_report"]


class Report(str):
    """An HTML document that stands for itself in a notebook, and says what it is at a prompt."""

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
        return Report(page(run))
    except InputError:
        raise
    except Exception:
        # half a table can still be a table: what it lacks shows when something looks for it
        if spoilt := [name for name, text in run.texts.items() if _is_spoilt(text, run.record.outputs.get(name))]:
            raise InputError(
                "is not what the run had written; no report can be made of it", source=folder / spoilt[0]
            ) from None
        raise


def _is_spoilt(text: str, digest: str | None) -> bool:
    return digest is not None and hashlib.sha256(text.encode()).hexdigest() != digest


def with_report(contents: Mapping[str, Any], record: RunRecord) -> dict[str, Any]:
    """Return a run's files with its figures and its report, the same as `report` makes from the written folder."""
    run = SavedRun.of_contents(contents, record)
    figures = figure_files(run)
    return {**contents, **figures, REPORT: page(run, figures)}


def page(run: SavedRun, figures: Mapping[str, str] | None = None) -> str:
    """Return the HTML document of a run; its figures are drawn anew unless they are given."""
    if run.record.verb not in WITH_SECTIONS:
        return _plain_page(run, figures)
    figures = figure_files(run) if figures is None else figures
    findings = Findings(run)
    numbers = {"Table": count(1), "Figure": count(1)}
    shared = {
        "f": findings,
        "study": findings.study,
        "number": lambda kind: f"{kind} {next(numbers[kind])}",
        "figure_svg": lambda name: _inline(name, figures),
    }
    bodies = _bodies(SECTIONS, findings, shared)
    return _environment().get_template("page.html.j2").render(shared, sections=bodies, css=_text("style.css"))


def _bodies(sections: Iterable[Section], findings: Findings, shared: Mapping[str, Any]) -> list[dict[str, str]]:
    """Render the sections that a run has the files for."""
    shown = [section for section in sections if findings.has(*section.needs)]
    return [
        {"id": s.id, "title": s.title, "body": _template(s).render({**shared, **s.context(findings)})} for s in shown
    ]


MOST_ROWS = 200
"""A longer table is cut in a plain report; its file has the rest."""
RAW_ENDS = ("from_raw", "to_raw")
DATA_SET = re.compile(r"dataset-\d+")


BEHIND = ("effects", "effects_people", "prior_posterior", "residuals", "johnson_neyman_band", "estimates", "remarks")
"""Tables of a fit that its figures and sentences show."""


def _plain_page(run: SavedRun, drawn: Mapping[str, str] | None = None) -> str:
    """Return the tables, figures and failed checks of a run whose verb has no sections of its own."""
    names = sorted(name.removesuffix(".csv") for name in run.texts if name.endswith(".csv"))
    names = [name for name in names if not DATA_SET.fullmatch(name)]
    fitted = run.has("summary", "models.json", "study.json")
    tables = [
        {"name": name, "columns": list(table), "rows": _as_shown(table.head(MOST_ROWS)), "length": len(table)}
        for name, table in ((name, run.table(name)) for name in names if not (fitted and name in BEHIND))
    ]
    figures_of = drawn if drawn is not None else {**figure_files(run), **run.texts}
    failed = [row for name in names for row in _failed(run.table(name))]
    left_out = len([name for name in run.texts if DATA_SET.fullmatch(name.removesuffix(".csv"))])
    figures = [_inline(Path(name).stem, figures_of) for name in figures_of if name.endswith(".svg")]
    shown = {
        "run": run,
        "tables": tables,
        "failed": failed,
        "figures": figures,
        "data_sets": left_out,
        "understood": fit_sentences(run) if fitted else {},
        "sections": _bodies([section for section in SECTIONS if section.everywhere], Findings(run), {}),
        "remarks": remark_rows(run.table("remarks")) if run.has("remarks") else [],
        "unanswered": _unanswered(run.table("estimates")) if run.has("estimates") else [],
        "regions": _regions(run.table("johnson_neyman")) if run.has("johnson_neyman") else [],
    }
    return _environment().get_template("plain.html.j2").render(shown, css=_text("style.css"))


def _as_shown(table: pd.DataFrame) -> list[list[str]]:
    return [[cell_text(value, str(name)) for name, value in row.items()] for row in table.to_dict("records")]


def _failed(table: pd.DataFrame) -> list[dict[Hashable, Any]]:
    """Return the checks of a table of diagnostics that did not pass."""
    if not {"check", "of", "value", "accepted", "ok"} <= set(table.columns):
        return []
    return table.loc[~table["ok"].astype(bool)].to_dict("records")


def _unanswered(estimates: pd.DataFrame) -> list[dict[str, str]]:
    """Return the estimands of a fit that no engine answered, those with the same reason together."""
    if "note" not in estimates:
        return []
    found = estimates[estimates["note"].notna()].groupby("note", sort=False)["estimand"]
    return [{"estimands": ", ".join(map(str, own)), "why": str(why)} for why, own in found]


def _regions(table: pd.DataFrame) -> list[str]:
    """Say where along each moderator the groups differ (a Johnson-Neyman region), by its widest interval."""
    if not {"moderator", "ci_prob", "sign", "from", "to", "from_raw", "to_raw"} <= set(table.columns):
        return []
    widest = table[table["ci_prob"] == table["ci_prob"].max()]
    return [_region(row) for row in widest.to_dict("records")]


def _region(row: Mapping[Hashable, Any]) -> str:
    interval = f"{100 * row['ci_prob']:g}% interval of {row.get('effect', 'the groups’ gap')}"
    if not row["sign"]:
        return f"{row['moderator']}: nowhere in the range looked at does the {interval} exclude 0"
    ends, raw = (f"{apa.number(row[low])} to {apa.number(row[high])}" for low, high in (("from", "to"), RAW_ENDS))
    side = "above" if row["sign"] > 0 else "below"
    return f"{row['moderator']}: the {interval} lies {side} 0 from {ends} SD ({raw} in its own unit)"


def _template(section: Section) -> Template:
    environment = _environment()
    own = section.template
    return environment.from_string(own) if own else environment.get_template(f"{section.id}.html.j2")


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
    names = ("number", "bounded", "value", "interval", "probability", "percent", "bayes_factor", "stated", "plain")
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
