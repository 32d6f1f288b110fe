"""Figures of two doubts: confounders that nobody measured, and a category in which the groups differ.

Drawn from the tables of `hikibayes.robustness.confounding` and `hikibayes.robustness.imbalance` alone, in the manner of
`hikibayes.reporting.figures`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..apa import bounded
from ..estimands import KINDS
from ..robustness.confounding.omitted import Strength, adjusted_estimate
from ..study.study import Estimand, Study
from ..study.wording import estimand_name, group_name, in_prose, term_name
from .doubt_labels import adjustment_name, level_name
from .figures import FAINT, FOCAL, INK, PRINTED, REFERENCE, WIDTH, FigureOf, _plain_ticks, _rows, _span
from .saved import SavedRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["DOUBT_FIGURES"]

BENCHMARKS = 4
"""Covariates drawn into the contours: those of which the smallest multiple would explain the estimate away."""
MARKS = ("o", "s", "^", "D")
COLOURS = (FOCAL, REFERENCE, PRINTED, INK)


def _axes(height: float) -> tuple[Figure, Axes]:
    from matplotlib import pyplot as plt

    figure, ax = plt.subplots(figsize=(WIDTH, height))
    return figure, ax


def _focal(run: SavedRun, name: str) -> pd.DataFrame:
    """Return a table's rows about what the study is about."""
    table = run.table(name)
    return table[table["estimand"] == run.study.read().focal_estimand.name]


def _percentages(axis: Any) -> None:
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * x:.0f}%"))


# -- confounding ----------------------------------------------------------------------------------------------------


def _contours(run: SavedRun) -> Figure:
    study, bounds = run.study.read(), _focal(run, "confounding_bounds")
    table = _focal(run, "confounding")
    row = table[table["basis"] == "data_sets"].iloc[0]
    bounds = bounds[(bounds["basis"] == "data_sets") & bounds["r2_treatment"].notna()]
    nearest = bounds.groupby("benchmark")["breaks_at"].first().nsmallest(BENCHMARKS).index
    bounds = bounds[bounds["benchmark"].isin(nearest)]
    reach = [float(max([1.6 * row["rv"], *(1.1 * bounds[name])])) for name in ("r2_treatment", "r2_outcome")]
    figure, ax = _axes(4.4)
    x, y = (np.linspace(0, min(limit, 0.98), 120) for limit in reach)
    left = adjusted_estimate(row["estimate"], row["se"], row["df"], Strength(*np.meshgrid(x, y)))
    lines = ax.contour(x, y, left * np.sign(row["estimate"]), levels=_levels(row), colors=[FAINT], linewidths=0.8)
    ax.clabel(lines, fmt=bounded, fontsize=7.5)
    zero = ax.contour(x, y, left, levels=[0], colors=[INK], linewidths=1.8)
    ax.clabel(zero, fmt=lambda _: "nothing left", fontsize=8)
    for name, mark, colour in zip(nearest, MARKS, COLOURS, strict=False):
        own = bounds[bounds["benchmark"] == name]
        ax.plot(own["r2_treatment"], own["r2_outcome"], color=colour, lw=0.9)
        label = f"as strong as {term_name(study, str(name))}, {_multiples(own)}"
        ax.plot(own["r2_treatment"], own["r2_outcome"], mark, color=colour, ms=5.5, mec="white", mew=0.7, label=label)
    figure.legend(loc="outside upper left", frameon=False, fontsize=7.5, handletextpad=0.2)
    _percentages(ax.xaxis)
    _percentages(ax.yaxis)
    ax.set_xlabel(f"explained of what is left of\n{_treatment_name(study, study.focal_estimand)}")
    ax.set_ylabel(f"explained of what is left of {in_prose(study.measure(study.analysis.outcome).label)}")
    return figure


def _levels(row: pd.Series) -> NDArray[np.float64]:
    """Return round sizes of what is left, below the estimate and beyond 0."""
    size = abs(float(row["estimate"]))
    step = next(step for step in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0) if size / step < 7 or step == 2.0)
    levels = step * np.arange(-20, np.ceil(size / step))
    return np.asarray(levels[np.abs(levels) > step / 2])


def _multiples(own: pd.DataFrame) -> str:
    return ", ".join(f"{k:g}" for k in own["k"]) + " times"


def _treatment_name(study: Study, estimand: Estimand) -> str:
    return term_name(study, KINDS[estimand.kind].term(estimand, study.analysis.group) or str(estimand.of))


def _survival(run: SavedRun) -> Figure:
    study, table = run.study.read(), run.table("confounding_strengths")
    shown = list(dict.fromkeys(table["estimand"]))[:4]
    figure, ax = _axes(2.9)
    for name, colour, dash in zip(shown, _colours_for(study, shown), ("-", "--", "-.", ":"), strict=False):
        own = table[table["estimand"] == name]
        label = estimand_name(study, study.estimand(name), brief=True)
        ax.plot(own["strength"], own["p_same_sign"], color=colour, lw=2, ls=dash, label=label)
    ax.axhline(0.5, color=FAINT, lw=0.7, zorder=0)
    ax.axhline(0.975, color=FAINT, lw=0.7, ls=(0, (2, 3)), zorder=0)
    gone = table[table["p_same_sign"] < 0.001].groupby("estimand")["strength"].min()
    ax.set_xlim(0, min(1.0, 1.1 * float(gone.max() if len(gone) else 1.0)))
    ax.set_ylim(0, 1.02)
    _percentages(ax.xaxis)
    ax.set_xlabel("explained by a confounder, of what is left of both")
    ax.set_ylabel("probability that the sign stays")
    figure.legend(loc="outside upper left", frameon=False, fontsize=8)
    return figure


def _colours_for(study: Study, names: list[str]) -> list[str]:
    others = iter((REFERENCE, PRINTED, FAINT))
    return [FOCAL if name == study.focal_estimand.name else next(others) for name in names]


# -- imbalance ------------------------------------------------------------------------------------------------------


def _adjustments(run: SavedRun) -> Figure:
    study, table = run.study.read(), _focal(run, "imbalance")
    rows = [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
    labels = [adjustment_name(study, row) + (" (as fitted)" if row["is_own"] else "") for row in rows]
    name = estimand_name(study, study.focal_estimand, brief=True)
    figure, ax = _rows(labels, name[0].lower() + name[1:])
    own = next((row["mean"] for row in rows if row["is_own"]), None)
    for i, row in enumerate(rows):
        if own is not None:
            # a line through the whole figure would run through the labels
            ax.plot([own, own], [-i - 0.2, -i + 0.17], color=FOCAL, lw=0.8, alpha=0.6, zorder=0)
        if pd.isna(row["mean"]):
            ax.text(0, -i, "not estimated", va="center", fontsize=8, color=FAINT)
        else:
            _span(ax, -i, row, FOCAL if row["is_own"] else REFERENCE)
    _plain_ticks(ax.xaxis)
    return figure


def _shares(run: SavedRun) -> Figure:
    study, table = run.study.read(), _focal(run, "imbalance_shares")
    balance = run.table("imbalance").iloc[0]
    figure, ax = _axes(2.9)
    for group, colour, mark in zip(study.group_ids, (REFERENCE, FOCAL), ("o", "^"), strict=True):
        own = table[table["group"] == group]
        ax.plot(own["share"], own["mean"], mark, color=colour, ms=4, alpha=0.55, mew=0, label=group_name(study, group))
    # from 0: what the shares move must be seen beside what there is
    ax.set_ylim(min(0.0, 1.2 * float(table["mean"].min())), max(0.0, 1.2 * float(table["mean"].max())))
    _percentages(ax.xaxis)
    _plain_ticks(ax.yaxis)
    ax.set_xlabel(f"share of {level_name(study, balance['balance'], balance['level'])} participants in the group")
    ax.set_ylabel("difference of the slopes" if study.focal_estimand.kind == "slope_difference" else "estimate")
    figure.legend(loc="outside upper left", frameon=False, ncols=2, fontsize=8, handletextpad=0)
    return figure


def _surface(run: SavedRun) -> Figure:
    study, table = run.study.read(), run.table("imbalance_surface")
    balance = run.table("imbalance").iloc[0]
    measure, level = balance["balance"], level_name(study, balance["balance"], balance["level"])
    grid = table.pivot_table(index="effect", columns="imbalance", values="left")
    sure = table.pivot_table(index="effect", columns="imbalance", values="p_same_sign")
    x, y = grid.columns.to_numpy(dtype=float), grid.index.to_numpy(dtype=float)
    start = float(grid.to_numpy()[0, 0])
    figure, ax = _axes(3.9)
    low, high = _imbalance_seen(run)
    ax.axvspan(low, high, color=REFERENCE, alpha=0.16, lw=0, label="imbalance that the record allows (5–95%)")
    ax.contourf(x, y, grid.to_numpy() * np.sign(start), levels=[-100, 0], colors=[FOCAL], alpha=0.22)
    zero = ax.contour(x, y, grid.to_numpy(), levels=[0], colors=[INK], linewidths=2)
    ax.clabel(zero, fmt=lambda _: "nothing left", fontsize=8)
    ax.contour(x, y, sure.to_numpy(), levels=[0.975], colors=[INK], linewidths=1.1, linestyles=["--"])
    ax.plot([], [], color=INK, lw=1.1, ls="--", label="probability of the sign falls below .975")
    if run.has("imbalance_followup"):
        steepest = float(run.table("imbalance_followup").set_index("part")["effect"].get(1.0, np.nan))
        ax.axhline(steepest, color=PRINTED, lw=1.2, ls=(0, (1, 1.5)), label="a slope of 0 at one level")
    ax.set_xlim(0, 1)
    _percentages(ax.xaxis)
    ax.set_xlabel(f"difference in the share of {level} participants")
    ax.set_ylabel(f"slope’s difference by {term_name(study, measure)} (SD per SD)")
    figure.legend(loc="outside upper left", frameon=False, fontsize=7.5)
    return figure


def _imbalance_seen(run: SavedRun) -> tuple[float, float]:
    """Return where the groups' difference in shares lies in the data sets: 5 % and 95 %."""
    each = _focal(run, "imbalance_shares").pivot_table(index="dataset", columns="group", values="share")
    gaps = (each.iloc[:, 0] - each.iloc[:, 1]).abs().to_numpy()
    low, high = np.quantile(gaps, [0.05, 0.95])
    return (float(low), float(high)) if len(gaps) > 1 else (float(low) - 0.004, float(high) + 0.004)


def _costs(run: SavedRun) -> Figure:
    study, table = run.study.read(), run.table("imbalance_costs")
    balance = run.table("imbalance").iloc[0]
    measure = term_name(study, balance["balance"])
    figure, ax = _axes(2.7)
    low, high = _imbalance_seen(run)
    ax.axvspan(low, high, color=REFERENCE, alpha=0.16, lw=0, label="imbalance that the record allows (5–95%)")
    ax.plot(
        table["imbalance"],
        table["n"],
        color=FOCAL,
        lw=2,
        label=f"if {measure} may moderate the slope, for equal precision",
    )
    ax.axhline(table["n_balanced"].iloc[0], color=FAINT, lw=0.8, ls=(0, (2, 3)), label="in balanced groups")
    ax.set_xlim(0, float(table["imbalance"].max()))
    ax.set_ylim(bottom=0)
    _percentages(ax.xaxis)
    level = level_name(study, balance["balance"], balance["level"])
    ax.set_xlabel(f"difference in the share of {level} participants")
    ax.set_ylabel("participants needed")
    figure.legend(loc="outside upper left", frameon=False, fontsize=7.5)
    return figure


DOUBT_FIGURES: dict[str, FigureOf] = {
    "confounding": FigureOf(needs=("study.json", "confounding", "confounding_bounds"), draw=_contours),
    "confounding_strengths": FigureOf(needs=("study.json", "confounding_strengths"), draw=_survival),
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
"""Every figure of these doubts, in the order of the report."""
