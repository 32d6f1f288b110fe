"""What is printed beside an estimate: its standard error, t, degrees of freedom, p and confidence limits.

An `Estimate` says once how it is computed with its standard error; `kinds_of` makes a kind of number of each statistic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from scipy.special import stdtrit

from ..moments import two_sided_p
from ..moments.tails import Array, namespace
from .analysis import Analysis
from .kind import INFINITY, Address, Kind, Statistic, Value

type Found = tuple[Array, Array, Array]
"""An estimate, its standard error and its degrees of freedom."""

ROLES = {
    "": ("", ""),
    "se": ("its standard error", "SE of the {}"),
    "t": ("its t", "t of the {}"),
    "df": ("degrees of freedom of its t", "df of the {}"),
    "p": ("its p", "p of the {}"),
    "ci_low": ("its lower confidence limit", "lower limit of the {}"),
    "ci_high": ("its upper confidence limit", "upper limit of the {}"),
}
"""Every statistic of an estimate: meaning and words."""
LIMITS: dict[str, tuple[float, float]] = {"se": (0, INFINITY), "df": (0, INFINITY), "p": (0, 1)}
LIKE_THE_ESTIMATE = ("", "se", "ci_low", "ci_high")
"""In its unit, and raw or standardised with it."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Something that is estimated with a standard error.

    Attributes
    ----------
    compute : callable
        Estimate, standard error and degrees of freedom from group moments.
    names : mapping of str to str
        What a study file calls a statistic that is not called by the estimate's name, an underscore and its own.
    roles : tuple of str
        Which statistics there are, of `ROLES`.

    Notes
    -----
    The other attributes are those of `Kind`.
    """

    name: str
    meaning: str
    words: str
    needs: tuple[str, ...]
    may: tuple[str, ...] = ()
    low: float = -INFINITY
    high: float = INFINITY
    unit: str = ""
    raw: bool = False
    conventions: tuple[str, ...] = ()
    settled_by: str = "its standard error, t or p"
    compute: Callable[[Analysis, Address], Found]
    names: Mapping[str, str] = field(default_factory=dict)
    roles: tuple[str, ...] = tuple(ROLES)


def kinds_of(estimate: Estimate, **changes: Mapping[str, Any]) -> tuple[Kind, ...]:
    """Return a kind of number for each statistic of an estimate; ``changes`` are attributes by statistic."""
    return tuple(_kind(estimate, role, changes.get(role or "itself", {})) for role in estimate.roles)


def _kind(estimate: Estimate, role: str, changes: Mapping[str, Any]) -> Kind:
    meaning, words = ROLES[role]
    scaled = role in LIKE_THE_ESTIMATE
    more = {"p": ("tail",), "ci_low": ("confidence",), "ci_high": ("confidence",)}.get(role, ())
    may = tuple(key for key in estimate.may if scaled or key != "standardised")
    low, high = (estimate.low, estimate.high) if scaled and role != "se" else (-INFINITY, INFINITY)
    low, high = LIMITS.get(role, (low, high))
    known: dict[str, Any] = {
        "name": estimate.names.get(role, f"{estimate.name}_{role}" if role else estimate.name),
        "meaning": meaning or estimate.meaning,
        "words": words.format(estimate.words) if words else estimate.words,
        "needs": estimate.needs,
        "may": (*may, *more, *(("errors",) if role else ())),
        "low": low,
        "high": high,
        "unit": estimate.unit if scaled else "",
        "raw": estimate.raw and scaled,
        "conventions": (*estimate.conventions, *more),
        "settled_by": f"the {estimate.words} it belongs to" if role else estimate.settled_by,
        "value": _value(estimate, role),
        "statistic": _statistic(estimate) if role == "p" else None,
        "estimate": estimate.name,
        "role": role,
    }
    return Kind(**{**known, **changes})


def _statistic(estimate: Estimate) -> Statistic:
    def compute(run: Analysis, address: Address) -> tuple[Array, Array]:
        value, error, df = estimate.compute(run, address)
        return value / error, 0 * value + df

    return compute


def _value(estimate: Estimate, role: str) -> Value:
    def compute(run: Analysis, address: Address) -> Array:
        value, error, df = estimate.compute(run, address)
        far = stdtrit(df, (1 + address.confidence) / 2) * error if role.startswith("ci") else 0.0
        return {"se": error, "t": value / error, "df": 0 * value + df, "ci_low": value - far, "ci_high": value + far}[
            role
        ]

    if role == "p":
        return p_of(_statistic(estimate))
    return compute if role else lambda run, address: estimate.compute(run, address)[0]


def p_of(statistic: Statistic) -> Value:
    """Make the value of a p from the t and df it belongs to."""

    def compute(run: Analysis, address: Address) -> Array:
        t, df = statistic(run, address)
        return sided(t, two_sided_p(t, df), address.tail)

    return compute


def sided(t: Array, p: Array, tail: str) -> Array:
    """Turn a two-sided p into that of ``two``, ``one`` (the estimate's direction), ``lower`` or ``upper``."""
    if tail == "two":
        return p
    if tail == "one":
        return p / 2
    outward = t > 0 if tail == "upper" else t < 0
    return namespace(p).where(outward, p / 2, 1 - p / 2)
