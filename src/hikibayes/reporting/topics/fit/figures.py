"""Figures of a fit's folder, drawn from its tables by the functions that a notebook calls."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from ....folders import csv_table
from ....inference.answers import plots
from ....inference.answers.summary import question_first
from ....study.wording import header
from ...drawing import FigureOf
from ...saved import SavedRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


SECOND = ("and_by", "and_cell")
"""Columns that folders of older versions lack."""


def _of(ax: Axes) -> Figure:
    figure = ax.figure
    assert figure is not None
    return figure  # type: ignore[return-value]


def _effects(run: SavedRun) -> Figure:
    # a level may look like a number
    lines, dots = (
        csv_table(run.texts[f"{name}.csv"], dtype=str, na_values=[]) for name in ("effects", "effects_people")
    )
    lines, dots = (table.assign(**{name: "" for name in SECOND if name not in table}) for table in (lines, dots))
    numbers = ["mean", "lower", "upper"]
    if not run.study.measure(str(lines["along"].iloc[0])).levels:
        numbers, dots = [*numbers, "value"], dots.assign(x=pd.to_numeric(dots["x"]))
    lines = lines.assign(**{name: pd.to_numeric(lines[name]) for name in numbers})
    (model,) = run.models.values()
    dots = dots.assign(y=pd.to_numeric(dots["y"]))
    return _of(plots.draw_effects(lines, dots, model.outcome, partial(header, run.study)))


def _slopes(run: SavedRun) -> Figure:
    return _of(plots.draw_slopes(question_first(run.table("summary"), run.study)))


def _table(name: str, make: Callable[[pd.DataFrame], Axes]) -> FigureOf:
    return FigureOf(needs=(name,), draw=lambda run: _of(make(run.table(name))))


def _first_moderator(run: SavedRun) -> Figure:
    band = run.table("johnson_neyman_band")
    first = band[["moderator", "effect"]].iloc[0]
    return _of(
        plots.draw_johnson_neyman(
            band[(band[["moderator", "effect"]] == first).all(axis=1)], partial(header, run.study)
        )
    )


FIGURES = {
    "fit_effects": FigureOf(needs=("effects", "effects_people", "models.json", "study.json"), draw=_effects),
    "fit_slopes": FigureOf(needs=("summary", "study.json"), draw=_slopes),
    "fit_prior_posterior": _table("prior_posterior", plots.draw_prior_posterior),
    "fit_johnson_neyman": FigureOf(needs=("johnson_neyman_band", "study.json"), draw=_first_moderator),
    "fit_checks": _table("residuals", plots.draw_checks),
}
