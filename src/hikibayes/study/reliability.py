"""How reliable a study says its measures were: a printed number, or an assumption's distribution where none is."""

from __future__ import annotations

from ..distributions import Distribution
from ..spec import InputError
from .study import Study


def stated_reliability(study: Study, name: str) -> Distribution:
    """Return the reliability (coefficient alpha of the total score, total sample) that a study states of a measure.

    Parameters
    ----------
    study : Study
        With facts and assumptions of quantity ``alpha``.
    name : str
        The measure's id.

    Returns
    -------
    Distribution
        A ``Constant`` where a single number is printed, else the assumption's distribution.

    Raises
    ------
    InputError
        No such measure, or nothing is stated of its reliability.
    """
    study.measure(name)
    for fact in study.facts_of("alpha", of=name):
        if fact.relation == "=" and fact.subscale is None and fact.group is None:
            return Distribution(dist="Constant", value=float(fact.value))
    for assumption in study.assumptions:
        if assumption.quantity == "alpha" and name in assumption.about:
            return assumption.distribution
    raise InputError(f"the study says nothing of the reliability of {name!r}; neither a fact nor an assumption does")
