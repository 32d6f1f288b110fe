"""The topics of the report, in order. A topic has its words, templates and figures in one file or one folder."""

from __future__ import annotations

from ..drawing import draw
from ..saved import SavedRun
from ..topic import Topic
from . import (
    answers,
    assumptions,
    checks,
    confounding,
    fit,
    imbalance,
    limits,
    methods,
    multiverse,
    planning,
    record,
    replication,
    sensitivity,
)
from .methods.checklist import CHECKLIST

TOPICS: tuple[Topic, ...] = (
    answers.SUMMARY,
    replication.REPLICATION,
    fit.UNDERSTOOD,
    fit.METHOD,
    fit.PRIORS,
    record.DATA,
    record.REMARKS,
    fit.UNANSWERED,
    fit.REGIONS,
    record.AUDITED,
    answers.PUBLISHED,
    answers.EFFECTS,
    answers.EXPLAINED,
    answers.SPREAD,
    answers.READINGS,
    checks.PRIORS,
    sensitivity.SENSITIVITY,
    imbalance.IMBALANCE,
    confounding.CONFOUNDING,
    limits.LIMITS,
    assumptions.ASSUMPTIONS,
    multiverse.MULTIVERSE,
    checks.MODEL_CHECKS,
    checks.ENGINES,
    planning.PLANNING,
    record.LIMITATIONS,
    methods.METHODS,
    methods.PROVENANCE,
    methods.REPRODUCTION,
    CHECKLIST,
)


FIGURES = {name: figure for topic in TOPICS for name, figure in topic.figures.items()}
"""Every figure by its name."""


def figure_files(run: SavedRun) -> dict[str, str]:
    """Return every figure that a run has the tables for, by file name."""
    return {f"figures/{name}.svg": draw(figure, run) for name, figure in FIGURES.items() if figure.wanted(run)}
