"""Numbers of labelled group moments: correlations and comparisons written out, regressions of the package by name."""

from typing import Literal

import numpy as np
import xarray as xr
from scipy.special import stdtr

from hikibayes import moments as arrays
from hikibayes.quantities.analysis import codes_of
from hikibayes.quantities.conventions import DECLARED
from hikibayes.study.moments import as_group_moments, in_raw_units, total_moments
from hikibayes.study.study import Study

OF_TERMS = ("coefficient", "se", "standardised", "standardised_se", "t", "p", "vif")
OVERALL = ("r2", "adjusted_r2", "f", "f_p", "residual_sd")


def fitted(moments, outcome, terms, *, group: str, coding: str = "dummy", products: str = "z", checked: bool = False):
    """Fit a regression in the package's arrays; conventions by the words of a study file."""
    names = list(map(str, moments["group"].values)) if group else []
    codes = codes_of(group, names, DECLARED["coding"][coding][0])
    own = DECLARED["products"][products][0]
    return arrays.regress(as_group_moments(moments), outcome, terms, codes=codes, products=own, checked=checked)


def regress(moments: xr.Dataset, outcome, terms, **conventions) -> xr.Dataset:
    """Return the numbers of a regression by term, and those of it as a whole."""
    fit, dims = fitted(moments, outcome, terms, **conventions), moments["mean"].dims[:-2]
    by_term = {name: ((*dims, "term"), getattr(fit, name)) for name in OF_TERMS}
    overall = {name: (dims, getattr(fit, name)) for name in OVERALL}
    of_all = {"n": int(fit.design.moments.total_n), "df": int(fit.df)}
    return xr.Dataset({**by_term, **overall}, coords={"term": list(terms)}, attrs=of_all)


def of_step(study: Study, moments: xr.Dataset, step: str, coding=None, products=None) -> xr.Dataset:
    """Return the regression of a study's step, by the study's conventions where no others are given."""
    analysis = study.analysis
    conventions = {"coding": coding or analysis.coding, "products": products or analysis.products}
    terms = study.columns(step)
    return regress(in_raw_units(moments), analysis.outcome, terms, group=analysis.group, **conventions)


def simple_slopes(moments: xr.Dataset, focal, outcome, terms, **conventions) -> xr.Dataset:
    """Return the slopes of a measure by group, raw and standardised, with their errors and tests."""
    fit, dims = fitted(moments, outcome, terms, **conventions), moments["mean"].dims[:-2]
    groups = range(fit.design.moments.groups)
    slope, se = np.stack([arrays.simple_slope(fit, focal, g) for g in groups], axis=-1)
    own, its_se = np.stack([arrays.simple_slope(fit, focal, g, standardised=True) for g in groups], axis=-1)
    found = {"slope": slope, "se": se, "standardised": own, "standardised_se": its_se, "t": slope / se}
    found["p"] = arrays.two_sided_p(found["t"], fit.df)
    by_group = {name: ((*dims, "group"), values) for name, values in found.items()}
    return xr.Dataset(by_group, coords={"group": moments["group"].values})


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
