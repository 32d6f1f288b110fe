"""What the questions share: what they are told, what they answer, and where along a line a conclusion falls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import pandas as pd

from ... import apa
from ...arrays import FloatArray
from ...inference.answers.estimates import pooled
from ...inference.gaussian.mixture import Mixture
from ...spec import InputError
from ...study.study import Limitation
from ...study.wording import estimand_noun
from ..case import Case

GRID_SETS = 40
"""Data sets on which curves and surfaces are computed; the answer itself takes all."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one question found.

    Parameters
    ----------
    corrected : mapping of str to float
        The case's estimand under the scenario's own numbers, the data sets together: what `known_from` gives.
    tables : mapping of str to pandas.DataFrame
        By file name without ``.csv``.
    what : str
        What would have to reach a value for the estimand to be 0.
    values : array, shape (B,)
        That value in each data set; NaN where no value does it.
    known : str
        How large it is beside what is known, as a sentence's end.
    assumed : str
        What is assumed and not printed.
    sentence : str
        All that in words.
    """

    corrected: Mapping[str, float]
    tables: Mapping[str, pd.DataFrame]
    what: str
    values: FloatArray
    known: str
    assumed: str
    sentence: str


class Question(Protocol):
    """A limitation as a question: a function of a case and of what is said of it."""

    def __call__(self, case: Case, said: Limitation, *, rng: np.random.Generator) -> Answer:
        """Answer; raises `InputError` where the case has nothing to ask it of."""
        ...


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A question with its name in words, and the numbers that it can be told."""

    title: str
    ask: Question
    numbers: Mapping[str, float] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    """Numbers without a default."""

    def told(self, said: Limitation) -> Limitation:
        """Fill in the numbers that nobody gave; raises `InputError` for one that the question does not know."""
        if unknown := set(said.numbers) - {*self.numbers, *self.needs}:
            accepted = ", ".join((*self.needs, *self.numbers)) or "none"
            raise InputError(f"limitation {said.kind!r} has no number {min(unknown)!r}; accepted: {accepted}")
        return said.replace(numbers={**self.numbers, **said.numbers})


def first_sets(case: Case, count: int = GRID_SETS) -> Case:
    """Return the case with its first data sets alone."""
    return replace(case, data_sets=case.data_sets[:count])


def needed(said: Limitation, *names: str) -> list[float]:
    """Return numbers that nothing has a default for; raises `InputError` where one is not given."""
    for name in names:
        if name not in said.numbers:
            raise InputError(f"limitation {said.kind!r} needs the number {name!r}, and the study's file gives none")
    return [said.numbers[name] for name in names]


def shifted(mixture: Mixture, shift: FloatArray) -> Mixture:
    """Return posteriors moved by an amount in each data set, (B,)."""
    moved = mixture.means + shift[:, None, None]
    return Mixture(weights=mixture.weights, means=moved, sds=mixture.sds)


def compared(case: Case, kind: str) -> tuple[str, str, str]:
    """Return the measure and the two groups of a difference of slopes; raises `InputError` for another estimand."""
    estimand, groups = case.estimand, case.study.group_names
    between = estimand.between or ("", "")
    if estimand.kind != "slope_difference" or not set(between) <= set(groups):
        raise InputError(f"limitation {kind!r} asks of a difference of slopes between groups, which this is not about")
    return str(estimand.of), *between


def numeric(case: Case, names: Sequence[str], kind: str) -> None:
    """Raise `InputError` where one of the measures is a category, or not in the data."""
    for name in names:
        if case.study.measure(name).kind == "category":
            raise InputError(f"limitation {kind!r} is about numbers, and {name!r} is a category")
        if name not in case.data_sets[0]:
            raise InputError(f"limitation {kind!r}: these data have no {name!r}")


def z_scores(case: Case, name: str) -> FloatArray:
    """Return a measure as z scores in each data set, (B, n)."""
    values = case.numbers(name)
    return np.asarray((values - values.mean(axis=1, keepdims=True)) / values.std(axis=1, ddof=1, keepdims=True))


def crossing(grid: FloatArray, values: FloatArray) -> FloatArray:
    """Return where along a grid each column of values first reaches the other side of 0.

    Parameters
    ----------
    grid : array, shape (K,)
        From where nothing is changed, outwards.
    values : array, shape (K, B)
        The estimand there.

    Returns
    -------
    array, shape (B,)
        NaN where it stays on its side, or ends before.
    """
    side = np.sign(values[0])
    over = values * side <= 0
    found = over.any(axis=0)
    last = np.where(found, over.argmax(axis=0), 1)
    columns = np.arange(values.shape[1])
    high, low = values[last, columns], values[last - 1, columns]
    with np.errstate(invalid="ignore", divide="ignore"):
        at = grid[last - 1] + (grid[last] - grid[last - 1]) * low / (low - high)
    return np.where(found, at, np.nan)


def spread(values: FloatArray) -> tuple[float, float, float]:
    """Return median, 5 % and 95 % of values in data sets; NaN for limits of one, and where most have none."""
    known = values[np.isfinite(values)]
    if 2 * len(known) < len(values) or not len(known):
        return float("nan"), float("nan"), float("nan")
    low, high = np.quantile(known, [0.05, 0.95]) if len(values) > 1 else (np.nan, np.nan)
    return float(np.median(known)), float(low), float(high)


def limits(values: FloatArray, name: str = "estimate") -> dict[str, float]:
    """Return the same as columns of a table: the median by a name, ``lower``, ``upper``."""
    return dict(zip((name, "lower", "upper"), spread(values), strict=True))


def tip(values: FloatArray, decimals: int = 2) -> str:
    """Return a tipping value with its range over the data sets, in words."""
    middle, low, high = spread(values)
    ranged = f" ({apa.bounded(low, decimals)} to {apa.bounded(high, decimals)} over the data sets)"
    return apa.bounded(middle, decimals) + (ranged if np.isfinite(low) else "")


def as_noun(case: Case) -> str:
    """Name the case's estimand inside a sentence."""
    return estimand_noun(case.study, case.estimand)


def answered(case: Case, found: Mapping[str, float]) -> str:
    """Return an answer with its interval, as a sentence has it."""
    unit = case.estimand.unit
    return f"{apa.value(found['mean'], unit)} {apa.interval(found['lower'], found['upper'], unit)}"


def known_from(mixture: Mixture) -> dict[str, float]:
    """Return mean, interval and probability above 0 of one contrast, the data sets together."""
    return {name: float(column[0, 0]) for name, column in pooled(mixture).summary().items() if name != "sd"}
