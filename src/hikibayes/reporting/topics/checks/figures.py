"""Figures of the checks: what the model predicts against the data, and both engines side by side."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ....study.wording import estimand_name, group_name, in_prose
from ...drawing import FAINT, INK, OF_GROUPS, REFERENCE, FigureOf, new_axes, row_axes
from ...saved import SavedRun

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _posterior_predictive(run: SavedRun) -> Figure:
    study, table = run.study, run.table("posterior_predictive")
    low, high = study.measure(study.analysis.outcome).limits
    groups = study.group_names or ("",)
    figure, axes = new_axes(0.4 + 1.7 * len(groups), rows=len(groups))
    for ax, group, colour in zip(axes, groups, cycle(OF_GROUPS)):
        own = _finite(table[table["group"].fillna("") == group])
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
    figure, ax = row_axes([names.get(name, name) for name in shown], "NUTS − exact, in Monte Carlo errors")
    ax.axvspan(-2, 2, color=FAINT, alpha=0.15, lw=0)
    for i, name in enumerate(shown):
        own = table[table["estimand"] == name]
        ax.plot(own["z"], np.full(len(own), -i), "o", color=REFERENCE, ms=4.5, alpha=0.55, mew=0)
    reach = max(3.5, float(table["z"].abs().max()) * 1.1)
    ax.set_xlim(-reach, reach)
    return figure


MODEL_CHECKS = {
    "posterior_predictive": FigureOf(needs=("study.json", "posterior_predictive"), draw=_posterior_predictive)
}
ENGINES = {"engines": FigureOf(needs=("study.json", "agreement"), draw=_engines)}
