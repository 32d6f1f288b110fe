"""B beside beta: one coefficient on two scales, which differ by SD(x) / SD(y).

Notes
-----
Of the column of a category some programs standardise the 0/1 numbers too (SPSS), others leave them as they are: then
beta is B / SD(y).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from ...quantities.conventions import DECLARED
from ...study.facts import Fact
from ...study.intervals import Interval, image
from ...study.study import Study
from .boxes import group_box
from .descriptives import only, size
from .estimates import is_standardised
from .rows import Check, between, compared, found, signed
from .steps import of_everybody

type Known = tuple[Interval, tuple[Fact, ...]]
"""What is left of a number, and where that comes from."""

CORNERS = 2**12
"""Of more corners of a box an SD is not computed."""


def checks_of_scales(study: Study) -> Iterator[Check]:
    """Compare beta of a column without products with its B, where both are printed."""
    for beta in study.facts_of("coefficient"):
        if not is_standardised(study, beta) or _in_product(study, beta):
            continue
        same = study.facts_of("coefficient", step=beta.step, term=beta.term)
        for raw in same:
            if not is_standardised(study, raw):
                yield _compared(study, beta, raw)


def _in_product(study: Study, fact: Fact) -> bool:
    products = [term.split(":") for term in study.terms(str(fact.step)) if ":" in term]
    own = str(fact.term).partition("[")[0]
    return bool({":", "("} & set(own)) or any(own in parts for parts in products)


def _compared(study: Study, beta: Fact, raw: Fact) -> Check:
    name, what = "B and beta", f"Beta of {beta.term} in {beta.step}"
    outcome = _sd(study, study.outcome(str(beta.step))) if of_everybody(study, str(beta.step)) else None
    spreads = _spreads(study, beta) if outcome else []
    if not (outcome and spreads):
        return _of_signs(name, what, beta, raw)
    value, (spread, facts) = signed(raw), outcome
    ways = [image(lambda b, x, y: b * x / y, value, x, spread) for x, _ in spreads]
    given = (raw, *facts, *dict.fromkeys(fact for _, used in spreads for fact in used))
    fits = [way for way in ways if way.widened().meets(signed(beta).widened())]
    if len(ways) == 1 or fits:
        return compared(name, beta, given, (fits or ways)[0], f"{what} from its B and the SDs")
    said = " or ".join(between(way) for way in ways)
    note = f"{what} from its B and the SDs is {said}, by how its column is standardised; {beta.printed} is printed."
    return found(
        name, (beta, *given), "inconsistent", note, Interval(min(w.low for w in ways), max(w.high for w in ways))
    )


def _of_signs(name: str, what: str, beta: Fact, raw: Fact) -> Check:
    one, other = signed(beta), signed(raw)
    apart = one.low > 0 > other.high or one.high < 0 < other.low
    note = f"{what} has {'another' if apart else 'the'} sign {'than' if apart else 'of'} its B."
    return found(name, (beta, raw), "inconsistent" if apart else "consistent", note)


def _spreads(study: Study, beta: Fact) -> list[Known]:
    """Return what the SD of a column can be, 1 for one that is not standardised; none where it is not known."""
    term, group = str(beta.term), study.analysis.group
    if term.partition("[")[0] != group:
        own = None if study.measure(term.partition("[")[0]).kind == "category" else _sd(study, term)
        return [own] if own else []
    coding = (
        DECLARED["coding"][study.analysis.coding]
        if "coding" in study.analysis.model_fields_set
        else ("dummy", "effect")
    )
    sizes = [size(study, name) for name in study.group_names]
    if min(sizes) < 1 or not set(coding) <= {"dummy", "half", "effect"}:
        return []
    at = study.group_names.index(term[:-1].partition("[")[2]) if "[" in term else 1
    n = sum(sizes)
    found_: list[float] = [1.0]
    for way in coding:
        values = np.zeros(len(sizes))
        values[at] = 0.5 if way == "half" else 1.0
        values[0] = {"dummy": 0.0, "half": -0.5, "effect": -1.0}[way]
        mean = values @ sizes / n
        found_.append(float(np.sqrt(((values - mean) ** 2 @ sizes) / (n - 1))))
    return [(Interval(each, each), ()) for each in found_]


def _sd(study: Study, name: str) -> Known | None:
    """Return the SD over all participants: as printed, or from the groups' sizes, means and SDs."""
    if fact := only(study, "sd", of=name, group=None):
        return (fact.interval, (fact,)) if fact.interval.bounded and fact.interval.low > 0 else None
    box = group_box(study, [name])
    if box is None or name in box.unitless or 2 ** len(box.centre) > CORNERS:
        return None
    corners = box.centre + box.half * np.array(list(product((-1.0, 1.0), repeat=len(box.centre))))
    sd = box.build(np.vstack([box.centre, corners])).sd[..., 0]
    return (Interval(float(sd.min()), float(sd.max())), box.facts) if sd.min() > 0 else None
