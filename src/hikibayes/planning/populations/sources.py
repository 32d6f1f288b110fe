"""Where worlds come from: the posterior given a reconstruction, the reconstruction itself, or a person.

A reconstruction is a plausible version of the study's own sample. Taking it for the population (``printed``) ignores
that it is a sample; drawing from the posterior given it (``posterior``) does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize.elementwise import find_root
from scipy.special import ndtr

from ...arrays import FloatArray, IntArray
from ...inference.gaussian.exact import GaussianPosterior
from ...inference.models.compile import exact_posterior
from ...inference.models.specs import DEFAULT_VARIANT
from ...spec import InputError
from ...study.study import Estimand
from ..designs.axes import WorldsSpec
from .columns import Frame
from .fixed import FixedWorld, fixed_worlds
from .reconstructed import Ensemble, axes_of
from .worlds import Worlds

type Source = Callable[[np.random.Generator, int], Worlds]
"""Draws so many worlds, from randomness that it is given."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a source of populations may be made from.

    Parameters
    ----------
    spec : WorldsSpec
        What a person wrote.
    frame : Frame
        Scores, categories and groups of the model that generates.
    main : Estimand
        What the first decision is about.
    made : Ensemble or None
        The reconstructions; none where only written populations are asked for.
    """

    spec: WorldsSpec
    frame: Frame
    main: Estimand
    made: Ensemble | None

    @property
    def reconstructions(self) -> Ensemble:
        """The reconstructions, for a source that needs them."""
        assert self.made is not None
        return self.made

    @property
    def written(self) -> FixedWorld:
        """The population that a person wrote down."""
        assert self.spec.fixed is not None
        return self.spec.fixed


SOURCES: Mapping[str, Callable[[Asked], Source]] = {
    "posterior": lambda asked: posterior_source(asked.reconstructions, asked.spec.prior),
    "printed": lambda asked: printed_source(asked.reconstructions),
    "shrunken": lambda asked: (
        estimated_source(asked.reconstructions, asked.main)
        if asked.spec.shrink == "estimated"
        else shrunken_source(printed_source(asked.reconstructions), asked.main, asked.spec.shrink)
    ),
    "conditional": lambda asked: conditional_source(asked.reconstructions, asked.main),
    "fixed": lambda asked: fixed_source(asked.written, asked.frame),
}
"""Every source of populations, by the name that a simulation has for it."""


def sources_of(asked: Asked) -> dict[str, Source]:
    """Prepare every source that is asked for.

    Parameters
    ----------
    asked : Asked
        What to make them from.
    """
    return {name: SOURCES[name](asked) for name in asked.spec.source}


NODES = 65
"""Nodes of the residual SD's distribution function; the draws' error is far below that of drawing."""


# -- printed and shrunken --------------------------------------------------------------------------------------------


def printed_source(made: Ensemble) -> Source:
    """Take the reconstructions themselves as populations: their own means, covariances, OLS coefficients, residual SD.

    Power there is power at the published effect, had it no sampling error.

    Parameters
    ----------
    made : Ensemble
        The reconstructions.
    """
    worlds, _ = _printed(made)
    return lambda rng, size: worlds.take(rng.integers(len(worlds), size=size))


def _printed(made: Ensemble) -> tuple[Worlds, FloatArray]:
    """Return a world for each reconstruction, and the covariance of its OLS coefficients."""
    stats = made.design.statistics
    inverse = np.linalg.inv(stats.sxx)
    beta = np.einsum("bij,bj->bi", inverse, stats.sxy)
    df = stats.n - len(stats.names) - 1
    sigma = np.sqrt((stats.syy - np.einsum("bi,bi->b", beta, stats.sxy)) / df)
    intercept = stats.y_mean - np.einsum("bi,bi->b", beta, stats.x_mean)
    every = np.arange(len(beta))
    cov = made.scatter / (made.n - 1)[:, None, None]
    means = made.cell_means(made.centre, made.step, made.shares)
    worlds = _worlds(made, "printed", every, shares=made.shares, means=means, cov=cov, law=(intercept, beta, sigma))
    return worlds, sigma[:, None, None] ** 2 * inverse


def shrunken_source(printed: Source, estimand: Estimand, factor: float = 0.5) -> Source:
    """Shrink what an estimand is; see `Worlds.with_value` for what stays.

    Parameters
    ----------
    printed : Source
        Worlds to shrink.
    estimand : Estimand
        A slope, a difference of slopes or a gap between groups.
    factor : float
        What is left of it; one half is a common rule of thumb.
    """

    def draw(rng: np.random.Generator, size: int) -> Worlds:
        worlds = printed(rng, size)
        return worlds.with_value(estimand, factor * worlds.truth(estimand), source="shrunken")

    return draw


def conditional_source(made: Ensemble, estimand: Estimand, *, critical: float = 1.96) -> Source:
    """Shrink an estimand to its estimate given that it was significant, for otherwise nobody had printed it.

    Parameters
    ----------
    made : Ensemble
        The reconstructions.
    estimand : Estimand
        What was printed because it was significant; the model must answer it.
    critical : float
        The z beyond which an estimate counts as significant.

    Raises
    ------
    InputError
        The model does not answer the estimand.

    Notes
    -----
    Each reconstruction has a z of its own, the OLS estimate over its standard error; see `conditional_estimate`.
    """
    return _by_z(made, estimand, "conditional", lambda z: conditional_estimate(z, critical))


def estimated_source(made: Ensemble, estimand: Estimand) -> Source:
    """Shrink an estimand as far as its own z says: to 1 - 1/z² of it, or to 0.

    Notes
    -----
    Estimate t with SE s, effects Normal around 0 with variance g s²: the posterior mean is t g / (1 + g), and g is
    estimated by z² - 1 (empirical Bayes).

    References
    ----------
    .. [1] Pawel S., Consonni G., Held L. (2023). Bayesian approaches to designing replication studies. Psychological
       Methods. https://doi.org/10.1037/met0000604
    """
    return _by_z(made, estimand, "shrunken", lambda z: z * np.maximum(1 - z**-2.0, 0))


def _by_z(made: Ensemble, estimand: Estimand, source: str, shrunk: Callable[[FloatArray], FloatArray]) -> Source:
    """Give each reconstruction the value that its OLS estimate, in standard errors, is taken for."""
    worlds, covariance = _printed(made)
    weights = made.columns.weights(estimand, made.mix)
    error = np.sqrt(np.einsum("p,bpq,q->b", weights, covariance, weights))
    worlds = worlds.with_value(estimand, error * shrunk(worlds.truth(estimand) / error), source=source)
    return lambda rng, size: worlds.take(rng.integers(len(worlds), size=size))


def conditional_estimate(z: FloatArray, critical: float = 1.96) -> FloatArray:
    """Estimate the mean of a normal z that is seen only if it is beyond the critical value either way.

    Parameters
    ----------
    z : array
        What was seen, in standard errors. Values short of the critical one are taken to lie at it.
    critical : float
        The critical value.

    Returns
    -------
    array
        Conditional maximum likelihood estimates, in standard errors: .37 z at z = 2.4, nearly z at 4.

    References
    ----------
    .. [1] Zhong H., Prentice R. L. (2008). Bias-reduced estimators and confidence intervals for odds ratios in
       genome-wide association studies. Biostatistics 9(4), 621-634. https://doi.org/10.1093/biostatistics/kxn001
    """

    def excess(mean: FloatArray, seen: FloatArray) -> FloatArray:
        """Return the expected value of what is seen, which rises with the mean, less what was seen."""
        above, below = critical - mean, critical + mean
        chance = ndtr(-above) + ndtr(-below)
        expected = mean + (np.exp(-0.5 * above**2) - np.exp(-0.5 * below**2)) / np.sqrt(2 * np.pi) / chance
        return np.asarray(expected - seen)

    seen = np.maximum(np.abs(z), critical)
    return np.asarray(np.sign(z) * find_root(excess, (np.zeros_like(seen), seen + 1), args=(seen,)).x)


def fixed_source(spec: FixedWorld, frame: Frame) -> Source:
    """Return the world that a person wrote down, as often as asked for; raises as `fixed_worlds`."""
    world = fixed_worlds(spec, frame)
    return lambda _, size: world.take(np.zeros(size, dtype=np.int64))


# -- posterior -------------------------------------------------------------------------------------------------------


def posterior_source(made: Ensemble, variant: str = DEFAULT_VARIANT) -> Source:
    """Draw worlds from the posterior given a reconstruction, and the reconstruction from its own distribution.

    Parameters
    ----------
    made : Ensemble
        The reconstructions, and the model that the worlds follow.
    variant : str
        The priors of the model (the design prior, apart from the priors of the analysis that is being planned).

    Notes
    -----
    The coefficients and the residual SD come from the exact posterior of the model. The law of the scores comes from a
    normal-inverse-Wishart: with S the scatter within a group's cells, Sigma ~ IW(S, n - k) under the reference prior
    |Sigma|^-(m + 1)/2, k the parameters of a score's mean: 1, and one for each level of a category beyond the first;
    means given Sigma are normal. Shares of the profiles that somebody has follow the Dirichlet posterior of a prior
    that weighs as one person (Jeffreys' where there are two). Given a reconstruction, all three are independent.

    References
    ----------
    .. [1] Gelman A. et al. (2013). Bayesian Data Analysis, 3rd ed., section 3.6. CRC Press.
    """
    coefficients = _Coefficients.of(exact_posterior(made.design, variant))
    root = np.linalg.cholesky(made.scatter)

    def draw(rng: np.random.Generator, size: int) -> Worlds:
        index = rng.integers(len(root), size=size)
        shares, means, cov = _draw_scores(made, root[index], index, rng)
        law = coefficients.draw(index, rng)
        return _worlds(made, "posterior", index, shares=shares, means=means, cov=cov, law=law)

    return draw


def _draw_scores(
    made: Ensemble, root: FloatArray, index: IntArray, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Draw shares of the profiles, means and covariances of the scores from their posterior."""
    m, k = root.shape[-1], made.frame.dummies.shape[1] + 1
    if (made.n - k < m).any():
        raise InputError(
            f"groups of {made.n.min():g} are too small for populations of {m} scores; at least {m + k} each"
        )
    factor = _inverse_wishart_factor(root, made.n - k, rng)
    cov = factor @ factor.swapaxes(-1, -2)
    n, shares = made.n[:, None], made.shares[index]
    centre = made.centre[index] + _scaled(factor, rng) / np.sqrt(n)
    step = made.step[index]
    if made.frame.categories:
        noise = np.stack([_scaled(factor, rng) for _ in range(k - 1)], axis=-2)
        variance, axes = axes_of(n[..., None] * made.spread(shares))
        step = step + axes @ (noise / np.sqrt(variance)[..., None])
    means = made.cell_means(centre, step, shares)
    return _dirichlet(made.n[:, None] * shares + (shares > 0) / shares.shape[-1], rng), means, cov


def _dirichlet(counts: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Draw shares, (..., L), from the last on: each a beta part of what is left; counts of 0 get none."""
    found, left = np.empty_like(counts), np.ones(counts.shape[:-1])
    for last in range(counts.shape[-1] - 1, 0, -1):
        mine, others = counts[..., last], counts[..., :last].sum(axis=-1)
        part = rng.beta(np.where(mine > 0, mine, 1.0), np.where(others > 0, others, 1.0))
        part = np.where(mine > 0, np.where(others > 0, part, 1.0), 0.0)
        found[..., last], left = left * part, left * (1 - part)
    found[..., 0] = left
    return found


def _inverse_wishart_factor(root: FloatArray, df: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return F with F F' ~ inverse Wishart(root root', df), by Bartlett's decomposition; shape (W, G, m, m)."""
    m = root.shape[-1]
    bartlett = np.zeros_like(root)
    below = np.tril_indices(m, -1)
    bartlett[..., below[0], below[1]] = rng.standard_normal((*root.shape[:2], len(below[0])))
    bartlett[..., np.arange(m), np.arange(m)] = np.sqrt(rng.chisquare(df[:, None] - np.arange(m), size=root.shape[:3]))
    solved = np.array(root.swapaxes(-1, -2))
    for i in range(m):  # forward substitution, for all worlds at once
        if i:
            solved[..., i, :] -= (bartlett[..., i, None, :i] @ solved[..., :i, :])[..., 0, :]
        solved[..., i, :] /= bartlett[..., i, i, None]
    return np.asarray(solved.swapaxes(-1, -2))


def _scaled(factor: FloatArray, rng: np.random.Generator) -> FloatArray:
    return np.asarray((factor @ rng.standard_normal((*factor.shape[:-1], 1)))[..., 0])


@dataclass(frozen=True, kw_only=True)
class _Coefficients:
    """The exact posteriors of all reconstructions, ready to be drawn from by the thousand."""

    posterior: GaussianPosterior
    log_sigma: FloatArray
    """(R, NODES)"""
    cdf: FloatArray
    """(R, NODES)"""

    @classmethod
    def of(cls, posterior: GaussianPosterior) -> _Coefficients:
        ends = posterior.span()
        nodes = np.linspace(ends[:, 0], ends[:, 1], NODES, axis=1)
        log_density = posterior.form.log_density(nodes)
        density = np.exp(log_density - log_density.max(axis=1, keepdims=True))
        cdf = np.concatenate([np.zeros((len(nodes), 1)), np.cumsum(density[:, 1:] + density[:, :-1], axis=1)], axis=1)
        return cls(posterior=posterior, log_sigma=nodes, cdf=cdf / cdf[:, -1:])

    def draw(self, index: IntArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Draw intercept (W,), coefficients (W, p) and residual SD (W,), one of each for each index."""
        form, sigma = self.posterior.form, self._sigma(index, rng)
        v = sigma**2
        ratio = v / form.v0[index]
        d = 1 + (ratio[:, None] - 1) * form.theta[index]
        rotated = form.score[index] / d + rng.standard_normal(d.shape) * np.sqrt(v[:, None] / d)
        beta = form.prior_mean[index] + np.einsum("wpi,wi->wp", form.basis[index], rotated)
        n, precision = form.n[index], np.broadcast_to(form.priors.intercept_precision, form.n.shape)[index]
        prior_mean = np.broadcast_to(form.priors.intercept_mean, form.n.shape)[index]
        variance = 1 / (n / v + precision)
        centred = variance * (n / v * form.y_mean[index] + precision * prior_mean)
        centred += np.sqrt(variance) * rng.standard_normal(len(index))
        return centred - np.einsum("wp,wp->w", beta, self.posterior.stats.x_mean[index]), beta, sigma

    def _sigma(self, index: IntArray, rng: np.random.Generator) -> FloatArray:
        u, cdf = rng.random((len(index), 1)), self.cdf[index]
        right = np.clip((cdf < u).sum(axis=1, keepdims=True), 1, NODES - 1)
        below, above = np.take_along_axis(cdf, right - 1, 1), np.take_along_axis(cdf, right, 1)
        part = (u - below) / np.maximum(above - below, np.finfo(float).tiny)
        grid = self.log_sigma[index]
        low, high = np.take_along_axis(grid, right - 1, 1), np.take_along_axis(grid, right, 1)
        return np.exp(low + part * (high - low))[:, 0]


def _worlds(
    made: Ensemble,
    source: str,
    index: IntArray,
    *,
    shares: FloatArray,
    means: FloatArray,
    cov: FloatArray,
    law: tuple[FloatArray, FloatArray, FloatArray],
) -> Worlds:
    intercept, beta, sigma = law
    return Worlds(
        frame=made.frame,
        source=source,
        shares=shares,
        mean=means,
        cov=cov,
        level=intercept[:, None] + beta @ made.columns.constant.T,
        slope=np.einsum("cpm,wp->wcm", made.columns.linear, beta),
        sigma=np.repeat(sigma[:, None], len(made.n), axis=1),
        mix=made.mix,
        reconstruction=index,
    )
