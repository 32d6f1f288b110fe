"""Figures of the limitations, from the tables of `hikibayes.robustness.limitations`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ....apa import bounded
from ....study.wording import everybody, group_name, in_prose, term_name
from ...drawing import (
    FAINT,
    FOCAL,
    INK,
    PRINTED,
    REFERENCE,
    FigureOf,
    legend_above,
    new_axes,
    percentages,
    plain_ticks,
    row_axes,
    ticks_at,
)
from ...saved import SavedRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure


STYLES = ((FOCAL, "-"), (REFERENCE, "--"), (PRINTED, "-."), (INK, ":"), (FAINT, "-"))
FACTORS = (1 / 20, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 20)
SHOWN = 4
RARE = 0.05
"""A variable that the rule chooses less often is not drawn."""
FINER = 80
"""Points along each side of the surface, between those that were evaluated."""
HIGHEST = 3.0
"""Times the answer without error to which the curves are shown: beyond, next to nothing of a score is true."""
PATTERNS = {
    "outcome": "the outcome",
    "focal": "the focal measure",
    "both": "both, the same way",
    "opposite": "both, opposite ways",
    "product": "their product",
}


def _panel(run: SavedRun) -> Figure:
    """Draw the answer over the odds ratio of taking part, in the group in which least of it can be left."""
    table = run.table("limitation_panel")
    side = np.sign(table["estimate"].iloc[0])
    who = str(table["who"][(side * table["estimate"]).idxmin()])
    own = table[table["who"] == who].sort_values("odds_ratio")
    lines = {words: own[own["pattern"] == pattern] for pattern, words in PATTERNS.items()}
    figure, ax = _lines(lines, "odds_ratio", "estimate", 3.4)
    _factors(ax, ax.xaxis)
    among = everybody(run.study) if who == "everybody" else group_name(run.study, who)
    ax.set_xlabel("odds ratio of taking part per SD" + f"\n({among})" * bool(among))
    ax.set_ylabel("answer among all who were asked")
    legend_above(figure, 2, fontsize=7.5, title="taking part depends on …")
    return figure


def _surface(run: SavedRun) -> Figure:
    from scipy.interpolate import RectBivariateSpline

    table = run.table("limitation_panel_surface")
    grid = table.pivot_table(index="odds_ratio_focal", columns="odds_ratio_outcome", values="estimate")
    figure, (ax,) = new_axes(3.6)
    x, y = grid.columns.to_numpy(dtype=float), grid.index.to_numpy(dtype=float)
    fine_x, fine_y = (np.linspace(np.log(v[0]), np.log(v[-1]), FINER) for v in (x, y))
    left = RectBivariateSpline(np.log(y), np.log(x), grid.to_numpy())(fine_y, fine_x)
    lines = ax.contour(np.exp(fine_x), np.exp(fine_y), left, levels=6, colors=[FAINT], linewidths=0.9)
    ax.clabel(lines, fmt=bounded, fontsize=7.5)
    if left.min() < 0 < left.max():
        zero = ax.contour(np.exp(fine_x), np.exp(fine_y), left, levels=[0], colors=[INK], linewidths=1.8)
        ax.clabel(zero, fmt=lambda _: "nothing left", fontsize=8)
    ax.plot(1, 1, "o", color=FOCAL, ms=6, mec="white")
    ax.annotate("as published", (1, 1), xytext=(0, 7), textcoords="offset points", ha="center", fontsize=8)
    for axis in (ax.xaxis, ax.yaxis):
        _factors(ax, axis)
    study = run.study.read()
    who, analysis = str(table["who"].iloc[0]), study.analysis
    ax.set_xlabel(f"odds ratio per SD of {term_name(study, analysis.outcome)}")
    ax.set_ylabel(f"… of {term_name(study, analysis.focal)}" if analysis.focal else "… of the other measure")
    ax.set_title(f"taking part in the {group_name(study, who)}" if who != "everybody" else "", fontsize=8.5, loc="left")
    return figure


def _reliability(run: SavedRun) -> Figure:
    table = run.table("limitation_measurement_curves").dropna(subset=["estimate"])
    study = run.study.read()
    reach = table[table["group"].isna()].groupby("measure")["estimate"].agg(np.ptp)
    shown = [(str(name), "") for name in reach.nlargest(2).index]
    shown += [
        (str(m), str(g)) for m, g in table[["measure", "group"]].dropna().drop_duplicates().itertuples(index=False)
    ]
    lines = {
        term_name(study, measure) + (f"\nin the {group_name(study, group)}" if group else ""): table[
            (table["measure"] == measure) & (table["group"].fillna("") == group)
        ]
        for measure, group in shown[:SHOWN]
    }
    figure, ax = _lines(lines, "reliability", "estimate", 3.4)
    plain = table.loc[table["reliability"] == 1, "estimate"].abs().max()
    low, high = ax.get_ylim()
    ax.set_ylim(max(low, -HIGHEST * plain), min(high, HIGHEST * plain))
    plain_ticks(ax.xaxis)
    ax.set_xlabel("reliability of that score")
    ax.set_ylabel("answer about true scores")
    legend_above(figure, fontsize=7.5)
    return figure


def _duration(run: SavedRun) -> Figure:
    table = run.table("limitation_duration_curve")
    words = {c: f"{bounded(float(c))} for each doubling" if c else "no change" for c in table["change"].unique()}
    figure, ax = _lines({words[c]: table[table["change"] == c] for c in words}, "duration", "slope", 3.2)
    beyond, study = float(table["beyond"].iloc[0]), run.study.read()
    ax.axvline(beyond, color=FAINT, lw=0.9, ls=(0, (4, 2)))
    ax.annotate(
        f"beyond {beyond:g}",
        (beyond, 0.93),
        xycoords=ax.get_xaxis_transform(),
        xytext=(4, 0),
        fontsize=8,
        textcoords="offset points",
    )
    measure = study.measure(str(table["measure"].iloc[0]))
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    ax.set_xlabel(in_prose(measure.label) + (f" ({measure.unit})" if measure.unit else ""))
    ax.set_ylabel("slope in that group (SD per SD)")
    legend_above(figure, 2, fontsize=7.5, title="assumed change of the slope")
    return figure


def _culture(run: SavedRun) -> Figure:
    table = run.table("limitation_culture")
    table = table[table["measure"] == table["measure"].iloc[0]]
    lines = {str(effect): own for effect, own in table.groupby("effect", sort=False)}
    figure, ax = _lines(lines, "shift", "estimate", 3.2)
    inside = table.loc[~table["extrapolated"], "shift"]
    for low, high in ((table["shift"].min(), inside.min()), (inside.max(), table["shift"].max())):
        if low < high:
            ax.axvspan(low, high, color=FAINT, alpha=0.2, lw=0)
    name = term_name(run.study, str(table["measure"].iloc[0]))
    ax.set_xlabel(f"mean of {name} elsewhere, in SD from the sample’s\n(grey: beyond the sample)")
    ax.set_ylabel("answer there")
    legend_above(figure, 3, fontsize=7.5, title="assumed effect of the level")
    return figure


def _variables(run: SavedRun) -> Figure:
    table, study = run.table("limitation_variables"), run.study.read()
    names = list(table.loc[table["chosen"] > RARE, "measure"].unique())
    figure, ax = row_axes([term_name(study, str(name)) for name in names], "share of simulated studies", zero=False)
    for slopes, colour, mark in (("as recorded", FOCAL, "o"), ("none differs", REFERENCE, "s")):
        own = table[table["slopes"] == slopes].set_index("measure").loc[names]
        y = -np.arange(len(names))
        ax.plot(own["found"], y, mark, color=colour, ms=6, mec="white", label=f"product found, slopes {slopes}")
        if mark == "o":
            ax.plot(own["chosen"], y, "|", color=INK, ms=9, mew=2, label="variable chosen")
    percentages(ax.xaxis)
    ax.set_xlim(-0.02, 1.02)
    legend_above(figure, fontsize=7.5)
    return figure


def _lines(lines: Mapping[str, pd.DataFrame], x: str, y: str, height: float) -> tuple[Figure, Axes]:
    """Draw a line for each table, by its name in the legend, over a line at 0."""
    figure, (ax,) = new_axes(height)
    for (words, own), (colour, dash) in zip(lines.items(), STYLES, strict=False):
        ax.plot(own[x], own[y], color=colour, ls=dash, lw=2, label=words)
    ax.axhline(0, color=INK, lw=0.9, zorder=0)
    plain_ticks(ax.yaxis)
    return figure, ax


def _factors(ax: Axes, axis: Axis) -> None:
    """Write odds ratios as factors, on a log axis."""
    (ax.set_xscale if axis is ax.xaxis else ax.set_yscale)("log")
    ticks_at(axis, FACTORS, lambda x: f"{x:g}" if x >= 1 else f"1/{1 / x:.0f}")


FIGURES = {
    "limitation_panel": FigureOf(needs=("study.json", "limitation_panel"), draw=_panel),
    "limitation_panel_surface": FigureOf(needs=("study.json", "limitation_panel_surface"), draw=_surface),
    "limitation_duration": FigureOf(needs=("study.json", "limitation_duration_curve"), draw=_duration),
    "limitation_culture": FigureOf(needs=("study.json", "limitation_culture"), draw=_culture),
    "limitation_variables": FigureOf(needs=("study.json", "limitation_variables"), draw=_variables),
    "limitation_measurement": FigureOf(needs=("study.json", "limitation_measurement_curves"), draw=_reliability),
}
