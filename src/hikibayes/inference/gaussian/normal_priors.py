"""Priors under which the Gaussian regression needs no sampling: Normal coefficients, and any of three sigmas.

Every number may also be given once per data set (a leading axis of length B), because priors that scale themselves by
the data, as Bambi's own default does, differ from simulated data set to simulated data set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from ...arrays import FloatArray, IntArray
from .sufficient import ExactEngineError, SufficientStatistics


@dataclass(frozen=True, kw_only=True)
class OfSigma:
    """What the priors on sigma have in common: a scale or rate, one or one per data set."""

    code: ClassVar[int]
    size: ClassVar[str] = "scale"

    def __post_init__(self) -> None:
        for each in fields(self):
            _require_positive(f"{type(self).__name__} {each.name}", getattr(self, each.name))

    def parameters(self) -> tuple[FloatArray, FloatArray]:
        """Return (scale or rate, degrees of freedom or 0), the pair the compiled engine takes."""
        return _array(getattr(self, self.size)), _array(getattr(self, "nu", 0.0))

    def take(self, index: IntArray) -> Self:
        """Return the priors of the data sets that `index` selects."""
        return replace(self, **{self.size: _select(getattr(self, self.size), index, 1)})


@dataclass(frozen=True, kw_only=True)
class HalfStudentT(OfSigma):
    """Half Student-t prior on sigma, as ``pm.HalfStudentT(nu, sigma=scale)``.

    Parameters
    ----------
    nu : float
        Degrees of freedom, above 0.
    scale : float or array_like, shape (B,)
        Scale in the outcome's unit, above 0.
    """

    nu: float
    scale: ArrayLike
    code: ClassVar[int] = 1

    def log_density(self, sigma: FloatArray) -> FloatArray:
        """Log density at `sigma`, whose first axis is the data set."""
        nu, scale = self.nu, _over(self.scale, sigma)
        constant = np.log(2.0) + gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(nu * np.pi)
        return np.asarray(constant - np.log(scale) - (nu + 1) / 2 * np.log1p((sigma / scale) ** 2 / nu))

    def draws(self, rng: np.random.Generator, size: int) -> FloatArray:
        """Draw from it, (size,)."""
        return np.abs(rng.standard_t(self.nu, size)) * _array(self.scale)


@dataclass(frozen=True, kw_only=True)
class HalfNormal(OfSigma):
    """Half-normal prior on sigma, as ``pm.HalfNormal(sigma=scale)``.

    Parameters
    ----------
    scale : float or array_like, shape (B,)
        Scale in the outcome's unit, above 0.
    """

    scale: ArrayLike
    code: ClassVar[int] = 2

    def log_density(self, sigma: FloatArray) -> FloatArray:
        """Log density at `sigma`, whose first axis is the data set."""
        scale = _over(self.scale, sigma)
        return np.asarray(0.5 * np.log(2 / np.pi) - np.log(scale) - 0.5 * (sigma / scale) ** 2)

    def draws(self, rng: np.random.Generator, size: int) -> FloatArray:
        """Draw from it, (size,)."""
        return np.abs(rng.standard_normal(size)) * _array(self.scale)


@dataclass(frozen=True, kw_only=True)
class Exponential(OfSigma):
    """Exponential prior on sigma, as ``pm.Exponential(lam)``: its mean is ``1 / lam``.

    Parameters
    ----------
    lam : float or array_like, shape (B,)
        Rate, per unit of the outcome, above 0.
    """

    lam: ArrayLike
    code: ClassVar[int] = 3
    size: ClassVar[str] = "lam"

    def log_density(self, sigma: FloatArray) -> FloatArray:
        """Log density at `sigma`, whose first axis is the data set."""
        lam = _over(self.lam, sigma)
        return np.asarray(np.log(lam) - lam * sigma)

    def draws(self, rng: np.random.Generator, size: int) -> FloatArray:
        """Draw from it, (size,)."""
        return rng.standard_exponential(size) / _array(self.lam)


type SigmaPrior = HalfStudentT | HalfNormal | Exponential


class Aligned(NamedTuple):
    """Priors in the columns' order; R is 1 where every data set shares them, else B.

    A flat prior has precision 0 everywhere, and its `log_scale` counts nothing.
    """

    mean: FloatArray
    """(R, p) prior means."""
    precision: FloatArray
    """(R, p) 1 / sd²."""
    log_scale: FloatArray
    """(R,) half the log determinant of the coefficients' prior covariance."""
    intercept_mean: FloatArray
    """(R,) prior mean of the centred intercept."""
    intercept_precision: FloatArray
    """(R,) 1 / sd² of the centred intercept."""
    sigma: SigmaPrior | None
    correlation: FloatArray | None = None
    """(p, p) of the coefficients, the same for all data sets; None where they are independent."""

    def take(self, index: IntArray) -> Aligned:
        """Return the priors of the data sets that `index` selects; priors that all share stay as they are."""
        named = ("mean", "precision", "log_scale", "intercept_mean", "intercept_precision")
        own = {name: getattr(self, name)[index] for name in named if len(getattr(self, name)) > 1}
        return self._replace(sigma=None if self.sigma is None else self.sigma.take(index), **own)

    @property
    def precision_root(self) -> FloatArray:
        """K of the prior precision K'K, shape (R, p, p)."""
        each = np.sqrt(self.precision)[:, None, :] * np.eye(self.mean.shape[1])
        return each if self.correlation is None else np.linalg.inv(np.linalg.cholesky(self.correlation)) @ each

    def variance(self, c: FloatArray) -> FloatArray:
        """Prior variance of contrasts `c`, shape (k, p) or (B, k, p), each of shape (R or B, k)."""
        wide = c / np.sqrt(self.precision)[:, None, :]
        return np.asarray((wide**2 if self.correlation is None else wide @ self.correlation * wide).sum(axis=-1))


@dataclass(frozen=True, kw_only=True)
class NormalPriors:
    """Normal priors on the coefficients and on the centred intercept, and one of three on sigma.

    Parameters
    ----------
    names : sequence of str, length p
        The coefficients, in the order of `mean` and `sd`; any order that names the data's columns once each.
    mean, sd : array_like, shape (), (p,) or (B, p)
        Normal prior of each coefficient, in outcome units per unit of its column.
    intercept_mean, intercept_sd : array_like, shape () or (B,)
        Normal prior of the *centred* intercept: the expected outcome where every column is at its sample mean, which
        is what Bambi's ``Intercept`` prior speaks of.
    sigma : HalfStudentT, HalfNormal or Exponential
        Prior of the residual sd.
    correlation : array_like, shape (p, p), optional
        Prior correlations of the coefficients, as exchangeable priors of three and more groups have them; by default
        the coefficients are independent.

    Raises
    ------
    ExactEngineError
        If a sd is 0 or below, a number is NaN or infinite, or the correlations are none. Priors given once per data set
        are checked with the data.
    """

    names: tuple[str, ...]
    mean: ArrayLike
    sd: ArrayLike
    intercept_mean: ArrayLike
    intercept_sd: ArrayLike
    sigma: SigmaPrior
    correlation: ArrayLike | None = None
    _aligned: dict[tuple[str, ...], Aligned] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Kept, for planning asks for it with every thousand data sets."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        p = len(self.names)
        for name in ("mean", "sd"):
            if (shape := _array(getattr(self, name)).shape) and shape[-1] != p:
                raise ExactEngineError(f"{name} has shape {shape} for the {p} coefficients {list(self.names)}")
        sds = (
            dict(zip(self.names, np.broadcast_to(_array(self.sd), (p,)), strict=True))
            if _array(self.sd).ndim < 2
            else {}
        )
        for name, sd in sds.items():
            _require_positive(f"prior sd of {name}", sd)
        _require_positive("prior sd of the intercept", self.intercept_sd)
        if _array(self.mean).ndim < 2 and not np.isfinite(_array(self.mean)).all():
            raise ExactEngineError(f"prior means must be finite, got {np.asarray(self.mean)}")
        if self.correlation is not None:
            _require_correlation(_array(self.correlation), p)

    def align(self, names: Sequence[str]) -> Aligned:
        """Put the priors in the order of the data's columns.

        Raises
        ------
        ExactEngineError
            If a prior names no column, or a column has no prior; the message lists the columns.
        """
        names = tuple(names)
        if names not in self._aligned:
            self._aligned[names] = self._align(names)
        return self._aligned[names]

    def _align(self, names: tuple[str, ...]) -> Aligned:
        unknown, missing = sorted(set(self.names) - set(names)), sorted(set(names) - set(self.names))
        if unknown or missing or len(self.names) != len(names):
            found = f"priors for unknown terms {unknown}" if unknown else f"no prior for {missing}"
            raise ExactEngineError(f"{found}; the terms are {list(names)}, each with one prior")
        order = [self.names.index(name) for name in names]
        rows = np.broadcast_shapes((1,), *(_array(v).shape[:-1] for v in (self.mean, self.sd)))
        rows = np.broadcast_shapes(rows, _array(self.intercept_mean).shape, _array(self.intercept_sd).shape)
        shape = (*rows, len(order))
        mean, sd = (np.ascontiguousarray(np.broadcast_to(_array(v), shape)[:, order]) for v in (self.mean, self.sd))
        with np.errstate(divide="ignore", invalid="ignore"):
            precision, log_scale = 1 / sd**2, np.log(sd).sum(axis=1)
            intercept_precision = np.broadcast_to(1 / _array(self.intercept_sd) ** 2, rows)
        intercept_mean = np.broadcast_to(_array(self.intercept_mean), rows)
        correlation = None if self.correlation is None else _array(self.correlation)[np.ix_(order, order)]
        if correlation is not None:
            log_scale = log_scale + np.log(np.diagonal(np.linalg.cholesky(correlation))).sum()
        return Aligned(mean, precision, log_scale, intercept_mean, intercept_precision, self.sigma, correlation)

    @property
    def normals(self) -> tuple[FloatArray, FloatArray]:
        """Means and SDs of the coefficients, each (p,), or (B, p) where data sets have their own."""
        mean, sd, _ = np.broadcast_arrays(_array(self.mean), _array(self.sd), np.empty(len(self.names)))
        return mean, sd

    def with_normals(self, columns: Sequence[int] | IntArray, mean: ArrayLike, sd: ArrayLike) -> NormalPriors:
        """Return the priors with other means and SDs of some coefficients."""
        means, sds = (np.array(part) for part in self.normals)
        means[..., columns], sds[..., columns] = mean, sd
        return replace(self, mean=means, sd=sds)

    def of_columns(self, names: Sequence[str], columns: IntArray) -> NormalPriors:
        """Return the priors of some columns, (q,), or (B, q) where data sets have their own, all correlated alike."""
        mean, sd = (part[..., columns] for part in self.normals)
        first = columns.reshape(-1, columns.shape[-1])[0]
        correlation = None if self.correlation is None else _array(self.correlation)[np.ix_(first, first)]
        return replace(self, names=tuple(names), mean=mean, sd=sd, correlation=correlation)

    def take(self, index: IntArray) -> NormalPriors:
        """Return the priors of the data sets that `index` selects; priors that all share stay as they are."""
        return replace(
            self,
            mean=_select(self.mean, index, 2),
            sd=_select(self.sd, index, 2),
            intercept_mean=_select(self.intercept_mean, index, 1),
            intercept_sd=_select(self.intercept_sd, index, 1),
            sigma=self.sigma.take(index),
        )


@dataclass(frozen=True, kw_only=True)
class FlatPrior:
    """The reference prior p(beta, sigma) proportional to 1/sigma: its intervals are the t-test's own.

    It is not a probability distribution, so it gives neither evidence nor Bayes factors.
    """

    def align(self, names: Sequence[str]) -> Aligned:
        """Return precision 0 for every column."""
        zeros = np.zeros((1, len(names)))
        return Aligned(zeros, zeros, np.zeros(1), np.zeros(1), np.zeros(1), None)

    def take(self, index: IntArray) -> FlatPrior:
        """Return itself: it is the same for every data set."""
        return self

    def of_columns(self, names: Sequence[str], columns: IntArray) -> FlatPrior:
        """Return itself: it is the same for every column."""
        return self


type Priors = NormalPriors | FlatPrior


def bambi_default(stats: SufficientStatistics) -> NormalPriors:
    """Bambi's own default priors, which scale themselves by each data set.

    Parameters
    ----------
    stats : SufficientStatistics
        The data sets, B of them.

    Returns
    -------
    NormalPriors
        One row of priors for each data set.

    Notes
    -----
    With sds of ddof 0 and s_j = 2.5 sd(y) / sd(x_j): slopes N(0, s_j²); centred intercept N(mean(y), 6.25 sd(y)² +
    Σ (s_j mean(x_j))²); sigma half-t(4, sd(y)).

    References
    ----------
    .. [1] Capretto T. et al. (2022). Bambi: a simple interface for fitting Bayesian linear models in Python. Journal of
       Statistical Software 103(15), section 3. https://doi.org/10.18637/jss.v103.i15
    """
    sd_y = np.sqrt(stats.syy / stats.n)
    with np.errstate(divide="ignore", invalid="ignore"):
        sd = 2.5 * sd_y[:, None] / np.sqrt(np.diagonal(stats.sxx, axis1=1, axis2=2) / stats.n[:, None])
        intercept_sd = np.sqrt((2.5 * sd_y) ** 2 + ((sd * stats.x_mean) ** 2).sum(axis=1))
    # A data set whose outcome or column is constant has no such priors. It will be refused by name when it is fitted;
    # until then a 1 keeps its row from spoiling the batch.
    sd_y, intercept_sd = (np.where(np.isfinite(v) & (v > 0), v, 1.0) for v in (sd_y, intercept_sd))
    sigma = HalfStudentT(nu=4.0, scale=sd_y)
    return NormalPriors(
        names=stats.names,
        mean=np.zeros_like(sd),
        sd=sd,
        intercept_mean=stats.y_mean,
        intercept_sd=intercept_sd,
        sigma=sigma,
    )


def _array(value: ArrayLike) -> FloatArray:
    return np.asarray(value, dtype=np.float64)


def _select(value: ArrayLike, index: IntArray, ndim: int) -> ArrayLike:
    array = _array(value)
    return array[index] if array.ndim == ndim and len(array) > 1 else array


def _over(value: ArrayLike, sigma: FloatArray) -> FloatArray:
    """Shape a parameter, one or one per data set, to meet `sigma`, whose first axis is the data set."""
    value = _array(value)
    return value.reshape(value.shape + (1,) * (sigma.ndim - value.ndim)) if value.ndim else value


def _require_positive(what: str, value: ArrayLike) -> None:
    array = _array(value)
    if not (np.isfinite(array).all() and (array > 0).all()):
        raise ExactEngineError(f"{what} is {np.asarray(value)}; it must be finite and above 0")


def _require_correlation(found: FloatArray, p: int) -> None:
    if found.shape != (p, p):
        raise ExactEngineError(f"correlation has shape {found.shape}; {p} coefficients need {(p, p)}")
    proper = np.isfinite(found).all() and np.allclose(found, found.T) and np.allclose(np.diagonal(found), 1.0)
    if not (proper and np.linalg.eigvalsh(found)[0] > 0):
        raise ExactEngineError("correlation must be symmetric, with ones on its diagonal, and positive definite")
