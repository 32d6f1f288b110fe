"""The other direction: the same moments with outcome and focal measure exchanged, and what could tell them apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.stats import norm

from ... import apa
from ...inference.models.specs import ModelSpec
from ...spec import InputError
from ...study.study import Limitation
from ...study.wording import term_name
from ..case import Case
from .scenario import Answer, answered, as_noun, known_from

NUMBERS = {"stability": 0.7, "power": 0.8}
"""Correlation of the outcome with itself at the first of two waves; probability of finding the lagged difference."""
SHARES = (1.0, 0.5, 0.25)
"""Of the difference that is seen at one time, how much a lag may have kept."""


def exchanged(case: Case) -> Case:
    """Return the same data with outcome and focal measure exchanged; raises `InputError` where that is no model."""
    outcome, focal = case.model.outcome, case.estimand.of
    if case.estimand.kind != "slope_difference" or not focal or case.estimand.at or case.estimand.by:
        raise InputError("only a difference of slopes between the groups has a reverse here")
    study, model = case.study, case.model
    if study.measure(focal).kind == "category" or any("(" in term for term in model.terms):
        raise InputError(f"with {focal!r} as the outcome there is no linear model of the same terms")
    swap = {outcome: focal, focal: outcome}
    names = {term: ":".join(swap.get(part, part) for part in term.split(":")) for term in model.terms}
    content = model.model_dump(exclude_unset=True)
    content["formula"] = f"{focal} ~ {' + '.join(names.values())}"
    content["priors"] = {names.get(name, name): prior for name, prior in content["priors"].items()}
    content["variants"] = {
        name: {**variant, "priors": {names.get(term, term): prior for term, prior in variant.get("priors", {}).items()}}
        for name, variant in content.get("variants", {}).items()
    }
    content["estimands"] = ["reverse"]
    asked = {"name": "reverse", "kind": "slope_difference", "of": outcome, "between": case.estimand.between}
    asked |= {"meaning": "the same with outcome and focal measure exchanged"}
    analysis = {**study.analysis.model_dump(exclude_unset=True), "outcome": focal, "focal": outcome}
    turned = study.replace(analysis=analysis, estimands=(*study.estimands, asked), limitations=())
    return replace(case, study=turned, model=ModelSpec.model_validate(content), estimand=turned.estimand("reverse"))


def participants_for_lag(difference: float, *, stability: float, power: float, residual: float) -> int:
    """Return people per group for a difference of lagged slopes to be found, two-sided at .05.

    Parameters
    ----------
    difference : float
        Of the slopes of the later outcome on the earlier measure, in SD per SD.
    stability : float
        Correlation of the outcome with itself at the first wave, which the regression holds equal.
    power : float
    residual : float
        Share of the outcome's variance that the model leaves at one wave.

    Notes
    -----
    Normal approximation, the measure's variance given the covariates being 1: the variance of the difference is twice
    the residual variance over n, and the earlier outcome takes its square of the stability from the residual.

    Examples
    --------
    >>> participants_for_lag(0.25, stability=0.0, power=0.8, residual=1.0)
    252
    """
    wanted = norm.isf(0.025) + norm.ppf(power)
    return int(np.ceil(2 * residual * (1 - stability**2) * (wanted / difference) ** 2))


def reverse_of(case: Case, said: Limitation, *, rng: np.random.Generator) -> Answer:
    """Ask what the same moments say in the other direction."""
    del rng  # nothing is drawn
    numbers = said.numbers
    if not (-1 < numbers["stability"] < 1 and 0 < numbers["power"] < 1):
        raise InputError("limitation 'reverse': stability must lie between -1 and 1, and power between 0 and 1")
    ahead, behind = known_from(case.marginal), known_from(exchanged(case).marginal)
    stats = case.design.statistics
    residual = float(np.median(case.posterior().sigma().mean() ** 2 / (stats.syy / (stats.n - 1))))
    lags = [
        {
            "share": share,
            "difference": share * abs(ahead["mean"]),
            "stability": numbers["stability"],
            "power": numbers["power"],
            "n_per_group": participants_for_lag(
                share * ahead["mean"], stability=numbers["stability"], power=numbers["power"], residual=residual
            ),
        }
        for share in SHARES
    ]
    outcome, focal = (term_name(case.study, name) for name in (case.model.outcome, str(case.estimand.of)))
    directions = [{"direction": f"{focal} → {outcome}", **ahead}, {"direction": f"{outcome} → {focal}", **behind}]
    needed = apa.number(lags[1]["n_per_group"], 0)
    return Answer(
        corrected=behind,
        tables={"limitation_reverse": pd.DataFrame(directions), "limitation_reverse_lag": pd.DataFrame(lags)},
        what="difference of slopes with outcome and focal measure exchanged",
        values=np.full(len(case.data_sets), np.nan),
        known="one wave of data cannot tell the directions apart",
        assumed=f"for the lagged design: stability {apa.bounded(numbers['stability'])}, half of the difference kept",
        sentence=(
            f"With {focal} as the outcome the same people give a difference of {answered(case, behind)}, beside"
            f" {answered(case, ahead)}: the {as_noun(case)} says nothing of the direction. A second wave would need"
            f" {needed} people a group to find half of it."
        ),
    )
