"""What there is to know about a kind of printed number, in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..moments.tails import Array
from .analysis import Analysis

INFINITY = float("inf")


@dataclass(frozen=True, kw_only=True)
class Address:
    """Which number of its kind is meant, every convention decided.

    Notes
    -----
    ``coding`` and ``products`` are names of `hikibayes.moments`.
    """

    of: str = ""
    with_: str | None = None
    group: str | None = None
    between: tuple[str, str] | None = None
    level: str | None = None
    subscale: str | None = None
    step: str = ""
    term: str | None = None
    test: str = "welch"
    tail: str = "two"
    kind: str = "cohen"
    adjusted: bool = False
    standardised: bool = True
    separate: bool = False
    confidence: float = 0.95
    at: tuple[tuple[str, float | str], ...] = ()
    """Measures held at a number of SD from their mean, or (a text) at a level or a value."""
    coding: str = "dummy"
    products: str = "z"
    least: bool = False
    """Of a number that is about every term: the smallest of these, not the greatest."""


type Value = Callable[[Analysis, Address], Array]
type Statistic = Callable[[Analysis, Address], tuple[Array, Array]]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of printed number.

    Attributes
    ----------
    name : str
        What a study file calls it.
    meaning : str
        One line for the documentation.
    words : str
        What a report calls it.
    needs, may : tuple of str
        The keys that say which number of its kind it is: required ones (``a|b``: one of the two), and possible ones.
    low, high : float
        The values it can take at all.
    unit : str
        Its unit; ``measure`` stands for the unit of the measure it is of, empty for none.
    whole : bool
        Whether it is printed without rounding.
    raw : bool
        Whether it has the measure's own unit.
    conventions : tuple of str
        The conventions that it depends on beyond its address (see `hikibayes.quantities.conventions`).
    settled_by : str
        What would check it, where no other printed number does.
    value : callable, optional
        The number from group moments; None where they do not determine it.
    statistic : callable, optional
        Of a p of a t: that t and its degrees of freedom.
    estimate, role : str
        Of a statistic of an estimate: which estimate, and which statistic (of `estimates.ROLES`; empty: itself).
    """

    name: str
    meaning: str
    words: str
    needs: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    low: float = -INFINITY
    high: float = INFINITY
    unit: str = ""
    whole: bool = False
    raw: bool = False
    conventions: tuple[str, ...] = ()
    settled_by: str = "another printed number that involves it"
    value: Value | None = None
    statistic: Statistic | None = None
    estimate: str = ""
    role: str = ""
