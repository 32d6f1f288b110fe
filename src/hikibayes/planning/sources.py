"""Where worlds come from: the posterior given a reconstruction, the reconstruction itself, or a person.

A reconstruction is a plausible version of the study's own sample. Taking it for the population (``printed``) ignores
that it is a sample; drawing from the posterior given it (``posterior``) does not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from ..inference.compile import exact_posterior, exact_priors
from ..inference.design import Scaling
from ..inference.exact import GaussianPosterior
from ..inference.models import DEFAULT_VARIANT, ModelSpec
from ..inference.moment_design import MomentDesign, design_from_moments
from ..record.moments import in_raw_units, total_moments
from ..record.study import Study
from ..spec import InputError
from .columns import CellColumns, FloatArray, Frame, cell_columns
from .fixed import FixedWorld, fixed_worlds
from .worlds import IntArray, Worlds

__all__ = ["SELECTED", "Source", "fixed_source", "posterior_source", "printed_source", "shrunken_source"]

type Source = Callable[[np.random.Generator, int], Worlds]
"""Draws so many worlds, from randomness that it is given."""

SELECTED = 0.37
"""What is left of a difference seen at z = 2.4, given that it had to pass z = 1.96 to be reported: see Notes there."""

NODES = 65
"""Nodes of the residual SD's distribution function; the draws' error is far below that of drawing."""


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """The reconstructions in SD units, split by cell; R reconstructions.

    Parameters
    ----------
    frame : Frame
        Cells and scores.
    columns : CellColumns
        Of the model that generates the worlds.
    design : MomentDesign
        That model on every reconstruction.
    n : array, shape (2,)
        Participants by group.
    share : array, shape (R, 2)
        Share of the category's second level; 0 where there is no category.
    centre : array, shape (R, 2, m)
        Group means of the scores.
    step : array, shape (R, 2, m)
        Difference of the scores between second and first level, within the group.
    scatter : array, shape (R, 2, m, m)
        Cross-products of the scores around their cells' means.
    """

    frame: Frame
    columns: CellColumns
    design: MomentDesign
    n: FloatArray
    share: FloatArray
    centre: FloatArray
    step: FloatArray
    scatter: FloatArray

    @property
    def mix(self) -> FloatArray:
        """Shares of the category's levels in the whole sample, averaged over the reconstructions."""
        second = float((self.share @ (self.n / self.n.sum())).mean())
        return np.array([1 - second, second]) if self.frame.category else np.ones(1)

    def cell_means(self, centre: FloatArray, step: FloatArray, share: FloatArray) -> FloatArray:
        """Return the scores' means by cell, (W, C, m)."""
        offset = np.arange(len(self.frame.levels)) - share[..., None]
        means = centre[:, :, None] + offset[..., None] * step[:, :, None]
        return np.asarray(means.reshape(len(centre), -1, centre.shape[-1]))


def ensemble(study: Study, reconstructions: xr.Dataset, model: ModelSpec) -> Ensemble:
    """Prepare reconstructions for making worlds of them.

    Parameters
    ----------
    study : Study
        With its readings decided.
    reconstructions : xarray.Dataset
        Group moments with a leading ``draw`` dim (see `hikibayes.record.moments`).
    model : ModelSpec
        The Gaussian model that the worlds follow; its predictors are the worlds'.

    Raises
    ------
    InputError
        A measure that the reconstructions lack, or a model that group moments do not determine.
    """
    frame = Frame.of_model(study, model)
    columns = cell_columns(model, frame)
    moments = in_sd_units(reconstructions)
    numbers = [*frame.measures, model.outcome]
    unit = Scaling(location=dict.fromkeys(numbers, np.zeros(1)), scale=dict.fromkeys(numbers, np.ones(1)))
    design = design_from_moments(model, moments, study, scaling=unit)
    n = moments["n"].sel(group=list(study.group_ids)).values.astype(float)
    mean, cov = _scores(moments, frame)
    return Ensemble(frame=frame, columns=columns, design=design, n=n, **_split(mean, cov, n, frame))


def in_sd_units(moments: xr.Dataset) -> xr.Dataset:
    """Return group moments with every number at mean 0 and SD 1 over the whole sample; categories stay 0/1."""
    moments = in_raw_units(moments)
    mean, cov = total_moments(moments)
    number = moments["kind"] != "category"
    sd = xr.DataArray(
        np.sqrt(np.diagonal(cov.transpose(..., "measure", "measure_2").values, axis1=-2, axis2=-1)),
        dims=mean.transpose(..., "measure").dims,
        coords={"measure": moments["measure"]},
    )
    scale, location = sd.where(number, 1.0), mean.where(number, 0.0)
    other = scale.rename(measure="measure_2").drop_vars("kind", errors="ignore")
    return moments.assign(mean=(moments["mean"] - location) / scale, cov=moments["cov"] / (scale * other))


def _scores(moments: xr.Dataset, frame: Frame) -> tuple[FloatArray, FloatArray]:
    """Group means and covariances of scores, the category last."""
    names = [*frame.measures, *filter(None, [frame.category])]
    chosen = moments.sel(group=list(frame.study.group_ids), measure=names, measure_2=names)
    mean = chosen["mean"].transpose(..., "group", "measure").values
    cov = chosen["cov"].transpose(..., "group", "measure", "measure_2").values
    c = len(names)
    return mean.reshape(-1, 2, c), cov.reshape(-1, 2, c, c)


def _split(mean: FloatArray, cov: FloatArray, n: FloatArray, frame: Frame) -> dict[str, FloatArray]:
    """Split group moments into what differs between the category's levels and what varies within them."""
    m = len(frame.measures)
    if not frame.category:
        share, step = np.zeros(mean.shape[:2]), np.zeros((*mean.shape[:2], m))
        return {"share": share, "centre": mean, "step": step, "scatter": cov * (n - 1)[:, None, None]}
    if (cov[..., -1, -1] <= 0).any():
        raise InputError(f"some reconstructions have one {frame.category} only in a group; worlds need both")
    step = cov[..., :m, -1] / cov[..., -1:, -1]
    within = cov[..., :m, :m] - step[..., :, None] * cov[..., None, -1, :m]
    return {
        "share": mean[..., -1],
        "centre": mean[..., :m],
        "step": step,
        "scatter": within * (n - 1)[:, None, None],
    }


# -- printed and shrunken --------------------------------------------------------------------------------------------


def printed_source(study: Study, reconstructions: xr.Dataset, model: ModelSpec) -> Source:
    """Take the reconstructions themselves as populations: their own means, covariances, OLS coefficients, residual SD.

    Power there is power at the published effect, had it no sampling error.

    Parameters
    ----------
    study, reconstructions, model
        As for `ensemble`.
    """
    made = ensemble(study, reconstructions, model)
    stats = made.design.statistics
    beta = np.linalg.solve(stats.sxx, stats.sxy[..., None])[..., 0]
    df = stats.n - len(stats.names) - 1
    sigma = np.sqrt((stats.syy - np.einsum("bi,bi->b", beta, stats.sxy)) / df)
    intercept = stats.y_mean - np.einsum("bi,bi->b", beta, stats.x_mean)
    every = np.arange(len(beta))
    cov = made.scatter / (made.n - 1)[:, None, None]
    means = made.cell_means(made.centre, made.step, made.share)
    worlds = _worlds(made, "printed", every, share=made.share, means=means, cov=cov, law=(intercept, beta, sigma))
    return lambda rng, size: worlds.take(rng.integers(len(worlds), size=size))


def shrunken_source(printed: Source, focal: str, factor: float = 0.5) -> Source:
    """Shrink the difference between the groups' slopes of a measure; see `Worlds.with_difference` for what stays.

    Parameters
    ----------
    printed : Source
        Worlds to shrink.
    focal : str
        The measure.
    factor : float
        What is left of the difference. One half is a common rule of thumb. ``SELECTED`` (.37) is the conditional
        maximum likelihood estimate where a difference is reported only if significant at two-sided .05, and was so with
        z of about 2.4.

    References
    ----------
    .. [1] Zhong H., Prentice R. L. (2008). Bias-reduced estimators and confidence intervals for odds ratios in
       genome-wide association studies. Biostatistics 9(4), 621-634. https://doi.org/10.1093/biostatistics/kxn001
    """

    def draw(rng: np.random.Generator, size: int) -> Worlds:
        worlds = printed(rng, size)
        j = worlds.frame.measures.index(focal)
        by_group = worlds.slope[..., j].reshape(size, 2, -1) @ worlds.mix
        return worlds.with_difference(focal, factor * (by_group[:, 1] - by_group[:, 0]), source="shrunken")

    return draw


def fixed_source(spec: FixedWorld, frame: Frame) -> Source:
    """Return the world that a person wrote down, as often as asked for; raises as `fixed_worlds`."""
    world = fixed_worlds(spec, frame)
    return lambda _, size: world.take(np.zeros(size, dtype=np.int64))


# -- posterior -------------------------------------------------------------------------------------------------------


def posterior_source(
    study: Study, reconstructions: xr.Dataset, model: ModelSpec, variant: str = DEFAULT_VARIANT
) -> Source:
    """Draw worlds from the posterior given a reconstruction, and the reconstruction from its own distribution.

    Parameters
    ----------
    study, reconstructions, model
        As for `ensemble`.
    variant : str
        The priors of the model (the design prior, apart from the priors of the analysis that is being planned).

    Notes
    -----
    The coefficients and the residual SD come from the exact posterior of the model. The law of the scores comes from a
    normal-inverse-Wishart: with S the scatter within a group's cells, Sigma ~ IW(S, n - k) under the reference prior
    |Sigma|^-(m + 1)/2, k = 2 where there is a category, else 1; means given Sigma are normal. Shares of the category
    have Jeffreys' beta posterior. Given a reconstruction, all three are independent.

    References
    ----------
    .. [1] Gelman A. et al. (2013). Bayesian Data Analysis, 3rd ed., section 3.6. CRC Press.
    """
    made = ensemble(study, reconstructions, model)
    coefficients = _Coefficients.of(exact_posterior(made.design, variant))
    root = np.linalg.cholesky(made.scatter)

    def draw(rng: np.random.Generator, size: int) -> Worlds:
        index = rng.integers(len(root), size=size)
        share, means, cov = _draw_scores(made, root[index], index, rng)
        law = coefficients.draw(index, rng)
        return _worlds(made, "posterior", index, share=share, means=means, cov=cov, law=law)

    exact_priors(made.design, variant)
    return draw


def _draw_scores(
    made: Ensemble, root: FloatArray, index: IntArray, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Draw shares of the category, means and covariances of the scores from their posterior."""
    size, m, k = len(index), root.shape[-1], 2 if made.frame.category else 1
    if (made.n - k < m).any():
        raise InputError(f"groups of {made.n.min():g} are too small for worlds of {m} scores; at least {m + k} each")
    factor = _inverse_wishart_factor(root, made.n - k, rng)
    cov = factor @ factor.swapaxes(-1, -2)
    n, share = made.n[:, None], made.share[index]
    centre = made.centre[index] + _scaled(factor, rng) / np.sqrt(n)
    if not made.frame.category:
        return share, made.cell_means(centre, made.step[index], share), cov
    step = made.step[index] + _scaled(factor, rng) / np.sqrt(n * (share * (1 - share))[..., None])
    means = made.cell_means(centre, step, share)
    return rng.beta(made.n * share + 0.5, made.n * (1 - share) + 0.5).reshape(size, 2), means, cov


def _inverse_wishart_factor(root: FloatArray, df: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return F with F F' ~ inverse Wishart(root root', df), by Bartlett's decomposition; shape (W, 2, m, m)."""
    size, m = len(root), root.shape[-1]
    bartlett = np.tril(rng.standard_normal(root.shape), -1)
    squares = rng.chisquare(df[:, None] - np.arange(m), size=(size, 2, m))
    bartlett[..., np.arange(m), np.arange(m)] = np.sqrt(squares)
    return np.asarray(np.linalg.solve(bartlett, root.swapaxes(-1, -2)).swapaxes(-1, -2))


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
        ends = posterior.log_sigma[:, [0, -1]]
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
    share: FloatArray,
    means: FloatArray,
    cov: FloatArray,
    law: tuple[FloatArray, FloatArray, FloatArray],
) -> Worlds:
    intercept, beta, sigma = law
    return Worlds(
        frame=made.frame,
        source=source,
        share=share,
        mean=means,
        cov=cov,
        level=intercept[:, None] + beta @ made.columns.constant.T,
        slope=np.einsum("cpm,wp->wcm", made.columns.linear, beta),
        sigma=sigma,
        mix=made.mix,
        reconstruction=index,
    )
