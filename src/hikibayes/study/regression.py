"""Least squares from group moments: coefficients, standard errors, R2, VIFs and simple slopes, without the rows.

A product of group and measure is linear in the measure within each group. The moments of any design with such products
are therefore exact functions of the group moments (`hikibayes.study.moments`), and so is everything OLS prints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import fdtrc, stdtr

from ..spec import InputError, unknown_name

__all__ = ["Coding", "Design", "Products", "Regression", "design_moments", "regress", "simple_slopes"]

type Coding = Literal["dummy", "effect", "helmert"]
type Products = Literal["z", "raw", "centred"]
type FloatArray = NDArray[np.float64]

CODES: dict[str, tuple[float, float]] = {"dummy": (0.0, 1.0), "effect": (-0.5, 0.5)}
COLLINEAR = 1e12
"""A variance inflation factor above this is a linear dependence up to floating-point error."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """Moments of the columns of a regression; the outcome is the last column.

    Attributes
    ----------
    columns : tuple of str, length c
        The terms, then the outcome.
    dims : tuple of str
        Names of the leading dims.
    n : int
        Participants.
    mean : ndarray, shape (..., c)
        Column means, in raw units.
    scatter : ndarray, shape (..., c, c)
        Centred cross-products of the columns, in raw units.
    unit : ndarray, shape (..., c)
        What one unit of a standardised coefficient's column is in raw units.
    steepness : ndarray, shape (2, c)
        What one unit of a product's measure adds to the column, in each group; 1 for a measure by itself.
    """

    columns: tuple[str, ...]
    dims: tuple[str, ...]
    n: int
    mean: FloatArray
    scatter: FloatArray
    unit: FloatArray
    steepness: FloatArray


def design_moments(
    moments: xr.Dataset,
    outcome: str,
    terms: Sequence[str],
    *,
    group: str,
    coding: Coding = "dummy",
    products: Products = "z",
) -> Design:
    """Return the moments of a regression's columns, exact from the group moments.

    Parameters
    ----------
    moments : xarray.Dataset
        Group moments.
    outcome : str
        The outcome's measure.
    terms : sequence of str
        Measures, the group, and products ``group:measure``.
    group : str
        Name of the measure that holds the groups.
    coding : {"dummy", "effect"}
        The groups as 0 and 1, or as -1/2 and 1/2.
    products : {"z", "raw", "centred"}
        A product is made of the group's code and: the z-score (a category stays 0/1); the raw score; or of both after
        they were centred at their means over all participants.

    Raises
    ------
    InputError
        A term that is no measure, or a product that is not one with the group.
    """
    mean, cov, dims = _arrays(moments)
    names = [str(name) for name in moments["measure"].values]
    number = moments["kind"].values != "category"
    n = moments["n"].values.astype(float)
    weights = n / n.sum()
    total_mean, total_sd = _total(mean, cov, n)
    codes = np.array(CODES[coding])
    if products == "centred":
        codes = codes - weights @ codes
    shift = total_mean * {"z": number, "raw": 0.0, "centred": 1.0}[products]

    # a last, constant measure carries the column of the group itself
    where = [_position(term, names, group) for term in (*terms, outcome)]
    times = np.array([codes if group in term.split(":") else np.ones(2) for term in (*terms, outcome)]).T
    one = np.ones((*mean.shape[:-1], 1))
    group_mean = np.concatenate([mean - shift[..., None, :], one], axis=-1)[..., where] * times
    padded = np.zeros((*cov.shape[:-2], len(names) + 1, len(names) + 1))
    padded[..., :-1, :-1] = cov
    within = padded[..., where, :][..., where] * times[:, :, None] * times[:, None, :]
    column_mean = np.einsum("k,...kc->...c", weights, group_mean)
    gap = group_mean - column_mean[..., None, :]
    scatter = np.einsum("k,...kij->...ij", n - 1, within) + np.einsum("k,...ki,...kj->...ij", n, gap, gap)
    own_sd = np.sqrt(np.diagonal(scatter, axis1=-2, axis2=-1) / (n.sum() - 1))
    if products == "z":
        z_unit = np.concatenate([np.where(number, total_sd, 1.0), one[..., 0, :]], axis=-1)[..., where]
        own_sd = np.concatenate([z_unit[..., :-1], own_sd[..., -1:]], axis=-1)
    return Design(
        columns=(*terms, outcome),
        dims=dims,
        n=int(n.sum()),
        mean=column_mean,
        scatter=scatter,
        unit=own_sd,
        steepness=times,
    )


def _arrays(moments: xr.Dataset) -> tuple[FloatArray, FloatArray, tuple[str, ...]]:
    """Return mean and cov with the group and measure axes last, and the names of the leading dims."""
    mean = moments["mean"].transpose(..., "group", "measure")
    dims = tuple(str(dim) for dim in mean.dims[:-2])
    cov = moments["cov"].transpose(*dims, "group", "measure", "measure_2")
    return mean.values.astype(float), cov.values.astype(float), dims


def _total(mean: FloatArray, cov: FloatArray, n: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and SD of every measure over all participants."""
    total_mean = np.einsum("k,...km->...m", n / n.sum(), mean)
    variance = np.diagonal(cov, axis1=-2, axis2=-1)
    scatter = np.einsum("k,...km->...m", n - 1, variance)
    scatter = scatter + np.einsum("k,...km->...m", n, (mean - total_mean[..., None, :]) ** 2)
    return total_mean, np.sqrt(scatter / (n.sum() - 1))


def _position(term: str, names: Sequence[str], group: str) -> int:
    """Return the index of the measure in a term; the one after the last for the group by itself."""
    parts = term.split(":")
    if parts == [group]:
        return len(names)
    if len(parts) > 2 or (len(parts) == 2 and group not in parts):
        raise InputError(f"term {term!r}: group moments determine products of {group!r} and one measure only")
    measure = parts[0] if parts[0] != group else parts[1]
    if measure not in names:
        raise InputError(unknown_name("measure", measure, (*names, group)))
    return list(names).index(measure)


@dataclass(frozen=True, kw_only=True)
class Regression:
    """A least-squares regression, as exact functions of moments; every array carries the moments' leading dims.

    Attributes
    ----------
    coefficient, se : DataArray, dims (..., term)
        In raw units.
    standardised, standardised_se : DataArray, dims (..., term)
        As printed on standardised scales. Products of z-scores: the coefficients of the regression in which outcome,
        scales and numbers are z-scores and categories 0/1. Otherwise: b times SD of the column over SD of the outcome.
    t, p, vif : DataArray, dims (..., term)
        Two-sided p; variance inflation factor.
    covariance : DataArray, dims (..., term, term_2)
        Of the raw coefficients.
    r2, adjusted_r2, f, f_p, residual_sd : DataArray, dims (...)
        Of the whole regression; ``residual_sd`` has divisor ``df`` and the outcome's unit.
    n, df : int
        Participants, and residual degrees of freedom.
    """

    coefficient: xr.DataArray
    se: xr.DataArray
    standardised: xr.DataArray
    standardised_se: xr.DataArray
    t: xr.DataArray
    p: xr.DataArray
    vif: xr.DataArray
    covariance: xr.DataArray
    r2: xr.DataArray
    adjusted_r2: xr.DataArray
    f: xr.DataArray
    f_p: xr.DataArray
    residual_sd: xr.DataArray
    n: int
    df: int


def regress(
    moments: xr.Dataset,
    outcome: str,
    terms: Sequence[str],
    *,
    group: str,
    coding: Coding = "dummy",
    products: Products = "z",
) -> Regression:
    r"""Regress an outcome on terms by least squares, from group moments.

    Parameters
    ----------
    moments, outcome, terms, group, coding, products
        As in `design_moments`.

    Returns
    -------
    Regression
        Agrees with a fit to the rows up to floating-point error; leading dims are carried through.

    Raises
    ------
    InputError
        Terms that do not vary or depend on each other linearly, or too few participants.

    Notes
    -----
    With the columns' correlation matrix :math:`R` and their correlations :math:`r` with the outcome,
    :math:`\hat\beta = R^{-1}r`, :math:`R^2 = r'\hat\beta` and :math:`\mathrm{VIF} = \mathrm{diag}\,R^{-1}`.
    """
    design = design_moments(moments, outcome, terms, group=group, coding=coding, products=products)
    return _least_squares(design, {dim: moments[dim] for dim in design.dims if dim in moments.coords})


def _least_squares(design: Design, coords: dict[str, xr.DataArray]) -> Regression:
    terms = list(design.columns[:-1])
    k, df = len(terms), design.n - len(terms) - 1
    if df < 1:
        raise InputError(f"{design.n} participants are too few for {k} terms")
    root = np.sqrt(np.diagonal(design.scatter, axis1=-2, axis2=-1))
    _refuse_constant(root, design.columns)
    r = design.scatter / (root[..., :, None] * root[..., None, :])
    inverse = _inverse(r[..., :-1, :-1], terms)
    beta = np.einsum("...ij,...j->...i", inverse, r[..., :-1, -1])
    r2 = np.einsum("...i,...i->...", beta, r[..., :-1, -1])
    vif = np.diagonal(inverse, axis1=-2, axis2=-1)
    ratio = root[..., -1:] / root[..., :-1]
    error = (1 - r2)[..., None] / df
    se = np.sqrt(error * vif)
    covariance = inverse * error[..., None] * ratio[..., :, None] * ratio[..., None, :]
    t = beta / se
    standard = ratio * design.unit[..., :-1] / design.unit[..., -1:]
    f = r2 / k / ((1 - r2) / df)

    def by_term(values: FloatArray) -> xr.DataArray:
        return xr.DataArray(values, dims=(*design.dims, "term"), coords={**coords, "term": terms})

    def overall(values: FloatArray) -> xr.DataArray:
        return xr.DataArray(values, dims=design.dims, coords=coords)

    return Regression(
        coefficient=by_term(beta * ratio),
        se=by_term(se * ratio),
        standardised=by_term(beta * standard),
        standardised_se=by_term(se * standard),
        t=by_term(t),
        p=by_term(2 * stdtr(df, -np.abs(t))),
        vif=by_term(vif),
        covariance=xr.DataArray(
            covariance, dims=(*design.dims, "term", "term_2"), coords={**coords, "term": terms, "term_2": terms}
        ),
        r2=overall(r2),
        adjusted_r2=overall(1 - (1 - r2) * (design.n - 1) / df),
        f=overall(f),
        f_p=overall(fdtrc(k, df, np.maximum(f, 0.0))),
        residual_sd=overall(root[..., -1] * np.sqrt((1 - r2) / df)),
        n=design.n,
        df=df,
    )


def _refuse_constant(root: FloatArray, columns: Sequence[str]) -> None:
    still = (root == 0) | ~np.isfinite(root)
    for column, flag in zip(columns, still.reshape(-1, len(columns)).any(axis=0), strict=True):
        if flag:
            raise InputError(f"{column!r} does not vary; a regression needs columns that do")


def _inverse(r: FloatArray, terms: Sequence[str]) -> FloatArray:
    try:
        inverse = np.linalg.inv(r)
    except np.linalg.LinAlgError:
        inverse = np.full_like(r, np.inf)
    vif = np.diagonal(inverse, axis1=-2, axis2=-1).reshape(-1, len(terms))
    bad = ~((vif >= 0.99) & (vif < COLLINEAR)).all(axis=0)
    if bad.any():
        names = ", ".join(term for term, flag in zip(terms, bad, strict=True) if flag)
        raise InputError(f"linearly dependent terms: {names}")
    return inverse


def simple_slopes(
    moments: xr.Dataset, focal: str, outcome: str, terms: Sequence[str], *, group: str, coding: Coding = "dummy"
) -> xr.Dataset:
    """Return the slope of a measure in each group.

    Parameters
    ----------
    moments, outcome, terms, group, coding
        As in `design_moments`. The coding matters only to a regression that has a product but not the group itself.
    focal : str
        The measure; without its product among the terms its slope is the same in both groups.

    Returns
    -------
    xarray.Dataset
        Dims (..., group): ``slope`` and ``se`` in raw units, ``standardised`` and ``standardised_se`` (SD of the
        outcome per SD of the measure, a category per level), ``t``, ``p`` (two-sided).

    Raises
    ------
    InputError
        The measure is in no term, and whatever `regress` raises.
    """
    design = design_moments(moments, outcome, terms, group=group, coding=coding)
    fit = _least_squares(design, {dim: moments[dim] for dim in design.dims if dim in moments.coords})
    of_focal = np.array([set(term.split(":")) - {group} == {focal} for term in terms])
    if not of_focal.any():
        raise InputError(unknown_name("measure", focal, {part for term in terms for part in term.split(":")} - {group}))
    weights = xr.DataArray(
        design.steepness[:, :-1] * of_focal,
        dims=("group", "term"),
        coords={"group": moments["group"].values, "term": list(terms)},
    )
    slope = (fit.coefficient * weights).sum("term").transpose(..., "group")
    variance = (fit.covariance * weights * weights.rename(term="term_2")).sum(("term", "term_2"))
    se = variance.transpose(..., "group") ** 0.5
    first = int(np.flatnonzero(of_focal)[0])
    standard = xr.DataArray(design.unit[..., first] / design.unit[..., -1], dims=design.dims)
    t = slope / se
    p = t.copy(data=2 * stdtr(fit.df, -np.abs(t.values)))
    return xr.Dataset(
        {
            "slope": slope,
            "se": se,
            "standardised": (slope * standard).transpose(..., "group"),
            "standardised_se": (se * standard).transpose(..., "group"),
            "t": t,
            "p": p,
        }
    )
