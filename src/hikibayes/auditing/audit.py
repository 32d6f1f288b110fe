"""Whether the printed numbers agree with each other.

An audit recomputes every printed number that others determine, from rounding intervals: each input may be anything that
prints as it did. A row is ``inconsistent`` only where nothing within the rounding makes the numbers true together.
Where the paper can be read in more than one way, all rows are made under every reading, one reading at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..defaults import DEFAULT_STUDY
from ..quantities import KINDS
from ..spec import InputError
from ..study.facts import Fact
from ..study.study import Reading, Study
from ..study.study_file import load_study
from .checks.closure import checks_against_moments
from .checks.coefficients import checks_of_coefficients, checks_of_collinearity
from .checks.conditional import checks_of_conditional_effects
from .checks.correlations import checks_of_correlation_p, checks_of_correlations
from .checks.descriptives import (
    checks_of_ranges,
    checks_of_reliabilities,
    checks_of_repetitions,
    checks_of_shares,
    checks_of_sizes,
    checks_of_totals,
    checks_of_whole_numbers,
)
from .checks.estimates import WORDS, checks_of_other_estimates, gathered
from .checks.f_tests import checks_of_chi2, checks_of_f_tests
from .checks.jointly import checks_of_comparisons
from .checks.regions import checks_of_bounds
from .checks.rows import Check, Verdict, between, found, one_of
from .checks.scales import checks_of_scales
from .checks.slopes import checks_of_slopes
from .checks.steps import checks_of_selection, checks_of_steps, residual_df
from .suspects import suspects

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("check", "facts", "printed", "recomputed_low", "recomputed_high", "verdict", "note")

CHECKS: tuple[Callable[[Study], Iterator[Check]], ...] = (
    checks_of_sizes,
    checks_of_repetitions,
    checks_of_ranges,
    checks_of_whole_numbers,
    checks_of_totals,
    checks_of_shares,
    checks_of_reliabilities,
    checks_of_comparisons,
    checks_of_other_estimates,
    checks_of_correlations,
    checks_of_correlation_p,
    checks_of_steps,
    checks_of_f_tests,
    checks_of_chi2,
    checks_of_selection,
    checks_of_coefficients,
    checks_of_collinearity,
    checks_of_scales,
    checks_of_slopes,
    checks_of_conditional_effects,
    checks_of_bounds,
    checks_against_moments,
)

Key = tuple[str, str]


def audit(study: str | Path | Study = DEFAULT_STUDY) -> pd.DataFrame:
    """Run every consistency check that a record allows.

    Parameters
    ----------
    study : str, Path or Study
        Name of a shipped study, a study file, or a study; its readings still open.

    Returns
    -------
    pandas.DataFrame
        A row per check with the columns `COLUMNS`; ``facts`` are ids joined by commas, the first is the one the check
        is about; the ends of ``recomputed`` are NaN where nothing was recomputed.

    Notes
    -----
    Checks over two or more facts are joint: means, SDs, t, df and d have to be possible at one and the same point of
    their rounding intervals, and where scores are whole numbers, at one pair of sums per group.
    """
    import pandas as pd

    return pd.DataFrame([check.row() for check in checks(load_study(study))], columns=list(COLUMNS))


def checks(study: Study) -> tuple[Check, ...]:
    """Return the rows of an audit as values: one per check, one per reading, and one for facts that nothing checks."""
    if not study.facts:
        raise InputError(f"study {study.id!r} has no [[fact]]: no printed number to audit (only a fit needs none)")
    default = _under(study)
    others = {
        (reading.id, option): _under(study, **{reading.id: option})
        for reading in study.readings
        for option in reading.options
        if option != reading.default
    }
    settled = tuple(_over_readings(study, key, check, others) for key, check in default.items())
    readings = tuple(_of_reading(study, reading, default, others) for reading in study.readings)
    suspected = suspects(study.read(), settled, _one_by_one)
    return (*settled, *_unchecked(study.read(), settled), *readings, *((suspected,) if suspected else ()))


def _one_by_one(study: Study) -> Iterator[Check]:
    return (check for kind in CHECKS for check in kind(study))


def _under(study: Study, **choices: str) -> dict[Key, Check]:
    """Return the checks under some readings, by name and the fact they are about: of several, one that contradicts."""
    rows = dict[Key, Check]()
    for check in _one_by_one(study.read(**choices)):
        key = check.check, check.facts[0]
        if check.verdict == "inconsistent" or key not in rows:
            rows[key] = check
    return rows


# -- readings -------------------------------------------------------------------------------------------------------


def _over_readings(study: Study, key: Key, check: Check, others: dict[tuple[str, str], dict[Key, Check]]) -> Check:
    """Turn a contradiction into ``ambiguous`` where another reading of the paper removes it.

    The opposite case stays as it is: what contradicts the record is the other reading then, and its row says so.
    """
    if check.verdict != "inconsistent":
        return check
    turned = [where for where, rows in others.items() if key in rows and rows[key].verdict == "consistent"]
    if not turned:
        return check
    readings = {reading.id: reading for reading in study.readings}
    said = one_of((f"'{option}' of the reading {name!r}" for name, option in turned), "and")
    settled_by = one_of(dict.fromkeys(readings[name].settled_by for name, _ in turned), "and")
    note = f"{check.note} They agree under {said}; {settled_by} would settle it."
    return Check(
        check=check.check,
        facts=check.facts,
        printed=check.printed,
        recomputed=check.recomputed,
        verdict="ambiguous",
        note=note,
    )


def _of_reading(
    study: Study, reading: Reading, default: dict[Key, Check], others: dict[tuple[str, str], dict[Key, Check]]
) -> Check:
    """Say whether the record decides a reading, and what would."""
    rows = {option: others.get((reading.id, option), default) for option in reading.options}
    excluded = _excluded(rows)
    standing = [option for option in reading.options if option not in excluded]
    note, verdict = reading.question, _verdict_of(reading, standing, moved := _moved(rows))
    for option, names in excluded.items():
        note += f" {option!r} is excluded: it contradicts {one_of(names, 'and')}."
    if verdict != "consistent":
        allowed = one_of(map(repr, standing), "and") if standing else "no option"
        bears = f"it matters for {one_of(moved, 'and')}" if moved else "no printed number tells them apart"
        note += f" The record allows {allowed}; {bears}; {reading.settled_by} would settle it."
    facts = dict.fromkeys(name for option in reading.options.values() for name in option.facts)
    if not facts:
        steps = {name for option in reading.options.values() for name in option.steps}
        facts = dict.fromkeys(fact.id for fact in study.facts if fact.step in steps)
    printed = f"{reading.default} (default)"
    return Check(check=f"reading {reading.id}", facts=tuple(facts), printed=printed, verdict=verdict, note=note)


def _excluded(rows: dict[str, dict[Key, Check]]) -> dict[str, list[str]]:
    """Return the options that contradict the record, with the checks that say so and that other options pass."""
    wrong = {name: {key for key, row in table.items() if row.verdict == "inconsistent"} for name, table in rows.items()}
    everywhere = set.intersection(*wrong.values())
    found_ = {name: sorted({check for check, _ in keys - everywhere}) for name, keys in wrong.items()}
    return {name: checks_ for name, checks_ in found_.items() if checks_}


def _verdict_of(reading: Reading, standing: list[str], moved: list[str]) -> Verdict:
    if len(standing) > 1:
        return "ambiguous" if moved else "underdetermined"
    if not standing:
        return "inconsistent"
    return "consistent" if standing == [reading.default] else "ambiguous"


def _moved(rows: dict[str, dict[Key, Check]]) -> list[str]:
    """Return which checks, and how, come out differently between the options of a reading."""
    keys = dict.fromkeys(key for table in rows.values() for key in table)
    said: dict[str, str] = {}
    for name, fact in keys:
        each = {option: table.get((name, fact)) for option, table in rows.items()}
        ranges = {option: between(row.recomputed) if row and row.recomputed else "" for option, row in each.items()}
        verdicts = {row.verdict if row else "" for row in each.values()}
        if len(set(ranges.values())) > 1 or len(verdicts) > 1:
            said.setdefault(name, fact)
    return [f"{name} ({fact})" for name, fact in said.items()]


# -- what nothing checks --------------------------------------------------------------------------------------------


def _settled_by(study: Study, fact: Fact) -> str:
    """Say what would check a number: of an estimate, a statistic of it that is not printed."""
    kind = KINDS[fact.quantity]
    printed = gathered(study, fact) if kind.estimate else {}
    missing = [WORDS.get(role, role) for role in ("se", "t", "p") if role not in printed]
    if len(printed) < 2 or not missing:
        return kind.settled_by
    people = [] if not fact.step or residual_df(study, fact.step) else ["the number of people"]
    return one_of([f"its {missing[0]}", *missing[1:], *people])


def _unchecked(study: Study, rows: tuple[Check, ...]) -> Iterator[Check]:
    """Yield a row per kind of number for the facts that no other printed number bears on."""
    checked = {name for row in rows for name in row.facts}
    alone: dict[tuple[str, str | None], list[Fact]] = {}
    for fact in study.facts:
        if fact.id not in checked:
            alone.setdefault((fact.quantity, fact.step), []).append(fact)
    for (quantity, step), facts in alone.items():
        of = one_of(dict.fromkeys(filter(None, (fact.term or fact.of for fact in facts))), "and")
        of = f" of {of}" if of != "none" else ""
        what = f"{quantity}{of}{f' in {step}' if step else ''}"
        note = f"No other printed number bears on the {what}; {_settled_by(study, facts[0])} would."
        yield found("nothing to compare with", facts, "underdetermined", note, about=len(facts))
