"""The posterior of a Gaussian regression without sampling, for one data set or thousands.

Given sigma, Normal priors make everything Gaussian: coefficients, evidence, contrasts (`conditional`). What is left is
one integral, over sigma, which a dozen nodes do to about eight digits, and certify that they did (`quadrature`); where
few data or a conflict of priors and data ask for more nodes, they get them. So every marginal is a mixture of as many
normals (`mixture`).

This is the reference, in plain NumPy and meant to be read; `hikibayes.inference.gaussian` computes a fixed set of
summaries many times faster, and is held against the same 40-digit cases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp

from ...arrays import BoolArray, FloatArray, IntArray
from .conditional import ConditionalForm, check_priors, diagonalise, with_stand_ins
from .mixture import Mixture
from .normal_priors import (
    FlatPrior,
    NormalPriors,
    Priors,
)
from .reference_quadrature import MANY, MATTERS, Nodes, integrate
from .residual_sd import ResidualSD
from .sufficient import ExactEngineError, Refusal, SufficientStatistics

type Contrasts = ArrayLike | Sequence[str] | Mapping[str, Mapping[str, float]]
"""Rows of weights over the coefficients, or names of coefficients, or named weights: ``{"gap": {"hiki": 1.0}}``."""


NODES = 15
"""Nodes of sigma that are tried first."""
LUMPY = 0.5
"""Neighbouring components whose means are farther apart than this, in sds, do not add up to a smooth density."""
FAR = 0.5
"""A contrast is far from 0 where its being 0 would move log sigma by more than this many of its posterior sds."""


class Draws(NamedTuple):
    """Joint posterior draws, independent of each other."""

    coefficients: FloatArray
    """(B, size, p) in the order of the posterior's names."""
    intercept: FloatArray
    """(B, size) expected outcome where every column is 0."""
    centred_intercept: FloatArray
    """(B, size) expected outcome where every column is at its sample mean."""
    sigma: FloatArray
    """(B, size) residual sd."""


def posterior(
    stats: SufficientStatistics,
    priors: Priors,
    *,
    nodes: int = NODES,
    on_error: Literal["raise", "flag"] = "raise",
) -> GaussianPosterior:
    """Compute the exact posterior of a Gaussian regression for each data set.

    Parameters
    ----------
    stats : SufficientStatistics
        B data sets with p predictors.
    priors : NormalPriors or FlatPrior
        One set of priors for all data sets, or one for each.
    nodes : int, odd, at least 5
        Nodes of the quadrature over sigma to begin with; a data set that needs more gets more.
    on_error : {"raise", "flag"}
        What to do with a data set that cannot be fitted: raise, or return it with `ok` False and every number NaN.

    Returns
    -------
    GaussianPosterior

    Raises
    ------
    ExactEngineError
        If a prior names no column or is missing; if `nodes` is even or below 5; and, unless flagged, if a data set has
        a constant column or outcome, NaN, or no residual; under a flat prior also if it has fewer than p + 2 rows, or
        collinear columns.
    """
    if nodes < 5 or nodes % 2 == 0:
        raise ExactEngineError(f"nodes is {nodes}; it must be odd and at least 5")
    aligned = priors.align(stats.names)
    refusals = stats.screen()
    check_priors(stats, aligned, refusals)
    form = diagonalise(*with_stand_ins(stats, aligned, refusals), refusals)
    (log_sigma, log_weights), certified = integrate(form, nodes, refusals == 0)
    refusals[~certified & (refusals == 0)] = Refusal.NOT_INTEGRATED
    if on_error == "raise":
        raise_first(stats, refusals)
    return GaussianPosterior(
        stats=stats, priors=priors, form=form, log_sigma=log_sigma, log_weights=log_weights, refusals=refusals
    )


@dataclass(frozen=True, kw_only=True)
class GaussianPosterior:
    """Posteriors of B Gaussian regressions, ready to be asked for any contrast.

    Made by `posterior`. Everything is conditional on sigma at K nodes, with a weight for each.

    Parameters
    ----------
    stats, priors
        What it was computed from.
    form : ConditionalForm
        The regression as a function of sigma.
    log_sigma : array, shape (B, K)
        Nodes.
    log_weights : array, shape (B, K)
        Log of joint density times trapezoid weight at the nodes; they sum to the evidence.
    refusals : array of int, shape (B,)
        A `Refusal` for each data set.
    """

    stats: SufficientStatistics
    priors: Priors
    form: ConditionalForm
    log_sigma: FloatArray
    log_weights: FloatArray
    refusals: IntArray

    @property
    def names(self) -> tuple[str, ...]:
        """The coefficients, in order."""
        return self.stats.names

    @property
    def ok(self) -> BoolArray:
        """Which data sets have a posterior, shape (B,)."""
        return np.asarray(self.refusals == Refusal.ACCEPTED)

    @property
    def log_evidence(self) -> FloatArray:
        """Log marginal likelihood of each data set, shape (B,), with every normalising constant."""
        if isinstance(self.priors, FlatPrior):
            raise ExactEngineError("a flat prior has no evidence; give the coefficients Normal priors")
        return np.asarray(logsumexp(self.log_weights, axis=1))

    @property
    def weights(self) -> FloatArray:
        """Posterior weight of each node of sigma, shape (B, K)."""
        return np.asarray(np.exp(self.log_weights - logsumexp(self.log_weights, axis=1, keepdims=True)))

    def take(self, index: IntArray) -> GaussianPosterior:
        """Return the posteriors of the data sets that `index` selects, still as a batch."""
        return GaussianPosterior(
            stats=self.stats.take(index),
            priors=self.priors.take(index),
            form=self.form.take(index),
            log_sigma=self.log_sigma[index],
            log_weights=self.log_weights[index],
            refusals=self.refusals[index],
        )

    def marginal(self, contrasts: Contrasts | None = None, *, intercept: ArrayLike = 0.0) -> Mixture:
        """Marginal posterior of linear combinations of the coefficients.

        Parameters
        ----------
        contrasts : array_like of shape (k, p) or (B, k, p), names, or a mapping of named weights
            By default every coefficient.
        intercept : array_like, shape () or (k,)
            Weight of the *centred* intercept in each contrast: 1, with contrast x - x_mean, gives the expected outcome
            at x.

        Returns
        -------
        Mixture
            Of k contrasts in B data sets.

        Raises
        ------
        ExactEngineError
            If a name is no coefficient, or a contrast is empty.
        """
        return self.marginal_and_weights(contrasts, intercept=intercept)[0]

    def marginal_and_weights(
        self, contrasts: Contrasts | None = None, *, intercept: ArrayLike = 0.0
    ) -> tuple[Mixture, FloatArray]:
        """Return what `marginal` does, and `log_weights` of its components: more where it needed more nodes."""
        c = contrast_matrix(self.names if contrasts is None else contrasts, self.names)
        weight = np.broadcast_to(np.asarray(intercept, dtype=np.float64), (c.shape[-2],))
        if not ((c != 0).any(axis=-1) | (weight != 0)).all():
            raise ExactEngineError("a contrast has only weights of 0; give at least one coefficient a weight")
        means, variances = self.form.contrast(np.exp(2 * self.log_sigma), c, weight)
        lumpy = (np.abs(np.diff(means)) > LUMPY * np.sqrt(variances[..., 1:])).any(axis=(1, 2))
        if lumpy.any() and self.log_sigma.shape[1] < MANY:
            return self._finer(np.flatnonzero(lumpy)).marginal_and_weights(c, intercept=weight)
        prior_mean, prior_sd = self._contrast_prior(c, weight)
        plain = Mixture(
            weights=self.weights, means=means, sds=np.sqrt(variances), prior_mean=prior_mean, prior_sd=prior_sd
        )
        return replace(plain, at_zero=lambda: self._log_density_at_zero(plain, c, weight)), self.log_weights

    def span(self) -> FloatArray:
        """Return the range of log sigma that holds all of the posterior, shape (B, 2)."""
        matters = self.log_weights > self.log_weights.max(axis=1, keepdims=True) - MATTERS
        first, last = matters.argmax(axis=1), matters.shape[1] - 1 - matters[:, ::-1].argmax(axis=1)
        return np.take_along_axis(self.log_sigma, np.stack([first, last], axis=1), axis=1)

    def sigma(self) -> ResidualSD:
        """Marginal posterior of the residual sd."""
        ends = self.span()
        fine = np.linspace(ends[:, 0], ends[:, 1], ResidualSD.POINTS, axis=1)
        return ResidualSD.from_log_density(fine, self.form.log_density(fine))

    def draws(self, rng: np.random.Generator, size: int) -> Draws:
        """Draw independently from the joint posterior of coefficients, intercept and sigma.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of randomness.
        size : int
            Draws for each data set.

        Returns
        -------
        Draws
        """
        sigma = self.sigma().draws(rng, size)
        v = sigma**2
        d = self.form.spectrum(v)
        noise = rng.standard_normal(d.shape) * np.sqrt(v[..., None] / d)
        rotated = self.form.score[:, None, :] / d + noise
        coefficients = self.form.prior_mean[:, None, :] + rotated @ self.form.basis.swapaxes(1, 2)
        mean, variance = self.form.intercept(v)
        centred = mean + np.sqrt(variance) * rng.standard_normal(v.shape)
        at_zero = centred - np.einsum("bsp,bp->bs", coefficients, self.stats.x_mean)
        return Draws(coefficients=coefficients, intercept=at_zero, centred_intercept=centred, sigma=sigma)

    def _finer(self, index: IntArray) -> GaussianPosterior:
        """Return the same posteriors, with more nodes for the data sets that `index` selects."""
        finer, _ = integrate(self.form.take(index), MANY, np.ones(len(index), dtype=np.bool_))
        nodes = Nodes(self.log_sigma, self.log_weights).widened(finer.log_sigma.shape[1])
        for mine, new in zip(nodes, finer, strict=True):
            mine[index] = new
        return replace(self, log_sigma=nodes.log_sigma, log_weights=nodes.log_weights)

    def _log_density_at_zero(self, marginal: Mixture, c: FloatArray, weight: FloatArray) -> FloatArray:
        """Log posterior density of contrasts at 0, shape (B, k).

        Far from 0, a contrast of 0 asks for a larger sigma than the posterior allows. The posterior's own nodes say
        little there, and the integrand's peak must be found anew.
        """
        result, n = marginal.log_density(0.0), self.form.n[:, None]
        tilt = 0.5 * np.log1p((marginal.mean() / marginal.sd()) ** 2 / n)
        dataset, which = np.nonzero(tilt * np.sqrt(2 * n) > FAR)
        if not len(dataset):
            return result
        # One pair of data set and contrast at a time: the batch is now of pairs.
        far = self.take(dataset)
        weights = np.broadcast_to(c, (*result.shape, c.shape[-1]))[dataset, which]
        middle = far.log_sigma[np.arange(len(dataset)), far.log_weights.argmax(axis=1)]
        tilted = _AtZero(
            **vars(far.form),
            contrasts=weights[:, None, :],
            weight=weight[which][:, None],
            middle=middle + tilt[dataset, which],
        )
        (_, log_weights), certified = integrate(tilted, NODES, far.refusals == 0)
        found = logsumexp(log_weights, axis=1) - logsumexp(far.log_weights, axis=1)
        result[dataset, which] = np.where(certified, found, np.nan)
        return result

    def _contrast_prior(self, c: FloatArray, weight: FloatArray) -> tuple[FloatArray | None, FloatArray | None]:
        if isinstance(self.priors, FlatPrior):
            return None, None
        a = self.priors.align(self.names)
        mean = (c @ a.mean[..., None])[..., 0] + weight * a.intercept_mean[:, None]
        variance = a.variance(c) + weight**2 / a.intercept_precision[:, None]
        shape = (len(self.stats), c.shape[-2])
        return np.broadcast_to(mean, shape), np.broadcast_to(np.sqrt(variance), shape)


@dataclass(frozen=True, kw_only=True)
class _AtZero(ConditionalForm):
    """The same with one contrast being 0, in each of B data sets."""

    contrasts: FloatArray
    """(B, 1, p)"""
    weight: FloatArray
    """(B, 1) of the centred intercept."""
    middle: FloatArray
    """(B,) rough mode."""

    def start(self) -> FloatArray:
        return self.middle

    def support(self) -> tuple[FloatArray, FloatArray]:
        low, high = super().support()
        return low, np.maximum(high, self.middle) + 3

    def log_density(self, log_sigma: FloatArray) -> FloatArray:
        mean, variance = self.contrast(np.exp(2 * log_sigma), self.contrasts, self.weight)
        log_normal = -0.5 * (mean**2 / variance + np.log(2 * np.pi * variance))[:, 0]
        return np.asarray(super().log_density(log_sigma) + log_normal)

    def one_peak(self, first: FloatArray, last: FloatArray) -> BoolArray:
        # a second peak would be one of the posterior, whose own nodes then cover both and leave nothing far from 0
        return np.ones(len(first), dtype=np.bool_)


def log_joint(
    stats: SufficientStatistics, priors: NormalPriors, intercept: ArrayLike, beta: ArrayLike, sigma: ArrayLike
) -> FloatArray:
    """Log density of data and parameters together: log likelihood plus log prior, with every constant.

    Parameters
    ----------
    stats : SufficientStatistics
        B data sets.
    priors : NormalPriors
        Their priors.
    intercept : array_like, shape (S,) or (B, S)
        *Centred* intercepts at which to evaluate.
    beta : array_like, shape (S, p) or (B, S, p)
        Coefficients, in the order of ``stats.names``.
    sigma : array_like, shape (S,) or (B, S)
        Residual sds, on their natural scale: no Jacobian is added.

    Returns
    -------
    array, shape (B, S)
    """
    alpha, beta, sigma = (np.asarray(v, dtype=np.float64) for v in (intercept, beta, sigma))
    a = priors.align(stats.names)
    shape = np.broadcast_shapes((len(stats), 1), alpha.shape, sigma.shape, beta.shape[:-1])
    gap = (beta - a.mean[:, None, :]) @ a.precision_root.swapaxes(1, 2)
    log_prior = -0.5 * ((gap**2).sum(-1) + len(a.mean[0]) * np.log(2 * np.pi)) - a.log_scale[:, None]
    z2 = (alpha - a.intercept_mean[:, None]) ** 2 * a.intercept_precision[:, None]
    log_prior = log_prior - 0.5 * (z2 + np.log(2 * np.pi) - np.log(a.intercept_precision[:, None]))
    sigma = np.broadcast_to(sigma, shape)
    return np.asarray(stats.log_likelihood(alpha, beta, sigma) + log_prior + priors.sigma.log_density(sigma))


def contrast_matrix(contrasts: Contrasts, names: Sequence[str]) -> FloatArray:
    """Turn names, named weights or an array into rows of weights over the coefficients.

    Parameters
    ----------
    contrasts : array_like of shape (k, p) or (B, k, p), sequence of names, or mapping of named weights
        What to compute.
    names : sequence of str, length p
        The coefficients.

    Returns
    -------
    array, shape (k, p) or (B, k, p)

    Raises
    ------
    ExactEngineError
        If a name is no coefficient (the message lists them), or the array does not fit or is not finite.

    Examples
    --------
    >>> terms = ["group", "support", "group:support"]
    >>> contrast_matrix({"slope in hikikomori": {"support": 1, "group:support": 1}}, terms)
    array([[0., 1., 1.]])
    """
    if isinstance(contrasts, Mapping):
        rows: list[Mapping[str, float]] = list(contrasts.values())
    elif isinstance(contrasts, Sequence) and all(isinstance(c, str) for c in contrasts):
        rows = [{str(name): 1.0} for name in contrasts]
    else:
        matrix = np.atleast_2d(np.asarray(contrasts, dtype=np.float64))
        if matrix.shape[-1] != len(names) or matrix.ndim > 3 or not np.isfinite(matrix).all():
            raise ExactEngineError(f"contrasts of shape {matrix.shape} are not finite weights over {list(names)}")
        return matrix
    if unknown := sorted({name for row in rows for name in row} - set(names)):
        raise ExactEngineError(f"contrast of unknown terms {unknown}; the terms are {list(names)}")
    return np.array([[float(row.get(name, 0.0)) for name in names] for row in rows])


def raise_first(stats: SufficientStatistics, refusals: IntArray) -> None:
    """Raise for the first data set that was refused, if there is one."""
    if refused := np.flatnonzero(refusals).tolist():
        raise ExactEngineError(stats.describe(int(refusals[refused[0]]), refused[0]))
