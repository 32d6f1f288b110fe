"""Figures of a fit's folder, drawn from its tables by the functions that a notebook calls."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from ....inference.answers import plots
from ....study.wording import header
from ...drawing import FigureOf
from ...saved import SavedRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def _of(ax: Axes) -> Figure:
    figure = ax.figure
    assert figure is not None
    return figure  # type: ignore[return-value]


def _effects(run: SavedRun) -> Figure:
    dots = run.table("effects_people").astype({"cell": object}).fillna({"cell": ""})
    lines = run.table("effects").astype({"by": object, "cell": object}).fillna({"cell": "", "by": ""})
    (model,) = run.models.values()
    text = {"cell": str}
    return _of(plots.draw_effects(lines.astype(text), dots.astype(text), model.outcome, partial(header, run.study)))


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
    "fit_slopes": _table("summary", plots.draw_slopes),
    "fit_prior_posterior": _table("prior_posterior", plots.draw_prior_posterior),
    "fit_johnson_neyman": FigureOf(needs=("johnson_neyman_band", "study.json"), draw=_first_moderator),
    "fit_checks": _table("residuals", plots.draw_checks),
}
