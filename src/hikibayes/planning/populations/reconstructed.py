"""Reconstructions as worlds are made of them: in the study's SD units, split by group and category."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import xarray as xr

from ...arrays import FloatArray
from ...inference.models.design import Design, Scaling
from ...inference.models.moment_design import MomentDesign, design_from_moments
from ...spec import InputError
from ...study.moments import in_raw_units, total_moments
from .columns import CellColumns, Frame


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
    share : array, shape (R, G)
        Share of the category's second level; 0 where there is no category.
    centre : array, shape (R, G, m)
        Group means of the scores.
    step : array, shape (R, G, m)
        Difference of the scores between second and first level, within the group.
    scatter : array, shape (R, G, m, m)
        Cross-products of the scores around their cells' means.
    """

    frame: Frame
    columns: CellColumns
    design: MomentDesign | Design
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
    chosen = moments.sel(group=list(frame.groups), measure=names, measure_2=names)
    mean = chosen["mean"].transpose(..., "group", "measure").values
    cov = chosen["cov"].transpose(..., "group", "measure", "measure_2").values
    R = math.prod(mean.shape[:-2])
    return mean.reshape(R, *mean.shape[-2:]), cov.reshape(R, *cov.shape[-3:])


def _split(mean: FloatArray, cov: FloatArray, n: FloatArray, frame: Frame) -> dict[str, FloatArray]:
    """Split group moments into what differs between the category's levels and what varies within them."""
    m = len(frame.measures)
    if not frame.category:
        share, step = np.zeros(mean.shape[:2]), np.zeros((*mean.shape[:2], m))
        return {"share": share, "centre": mean, "step": step, "scatter": cov * (n - 1)[:, None, None]}
    if (cov[..., -1, -1] <= 0).any():
        raise InputError(f"some reconstructions have one {frame.category} only in a group; populations need both")
    step = cov[..., :m, -1] / cov[..., -1:, -1]
    within = cov[..., :m, :m] - step[..., :, None] * cov[..., None, -1, :m]
    return {
        "share": mean[..., -1],
        "centre": mean[..., :m],
        "step": step,
        "scatter": within * (n - 1)[:, None, None],
    }
