"""Everything that calibration needs to know of a study, decided once: layout, priors, coordinates and targets.

Printed coefficients (and correlations with the outcome) are linear in the saturated coefficients, so that these can be
drawn from their prior given what was printed, exactly: the printed ones are *coordinates*, each with a free number for
its rounding. Everything else printed is a *target*.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...study.study import Study
from .kernel.plan import KINDS, Aims, Coordinates, FreePriors, Plan, Printed, Sample, Steps
from .layout import Layout
from .printed import TOTAL, Target, targets
from .priors import Normal, Priors

__all__ = ["Problem"]

type FloatArray = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A study, ready to be calibrated.

    Attributes
    ----------
    study : Study
        With its readings decided.
    layout : Layout
    priors : Priors
    raw : tuple of int
        Predictors (or the outcome, as number p) of whose raw units a fact speaks.
    coordinates, targets : tuple of Target
        What holds by construction, and what is aimed at.
    """

    study: Study
    layout: Layout
    priors: Priors
    raw: tuple[int, ...]
    coordinates: tuple[Target, ...]
    targets: tuple[Target, ...]

    @classmethod
    def of(cls, study: Study) -> Problem:
        """Prepare a study; raises `InputError` where calibration cannot take it (see `Layout`, `Priors`)."""
        layout = Layout.of(study)
        priors = Priors.of(study, layout)
        found = targets(study, layout, priors)
        raw = _raw_measures(study, layout, found)
        priors, found = _with_printed_units(layout, priors, found)
        coordinates = [target for target in found if _is_linear(target, layout)]
        # coefficients before correlations: the compiled density takes them in this order
        coordinates.sort(key=lambda target: target.functional is None)
        rest = tuple(target for target in found if target not in coordinates)
        return cls(study=study, layout=layout, priors=priors, raw=raw, coordinates=tuple(coordinates), targets=rest)

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every free number."""
        p, c = self.layout.p, self.layout.categories
        return {
            "share": (2, c),
            "difference": (p - c,),
            "log_variance_ratio": (p - c,),
            "partial": (p * (p - 1) // 2,),
            "gap": (p * (p + 1) // 2,),
            "free": (2 * p + 1,),
            "offset": (len(self.coordinates),),
            "residual_ratio": (1,),
            "location": (len(self.raw),),
            "log_scale": (len(self.raw),),
        }

    @cached_property
    def plan(self) -> Plan:
        """The problem as arrays, for the compiled density."""
        return _plan(self)

    @property
    def size(self) -> int:
        """How many free numbers there are."""
        return sum(int(np.prod(shape)) for shape in self.shapes.values())

    def values(self, flat: FloatArray) -> dict[str, FloatArray]:
        """Translate flat vectors (..., size) of free numbers into named ones, on their own scales."""
        priors, raw, found, begin = self.priors, list(self.raw), {}, 0
        for name, shape in self.shapes.items():
            end = begin + int(np.prod(shape))
            found[name] = flat[..., begin:end].reshape(*flat.shape[:-1], *shape)
            begin = end
        found["share"] = 1 / (1 + np.exp(-found["share"]))
        found["difference"] = priors.difference.mean[:-1] + priors.difference.sd[:-1] * found["difference"]
        for name, prior in (
            ("log_variance_ratio", priors.log_variance_ratio),
            ("residual_ratio", priors.residual_log_variance_ratio),
        ):
            found[name] = prior.mean + prior.sd * found[name]
        for name, prior in (("location", priors.location), ("log_scale", priors.log_scale)):
            found[name] = prior.mean[raw] + prior.sd[raw] * found[name]
        return found

    @property
    def middle(self) -> FloatArray:
        """Midpoints of the coordinates' intervals."""
        return np.array([(target.low + target.high) / 2 for target in self.coordinates])

    @property
    def spread(self) -> FloatArray:
        """Standard deviation of a uniform distribution over each coordinate's interval."""
        return np.array([(target.high - target.low) / np.sqrt(12) for target in self.coordinates])


def _raw_measures(study: Study, layout: Layout, found: Sequence[Target]) -> tuple[int, ...]:
    numbers = range(layout.categories, layout.p + 1)
    named = set()
    if study.analysis.products == "raw":
        # products of raw scores depend on where 0 is
        named = {layout.predictors.index(c.split(":")[1]) for c in _products(layout)}
    for target in found:
        if target.kind in ("mean", "sd"):
            named.add(target.index[1])
        if target.kind == "mean_difference":
            named.add(target.index[0])
        if target.functional is not None:
            about = target.functional
            named |= {int(j) for j in np.flatnonzero(about.scales)} | {about.shifted}
            named |= {int(j) - 1 - layout.p for j in np.flatnonzero(about.at_zero)}
    return tuple(int(j) for j in numbers if j in named)


def _products(layout: Layout) -> list[str]:
    return [layout.columns[c] for step in layout.steps for c in step.columns if ":" in layout.columns[c]]


def _with_printed_units(layout: Layout, priors: Priors, found: Sequence[Target]) -> tuple[Priors, tuple[Target, ...]]:
    """Let the printed mean and SD of the total sample take the place of what was assumed about raw units."""
    location, log_scale = _copy(priors.location), _copy(priors.log_scale)
    rest = []
    for target in found:
        total = target.kind in ("mean", "sd") and target.index[0] == TOTAL and target.two_sided
        if not total or target.index[1] < layout.categories:
            rest.append(target)
            continue
        j, middle, spread = target.index[1], (target.low + target.high) / 2, (target.high - target.low) / np.sqrt(12)
        if target.kind == "mean":
            location.mean[j], location.sd[j] = middle, spread
        else:
            log_scale.mean[j], log_scale.sd[j] = np.log(middle), spread / middle
    return replace(priors, location=location, log_scale=log_scale), tuple(rest)


def _copy(normal: Normal) -> Normal:
    return Normal(**{field.name: getattr(normal, field.name).copy() for field in fields(normal)})


def _is_linear(target: Target, layout: Layout) -> bool:
    if not target.two_sided or target.absolute:
        return False
    with_outcome = target.kind == "correlation" and target.index[0] == TOTAL and target.index[2] == layout.p + 1
    return target.kind == "estimate" or with_outcome


def _plan(problem: Problem) -> Plan:
    layout, priors, raw = problem.layout, problem.priors, list(problem.raw)
    p, c, k = layout.p, layout.categories, len(layout.columns)
    functionals = [t.functional for t in (*problem.coordinates, *problem.targets) if t.functional is not None]
    at = {id(about): f for f, about in enumerate(functionals)}
    used = {about.step for about in functionals}
    used |= {s for t in problem.targets if t.kind in ("r2", "increment") for s in t.index if s >= 0}
    chains = layout.chains(sorted(used))
    step_chain = np.full(len(layout.steps), -1)
    for h, chain in enumerate(chains):
        step_chain[list(chain.steps)] = h
    aims = problem.targets

    def stacked(rows: list[FloatArray], width: int) -> FloatArray:
        return np.array(rows, dtype=float).reshape(len(rows), width)

    def normal(prior: Normal, which: slice | list[int]) -> FloatArray:
        return np.stack([prior.mean[which], prior.sd[which]])

    return Plan(
        sample=Sample(
            n=np.array(layout.n, dtype=float),
            codes=np.array(layout.codes),
            predictors=p,
            categories=c,
            raw=np.array(raw, dtype=np.int64),
        ),
        priors=FreePriors(
            share=np.ascontiguousarray(priors.share),
            difference=normal(priors.difference, slice(0, p - c)),
            log_variance_ratio=normal(priors.log_variance_ratio, slice(None)),
            residual_ratio=normal(priors.residual_log_variance_ratio, slice(None)),
            location=normal(priors.location, raw),
            log_scale=normal(priors.log_scale, raw),
            outcome_difference=np.array([priors.difference.mean[-1], priors.difference.sd[-1]]),
            lower=priors.difference.lower.copy(),
            upper=priors.difference.upper.copy(),
            eta=float(priors.eta),
            gap_size=float((layout.n[1] - 1) / (sum(layout.n) - 2) * priors.correlation_gap),
        ),
        printed=Printed(
            weights=stacked([about.weights for about in functionals], k),
            at_zero=stacked([about.at_zero for about in functionals], k),
            column=stacked([about.column for about in functionals], k),
            shifted=np.array([about.shifted for about in functionals], dtype=np.int64),
            step=np.array([about.step for about in functionals], dtype=np.int64),
            scales=stacked([about.scales for about in functionals], p + 1),
            by_column_sd=np.array([about.by_column_sd for about in functionals], dtype=float),
        ),
        coordinates=Coordinates(
            functionals=sum(t.functional is not None for t in problem.coordinates),
            columns=np.array([t.index[1] for t in problem.coordinates if t.functional is None], dtype=np.int64),
            middle=problem.middle,
            spread=problem.spread,
            prior_sd=priors.coefficient_sd.astype(float),
        ),
        steps=Steps(
            order=np.array([chain.order for chain in chains], dtype=np.int64),
            chain=step_chain.astype(np.int64),
            size=np.array([len(step.columns) for step in layout.steps], dtype=np.int64),
            df=np.array([step.df for step in layout.steps], dtype=float),
        ),
        aims=Aims(
            kind=np.array([KINDS.index(t.kind) for t in aims], dtype=np.int64),
            functional=np.array([at.get(id(t.functional), -1) for t in aims], dtype=np.int64),
            where=np.array([(*t.index, -1, -1, -1)[:3] for t in aims], dtype=np.int64).reshape(-1, 3),
            weights=stacked([np.array(t.weights or (0.0, 0.0)) for t in aims], 2),
            absolute=np.array([t.absolute for t in aims], dtype=bool),
            two_sided=np.array([t.two_sided for t in aims], dtype=bool),
            low=np.array([t.low for t in aims], dtype=float),
            high=np.array([t.high for t in aims], dtype=float),
            soft=np.array([t.softness for t in aims], dtype=float),
        ),
    )
