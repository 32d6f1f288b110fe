"""Made-up studies whose raw data are known, and the summaries that a paper would print of them.

A calibration sees the summary alone; what it says can then be held against the raw data.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats
from tests.study.labelled import regress

from hikibayes.reconstruction.verify import recompute
from hikibayes.spec import validated
from hikibayes.study.moments import sample_moments
from hikibayes.study.study import Study

SOURCE = {"locator": "made up", "quote": "made up"}
PREDICTORS = ("focus", "trust", "noise")

type Line = tuple[str, dict[str, Any], int]
"""Quantity, address, and how many decimals are printed."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A study's size and scales: how many levels the predictors' scales have; 0 for continuous ones."""

    n: tuple[int, int]
    levels: int = 0
    interaction: float = 0.25
    analysis: dict[str, Any] | None = None


def skeleton(shape: Shape) -> dict[str, Any]:
    """Return a study without facts: does training make output rise more steeply with focus?"""

    def number(name: str) -> dict[str, Any]:
        if shape.levels:
            return {
                "id": name,
                "label": name,
                "kind": "scale",
                "items": 4,
                "response": [0, shape.levels],
                "direction": "more",
            }
        return {"id": name, "label": name, "kind": "number", "unit": "points", "range": [0, 100], "integer": False}

    return {
        "id": "training",
        "description": "Output of workers with and without training",
        "citation": {"authors": ["Nobody"], "year": 2002, "title": "Output", "journal": "None", "read": "all"},
        "group": [{"id": "plain", "label": "no training"}, {"id": "trained", "label": "training"}],
        "analysis": {"outcome": "output", "group": "course", "focal": "focus", **(shape.analysis or {})},
        "measure": [
            {"id": "course", "label": "c", "kind": "category",
             "levels": [{"id": "plain", "label": "p"}, {"id": "trained", "label": "t"}]},
            {"id": "shift", "label": "s", "kind": "category",
             "levels": [{"id": "day", "label": "d"}, {"id": "night", "label": "n"}]},
            {"id": "tenure", "label": "t", "kind": "number", "unit": "years", "range": [0, 40]},
            *(number(name) for name in (*PREDICTORS, "output")),
        ],
        "step": [
            {"id": "first", "label": "1", "adds": ["shift", "tenure", "course"]},
            {"id": "second", "label": "2", "after": "first", "adds": list(PREDICTORS)},
            {"id": "third", "label": "3", "after": "second", "adds": ["course:focus", "course:trust"]},
        ],
    }  # fmt: skip


def workers(shape: Shape, seed: int) -> pd.DataFrame:
    """Draw raw data: correlated predictors that differ between the groups, and an interaction with focus."""
    rng = np.random.default_rng(seed)
    total = sum(shape.n)
    trained = np.repeat([0, 1], shape.n)
    root = np.linalg.cholesky([[1, 0.4, -0.3], [0.4, 1, -0.2], [-0.3, -0.2, 1]])
    scores = rng.standard_normal((total, 3)) @ root.T + 0.4 * trained[:, None]
    night = rng.random(total) < 0.35 + 0.2 * trained
    tenure = np.clip(np.round(rng.gamma(2.0, 4.0, total)), 0, 40)
    slope = 0.1 + shape.interaction * trained
    output = slope * scores[:, 0] + 0.25 * scores[:, 1] - 0.2 * scores[:, 2] + 0.3 * trained - 0.2 * night
    output = output + 0.01 * tenure + rng.normal(0, 0.8, total)
    columns = dict(zip((*PREDICTORS, "output"), (*scores.T, output), strict=True))
    if shape.levels:
        top = 4 * shape.levels
        columns = {name: np.clip(np.round(top / 2 + top / 6 * x), 0, top) for name, x in columns.items()}
    else:
        columns = {name: 50 + 10 * x for name, x in columns.items()}
    return pd.DataFrame(
        {
            "course": np.where(trained, "trained", "plain"),
            "shift": np.where(night, "night", "day"),
            "tenure": tenure,
            **columns,
        }
    )


def printed_study(shape: Shape, participants: pd.DataFrame, lines: Iterable[Line], **more: Any) -> Study:
    """Return the study with the numbers a paper would print, computed by statsmodels and SciPy, and rounded."""
    content = {**skeleton(shape), **more}
    counts = [("n", {"group": name}, 0) for name in ("plain", "trained")]
    bare = [fact_of(i, *line, value=0.5 if line[0] != "vif" else 2) for i, line in enumerate([*counts, *lines])]
    bare[0]["value"], bare[1]["value"] = map(Decimal, shape.n)
    study = validated(Study, {**content, "fact": bare}, "made up")
    values = recompute(study, participants)
    facts = [fact_of(i, *line, value=values[f"f{i}"]) for i, line in enumerate([*counts, *lines])]
    return validated(Study, {**content, "fact": facts}, "made up")


def fact_of(i: int, quantity: str, address: dict[str, Any], decimals: int, *, value: float) -> dict[str, Any]:
    """Round a number as printed; a p below .001 is printed as such."""
    rounded = Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN)
    relation = {}
    if quantity.endswith("p") and value < 0.001:
        rounded, relation = Decimal("0.001"), {"relation": "<"}
    return {"id": f"f{i}", "quantity": quantity, "value": rounded, "source": SOURCE, **address, **relation}


# -- what papers print -----------------------------------------------------------------------------------------------

MEASURES = ("tenure", *PREDICTORS, "output")


def descriptives() -> list[Line]:
    """Means and SDs by group, and how many work at night."""
    by_group = [{"of": name, "group": group} for name in MEASURES for group in ("plain", "trained")]
    nights = [("proportion", {"of": "shift", "level": "night", "group": g}, 3) for g in ("plain", "trained")]
    return [(quantity, where, 2) for where in by_group for quantity in ("mean", "sd")] + nights


def correlation_table(group: str | None = None) -> list[Line]:
    """Correlations of everything with everything, with two decimals."""
    names = ("shift", *MEASURES)
    extra = {"group": group} if group else {}
    return [("correlation", {"of": a, "with": b, **extra}, 2) for a, b in combinations(names, 2)]


def coefficients(step: str, terms: Iterable[str], *kinds: str, decimals: int = 2, **how: Any) -> list[Line]:
    """Coefficients of a step with their standard errors or p."""
    places = {"coefficient_p": 3}
    return [
        (kind, {"step": step, "term": term, **({} if kind == "coefficient_p" else how)}, places.get(kind, decimals))
        for term in terms
        for kind in ("coefficient", *kinds)
    ]


def explained() -> list[Line]:
    """R2 of the first step, and what the others add."""
    return [
        ("r2", {"step": "first"}, 2),
        ("delta_r2", {"step": "second"}, 2),
        ("delta_r2", {"step": "third"}, 3),
        ("delta_r2_p", {"step": "third"}, 3),
    ]


def slopes(*kinds: str) -> list[Line]:
    """Simple slopes of focus."""
    where = [{"of": "focus", "group": group, "step": "third"} for group in ("plain", "trained")]
    return [(kind, place, 3 if kind == "slope_p" else 2) for place in where for kind in ("slope", *kinds)]


# -- answers ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The flat-prior posterior of the focal interaction, in SD of the outcome per SD of focus."""

    mean: float
    sd: float
    positive: float
    lower: float
    upper: float


def answer(study: Study, moments: xr.Dataset) -> Answer:
    """Pool the flat-prior posteriors of one data set or of all draws, with equal weights."""
    analysis = study.analysis
    fit = regress(moments, analysis.outcome, study.terms("third"), group=analysis.group)
    at = {"term": "course:focus"}
    b, se = np.atleast_1d(fit.standardised.sel(at)), np.atleast_1d(fit.standardised_se.sel(at))
    within = se**2 * fit.df / (fit.df - 2)
    rng = np.random.default_rng(1)
    draws = (b[:, None] + se[:, None] * rng.standard_t(fit.df, (len(b), max(4000 // len(b), 50)))).ravel()
    lower, upper = np.quantile(draws, [0.025, 0.975])
    return Answer(
        mean=float(b.mean()),
        sd=float(np.sqrt(within.mean() + b.var())),
        positive=float(stats.t.cdf(b / se, fit.df).mean()),
        lower=float(lower),
        upper=float(upper),
    )


def truth(study: Study, participants: pd.DataFrame) -> Answer:
    """Return the answer that the raw data give."""
    return answer(study, sample_moments(participants, study))
