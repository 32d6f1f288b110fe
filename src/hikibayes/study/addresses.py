"""Studies and facts in the words of `hikibayes.quantities`."""

from __future__ import annotations

from typing import Any

from ..quantities import KINDS, Address, Outline
from ..quantities.conventions import DECLARED
from .facts import Fact
from .study import Study


def outline_of(study: Study) -> Outline:
    """Return what of a study its numbers depend on."""
    return Outline(
        outcome=study.analysis.outcome,
        group=study.analysis.group,
        groups=study.group_names,
        terms={step.id: study.columns(step.id) for step in study.steps},
        outcomes={step.id: study.outcome(step.id) for step in study.steps},
        within={step.id: step.group for step in study.steps if step.group},
        after={step.id: step.after for step in study.steps},
        levels={measure.id: tuple(level.id for level in measure.levels) for measure in study.measures},
    )


def is_column(study: Study, step: str, term: str) -> bool:
    """Tell whether a term is one column of a step: that of three groups as a whole is not."""
    return set(term.split(":")) in [set(column.split(":")) for column in study.columns(step)]


def measures_of(study: Study, fact: Fact) -> frozenset[str] | None:
    """Return the measures whose moments a fact's number follows from; None where it follows from no moments."""
    group = study.analysis.group
    of_several = fact.term and not is_column(study, str(fact.step), fact.term)
    with_groups = fact.with_ and group in (fact.of, fact.with_) and len(study.groups) != 2
    if KINDS[fact.quantity].value is None or of_several or with_groups:
        return None
    named = {fact.of or "", fact.with_ or "", *(name for name, _ in fact.at or ())}
    if fact.step:
        named |= {part for term in study.terms(fact.step) for part in term.split(":")} | {study.outcome(fact.step)}
    return frozenset(named - {group, ""})


def address_of(study: Study, fact: Fact) -> Address:
    """Return which number a fact is about, undeclared conventions by their usual meaning."""
    analysis = study.analysis
    given: dict[str, Any] = {"with_" if key == "with" else key: value for key, value in fact.address.items()}
    given.pop("errors", None)
    if fact.of and not (fact.step or fact.group or fact.between) and (only := study.measure(fact.of).only_in):
        given["group"] = only
    given["coding"] = DECLARED["coding"][fact.coding or analysis.coding][0]
    given["products"] = DECLARED["products"][fact.products or analysis.products][0]
    given["standardised"] = analysis.standardised if fact.standardised is None else fact.standardised
    return Address(**given, least=fact.relation in (">", ">="))
