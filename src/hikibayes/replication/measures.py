"""Measures of a replication, as functions of two likelihoods of the same effect.

A study is here nothing but its likelihood of the effect d, everything else integrated out: a sum of normals
(`hikibayes.inference.gaussian.reprior.Likelihood`), whether it comes from rows, from reconstructions of a printed
record, or from an estimate and its standard error (`normal`); a pair of studies is their `Effects`. All measures are
products and integrals of these and of a Normal prior, in closed form but for the integrals over tau and over a
publication's chance. Each works on B pairs of studies at once. A Bayes factor above 1 always speaks for the effect.

References
----------
.. [1] Verhagen J., Wagenmakers E.-J. (2014). Bayesian tests to quantify the result of a replication attempt. Journal of
   Experimental Psychology: General 143(4), 1457-1475. https://doi.org/10.1037/a0036731
.. [2] Ly A., Etz A., Marsman M., Wagenmakers E.-J. (2019). Replication Bayes factors from evidence updating. Behavior
   Research Methods 51, 2498-2508. https://doi.org/10.3758/s13428-018-1092-x
.. [3] Schmidli H. et al. (2014). Robust meta-analytic-predictive priors in clinical trials with historical control
   information. Biometrics 70(4), 1023-1032. https://doi.org/10.1111/biom.12242
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit, logsumexp, ndtr, ndtri

from ..arrays import BoolArray, FloatArray
from ..inference.gaussian.mixture import Mixture
from ..inference.gaussian.reprior import Likelihood, Tabulated, refit_density, refit_normal
from .effects import FLAT_SD, Effects

CRITICAL = float(ndtri(0.975))
"""What |estimate / SE| has to exceed to be printed as significant."""
NEGLIGIBLE = 1e-13
"""Components of less than this share of the largest are left out where a distribution is described."""
FEW = 31
"""Nodes of sigma that are never thinned."""
SAME = 1e-7
"""Nodes are left out as long as log likelihoods stay as they are to within this."""
PANEL = np.polynomial.legendre.leggauss(12)
FARTHEST = 8.5
"""Beyond so many of its scales a half-normal has nothing."""


class NormalPrior(NamedTuple):
    """Normal prior of the effect."""

    mean: float = 0.0
    sd: float = FLAT_SD


FLAT = NormalPrior()


def normal(estimate: ArrayLike, se: ArrayLike) -> Likelihood:
    """Return the likelihoods of B estimates with known standard errors."""
    t, s = np.broadcast_arrays(np.atleast_1d(np.asarray(estimate, float)), np.atleast_1d(np.asarray(se, float)))
    log_mass = -0.5 * (t / s) ** 2 - np.log(s) - 0.5 * np.log(2 * np.pi)
    return Likelihood(log_mass=log_mass[:, None], precision=s[:, None] ** -2, pull=(t / s**2)[:, None])


# -- likelihoods of likelihoods ---------------------------------------------------------------------------------------


def pooled(data: Likelihood) -> Likelihood:
    """Return the average of B likelihoods as one."""
    return Likelihood(
        log_mass=data.log_mass.reshape(1, -1) - np.log(len(data)),
        precision=data.precision.reshape(1, -1),
        pull=data.pull.reshape(1, -1),
    )


def normalised(data: Likelihood, prior: NormalPrior) -> Likelihood:
    """Give each of B likelihoods evidence 1: then their average, times the prior, is the average of B posteriors."""
    return Likelihood(
        log_mass=data.log_mass - log_evidence(data, prior)[:, None], precision=data.precision, pull=data.pull
    )


def thinned(data: Likelihood, prior: NormalPrior) -> Likelihood:
    """Leave out nodes without weight, then every other node, as long as that changes nothing.

    Few rows need many hundred nodes to find where sigma may be, but not to sum over it; and pairs of studies have the
    product of both numbers.
    """
    values = prior.mean + prior.sd * np.linspace(-3, 3, 13)

    def log_sums(of: Likelihood) -> FloatArray:
        return np.column_stack([of.log_density(values), log_evidence(of, prior), log_evidence(of, FLAT)])

    kept = _of_weight(data, prior) | _of_weight(data, FLAT)
    within = slice(int(kept.argmax()), len(kept) - int(kept[::-1].argmax()))
    data, exact = _nodes(data, within), log_sums(data)
    while data.log_mass.shape[1] > FEW:
        half = _nodes(data, slice(0, None, 2), np.log(2))
        if not (np.abs(log_sums(half) - exact) < SAME).all():
            break
        data = half
    return data


def _nodes(data: Likelihood, which: slice, log_weight: float = 0.0) -> Likelihood:
    return Likelihood(
        log_mass=data.log_mass[:, which] + log_weight, precision=data.precision[:, which], pull=data.pull[:, which]
    )


def _of_weight(data: Likelihood, prior: NormalPrior) -> BoolArray:
    weights = refit_normal(data, *prior).weights[0]
    return np.asarray((weights > NEGLIGIBLE * weights.max(axis=1, keepdims=True)).any(axis=0))


def log_evidence(data: Likelihood, prior: NormalPrior) -> FloatArray:
    """Log marginal likelihood, shape (B,); comparable among likelihoods with common constants alone."""
    return np.asarray(refit_normal(data, *prior).log_evidence[0])


def log_bf10(data: Likelihood, prior: NormalPrior) -> FloatArray:
    """Log Bayes factor for the prior's effect against none, shape (B,)."""
    return np.asarray(refit_normal(data, *prior).log_bf10[0])


def posterior(data: Likelihood, prior: NormalPrior = FLAT) -> Mixture:
    """Return the posterior of the effect in each of B studies."""
    return refit_normal(data, *prior).of_each()


def together(each: Mixture) -> Mixture:
    """Return the average of B distributions of one quantity, without what is negligible, as one."""
    weights = each.weights.ravel() / len(each.weights)
    kept = weights > NEGLIGIBLE * weights.max()
    weights = weights[None, kept]
    return Mixture(
        weights=weights / weights.sum(),
        means=each.means.reshape(1, 1, -1)[..., kept],
        sds=each.sds.reshape(1, 1, -1)[..., kept],
    )


def flat_estimate(data: Likelihood) -> tuple[FloatArray, FloatArray]:
    """Return estimate and standard error under a flat prior, each of shape (B,)."""
    found = posterior(data)
    return found.mean()[:, 0], found.sd()[:, 0]


# -- did it replicate? -------------------------------------------------------------------------------------------------


def log_if_right(original: Likelihood, joint: Likelihood, prior: NormalPrior) -> FloatArray:
    """Log density of the new data if the original was right: under its posterior, shape (B,).

    Parameters
    ----------
    original : Likelihood
        Of one original study, or B.
    joint : Likelihood
        Of the original and the new study (`Effects.common`), B of them.
    prior : NormalPrior
        Of the effect, before the original.
    """
    return np.asarray(log_evidence(joint, prior) - log_evidence(original, prior))


def log_replication_bf(original: Likelihood, joint: Likelihood, prior: NormalPrior = FLAT) -> FloatArray:
    """Log of how many times likelier the new data are if the original was right than without any effect, shape (B,).

    Parameters
    ----------
    original, joint, prior
        As in `log_if_right`. Under a flat prior this is the replication Bayes factor of [1]_.

    Notes
    -----
    The Bayes factor of both studies is that of the original times this one [2]_.
    """
    without = joint.log_density(0.0) - original.log_density(0.0)
    return np.asarray(log_if_right(original, joint, prior) - without)


def original_weight(log_right: ArrayLike, log_vague: ArrayLike, weight: float = 0.5) -> FloatArray:
    """Return how far the original still counts: the weight of its posterior beside the prior, after the new data [3]_.

    Parameters
    ----------
    log_right : array_like, shape (B,)
        Log density of the new data under the original's posterior, by `log_if_right`.
    log_vague : array_like, shape (B,)
        The same under the prior, as if there had been no original, by `log_evidence`.
    weight : float
        Before the new data.
    """
    return np.asarray(expit(logit(weight) + np.asarray(log_right) - np.asarray(log_vague)))


def prediction(original: Likelihood, new: Likelihood, prior: NormalPrior = FLAT, *, tau: float = 0.0) -> Mixture:
    """Return what the original predicts for the new study's estimate, given that study's precision.

    Notes
    -----
    Its quantiles are no verdict: most new studies of nothing at all fall inside. Under flat priors, residual SDs
    unknown, it is the sum of two scaled t variables, of Behrens and Fisher.
    """
    error = posterior(new)
    centred = Mixture(weights=error.weights, means=error.means - error.mean()[..., None], sds=error.sds)
    found = _sum(posterior(original, prior), centred)
    return Mixture(weights=found.weights, means=found.means, sds=np.sqrt(found.sds**2 + 2 * tau**2))


def effective_number(original: Likelihood, joint: Likelihood, prior: NormalPrior) -> float:
    """Return how many of B equally probable reconstructions are left once the new data have weighted them."""
    log_weight = log_if_right(original, joint, prior)
    return float(np.exp(2 * logsumexp(log_weight) - logsumexp(2 * log_weight)))


def _sum(a: Mixture, b: Mixture) -> Mixture:
    """Return the distribution of the sum of two independent quantities, in each of B pairs."""
    size = max(len(a.weights), len(b.weights))

    def every(of: FloatArray) -> FloatArray:
        return np.asarray(np.broadcast_to(of, (size, *of.shape[1:])).reshape(size, -1))

    return Mixture(
        weights=every(a.weights[:, :, None] * b.weights[:, None, :]),
        means=every(a.means[:, 0, :, None] + b.means[:, 0, None, :])[:, None],
        sds=every(np.hypot(a.sds[:, 0, :, None], b.sds[:, 0, None, :]))[:, None],
    )


# -- what is known, if ... ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Differing:
    """What both studies say of the mean effect if studies differ by Normal(0, tau²), tau integrated over its prior.

    Parameters
    ----------
    scale : float
        Of tau's half-normal prior.
    log_bf : float
        Log Bayes factor of effects that differ against one common effect.
    mean_effect : Mixture
        Posterior of the mean effect, as one data set.
    """

    scale: float
    log_bf: float
    mean_effect: Mixture


def if_studies_differ(effects: Effects, prior: NormalPrior, scales: Sequence[float]) -> tuple[Differing, ...]:
    """Integrate over how much studies differ, for each scale of tau's half-normal prior.

    Parameters
    ----------
    effects : Effects
        Of B pairs of studies, whose joint likelihoods weigh as they are: see `normalised`.
    prior : NormalPrior
        Of the mean effect.
    scales : sequence of float
        Above 0.

    Returns
    -------
    tuple of Differing

    Notes
    -----
    What two studies say of tau is next to its prior; so tau is an assumption here, and no estimate of it is returned.
    """
    tau, log_step = _tau_nodes(scales)
    refits = [refit_normal(pooled(effects.common(t)), *prior) for t in tau]
    common = log_evidence(pooled(effects.common()), prior)[0]
    log_given = np.array([refit.log_evidence[0, 0] for refit in refits])
    means = [together(refit.of_each()) for refit in refits]

    def integrated(scale: float) -> Differing:
        log_prior = 0.5 * np.log(2 / np.pi) - np.log(scale) - 0.5 * (tau / scale) ** 2
        log_mass = log_step + log_prior + log_given
        total = logsumexp(log_mass)
        return Differing(scale=scale, log_bf=float(total - common), mean_effect=_mixed(means, np.exp(log_mass - total)))

    return tuple(map(integrated, scales))


def selected(joint: Likelihood, se: float, prior: NormalPrior, printed: float) -> Tabulated:
    """Return the posterior if the original was printed for sure where significant, otherwise with a lesser chance.

    Parameters
    ----------
    joint : Likelihood
        Of one original, and whatever came after it.
    se : float
        Standard error of the original's estimate, whose being over 1.96 times this counts as significant.
    prior : NormalPrior
        Of the effect; not flat.
    printed : float
        The chance that a result which is not significant is printed: 0 to 1, which changes nothing.
    """

    def log_prior(b: FloatArray) -> FloatArray:
        significant = ndtr(-CRITICAL - b / se) + ndtr(b / se - CRITICAL)
        seen = significant + printed * (1 - significant)
        return np.asarray(-0.5 * ((b - prior.mean) / prior.sd) ** 2 - np.log(seen))

    return refit_density(_without_negligible(joint, prior), log_prior, scale=prior.sd).marginal


def _tau_nodes(scales: Sequence[float]) -> tuple[FloatArray, FloatArray]:
    """Return nodes and log weights of a quadrature over tau, finer towards 0, good for half-normals of every scale."""
    last = np.ceil(np.log2(FARTHEST * max(scales) / min(scales)))
    edges = np.concatenate([[0.0], min(scales) * 2.0 ** np.arange(-1, last + 1)])
    half, middle = np.diff(edges)[:, None] / 2, (edges[1:] + edges[:-1])[:, None] / 2
    return np.ravel(middle + half * PANEL[0]), np.ravel(np.log(half * PANEL[1]))


def _mixed(of: Sequence[Mixture], shares: FloatArray) -> Mixture:
    def joined() -> Iterator[tuple[FloatArray, FloatArray, FloatArray]]:
        for mixture, share in zip(of, shares, strict=True):
            if share > NEGLIGIBLE:
                yield share * mixture.weights, mixture.means, mixture.sds

    weights, means, sds = (np.concatenate(parts, axis=-1) for parts in zip(*joined(), strict=True))
    return together(Mixture(weights=weights / weights.sum(), means=means, sds=sds))


def _without_negligible(data: Likelihood, prior: NormalPrior) -> Likelihood:
    weights = refit_normal(data, *prior).weights[0]
    kept = (weights > NEGLIGIBLE * weights.max()).any(axis=0)
    return Likelihood(log_mass=data.log_mass[:, kept], precision=data.precision[:, kept], pull=data.pull[:, kept])
