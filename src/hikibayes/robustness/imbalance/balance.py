"""The measure in which the groups differ though they should not: its levels, and how many of each group have which.

Nothing here knows which measure that is. The record names one where it prints a difference of proportions between the
groups; otherwise it is a category of two levels that the model holds equal, or one that a person names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...arrays import BoolArray, FloatArray, IntArray
from ...spec import InputError, unknown_name
from ...study.study import Study
from ...study.wording import group_name, level_name
from ..case import Case

POPULATION = "population_proportion"
"""Quantity of an assumption about the mix of some population: the share of the category's second level."""


@dataclass(frozen=True, kw_only=True)
class Balance:
    """A category of two levels in B data sets of n participants.

    Parameters
    ----------
    study : Study
        With its readings decided.
    measure : str
        The category.
    level : str
        The level whose share is spoken of; the record's, where it prints one.
    has_level : array of bool, shape (B, n)
        Who has that level.
    group : array of int, shape (B, n)
        Whose group is which: 0 the reference, then as the study has them, G of them.
    """

    study: Study
    measure: str
    level: str
    has_level: BoolArray
    group: IntArray

    @property
    def other(self) -> str:
        """The other level."""
        return next(level.id for level in self.study.measure(self.measure).levels if level.id != self.level)

    @property
    def is_second(self) -> bool:
        """Whether the level spoken of is the category's second, the one that models code as 1."""
        return self.study.measure(self.measure).levels[1].id == self.level

    @cached_property
    def counts(self) -> IntArray:
        """Participants by group and level, (B, G, 2): the level spoken of first."""
        return np.stack(
            [
                np.stack([((self.group == g) & (self.has_level == has)).sum(axis=1) for has in (True, False)], axis=1)
                for g in range(len(self.study.groups))
            ],
            axis=1,
        )

    @property
    def shares(self) -> FloatArray:
        """Share of the level in each group, (B, G)."""
        return np.asarray(self.counts[..., 0] / self.counts.sum(axis=-1))

    def by_person(self, by_group: FloatArray) -> FloatArray:
        """Give everybody the value of their group, (B, G) to (B, n)."""
        return np.take_along_axis(by_group, self.group, axis=1)

    def name(self, level: str | None = None) -> str:
        """Return a level as prose has it, a bare number or sign with its category; unless named, the one spoken of."""
        return level_name(self.study, self.measure, level or self.level)


def balance_of(case: Case, measure: str | None = None) -> Balance:
    """Find the measure in which the groups of a case differ.

    Parameters
    ----------
    case : Case
        Its data sets must have the measure.
    measure : str, optional
        A category of two levels; by default the one whose difference between the groups the record prints, else the
        first that the model has, else the first that there is.

    Returns
    -------
    Balance

    Raises
    ------
    InputError
        There is no such category, or everybody in a group has the same level.
    """
    candidates = _candidates(case)
    alone = "" if case.synthetic else "; a fit has the columns of its formula: put the category in it"
    if measure and measure in _names_of_groups(case.study):
        raise InputError(f"{measure!r} is what is compared; an imbalance is of another category between its levels")
    if measure and measure not in candidates:
        _refuse_more_levels(case, measure, candidates)
    if not candidates:
        beside = f" beside {case.study.analysis.group!r}" if case.study.groups else ""
        asked = f", neither {measure!r} nor another" if measure else ""
        raise InputError(f"an imbalance needs a category of two levels{beside}, and none is in the data{asked}{alone}")
    if measure is None:
        measure = next(_preferred(case, candidates))
    elif measure not in candidates:
        raise InputError(unknown_name("category of two levels in these data,", measure, candidates) + alone)
    level = _level_spoken_of(case.study, measure)
    column, group = (case.labels(name) for name in (measure, case.study.analysis.group))
    made = Balance(
        study=case.study,
        measure=measure,
        level=level,
        has_level=column == level,
        group=np.sum([k * (group == name) for k, name in enumerate(case.study.group_names)], axis=0),
    )
    _refuse_one_level(made)
    return made


def _names_of_groups(study: Study) -> tuple[str, ...]:
    """Return what the measure that is compared is called: its id and its label, as a table's header."""
    group = study.analysis.group
    return (group, study.measure(group).label) if group else ()


def _candidates(case: Case) -> list[str]:
    present = set(case.data_sets[0].columns)
    return [
        measure.id
        for measure in case.study.measures
        if measure.id in present and len(measure.levels) == 2 and measure.id != case.study.analysis.group
    ]


def _refuse_more_levels(case: Case, measure: str, candidates: list[str]) -> None:
    known = {each.id: len(each.levels) for each in case.study.measures}
    if measure in case.data_sets[0] and (number := known.get(measure, 0)) > 2:
        others = f"these data have {', '.join(candidates)}" if candidates else "these data have none"
        raise InputError(f"{measure!r} has {number} levels; an imbalance is of a category of two levels, and {others}")


def _preferred(case: Case, candidates: list[str]) -> Iterator[str]:
    printed = [fact.of for fact in case.study.facts_of("proportion_difference")]
    yield from (name for name in printed if name in candidates)
    yield from (name for name in case.model.variables if name in candidates)
    yield from candidates


def _level_spoken_of(study: Study, measure: str) -> str:
    printed = [fact.level for fact in study.facts_of("proportion_difference", of=measure) if fact.level]
    return printed[0] if printed else study.measure(measure).levels[0].id


def _refuse_one_level(made: Balance) -> None:
    for g, group in enumerate(made.study.group_names):
        for j, level in enumerate((made.level, made.other)):
            if without := int((made.counts[:, g, j] == 0).sum()):
                where = f" in {without} of {len(made.counts)} data sets" if len(made.counts) > 1 else ""
                raise InputError(
                    f"nobody in the {group_name(made.study, group)} is {made.name(level)!r}{where}; to ask about the"
                    f" balance of {made.measure!r}, each group needs participants of both levels"
                )


# -- mixes ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Mix:
    """A composition that the groups might have had.

    Parameters
    ----------
    name : str
        What tables call it.
    shares : array, shape (B, G)
        Share of the level spoken of, by group.
    why : str
        Where it comes from.
    """

    name: str
    shares: FloatArray
    why: str


def mixes_of(
    balance: Balance, *, by_group: Mapping[str, float] | None = None, by_level: Mapping[str, float] | None = None
) -> tuple[Mix, ...]:
    """Return the compositions to look at: equal, each group's for all, assumed populations, and a person's own.

    Parameters
    ----------
    balance : Balance
        Of B data sets.
    by_group : mapping of str to float, optional
        Share of the level spoken of, in each group.
    by_level : mapping of str to float, optional
        Shares of the two levels in every group; they must sum to 1.

    Returns
    -------
    tuple of Mix

    Raises
    ------
    InputError
        An unknown group or level, one that is left out, a share outside 0 and 1, or shares that do not sum to 1.
    """
    study, like = balance.study, np.ones_like(balance.shares)
    every = "both" if len(study.groups) == 2 else "all"
    found = [Mix(name="equal", shares=0.5 * like, why=f"as many of one level as of the other, in {every} groups")]
    for g, group in enumerate(study.group_names):
        alike = np.broadcast_to(balance.shares[:, [g]], like.shape)
        found.append(Mix(name=f"as_{group}", shares=alike, why=f"{every} groups as the {group_name(study, group)} is"))
    found += _assumed(balance, like)
    if by_group:
        found.append(Mix(name="own", shares=_own_by_group(balance, by_group) * like, why="as asked for"))
    if by_level:
        found.append(Mix(name="own_levels", shares=_own_by_level(balance, by_level) * like, why="as asked for"))
    return tuple(found)


def _assumed(balance: Balance, like: FloatArray) -> Iterator[Mix]:
    for assumption in balance.study.assumptions:
        if assumption.quantity == POPULATION and balance.measure in assumption.about:
            given = assumption.distribution
            second = float(given.value or 0.0) if given.dist == "Constant" else float(given.frozen().mean())
            share = second if balance.is_second else 1 - second
            yield Mix(name=assumption.id, shares=share * like, why=assumption.rationale)


def _own_by_group(balance: Balance, given: Mapping[str, float]) -> FloatArray:
    groups = balance.study.group_names
    _refuse_names("group", given, groups)
    for group, share in given.items():
        _refuse_share(f"{balance.name()!r} in the {group_name(balance.study, group)}", share)
    return np.array([given[group] for group in groups])


def _own_by_level(balance: Balance, given: Mapping[str, float]) -> float:
    _refuse_names(f"level of {balance.measure!r},", given, (balance.level, balance.other))
    for level, share in given.items():
        _refuse_share(repr(level), share)
    if abs(sum(given.values()) - 1) > 1e-9:
        written = " + ".join(f"{share:g}" for share in given.values())
        raise InputError(f"the mix of {balance.measure!r} is {written} = {sum(given.values()):g}; it must sum to 1")
    return float(given[balance.level])


def _refuse_names(kind: str, given: Mapping[str, float], known: tuple[str, ...]) -> None:
    for name in given:
        if name not in known:
            raise InputError(unknown_name(kind, name, known))
    if missing := [name for name in known if name not in given]:
        raise InputError(f"no share is given for {missing[0]!r}; give one each for {', '.join(known)}")


def _refuse_share(of: str, share: float) -> None:
    if not 0 < share < 1:
        raise InputError(f"the share of {of} is {share:g}; it must lie between 0 and 1")
