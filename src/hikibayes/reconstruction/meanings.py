"""What else the words of a study file can mean where they leave open how groups enter products."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

from ..study.study import Study

AMBIGUOUS = {"products": {"centred": ("centred_both", "centred_scores")}, "coding": {"effect": ("half", "sum")}}
"""Whether the codes of groups are centred too, and how far apart they are; the usual meaning first."""


def other_meanings(study: Study) -> Iterator[dict[str, str]]:
    """Yield what ``[analysis]`` would say if its ambiguous words were meant otherwise.

    Parameters
    ----------
    study : Study
        With its readings decided.
    """
    analysis = study.analysis
    if not any(analysis.group in term.split(":") for step in study.steps for term in step.adds if ":" in term):
        return
    said = {key: getattr(analysis, key) for key in AMBIGUOUS}
    options = [AMBIGUOUS[key].get(word, (word,)) for key, word in said.items()]
    for words in list(product(*options))[1:]:
        yield {key: word for (key, own), word in zip(said.items(), words, strict=True) if word != own}


def under(study: Study, changed: Mapping[str, str]) -> Study:
    """Return a study whose ``[analysis]`` says something else."""
    if not changed:
        return study
    return study.replace(analysis={**study.analysis.model_dump(exclude_unset=True), **changed})
