"""A slope that changes with something that one group alone has, such as how long it has lasted: carried elsewhere.

The published slope is the mean over the durations of those who took part, each counted by how far from the mean its
focal measure lies. Where longer cases are more frequent, the mean is another, if the slope changes with duration. How
much it changes is assumed; what is known is that no slope lies beyond 1 SD per SD.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
import pandas as pd

from ... import apa
from ...arrays import BoolArray, FloatArray
from ...spec import InputError
from ...study.study import Limitation
from ...study.wording import group_name, in_prose
from ..case import Case
from ..treatment import group_slope
from .scenario import Answer, answered, as_noun, compared, known_from, needed, numeric, shifted, tip

NEEDS = ("beyond", "share_low", "share_high")
"""What a long case is, and the share of them where the answer is carried to, between two values."""
NUMBERS = {"change": -0.2}
"""How much lower the slope is beyond, in SD per SD."""
CHANGES = (-0.6, -0.4, -0.2, 0.0, 0.2)
DOUBLINGS = (-0.2, -0.1, -0.05, 0.0, 0.05)
"""The same for each doubling of the duration."""
SELDOM = 0.05
"""Share of data sets below which a change that leaves nothing is said to be out of bounds."""
STEEPEST = 1.0
"""SD per SD beyond which a slope between two scores is not thought of."""
POINTS = 25


@dataclass(frozen=True, kw_only=True)
class Lasting:
    """A case in one of whose groups people differ in how long something has lasted.

    Parameters
    ----------
    case : Case
        About a difference of slopes.
    measure : str
        The duration; above 0 in the group that has it.
    beyond : float
        Durations above this are long ones.
    """

    case: Case
    measure: str
    beyond: float

    @cached_property
    def group(self) -> str:
        """The group whose durations these are."""
        _, first, _ = compared(self.case, "duration")
        return self.case.study.measure(self.measure).only_in or first

    @cached_property
    def side(self) -> int:
        """Whether the difference grows or falls with the group's slope."""
        _, first, second = compared(self.case, "duration")
        if self.group not in (first, second):
            raise InputError(f"limitation 'duration': {self.measure!r} is measured in neither of the compared groups")
        return 1 if self.group == first else -1

    @cached_property
    def values(self) -> FloatArray:
        """Durations of the group's people, (B, n)."""
        values = self._of(self.measure)
        if not (np.isfinite(values).all() and (values > 0).all()):
            raise InputError(f"limitation 'duration': {self.measure!r} must be known and above 0 in its group")
        return values

    @cached_property
    def weights(self) -> FloatArray:
        """How much each counts in the group's slope, (B, n)."""
        focal, *_ = compared(self.case, "duration")
        scores = self._of(focal)
        squares = (scores - scores.mean(axis=1, keepdims=True)) ** 2
        return np.asarray(squares / squares.sum(axis=1, keepdims=True))

    @cached_property
    def slope(self) -> FloatArray:
        """Posterior mean of the group's slope, (B,)."""
        focal, *_ = compared(self.case, "duration")
        weights = group_slope(self.case.design, focal, self.group)
        return np.asarray(self.case.posterior().marginal(weights[:, None]).mean()[:, 0])

    def moved(self, share: float, *, by_doubling: bool = False) -> FloatArray:
        """Return by how many units of change the group's mean slope moves where this share is long, (B,).

        One unit is the change beyond, or for each doubling.
        """
        score = np.log2(self.values) if by_doubling else self._long.astype(float)
        here = (self.weights * score).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            long, short = ((score * own).sum(axis=1) / own.sum(axis=1) for own in (self._long, ~self._long))
        return np.asarray(share * long + (1 - share) * short - here)

    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """Return the changes beyond with which no slope is steeper than 1 SD per SD, each (B,)."""
        share = (self.weights * self._long).sum(axis=1)
        low = np.maximum((self.slope - STEEPEST) / share, -(STEEPEST + self.slope) / (1 - share))
        high = np.minimum((self.slope + STEEPEST) / share, (STEEPEST - self.slope) / (1 - share))
        return low, high

    @cached_property
    def _long(self) -> BoolArray:
        long = self.values > self.beyond
        if not (long.any(axis=1) & ~long.all(axis=1)).any():
            raise InputError(f"limitation 'duration': nobody, or everybody, is beyond {self.beyond:g}")
        return long

    def _of(self, name: str) -> FloatArray:
        own = self.case.labels(self.case.study.analysis.group) == self.group
        return np.asarray(self.case.numbers(name)[own].reshape(len(own), -1))


def duration_of(case: Case, said: Limitation, *, rng: np.random.Generator) -> Answer:
    """Ask how much the slope must change with duration for nothing to be left where longer cases are more frequent."""
    del rng  # nothing is drawn
    beyond, *shares = needed(said, *NEEDS)
    if len(said.of) != 1 or not all(0 <= share <= 1 for share in shares):
        raise InputError("limitation 'duration' is about one measure, and its shares lie between 0 and 1")
    numeric(case, said.of, "duration")
    lasting = Lasting(case=case, measure=said.of[0], beyond=beyond)
    marginal, change, share = case.marginal, said.numbers["change"], max(shares)
    shift = lasting.side * lasting.moved(share)
    known = np.isfinite(shift)
    with np.errstate(divide="ignore"):
        at = -marginal.mean()[:, 0] / shift
    now = known_from(shifted(marginal, change * np.where(known, shift, 0.0)))
    low, high = lasting.bounds()
    measure, who = case.study.measure(lasting.measure), group_name(case.study, lasting.group)
    long = f"{beyond:g} {measure.unit}" if measure.unit else f"{beyond:g}"
    here = float(np.median((lasting.values > beyond).mean(axis=1)))
    bounds = " to ".join(apa.bounded(float(np.median(end))) for end in (low, high))
    never = ", which no slopes within 1 SD per SD allow" if np.mean((at >= low) & (at <= high)) < SELDOM else ""
    return Answer(
        corrected=now,
        tables={
            "limitation_duration": _table(lasting, sorted({*shares})),
            "limitation_duration_curve": _curve(lasting),
        },
        what=f"change of the slope beyond {long} in the {who} (SD per SD), {share:.0%} of cases being longer",
        values=at,
        known=f"slopes within 1 SD per SD leave changes of {bounds}",
        assumed=f"a change by {apa.bounded(change)}; {share:.0%} beyond {long}, {here:.0%} in the sample",
        sentence=(
            f"If the slope changed by {apa.bounded(change)} SD per SD at a {in_prose(measure.label)} beyond {long}, the"
            f" {as_noun(case)} would be {answered(case, now)} where {share:.0%} of cases are longer; nothing would be"
            f" left at a change of {tip(at)}{never}."
        ),
    )


def _table(lasting: Lasting, shares: list[float]) -> pd.DataFrame:
    """Return the answer for each share of long cases: by a change beyond, at its bounds, for each doubling."""
    marginal = lasting.case.marginal
    changes = {"beyond": (*CHANGES, *lasting.bounds()), "doubling": DOUBLINGS}
    rows = []
    for form, share in product(changes, shares):
        moved = lasting.side * np.nan_to_num(lasting.moved(share, by_doubling=form == "doubling"))
        for change in changes[form]:
            about = {"form": form, "share": share, "change": float(np.median(change)), "at_bound": np.ndim(change) > 0}
            rows.append({**about, **known_from(shifted(marginal, change * moved))})
    return pd.DataFrame(rows)


def _curve(lasting: Lasting) -> pd.DataFrame:
    """Return the group's slope over duration, for changes with each doubling that keep the mean as published."""
    grid = np.geomspace(lasting.values.min(), lasting.values.max(), POINTS)
    here = np.median((lasting.weights * np.log2(lasting.values)).sum(axis=1))
    slope = float(np.median(lasting.slope))
    rows = [
        pd.DataFrame({"change": change, "duration": grid, "slope": slope + change * (np.log2(grid) - here)})
        for change in DOUBLINGS[1:]
    ]
    return pd.concat(rows, ignore_index=True).assign(measure=lasting.measure, beyond=lasting.beyond)
