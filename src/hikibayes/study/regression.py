"""Least squares on labelled group moments: `hikibayes.moments` computes, here its arrays are given names."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import xarray as xr

from ..moments import Design, Fit, design_of, regress_on, simple_slope
from ..moments.tails import two_sided_p
from ..quantities.analysis import codes_of
from ..quantities.conventions import DECLARED
from ..spec import InputError, unknown_name
from .moments import as_group_moments

OF_TERMS = ("coefficient", "se", "standardised", "standardised_se", "t", "p", "vif")
OVERALL = ("r2", "adjusted_r2", "f", "f_p", "residual_sd")
COLLINEAR = 1e12
"""A variance inflation factor above this is a linear dependence up to floating-point error."""


def regress(
    moments: xr.Dataset,
    outcome: str,
    terms: Sequence[str],
    *,
    group: str,
    coding: str = "dummy",
    products: str = "z",
) -> xr.Dataset:
    """Regress an outcome on terms by least squares, from group moments.

    Parameters
    ----------
    moments : xarray.Dataset
        Group moments (`hikibayes.study.moments`), with any leading dims.
    outcome : str
        The outcome's measure.
    terms : sequence of str
        Measures, the group (of more than two ``group[level]``), and products.
    group : str
        Name of the measure that holds the groups; empty for one sample.
    coding, products : str
        Words of a study file (``hikibayes.quantities.conventions.DECLARED``).

    Returns
    -------
    xarray.Dataset
        Dims (..., term): ``coefficient, se`` in raw units, ``standardised, standardised_se``, ``t, p, vif``; dims
        (...): ``r2, adjusted_r2, f, f_p, residual_sd``. What each is: `hikibayes.moments.Fit`. Attributes ``n, df``.

    Raises
    ------
    InputError
        A term that is no measure, a product that is not one with the group, terms that do not vary or depend on each
        other linearly, or too few participants.
    """
    fit = _fit(moments, outcome, terms, group, coding, products)
    dims, coords = _leading(moments)
    by_term = {name: ((*dims, "term"), getattr(fit, name)) for name in OF_TERMS}
    overall = {name: (dims, getattr(fit, name)) for name in OVERALL}
    of_all = {"n": int(fit.design.moments.total_n), "df": int(fit.df)}
    return xr.Dataset({**by_term, **overall}, coords={**coords, "term": list(terms)}, attrs=of_all)


def simple_slopes(
    moments: xr.Dataset, focal: str, outcome: str, terms: Sequence[str], *, group: str, coding: str = "dummy"
) -> xr.Dataset:
    """Return the slope of a measure in each group.

    Parameters
    ----------
    moments, outcome, terms, group, coding
        As in `regress`. The coding matters only to a regression that has a product but not the group itself.
    focal : str
        The measure; without its product among the terms its slope is the same in all groups.

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
    named = {part for term in terms for part in term.split(":")}
    if focal not in named:
        raise InputError(unknown_name("measure", focal, named))
    fit = _fit(moments, outcome, terms, group, coding, "z")
    groups = range(fit.design.moments.groups)
    slope, se = np.stack([simple_slope(fit, focal, g) for g in groups], axis=-1)
    standardised, its_se = np.stack([simple_slope(fit, focal, g, standardised=True) for g in groups], axis=-1)
    found = {"slope": slope, "se": se, "standardised": standardised, "standardised_se": its_se, "t": slope / se}
    found["p"] = two_sided_p(found["t"], fit.df)
    dims, coords = _leading(moments)
    by_group = {name: ((*dims, "group"), values) for name, values in found.items()}
    return xr.Dataset(by_group, coords={**coords, "group": moments["group"].values})


def _fit(moments: xr.Dataset, outcome: str, terms: Sequence[str], group: str, coding: str, products: str) -> Fit:
    arrays = as_group_moments(moments)
    names = list(map(str, moments["group"].values)) if group else []
    codes = codes_of(group, names, DECLARED["coding"][coding][0])
    design = design_of(arrays, terms, codes=codes, products=DECLARED["products"][products][0])  # type: ignore[arg-type]
    if arrays.total_n - len(terms) - 1 < 1:
        raise InputError(f"{arrays.total_n:.0f} participants are too few for {len(terms)} terms")
    _refuse_constant(np.concatenate([design.root, arrays.sd[..., [arrays.position(outcome)]]], -1), (*terms, outcome))
    _refuse_dependent(design)
    return regress_on(design, outcome)


def _refuse_constant(spread: Any, columns: Sequence[str]) -> None:
    still = ((spread == 0) | ~np.isfinite(spread)).reshape(-1, len(columns)).any(axis=0)
    if still.any():
        raise InputError(f"{columns[int(still.argmax())]!r} does not vary; a regression needs columns that do")


def _refuse_dependent(design: Design) -> None:
    try:
        vif = np.diagonal(design.inverse, axis1=-2, axis2=-1).reshape(-1, len(design.terms))
    except np.linalg.LinAlgError:
        vif = np.full((1, len(design.terms)), np.inf)
    bad = ~((vif >= 0.99) & (vif < COLLINEAR)).all(axis=0)
    if bad.any():
        names = ", ".join(term for term, flag in zip(design.terms, bad, strict=True) if flag)
        raise InputError(f"linearly dependent terms: {names}")


def _leading(moments: xr.Dataset) -> tuple[tuple[Hashable, ...], dict[Hashable, xr.DataArray]]:
    dims = tuple(dim for dim in moments["mean"].dims if dim not in ("group", "measure"))
    return dims, {dim: moments[dim] for dim in dims if dim in moments.coords}
