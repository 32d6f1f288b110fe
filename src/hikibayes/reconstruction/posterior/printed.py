"""Facts as statements about the smooth numbers that calibration works with.

Which number a fact speaks of is `hikibayes.quantities`' to say. A printed p is a statement about t, with the sign of
what it belongs to (about |t| where no sign is printed), one of an F test about F. Where the degrees of freedom are
known the limits are worked out once, here, and the sampler sees plain intervals; Welch's depend on the moments, so that
the limits of its t do too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ...quantities import KINDS, Address
from ...study.addresses import address_of, measures_of
from ...study.facts import Fact
from ...study.study import Study
from ..statistics import OF_F, f_degrees, known_sign, limits, t_degrees
from .layout import Layout
from .priors import Priors

SOFTNESS = {
    **dict.fromkeys(("mean", "sd", "proportion", "mean_difference", "proportion_difference", "d"), 0.01),
    **dict.fromkeys(("t", "p", "coefficient_p", "slope_p", "vif"), 0.03),
    **dict.fromkeys(("r2", "adjusted_r2", "delta_r2", "eta2", "coefficient", "slope"), 0.002),
    **dict.fromkeys(("coefficient_se", "slope_se"), 0.001),
    **dict.fromkeys(("f", "f_p"), 0.1),
    **{"correlation": 0.004, "df": 0.3, "r2_p": 0.002, "delta_r2_p": 0.002},
}
"""The quantities that calibration takes, and how far the log-sigmoid wall at an inequality reaches.

In the unit of the number; of the F of a step in that of what it explains over what it leaves.
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Target:
    """An interval for one number; an infinite end is no statement.

    Attributes
    ----------
    fact : str
        Id of the fact (or assumption) that it comes from.
    quantity : str
        What that prints.
    address : Address
        Which number of its kind.
    absolute : bool
        Whether the statement is about the absolute value.
    low, high : float
    softness : float
        Width of the wall of a one-sided target.
    p : (float, float) or None
        For Welch's test: the interval of p; ``low`` and ``high`` are then about where t stands between the limits that
        it has at Welch's degrees of freedom (0 is the lower one, 1 the upper; one-sided: the distance from it).
    sign : int
        Of the t that a p belongs to; 0 where nothing printed tells it.
    """

    fact: str
    quantity: str
    address: Address
    absolute: bool = False
    low: float = -math.inf
    high: float = math.inf
    softness: float = 0.0
    p: tuple[float, float] | None = None
    sign: int = 0

    @property
    def two_sided(self) -> bool:
        """Whether both ends are printed."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def of_term(self) -> bool:
        """Whether it is about a coefficient, a slope, or a variance inflation factor."""
        return bool(self.address.step and (self.address.term or self.address.of))

    @property
    def said(self) -> tuple[object, ...]:
        """What it is about, without its limits."""
        return self.quantity, self.address, self.absolute, self.sign, self.p


def targets(study: Study, layout: Layout, priors: Priors) -> tuple[Target, ...]:
    """Translate every fact (and assumed sign) that speaks of the layout's measures and steps."""
    found, known = list[Target](), {layout.outcome, *layout.predictors}
    for fact in study.facts:
        named = measures_of(study, fact) if fact.usual and fact.quantity in SOFTNESS else None
        if named and named <= known:
            found += _targets_of(fact, study)
    signed = [_with_assumed_sign(target, layout, priors.signs) for target in found]
    said = {layout.with_outcome(t.address) for t in signed if not (t.absolute or t.address.group)}
    for name, sign in priors.signs.items():
        if name in layout.predictors and name not in said:
            low, high = (0.0, math.inf) if sign > 0 else (-math.inf, 0.0)
            signed.append(_target(f"sign of {name}", "correlation", Address(of=name, with_=layout.outcome), low, high))
    return tuple(signed)


def _with_assumed_sign(target: Target, layout: Layout, signs: dict[str, int]) -> Target:
    """Drop the absolute value of a correlation whose sign is assumed."""
    sign = signs.get(layout.with_outcome(target.address), 0) if target.absolute else 0
    low = max(target.low, 0.0)
    ends = {0: (target.low, target.high), 1: (low, target.high), -1: (-target.high, -low)}[sign]
    return replace(target, low=ends[0], high=ends[1], absolute=target.absolute and not sign)


def _target(fact: str, quantity: str, address: Address, low: float, high: float, *, absolute: bool = False) -> Target:
    return Target(
        fact=fact,
        quantity=quantity,
        address=address,
        low=low,
        high=high,
        absolute=absolute,
        softness=SOFTNESS[quantity],
    )


def _targets_of(fact: Fact, study: Study) -> Iterator[Target]:
    address = address_of(study, fact)
    if KINDS[fact.quantity].statistic is not None:
        yield from _of_p(fact, study, address)
        return
    target = _target(fact.id, fact.quantity, address, *_ends(fact), absolute=fact.absolute)
    if fact.quantity in OF_F:
        between, within = f_degrees(study, fact)
        per_f = within / between if fact.step else 1.0
        low, high = limits(study, fact)
        yield replace(target, low=low or -math.inf, high=high, softness=target.softness * per_f)
    elif fact.quantity == "vif" and not fact.term:
        # the greatest of a step: each is at most that
        low = -math.inf if fact.relation == "=" else target.low
        for term in study.columns(str(fact.step)):
            yield replace(target, low=low, address=replace(address, term=term))
    else:
        yield target


def _ends(fact: Fact) -> tuple[float, float]:
    """Return the printed interval; where an inequality says nothing, the end is infinite."""
    interval = fact.interval
    if fact.relation in ("<", "<="):
        return -math.inf, interval.high
    if fact.relation in (">", ">="):
        return interval.low, math.inf
    return interval.low, interval.high


# -- p and t ---------------------------------------------------------------------------------------------------------

NEAR_ONE, NEAR_ZERO = 0.92, 0.1
"""Beyond such a p, or below such a |t|, an unsigned p has one mode at either side of 0: its lower limit is dropped."""


def signed_t(low: float, high: float, sign: int) -> tuple[float, float, bool]:
    """Return limits of t with a known sign, or of |t| without one, and whether they are of |t|."""
    if sign == 0:
        return (low if low > NEAR_ZERO else -math.inf), high, True
    return (low, high, False) if sign > 0 else (-high, -low, False)


def _of_p(fact: Fact, study: Study, address: Address) -> Iterator[Target]:
    sign, target = known_sign(study, fact), _target(fact.id, fact.quantity, address, -math.inf, math.inf)
    if df := t_degrees(study, fact):
        low, high = limits(study, fact, df)
        low, high, absolute = signed_t(low or -math.inf, high, sign)
        yield replace(target, low=low, high=high, absolute=absolute)
        return
    # the limits are functions of Welch's df; |t| is 0 at a p of 1
    p = fact.interval
    upper, lower = p.low > 0, p.high < (NEAR_ONE if sign == 0 else 1.0)
    if lower or upper:
        low, high = (0.0, 1.0) if lower and upper else (0.0, math.inf) if lower else (-math.inf, 0.0)
        yield replace(target, low=low, high=high, p=(p.low, p.high), sign=sign)
