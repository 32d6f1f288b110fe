"""Checks of a hierarchical regression's steps: R2, adjusted R2, their increases, F tests, and the numbers of terms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from scipy.special import fdtrc

from ...moments.tails import f_above
from ...study.facts import Fact
from ...study.intervals import Interval, image
from ...study.study import Step, Study
from .descriptives import only, size
from .rows import Check, Verdict, absolute, between, compared, found, number, one_of, possible

# -- counting -------------------------------------------------------------------------------------------------------


def columns(study: Study, terms: tuple[str, ...]) -> int:
    """Return how many columns some terms have in a design matrix: a category has one less than its levels."""
    return sum(prod(_width(study, name) for name in term.split(":")) for term in terms)


def _width(study: Study, name: str) -> int:
    measure = study.measure(name)
    return len(measure.levels) - 1 if measure.kind == "category" else 1


def residual_df(study: Study, step: str) -> int:
    """Return a step's residual degrees of freedom: as printed, else n - 1 - its columns; 0 where no n is printed."""
    for quantity in ("r2_df2", "delta_r2_df2", "coefficient_df", "intercept_df"):
        if printed := [fact for fact in study.facts_of(quantity) if fact.step == step and fact.relation == "="]:
            return int(printed[0].value)
    return counted_df(study, step)


def counted_df(study: Study, step: str) -> int:
    """Return n - 1 - number of columns of a step; 0 where no n is printed."""
    n = [int(fact.value) for fact in study.facts_of("n") if fact.step == step]
    everybody = n[0] if n else size(study, study.step(step).group)
    return max(everybody - 1 - columns(study, study.terms(step)), 0)


def people(study: Study, step: str) -> int:
    """Return how many people a step's regression has, by its residual degrees of freedom."""
    return residual_df(study, step) + 1 + columns(study, study.terms(step))


def of_everybody(study: Study, step: str) -> bool:
    """Tell whether a regression has the people whom tables describe: its n or degrees of freedom may be of fewer."""
    described = size(study, study.step(step).group)
    return not described or residual_df(study, step) < 1 or people(study, step) == described


def _before(study: Study, step: Step) -> tuple[str, ...]:
    return study.terms(step.after) if step.after else ()


# -- what R2 can be -------------------------------------------------------------------------------------------------


ANYTHING = Interval(0.0, 1.0)


@dataclass(frozen=True)
class Explained:
    """What the record leaves possible for the plain R2 of a step, and the facts that say so."""

    interval: Interval = ANYTHING
    facts: tuple[Fact, ...] = ()

    @property
    def known(self) -> bool:
        """Whether any fact bears on it."""
        return bool(self.facts)


def explained(study: Study, step: str) -> Explained:
    """Return what the record leaves possible for a step's plain R2.

    Parameters
    ----------
    study : Study
        With its readings decided.
    step : str
        Id of the step.

    Returns
    -------
    Explained
        From the step's own R2 or adjusted R2 where one is printed, else from the step before and the increase, narrowed
        by the increase's p. Nothing is known where these contradict each other (the contradiction is a row of its own).
    """
    counted = residual_df(study, step) >= 1
    own = _own(study, step)
    if own.known or not (before := study.step(step).after):
        return own
    increase = only(study, "delta_r2", step=step)
    start = explained(study, before)
    if not (increase and start.known) or (increase.adjusted and not counted):
        return Explained()
    reached = _after(study, step, start.interval, increase)
    if reached is None:
        return Explained()
    facts = (*start.facts, increase)
    if counted and (p := only(study, "delta_r2_p", step=step)) and not increase.adjusted:
        narrowed = _increase_from_p(study, step, start.interval, p).meet(increase.interval)
        if narrowed and (sum_ := _unit(start.interval.low + narrowed.low, start.interval.high + narrowed.high)):
            return Explained(sum_, (*facts, p))
    return Explained(reached, facts)


def _own(study: Study, step: str) -> Explained:
    plain, adjusted = (only(study, name, step=step) for name in ("r2", "adjusted_r2"))
    if not plain and study.step(step).after is None:
        # what a first step adds to nothing
        first = only(study, "delta_r2", step=step)
        plain = None if first is None or first.adjusted else first
    interval: Interval | None = ANYTHING
    if plain:
        interval = plain.interval.meet(ANYTHING)
    if residual_df(study, step) < 1:
        adjusted = None
    if adjusted and interval:
        interval = interval.meet(_plain(study, step, adjusted.interval).widened())
    facts = tuple(fact for fact in (plain, adjusted) if fact)
    return Explained(interval, facts) if interval else Explained()


def _shrinkage(study: Study, step: str) -> float:
    """Return (1 - R2) / (1 - adjusted R2) = residual df / (n - 1)."""
    return residual_df(study, step) / (people(study, step) - 1)


def _plain(study: Study, step: str, adjusted: Interval) -> Interval:
    share = _shrinkage(study, step)
    return image(lambda value: 1 - (1 - value) * share, adjusted)


def _adjusted(study: Study, step: str, plain: Interval) -> Interval:
    share = _shrinkage(study, step)
    return image(lambda value: 1 - (1 - value) / share, plain)


def _unit(low: float, high: float) -> Interval | None:
    return Interval(low, high).meet(ANYTHING)


def _after(study: Study, step: str, before: Interval, increase: Fact, adjusted: bool | None = None) -> Interval | None:
    """Return the R2 reached from the step before by an increase of plain or adjusted R2."""
    if not (increase.adjusted if adjusted is None else adjusted):
        return _unit(before.low + increase.interval.low, before.high + increase.interval.high)
    start = _adjusted(study, str(study.step(step).after), before)
    reached = _plain(study, step, Interval(start.low + increase.interval.low, start.high + increase.interval.high))
    return _unit(reached.low, reached.high)


# -- F tests --------------------------------------------------------------------------------------------------------


def _p_of_increase(before: float, after: float, added: int, df: float) -> float:
    if after <= before:
        return 1.0
    return float(fdtrc(added, df, (after - before) / added / ((1 - after) / df))) if after < 1 else 0.0


def _increase_from_p(study: Study, step: str, before: Interval, p: Fact) -> Interval:
    """Return the increases of plain R2 that have this p: F = (increase / k) / ((1 - R2 - increase) / df)."""
    added, df = columns(study, study.step(step).adds), residual_df(study, step)

    def increase(r2: float, value: float) -> float:
        ratio = f_above(value, added, df) * added / df
        return (1 - r2) * (ratio / (1 + ratio) if ratio < 1e12 else 1.0)

    return image(increase, before, p.interval)


# -- the checks -----------------------------------------------------------------------------------------------------


def checks_of_steps(study: Study) -> Iterator[Check]:
    """Compare R2, adjusted R2, increases and their p with each other, step by step."""
    for step in study.steps:
        if residual_df(study, step.id) < 1:
            continue
        yield from _plain_and_adjusted(study, step)
        yield from _whole_step(study, step)
        if step.after and (increase := only(study, "delta_r2", step=step.id)):
            yield from _increase(study, step, increase)


def _plain_and_adjusted(study: Study, step: Step) -> Iterator[Check]:
    plain, adjusted = (only(study, name, step=step.id) for name in ("r2", "adjusted_r2"))
    if not adjusted:
        return
    implied = _plain(study, step.id, adjusted.interval)
    if plain:
        yield compared("plain and adjusted R2", plain, (adjusted,), implied, f"R2 of {step.id} from its adjusted R2")
        return
    agrees = implied.meets(ANYTHING)
    note = f"An adjusted R2 of {adjusted.printed} in {step.id} means a plain R2 {between(implied)}."
    yield found("plain R2 from adjusted R2", (adjusted,), "consistent" if agrees else "inconsistent", note, implied)


def _whole_step(study: Study, step: Step) -> Iterator[Check]:
    """Compare the p of a whole step with its R2."""
    if not (p := only(study, "r2_p", step=step.id)):
        return
    reached = explained(study, step.id)
    df, added = residual_df(study, step.id), columns(study, study.terms(step.id))
    if not reached.known:
        note = f"No R2 of {step.id} is printed, or not one only, so its p is not recomputed; its R2 would settle it."
        yield found("p of a step", (p,), "underdetermined", note)
        return
    recomputed = image(lambda r2: _p_of_increase(0.0, r2, added, df), reached.interval)
    yield compared("p of a step", p, reached.facts, recomputed, f"The p of the F test of {step.id}")


def _increase(study: Study, step: Step, increase: Fact) -> Iterator[Check]:
    before = explained(study, str(step.after))
    own = _own(study, step.id)
    if before.known and own.known:
        yield _increase_from_both(study, step, increase, before, own)
    if p := only(study, "delta_r2_p", step=step.id):
        yield from _increase_and_p(study, step, increase, p, before)


def _increase_from_both(study: Study, step: Step, increase: Fact, before: Explained, after: Explained) -> Check:
    ends = before.interval, after.interval
    if increase.adjusted:
        ends = _adjusted(study, str(step.after), ends[0]), _adjusted(study, step.id, ends[1])
    given = (*before.facts, *after.facts)
    return compared("increase of R2", increase, given, ends[1] - ends[0], f"R2 of {step.id} less that of {step.after}")


def _increase_and_p(study: Study, step: Step, increase: Fact, p: Fact, before: Explained) -> Iterator[Check]:
    given = (increase, *before.facts)
    added = columns(study, step.adds)
    if not added:  # none of its terms is printed
        return
    recomputed = _p_range(study, step, before.interval, increase, added, bool(increase.adjusted))
    if not before.known and possible(p, recomputed) and not _inside(recomputed, p):
        note = (
            f"Without one R2 of {step.after} the increase's p is {between(recomputed)}, so {p.printed} can be true; "
            f"the R2 of {step.after} would settle it."
        )
        yield found("p of an increase", (p, *given), "underdetermined", note, recomputed)
        return
    yield compared("p of an increase", p, given, recomputed, f"The p of the increase in {step.id}")
    if not before.known:
        return
    yield _plain_or_adjusted(study, step, increase, p, before)
    if added > 1:
        yield _number_of_terms(study, step, increase, p, before)


def _inside(interval: Interval, fact: Fact) -> bool:
    return interval.low in fact.interval.widened() and interval.high in fact.interval.widened()


def _p_range(study: Study, step: Step, before: Interval, increase: Fact, added: int, adjusted: bool) -> Interval:
    """Return the p of an increase with a given number of added columns.

    Notes
    -----
    F = (increase / k) / ((1 - R2) / df) rises in the R2 before and in the increase, so its extremes lie at corners.
    For adjusted coefficients 1 - R2 = (1 - adjusted R2) df / (n - 1) before and after, and the same holds.
    """
    n, earlier = people(study, step.id), columns(study, _before(study, step))
    df = n - 1 - earlier - added
    shares = (n - 1 - earlier) / (n - 1), df / (n - 1)

    def p_value(start: float, gain: float) -> float:
        if not adjusted:
            return _p_of_increase(start, start + gain, added, df)
        return _p_of_increase(start, 1 - ((1 - start) / shares[0] - gain) * shares[1], added, df)

    return image(p_value, before, increase.interval)


def _number_of_terms(study: Study, step: Step, increase: Fact, p: Fact, before: Explained) -> Check:
    """Ask which numbers of added columns, from one to all of the step's, fit the increase and its p."""
    most = columns(study, step.adds)
    ranges = {
        (k, adjusted): _p_range(study, step, before.interval, increase, k, adjusted)
        for k in range(1, most + 1)
        for adjusted in (False, True)
    }
    stated = bool(increase.adjusted)
    fits = [k for k in range(1, most + 1) if possible(p, ranges[k, stated])]
    other = [k for k in range(1, most + 1) if possible(p, ranges[k, not stated])]
    kinds = ("adjusted", "plain") if stated else ("plain", "adjusted")
    note = (
        f"Of 1 to {most} added terms, {_which(fits, most)} can have the printed increase of {kinds[0]} R2 with its p "
        f"(one alone would have p {between(ranges[1, stated])}); read as {kinds[1]} R2, {_which(other, most)} can"
    )
    agrees = most in fits
    gain = _increase_from_p(study, step.id, before.interval, p).meet(increase.interval)
    if agrees and gain and not stated:
        note += f". All {most} need an increase {between(gain)}"
    verdict: Verdict = "consistent" if agrees else "inconsistent"
    return found("number of added terms", (increase, p, *before.facts), verdict, note + ".", gain, about=2)


def _which(fits: list[int], most: int) -> str:
    return "any number" if len(fits) == most else one_of(fits)


def _plain_or_adjusted(study: Study, step: Step, increase: Fact, p: Fact, before: Explained) -> Check:
    """Ask whether the printed increase can be one of plain, or of adjusted, coefficients."""
    added = columns(study, step.adds)
    fits = {
        name: possible(p, _p_range(study, step, before.interval, increase, added, name == "adjusted"))
        and bool(_after(study, step.id, before.interval, increase, name == "adjusted"))
        for name in ("plain", "adjusted")
    }
    able = [name for name, can in fits.items() if can]
    stated = "adjusted" if increase.adjusted else "plain"
    reached = {name: _after(study, step.id, before.interval, increase, name == "adjusted") for name in able}
    own = _own(study, step.id)
    settled = [name for name in able if own.known and (r2 := reached[name]) and r2.meets(own.interval)]
    if by_r2 := len(able) == 2 and settled == [stated]:
        able = settled
    ends = one_of((f"{name} ({step.id} then has R2 {between(r)})" for name in able if (r := reached[name])), "or")
    by = f"its p and the R2 of {step.id}" if by_r2 else "its p"
    note = f"By {by}, the increase of {step.id} can be one of {ends} R2"
    verdict: Verdict = "consistent" if stated in able else "inconsistent"
    if not able:
        note = f"The increase of {step.id} fits its p neither for plain nor for adjusted R2"
    elif len(able) == 2 and increase.adjusted is None:
        more = "more decimals of the R2" if len(settled) == 2 else "the R2"
        verdict, note = "ambiguous", f"{note}; {more} of {step.id} would settle it"
    facts = (increase, p, *before.facts, *(own.facts if by_r2 else ()))
    return found("plain or adjusted increase", facts, verdict, f"{note}.", reached.get(stated))


def checks_of_selection(study: Study) -> Iterator[Check]:
    """Compare each predictor's correlation with the outcome with the R2 of the steps it is in: R2 is at least r2."""
    outcomes = {study.outcome(step.id): None for step in study.steps if not step.group}
    for outcome in outcomes:
        yield from _selection(study, outcome)


def _selection(study: Study, outcome: str) -> Iterator[Check]:
    waiting = {fact.id: fact for fact in study.facts_of("correlation", group=None)}
    for step in study.steps:
        if study.outcome(step.id) != outcome or step.group or not of_everybody(study, step.id):
            continue
        terms, reached = study.terms(step.id), explained(study, step.id)
        facts = [fact for fact in waiting.values() if _partner(fact, outcome) in terms]
        if not facts or not reached.known:
            continue
        # R2 only grows: a predictor is compared with the first step that has it
        waiting = {name: fact for name, fact in waiting.items() if fact not in facts}
        least = {fact.id: _least_square(fact) for fact in facts}
        too_much = [fact for fact in facts if least[fact.id] > reached.interval.high * (1 + 1e-9)]
        sound = [fact for fact in facts if fact not in too_much]
        for fact in too_much:
            note = (
                f"A correlation of {fact.printed} alone explains at least {number(least[fact.id])} of the outcome, "
                f"more than the R2 of {step.id}, {between(reached.interval)}."
            )
            yield found("correlation and R2", (fact, *reached.facts), "inconsistent", note, reached.interval)
        if sound:
            note = (
                f"The R2 of {step.id}, {between(reached.interval)}, is at least the square of each of its predictors' "
                f"correlations with the outcome ({number(max(least[fact.id] for fact in sound))})."
            )
            facts_ = (*sound, *reached.facts)
            yield found("correlation and R2", facts_, "consistent", note, reached.interval, about=len(sound))


def _partner(fact: Fact, outcome: str) -> str | None:
    pair = [fact.of, fact.with_]
    return next((name for name in pair if name != outcome), None) if outcome in pair else None


def _least_square(fact: Fact) -> float:
    return absolute(fact.interval).low ** 2
