"""Figures of the answers: estimates against the print, slopes by group, explained variance, readings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ....estimands import KINDS
from ....study.study import Estimand, Study
from ....study.wording import estimand_name, estimand_noun, group_name, in_prose, step_name
from ...drawing import (
    FAINT,
    FOCAL,
    INK,
    LINES,
    MARKS,
    OF_GROUPS,
    PRINTED,
    REFERENCE,
    FigureOf,
    draw_span,
    legend_above,
    new_axes,
    plain_ticks,
    row_axes,
)
from ...saved import SavedRun, records

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def _answer_rows(run: SavedRun) -> dict[str, dict[str, Any]]:
    """Return the rows of the published table by estimand."""
    return {row["estimand"]: row for row in records(run.table("published"))}


def _published(run: SavedRun) -> Figure:
    study, table = run.study, _answer_rows(run)
    shown = [e for e in study.estimands if e.unit]
    names = [estimand_name(study, e, brief=True) for e in shown]
    figure, ax = row_axes(names, "SD of the outcome per SD" + " (per group)" * bool(study.groups), height=0.36)
    _beside_print(ax, [table[e.name] for e in shown])
    plain_ticks(ax.xaxis)
    return figure


def _beside_print(ax: Axes, rows: Sequence[Mapping[str, Any]], colour: str = INK) -> None:
    """Draw posteriors, least squares as a bar, and the printed number as a diamond."""
    for i, row in enumerate(rows):
        draw_span(ax, -i, row, colour)
        ax.plot(row["ols"], -i, "|", color=INK, ms=11, mew=1.2)
        if pd.notna(row["printed_low"]):
            middle = (row["printed_low"] + row["printed_high"]) / 2
            ax.plot(middle, -i, "D", mfc="none", mec=PRINTED, ms=8, mew=1.3)


def _conditional(run: SavedRun) -> Figure:
    study, table = run.study, run.table("conditional_effects")
    analysis = study.analysis
    outcome, focal = study.measure(analysis.outcome), study.measure(analysis.focal)
    people = run.table("dataset-0001")
    figure, (ax,) = new_axes(3.3)
    jitter = np.random.default_rng(0).uniform(-0.09, 0.09, (2, len(people)))
    x, y = (_z(people[name]) + shift for name, shift in zip((focal.id, outcome.id), jitter, strict=True))
    for group, colour in zip(study.group_names or ("",), cycle(OF_GROUPS)):
        mine = people[analysis.group] == group if group else np.ones(len(people), dtype=bool)
        ax.plot(x[mine], y[mine], MARKS[colour], color=colour, ms=3, alpha=0.35, mew=0)
        own = table[(table["group"].fillna("") == group) & table["value"].between(x.min(), x.max())]
        ax.fill_between(own["value"], own["lower"], own["upper"], color=colour, alpha=0.18, lw=0)
        name, mark = group_name(study, group), MARKS[colour]
        ax.plot(own["value"], own["mean"], color=colour, lw=2, ls=LINES[colour])
        ax.plot([], [], mark, color=colour, lw=2, ls=LINES[colour], ms=4, label=name)
    ax.legend(loc="upper left", frameon=False, ncols=2, bbox_to_anchor=(0, 1.13), borderaxespad=0)
    ax.set_xlabel(f"{in_prose(focal.label)} (SD)")
    ax.set_ylabel(f"{in_prose(outcome.label)} (SD)")
    return figure


def _z(column: pd.Series[Any]) -> pd.Series[Any]:
    return (column - column.mean()) / column.std(ddof=1)


def _johnson_neyman(run: SavedRun) -> Figure:
    study, table = run.study, run.table("johnson_neyman")
    figure, (ax,) = new_axes(2.7)
    apart = (table["lower"] > 0) | (table["upper"] < 0)
    ax.axhline(0, color=FAINT, lw=0.8)
    ax.fill_between(table["value"], table["lower"], table["upper"], color=FAINT, alpha=0.25, lw=0)
    ax.fill_between(table["value"], table["lower"], table["upper"], where=apart, color=FOCAL, alpha=0.25, lw=0)
    ax.plot(table["value"], table["mean"], color=INK, lw=2)
    ax.set_xlabel(f"{in_prose(study.measure(study.analysis.focal).label)} (SD)")
    ax.set_ylabel(f"difference in {in_prose(study.measure(study.analysis.outcome).label)} (SD)")
    return figure


def _shares(run: SavedRun) -> list[Estimand]:
    return [estimand for estimand in run.study.estimands if not KINDS[estimand.kind].scenarios]


def _has_shares(run: SavedRun) -> bool:
    return bool(_shares(run))


def _explained(run: SavedRun) -> Figure:
    study, table, shown = run.study, _answer_rows(run), _shares(run)
    labels = [f"{'ΔR²' if KINDS[e.kind].beyond else 'R²'}, {step_name(study, e.step)}" for e in shown]
    figure, ax = row_axes(labels, "share of the outcome's variance")
    _beside_print(ax, [table[e.name] for e in shown], REFERENCE)
    plain_ticks(ax.xaxis)
    return figure


SPREADS = (
    ("sd_within", "within a data set", INK),
    ("sd_between", "between data sets", FOCAL),
    ("sd_readings", "between readings", PRINTED),
)


def _spread(run: SavedRun) -> Figure:
    study, table = run.study, _answer_rows(run)
    shown = list(study.estimands)
    figure, ax = row_axes([estimand_name(study, e, brief=True) for e in shown], "standard deviation")
    for i, estimand in enumerate(shown):
        row = table[estimand.name]
        values = [row[name] for name, *_ in SPREADS if pd.notna(row[name])]
        ax.plot([0, max(values, default=0)], [-i, -i], color=FAINT, lw=0.7, zorder=0)
        for name, _, colour in SPREADS:
            ax.plot(row[name], -i, MARKS[colour], color=colour, ms=5.5, mec="white", mew=0.7)
    for _, label, colour in SPREADS:
        ax.plot([], [], MARKS[colour], color=colour, label=label)
    legend_above(figure, 3, handletextpad=0, columnspacing=0.6)
    ax.set_xlim(left=0)
    return figure


def _readings(run: SavedRun) -> Figure:
    study, table = run.study, run.table("readings")
    focal = study.focal_estimand
    table = table[table["estimand"] == focal.name].reset_index(drop=True)
    table = table[~(table["is_default"] & table["is_default"].duplicated())]
    labels = [_reading_label(study, row) for row in table.to_dict("records")]
    figure, ax = row_axes(labels, estimand_noun(study, focal, brief=True))
    for i, row in enumerate(records(table)):
        draw_span(ax, -i, row, FOCAL if row["is_default"] else INK)
    plain_ticks(ax.xaxis)
    return figure


def _reading_label(study: Study, row: Mapping[Any, Any]) -> str:
    if row["is_default"]:
        return "every reading by its default"
    reading = next(each for each in study.readings if each.id == row["reading"])
    return reading.options[row["option"]].meaning


PUBLISHED = {"published": FigureOf(needs=("study.json", "published"), draw=_published)}
EFFECTS = {
    "conditional_effects": FigureOf(needs=("study.json", "conditional_effects", "dataset-0001"), draw=_conditional),
    "johnson_neyman": FigureOf(needs=("study.json", "published", "johnson_neyman"), draw=_johnson_neyman),
}
EXPLAINED = {"explained": FigureOf(needs=("study.json", "published"), draw=_explained, only_if=_has_shares)}
SPREAD = {"spread": FigureOf(needs=("study.json", "published"), draw=_spread)}
READINGS = {"readings": FigureOf(needs=("study.json", "readings"), draw=_readings)}
