"""Tables of models that are not taken: which, by what they say of themselves, and what can be entered instead."""

from __future__ import annotations

import re

from .columns import columns_of
from .grids import Grid

DESCRIBED = "means, SDs, percentages and correlations of its measures can be entered"
CATEGORIES = (
    "models for categories, counts and times are not taken; percentages or counts by group with their χ² can be"
    " entered, and the means of people with and without"
)
MODELS: dict[str, str] = {
    r"multi-?level|hierarchical linear|mixed[- ](?:effects|model)\w*|random[- ](?:effects|intercepts?|slopes?)|"
    r"variance components?|growth (?:curve|model)\w*|\bICC\b": f"multilevel models are not taken; {DESCRIBED}",
    r"\b(?:(?:\w+ )?logistic|probit|poisson|negative binomial|zero-inflated|multinomial|ordinal)\b(?: regression)?|"
    r"\bcox (?:regression|proportional|model)\w*|hazards?\b|odds\b|generali[sz]ed (?:linear|estimating)|\bGEE\b": (
        CATEGORIES
    ),
    r"structural equation|\bSEM\b|path (?:model|analys[ie]s|coefficients?)|loadings?\b|fit indices|RMSEA|latent": (
        f"structural equation models are not taken; {DESCRIBED}, and regressions of observed scores with their outcomes"
    ),
}
"""Words of a title, a heading or a row, and of the note of a regression; and what to do."""
BAYESIAN = re.compile(r"(?i)\bbayesian (?:\w+ )?(?:regression|model|analysis)\w*|posterior (?:mean|median)s?")
WEIGHTS = re.compile(
    r"(?i)\b(?:weighted(?! kappa)|(?:survey|sampling|sample|probability|propensity|design|stratification) weights?|"
    r"weights were|weighting|IPT?W)\b"
)
INDIRECT = re.compile(r"(?i)^\W*(?:table \w+\W*)?(?:conditional )?indirect effects?")
EFFECTS = re.compile(
    r"(?i)^(?:(?:conditional |partial |total )*(?:in)?direct|total) effects?\b|^(?:in)?direct$|\ba ?[×*] ?b\b"
)
"""Rows of a mediation that are no term of a regression."""
UNWEIGHTED = "weighted numbers are not taken, for they are of no sample; what is printed unweighted can be entered"
OF_A_MEDIATION = "an effect of a mediation is no term; each of its regressions can be entered, with its outcome"


def outside(grid: Grid) -> tuple[str, str] | None:
    """Return what says that a table is of a model that is not taken, and what can be entered instead."""
    everything = f"{grid.title} {grid.note} {' '.join(map(' '.join, grid.head))}"
    if found := WEIGHTS.search(everything):
        return found[0], UNWEIGHTED
    if found := BAYESIAN.search(grid.title):
        return found[0], f"posteriors hold a prior and are not taken; {DESCRIBED}, and least-squares regressions"
    if INDIRECT.search(grid.title):
        return "indirect effects", OF_A_MEDIATION
    told = {name for column in columns_of(grid) for name in column.statistics}
    if told & {"mean", "median", "percent", "n", "r"}:
        # comparisons and descriptions beside a model can be entered
        return None
    texts = [grid.title, *(cell for row in grid.head for cell in row), *(row[0] for row in grid.body), grid.note]
    for pattern, why in MODELS.items():
        if model := next(filter(None, (re.search(f"(?i){pattern}", text) for text in texts)), None):
            return model[0], why
    return ("OR", CATEGORIES) if "odds" in told else None
