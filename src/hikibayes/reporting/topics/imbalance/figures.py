"""Figures of the groups' imbalance, from the tables of `hikibayes.robustness.imbalance`."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ....study.wording import estimand_noun, group_name, level_name, term_name
from ...drawing import (
    FAINT,
    FOCAL,
    INK,
    MARKS,
    PRINTED,
    REFERENCE,
    FigureOf,
    draw_span,
    legend_above,
    new_axes,
    percentages,
    plain_ticks,
    row_axes,
)
from ...saved import SavedRun, records
from .names import adjustment_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def _adjustments(run: SavedRun) -> Figure:
    study, table = run.study.read(), run.about_focal("imbalance")
    rows = records(table)
    labels = [adjustment_name(study, row) + (" (as fitted)" if row["is_own"] else "") for row in rows]
    figure, ax = row_axes(labels, estimand_noun(study, study.focal_estimand, brief=True))
    own = next((row["mean"] for row in rows if row["is_own"]), None)
    for i, row in enumerate(rows):
        if own is not None:
            # a line through the whole figure would run through the labels
            ax.plot([own, own], [-i - 0.2, -i + 0.17], color=FOCAL, lw=0.8, alpha=0.6, zorder=0)
        if pd.isna(row["mean"]):
            ax.text(0, -i, "not estimated", va="center", fontsize=8, color=FAINT)
        else:
            draw_span(ax, -i, row, FOCAL if row["is_own"] else REFERENCE)
    plain_ticks(ax.xaxis)
    return figure


def _shares(run: SavedRun) -> Figure:
    study, table = run.study.read(), run.about_focal("imbalance_shares")
    balance = run.table("imbalance").iloc[0]
    figure, (ax,) = new_axes(2.9)
    for group, colour in zip(study.group_names, cycle(MARKS)):
        own = table[table["group"] == group]
        name = group_name(study, group)
        ax.plot(own["share"], own["mean"], MARKS[colour], color=colour, ms=4, alpha=0.55, mew=0, label=name)
    # from 0: what the shares move must be seen beside what there is
    ax.set_ylim(min(0.0, 1.2 * float(table["mean"].min())), max(0.0, 1.2 * float(table["mean"].max())))
    percentages(ax.xaxis)
    plain_ticks(ax.yaxis)
    ax.set_xlabel(f"share of {level_name(study, balance['balance'], balance['level'])} participants in the group")
    ax.set_ylabel("difference of the slopes" if study.focal_estimand.kind == "slope_difference" else "estimate")
    legend_above(figure, 2, handletextpad=0)
    return figure


def _surface(run: SavedRun) -> Figure:
    study, table = run.study.read(), run.table("imbalance_surface")
    measure = run.table("imbalance")["balance"].iloc[0]
    grid = table.pivot_table(index="effect", columns="imbalance", values="left")
    sure = table.pivot_table(index="effect", columns="imbalance", values="p_same_sign")
    x, y = grid.columns.to_numpy(dtype=float), grid.index.to_numpy(dtype=float)
    start = float(grid.to_numpy()[0, 0])
    figure, ax = _over_imbalance(run, 3.9)
    ax.contourf(x, y, grid.to_numpy() * np.sign(start), levels=[-100, 0], colors=[FOCAL], alpha=0.22)
    zero = ax.contour(x, y, grid.to_numpy(), levels=[0], colors=[INK], linewidths=2)
    ax.clabel(zero, fmt=lambda _: "nothing left", fontsize=8)
    ax.contour(x, y, sure.to_numpy(), levels=[0.975], colors=[INK], linewidths=1.1, linestyles=["--"])
    ax.plot([], [], color=INK, lw=1.1, ls="--", label="probability of the sign falls below .975")
    if run.has("imbalance_followup"):
        steepest = float(run.table("imbalance_followup").set_index("part")["effect"].get(1.0, np.nan))
        ax.axhline(steepest, color=PRINTED, lw=1.2, ls=(0, (1, 1.5)), label="a slope of 0 at one level")
    ax.set_xlim(0, 1)
    ax.set_ylabel(f"slope’s difference by {term_name(study, measure)} (SD per SD)")
    legend_above(figure, fontsize=7.5)
    return figure


def _over_imbalance(run: SavedRun, height: float) -> tuple[Figure, Axes]:
    """Make axes over the difference in shares, with what the record allows of it."""
    balance = run.table("imbalance").iloc[0]
    figure, (ax,) = new_axes(height)
    low, high = _imbalance_seen(run)
    ax.axvspan(low, high, color=REFERENCE, alpha=0.16, lw=0, label="imbalance that the record allows (5–95%)")
    percentages(ax.xaxis)
    level = level_name(run.study, balance["balance"], balance["level"])
    ax.set_xlabel(f"difference in the share of {level} participants")
    return figure, ax


def _imbalance_seen(run: SavedRun) -> tuple[float, float]:
    """Return where the groups' difference in shares lies in the data sets: 5 % and 95 %."""
    study = run.study.read()
    each = run.about_focal("imbalance_shares").pivot_table(index="dataset", columns="group", values="share")
    one, other = study.focal_estimand.between or study.group_ids
    gaps = (each[one] - each[other]).abs().to_numpy()
    low, high = np.quantile(gaps, [0.05, 0.95])
    return (float(low), float(high)) if len(gaps) > 1 else (float(low) - 0.004, float(high) + 0.004)


def _costs(run: SavedRun) -> Figure:
    study, table = run.study.read(), run.table("imbalance_costs")
    figure, ax = _over_imbalance(run, 2.7)
    words = (
        f"if {term_name(study, run.table('imbalance')['balance'].iloc[0])} may moderate the slope, for equal precision"
    )
    ax.plot(table["imbalance"], table["n"], color=FOCAL, lw=2, label=words)
    ax.axhline(table["n_balanced"].iloc[0], color=FAINT, lw=0.8, ls=(0, (2, 3)), label="in balanced groups")
    ax.set_xlim(0, float(table["imbalance"].max()))
    ax.set_ylim(bottom=0)
    ax.set_ylabel("participants needed")
    legend_above(figure, fontsize=7.5)
    return figure


FIGURES = {
    "imbalance": FigureOf(needs=("study.json", "imbalance"), draw=_adjustments),
    "imbalance_shares": FigureOf(
        needs=("study.json", "imbalance", "imbalance_shares"),
        draw=_shares,
        only_if=lambda run: run.table("imbalance_shares")["dataset"].max() > 1,
    ),
    "imbalance_surface": FigureOf(
        needs=("study.json", "imbalance", "imbalance_surface", "imbalance_shares"), draw=_surface
    ),
    "imbalance_costs": FigureOf(needs=("study.json", "imbalance", "imbalance_costs", "imbalance_shares"), draw=_costs),
}
