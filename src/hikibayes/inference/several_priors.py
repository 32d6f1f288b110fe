"""The same data sets under several priors: where these differ in the one coefficient asked about, factored only once.

What is expensive about a posterior, the factorisations, does not change with the prior of one coefficient: that prior
can be divided out of the posterior and another put in its place (see `hikibayes.inference.reprior`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from .conditional import check_priors
from .exact import Contrasts, contrast_matrix
from .normal_priors import Aligned, NormalPriors, Priors
from .sufficient import FloatArray, SufficientStatistics
from .summaries import PER_CONTRAST, Asked, Computed, Summaries, completed, log_prior_at_zero, summaries, task_of

__all__ = ["summaries_by_prior"]


def summaries_by_prior(
    stats: SufficientStatistics,
    priors: Sequence[Priors],
    contrasts: Contrasts | None = None,
    *,
    prob: float = 0.95,
    rope: tuple[float, float] = (-0.1, 0.1),
    nodes: int = 15,
) -> list[Summaries]:
    """Summarise contrasts of the coefficients in every data set of a batch, under each of several priors.

    Parameters
    ----------
    stats : SufficientStatistics
        B data sets.
    priors : sequence of NormalPriors or FlatPrior, length V
        Each as for `summaries`.
    contrasts, prob, rope, nodes
        As for `summaries`.

    Returns
    -------
    list of Summaries, length V
        What `summaries` gives for each prior, to about 1e-6 posterior sd.

    Raises
    ------
    ExactEngineError
        As `summaries`.
    """
    c = contrast_matrix(stats.names if contrasts is None else contrasts, stats.names)
    asked = Asked(c, prob, rope, nodes)
    found: dict[int, Summaries] = {}
    for family in _families(stats, priors, c):
        if len(family) > 1:
            found |= zip(family, _refits(stats, [priors[i] for i in family], asked), strict=True)
        else:
            found[family[0]] = summaries(stats, priors[family[0]], c, prob=prob, rope=rope, nodes=nodes)
    return [found[i] for i in range(len(priors))]


def _families(stats: SufficientStatistics, priors: Sequence[Priors], c: FloatArray) -> Iterator[list[int]]:
    """Group priors that differ in the coefficient asked about alone; the widest, the easiest to fit, comes first."""
    left = list(range(len(priors)))
    aligned = [prior.align(stats.names) for prior in priors]
    one = c.shape[:-1] == (1,) and np.count_nonzero(c) == 1 and c.sum() == 1
    while left:
        first, column = left[0], int(np.argmax(c[0])) if one else 0
        family = [i for i in left if i == first or (one and _differ_in(column, aligned[first], aligned[i]))]
        left = [i for i in left if i not in family]
        yield sorted(family, key=lambda i: float(aligned[i].precision[0, column]))


def _differ_in(column: int, one: Aligned, other: Aligned) -> bool:
    """Tell whether two sets of Normal priors, each for all data sets, are equal but for a column."""
    if one.sigma is None or other.sigma is None or len(one.mean) > 1 or len(other.mean) > 1:
        return False
    others = np.arange(one.mean.shape[1]) != column
    sigmas = zip(one.sigma.parameters(), other.sigma.parameters(), strict=True)
    pairs = [
        (one.mean[:, others], other.mean[:, others]),
        (one.precision[:, others], other.precision[:, others]),
        (one.intercept_mean, other.intercept_mean),
        (one.intercept_precision, other.intercept_precision),
        *sigmas,
    ]
    return type(one.sigma) is type(other.sigma) and all(np.array_equal(a, b) for a, b in pairs)


def _refits(stats: SufficientStatistics, family: Sequence[Priors], asked: Asked) -> list[Summaries]:
    from . import kernel

    priors = [prior for prior in family if isinstance(prior, NormalPriors)]
    aligned = [prior.align(stats.names) for prior in priors]
    column, B, V = int(np.argmax(asked.contrasts[0])), len(stats), len(priors)
    normals = np.array([[a.mean[0, column], a.precision[0, column] ** -0.5] for a in aligned])
    refusals = stats.screen()
    check_priors(stats, aligned[0], refusals)
    out, log_evidence = np.full((B, V, len(PER_CONTRAST)), np.nan), np.full((B, V), np.nan)
    done = np.zeros((B, V), dtype=np.bool_)
    task = task_of(stats, priors[0], asked)
    kernel.summarise_refits(task, normals, np.flatnonzero(refusals == 0), out, log_evidence, done)
    out[..., -1] += log_prior_at_zero(stats, priors[0], asked.contrasts)
    return [
        completed(stats, prior, asked, Computed(out[:, v, None], log_evidence[:, v], done[:, v]), refusals.copy())
        for v, prior in enumerate(priors)
    ]
