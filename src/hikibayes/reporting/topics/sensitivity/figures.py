"""Figures of prior sensitivity: the answer over every width and location of its prior, pooled, and in the next study.

Drawn from the tables of `hikibayes.robustness.priors` alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from ....apa import bounded
from ....arrays import FloatArray
from ....study.wording import estimand_noun, term_name
from ...drawing import (
    FAINT,
    FOCAL,
    INK,
    LINES,
    MARKS,
    REFERENCE,
    FigureOf,
    draw_span,
    legend_above,
    new_axes,
    plain_ticks,
    row_axes,
    ticks_at,
)
from ...saved import SavedRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


WIDTH_TICKS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16)
FACTORS = (1e-3, 0.01, 0.1, 1 / 3, 1, 3, 10, 100, 1e3, 1e4, 1e6)
SURE = 0.975
LEVELS = (0.5, 0.9, SURE, 0.99)
HEAVY = (0.7, 0.7, 1.8, 0.7)
"""Widths of the contours: the one at which the conclusion stands is the heaviest."""
FINER = 120
"""Points along each side of the surface, between those that were evaluated."""
CONCLUSION_TIPS = "prior SD below which the 95% interval covers 0"


def _widths(run: SavedRun) -> Figure:
    table = run.table("prior_widths")
    figure, (above, below) = new_axes(4.4, rows=2)
    x = table["prior_sd"]
    above.axhline(0, color=FAINT, lw=0.8)
    above.fill_between(x, table["lower"], table["upper"], color=REFERENCE, alpha=0.2, lw=0)
    above.plot(x, table["mean"], color=REFERENCE, lw=2)
    above.set_ylabel("estimate, 95% interval")
    plain_ticks(above.yaxis)
    if table["bf10_low"].notna().all():
        below.fill_between(x, table["bf10_low"], table["bf10_high"], color=REFERENCE, alpha=0.2, lw=0)
    below.plot(x, table["bf10"], color=REFERENCE, lw=2)
    below.set_yscale("log")
    for level in (1 / 3, 1, 3, 10):
        below.axhline(level, color=FAINT, lw=0.6, ls="-" if level == 1 else (0, (2, 3)), zorder=0)
    ticks_at(below.yaxis, FACTORS, lambda x: "1/3" if abs(x - 1 / 3) < 0.01 else f"{x:,.10g}")
    own = table[table["is_models"]]
    for ax, name in ((above, "mean"), (below, "bf10")):
        ax.plot(own["prior_sd"], own[name], MARKS[FOCAL], color=FOCAL, ms=6, mec="white")
    _mark_tipping(run, above)
    below.set_ylabel("Bayes factor against 0")
    _width_axis(run, below)
    return figure


def _mark_tipping(run: SavedRun, ax: Axes) -> None:
    """Draw the width at which the conclusion tips, where it does."""
    rows = run.table("tipping") if run.has("tipping") else pd.DataFrame(columns=["what", "value"])
    width = rows.loc[rows["what"] == CONCLUSION_TIPS, "value"].dropna()
    if len(width):
        ax.axvline(float(width.iloc[0]), color=INK, lw=0.9, ls=(0, (4, 2)))
        ax.annotate(
            f"covers 0 below {bounded(float(width.iloc[0]))}",
            (float(width.iloc[0]), 0.97),
            xycoords=ax.get_xaxis_transform(),
            xytext=(-4, 0),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=8,
        )


def _surface(run: SavedRun) -> Figure:
    from matplotlib.patheffects import withStroke

    table = run.table("prior_surface")
    grid = table.pivot_table(index="prior_mean", columns="prior_sd", values="p_positive")
    figure, (ax,) = new_axes(3.7)
    x, y, probit = _refined(grid)
    ax.contourf(x, y, probit, levels=[-np.inf, ndtri(SURE), np.inf], colors=["white", REFERENCE], alpha=0.2)
    lines = ax.contour(x, y, probit, levels=ndtri(LEVELS), colors=[INK], linewidths=HEAVY)
    ax.clabel(lines, fmt=lambda level: bounded(float(ndtr(level)), 3).rstrip("0"), fontsize=7.5)
    _width_axis(run, ax)
    for name, mean, sd in _normal_priors(run):
        inside = x[0] <= sd <= x[-1] and y[0] <= mean <= y[-1]
        if inside:
            ax.plot(sd, mean, "o", color=FOCAL, ms=6, mec="white", zorder=3)
            text = ax.annotate(name, (sd, mean), xytext=(0, 6), textcoords="offset points", ha="center", fontsize=7.5)
            text.set_path_effects([withStroke(linewidth=2.5, foreground="white")])
    plain_ticks(ax.yaxis)
    ax.set_ylabel("prior mean (SD per SD)")
    return figure


def _refined(grid: pd.DataFrame) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Interpolate a surface of probabilities on the probit scale, over the log of the width."""
    from scipy.interpolate import RectBivariateSpline

    x, y = np.log(grid.columns.to_numpy(dtype=float)), grid.index.to_numpy(dtype=float)
    probit = ndtri(np.clip(grid.to_numpy(dtype=float), 1e-12, 1 - 1e-12))
    fine_x, fine_y = (np.linspace(values[0], values[-1], FINER) for values in (x, y))
    return np.exp(fine_x), fine_y, RectBivariateSpline(y, x, probit)(fine_y, fine_x)


def _normal_priors(run: SavedRun) -> Iterator[tuple[str, float, float]]:
    """Yield the named variants' Normal priors of the coefficient that the surface is about."""
    table = run.table("prior_surface")
    study, model = run.study.read(), run.models[str(table["model"].iloc[0])]
    analysis = study.analysis
    parts = {analysis.group, study.estimand(str(table["estimand"].iloc[0])).of}
    for variant in model.variant_names:
        priors = model.prior_set(variant).priors
        for term, prior in priors.items():
            if parts == set(model.measures.get(term, ())) and prior.dist == "Normal":
                yield variant.replace("_", " "), prior.parameters["mu"], prior.parameters["sigma"]


def _pooling(run: SavedRun) -> Figure:
    study, table = run.study, run.table("shrinkage").dropna(subset=["lower"])
    names = list(dict.fromkeys(table["coefficient"]))
    figure, ax = row_axes([term_name(study, name) for name in names], "difference of the slopes (SD per SD)")
    words = {"own": "each by itself", "pooled": "drawn together"}
    for prior, colour, shift in (("own", REFERENCE, -0.1), ("pooled", FOCAL, 0.1)):
        own = table[table["prior"] == prior].set_index("coefficient")
        for i, name in enumerate(names):
            draw_span(ax, -i - shift, own.loc[name].to_dict(), colour)
        ax.plot([], [], MARKS[colour], ls="-", color=colour, lw=2.2, label=words[prior])
    legend_above(figure, 2)
    plain_ticks(ax.xaxis)
    return figure


def _followup(run: SavedRun) -> Figure:
    table = run.table("prior_design")
    figure, (ax,) = new_axes(3.0)
    words = {"printed": "if the data sets are the truth (power)", "posterior": "over the posterior (assurance)"}
    for worlds, colour in (("posterior", FOCAL), ("printed", REFERENCE)):
        own = table[(table["worlds"] == worlds) & table["n_per_group"].notna()].astype({"n_per_group": float})
        upper = own["upper"].astype(float).fillna(own["n_per_group"])
        ax.fill_between(own["prior_sd"], own["lower"].astype(float), upper, color=colour, alpha=0.2, lw=0)
        look: Any = {"marker": MARKS[colour], "ls": LINES[colour], "color": colour, "ms": 4, "lw": 1.6}
        ax.plot(own["prior_sd"], own["n_per_group"], label=words[worlds], **look)
    _width_axis(run, ax)
    ax.set_ylim(bottom=0)
    legend_above(figure)
    ax.set_ylabel("participants per group")
    return figure


def _name(run: SavedRun) -> str:
    study = run.study.read()
    estimand = study.focal_estimand
    return "difference of slopes" if estimand.kind == "slope_difference" else estimand_noun(study, estimand, brief=True)


def _width_axis(run: SavedRun, ax: Axes) -> None:
    """Write the widths of the focal prior on a log axis."""
    ax.set_xscale("log")
    ticks_at(ax.xaxis, WIDTH_TICKS, lambda x: f"{x:g}".removeprefix("0"))
    ax.set_xlabel(f"prior SD of the {_name(run)} (SD per SD)")


FIGURES = {
    "prior_widths": FigureOf(needs=("study.json", "prior_widths"), draw=_widths),
    "prior_surface": FigureOf(needs=("study.json", "models.json", "prior_surface"), draw=_surface),
    "shrinkage": FigureOf(needs=("study.json", "shrinkage"), draw=_pooling),
    "prior_design": FigureOf(needs=("study.json", "prior_design"), draw=_followup),
}
