"""Least squares from moments: every number of a regression table, of a step over another, of a contrast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..spec import InputError
from .designs import Codes, Design, Products, design_of
from .groups import GroupMoments
from .tails import Array, f_p, namespace, two_sided_p

COLLINEAR = 1e12
"""A variance inflation factor above this is a linear dependence up to floating-point error."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    r"""A least-squares regression; every array carries the moments' leading dims.

    Attributes
    ----------
    design : Design
    beta : ndarray, shape (..., T)
        Coefficients of columns and outcome in SD units (SPSS's beta).
    r2 : ndarray, shape (...)
    outcome_mean, outcome_sd : ndarray, shape (...)

    Notes
    -----
    With the columns' correlation matrix :math:`R` and their correlations :math:`r` with the outcome,
    :math:`\hat\beta = R^{-1}r`, :math:`R^2 = r'\hat\beta` and :math:`\mathrm{VIF} = \mathrm{diag}\,R^{-1}`.
    """

    design: Design
    beta: Array
    r2: Array
    outcome_mean: Array
    outcome_sd: Array

    @cached_property
    def df(self) -> Array:
        """Residual degrees of freedom."""
        return self.design.moments.total_n - 1 - len(self.design.terms)

    # -- the terms ---------------------------------------------------------------------------------------------------

    @cached_property
    def vif(self) -> Array:
        """Variance inflation factors (..., T)."""
        return namespace(self.beta).diagonal(self.design.inverse, axis1=-2, axis2=-1)

    @cached_property
    def beta_se(self) -> Array:
        """Standard errors of `beta`."""
        return namespace(self.beta).sqrt(((1 - self.r2) / self.df)[..., None] * self.vif)

    @cached_property
    def t(self) -> Array:
        """T of every coefficient."""
        return self.beta / self.beta_se

    @property
    def p(self) -> Array:
        """Two-sided p of every coefficient."""
        return two_sided_p(self.t, self.df)

    @cached_property
    def _slope(self) -> Array:
        """Outcome's SD over column's SD."""
        root_df = namespace(self.beta).sqrt(namespace(self.beta).asarray(1.0 * self.design.moments.total_n - 1))
        return self.outcome_sd[..., None] * root_df / self.design.root

    @cached_property
    def coefficient(self) -> Array:
        """B in raw units (..., T)."""
        return self.beta * self._slope

    @cached_property
    def se(self) -> Array:
        """Standard errors of `coefficient`."""
        return self.beta_se * self._slope

    @cached_property
    def _standard(self) -> Array:
        return self._slope * self.design.unit / self.outcome_sd[..., None]

    @cached_property
    def standardised(self) -> Array:
        """As printed on standardised scales, by the design's convention; products of z scores: b of the z scores."""
        return self.beta * self._standard

    @cached_property
    def standardised_se(self) -> Array:
        """Standard errors of `standardised`."""
        return self.beta_se * self._standard

    @property
    def intercept(self) -> Array:
        """The outcome where every column is 0."""
        return self.outcome_mean - (self.coefficient * self.design.mean).sum(-1)

    # -- the whole ---------------------------------------------------------------------------------------------------

    @cached_property
    def adjusted_r2(self) -> Array:
        """R2 adjusted for the number of terms."""
        return 1 - (1 - self.r2) * (self.design.moments.total_n - 1) / self.df

    @property
    def f(self) -> Array:
        """F of the whole regression."""
        return self.r2 / len(self.design.terms) / ((1 - self.r2) / self.df)

    @property
    def f_p(self) -> Array:
        """P of `f`."""
        return f_p(self.f, 1.0 * len(self.design.terms), self.df)

    @property
    def residual_sd(self) -> Array:
        """Residual SD, divisor df, in the outcome's unit."""
        xp = namespace(self.beta)
        return self.outcome_sd * xp.sqrt((1 - self.r2) * (self.design.moments.total_n - 1) / self.df)

    # -- contrasts ---------------------------------------------------------------------------------------------------

    def contrast(self, weights: Array) -> tuple[Array, Array]:
        """Return estimate and standard error of ``weights @ coefficient``, weights (..., T)."""
        xp = namespace(self.beta)
        scaled = weights * self._slope
        length = xp.einsum("...i,...ij,...j->...", scaled, self.design.inverse, scaled)
        return (scaled * self.beta).sum(-1), xp.sqrt((1 - self.r2) / self.df * length)


def regress(
    moments: GroupMoments,
    outcome: str,
    terms: Sequence[str],
    *,
    codes: Codes,
    products: Products = "z",
    checked: bool = False,
) -> Fit:
    """Regress an outcome on terms by least squares, from group moments.

    Parameters
    ----------
    moments : GroupMoments
        With the outcome among the names.
    outcome : str
    terms, codes, products
        As in `hikibayes.moments.designs.design_of`.
    checked : bool
        Refuse what has no answer; a traced computation cannot.

    Returns
    -------
    Fit
        Agrees with a fit to the rows up to floating-point error. Unless checked, linearly dependent terms give
        infinities, NaN or NumPy's error.

    Raises
    ------
    InputError
        When checked: too few participants, columns that do not vary or that depend on each other linearly; always:
        what `design_of` raises.
    """
    design = design_of(moments, terms, codes=codes, products=products)
    if checked:
        _refuse_unanswerable(design, outcome)
    return regress_on(design, outcome)


def _refuse_unanswerable(design: Design, outcome: str) -> None:
    moments, terms = design.moments, design.terms
    if moments.total_n - len(terms) - 1 < 1:
        raise InputError(f"{moments.total_n:.0f} participants are too few for {len(terms)} terms")
    spread = np.concatenate([design.root, moments.sd[..., [moments.position(outcome)]]], axis=-1)
    if still := _somewhere((*terms, outcome), (spread == 0) | ~np.isfinite(spread)):
        raise InputError(f"{still[0]!r} does not vary; a regression needs columns that do")
    try:
        vif = np.diagonal(design.inverse, axis1=-2, axis2=-1)
    except np.linalg.LinAlgError:
        vif = np.full(len(terms), np.inf)
    if dependent := _somewhere(terms, ~((vif >= 0.99) & (vif < COLLINEAR))):
        raise InputError(f"linearly dependent terms: {', '.join(dependent)}")


def _somewhere(names: Sequence[str], flags: Array) -> list[str]:
    """Name the columns (..., T) that have a flag anywhere."""
    return [name for name, flag in zip(names, flags.reshape(-1, len(names)).any(axis=0), strict=True) if flag]


def regress_on(design: Design, outcome: str) -> Fit:
    """Regress an outcome among the design's moments on the design's columns; see `regress`."""
    moments, y = design.moments, design.moments.position(outcome)
    mean, cov = moments.total
    xp, n = namespace(mean), moments.n
    own = moments.mean[..., :, y] - mean[..., y][..., None]
    cross = xp.einsum("k,...tki,...ki->...t", n - 1, design.columns[..., 1:], moments.cov[..., :, y])
    cross = cross + xp.einsum("k,...tk,...k->...t", n, design.group_mean - design.mean[..., None], own)
    return fit(design, cross, outcome_mean=mean[..., y], outcome_sd=xp.sqrt(cov[..., y, y]))


def fit(design: Design, cross: Array, *, outcome_mean: Array, outcome_sd: Array) -> Fit:
    """Fit a design to an outcome whose centred cross-products (..., T) with the columns are known."""
    xp = namespace(cross)
    r = cross / design.root / outcome_sd[..., None] / xp.sqrt(xp.asarray(1.0 * design.moments.total_n - 1))
    beta = xp.einsum("...ij,...j->...i", design.inverse, r)
    return Fit(design=design, beta=beta, r2=(beta * r).sum(-1), outcome_mean=outcome_mean, outcome_sd=outcome_sd)


def increment(full: Fit, before: Fit | None = None) -> tuple[Array, Array, Array]:
    """Return what a step explains beyond another one (beyond nothing): the increase of R2, its F and its p."""
    r2, terms = (before.r2, len(before.design.terms)) if before is not None else (0.0 * full.r2, 0)
    added = len(full.design.terms) - terms
    more = full.r2 - r2
    f = more / added / ((1 - full.r2) / full.df)
    return more, f, f_p(f, 1.0 * added, full.df)


def simple_slope(
    found: Fit,
    of: str,
    group: int,
    at: Mapping[str, Array] | None = None,
    *,
    minus: int | None = None,
    standardised: bool = False,
) -> tuple[Array, Array]:
    """Return the slope of a measure in a group, or a difference of slopes, and its standard error.

    Parameters
    ----------
    found : Fit
    of : str
        The measure.
    group : int
    at : mapping of str to float, optional
        Values of moderating measures; their total means where none is given.
    minus : int, optional
        Another group, whose slope is taken away.
    standardised : bool
        In SD of the outcome per SD of the measure (a category: per level).
    """
    moments = found.design.moments
    weights = slope_weights(found.design, of, group, at)
    if minus is not None:
        weights = weights - slope_weights(found.design, of, minus, at)
    slope, se = found.contrast(weights)
    if not standardised:
        return slope, se
    own = 1.0 if of in moments.categories else moments.sd[..., moments.position(of)]
    return slope * own / found.outcome_sd, se * own / found.outcome_sd


def slope_weights(design: Design, of: str, group: int, at: Mapping[str, Array] | None = None) -> Array:
    """Return the weights (..., T) with which raw coefficients make the slope of a measure; as in `simple_slope`."""
    moments = design.moments
    weights = design.columns[..., group, 1 + moments.position(of)]
    for name in moments.names:
        if ":" in name and of in (pair := name.split(":")):
            other = pair[1 - pair.index(of)]
            index, _, origin = moments.product(of, other)
            value = (at or {}).get(other, moments.total[0][..., moments.position(other)])
            weights = weights + design.columns[..., group, 1 + index] * _wide(value - origin)
    return weights


def _wide(value: Array) -> Array:
    """Let a number for each draw (or one for all) multiply an array with a last dim of terms."""
    return value[..., None] if getattr(value, "ndim", 0) else value


def predicted_value(found: Fit, group: int, at: Mapping[str, Array] | None = None) -> tuple[Array, Array]:
    """Return the fitted outcome in a group, and its standard error.

    Parameters
    ----------
    found : Fit
    group : int
    at : mapping of str to float, optional
        Values of measures; their total means where none is given.
    """
    moments, design = found.design.moments, found.design
    xp = namespace(found.beta)
    mean, given = moments.total[0], dict(at or {})
    value = {name: given.get(name, mean[..., i]) for i, name in enumerate(moments.names) if ":" not in name}
    for name in moments.names:
        if ":" in name:
            first, second = name.split(":")
            a, b = moments.origins.get(name, (0.0, 0.0))
            value[name] = (value[first] - a) * (value[second] - b)
    one = 0.0 * mean[..., 0] + 1.0
    point = xp.stack([one, *(value[name] * one for name in moments.names)], axis=-1)
    column = xp.einsum("...tj,...j->...t", design.columns[..., group, :], point)
    above, se = found.contrast(column - design.mean)
    base = found.residual_sd**2 / moments.total_n
    return found.outcome_mean + above, xp.sqrt(base + se**2)
