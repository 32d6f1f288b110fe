"""What there is to know about a kind of estimand, in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class Asked(Protocol):
    """Which estimand of its kind is meant: what a study's ``[[estimand]]`` says."""

    @property
    def of(self) -> str | None:
        """The measure whose slope it is."""

    @property
    def group(self) -> str | None:
        """The study's group that it is in."""

    @property
    def by(self) -> str | None:
        """What `between` compares, where that is not the groups; or the number that a slope changes with."""

    @property
    def and_by(self) -> str | None:
        """A further number, that the change of a slope with `by` changes with."""

    @property
    def between(self) -> tuple[str, str] | None:
        """The two levels that are compared."""

    @property
    def pairs(self) -> Mapping[str, tuple[str, str]]:
        """The two levels of each category whose differences differ."""

    @property
    def at(self) -> Mapping[str, str | float]:
        """What other measures are held at."""

    @property
    def said(self) -> Mapping[str, str]:
        """What a value of `at` is called, where that is not its distance from the mean."""

    @property
    def step(self) -> str:
        """The regression that it is of."""


class Names(Protocol):
    """What things are called in prose."""

    def measure(self, name: str) -> str:
        """Name a measure."""

    def level(self, measure: str | None, level: str) -> str:
        """Name a level of a measure; a group, where none is given."""

    def pair(self, measure: str | None, between: tuple[str, str]) -> tuple[str, str]:
        """Name two levels that are compared."""

    def minus(self, measure: str | None, between: tuple[str, str]) -> str:
        """Name a difference of two levels."""

    def step(self, step: str) -> str:
        """Name a step."""

    @property
    def everybody(self) -> str:
        """All groups together."""


@dataclass(frozen=True, kw_only=True)
class Outline:
    """What of a study and a model the kinds depend on.

    Attributes
    ----------
    group : str
        The measure that holds the study's groups; empty where there is none.
    groups : tuple of str
        The groups, reference first.
    levels : mapping of str to tuple of str
        The levels of each category, reference first.
    curved : frozenset of str
        Measures that the formula puts into a function.
    """

    group: str
    groups: tuple[str, ...] = ()
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    curved: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Everybody's expected outcome with some measures changed, and the weight that it has in an estimand.

    Attributes
    ----------
    weight : float
    fixed : mapping of str to str or float
        What everybody gets: a level, or a number in SD from the sample's mean.
    shift : mapping of str to float
        What is added to everybody's own value, in SD.
    """

    weight: float
    fixed: Mapping[str, str | float] = field(default_factory=dict)
    shift: Mapping[str, float] = field(default_factory=dict)


def _nothing(*_: Any) -> tuple[()]:
    return ()


def _no_term(*_: Any) -> str:
    return ""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of estimand.

    One description gives the truth in a population, the draws of a posterior and the exact engine's contrast: a kind is
    a weighted sum of average expected outcomes (its scenarios), or a share of variance.

    Attributes
    ----------
    name : str
        What a study file calls it.
    meaning : str
        One line for the documentation.
    needs, may : tuple of str
        The keys that say which estimand of its kind it is: required ones, and possible ones.
    words : callable
        What a report calls it; with ``brief``, its measure goes without saying.
    scenarios : callable, optional
        The expected outcomes that it is a sum of, in SD of the outcome; None for a share of variance.
    beyond : bool
        Of a share of variance: what its step explains beyond the step before it.
    per : tuple of str
        The keys of the measures per whose unit it is, where they are given.
    term : callable
        The model's term whose coefficient it is, where it is one under dummy coding; else empty.
    printed : callable
        The quantities of facts that print it, with their addresses.
    """

    name: str
    meaning: str
    words: Callable[[Asked, Names, bool], str]
    needs: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    scenarios: Callable[[Asked, Outline], tuple[Scenario, ...]] | None = None
    beyond: bool = False
    per: tuple[str, ...] = ()
    term: Callable[[Asked, str], str] = _no_term
    printed: Callable[[Asked, Outline], tuple[tuple[str, dict[str, Any]], ...]] = _nothing


def conditions(asked: Asked, outline: Outline, **more: str | float) -> dict[str, str | float]:
    """Return what an estimand holds fixed: its group, what it is taken at, and more."""
    group = {outline.group: asked.group} if asked.group else {}
    return {**asked.at, **group, **more}


def held(asked: Asked, names: Names) -> list[str]:
    """Say in words what an estimand holds fixed."""
    own = [names.level(None, asked.group)] if asked.group else []
    return own + [
        names.level(name, value)
        if isinstance(value, str)
        else f"{names.measure(name)} {asked.said.get(name) or _at_sd(value)}"
        for name, value in asked.at.items()
    ]


def _at_sd(value: float) -> str:
    """Write a value in SD from the mean.

    Examples
    --------
    >>> _at_sd(0), _at_sd(1), _at_sd(-1.5)
    ('at its mean', '1 SD above its mean', '1.5 SD below its mean')
    """
    side = "above" if value > 0 else "below"
    return f"{abs(value):.3g} SD {side} its mean" if value else "at its mean"
