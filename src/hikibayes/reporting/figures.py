"""Figures of a run, as SVG with real text, the same bytes for the same tables.

Each is drawn from the run's saved tables alone. They are narrow enough for a phone; labels stand in the figure, above
what they name, so that nothing has to be decoded from a legend.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..apa import bounded
from ..estimands import KINDS
from ..study.wording import estimand_name, group_name, in_prose, step_name
from .saved import SavedRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["FIGURES", "FigureOf", "as_svg", "draw", "figure_files"]

WIDTH = 4.1
"""Inches: a phone shows this at nearly its own size, so that the text stays as large as it is."""
REFERENCE, FOCAL, INK, FAINT, PRINTED = "#41668f", "#c2532f", "#22262b", "#8b929b", "#8a6d1d"
STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.unicode_minus": True,
    "axes.linewidth": 0.8,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "text.color": INK,
    "figure.constrained_layout.use": True,
}


@dataclass(frozen=True, kw_only=True)
class FigureOf:
    """A figure: which tables it needs, and what draws it."""

    needs: tuple[str, ...]
    draw: Callable[[SavedRun], Figure]
    only_if: Callable[[SavedRun], bool] = lambda _: True
    """Asked of runs that have the tables."""

    def wanted(self, run: SavedRun) -> bool:
        """Tell whether a run has what the figure shows."""
        return run.has(*self.needs) and self.only_if(run)


def draw(figure: FigureOf, run: SavedRun) -> str:
    """Return a figure of a run as SVG."""
    return as_svg(lambda: figure.draw(run), transparent=True, **STYLE)


def as_svg(make: Callable[[], Figure], *, transparent: bool = False, **style: Any) -> str:
    """Return what a function draws as SVG, the same bytes for the same drawing.

    Parameters
    ----------
    make : callable
        Draws the figure.
    transparent : bool
        Leave the background out.
    **style
        Matplotlib's settings.
    """
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    settings: Any = {"svg.hashsalt": "hikibayes", **style}
    with mpl.rc_context(settings):
        drawn = make()
        text = io.StringIO()
        drawn.savefig(text, format="svg", transparent=transparent, metadata={"Date": None, "Creator": None})
        plt.close(drawn)
    return _shortened(text.getvalue())


def _shortened(svg: str) -> str:
    """Cut coordinates off where nobody sees more: at a tenth of a point, or a hundredth below 10."""

    def cut(found: re.Match[str]) -> str:
        numbers = re.sub(r"(\d\d\.\d|\.\d\d)\d+", r"\1", found[2])
        return f' {found[1]}="{re.sub(r"\s*([A-Za-z])\s*", r"\1", numbers)}"'

    return re.sub(r' (d|x|y)="([^"]*)"', cut, svg)


def figure_files(run: SavedRun) -> dict[str, str]:
    """Return every figure that a run has the tables for, by file name."""
    from .figures_doubts import DOUBT_FIGURES
    from .figures_fit import FIT_FIGURES
    from .figures_planning import PLANNING_FIGURES
    from .figures_priors import PRIOR_FIGURES

    every = FIT_FIGURES if run.record.verb == "fit" else FIGURES | PRIOR_FIGURES | DOUBT_FIGURES | PLANNING_FIGURES
    return {f"figures/{name}.svg": draw(figure, run) for name, figure in every.items() if figure.wanted(run)}


# -- what they have in common ---------------------------------------------------------------------------------------


def _axes(height: float, rows: int = 1) -> tuple[Figure, list[Axes]]:
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(rows, 1, figsize=(WIDTH, height), squeeze=False, sharex=rows > 1)
    return figure, list(axes[:, 0])


def _rows(labels: list[str], x_label: str, *, zero: bool = True) -> tuple[Figure, Axes]:
    """Make axes for a list of things, first on top, each under its own label; row i lies at y = -i."""
    figure, (ax,) = _axes(0.75 + 0.42 * len(labels))
    ax.set_ylim(-len(labels) + 0.45, 0.75)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    for i, label in enumerate(labels):
        text = ax.text(0, -i + 0.22, label, transform=ax.get_yaxis_transform(), va="bottom", ha="left", fontsize=8.5)
        text.set_in_layout(False)
        if zero:
            # a line through the whole figure would run through the labels
            ax.plot([0, 0], [-i - 0.2, -i + 0.17], color=FAINT, lw=0.8, zorder=0)
    ax.set_xlabel(x_label)
    return figure, ax


def _span(ax: Axes, y: float, row: Mapping[str, Any], colour: str = INK) -> None:
    """Draw an estimate: its 95 % interval, and a point at the mean."""
    ax.plot([row["lower"], row["upper"]], [y, y], color=colour, lw=2.2, solid_capstyle="butt")
    ax.plot(row["mean"], y, "o", color=colour, ms=5.5, mec="white", mew=0.8)


def _plain_ticks(axis: Any) -> None:
    from matplotlib.ticker import FuncFormatter

    def text(x: float, _: int) -> str:
        return bounded(x).rstrip("0") if abs(x) > 1e-9 else "0"

    axis.set_major_formatter(FuncFormatter(text))


def _answer_rows(run: SavedRun) -> dict[str, dict[str, Any]]:
    """Return the rows of the published table by estimand."""
    return {row["estimand"]: _named(row) for row in run.table("published").to_dict("records")}


def _named(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}


# -- the figures ----------------------------------------------------------------------------------------------------


def _published(run: SavedRun) -> Figure:
    study, table = run.study, _answer_rows(run)
    shown = [e for e in study.estimands if e.unit]
    figure, ax = _rows([estimand_name(study, e, brief=True) for e in shown], "SD of the outcome per SD (per group)")
    for i, estimand in enumerate(shown):
        row = table[estimand.name]
        _span(ax, -i, row)
        ax.plot(row["ols"], -i, "|", color=INK, ms=11, mew=1.2)
        if pd.notna(row["printed_low"]):
            middle = (row["printed_low"] + row["printed_high"]) / 2
            ax.plot(middle, -i, "D", mfc="none", mec=PRINTED, ms=8, mew=1.3)
    _plain_ticks(ax.xaxis)
    return figure


def _conditional(run: SavedRun) -> Figure:
    study, table = run.study, run.table("conditional_effects")
    analysis = study.analysis
    outcome, focal = study.measure(analysis.outcome), study.measure(analysis.focal)
    people = run.table("dataset-0001")
    figure, (ax,) = _axes(3.3)
    jitter = np.random.default_rng(0).uniform(-0.09, 0.09, (2, len(people)))
    x, y = (_z(people[name]) + shift for name, shift in zip((focal.id, outcome.id), jitter, strict=True))
    for group, colour in zip(study.group_ids, (REFERENCE, FOCAL), strict=True):
        mine = people[analysis.group] == group
        ax.plot(x[mine], y[mine], "o", color=colour, ms=3, alpha=0.35, mew=0)
        own = table[(table["group"] == group) & table["value"].between(x.min(), x.max())]
        ax.fill_between(own["value"], own["lower"], own["upper"], color=colour, alpha=0.18, lw=0)
        ax.plot(own["value"], own["mean"], color=colour, lw=2)
        ax.plot([], [], color=colour, lw=2, label=group_name(study, group))
    ax.legend(loc="upper left", frameon=False, ncols=2, bbox_to_anchor=(0, 1.13), borderaxespad=0)
    ax.set_xlabel(f"{in_prose(focal.label)} (SD)")
    ax.set_ylabel(f"{in_prose(outcome.label)} (SD)")
    return figure


def _z(column: pd.Series[Any]) -> pd.Series[Any]:
    return (column - column.mean()) / column.std(ddof=1)


def _johnson_neyman(run: SavedRun) -> Figure:
    study, table = run.study, run.table("johnson_neyman")
    figure, (ax,) = _axes(2.7)
    apart = (table["lower"] > 0) | (table["upper"] < 0)
    ax.axhline(0, color=FAINT, lw=0.8)
    ax.fill_between(table["value"], table["lower"], table["upper"], color=FAINT, alpha=0.25, lw=0)
    ax.fill_between(table["value"], table["lower"], table["upper"], where=apart, color=FOCAL, alpha=0.25, lw=0)
    ax.plot(table["value"], table["mean"], color=INK, lw=2)
    ax.set_xlabel(f"{in_prose(study.measure(study.analysis.focal).label)} (SD)")
    ax.set_ylabel(f"gap in {in_prose(study.measure(study.analysis.outcome).label)} (SD)")
    return figure


def _explained(run: SavedRun) -> Figure:
    study, table = run.study, _answer_rows(run)
    shown = [e for e in study.estimands if not KINDS[e.kind].scenarios]
    labels = [f"{'ΔR²' if KINDS[e.kind].beyond else 'R²'}, {step_name(study, e.step)}" for e in shown]
    figure, ax = _rows(labels, "share of the outcome's variance")
    for i, estimand in enumerate(shown):
        row = table[estimand.name]
        _span(ax, -i, row, REFERENCE)
        ax.plot(row["ols"], -i, "|", color=INK, ms=12, mew=1.4)
        if pd.notna(row["printed_low"]):
            middle = (row["printed_low"] + row["printed_high"]) / 2
            ax.plot(middle, -i, "D", mfc="none", mec=PRINTED, ms=8, mew=1.3)
    _plain_ticks(ax.xaxis)
    return figure


SPREADS = (
    ("sd_within", "within a data set", INK, "o"),
    ("sd_between", "between data sets", FOCAL, "s"),
    ("sd_readings", "between readings", PRINTED, "D"),
)


def _spread(run: SavedRun) -> Figure:
    study, table = run.study, _answer_rows(run)
    shown = list(study.estimands)
    figure, ax = _rows([estimand_name(study, e, brief=True) for e in shown], "standard deviation")
    for i, estimand in enumerate(shown):
        row = table[estimand.name]
        values = [row[name] for name, *_ in SPREADS if pd.notna(row[name])]
        ax.plot([0, max(values, default=0)], [-i, -i], color=FAINT, lw=0.7, zorder=0)
        for name, _, colour, marker in SPREADS:
            ax.plot(row[name], -i, marker, color=colour, ms=5.5, mec="white", mew=0.7)
    for _, label, colour, marker in SPREADS:
        ax.plot([], [], marker, color=colour, label=label)
    figure.legend(loc="outside upper left", frameon=False, ncols=3, fontsize=8, handletextpad=0, columnspacing=0.6)
    ax.set_xlim(left=0)
    return figure


def _readings(run: SavedRun) -> Figure:
    study, table = run.study, run.table("readings")
    focal = study.focal_estimand
    table = table[table["estimand"] == focal.name].reset_index(drop=True)
    table = table[~(table["is_default"] & table["is_default"].duplicated())]
    labels = [_reading_label(row) for row in table.to_dict("records")]
    name = estimand_name(study, focal, brief=True)
    figure, ax = _rows(labels, name[0].lower() + name[1:])
    for i, row in enumerate(table.to_dict("records")):
        _span(ax, -i, _named(row), FOCAL if row["is_default"] else INK)
    _plain_ticks(ax.xaxis)
    return figure


def _reading_label(row: Mapping[Any, Any]) -> str:
    if row["is_default"]:
        return "every reading by its default"
    return f"{row['reading'].replace('_', ' ')}: {row['option'].replace('_', ' ')}"


def _posterior_predictive(run: SavedRun) -> Figure:
    study, table = run.study, run.table("posterior_predictive")
    low, high = study.measure(study.analysis.outcome).limits
    figure, axes = _axes(3.8, rows=2)
    for ax, group, colour in zip(axes, study.group_ids, (REFERENCE, FOCAL), strict=True):
        own = _finite(table[table["group"] == group])
        middle = (own["low"] + own["high"]) / 2
        ax.bar(middle, own["observed"], width=(own["high"] - own["low"]) * 0.92, color=colour, alpha=0.3, lw=0)
        ax.vlines(middle, own["lower"], own["upper"], color=INK, lw=1.6)
        ax.plot(middle, own["mean"], "o", color=INK, ms=4, mec="white", mew=0.6)
        for limit in (low, high):
            ax.axvline(limit, color=FAINT, lw=0.8, ls=(0, (3, 3)), zorder=0)
        ax.set_ylabel("share")
        ax.set_title(group_name(study, group), loc="left", fontsize=9, color=colour)
    axes[-1].set_xlabel(f"{in_prose(study.measure(study.analysis.outcome).label)}")
    return figure


def _finite(table: pd.DataFrame) -> pd.DataFrame:
    """Give the two open bins beyond the scale the width of their neighbours."""
    table = table.astype({"low": float, "high": float}).copy()
    width = float((table["high"] - table["low"]).replace(np.inf, np.nan).median())
    low = table["low"].where(np.isfinite(table["low"]), table["high"] - width)
    high = table["high"].where(np.isfinite(table["high"]), table["low"] + width)
    return table.assign(low=low, high=high)


def _engines(run: SavedRun) -> Figure:
    study, table = run.study, run.table("agreement")
    shown = list(dict.fromkeys(table["estimand"]))
    names = {estimand.name: estimand_name(study, estimand, brief=True) for estimand in study.estimands}
    figure, ax = _rows([names.get(name, name) for name in shown], "NUTS − exact, in Monte Carlo errors")
    ax.axvspan(-2, 2, color=FAINT, alpha=0.15, lw=0)
    for i, name in enumerate(shown):
        own = table[table["estimand"] == name]
        ax.plot(own["z"], np.full(len(own), -i), "o", color=REFERENCE, ms=4.5, alpha=0.55, mew=0)
    reach = max(3.5, float(table["z"].abs().max()) * 1.1)
    ax.set_xlim(-reach, reach)
    return figure


FIGURES: dict[str, FigureOf] = {
    "published": FigureOf(needs=("study.json", "published"), draw=_published),
    "conditional_effects": FigureOf(needs=("study.json", "conditional_effects", "dataset-0001"), draw=_conditional),
    "johnson_neyman": FigureOf(needs=("study.json", "johnson_neyman"), draw=_johnson_neyman),
    "explained": FigureOf(needs=("study.json", "published"), draw=_explained),
    "spread": FigureOf(needs=("study.json", "published"), draw=_spread),
    "readings": FigureOf(needs=("study.json", "readings"), draw=_readings),
    "posterior_predictive": FigureOf(needs=("study.json", "posterior_predictive"), draw=_posterior_predictive),
    "engines": FigureOf(needs=("study.json", "agreement"), draw=_engines),
}
"""Every figure, in the order of the report."""
