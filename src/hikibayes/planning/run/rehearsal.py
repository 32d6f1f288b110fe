"""What would keep a cell from being analysed, found before the first replicate.

Each curve's smallest study is looked at as it is expected to turn out: populations are drawn, participants counted less
those who are lost, and the expected moments of the model's columns are given to the engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import floor
from typing import TYPE_CHECKING

import numpy as np

from ...arrays import FloatArray
from ...inference.gaussian.exact import posterior
from ...inference.gaussian.normal_priors import bambi_default
from ...inference.gaussian.sufficient import SufficientStatistics
from ...spec import InputError
from ..designs.cells import Cell, Sample, axis_labels
from ..populations.columns import Frame
from ..populations.expected import expected
from .analyses import Analysis

if TYPE_CHECKING:
    from ..populations.worlds import Worlds
    from .plan import Plan

POPULATIONS = 200
"""Drawn for each curve: enough to notice instruments that hardly any population can have."""


def rehearse(plan: Plan) -> None:
    """Refuse a plan some of whose cells cannot be analysed.

    Raises
    ------
    InputError
        Too few participants for the model, a column that does not vary, columns that the engine cannot tell apart, no
        residual, a score or a reliability that is not there, or scores that are to be fixed in too small cells.
    """
    for sample in _smallest(plan):
        with _named(sample):
            _refuse_sample(sample, plan.frame)
            worlds = plan.population(sample, 0, POPULATIONS).worlds
            plan.measurement(sample)
            counts = _expected_counts(sample, worlds)
            for analysis in plan.analyses:
                _refuse_few(sample, counts, len(analysis.columns.names))
                _refuse_unanswerable(analysis, expected(analysis.columns, worlds.take(np.array([0])), counts))


def _smallest(plan: Plan) -> list[Sample]:
    """Return the smallest sample of every curve."""
    found: dict[object, Sample] = {}
    for sample in plan.simulation.samples():
        kept = found.setdefault(sample.curve, sample)
        if sample.n_per_group < kept.n_per_group:
            found[sample.curve] = sample
    return list(found.values())


@contextmanager
def _named(sample: Sample) -> Iterator[None]:
    """Say in which cell something is wrong, where the message does not name a key."""
    try:
        yield
    except InputError as error:
        if error.key:
            raise
        labels = axis_labels([Cell(sample=sample, model="", prior="")])[0]
        left_out = ("model", "prior", "n_total")
        cell = ", ".join(f"{name} {value}" for name, value in labels.items() if name not in left_out)
        raise InputError(f"{error} (in the cell {cell})", key="axes") from None


def _refuse_sample(sample: Sample, frame: Frame) -> None:
    if sample.quota and not frame.categories:
        raise InputError("the models have no category that this could be a quota of; leave it out", key="axes.mix")
    if sample.quota and (found := {len(parts) for parts in sample.quota}) != {len(frame.profiles)}:
        every = ", ".join(" ".join(profile) for profile in frame.profiles)
        raise InputError(
            f"{sample.mix} has {max(found)} parts; one for each of {len(frame.profiles)} is expected: {every}",
            key="axes.mix",
        )
    if sample.predictors == "fixed":
        _refuse_small_cells(sample, frame)


def _refuse_small_cells(sample: Sample, frame: Frame) -> None:
    """Scores with given moments need cells whose size is given, and large enough to have them."""
    if frame.categories and sample.quota is None:
        alike = ":".join("1" * len(frame.profiles))
        raise InputError(
            f"predictors = 'fixed' needs a quota of {', '.join(frame.categories)}, such as mix = ['{alike}']",
            key="axes.mix",
        )
    shares = np.array(sample.quota or ((1.0,),) * len(sample.sizes))
    least, needed = int((np.array(sample.sizes)[:, None] * shares).min()), len(frame.measures) + 2
    if least < needed:
        raise InputError(
            f"predictors = 'fixed' needs at least {needed} participants in every cell; one has {least}", key="axes"
        )


def _expected_counts(sample: Sample, worlds: Worlds) -> FloatArray:
    """Return how many participants each cell can be expected to have in the end, shape (C,)."""
    left = (1 - sample.attrition) * (1 - (sample.missing.share if sample.missing else 0))
    shares = worlds.shares[0] if sample.quota is None else np.array(sample.quota)
    return worlds.frame.of_cells(np.array(sample.sizes)[:, None] * shares * left)


def _refuse_few(sample: Sample, counts: FloatArray, p: int) -> None:
    recruited, left = sum(sample.sizes), floor(counts.sum() + 1e-9)
    if left < p + 2:
        found = f"{left} participants are" if left == recruited else f"{left} of {recruited} participants are left, and"
        raise InputError(
            f"{found} too few for {p} predictors and an intercept; at least {p + 2} are needed", key="axes.n_per_group"
        )


def _refuse_unanswerable(analysis: Analysis, statistics: SufficientStatistics) -> None:
    refusal = int(statistics.screen()[0])
    if not refusal and analysis.engine == "exact":
        priors = analysis.priors if analysis.priors is not None else bambi_default(statistics)
        refusal = int(posterior(statistics, priors, on_error="flag").refusals[0])
    if refusal:
        raise InputError(f"model {analysis.model.name!r} cannot be fitted: {statistics.describe(refusal, 0)}")
