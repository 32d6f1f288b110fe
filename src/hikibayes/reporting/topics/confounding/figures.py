"""Figures of unmeasured confounding, from the tables of `hikibayes.robustness.confounding`."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ....apa import bounded
from ....arrays import FloatArray
from ....robustness.confounding.omitted import Strength, adjusted_estimate
from ....study.study import Estimand, Study
from ....study.wording import estimand_name, in_prose, term_name, term_of
from ...drawing import (
    FAINT,
    FOCAL,
    INK,
    LINES,
    MARKS,
    OTHER,
    PRINTED,
    REFERENCE,
    FigureOf,
    legend_above,
    new_axes,
    percentages,
)
from ...saved import SavedRun

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BENCHMARKS = 4
"""Covariates drawn into the contours: those of which the smallest multiple would explain the estimate away."""
LEGEND = 52
"""Letters of a legend's line."""
COLOURS = (FOCAL, REFERENCE, PRINTED, OTHER)


def _contours(run: SavedRun) -> Figure:
    study, bounds = run.study.read(), run.about_focal("confounding_bounds")
    table = run.about_focal("confounding")
    row = table[table["basis"] == "data_sets"].iloc[0]
    bounds = bounds[(bounds["basis"] == "data_sets") & bounds["r2_treatment"].notna()]
    nearest = bounds.groupby("benchmark")["breaks_at"].first().astype(float).nsmallest(BENCHMARKS).index
    bounds = bounds[bounds["benchmark"].isin(nearest)]
    reach = [float(max([1.6 * row["rv"], *(1.1 * bounds[name])])) for name in ("r2_treatment", "r2_outcome")]
    figure, (ax,) = new_axes(4.4)
    x, y = (np.linspace(0, min(limit, 0.98), 120) for limit in reach)
    left = adjusted_estimate(row["estimate"], row["se"], row["df"], Strength(*np.meshgrid(x, y)))
    lines = ax.contour(x, y, left * np.sign(row["estimate"]), levels=_levels(row), colors=[FAINT], linewidths=0.8)
    ax.clabel(lines, fmt=bounded, fontsize=7.5)
    zero = ax.contour(x, y, left, levels=[0], colors=[INK], linewidths=1.8)
    ax.clabel(zero, fmt=lambda _: "nothing left", fontsize=8)
    for name, colour in zip(nearest, COLOURS, strict=False):
        own = bounds[bounds["benchmark"] == name]
        ax.plot(own["r2_treatment"], own["r2_outcome"], color=colour, lw=0.9, ls=LINES[colour])
        label = fill(f"as strong as {term_name(study, str(name))}, {_multiples(own)}", LEGEND)
        mark = MARKS[colour]
        ax.plot(own["r2_treatment"], own["r2_outcome"], mark, color=colour, ms=5.5, mec="white", mew=0.7, label=label)
    if len(nearest):
        legend_above(figure, fontsize=7.5, handletextpad=0.2)
    percentages(ax.xaxis)
    percentages(ax.yaxis)
    ax.set_xlabel(f"explained of what is left of\n{_treatment_name(study, study.focal_estimand)}")
    ax.set_ylabel(f"explained of what is left of {in_prose(study.measure(study.analysis.outcome).label)}")
    return figure


def _levels(row: pd.Series) -> FloatArray:
    """Return round sizes of what is left, below the estimate and beyond 0."""
    size = abs(float(row["estimate"]))
    step = next(step for step in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0) if size / step < 7 or step == 2.0)
    levels = step * np.arange(-20, np.ceil(size / step))
    return np.asarray(levels[np.abs(levels) > step / 2])


def _multiples(own: pd.DataFrame) -> str:
    return ", ".join(f"{k:g}" for k in own["k"]) + " times"


def _treatment_name(study: Study, estimand: Estimand) -> str:
    return term_name(study, term_of(study, estimand))


def _survival(run: SavedRun) -> Figure:
    study, table = run.study.read(), run.table("confounding_strengths")
    shown, focal = list(dict.fromkeys(table["estimand"]))[:4], study.focal_estimand.name
    shown = shown if focal in shown else [focal, *shown[:3]]
    figure, (ax,) = new_axes(2.9)
    for name, colour in zip(shown, _colours_for(study, shown), strict=False):
        own = table[table["estimand"] == name]
        label = fill(estimand_name(study, study.estimand(name), brief=True), LEGEND)
        ax.plot(own["strength"], own["p_same_sign"], color=colour, lw=2, ls=LINES[colour], label=label)
    ax.axhline(0.5, color=FAINT, lw=0.7, zorder=0)
    ax.axhline(0.975, color=FAINT, lw=0.7, ls=(0, (2, 3)), zorder=0)
    gone = table[table["p_same_sign"] < 0.001].groupby("estimand")["strength"].min()
    ax.set_xlim(0, min(1.0, 1.1 * float(gone.max() if len(gone) else 1.0)))
    ax.set_ylim(0, 1.02)
    percentages(ax.xaxis)
    ax.set_xlabel("explained by a confounder, of what is left of both")
    ax.set_ylabel("probability that the sign stays")
    legend_above(figure)
    return figure


def _colours_for(study: Study, names: list[str]) -> list[str]:
    others = iter((REFERENCE, PRINTED, OTHER))
    return [FOCAL if name == study.focal_estimand.name else next(others) for name in names]


FIGURES = {
    "confounding": FigureOf(needs=("study.json", "confounding", "confounding_bounds"), draw=_contours),
    "confounding_strengths": FigureOf(needs=("study.json", "confounding_strengths"), draw=_survival),
}
