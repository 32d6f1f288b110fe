"""Correlations and comparisons of labelled group moments, written out: the package is held against them."""

from typing import Literal

import numpy as np
import xarray as xr
from scipy.special import stdtr

from hikibayes.study.moments import total_moments


def correlations(moments: xr.Dataset, group: str | None = None) -> xr.DataArray:
    """Return the correlation matrix (..., measure, measure_2) of a group, or of the total sample."""
    cov = total_moments(moments)[1] if group is None else moments["cov"].sel(group=group)
    cov = cov.transpose(..., "measure", "measure_2")
    sd = np.sqrt(np.diagonal(cov.values, axis1=-2, axis2=-1))
    return cov / (sd[..., :, None] * sd[..., None, :])


def compare_groups(
    moments: xr.Dataset, measure: str, between: tuple[str, str], test: Literal["welch", "student"] = "welch"
) -> xr.Dataset:
    """Compare two group means: the first of ``between`` minus the second.

    Returns
    -------
    xarray.Dataset
        ``difference``, ``t``, ``df``, ``p`` (two-sided) and ``d`` (over the pooled group SD), over the leading dims.
    """
    first, second = (moments.sel(group=name, measure=measure, measure_2=measure, drop=True) for name in between)
    n1, n2 = int(first["n"]), int(second["n"])
    v1, v2 = first["cov"], second["cov"]
    difference = first["mean"] - second["mean"]
    pooled = ((n1 - 1) * v1 + (n2 - 1) * v2) / (n1 + n2 - 2)
    if test == "welch":
        error = v1 / n1 + v2 / n2
        df = error**2 / ((v1 / n1) ** 2 / (n1 - 1) + (v2 / n2) ** 2 / (n2 - 1))
    else:
        error = pooled * (1 / n1 + 1 / n2)
        df = xr.full_like(v1, n1 + n2 - 2)
    t = difference / np.sqrt(error)
    p = t.copy(data=2 * stdtr(df.values, -np.abs(t.values)))
    return xr.Dataset({"difference": difference, "t": t, "df": df, "p": p, "d": difference / np.sqrt(pooled)})
