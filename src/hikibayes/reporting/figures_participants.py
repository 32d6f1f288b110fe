"""A look at one synthetic data set: where scores lie on their true ranges, and the interaction with people in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import cycle
from textwrap import fill
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from ..arrays import BoolArray, FloatArray
from ..study.measures import Measure
from ..study.study import Study
from ..study.wording import group_name
from .drawing import LINES, MARKS, OF_GROUPS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS_ACROSS = 5
BARS = 20
MARK = "SYNTHETIC participants, calibrated to the printed record"


class _People(NamedTuple):
    """A group's rows, its colour, and how far from the middle of all groups it stands where these are side by side."""

    label: str
    rows: BoolArray
    colour: str
    aside: float


def dataset_figure(study: Study, participants: pd.DataFrame) -> Figure:
    """Draw the distributions of a data set by group, and the focal slopes with the people in them.

    Parameters
    ----------
    study : Study
        The study that the data set is of.
    participants : pandas.DataFrame
        One row a participant, in the measures' units.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from matplotlib.figure import Figure

    group, focal = study.analysis.group, study.analysis.focal
    shown = [measure for measure in study.measures if measure.id in participants and measure.id != group]
    rows = math.ceil(len(shown) / PANELS_ACROSS)
    figure = Figure(figsize=(15, 6.2 + 2.3 * rows), layout="constrained")
    halves: Any = figure.subfigures(2, 1, height_ratios=[5.2, 2.3 * rows])
    above, below = halves
    people = _people(study, participants)
    if focal and not study.measure(focal).levels:
        _slopes(above.subplots(), study, participants, people)
    axes = below.subplots(rows, PANELS_ACROSS, squeeze=False).ravel()
    for axis, measure in zip(axes, shown, strict=False):
        _distribution(axis, measure, participants[measure.id], people)
    for axis in axes[len(shown) :]:
        axis.set_visible(False)
    below.suptitle("Every measure on its possible range; marks on the axis are group means", fontsize=11)
    figure.suptitle(f"One data set of {study.description}\n{MARK}", fontsize=12)
    return figure


def _people(study: Study, participants: pd.DataFrame) -> Sequence[_People]:
    """Return the groups, the reference first; of one sample everybody."""
    if not study.groups:
        return [_People(group_name(study, ""), np.ones(len(participants), dtype=np.bool_), OF_GROUPS[0], 0.0)]
    labels = participants[study.analysis.group].to_numpy(dtype=object)
    middle = (len(study.groups) - 1) / 2
    return [
        _People(group.label, np.asarray(labels == group.id), colour, place - middle)
        for place, (group, colour) in enumerate(zip(study.groups, cycle(OF_GROUPS)))
    ]


def _unit(measure: Measure) -> str:
    return f"{measure.label} ({measure.unit or 'points'})"


# -- the focal slopes -------------------------------------------------------------------------------------------------


def _slopes(axis: Axes, study: Study, participants: pd.DataFrame, people: Sequence[_People]) -> None:
    focal, outcome = study.measure(study.analysis.focal), study.measure(study.analysis.outcome)
    x, y = (participants[measure.id].to_numpy(dtype=float) for measure in (focal, outcome))
    # people with the same scores would hide each other: shifted sideways by less than half a step, the groups apart
    shift = np.random.default_rng(0).uniform(-0.16, 0.16, size=len(x)) * focal.grain
    for label, rows, colour, aside in people:
        at, shown = x[rows] + shift[rows] + 0.3 * aside * focal.grain, f"{label} (n = {int(rows.sum())})"
        look: Any = {"s": 22, "marker": MARKS[colour], "color": colour, "alpha": 0.55, "linewidths": 0}
        axis.scatter(at, y[rows], label=shown, **look)
        slope, level = np.polyfit(x[rows], y[rows], 1)
        ends = np.array([x[rows].min(), x[rows].max()])
        axis.plot(ends, level + slope * ends, color=colour, linewidth=2.5, linestyle=LINES[colour])
    axis.set_xlabel(_unit(focal))
    axis.set_ylabel(fill(_unit(outcome), 42))
    axis.set_ylim(*outcome.limits)
    axis.set_xlim(focal.limits[0] - 0.5 * focal.grain, focal.limits[1] + 0.5 * focal.grain)
    axis.set_title("Each point a synthetic participant; lines: least squares within the group, nothing held equal")
    axis.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
    if outcome.direction:
        words = fill(f"{outcome.label}: {outcome.direction}.", 34)
        axis.annotate(words, xy=(1.02, 0.55), xycoords="axes fraction", fontsize=9)


# -- the distributions ------------------------------------------------------------------------------------------------


def _distribution(axis: Axes, measure: Measure, values: pd.Series, people: Sequence[_People]) -> None:
    known = [each for each in people if values[each.rows].notna().any()]
    if measure.levels:
        _shares(axis, measure, values, known, 0.8 / len(people))
    else:
        _histogram(axis, measure, values.to_numpy(dtype=float, na_value=np.nan), known)
    axis.set_title(fill(measure.label, 34), fontsize=9)
    axis.tick_params(labelsize=8)
    axis.set_ylabel("share of group", fontsize=8)


def _shares(axis: Axes, measure: Measure, labels: pd.Series, people: Sequence[_People], width: float) -> None:
    positions = np.arange(len(measure.levels))
    for _, rows, colour, aside in people:
        shares = [float((labels[rows] == level.id).mean()) for level in measure.levels]
        axis.bar(positions + aside * width, shares, width=width, color=colour)
    tilted: Any = {"rotation": 60, "ha": "right"} if len(positions) > 3 else {}
    axis.set_xticks(positions, [level.label for level in measure.levels], **tilted)


def _histogram(axis: Axes, measure: Measure, values: FloatArray, people: Sequence[_People]) -> None:
    low, high = measure.limits
    step = measure.grain or (high - low) / BARS
    levels = round((high - low) / step) + 1
    width = math.ceil(levels / BARS) * step
    edges = np.arange(low - step / 2, high + width, width)
    for _, rows, colour, _ in people:
        found = values[rows & ~np.isnan(values)]
        shares = np.histogram(found, bins=edges)[0] / len(found)
        axis.stairs(shares, edges, color=colour, fill=True, alpha=0.25)
        axis.stairs(shares, edges, color=colour, linewidth=1.6, linestyle=LINES[colour])
        axis.plot(found.mean(), 0, marker=MARKS[colour], color=colour, clip_on=False, zorder=3)
    axis.set_xlim(edges[0], edges[-1])
    axis.set_xlabel(measure.unit or "points", fontsize=8)
