"""Figures of a fit: each a function from a table to matplotlib axes, for notebooks and for the run's folder alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import product
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...renamed import typed
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
FEW: tuple[str, str, Any] = (FAINT, "o", "-")
"""How people look that belong to no line."""
WIDTH = 4.1
MOST_ROWS, MOST_LINES = 14, 12
WIDEST = 56
"""Letters of a row's text at full size; longer ones have two rows, and are set smaller if these are too long."""
LINE, LEGEND = 44, 45
"""Letters of a line below or above an axis, and of a legend's row."""


type Key = tuple[str, str]
type Cells = dict[Key, pd.DataFrame]
type Naming = Callable[..., str]
"""From a measure, and a level of it, to what a table's header and its file call them."""


class Plots:
    """The figures of a fit: ``fit.plot.effects()`` and its like, each returning matplotlib axes."""

    def __init__(self, fit: Fit) -> None:
        self._fit = fit

    @typed
    def slopes(self, ax: Axes | None = None) -> Axes:
        """Draw estimates with their 95 % intervals, standardised; least squares as a bar."""
        return draw_slopes(tables.question_first(tables.summary(self._fit), self._fit.study), ax)

    @typed
    def effects(self, ax: Axes | None = None) -> Axes:
        """Draw the expected outcome in the cells of what the fit is about, along a number with the data in it."""
        lines = tables.conditional_means(self._fit)
        if lines.empty:
            return self.slopes(ax)
        of = [str(lines[name].iloc[0]) for name in ("along", "by", "and_by")]
        return draw_effects(lines, tables.people(self._fit, *of), self._fit.model.outcome, self._names, ax)

    @typed
    def prior_posterior(self, ax: Axes | None = None) -> Axes:
        """Draw the density of the first estimand before and after the data."""
        return draw_prior_posterior(tables.prior_and_posterior(self._fit, most=1), ax)

    @typed
    def johnson_neyman(self, moderator: str = "", ax: Axes | None = None) -> Axes:
        """Draw what changes along a moderator; by default the first of `Fit.regions`; raises `InputError` for none."""
        found = [jn for jn in self._fit.regions() if moderator in ("", jn.moderator)]
        if not found:
            raise InputError(f"no effect of this model changes with {moderator or 'a number'} in a straight line")
        band = found[0].band.assign(moderator=found[0].moderator, effect=found[0].effect)
        return draw_johnson_neyman(band, self._names, ax)

    @typed
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
    words = [fill(text, max(WIDEST, len(text) // 2 + 8)) for text in rows["effect"]]
    # a row of two lines is so much farther from the one above
    deep = [0.0, *np.cumsum([1 + 0.36 * text.count("\n") for text in words]).tolist()]
    ax = _axes(ax, 0.75 + 0.42 * deep[-1])
    for y, text, row in zip(deep[1:], words, rows.to_dict("records"), strict=True):
        ax.plot([row["lower"], row["upper"]], [-y, -y], color=INK, lw=2.2, solid_capstyle="butt")
        ax.plot(row["mean"], -y, "o", color=INK, ms=5.5, mec="white", mew=0.8)
        ax.plot(row["ols"], -y, "|", color=COLOURS[1], ms=11, mew=1.2)
        size = 8 * min(1.0, WIDEST / max(map(len, text.splitlines())))
        label = ax.text(0, -y + 0.2, text, transform=ax.get_yaxis_transform(), va="bottom", fontsize=size)
        label.set_in_layout(False)
        ax.plot([0, 0], [-y - 0.2, -y + 0.15], color=FAINT, lw=0.8, zorder=0)
    ax.set_ylim(-deep[-1] - 0.55, -0.25)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    left = len(every) - len(rows)
    of = f"\n{len(rows)} of {len(every)} effects; the other {left} are in the summary" if left else ""
    ax.set_xlabel(f"SD of the outcome, per SD of a number\n(bar: least squares){of}")
    return ax


def draw_effects(lines: pd.DataFrame, dots: pd.DataFrame, outcome: str, names: Naming, ax: Axes | None = None) -> Axes:
    """Draw expected outcomes, a line for each cell: along a number over the people, or from level to level."""
    ax = _axes(ax, 3.3)
    by = [str(lines[name].iloc[0]) for name in ("by", "and_by") if lines[name].iloc[0]]
    groups = lines.groupby(["cell", "and_cell"], sort=False)
    every: Cells = {(str(a), str(b)): own for (a, b), own in groups if own["mean"].notna().any()}
    cells = dict(list(every.items())[:MOST_LINES])
    labels = {key: ", ".join(names(*each) for each in zip(by, key, strict=False)) for key in cells}
    if pd.api.types.is_numeric_dtype(lines["value"]):
        _draw_along(ax, cells, labels, dots)
    else:
        _draw_levels(ax, cells, labels, partial(names, str(lines["along"].iloc[0])))
    if len(cells) > 1:
        title = ", ".join(map(names, by)) + f" ({len(cells)} of {len(every)})" * (len(cells) < len(every))
        # a wide legend would squeeze the axes
        columns = max(1, min(3, LEGEND // (max(map(len, labels.values())) + 6)))
        place: Any = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": columns, "frameon": False}
        ax.legend(title=title, fontsize=8, alignment="left", **place)
    ax.set_xlabel(_wrapped(names(str(lines["along"].iloc[0]))))
    ax.set_ylabel(_wrapped(names(outcome)))
    return ax


def _looks(cells: Iterable[Key]) -> dict[Key, tuple[str, str, Any]]:
    """Return colour, mark and line of each cell: of two measures the first has the colour, the second the others."""
    first, second = (list(dict.fromkeys(own)) for own in zip(*cells, strict=True))
    many, found = len(COLOURS), {}
    for a, b in product(range(len(first)), range(len(second))):
        form = b if len(second) > 1 else a + a // many
        found[first[a], second[b]] = (COLOURS[a % many], MARKS[form % many], LINES[form % many])
    return found


def _draw_along(ax: Axes, cells: Cells, labels: Mapping[Key, str], dots: pd.DataFrame) -> None:
    looks = _looks(cells)
    for (a, b), own in dots.groupby(["cell", "and_cell"], sort=False):
        # people have levels, and no place among the values of a number
        mine = (looks[each] for each in cells if each[0] == a and b in ("", each[1]))
        colour, mark, _ = next(mine, FEW)
        ax.plot(own["x"], own["y"], mark, color=colour, ms=3, alpha=0.4, mew=0, zorder=0 if colour == FAINT else 2)
    for key, own in cells.items():
        colour, _, line = looks[key]
        ax.fill_between(own["value"], own["lower"], own["upper"], color=colour, alpha=0.18, lw=0)
        ax.plot(own["value"], own["mean"], color=colour, lw=2, ls=line, label=labels[key] or None)


def _draw_levels(ax: Axes, cells: Cells, labels: Mapping[Key, str], name: Callable[[str], str]) -> None:
    levels = list(dict.fromkeys(level for own in cells.values() for level in own["value"]))
    looks, step = _looks(cells), 0.6 / max(len(cells), 4)
    for i, (key, own) in enumerate(cells.items()):
        colour, mark, line = looks[key]
        x = np.arange(len(levels)) + (i - (len(cells) - 1) / 2) * step
        ax.vlines(x, own["lower"], own["upper"], color=colour, lw=2.2)
        ax.plot(x, own["mean"], mark, color=colour, ms=5.5, mec="white", mew=0.8, ls=line, lw=1, label=labels[key])
    wide = max(LINE // len(levels), 5)
    texts = [fill(name(str(level)), wide, break_long_words=False) for level in levels]
    turned: Any = {}
    if max(len(line) for text in texts for line in text.splitlines()) > wide or any(t.count("\n") > 2 for t in texts):
        texts = [fill(name(str(level)), LINE // 2) for level in levels]
        turned = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"}
    ax.set_xticks(range(len(levels)), texts, **turned)
    ax.set_xlim(-0.5, len(levels) - 0.5)


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
