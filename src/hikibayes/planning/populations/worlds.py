"""Worlds: populations one might sample next, many at a time.

A world is the law of one participant. Within a cell (a group, and a level of each category such as sex) the scores are
Gaussian and the outcome is linear in them. Everything is in the study's own SD units: 0 is the mean and 1 the SD of the
published sample, so that an estimand stays where it is, whatever sample is drawn.

A reconstruction is the study's own sample; `hikibayes.planning.populations.sources` makes worlds of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Self

import numpy as np
import xarray as xr

from ...arrays import BoolArray, FloatArray, IntArray
from ...estimands import KINDS
from ...moments import regress
from ...problems import SMALLEST
from ...quantities.analysis import codes_of
from ...spec import InputError, unknown_name
from ...study.moments import as_group_moments
from ...study.study import Estimand
from .columns import Frame


@dataclass(frozen=True, kw_only=True)
class Worlds:
    """W populations; G groups by L profiles, C cells, m scores.

    Parameters
    ----------
    frame : Frame
        The cells and the scores, in the order of the axes C and m.
    source : str
        Where they came from: ``posterior``, ``printed``, ``shrunken``, ``conditional`` or ``fixed``.
    shares : array, shape (W, G, L)
        Shares of the profiles in each group.
    mean : array, shape (W, C, m)
        Expected scores.
    cov : array, shape (W, G, m, m)
        Covariance of the scores within a cell, by group.
    level : array, shape (W, C)
        Expected outcome where every score is 0.
    slope : array, shape (W, C, m + d)
        Slopes of the outcome on the scores, and then on those products of two that the model has.
    sigma : array, shape (W, G)
        Residual SD by group.
    mix : array, shape (L,)
        Shares of the profiles at which estimands are taken: the study's own, the same for every world.
    reconstruction : array of int, shape (W,)
        Which reconstruction each world came from; -1 where from none.
    """

    frame: Frame
    source: str
    shares: FloatArray
    mean: FloatArray
    cov: FloatArray
    level: FloatArray
    slope: FloatArray
    sigma: FloatArray
    mix: FloatArray
    reconstruction: IntArray

    def __len__(self) -> int:
        """Return the number of worlds."""
        return len(self.sigma)

    def take(self, index: IntArray) -> Self:
        """Return some of the worlds, in the order of `index`."""
        return self._with(**{name: getattr(self, name)[index] for name in ARRAYS})

    # -- what a world says -------------------------------------------------------------------------------------------

    def truth(self, estimand: Estimand) -> FloatArray:
        """Evaluate an estimand in every world, shape (W,).

        A slope in a group, a difference of slopes and a gap follow from the world's law alone, at the study's own mix
        of the categories and, for a gap, where every score is at the study's mean. A slope common to the groups is the
        one that the estimand's own step has in the population, where that step leaves no room for two.

        Raises
        ------
        InputError
            Planning is for slopes, differences of slopes and gaps.
        """
        if estimand.kind == "slope" and estimand.step and not (estimand.group or estimand.at):
            return self._common_slope(estimand)
        of_level, of_slope = self.frame.loadings(estimand, self.mix)
        return np.asarray(self.level @ of_level + np.einsum("wcm,cm->w", self.slope, of_slope))

    def moments(self) -> xr.Dataset:
        """Return population moments by group, outcome included, as `hikibayes.study.moments` describes them.

        ``n`` is the study's: it says how much each group counts where both are taken together.
        """
        single, outcome = self.frame.single, self.frame.study.analysis.outcome
        names = (*self.frame.measures, *single, outcome)
        mean, cov = self._group_moments()
        kinds = ["category" if name in single else self.frame.study.measure(name).kind for name in names]
        return xr.Dataset(
            {
                "n": ("group", self.frame.sizes),
                "mean": (("draw", "group", "measure"), mean),
                "cov": (("draw", "group", "measure", "measure_2"), cov),
            },
            coords={
                "group": list(self.frame.groups),
                "measure": list(names),
                "measure_2": list(names),
                "kind": ("measure", kinds),
            },
        )

    def predictor_moments(self) -> tuple[FloatArray, FloatArray]:
        """Return means (W, C, m + d) and covariances (W, C, m + d, m + d) of scores and their products, by cell.

        Notes
        -----
        Of Gaussian scores with means u and covariances V: ``E[x_i x_j] = u_i u_j + V_ij``, and covariances of products
        follow from Isserlis' theorem.
        """
        u, V, m = self.mean, self.cov[:, self.frame.group_of], len(self.frame.measures)
        k = len(self.frame.predictors)
        cov = np.zeros((*u.shape[:2], k, k))
        cov[..., :m, :m] = V
        for a, (i, j) in enumerate(self.frame.pairs, start=m):
            cov[..., a, :m] = cov[..., :m, a] = u[..., [i]] * V[..., j, :] + u[..., [j]] * V[..., i, :]
            for b, (g, h) in enumerate(self.frame.pairs, start=m):
                around = V[..., i, g] * V[..., j, h] + V[..., i, h] * V[..., j, g]
                both = ((i, j, g, h), (i, j, h, g), (j, i, g, h), (j, i, h, g))
                cov[..., a, b] = around + sum(u[..., p] * u[..., r] * V[..., q, s] for p, q, r, s in both)
        return self._predictor_means(), cov

    def _predictor_means(self) -> FloatArray:
        """Return the means of scores and products by cell, (W, C, m + d)."""
        products = [self.cov[:, self.frame.group_of, i, j] for i, j in self.frame.pairs]
        mean = self.frame.with_products(self.mean)
        mean[..., len(self.frame.measures) :] += np.stack(products, axis=-1) if products else 0.0
        return mean

    # -- other worlds ------------------------------------------------------------------------------------------------

    def with_value(self, estimand: Estimand, value: FloatArray | float, *, source: str | None = None) -> Self:
        """Return worlds in which an estimand has another value.

        The mean of two slopes that differ, the mean of the groups' outcomes and the residual SD stay as they are; where
        slopes change, so does every group's expected outcome.

        Parameters
        ----------
        estimand : Estimand
            A slope, a difference of slopes or a gap between groups.
        value : float or array, shape (W,)
            What it is to be.
        source : str, optional
            What the new worlds are called.

        Raises
        ------
        InputError
            As `truth`.
        """
        of_level, of_slope = self.frame.loadings(estimand, self.mix)
        # as if all levels counted alike: what is averaged over changes together, whatever its share
        level_alike, slope_alike = self.frame.loadings(estimand, np.full(len(self.mix), 1 / len(self.mix)))
        missing = np.asarray(value - self.truth(estimand))[:, None]
        if of_level.any():
            shift = missing * (level_alike / (level_alike @ of_level))
            return self._with(level=self.level + shift, source=source or self.source)
        j = self._slope_of(estimand)
        direction = slope_alike[:, j] / (slope_alike[:, j] @ of_slope[:, j])
        shift = missing * direction
        slope = self.slope.copy()
        slope[..., j] += shift
        level = self.level - shift * self._centres(direction, self._predictor_means()[..., j])
        return self._with(slope=slope, level=level, source=source or self.source)

    def with_error_variance(self, added: Mapping[str, FloatArray]) -> Self:
        """Return the worlds as they look through better or worse instruments.

        Parameters
        ----------
        added : mapping of str to array, shape (W,)
            Error variance added to a measure (below 0: taken away), in the study's squared SD units; the outcome too.

        Raises
        ------
        InputError
            More error is taken away than some world has.

        Notes
        -----
        Errors are independent of everything, so covariances of a score with anything else stay. The slopes on the new
        scores, and the residual SD around them, follow.
        """
        cov, slope, variance = self._through(added)
        self._require_positive(cov)
        if (variance <= 0).any():
            raise InputError("takes more error from the outcome than its residual variance; give a lower reliability")
        level = self.level + np.einsum("wci,wci->wc", self.mean, self.slope - slope)
        # one residual SD a group: its cells differ only where slopes on scores of changed reliability do
        sigma = np.sqrt((variance.reshape(self.shares.shape) * self.shares).sum(-1))
        return self._with(cov=cov, slope=slope, level=level, sigma=sigma)

    def allow(self, added: Mapping[str, FloatArray]) -> BoolArray:
        """Tell which worlds can have as little error as `with_error_variance` would leave them, shape (W,)."""
        cov, _, variance = self._through(added)
        return (_lowest(cov) > 0) & (variance > 0).all(axis=1)

    def _through(self, added: Mapping[str, FloatArray]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Covariance, slopes and residual variance by cell after a change of error variance, possible or not."""
        if self.frame.pairs:
            raise InputError(
                "other reliabilities are for models without products of scores, whose errors multiply too",
                key="axes.reliability",
            )
        known = (*self.frame.measures, self.frame.study.analysis.outcome)
        if unknown := set(added) - set(known):
            raise InputError(unknown_name("score in these populations,", min(unknown), known))
        extra = np.stack([np.broadcast_to(added.get(name, 0.0), (len(self),)) for name in known], axis=1)
        cov = self.cov + np.einsum("wi,ij->wij", extra[:, :-1], np.eye(len(known) - 1))[:, None]
        by_cell, changed = self.cov[:, self.frame.group_of], cov[:, self.frame.group_of]
        with_outcome = np.einsum("wcij,wcj->wci", by_cell, self.slope)
        slope = np.linalg.solve(changed, with_outcome[..., None])[..., 0]
        lost = np.einsum("wci,wci->wc", with_outcome, self.slope - slope)
        return cov, slope, self.sigma[:, self.frame.group_of] ** 2 + lost + extra[:, -1:]

    # -- inside ------------------------------------------------------------------------------------------------------

    def _with(self, **changes: object) -> Self:
        return replace(self, **changes)  # type: ignore[arg-type]

    def _centres(self, direction: FloatArray, mean: FloatArray) -> FloatArray:
        """Average a score's means, (W, C), over the categories along which a change, (C,), is the same.

        So the change of slopes leaves no interaction behind that it has not itself. Groups keep their own means, unless
        it is along other categories alone that slopes change.
        """
        by_axis = self.frame.by_category(direction.reshape(len(self.frame.groups), -1))
        alike = tuple(k for k in range(by_axis.ndim) if np.allclose(by_axis, by_axis.take([0], axis=k)))
        over = tuple(k + 1 for k in alike if k or len(alike) < by_axis.ndim)
        weight = self.frame.sizes[:, None] * self.shares if 1 in over else self.shares
        shape = (len(self), *by_axis.shape)
        weight = weight.reshape(shape)
        total = (weight * mean.reshape(shape)).sum(axis=over, keepdims=True)
        centre = total / np.maximum(weight.sum(axis=over, keepdims=True), SMALLEST)  # of nobody it does not matter
        return np.broadcast_to(centre, shape).reshape(mean.shape)

    def _slope_of(self, estimand: Estimand) -> int:
        """Return which slope an estimand is changed by: its score's, or its product's."""
        product = {name for key in KINDS[estimand.kind].per if (name := getattr(estimand, key))}
        known = [frozenset(name.split(":")) for name in self.frame.predictors]
        if product not in known:
            name = ":".join(map(str, sorted(product, key=str)))
            raise InputError(unknown_name("score in these populations,", name, self.frame.predictors))
        return known.index(frozenset(map(str, product)))

    def _require_positive(self, cov: FloatArray) -> None:
        if (impossible := _lowest(cov) <= 0).any():
            raise InputError(
                f"{impossible.mean():.1%} of the populations are then not positive definite; give a lower reliability"
            )

    def _common_slope(self, estimand: Estimand) -> FloatArray:
        study, terms = self.frame.study, self.frame.study.terms(estimand.step)
        known = (*self.frame.measures, *self.frame.labels)
        if lacking := sorted({name for term in terms for name in term.split(":")} - {*known}):
            raise InputError(
                f"estimand {estimand.name!r} is a slope of step {estimand.step!r}, and the populations have no "
                f"{', '.join(lacking)}; give worlds.model a model with all of that step's measures",
                key="worlds.model",
            )
        coded = [each for term in terms for each in self._coded(term)]
        codes = codes_of(study.analysis.group, study.group_names, "dummy")
        moments = as_group_moments(self.moments())
        fit = regress(moments, study.analysis.outcome, coded, codes=codes, products="raw", checked=True)
        return np.asarray(fit.coefficient[..., fit.design.position(self._coded(str(estimand.of))[0])])

    def _coded(self, term: str) -> list[str]:
        """Write a term with the codes of its categories, as many times as these have."""
        parts = [[*self.frame.indicators.get(name, [name])] for name in term.split(":")]
        return [":".join(each) for each in product(*parts)]

    def _group_moments(self) -> tuple[FloatArray, FloatArray]:
        """Mean (W, G, c) and covariance (W, G, c, c) of scores, codes and outcome: mixtures over the cells."""
        (W, G, L), m, codes = self.shares.shape, len(self.frame.measures), self.frame.dummies
        expected, within = self.predictor_moments()
        slope, mean = self.slope.reshape(W, G, L, -1), expected.reshape(W, G, L, -1)
        outcome = self.level.reshape(W, G, L) + np.einsum("wglm,wglm->wgl", slope, mean)
        parts = [mean[..., :m], np.broadcast_to(codes, (W, G, *codes.shape)), outcome[..., None]]
        at = np.concatenate(parts, axis=-1)
        centre = np.einsum("wgl,wglc->wgc", self.shares, at)
        away = at - centre[:, :, None]
        cov = np.einsum("wgl,wglc,wgld->wgcd", self.shares, away, away)
        with_outcome = np.einsum("wglij,wglj->wgli", within.reshape(W, G, L, *within.shape[2:]), slope)
        cov[..., :m, :m] += self.cov
        cov[..., :m, -1] += np.einsum("wgl,wgli->wgi", self.shares, with_outcome[..., :m])
        cov[..., -1, :m] += np.einsum("wgl,wgli->wgi", self.shares, with_outcome[..., :m])
        cov[..., -1, -1] += np.einsum("wgl,wgli,wgli->wg", self.shares, with_outcome, slope) + self.sigma**2
        return centre, cov


def _lowest(cov: FloatArray) -> FloatArray:
    """Return the lowest eigenvalue of each world's covariances, (W,); infinite where there is no score."""
    return np.asarray(np.linalg.eigvalsh(cov).min(axis=(1, 2), initial=np.inf))


ARRAYS = ("shares", "mean", "cov", "level", "slope", "sigma", "reconstruction")
