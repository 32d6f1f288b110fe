"""What two studies say of their two effects at once: one likelihood, whatever else both share.

Where each study has its own nuisance parameters this is the product of two likelihoods (`apart`). Where they share all
of them it comes from one regression of both studies' rows, in which the new rows' effect is free to be another
(`stacked`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..arrays import FloatArray
from ..inference.gaussian.exact import posterior
from ..inference.gaussian.mixture import Mixture
from ..inference.gaussian.normal_priors import NormalPriors
from ..inference.gaussian.reprior import Likelihood
from ..inference.gaussian.sufficient import SufficientStatistics

FLAT_SD = 1e6
"""Of a prior so wide that estimates, and ratios of evidences, are a flat prior's to 1e-11."""
WIDE = 1e3
"""SD of the prior of the difference of two effects, which is divided out again."""
PINNED = 1e-9
"""Prior SD of what is 0."""


@dataclass(frozen=True, kw_only=True)
class Effects:
    """What B pairs of studies say of d, the original's effect and the new one's: Σ exp(log_mass - d'Λd/2 + h'd).

    Parameters
    ----------
    log_mass : array, shape (B, K)
    precision : array, shape (B, K, 2, 2)
        Λ.
    pull : array, shape (B, K, 2)
        h.
    """

    log_mass: FloatArray
    precision: FloatArray
    pull: FloatArray

    def per(self, log_evidence: FloatArray) -> Effects:
        """Divide by B evidences: then the average of the B is that of equally probable pairs."""
        return replace(self, log_mass=self.log_mass - log_evidence[:, None])

    def common(self, tau: float = 0.0) -> Likelihood:
        """Return what both say of the mean effect, from which each effect differs by Normal(0, tau²); B likelihoods."""
        shrunk = np.eye(2) + tau**2 * self.precision
        pull, determinant = _solved(shrunk, self.pull)
        within = tau**2 * (self.pull * pull).sum(axis=-1) - np.log(determinant)
        return Likelihood(
            log_mass=self.log_mass + 0.5 * within,
            precision=_solved(shrunk, self.precision.sum(axis=-1))[0].sum(axis=-1),
            pull=pull.sum(axis=-1),
        )

    def difference(self, share: float = 1.0) -> Mixture:
        """Return the new effect less a share of the original's under flat priors, in each of B pairs."""
        log_mass, mean, precision = self._under(0.0, FLAT_SD)
        weights = np.exp(log_mass - log_mass.max(axis=1, keepdims=True))
        of = np.array([-share, 1.0])
        return Mixture(
            weights=weights / weights.sum(axis=1, keepdims=True),
            means=(mean @ of)[:, None],
            sds=np.sqrt(_solved(precision, np.broadcast_to(of, mean.shape))[0] @ of)[:, None],
        )

    def log_evidence(self, mean: float, sd: float) -> FloatArray:
        """Log marginal likelihood where each effect has this Normal prior, independently of the other; shape (B,)."""
        return np.asarray(np.logaddexp.reduce(self._under(mean, sd)[0], axis=1))

    def _under(self, mean: float, sd: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return log mass, mean (B, K, 2) and precision of each component under independent Normal priors."""
        precision, pull = self.precision + np.eye(2) / sd**2, self.pull + mean / sd**2
        centre, determinant = _solved(precision, pull)
        core = (pull * centre).sum(axis=-1) - np.log(determinant) - 2 * (mean / sd) ** 2
        return self.log_mass + 0.5 * core - 2 * np.log(sd), centre, precision


def _solved(matrices: FloatArray, right: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return solutions of symmetric systems of two equations, and determinants: ten times as fast as LAPACK does."""
    a, b, c = matrices[..., 0, 0], matrices[..., 0, 1], matrices[..., 1, 1]
    determinant = a * c - b**2
    both = np.stack([c * right[..., 0] - b * right[..., 1], a * right[..., 1] - b * right[..., 0]], axis=-1)
    return both / determinant[..., None], determinant


def apart(original: Likelihood, new: Likelihood) -> Effects:
    """Put two studies beside each other that share no parameter; of B pairs, or of B and one."""

    def every(of: str) -> tuple[FloatArray, FloatArray]:
        a, b = np.broadcast_arrays(getattr(original, of)[:, :, None], getattr(new, of)[:, None, :])
        return a.reshape(len(a), -1), b.reshape(len(b), -1)

    precision = np.stack(every("precision"), axis=2)
    return Effects(
        log_mass=np.add(*every("log_mass")),
        precision=precision[..., None] * np.eye(2),
        pull=np.stack(every("pull"), axis=2),
    )


def stacked(
    old: SufficientStatistics,
    new: SufficientStatistics,
    priors: NormalPriors,
    contrast: FloatArray,
    *,
    at: FloatArray,
    nodes: int,
) -> Effects:
    """Regress both studies' outcomes at once, with one intercept, one residual SD and one set of slopes.

    Parameters
    ----------
    old, new : SufficientStatistics
        Of B data sets and of B or one, of the same p columns.
    priors : NormalPriors
        Of all of it.
    contrast : array, shape (B, p)
        The effect, as weights of the columns' coefficients.
    at : array, shape (B, p)
        Values of the columns at which the intercept is the expected outcome: the original's means. The stack's would
        make it another parameter.
    nodes : int
        Of the quadrature over the residual SD.

    Raises
    ------
    ExactEngineError
        The stack has no posterior.

    Notes
    -----
    The new study's effect is another one by a further coefficient, of the new rows alone: of the combination of columns
    along which the effect varies and whatever is independent of it beforehand stays. With covariance Σ of the priors
    and contrast c that is Σc / c'Σc. Where the coefficient is 0 this is the regression of the stack as it is.
    """
    aligned = priors.align(old.names)
    root = aligned.precision_root[0]
    toward = np.linalg.solve(root.T @ root, contrast.T).T
    toward /= np.einsum("bp,bp->b", toward, contrast)[:, None]
    p, size = len(old.names), len(old)
    products = _products(old, at, np.zeros_like(toward)) + _products(new, at, toward)
    stats = SufficientStatistics(
        names=(*old.names, "intercept of both", "difference of the effects"),
        n=old.n + new.n,
        x_mean=np.zeros((size, p + 2)),
        y_mean=np.zeros(size),
        sxx=products[:, :-1, :-1],
        sxy=products[:, :-1, -1],
        syy=products[:, -1, -1],
    )
    correlation = np.eye(p + 2)
    if aligned.correlation is not None:
        correlation[:p, :p] = aligned.correlation
    whole = NormalPriors(
        names=stats.names,
        mean=np.array([*aligned.mean[0], aligned.intercept_mean[0], 0.0]),
        sd=np.array([*aligned.precision[0] ** -0.5, aligned.intercept_precision[0] ** -0.5, WIDE]),
        # cross-products are about fixed values, not about means: what the engine calls the intercept is 0
        intercept_mean=0.0,
        intercept_sd=PINNED,
        sigma=priors.sigma,
        correlation=correlation,
    )
    found = posterior(stats, whole, nodes=nodes)
    two = np.zeros((size, 2, p + 2))
    two[:, 0, :p], two[:, 1, -1] = contrast, 1.0
    prior_mean = np.array([float((contrast @ aligned.mean[0])[0]), 0.0])
    prior_variance = np.array([float(aligned.variance(contrast[:1])[0, 0]), WIDE**2])
    v = np.exp(2 * found.log_sigma)
    rotated, inverse = two @ found.form.basis, 1 / found.form.spectrum(v)
    mean = (two @ found.form.prior_mean[..., None])[:, None, :, 0]
    mean = mean + np.einsum("bip,bkp,bp->bki", rotated, inverse, found.form.score)
    variance = v[..., None, None] * np.einsum("bip,bkp,bjp->bkij", rotated, inverse, rotated)
    return _without_prior(found.log_weights, mean, variance, prior_mean, prior_variance)


def _products(stats: SufficientStatistics, at: FloatArray, toward: FloatArray) -> FloatArray:
    """Return cross-products of the columns about those values, ones, the combination `toward` of them, and outcome."""
    size, p = at.shape
    scatter, mean = np.zeros((size, p + 2, p + 2)), np.ones((size, p + 2))
    scatter[:, :p, :p], scatter[:, -1, -1] = stats.sxx, stats.syy
    scatter[:, :p, -1] = scatter[:, -1, :p] = stats.sxy
    mean[:, :p], mean[:, -1] = stats.x_mean - at, stats.y_mean
    scatter += stats.n[:, None, None] * mean[:, :, None] * mean[:, None, :]
    to = np.zeros((size, p + 3, p + 2))
    to[:, : p + 1, : p + 1], to[:, p + 1, :p], to[:, -1, -1] = np.eye(p + 1), toward, 1.0
    return np.asarray(to @ scatter @ to.swapaxes(1, 2))


def _without_prior(
    log_weights: FloatArray, mean: FloatArray, variance: FloatArray, prior_mean: FloatArray, prior_variance: FloatArray
) -> Effects:
    """Divide the prior of effect and difference out of their posterior; then speak of the two effects."""
    inverse, before = np.linalg.inv(variance), np.diag(1 / prior_variance)
    pull = np.einsum("bkij,bkj->bki", inverse, mean)
    log_mass = log_weights + 0.5 * (np.log(prior_variance).sum() - np.log(np.linalg.det(variance)))
    log_mass += 0.5 * (prior_mean @ before @ prior_mean - np.einsum("bki,bki->bk", mean, pull))
    to = np.array([[1.0, 0.0], [-1.0, 1.0]])
    return Effects(log_mass=log_mass, precision=to.T @ (inverse - before) @ to, pull=(pull - before @ prior_mean) @ to)
