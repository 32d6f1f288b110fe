"""What a published record pins down, and what it leaves open: an interval for every number that nobody printed."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..study.study import Study
from ..study.wording import group_name, in_prose, step_name, term_name
from .drawing import FAINT, FOCAL, MARKS, REFERENCE
from .saved import records

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PINNED_COLOUR, OPEN_COLOUR, SAMPLING_COLOUR = REFERENCE, FOCAL, FAINT
NINETY = 1.645
"""Half a normal distribution's central 90 %, in SDs."""
ROW, AROUND, COLUMN, LABELS, HEAD, FOOT = 0.19, 0.85, 6.2, 3.2, 0.9, 0.55
"""Inches: height of a row; of a panel's title, axis and gap; width of a column of panels and of its labels; height of
the figure's title and legend."""
GROUPS = ("reference", "second")
"""What the axes of `FAMILIES` call the groups."""
NAME = 46
"""Characters of a step's name."""


@dataclass(frozen=True)
class Family:
    """Quantities of one kind, which share a panel and an axis.

    Attributes
    ----------
    pattern : re.Pattern
        Of their names in ``calibration.csv``; a group ``step`` gives each step a panel of its own.
    title, axis : str
        Of the panel; a step's name follows the title.
    label : callable
        Study and match to the row's label.
    neutral : float
        Where a line marks that there is nothing: 1 for ratios.
    """

    pattern: re.Pattern[str]
    title: str
    axis: str
    label: Callable[[Study, re.Match[str]], str]
    neutral: float = 0.0


def _measure(study: Study, name: str) -> str:
    return in_prose(study.measure(name).label)


FAMILIES = (
    Family(
        re.compile(r"(?P<step>\w+): b of (?P<term>.+)"),
        "Coefficients",
        "SD of the outcome per SD (per category)",
        lambda study, found: term_name(study, found["term"]),
    ),
    Family(
        re.compile(r"(?P<step>\w+): slope of (?P<of>\w+) in (?P<group>\w+)"),
        "Slopes by group",
        "SD of the outcome per SD",
        lambda study, found: f"{_measure(study, found['of'])}, {group_name(study, found['group'])}",
    ),
    Family(
        re.compile(r"r\((?P<one>\w+), (?P<other>\w+)\)"),
        "Correlations, both groups together",
        "correlation",
        lambda study, found: f"{_measure(study, found['one'])} with {_measure(study, found['other'])}",
    ),
    Family(
        re.compile(r"difference of (?P<of>\w+)"),
        "Differences between the groups",
        "{second} minus {reference} (pooled SD)",
        lambda study, found: _measure(study, found["of"]),
    ),
    Family(
        re.compile(r"SD ratio of (?P<of>\w+)"),
        "Ratios of the groups' SDs",
        "{second} over {reference}",
        lambda study, found: _measure(study, found["of"]),
        1.0,
    ),
    Family(
        re.compile(r"(?P<of>\w+): R2"),
        "Explained variance",
        "R² (plain)",
        lambda study, found: _step(study, found["of"]),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Rows of a table that share an axis, each with its label."""

    title: str
    axis: str
    neutral: float
    rows: list[tuple[str, dict[str, Any]]]

    @property
    def height(self) -> float:
        """Inches."""
        return ROW * len(self.rows) + AROUND


def calibration_figure(study: Study, table: pd.DataFrame) -> Figure:
    """Draw the intervals of every unprinted quantity of a calibration.

    Parameters
    ----------
    study : Study
        Names the measures, groups and steps.
    table : pandas.DataFrame
        ``calibration.csv``: a row a quantity, with ``quantity, fact, mean, q05, q95, sampling_error, pinned``.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each kind of quantity. Each row is a quantity's central 90 % between reconstructions, over the 90 %
        that sampling error alone would give to a sample of this size; its colour and mark say whether the record pins
        it down. The difference of slopes, which is a coefficient too, is drawn as the coefficient.
    """
    from matplotlib.figure import Figure

    unprinted = table[table["fact"].fillna("") == ""]
    columns = _balanced(_panels(study, unprinted))
    width = COLUMN * len(columns)
    height = HEAD + FOOT + max(sum(panel.height for panel in column) for column in columns)
    figure = Figure(figsize=(width, height))
    figure.set_layout_engine("none")
    title = f"{study.description}\nWhat the printed numbers pin down, and what they leave open"
    figure.text(0.5, 1 - 0.15 / height, title, ha="center", va="top", fontsize=11)
    # placed by hand, in inches: rows are equally high in every panel
    for place, column in enumerate(columns):
        top = height - HEAD
        for panel in column:
            rows = ROW * len(panel.rows)
            box = (COLUMN * place + LABELS, top - rows, COLUMN - LABELS - 0.25, rows)
            _draw(figure.add_axes((box[0] / width, box[1] / height, box[2] / width, box[3] / height)), panel)
            top -= panel.height
    _legend(figure, unprinted)
    return figure


def _panels(study: Study, table: pd.DataFrame) -> list[Panel]:
    """Sort the rows of a table into panels, in the order of the families and, in one, of the steps."""
    rows = records(table)
    several = [group_name(study, group) for group in study.group_names]
    named = [several[0], several[1] if len(several) == 2 else "another group"] if several else ["", ""]
    groups = dict(zip(GROUPS, named, strict=True))
    panels: dict[str, Panel] = {}
    for family in FAMILIES:
        for row in rows:
            if match := family.pattern.fullmatch(row["quantity"]):
                step = match.groupdict().get("step")
                title = f"{family.title}, {_step(study, step)}" if step else family.title
                axis = family.axis.format(**groups)
                panel = panels.setdefault(title, Panel(title=title, axis=axis, neutral=family.neutral, rows=[]))
                panel.rows.append((family.label(study, match), row))
    return list(panels.values())


def _step(study: Study, step: str) -> str:
    return textwrap.shorten(step_name(study, step), NAME, placeholder=" …")


def _balanced(panels: list[Panel]) -> list[list[Panel]]:
    """Divide panels into two columns of nearly equal height; their order stays."""
    heights = np.cumsum([panel.height for panel in panels])
    if len(panels) < 2:
        return [panels]
    first = 1 + int(np.argmin(np.maximum(heights[:-1], heights[-1] - heights[:-1])))
    return [panels[:first], panels[first:]]


def _draw(axis: Axes, panel: Panel) -> None:
    for place, (_, row) in enumerate(panel.rows):
        colour = PINNED_COLOUR if row["pinned"] else OPEN_COLOUR
        if pd.notna(row["sampling_error"]):
            reach = NINETY * row["sampling_error"]
            axis.plot([row["mean"] - reach, row["mean"] + reach], [place, place], color=SAMPLING_COLOUR, linewidth=6,
                      alpha=0.45, solid_capstyle="butt")  # fmt: skip
        axis.plot([row["q05"], row["q95"]], [place, place], color=colour, linewidth=1.8, solid_capstyle="butt")
        axis.plot(row["mean"], place, marker=MARKS[colour], color=colour, markersize=4)
    axis.axvline(panel.neutral, color="0.7", linewidth=0.8, zorder=0)
    axis.set_yticks(range(len(panel.rows)), [label for label, _ in panel.rows], fontsize=7.5)
    axis.set_ylim(len(panel.rows) - 0.4, -0.6)
    axis.tick_params(axis="x", labelsize=8)
    axis.tick_params(axis="y", length=0)
    axis.set_xlabel(panel.axis, fontsize=8)
    axis.set_title(panel.title, fontsize=9, loc="left")
    axis.spines["left"].set_visible(False)


def _legend(figure: Figure, table: pd.DataFrame) -> None:
    from matplotlib.lines import Line2D

    pinned = int(table["pinned"].astype(bool).sum())
    handles = [
        Line2D([], [], color=c, marker=MARKS[c], markersize=4, linewidth=1.8) for c in (PINNED_COLOUR, OPEN_COLOUR)
    ]
    handles.append(Line2D([], [], color=SAMPLING_COLOUR, linewidth=6, alpha=0.45))
    words = [
        f"pinned ({pinned} of {len(table)} unprinted numbers): 90 % between reconstructions",
        "left open: 90 % between reconstructions",
        "90 % by sampling error alone",
    ]
    figure.legend(handles, words, loc="lower center", ncols=3, frameon=False, fontsize=8)
