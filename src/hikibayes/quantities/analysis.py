"""A published analysis run on group moments: what the kinds of numbers take their values from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..kept import kept
from ..moments import CODINGS, Comparison, Fit, GroupMoments, compare, regress
from ..moments.designs import Codes, Products
from ..moments.tails import Array


@dataclass(frozen=True, kw_only=True)
class Outline:
    """What of a study its numbers depend on.

    Attributes
    ----------
    outcome, group : str
    groups : tuple of str
        The groups, reference first; none for one sample.
    terms : mapping of str to tuple of str
        Every term of each step; with more than two groups, ``group[level]`` for each column of theirs.
    after : mapping of str to str or None
        The step that each step extends.
    within : mapping of str to str
        The group of a step that is of one group's people.
    outcomes : mapping of str to str
        The outcome of a step that explains another one.
    levels : mapping of str to tuple of str
        The levels of each category, reference first.
    """

    outcome: str
    group: str
    groups: tuple[str, ...]
    terms: Mapping[str, tuple[str, ...]]
    after: Mapping[str, str | None]
    levels: Mapping[str, tuple[str, ...]]
    within: Mapping[str, str] = field(default_factory=dict)
    outcomes: Mapping[str, str] = field(default_factory=dict)

    def outcome_of(self, step: str) -> str:
        """Return what a step explains."""
        return self.outcomes.get(step, self.outcome)


def codes_of(group: str, groups: Sequence[str], coding: str) -> Codes:
    """Return the columns that stand for groups, reference first: with two, one by the groups' own name.

    Parameters
    ----------
    group : str
    groups : sequence of str
    coding : {"dummy", "effect", "half", "helmert"}
        ``effect``: deviations from the mean of the groups' means; ``half``: dummies around their mean; ``helmert``: a
        group minus the mean of those before it.
    """
    k = len(groups)
    if k < 3:
        return {group: CODINGS["dummy" if coding == "helmert" else coding]} if k == 2 else {}
    dummies = np.eye(k)[1:]
    before = np.tril(np.ones((k, k)), -1)[1:]
    rows = {
        "dummy": dummies,
        "half": dummies - 1 / k,
        "effect": dummies - np.eye(k)[0],
        "helmert": np.arange(1, k)[:, None] / np.arange(2, k + 1)[:, None] * dummies
        - before / np.arange(2, k + 1)[:, None],
    }[coding]
    return {f"{group}[{name}]": row for name, row in zip(groups[1:], rows, strict=True)}


class Analysis:
    """Regressions and comparisons of some group moments, each run once.

    Parameters
    ----------
    outline : Outline
    moments : GroupMoments
        One group each for ``outline.groups``, in their order; leading dims are carried through.
    checked : bool
        Refuse regressions that have no answer, as `hikibayes.moments.regress` does.
    """

    def __init__(self, outline: Outline, moments: GroupMoments, *, checked: bool = False) -> None:
        self.outline, self.moments, self._checked = outline, moments, checked

    def index(self, group: str) -> int:
        """Return the position of a group."""
        return self.outline.groups.index(group)

    def regression(self, step: str, coding: str = "dummy", products: Products = "z") -> Fit:
        """Return the regression of a step; R2 and its like are the same under every coding and kind of product."""
        return self._regression(step, coding, products)

    @kept
    def _regression(self, step: str, coding: str, products: Products) -> Fit:
        only = self.outline.within.get(step)
        codes = {} if only else codes_of(self.outline.group, self.outline.groups, coding)
        moments, terms = self._only(only) if only else self.moments, self.outline.terms[step]
        outcome = self.outline.outcome_of(step)
        return regress(moments, outcome, terms, codes=codes, products=products, checked=self._checked)

    @kept
    def of_group(self, step: str, group: str) -> Fit:
        """Return a step's regression run on one group alone, without the terms that have the group in them."""
        terms = tuple(term for term in self.outline.terms[step] if self.outline.group not in term.split(":"))
        return regress(self._only(group), self.outline.outcome_of(step), terms, codes={}, checked=self._checked)

    def _only(self, group: str) -> GroupMoments:
        at, every = self.index(group), self.moments
        return GroupMoments(
            names=every.names,
            n=every.n[[at]],
            mean=every.mean[..., [at], :],
            cov=every.cov[..., [at], :, :],
            categories=every.categories,
            origins=every.origins,
        )

    @kept
    def comparison(self, between: tuple[str, str]) -> Comparison:
        """Return the comparison of two groups, the first minus the second, in every measure."""
        return compare(self.moments, self.index(between[0]), self.index(between[1]))

    def size(self, group: str | None) -> Array:
        """Return the number of participants in a group, or in all."""
        return self.moments.n[self.index(group)] if group else self.moments.total_n

    def held(self, at: tuple[tuple[str, float | str], ...]) -> dict[str, Array]:
        """Return values of measures: given as SDs from their mean, as a level, or (a text) as a value."""
        return {name: self._held(name, value) for name, value in at}

    def _held(self, name: str, value: float | str) -> Array:
        if not isinstance(value, str):
            return self.mean(name, None) + value * self.variance(name, None) ** 0.5
        if name in self.moments.categories:
            return 1.0 * self.is_second(name, value)
        return float(value)

    def mean(self, of: str, group: str | None) -> Array:
        """Return a measure's mean in a group, or over all."""
        at = self.moments.position(of)
        return self.moments.total[0][..., at] if group is None else self.moments.mean[..., self.index(group), at]

    def variance(self, of: str, group: str | None) -> Array:
        """Return a measure's variance in a group, or over all."""
        return self.covariance(of, of, group)

    def covariance(self, of: str, other: str, group: str | None) -> Array:
        """Return the covariance of two measures in a group, or over all."""
        i, j = self.moments.position(of), self.moments.position(other)
        cov = self.moments.total[1] if group is None else self.moments.cov[..., self.index(group), :, :]
        return cov[..., i, j]

    def share(self, of: str, level: str, group: str | None) -> Array:
        """Return the share of a level of the groups' measure, or of a category with two levels."""
        if of == self.outline.group:
            return self.moments.n[self.index(level)] / self.moments.total_n
        second = self.mean(of, group)
        return second if self.is_second(of, level) else 1 - second

    def is_second(self, of: str, level: str) -> bool:
        """Tell whether a level is the one that a category's indicator counts."""
        return self.outline.levels[of].index(level) == 1
