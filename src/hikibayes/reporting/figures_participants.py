"""A look at one synthetic data set: where scores lie on their true ranges, and the interaction with people in it."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..arrays import BoolArray, FloatArray
from ..study.measures import Measure
from ..study.study import Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# Okabe and Ito's blue and vermilion: told apart by every common kind of colour vision, and by lightness in print
GROUP_COLOURS = ("#0072B2", "#D55E00")
GROUP_MARKERS = ("o", "^")
PANELS_ACROSS = 5
BARS = 20
MARK = "SYNTHETIC participants, calibrated to the printed record"


def dataset_figure(study: Study, participants: pd.DataFrame) -> Figure:
    """Draw the distributions of a data set by group, and the interaction plot.

    Parameters
    ----------
    study : Study
        Says what the columns are, which measure is the outcome and whose slope differs between the groups.
    participants : pandas.DataFrame
        A row a participant.

    Returns
    -------
    matplotlib.figure.Figure
        Above, the outcome against the focal measure with a line by group (least squares within the group, the other
        predictors left out); below, every score and number on its full possible range, categories as shares.
    """
    from matplotlib.figure import Figure

    shown = [measure for measure in study.measures if measure.id in participants and not _is_group(study, measure)]
    rows = math.ceil(len(shown) / PANELS_ACROSS)
    figure = Figure(figsize=(15, 6.2 + 2.3 * rows), layout="constrained")
    halves: Any = figure.subfigures(2, 1, height_ratios=[5.2, 2.3 * rows])
    above, below = halves
    _interaction(above.subplots(), study, participants)
    axes = np.atleast_1d(below.subplots(rows, PANELS_ACROSS, squeeze=False)).ravel()
    for axis, measure in zip(axes, shown, strict=False):
        _distribution(axis, study, measure, participants)
    for axis in axes[len(shown) :]:
        axis.set_visible(False)
    below.suptitle("Every measure on its possible range; marks on the axis are group means", fontsize=11)
    figure.suptitle(f"One data set of {study.description}\n{MARK}", fontsize=12)
    return figure


def _is_group(study: Study, measure: Measure) -> bool:
    return measure.id == study.analysis.group


def _groups(study: Study, participants: pd.DataFrame) -> list[tuple[str, BoolArray]]:
    labels = participants[study.analysis.group].to_numpy(dtype=object)
    return [(group.label, np.asarray(labels == group.id)) for group in study.groups]


def _unit(measure: Measure) -> str:
    return f"{measure.label} ({measure.unit or 'points'})"


# -- the interaction --------------------------------------------------------------------------------------------------


def _interaction(axis: Axes, study: Study, participants: pd.DataFrame) -> None:
    focal, outcome = study.measure(study.analysis.focal), study.measure(study.analysis.outcome)
    x, y = (participants[measure.id].to_numpy(dtype=float) for measure in (focal, outcome))
    # people with the same scores would hide each other: shifted sideways by less than half a step, the groups apart
    shift = np.random.default_rng(0).uniform(-0.16, 0.16, size=len(x)) * focal.grain
    for place, (label, rows) in enumerate(_groups(study, participants)):
        side = (place - 0.5) * 0.3 * focal.grain
        colour = GROUP_COLOURS[place]
        axis.scatter(
            x[rows] + shift[rows] + side,
            y[rows],
            s=22,
            marker=GROUP_MARKERS[place],
            color=colour,
            alpha=0.55,
            linewidths=0,
            label=f"{label} (n = {int(rows.sum())})",
        )
        slope, level = np.polyfit(x[rows], y[rows], 1)
        ends = np.array([x[rows].min(), x[rows].max()])
        axis.plot(ends, level + slope * ends, color=colour, linewidth=2.5, linestyle=("-", "--")[place])
    axis.set_xlabel(_unit(focal))
    axis.set_ylabel("\n".join(textwrap.wrap(_unit(outcome), 42)))
    axis.set_ylim(*outcome.limits)
    axis.set_xlim(focal.limits[0] - 0.5 * focal.grain, focal.limits[1] + 0.5 * focal.grain)
    axis.set_title("Each point a synthetic participant; lines: least squares within the group, nothing held equal")
    axis.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
    if outcome.direction:
        axis.annotate(
            "\n".join(textwrap.wrap(f"{outcome.label}: {outcome.direction}.", 34)),
            xy=(1.02, 0.55),
            xycoords="axes fraction",
            fontsize=9,
        )
    _plain(axis)


# -- the distributions ------------------------------------------------------------------------------------------------


def _distribution(axis: Axes, study: Study, measure: Measure, participants: pd.DataFrame) -> None:
    values = participants[measure.id]
    groups = [
        (place, rows) for place, (_, rows) in enumerate(_groups(study, participants)) if values[rows].notna().any()
    ]
    if measure.kind == "category":
        _shares(axis, measure, values.to_numpy(dtype=object), groups)
    else:
        _histogram(axis, measure, values.to_numpy(dtype=float, na_value=np.nan), groups)
    axis.set_title("\n".join(textwrap.wrap(measure.label, 34)), fontsize=9)
    axis.tick_params(labelsize=8)
    axis.set_ylabel("share of group", fontsize=8)
    _plain(axis)


def _shares(axis: Axes, measure: Measure, labels: NDArray[np.object_], groups: list[tuple[int, BoolArray]]) -> None:
    positions = np.arange(len(measure.levels))
    for place, rows in groups:
        shares = [float(np.mean(labels[rows] == level.id)) for level in measure.levels]
        axis.bar(positions + (place - 0.5) * 0.4, shares, width=0.4, color=GROUP_COLOURS[place])
    tilted = len(positions) > 3
    axis.set_xticks(
        positions,
        [level.label for level in measure.levels],
        rotation=60 if tilted else 0,
        ha="right" if tilted else "center",
    )


def _histogram(axis: Axes, measure: Measure, values: FloatArray, groups: list[tuple[int, BoolArray]]) -> None:
    low, high = measure.limits
    step = measure.grain or (high - low) / BARS
    levels = round((high - low) / step) + 1
    width = math.ceil(levels / BARS) * step
    edges = np.arange(low - step / 2, high + width, width)
    for place, rows in groups:
        found = values[rows & ~np.isnan(values)]
        heights, _ = np.histogram(found, bins=edges)
        shares = heights / len(found)
        axis.stairs(shares, edges, color=GROUP_COLOURS[place], fill=True, alpha=0.25)
        axis.stairs(shares, edges, color=GROUP_COLOURS[place], linewidth=1.6, linestyle=("-", "--")[place])
        axis.plot(found.mean(), 0, marker=GROUP_MARKERS[place], color=GROUP_COLOURS[place], clip_on=False, zorder=3)
    axis.set_xlim(edges[0], edges[-1])
    axis.set_xlabel(measure.unit or "points", fontsize=8)


def _plain(axis: Axes) -> None:
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
