"""Everything that calibration needs to know of a study, decided once: layout, priors, coordinates and targets.

Printed coefficients (and correlations with the outcome) are linear in the saturated coefficients, so that these can be
drawn from their prior given what was printed, exactly: the printed ones are *coordinates*, each with a free number for
its rounding. Everything else printed is a *target*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import cast

import numpy as np
from scipy.special import stdtrit

from ...arrays import FloatArray
from ...auditing.likeliest import likeliest
from ...moments.designs import Products
from ...moments.tails import Array, namespace
from ...quantities import Address
from ...quantities.conventions import DECLARED
from ...study.study import Study
from .assembly import Data
from .layout import Layout, contrasts
from .printed import Target, targets
from .priors import Normal, Priors


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
    chosen : tuple of str
        Conventions that the study leaves open and its numbers do not, in words.
    """

    study: Study
    layout: Layout
    priors: Priors
    raw: tuple[int, ...]
    coordinates: tuple[Target, ...]
    targets: tuple[Target, ...]
    chosen: tuple[str, ...] = ()

    @classmethod
    def of(cls, study: Study) -> Problem:
        """Prepare a study, its open conventions by what is likeliest.

        Raises
        ------
        InputError
            Calibration cannot take it (see `Layout`, `Priors`).
        """
        study, chosen = likeliest(study)
        layout = Layout.of(study)
        priors = Priors.of(study, layout)
        found = targets(study, layout, priors)
        raw = _raw_measures(study, layout, found)
        priors, found = _with_printed_units(layout, priors, found)
        # coefficients before correlations
        linear = (target for target in found if _is_linear(target, layout))
        coordinates = sorted(linear, key=lambda target: not target.of_term)
        rest = tuple(target for target in found if target not in coordinates)
        return cls(
            study=study,
            layout=layout,
            priors=priors,
            raw=raw,
            coordinates=tuple(coordinates),
            targets=rest,
            chosen=chosen,
        )

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every free number."""
        p, c, q, k = self.layout.p, self.layout.categories, self.layout.products, self.layout.k
        return {
            "share": (k, c),
            "difference": (k - 1, p - q - c),
            "log_variance_ratio": (k - 1, p - c),
            "partial": (p * (p - 1) // 2,),
            "gap": (k - 1, p * (p + 1) // 2),
            "free": (k * (p + 1) - 1,),
            "offset": (len(self.coordinates),),
            "residual_ratio": (k - 1,),
            "location": (len(self.raw),),
            "log_scale": (len(self.raw),),
            "product_scale": (q,),
        }

    @cached_property
    def data(self) -> Data:
        """The problem's numbers, for functions that are compiled for its shape."""
        return _data(self)

    @property
    def default(self) -> tuple[str, Products]:
        """Coding and product convention of the study's own tables."""
        analysis = self.study.analysis
        return DECLARED["coding"][analysis.coding][0], cast("Products", DECLARED["products"][analysis.products][0])

    @property
    def said(self) -> str:
        """All that is compiled in but shapes and which limits there are: two problems that share these share code."""
        layout, statements = self.layout, [target.said for target in self.statements]
        steps = list(layout.outline.terms.items()), list(layout.outline.after.items())
        return repr((layout.predictors, layout.group, layout.groups, steps, self.raw, self.default, statements))

    @property
    def size(self) -> int:
        """How many free numbers there are."""
        return sum(int(np.prod(shape)) for shape in self.shapes.values())

    def values(self, flat: Array, data: Data | None = None) -> dict[str, Array]:
        """Translate flat vectors (..., size) of free numbers into named ones, on their own scales."""
        data, xp, found, begin = data or self.data, namespace(flat), {}, 0
        for name, shape in self.shapes.items():
            end = begin + int(np.prod(shape))
            found[name] = flat[..., begin:end].reshape(*flat.shape[:-1], *shape)
            begin = end
        found["share"] = 1 / (1 + xp.exp(-found["share"]))
        for name in ("difference", "log_variance_ratio", "residual_ratio", "location", "log_scale", "product_scale"):
            mean, sd = getattr(data, name)
            found[name] = mean + sd * found[name]
        return found

    @property
    def statements(self) -> tuple[Target, ...]:
        """Everything printed: targets, then coordinates."""
        return (*self.targets, *self.coordinates)

    @property
    def middle(self) -> FloatArray:
        """Midpoints of the coordinates' intervals."""
        return np.array([(target.low + target.high) / 2 for target in self.coordinates])

    @property
    def spread(self) -> FloatArray:
        """Standard deviation of a uniform distribution over each coordinate's interval."""
        return np.array([(target.high - target.low) / np.sqrt(12) for target in self.coordinates])


def _raw_measures(study: Study, layout: Layout, found: Sequence[Target]) -> tuple[int, ...]:
    named: set[str] = set()
    if study.analysis.products == "raw":
        # products of raw scores depend on where 0 is
        named = {name for of in layout.outline.terms.values() for t in of if ":" in t for name in layout.measures_of(t)}
    for target in found:
        if target.quantity in OF_UNITS:
            named.add(target.address.of)
        if target.of_term:
            named |= {name for name, value in target.address.at if isinstance(value, str)}
            named |= _units_of(target.address, layout)
    every = (*layout.predictors, layout.outcome)
    return tuple(j for j, name in enumerate(every) if name in named and j >= layout.categories)


OF_UNITS = ("mean", "sd", "mean_difference")


def _units_of(address: Address, layout: Layout) -> set[str]:
    """Return the measures on whose raw units a number of a table depends."""
    found: set[str] = set()
    if address.products == "raw" and (term := address.term):
        # where 0 is matters to the column of a product, and to the coefficients of its factors beside it
        parts = set(term.split(":"))
        beside = [set(each.split(":")) for each in layout.outline.terms[address.step] if ":" in each]
        found |= {name for each in beside if parts < each for name in each - parts} | (parts if ":" in term else set())
    if not address.standardised:
        found |= {layout.outcome, *([address.of] if address.of else layout.measures_of(address.term or ""))}
    return found


def _with_printed_units(layout: Layout, priors: Priors, found: Sequence[Target]) -> tuple[Priors, tuple[Target, ...]]:
    """Let the printed mean and SD of the total sample take the place of what was assumed about raw units."""
    location, log_scale = _copy(priors.location), _copy(priors.log_scale)
    rest, every = [], (*layout.predictors, layout.outcome)
    for target in found:
        total = target.quantity in ("mean", "sd") and not target.address.group and target.two_sided
        if not total or (j := every.index(target.address.of)) < layout.categories:
            rest.append(target)
            continue
        middle, spread = (target.low + target.high) / 2, (target.high - target.low) / np.sqrt(12)
        if target.quantity == "mean":
            location.mean[j], location.sd[j] = middle, spread
        else:
            log_scale.mean[j], log_scale.sd[j] = np.log(middle), spread / middle
    return replace(priors, location=location, log_scale=log_scale), tuple(rest)


def _copy(normal: Normal) -> Normal:
    return Normal(**{field.name: getattr(normal, field.name).copy() for field in fields(normal)})


def _is_linear(target: Target, layout: Layout) -> bool:
    if not target.two_sided or target.absolute:
        return False
    return target.quantity in ("coefficient", "slope") or bool(
        layout.with_outcome(target.address) and not target.address.group
    )


# -- numbers ---------------------------------------------------------------------------------------------------------

WELCH_DEGREE = 11
"""Of the polynomials in 1/df for the log of a limit of |t|: right to 1e-6 or better (tested) for df of 2 and more."""


def _data(problem: Problem) -> Data:
    layout, priors, raw, aims = problem.layout, problem.priors, list(problem.raw), problem.targets
    measures = len(layout.measures) - layout.categories

    def normal(prior: Normal, which: slice | list[int]) -> FloatArray:
        return np.stack([prior.mean[which], prior.sd[which]])

    sizes = dict(zip(layout.groups, layout.n, strict=True))
    n, codes, raw_codes = np.array(layout.n, dtype=float), layout.codes, contrasts(layout.k)
    # differences between the groups' correlations cancel over everybody
    apart = (n - 1) / (n.sum() - layout.k) @ raw_codes - raw_codes
    return Data(
        n=n,
        codes=codes,
        between=np.linalg.inv(codes.T @ (n[:, None] * codes) / (n.sum() - 1)),
        share=np.ascontiguousarray(priors.share),
        difference=normal(priors.difference, slice(0, measures)),
        log_variance_ratio=normal(priors.log_variance_ratio, slice(None)),
        residual_ratio=normal(priors.residual_log_variance_ratio, slice(None)),
        location=normal(priors.location, raw),
        log_scale=normal(priors.log_scale, raw),
        product_scale=normal(priors.product_scale, slice(None)),
        outcome_difference=np.array([priors.difference.mean[-1], priors.difference.sd[-1]]),
        lower=priors.difference.lower.copy(),
        upper=priors.difference.upper.copy(),
        eta=np.array(float(priors.eta)),
        gap_size=apart * priors.correlation_gap,
        middle=problem.middle,
        spread=problem.spread,
        prior_sd=priors.coefficient_sd.astype(float),
        low=np.array([t.low for t in aims], dtype=float),
        high=np.array([t.high for t in aims], dtype=float),
        soft=np.array([t.softness for t in aims], dtype=float),
        welch=np.array([_welch_limits(t, sizes) for t in aims]).reshape(len(aims), 2, WELCH_DEGREE + 1),
    )


def _welch_limits(target: Target, n: Mapping[str, int]) -> FloatArray:
    """Return the log of both limits of |t| as polynomials in 1/df, over every df that Welch's test can have."""
    found = np.zeros((2, WELCH_DEGREE + 1))
    if target.p is None:
        return found
    sizes = [n[name] for name in target.address.between or ()]
    low, high = 1 / (sum(sizes) - 2), 1 / (min(sizes) - 1)
    # at Chebyshev's nodes the worst error is nearly as small as it can be
    x = (low + high) / 2 + (high - low) / 2 * np.cos(np.pi * (np.arange(60) + 0.5) / 60)
    for end, p in enumerate(target.p[::-1]):
        if 0 < p < 1:
            found[end] = np.polyfit(x, np.log(-stdtrit(1 / x, p / 2)), WELCH_DEGREE)
    return found
