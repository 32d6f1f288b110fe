"""Simulated studies that are looked at while they run: what a look sees is added to what was seen before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, ndtri

from ...arrays import BoolArray, FloatArray
from ...inference.gaussian.normal_priors import FlatPrior
from ...inference.gaussian.philox import Stream
from ...inference.gaussian.sufficient import SufficientStatistics
from ...spec import InputError
from ..designs.cells import Sample
from ..designs.looks import Foreseen, Hopeless, Looks
from ..designs.rules import Found, Rule
from ..populations.samples import draw_statistics
from .analyses import Analysis
from .precision import prior_variance, squared_error
from .reach import could_find, told
from .replicates import FEATURES, LOOK, Block, features_of

if TYPE_CHECKING:
    from .plan import Plan, Population


def analyse_looks(plan: Plan, sample: Sample, population: Population, chunk: int, found: Block) -> None:
    """Run one study from each world of a chunk until it ends, and fill in what it has found by then.

    Parameters
    ----------
    plan, sample, population, chunk
        As `run_chunk`.
    found : array, shape (A, k, F, size)
        Its last features are the look at which a study ended, from 1, and, where something else than the rule can end
        it early, whether it has concluded.
    """
    looks = plan.simulation.looks
    assert looks is not None
    rule, against = plan.simulation.decisions[0].rule, plan.simulation.decisions[0].against
    names = features_of(plan.simulation)
    size, measurement, alike = found.shape[-1], plan.measurement(sample), plan.alike(population.worlds)
    sizes = looks.sizes(sample.sizes)
    for model in dict.fromkeys(analysis.model.name for analysis in plan.analyses):
        members = [i for i, analysis in enumerate(plan.analyses) if analysis.model.name == model]
        asked = [plan.analyses[i] for i in members]
        going, total = np.ones((len(members), size), dtype=bool), None
        for look, now in enumerate(sizes):
            before = sizes[look - 1] if look else (0,) * len(now)
            new = tuple(n - b for n, b in zip(now, before, strict=True))
            key = plan.key(sample.digest(), "look", look)
            counts = plan.counts(sample, population.worlds, plan.rng(key, chunk, "data"), new)[:size]
            stream = Stream.of(plan.seed(key, "data"), chunk * plan.chunk_size)
            drawn = draw_statistics(population.roots, counts, stream, asked[0].columns, measurement, alike=alike)
            total = drawn if total is None else merged(total, drawn)
            left = np.flatnonzero(going.any(axis=0))
            if not len(left):
                break
            for j, made in enumerate(plan.posteriors(asked, total.take(left))):
                here = going[j, left]
                block, run_on = found[members[j]], left[here]
                for f, name in enumerate(FEATURES[2:], start=2):
                    block[:, f, run_on] = getattr(made, name)[here].T
                block[:, names.index(LOOK), run_on] = look + 1
                last, first = look + 1 == len(sizes), dict(zip(names, block[0][:, run_on], strict=True))
                chance = partial(_chance, plan, asked[j], first, sum(now) / sum(sizes[-1]))
                concluded = _met(looks.success if looks.success and not last else rule, first, chance)
                if looks.success:
                    block[:, -1, run_on] = concluded
                if not last:
                    others = [_met(other, first, chance) for other in (against, looks.futility) if other]
                    going[j, run_on] = ~np.logical_or.reduce([concluded, *others])


def merged(one: SufficientStatistics, other: SufficientStatistics) -> SufficientStatistics:
    """Return the sufficient statistics of two samples together, data set by data set; one of them may have nobody."""
    n = one.n + other.n
    with np.errstate(invalid="ignore"):
        away_x, away_y = other.x_mean - one.x_mean, other.y_mean - one.y_mean
        share, between = other.n / n, one.n * other.n / n
    return replace(
        one,
        n=n,
        x_mean=one.x_mean + share[:, None] * away_x,
        y_mean=one.y_mean + share * away_y,
        sxx=one.sxx + other.sxx + between[:, None, None] * away_x[:, :, None] * away_x[:, None, :],
        sxy=one.sxy + other.sxy + (between * away_y)[:, None] * away_x,
        syy=one.syy + other.syy + between * away_y**2,
    )


def _met(asked: Foreseen | Hopeless | Rule, found: Found, chance: Callable[[], FloatArray]) -> BoolArray:
    """Tell which studies meet what is asked at a look."""
    if isinstance(asked, Rule):
        return asked.decides(found)
    if isinstance(asked, Foreseen):
        return np.asarray(chance() > asked.predictive_above)
    return np.asarray(chance() < asked.predictive_below)


def _chance(plan: Plan, analysis: Analysis, found: Found, share: float) -> FloatArray:
    """Return the predictive probability of the first decision's rule, where so much of a study has been seen."""
    mean, sd = (found[name].astype(float) for name in ("mean", "sd"))
    return predictive_probability(mean, sd, share, prior_variance(analysis), plan.simulation.decisions[0].rule)


# -- predictive probability ------------------------------------------------------------------------------------------


def predictive_probability(
    mean: FloatArray, sd: FloatArray, share: float, prior_variance: float, rule: Rule
) -> FloatArray:
    """Return the probability, given a look, that a rule's conclusion will be drawn at the last one.

    Parameters
    ----------
    mean, sd : array
        Of the posterior at the look.
    share : float
        Of the participants, seen so far.
    prior_variance : float
        Of the estimand under the analysis' prior; infinite under a flat one.
    rule : Rule
        About the side of a value on which the estimand lies.

    Notes
    -----
    In normal form: ``Phi((m - q sd_K) / sqrt(sd² - sd_K²))`` with q the quantile that the rule asks for and sd_K the
    posterior SD at the last look.

    References
    ----------
    .. [1] Saville B. R. et al. (2014). The utility of Bayesian predictive probabilities for interim monitoring of
       clinical trials. Clinical Trials 11(4), 485-493. https://doi.org/10.1177/1740774514531352
    """
    side, value, q = _threshold(rule)
    prior = 1 / prior_variance
    last = 1 / (prior + (1 / sd**2 - prior) / share)
    return np.asarray(ndtr((side * (mean - value) - q * np.sqrt(last)) / np.sqrt(sd**2 - last)))


def _threshold(rule: Rule) -> tuple[int, float, float]:
    """Side, value and z that a one-sided rule asks for."""
    if rule.parts or rule.condition not in ("above", "below", "p_positive_above", "p_positive_below"):
        raise InputError(
            "a predictive probability is of a rule about one side of a value (above, below, p_positive_*); found "
            f"{rule}",
            key="looks",
        )
    if rule.interval:
        return 1 if rule.condition == "above" else -1, float(rule.value), float(ndtri((1 + rule.interval) / 2))
    upwards = rule.condition == "p_positive_above"
    return (1 if upwards else -1), 0.0, float(ndtri(rule.value if upwards else 1 - rule.value))


# -- before anything is run ------------------------------------------------------------------------------------------


def check_looks(plan: Plan) -> None:
    """Refuse looks that cannot be: engines and designs without them, rules that no data can meet, an empty look.

    Raises
    ------
    InputError
        With the number of participants that a Bayes factor for 0 needs, where fewer are planned.
    """
    looks, decision = plan.simulation.looks, plan.simulation.decisions[0]
    if looks is None:
        return
    if plan.engine == "nuts":
        raise InputError("looks are for models of the exact engine", key="looks")
    share = plan.estimands[0].name in plan.shares
    if looks.predictive and share:
        raise InputError("a predictive probability is not of a share of variance", key="looks")
    if looks.predictive:
        _threshold(decision.rule)
        if any(analysis.priors is None for analysis in plan.analyses):
            raise InputError("a predictive probability needs a prior that is the same at every look", key="looks")
    for sample in plan.simulation.samples():
        if sample.predictors == "fixed":
            raise InputError("looks go with random predictors", key="looks")
        sizes = [sum(each) for each in looks.sizes(sample.sizes)]
        if len(set(sizes)) < len(sizes):
            raise InputError(
                f"with n_per_group = {sample.n_per_group} two looks are at {_twice(sizes)} participants; fewer looks, "
                "or more participants",
                key="looks.at",
            )
        _refuse_hardly_anybody(plan, sample.n_per_group, looks.sizes(sample.sizes)[0])
    for rule in plan.simulation.rules_of(decision):
        if rule.weighs_original:
            raise InputError(
                f"decision {decision.name!r}: the original is weighed at the end of a study, not at looks", key="looks"
            )
        for part in rule.parts or (rule,):
            if not share and not part.parts and part.condition == "bf10_below":
                last = -2 if rule in looks.early and rule not in decision.rules else -1
                _refuse_unreachable(plan, decision.name, part, (0.0, *looks.at)[last])
    _refuse_no_way_on(plan, looks)


def _refuse_hardly_anybody(plan: Plan, n_per_group: int, first: tuple[int, ...]) -> None:
    """Refuse a first look at too few people for the model."""
    least = max(len(analysis.columns.names) for analysis in plan.analyses) + 2
    if sum(first) < least or min(first) < 2:
        raise InputError(
            f"with n_per_group = {n_per_group} the first look is at {sum(first)} participants; at least {least} are "
            "needed, and two in each group",
            key="looks.at",
        )


def _refuse_no_way_on(plan: Plan, looks: Looks) -> None:
    """Refuse looks at which every study ends, whatever it has found: nothing is left between success and futility."""
    decision = plan.simulation.decisions[0]
    rules = (*decision.rules, *looks.early)
    sample = max(plan.simulation.samples(), key=lambda each: sum(each.sizes))
    for analysis in plan.analyses if told(plan, plan.analyses[0], *rules) else ():
        for share in looks.at[:-1]:
            found = could_find(plan, analysis, squared_error(plan, sample, analysis) / share, rules)
            chance = partial(_chance, plan, analysis, found, share)
            ends = (looks.success or decision.rule, looks.futility, decision.against)
            if np.logical_or.reduce([_met(each, found, chance) for each in ends if each]).all():
                raise InputError(
                    f"every study ends at the look at {share:.0%}, whatever it has found: what does not conclude is "
                    "futile, or counts against it",
                    key="looks",
                )


def _twice(sizes: list[int]) -> int:
    return next(n for n in sizes if sizes.count(n) > 1)


def _refuse_unreachable(plan: Plan, decision: str, rule: Rule, share: float) -> None:
    """Refuse a Bayes factor for 0 that needs more than a share of the people.

    It is largest at an estimate of 0, and grows with n.
    """
    for sample in plan.simulation.samples():
        for analysis in plan.analyses:
            if analysis.priors is None or isinstance(analysis.priors, FlatPrior):
                continue
            needed = (
                (rule.value**-2 - 1)
                * squared_error(plan, sample, analysis)
                / prior_variance(analysis)
                * sum(sample.sizes)
            )
            if needed > (there := ceil(share * sum(sample.sizes))):
                raise InputError(
                    f"decision {decision!r}: no data of {there} participants make {rule} under prior "
                    f"{analysis.variant!r}; it takes about {needed:,.0f} before any can",
                    key="looks",
                )
