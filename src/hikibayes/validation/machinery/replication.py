"""Measures of a replication, where two independent methods agree on the value.

``replication.json`` holds cases with inputs, values, and the methods (R packages, quadrature) that they come from.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from ...arrays import FloatArray
from ...folders import csv_table
from ...inference.gaussian.exact import posterior
from ...inference.gaussian.mixture import Mixture
from ...inference.gaussian.normal_priors import FlatPrior, HalfStudentT, NormalPriors
from ...inference.gaussian.reprior import Likelihood, likelihood
from ...inference.gaussian.sufficient import SufficientStatistics
from ...replication import measures as m
from ...replication.effects import Effects, apart, stacked
from ...replication.sceptical import sceptical_bf, sceptical_p

COLUMNS = ("sex", "g", "x", "gx")
"""Of the regressions."""

type Inputs = Mapping[str, Any]
type Values = dict[str, float]

WITHIN = 1e-6
"""Relative error that is accepted; of values below .001 an absolute one of a thousandth of that."""


@cache
def reference() -> dict[str, Any]:
    """Return ``cases`` (``id, group, inputs, values``) and ``data`` (CSV) of the reference."""
    content: dict[str, Any] = json.loads((files(__package__) / "replication.json").read_text(encoding="utf-8"))
    return content


def disagreements(case: Inputs) -> Iterator[tuple[str, float]]:
    """Yield the values of a case that are computed here, and their errors, relative to `WITHIN`'s scale."""
    for name, found in MEASURES[case["group"]](case["inputs"]).items():
        wanted = case["values"][name]
        if wanted is None:  # it does not exist
            yield name, 0.0 if np.isnan(found) else np.inf
        else:
            yield name, abs(float(found) - wanted) / max(abs(wanted), 1e-3)


def _pair(given: Inputs) -> tuple[Likelihood, Likelihood]:
    return m.normal(given["to"], given["so"]), m.normal(given["tr"], given["sr"])


def _described(mixture: Mixture) -> Values:
    return {"mean": mixture.mean()[0, 0], "sd": mixture.sd()[0, 0], "p_positive": mixture.p_positive()[0, 0]}


def _replication_bf(given: Inputs) -> Values:
    original, new = _pair(given)
    return {"value": np.exp(m.log_replication_bf(original, apart(original, new).common()))[0]}


def _prediction(given: Inputs) -> Values:
    found = m.prediction(m.normal(given["to"], given["so"]), m.normal(0.07, given["sr"]), tau=given["tau"])
    lower, upper = found.eti(given["level"])
    return {"lower": lower[0, 0], "mean": found.mean()[0, 0], "upper": upper[0, 0]}


def _test_of_two_estimates(given: Inputs) -> Values:
    below = apart(*_pair(given)).difference().cdf(0.0)[0, 0]
    return {"value": 2 * min(below, 1 - below)}


def _equal_or_differing(given: Inputs) -> Values:
    effects = apart(*_pair(given))
    equal, differing = (m.log_evidence(effects.common(tau), m.FLAT) for tau in (0.0, given["tau"]))
    return {"value": np.exp(equal - differing)[0]}


def _hierarchical(effects: Effects, given: Inputs) -> Values:
    scale = given["tau_scale"]
    prior = m.NormalPrior(0, given["mu_sd"])
    _, found, _ = m.if_studies_differ(effects, prior, [scale / 2, scale, 2 * scale])
    effect = _described(found.mean_effect)
    of_mean = {"mu_mean": effect["mean"], "mu_sd": effect["sd"], "p_mu_positive": effect["p_positive"]}
    return {"bf_heterogeneous": float(np.exp(found.log_bf)), **of_mean}


def _robust_mixture(given: Inputs) -> Values:
    vague = m.NormalPrior(0, given["vague_sd"])
    original, new = _pair(given)
    joint = apart(original, new).common()
    right = m.log_if_right(original, joint, m.FLAT)
    weight = m.original_weight(right, m.log_evidence(new, vague), given["weight"])[0]
    counted, not_counted = _described(m.posterior(joint)), _described(m.posterior(new, vague))
    mixed = {name: weight * counted[name] + (1 - weight) * not_counted[name] for name in ("mean", "p_positive")}
    return {"weight": weight, **mixed}


def _reweighted(given: Inputs) -> Values:
    original, new = m.normalised(m.normal(given["means"], given["sds"]), m.FLAT), m.normal(given["tr"], given["sr"])
    joint = apart(original, new).common()
    found = _described(m.posterior(m.pooled(joint)))
    equal = m.together(m.posterior(joint)).mean()[0, 0]
    ess = m.effective_number(original, joint, m.FLAT)
    return {"mean": found["mean"], "sd": found["sd"], "ess": ess, "naive_mean": equal}


def _selected(given: Inputs) -> Values:
    original = m.normal(given["to"], given["so"])
    joint = original if given["tr"] is None else apart(*_pair(given)).common()
    found = m.selected(joint, given["so"], m.NormalPrior(0, given["prior_sd"]), given["publish"])
    return {"mean": found.mean()[0], "sd": found.sd()[0], "p_positive": found.p_positive()[0]}


def _sceptical_bf(given: Inputs) -> Values:
    ratio = (given["so"] / given["sr"]) ** 2
    return {"value": sceptical_bf(given["to"] / given["so"], given["tr"] / given["sr"], ratio)}


def _regressions(given: Inputs) -> Values:
    original, new = _regression(given["orig"]), _regression(given["rep"])
    effects, prior = apart(original, new), m.NormalPrior(0, given["prior_sd"])
    joint, (lower, upper) = effects.common(), m.prediction(original, new).eti(0.95)
    return {
        "est_o": m.flat_estimate(original)[0][0],
        "est_r": m.flat_estimate(new)[0][0],
        "bf10_orig": np.exp(m.log_bf10(original, prior))[0],
        "bf10_both": np.exp(m.log_bf10(joint, prior))[0],
        "bf_rep": np.exp(m.log_replication_bf(original, joint, prior))[0],
        **_described(m.posterior(joint, prior)),
        "p_rep_smaller": effects.difference().cdf(0.0)[0, 0],
        "predict_lower": lower[0, 0],
        "predict_upper": upper[0, 0],
    }


@cache
def _regression(name: str) -> Likelihood:
    """Return the likelihood of the last slope, whose nuisance parameters are the study's own."""
    return likelihood(posterior(_statistics(name), FlatPrior(), nodes=41), "gx")


def _statistics(name: str) -> SufficientStatistics:
    table = csv_table(reference()["data"][name])
    rows = table[["sex", "g", "x"]].assign(gx=table["g"] * table["x"])
    return SufficientStatistics.from_rows(rows, table["y"], COLUMNS)


def _stacked(given: Inputs) -> Values:
    """One regression of both studies' rows."""
    sd, sigma = [1.0, 1.0, 0.5, 0.25], HalfStudentT(nu=4, scale=1.0)
    priors = NormalPriors(names=COLUMNS, mean=0.0, sd=sd, intercept_mean=0.0, intercept_sd=1.0, sigma=sigma)
    effect, at = np.array([[0.0, 0, 0, 1]]), np.zeros((1, 4))
    old, new = _statistics(given["orig"]), _statistics(given["rep"])
    joint = stacked(old, new, priors, effect, at=at, nodes=41).common()
    prior = m.NormalPrior(0, sd[-1])
    return {
        "bf10_both": np.exp(m.log_bf10(joint, prior))[0],
        "log_evidence_both": m.log_evidence(joint, prior)[0],
        **_described(m.posterior(joint, prior)),
    }


MEASURES: dict[str, Callable[[Inputs], Values]] = {
    "bf_rep": _replication_bf,
    "predict": _prediction,
    "p_compatible": _test_of_two_estimates,
    "bf_equal_fixed_tau": _equal_or_differing,
    "hierarchical": lambda given: _hierarchical(apart(*_pair(given)), given),
    "robust_mixture": _robust_mixture,
    "reweight": _reweighted,
    "selected": _selected,
    "p_sceptical": lambda given: {"value": sceptical_p(given["zo"], given["zr"], given["c"], given["type"])},
    "bf_sceptical": _sceptical_bf,
    "reg_flat": _regressions,
    "reg_stacked": _stacked,
    "reg_hierarchical": lambda given: _hierarchical(
        apart(_regression(given["orig"]), _regression(given["rep"])), given
    ),
}
"""Groups of cases, and what is computed of their inputs; other groups pool in ways that are not the package's."""


# -- planted pairs ---------------------------------------------------------------------------------------------------

PEOPLE = (60, 80)
"""Rows of a planted original and of its replication."""
PLANTED = NormalPriors(
    names=("g", "x", "gx"), mean=0.0, sd=[1.0, 0.5, 0.25], intercept_mean=0.0, intercept_sd=1.0,
    sigma=HalfStudentT(nu=4, scale=1.0),
)  # fmt: skip


def planted(rng: np.random.Generator, pairs: int, *, share: bool) -> dict[str, FloatArray]:
    """Plant pairs of studies with one effect, everything drawn from its prior, and say where truths fall.

    Parameters
    ----------
    rng : numpy.random.Generator
    pairs : int
        How many.
    share : bool
        Whether intercept, slopes and residual SD are the original's in the new study, too, and the analysis says so.

    Returns
    -------
    dict of str to array, shape (pairs,)
        Probability of less than the truth under the posterior of both; and of a new effect below the original's.
    """
    coefficients, centre, sigma = _drawn(rng, pairs)
    first = _study(rng, PEOPLE[0], coefficients, centre, sigma)
    at = first.x_mean
    if share:
        second = _study(rng, PEOPLE[1], coefficients, centre, sigma, at)
        contrast = np.tile([0.0, 0.0, 1.0], (pairs, 1))
        effects = stacked(first, second, PLANTED, contrast, at=at, nodes=15)
    else:
        others, its_centre, its_sigma = _drawn(rng, pairs)
        others[:, -1] = coefficients[:, -1]
        second = _study(rng, PEOPLE[1], others, its_centre, its_sigma)
        effects = apart(*(likelihood(posterior(each, PLANTED), "gx") for each in (first, second)))
    both = m.posterior(effects.common(), m.NormalPrior(0.0, 0.25))
    return {
        "truth in the posterior of both": both.cdf(coefficients[:, -1:])[:, 0],
        "P(new < original)": effects.difference().cdf(0.0)[:, 0],
    }


def _drawn(rng: np.random.Generator, size: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Draw coefficients, centred intercepts and residual SDs from their priors."""
    coefficients = np.asarray(PLANTED.sd) * rng.standard_normal((size, 3))
    # one in a thousand is smaller: the engine refuses data next to a perfect fit
    return coefficients, rng.normal(size=size), np.maximum(np.abs(rng.standard_t(4, size=size)), 1e-3)


def _study(
    rng: np.random.Generator,
    n: int,
    coefficients: FloatArray,
    centre: FloatArray,
    sigma: FloatArray,
    at: FloatArray | None = None,
) -> SufficientStatistics:
    """Draw rows of two groups and outcomes, whose intercept is that at these column means, else at the rows' own."""
    x = rng.normal(size=(len(centre), n))
    g = np.broadcast_to(np.arange(n) % 2, x.shape)
    rows = np.stack([g, x, g * x], axis=2)
    about = rows - (rows.mean(axis=1) if at is None else at)[:, None]
    fitted = centre[:, None] + np.einsum("bnp,bp->bn", about, coefficients)
    outcome = fitted + sigma[:, None] * rng.standard_normal(fitted.shape)
    return SufficientStatistics.from_rows(rows, outcome, PLANTED.names)
