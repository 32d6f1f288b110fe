"""Figures of a fit: each a function from a table to matplotlib axes, for notebooks and for the run's folder alike."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...spec import InputError
from ...study.wording import header
from . import summary as tables
from .johnson_neyman import REACH

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..fit import Fit

COLOURS = ("#2b6cb0", "#c8500f", "#5b1a67", "#0b7d68", "#8b929b", "#22262b")
MARKS = "o^DsvP"
LINES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)), (0, (3, 1)), "-")
"""Cells are told apart by colour, mark and line."""
INK, FAINT = "#22262b", "#8b929b"
WIDTH = 4.1
MOST_ROWS = 14
WIDEST = 56
"""Letters of a row's text at full size; longer ones have two rows, and are set smaller if these are too long."""
LINE, LEGEND = 44, 45
"""Letters of a line below or above an axis, and of a legend's row."""


type Naming = Callable[..., str]
"""From a measure, and a level of it, to what a table's header and its file call them."""


class Plots:
    """The figures of a fit: ``fit.plot.effects()`` and its like, each returning matplotlib axes."""

    def __init__(self, fit: Fit) -> None:
        self._fit = fit

    def slopes(self, ax: Axes | None = None) -> Axes:
        """Draw estimates with their 95 % intervals, standardised; least squares as a bar."""
        return draw_slopes(tables.summary(self._fit), ax)

    def effects(self, ax: Axes | None = None) -> Axes:
        """Draw the expected outcome along the focal number, with the data in it."""
        lines = tables.conditional_means(self._fit)
        if lines.empty:
            return self.slopes(ax)
        along, by = str(lines["along"].iloc[0]), str(lines["by"].iloc[0])
        return draw_effects(lines, tables.people(self._fit, along, by), self._fit.model.outcome, self._names, ax)

    def prior_posterior(self, ax: Axes | None = None) -> Axes:
        """Draw the density of the first estimand before and after the data."""
        return draw_prior_posterior(tables.prior_and_posterior(self._fit, most=1), ax)

    def johnson_neyman(self, moderator: str = "", ax: Axes | None = None) -> Axes:
        """Draw what changes along a moderator; by default the first of `Fit.regions`; raises `InputError` for none."""
        found = [jn for jn in self._fit.regions() if moderator in ("", jn.moderator)]
        if not found:
            raise InputError(f"no effect of this model changes with {moderator or 'a number'} in a straight line")
        band = found[0].band.assign(moderator=found[0].moderator, effect=found[0].effect)
        return draw_johnson_neyman(band, self._names, ax)

    def checks(self, ax: Axes | None = None) -> Axes:
        """Draw residuals against what normal ones would be."""
        return draw_checks(tables.residuals(self._fit), ax)

    @property
    def _names(self) -> Naming:
        return partial(header, self._fit.study)


def _axes(ax: Axes | None, height: float) -> Axes:
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    return plt.subplots(figsize=(WIDTH, height), layout="constrained")[1]


def _wrapped(text: object) -> str:
    """Return a text in lines that an axis of usual size holds."""
    return fill(str(text), LINE)


def draw_slopes(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw a summary: a row for each estimand that has a standardised unit, first on top."""
    every = table[table["p_positive"].notna()]
    rows = every.head(MOST_ROWS).reset_index(drop=True)
    ax = _axes(ax, 0.75 + 0.42 * len(rows))
    for i, row in enumerate(rows.to_dict("records")):
        ax.plot([row["lower"], row["upper"]], [-i, -i], color=INK, lw=2.2, solid_capstyle="butt")
        ax.plot(row["mean"], -i, "o", color=INK, ms=5.5, mec="white", mew=0.8)
        ax.plot(row["ols"], -i, "|", color=COLOURS[1], ms=11, mew=1.2)
        words = fill(row["effect"], max(WIDEST, len(row["effect"]) // 2 + 8))
        size = 8 * min(1.0, WIDEST / max(map(len, words.splitlines())))
        text = ax.text(0, -i + 0.2, words, transform=ax.get_yaxis_transform(), va="bottom", fontsize=size)
        text.set_in_layout(False)
        ax.plot([0, 0], [-i - 0.2, -i + 0.15], color=FAINT, lw=0.8, zorder=0)
    ax.set_ylim(-len(rows) + 0.45, 0.75)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    of = f"; {len(rows)} of {len(every)} effects" if len(rows) < len(every) else ""
    ax.set_xlabel(f"SD of the outcome, per SD of a number\n(bar: least squares{of})")
    return ax


def draw_effects(lines: pd.DataFrame, dots: pd.DataFrame, outcome: str, names: Naming, ax: Axes | None = None) -> Axes:
    """Draw expected outcomes along a number, a line for each cell, over the people."""
    by = str(lines["by"].iloc[0])
    ax = _axes(ax, 3.3)
    looks = zip(COLOURS * 9, MARKS * 9, LINES * 9, strict=True)
    for (cell, own), (colour, mark, line) in zip(lines.groupby("cell", sort=False), looks, strict=False):
        mine = dots[dots["cell"] == cell] if (dots["cell"] != "").any() else dots.iloc[:0]
        ax.plot(mine["x"], mine["y"], mark, color=colour, ms=3, alpha=0.4, mew=0)
        ax.fill_between(own["value"], own["lower"], own["upper"], color=colour, alpha=0.18, lw=0)
        ax.plot(own["value"], own["mean"], color=colour, lw=2, ls=line, label=names(by, str(cell)) if cell else None)
    if not (dots["cell"] != "").any():
        ax.plot(dots["x"], dots["y"], "o", color=FAINT, ms=3, alpha=0.5, mew=0, zorder=0)
    if len(cells := [names(by, str(cell)) for cell in dict.fromkeys(lines["cell"]) if cell]) > 1:
        # a wide legend would squeeze the axes
        title, columns = names(by), max(1, min(3, LEGEND // (max(map(len, cells)) + 6)))
        ax.legend(
            title=title,
            fontsize=8,
            alignment="left",
            frameon=False,
            ncols=columns,
            loc="lower left",
            bbox_to_anchor=(0, 1),
        )
    ax.set_xlabel(_wrapped(names(str(lines["along"].iloc[0]))))
    ax.set_ylabel(_wrapped(names(outcome)))
    return ax


def draw_prior_posterior(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw densities before and after the data of the table's first effect."""
    ax = _axes(ax, 2.4)
    if len(table):
        own = table[table["effect"] == table["effect"].iloc[0]]
        ax.plot(own["value"], own["prior"], color=FAINT, lw=1.6, ls="--", label="prior")
        ax.plot(own["value"], own["posterior"], color=COLOURS[1], lw=2, label="posterior")
        ax.axvline(0, color=FAINT, lw=0.8, zorder=0)
        ax.legend(frameon=False)
        ax.set_xlabel(_wrapped(own["effect"].iloc[0]))
    ax.set_yticks([])
    ax.set_ylabel("density")
    return ax


def draw_johnson_neyman(band: pd.DataFrame, names: Naming, ax: Axes | None = None) -> Axes:
    """Draw a difference along a moderator, shaded where its interval excludes 0."""
    ax = _axes(ax, 2.7)
    apart = np.asarray((band["lower"] > 0) | (band["upper"] < 0), dtype=bool)
    ax.axhline(0, color=FAINT, lw=0.8)
    ax.fill_between(band["raw"], band["lower"], band["upper"], color=FAINT, alpha=0.25, lw=0)
    ax.fill_between(band["raw"], band["lower"], band["upper"], where=apart.tolist(), color=COLOURS[1], alpha=0.25, lw=0)
    ax.plot(band["raw"], band["mean"], color=INK, lw=2)
    short = bool(band["value"].abs().max() >= REACH)
    ax.set_xlabel(_wrapped(names(str(band["moderator"].iloc[0])) + f" (up to {REACH:g} SD from its mean)" * short))
    effect = str(band["effect"].iloc[0]) if "effect" in band else "the adjusted mean difference"
    ax.set_title(_wrapped(effect), loc="left", fontsize=8)
    ax.set_ylabel("SD of the outcome")
    return ax


def draw_checks(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw residuals against the normal ones of the same rank."""
    ax = _axes(ax, 3.0)
    ends: Any = [table["normal"].min(), table["normal"].max()]
    ax.plot(ends, ends, color=FAINT, lw=1)
    ax.plot(table["normal"], table["residual"], "o", color=COLOURS[0], ms=3, alpha=0.6, mew=0)
    ax.set_xlabel("residual, were it normal (SD)")
    ax.set_ylabel("residual (SD)")
    return ax
