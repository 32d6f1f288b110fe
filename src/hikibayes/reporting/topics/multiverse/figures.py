"""The specification curve with its anatomy, from ``multiverse.csv``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ....study.study import Study
from ....study.wording import in_prose, term_name
from ...drawing import FAINT, FOCAL, INK, REFERENCE, WIDTH, FigureOf, plain_ticks
from ...saved import SavedRun

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 60
"""Places along the curve at which options are counted."""
POINTS = 400
MOST_CHOICES = 8
"""Choices whose options are drawn: those that make most of the spread."""


def choice_name(study: Study, choice: str) -> str:
    """Return a choice in words: a measure's own name where it is about one."""
    measure = choice.removesuffix(" held equal")
    return f"{term_name(study, measure)} held equal" if measure != choice else choice


def _curve(run: SavedRun) -> Figure:
    from matplotlib import pyplot as plt

    table = run.table("multiverse").sort_values("mean", ignore_index=True)
    shown = _options(run, table)
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(WIDTH, 2.4 + 0.17 * len(shown)), sharex=True, height_ratios=(2.2, 0.17 * len(shown) + 0.2)
    )
    place = np.unique(np.linspace(0, len(table) - 1, min(len(table), POINTS)).astype(int))
    some, x = table.iloc[place], place / max(len(table) - 1, 1)
    above.fill_between(x, some["lower"], some["upper"], color=REFERENCE, alpha=0.2, lw=0)
    above.plot(x, some["mean"], color=FOCAL, lw=2)
    above.axhline(0, color=INK, lw=0.9)
    above.set_ylabel("estimate, 95% interval")
    plain_ticks(above.yaxis)
    where = np.minimum((np.arange(len(table)) * BINS) // len(table), BINS - 1)
    sizes = np.bincount(where, minlength=BINS)
    counts = [np.bincount(where[has], minlength=BINS) / np.maximum(sizes, 1) for _, has in shown]
    below.imshow(
        np.stack(counts),
        aspect="auto",
        cmap="Greys",
        vmin=0,
        vmax=1,
        extent=(0, 1, len(shown) - 0.5, -0.5),
        interpolation="nearest",
    )
    below.set_yticks(range(len(shown)), [words for words, _ in shown], fontsize=6.5)
    below.tick_params(length=0)
    below.set_xticks([0, 0.5, 1], ["lowest", "median", "highest"])
    below.set_xlabel(f"{len(table):,} specifications, by their estimate")
    for side in ("left", "bottom"):
        below.spines[side].set_color(FAINT)
    return figure


def _options(run: SavedRun, table: pd.DataFrame) -> list[tuple[str, pd.Series]]:
    """Return the options of the choices that matter most, in words, and which specifications have them."""
    study, variance = run.study.read(), run.table("multiverse_variance")
    ranked = variance[variance["choice"] != "combinations"].sort_values("alone", ascending=False)
    rows = []
    for choice in ranked["choice"].head(MOST_CHOICES):
        own = table[choice].astype(str)
        options = ["in"] if choice.endswith(" held equal") else list(dict.fromkeys(own))
        for option in options:
            name = choice_name(study, choice) if option == "in" else f"{choice}: {in_prose(option).replace('_', ' ')}"
            rows.append((name if len(name) < 34 else f"{name[:32]}…", own == option))
    return rows


FIGURES = {"multiverse": FigureOf(needs=("study.json", "multiverse", "multiverse_variance"), draw=_curve)}
