"""A design known by its group moments alone: reconstructions and worlds by the thousand, without a row.

Within a group, a measure and its product with group are linear in the measures, and a product of two measures in
theirs, so the moments of the design's columns follow by linear algebra. Which linear map that is, the formula itself
tells, evaluated at 0 and at unit vectors; a column that is not linear is found out the same way, and refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ...arrays import FloatArray
from ...spec import InputError, unknown_name
from ...study.moments import in_raw_units
from ...study.study import Study
from ..gaussian.sufficient import SufficientStatistics
from .affine import affine_columns
from .design import Scaling
from .specs import ModelSpec
from .terms import columns_of

if TYPE_CHECKING:
    import xarray as xr
    from formulae.matrices import DesignMatrices


@dataclass(frozen=True, kw_only=True)
class MomentDesign:
    """A model's design known by its group moments alone, for B reconstructions or worlds at once.

    Within a group g each column is ``constant[g] + linear[g] @ measures``, so its moments follow from the measures'.

    Parameters
    ----------
    model, study
        What it is the design of.
    matrices : formulae.matrices.DesignMatrices
        The formula evaluated where every measure is 0 and at unit vectors, in each group.
    measures : tuple of str, length m
        The predictors besides group, then products of two of them (``x:z``), in the order of the last axis of `linear`
        and `mean`.
    constant : array, shape (G, p)
        Columns where every measure is 0 (or at its first level), by group.
    linear : array, shape (G, p, m)
        Change of the columns per unit of a measure, by group.
    mean : array, shape (B, G, m)
        Mean of the measures by group, in the model's units.
    shares : array, shape (G,)
        Share of each group.
    statistics : SufficientStatistics
        Of B data sets.
    scaling : Scaling
        Of each sample, or the one that was given.
    standardised : bool
        Whether measures are in SD units.
    """

    model: ModelSpec
    study: Study
    matrices: DesignMatrices
    measures: tuple[str, ...]
    constant: FloatArray
    linear: FloatArray
    mean: FloatArray
    shares: FloatArray
    statistics: SufficientStatistics
    scaling: Scaling
    standardised: bool

    @cached_property
    def terms(self) -> dict[str, tuple[str, ...]]:
        """Names of the columns of each term."""
        return columns_of(self.matrices)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, without the intercept."""
        return self.statistics.names

    def mean_row(
        self, *, fixed: Mapping[str, Any] | None = None, shift: Mapping[str, float] | None = None
    ) -> FloatArray:
        """Average the design's rows, with some measures changed; see `Design.mean_row`. Returns shape (B, p)."""
        fixed = dict(fixed or {})
        group = fixed.pop(self.study.analysis.group, None)
        at = self.mean.copy()
        if group is not None:
            at[:] = np.einsum("g,bgm->bm", self.shares, at)[:, None]
        for name, value in fixed.items():
            levels = [level.id for level in self.study.measure(name).levels]
            i = self.measures.index(name)
            at[..., i] = levels.index(value) if levels else value
            for product, other in self._products_of(name):
                at[..., product] = at[..., i] * at[..., other]
        for name, amount in (shift or {}).items():
            for product, other in self._products_of(name):
                at[..., product] += amount * at[..., other]
            at[..., self.measures.index(name)] += amount
        weights = self.shares if group is None else np.equal(self.study.group_names, group).astype(float)
        return np.asarray(np.einsum("g,bgp->bp", weights, self.constant + np.einsum("gpm,bgm->bgp", self.linear, at)))

    def _products_of(self, name: str) -> Iterator[tuple[int, int]]:
        """Yield the position of each product of a measure, and that of its other factor."""
        for place, product in enumerate(self.measures):
            if ":" in product and name in (pair := product.split(":")):
                yield place, self.measures.index(pair[1 - pair.index(name)])


def design_from_moments(
    model: ModelSpec, moments: xr.Dataset, study: Study, *, scaling: Scaling | None = None
) -> MomentDesign:
    """Lay out a model's design from group moments, without rows.

    Parameters
    ----------
    model : ModelSpec
        A model whose columns are, within a group, linear in the measures and products of two.
    moments : xarray.Dataset
        Group moments (see `hikibayes.study.moments`); their leading dimensions together make B data sets.
    study : Study
        What the measures are.
    scaling : Scaling, optional
        A scaling to use instead of each sample's own.

    Returns
    -------
    MomentDesign

    Raises
    ------
    InputError
        The model has a term whose moments are not linear in the group moments (such as a square), or a measure or
        product has no moments.
    """
    base = [name for name in model.variables[1:] if name != study.analysis.group]
    known = [str(name) for name in moments["measure"].values]
    products = [name for name in known if ":" in name and set(name.split(":")) <= set(base)]
    names = (*base, *products, model.outcome)
    n, mean, cov = _arrays(moments, names, study)
    scales = scaling or _scaling_of_moments(n, mean, cov, names, study)
    standardised = scaling is not None or model.scaling == "sample"
    centre = np.einsum("g,bgm->bm", n / n.sum(), mean)
    if standardised:
        mean, cov, centre = _standardised(mean, cov, centre, scales, names)
    mean, cov = _around_zero(mean, cov, centre, names)
    bent = "needs participants; group moments do not tell its moments"
    pairs = [(base.index(one), base.index(other)) for one, other in (name.split(":") for name in products)]
    cells = {study.analysis.group: study.group_names} if study.groups else {}
    made = affine_columns(model, study, base, cells, bent=bent, pairs=pairs)
    constant, linear = made.constant, made.linear
    columns = sum(made.terms.values(), ())
    return MomentDesign(
        model=model,
        study=study,
        matrices=made.matrices,
        measures=names[:-1],
        constant=constant,
        linear=linear,
        mean=mean[..., :-1],
        shares=n / n.sum(),
        statistics=_pooled(n, mean, cov, constant=constant, linear=linear, columns=columns),
        scaling=scales,
        standardised=standardised,
    )


def _arrays(moments: xr.Dataset, names: tuple[str, ...], study: Study) -> tuple[FloatArray, FloatArray, FloatArray]:
    moments = in_raw_units(moments)
    known = [str(name) for name in moments["measure"].values]
    for name in names:
        if name not in known:
            raise InputError(unknown_name("measure with moments", name, known))
    groups = study.group_names or ("",)
    chosen = moments.sel(group=list(groups), measure=list(names), measure_2=list(names))
    mean = chosen["mean"].transpose(..., "group", "measure").values
    cov = chosen["cov"].transpose(..., "group", "measure", "measure_2").values
    m, G = len(names), len(groups)
    return np.asarray(chosen["n"].values, dtype=np.float64), mean.reshape(-1, G, m), cov.reshape(-1, G, m, m)


def _scaling_of_moments(
    n: FloatArray, mean: FloatArray, cov: FloatArray, names: tuple[str, ...], study: Study
) -> Scaling:
    location = np.einsum("g,bgm->bm", n / n.sum(), mean)
    squares = np.einsum("g,bgmm->bm", n - 1, cov) + np.einsum("g,bgm->bm", n, (mean - location[:, None]) ** 2)
    sd = np.sqrt(squares / (n.sum() - 1))
    numbers = [i for i, name in enumerate(names) if ":" not in name and study.measure(name).kind != "category"]
    return Scaling(location={names[i]: location[:, i] for i in numbers}, scale={names[i]: sd[:, i] for i in numbers})


def _standardised(
    mean: FloatArray, cov: FloatArray, centre: FloatArray, scaling: Scaling, names: tuple[str, ...]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    location = np.stack(np.broadcast_arrays(*(scaling.location.get(name, np.zeros(1)) for name in names)), axis=1)
    each = [[scaling.scale.get(part, np.ones(1)) for part in name.split(":")] for name in names]
    scale = np.stack(np.broadcast_arrays(*(np.prod(parts, axis=0) for parts in each)), axis=1)
    mean, centre = (mean - location[:, None]) / scale[:, None], (centre - location) / scale
    return mean, cov / (scale[:, None, :, None] * scale[:, None, None, :]), centre


def _around_zero(
    mean: FloatArray, cov: FloatArray, centre: FloatArray, names: tuple[str, ...]
) -> tuple[FloatArray, FloatArray]:
    """Turn products around their factors' total means into products of the factors: xz = (x-a)(z-b) + bx + az - ab."""
    products = [i for i, name in enumerate(names) if ":" in name]
    if not products:
        return mean, cov
    maps = np.broadcast_to(np.eye(len(names)), (len(mean), len(names), len(names))).copy()
    mean = mean.copy()
    for i in products:
        one, other = (names.index(part) for part in names[i].split(":"))
        maps[:, i, one], maps[:, i, other] = centre[:, other], centre[:, one]
        mean[..., i] -= (centre[:, one] * centre[:, other])[:, None]
    return np.einsum("bij,bgj->bgi", maps, mean), np.einsum("bij,bgjk,blk->bgil", maps, cov, maps, optimize=True)


def _pooled(
    n: FloatArray,
    mean: FloatArray,
    cov: FloatArray,
    *,
    constant: FloatArray,
    linear: FloatArray,
    columns: tuple[str, ...],
) -> SufficientStatistics:
    """Pool group moments of (columns, outcome): the outcome is carried along as one more affine column."""
    B, p = len(mean), len(columns)
    maps = np.zeros((len(n), p + 1, mean.shape[-1]))
    maps[:, :p, :-1], maps[:, p, -1] = linear, 1.0
    group_mean = np.einsum("gij,bgj->bgi", maps, mean)
    group_mean[..., :p] += constant
    scatter = np.einsum("g,gij,bgjk,glk->bil", n - 1, maps, cov, maps, optimize=True)
    total_mean = np.einsum("g,bgi->bi", n / n.sum(), group_mean)
    away = group_mean - total_mean[:, None]
    scatter += np.einsum("g,bgi,bgl->bil", n, away, away)
    return SufficientStatistics(
        names=columns,
        n=np.full(B, int(n.sum())),
        x_mean=total_mean[:, :p],
        y_mean=total_mean[:, p],
        sxx=scatter[:, :p, :p],
        sxy=scatter[:, :p, p],
        syy=scatter[:, p, p],
    )
