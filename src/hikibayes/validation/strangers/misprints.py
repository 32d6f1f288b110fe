"""One misprint in each study, of a number that the others determine; it is to be named among the first three."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from decimal import Decimal

import numpy as np

from ...auditing.audit import checks
from ...auditing.checks.rows import Check
from ...auditing.suspects import LIKELIEST, SHOWN
from ...reconstruction.calibrate import ConflictingRecordError, calibrate
from ...spec import InputError, validated
from ...study.facts import Fact
from ...study.study import Study
from .stages import Journey, NotTriedError, Stage, audited

FROM_MOMENTS = {
    *("t", "d", "df", "coefficient", "coefficient_se", "r2", "adjusted_r2", "delta_r2", "vif", "slope", "slope_se"),
}
"""Kinds of numbers that means, SDs and correlations determine."""
LEAST, MOST = 2, 10
"""Units of the last printed decimal, which are rounding widths, that a misprint is off."""


def misprinted(study: Study, name: str, shift: int) -> Study:
    """Return the study with a number off by units of its last decimal; raises `InputError` where it cannot be."""
    content = study.model_dump(exclude_unset=True)
    for entry in content["fact"]:
        if entry["id"] == name:
            entry["value"] += shift * Decimal(1).scaleb(entry["value"].as_tuple().exponent)
    return validated(Study, content, "misprinted")


def named(journey: Journey) -> str:
    """Plant a misprint that the clean record's audit shows to be determined; audit, else calibration, is to name it."""
    return _named(journey, FROM_MOMENTS, _suspects)


def named_by_audit(journey: Journey) -> str:
    """Plant a misprint of any kind of number, and ask the audit alone."""
    kinds = {fact.quantity for fact in journey.study.facts if not fact.quantity.endswith("p")}
    return _named(journey, kinds, _in_audit)


def _named(journey: Journey, kinds: Set[str], suspects: Callable[[Study], tuple[str, ...]]) -> str:
    study, rng = journey.study, np.random.default_rng(journey.seed)
    planted = next(_determined(study, checks(study), rng, kinds), None)
    if planted is None:
        raise NotTriedError("no number is determined by the others to within the misprint")
    fact, wrong = planted
    found = suspects(wrong)
    said = f"{fact} for {study.fact(fact.id).printed}"
    return "" if fact.id in found else f"not among the suspects {', '.join(found) or '(none)'}: {said}"


def _determined(
    study: Study, rows: tuple[Check, ...], rng: np.random.Generator, kinds: Set[str] = FROM_MOMENTS
) -> Iterator[tuple[Fact, Study]]:
    """Yield numbers whose recomputed range excludes a random misprint of them, with the record that has it."""
    facts = [fact for fact in study.facts if fact.quantity in kinds and fact.relation == "="]
    for at in rng.permutation(len(facts)):
        fact, shift = facts[at], int(rng.integers(LEAST, MOST + 1)) * int(rng.choice([-1, 1]))
        unit = float(Decimal(1).scaleb(int(fact.value.as_tuple().exponent)))
        ranges = [row.recomputed for row in rows if row.facts[0] == fact.id and _without(fact, row)]
        if any(each and 2 * each.half_width <= (abs(shift) - 1) * unit for each in ranges):
            try:
                wrong = misprinted(study, fact.id, shift)
            except InputError:  # a number that cannot be: the file is refused
                continue
            yield wrong.fact(fact.id), wrong


JOINTLY = "t, df and d"
"""Checks of so many numbers at once, whose range of one number is narrowed by that number itself."""


def _without(fact: Fact, row: Check) -> bool:
    """Tell whether a row recomputes this number, and from others alone.

    A row that begins with the number can be about another one that follows from it, or narrow the number by itself.
    """
    about_it = row.recomputed is not None and row.recomputed.meets(fact.interval)
    return about_it and not (row.check.startswith(JOINTLY))


def _suspects(study: Study) -> tuple[str, ...]:
    if found := _in_audit(study):
        return found
    try:
        calibrate(study, draws=4, thin=1)
    except ConflictingRecordError as error:
        return error.facts[:SHOWN]
    return ()


def _in_audit(study: Study) -> tuple[str, ...]:
    return next((row.facts[:SHOWN] for row in checks(study) if row.check == LIKELIEST), ())


IN_THE_AUDIT: Mapping[str, Stage] = {"audit": audited, "misprint": named_by_audit}
"""What studies of other designs go through."""
MISPRINTS: Mapping[str, Stage] = {"audit": audited, "misprint": named}
