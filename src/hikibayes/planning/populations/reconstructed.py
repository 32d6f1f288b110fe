"""Reconstructions as worlds are made of them: in the study's SD units, split by group and by the other categories."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
import xarray as xr

from ...arrays import FloatArray, IntArray
from ...inference.models.design import Design, Scaling
from ...inference.models.moment_design import MomentDesign, design_from_moments
from ...study.moments import in_raw_units, total_moments
from .columns import CellColumns, Frame

FITTING = 50
"""Rounds of proportional fitting of three categories and more."""
ALONE = 1e-9
"""Variance of a combination of codes below which it does not vary."""


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """The reconstructions in SD units, split by cell; R reconstructions.

    Parameters
    ----------
    frame : Frame
        Cells and scores.
    columns : CellColumns
        Of the model that generates the worlds.
    design : MomentDesign or Design
        That model on every reconstruction, or on the rows that are the one sample there is.
    n : array, shape (G,)
        Participants by group.
    shares : array, shape (R, G, L)
        Shares of the profiles.
    centre : array, shape (R, G, m)
        Group means of the scores.
    step : array, shape (R, G, k, m)
        Differences of the scores between a level and the first of its category, within the group.
    scatter : array, shape (R, G, m, m)
        Cross-products of the scores around their cells' means.
    """

    frame: Frame
    columns: CellColumns
    design: MomentDesign | Design
    n: FloatArray
    shares: FloatArray
    centre: FloatArray
    step: FloatArray
    scatter: FloatArray

    @property
    def mix(self) -> FloatArray:
        """Shares of the profiles in the whole sample, averaged over the reconstructions, (L,)."""
        later = (np.moveaxis(self.shares, -1, 0)[1:] @ (self.n / self.n.sum())).mean(axis=-1)
        return np.concatenate([[1 - later.sum()], later])

    def spread(self, shares: FloatArray) -> FloatArray:
        """Return the covariance of the codes of single levels where profiles have such shares, (..., k, k)."""
        mean = shares @ self.frame.dummies
        cov = np.einsum("...l,li,lj->...ij", shares, self.frame.dummies, self.frame.dummies)
        cov -= mean[..., :, None] * mean[..., None, :]
        at = np.arange(mean.shape[-1])
        cov[..., at, at] = mean * (1 - mean)
        return np.asarray(cov)

    def cell_means(self, centre: FloatArray, step: FloatArray, shares: FloatArray) -> FloatArray:
        """Return the scores' means by cell, (W, C, m)."""
        codes = self.frame.dummies
        offset = codes - (shares @ codes)[..., None, :]
        means = centre[:, :, None] + offset @ step
        return np.asarray(means.reshape(len(centre), len(self.frame.cells), centre.shape[-1]))


def ensemble(columns: CellColumns, reconstructions: xr.Dataset, rows: Design | None = None) -> Ensemble:
    """Prepare reconstructions for making worlds of them.

    Parameters
    ----------
    columns : CellColumns
        Of the Gaussian model that the worlds follow; its predictors are the worlds'.
    reconstructions : xarray.Dataset
        Group moments with a leading ``draw`` dim (see `hikibayes.study.moments`).
    rows : Design, optional
        The model on the rows that these are the moments of, where they are there: products of scores have moments
        that theirs do not determine.

    Raises
    ------
    InputError
        A measure that the reconstructions lack, or a model that group moments do not determine.
    """
    frame, model, study = columns.frame, columns.model, columns.frame.study
    moments = in_sd_units(reconstructions)
    numbers = [*frame.measures, model.outcome]
    unit = Scaling(location=dict.fromkeys(numbers, np.zeros(1)), scale=dict.fromkeys(numbers, np.ones(1)))
    design = rows or design_from_moments(model, moments, study, scaling=unit)
    n = moments["n"].sel(group=list(frame.groups)).values.astype(float)
    mean, cov = _of_rows(rows, frame) if rows else _scores(moments, frame)
    shares = _counted(rows, frame, n) if rows else profile_shares(mean, cov, n, frame)
    return Ensemble(frame=frame, columns=columns, design=design, n=n, shares=shares, **_split(mean, cov, n, frame))


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
    """Group means and covariances of scores, the codes of categories last; (R, G, m + k), (R, G, m + k, m + k)."""
    names = [*frame.measures, *frame.single]
    chosen = moments.sel(group=list(frame.groups), measure=names, measure_2=names)
    mean = chosen["mean"].transpose(..., "group", "measure").values
    cov = chosen["cov"].transpose(..., "group", "measure", "measure_2").values
    R = math.prod(mean.shape[:-2])
    return mean.reshape(R, *mean.shape[-2:]), cov.reshape(R, *cov.shape[-3:])


def _of_rows(rows: Design, frame: Frame) -> tuple[FloatArray, FloatArray]:
    """Return the same of one sample's rows, in the units of the design."""
    at, profile = _places(rows, frame)
    every = np.column_stack([rows.frame[list(frame.measures)].to_numpy(dtype=float), frame.dummies[profile]])
    own = [every[at == group] for group in range(len(frame.groups))]
    mean, width = np.stack([part.mean(axis=0) for part in own]), 2 * (every.shape[1],)
    return mean[None], np.stack([np.cov(part, rowvar=False).reshape(width) for part in own])[None]


def _counted(rows: Design, frame: Frame, n: FloatArray) -> FloatArray:
    """Count the shares of the profiles in each group, (1, G, L)."""
    at, profile = _places(rows, frame)
    counts = np.zeros((len(frame.groups), len(frame.profiles)))
    np.add.at(counts, (at, profile), 1)
    return counts[None] / n[:, None]


def _places(rows: Design, frame: Frame) -> tuple[IntArray, IntArray]:
    """Return each row's group and profile."""

    def of(name: str, levels: Sequence[str]) -> IntArray:
        return np.asarray(pd.Index(levels).get_indexer(pd.Index(rows.frame[name].astype(str))), dtype=np.int64)

    group = frame.study.analysis.group
    at = of(group, frame.groups) if group in rows.frame else np.zeros(len(rows.frame), dtype=np.int64)
    profile = np.zeros(len(rows.frame), dtype=np.int64)
    for name, levels in frame.levels_of.items():
        profile = profile * len(levels) + of(name, levels)
    return at, profile


def profile_shares(mean: FloatArray, cov: FloatArray, n: FloatArray, frame: Frame) -> FloatArray:
    """Return shares of the profiles that have such moments of categories with two levels, (R, G, L).

    Notes
    -----
    Two categories' moments determine their shares together. Of three or more they determine each pair, and the shares
    are those of largest entropy, found by iterative proportional fitting.
    """
    m, codes = len(frame.measures), frame.dummies
    second, between = mean[..., m:], cov[..., m:, m:] * ((n - 1) / n)[:, None, None]
    alone = [np.where(codes[:, i] == 1, second[..., [i]], 1 - second[..., [i]]) for i in range(codes.shape[1])]
    found = np.asarray(math.prod(alone)) if alone else np.ones((*mean.shape[:2], 1))
    pairs = list(combinations(range(codes.shape[1]), 2))
    for _ in range(FITTING if len(pairs) > 1 else 1):
        for i, j in pairs:
            sides = (2 * codes[:, i] - 1) * (2 * codes[:, j] - 1)
            wanted = np.maximum(alone[i] * alone[j] + sides * between[..., i, j, None], 0.0)
            same = (codes[:, None, [i, j]] == codes[None, :, [i, j]]).all(axis=-1)
            found = found * wanted / np.maximum(found @ same, np.finfo(float).tiny)
    return np.asarray(found / found.sum(axis=-1, keepdims=True)) if pairs else found


def axes_of(cov: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return variances and principal axes of codes; an infinite variance where they do not vary: nothing depends on it.

    A group may have nobody at some level, or two levels always together.
    """
    variance, axes = np.linalg.eigh(cov)
    return np.where(variance > ALONE, variance, np.inf), axes


def _split(mean: FloatArray, cov: FloatArray, n: FloatArray, frame: Frame) -> dict[str, FloatArray]:
    """Split group moments into what differs between the levels of categories and what varies within them."""
    m, of_codes = len(frame.measures), cov[..., len(frame.measures) :, len(frame.measures) :]
    step = np.zeros((*mean.shape[:2], of_codes.shape[-1], m))
    if frame.categories:
        variance, axes = axes_of(of_codes)
        step = axes @ (axes.swapaxes(-1, -2) @ cov[..., m:, :m] / variance[..., None])
    return {
        "centre": mean[..., :m],
        "step": step,
        "scatter": (cov[..., :m, :m] - step.swapaxes(-1, -2) @ cov[..., m:, :m]) * (n - 1)[:, None, None],
    }
