"""Posteriors of simulated studies by NUTS, for models that the exact engine does not take: fitted as `fit` does it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ...arrays import FloatArray
from ...inference.answers.diagnostics import convergence, sound
from ...inference.answers.effects import score_effects
from ...inference.models.design import Design, Scaling, design
from ...inference.models.layout import coefficient_draws
from ...inference.nuts.sampling import sample as draw_posterior
from ...inference.nuts.settings import Sampling
from ...study.study import Estimand
from ..designs.cells import Sample
from ..populations.participants import Scores, draw_scores, table
from ..populations.samples import MeasurementModel
from .analyses import Analysis
from .replicates import INDEX, Block

if TYPE_CHECKING:
    from .plan import Plan, Population

ATTEMPTS = (
    Sampling(draws=500, tune=500, target_accept=0.8, rerun=False, cores=1),
    Sampling(draws=2000, tune=1000, target_accept=0.95, rerun=False, cores=1),
)
"""A fit that has not converged is made once more, with greater care, before it is counted as failed."""


def analyse(plan: Plan, sample: Sample, population: Population, chunk: int, found: Block) -> None:
    """Draw one study from each world of a chunk, and fill in what NUTS finds; see `run_chunk`."""
    key = plan.key(sample.digest())
    rng, seeds = plan.rng(key, chunk, "data"), plan.rng(key, chunk, "nuts")
    counts = plan.counts(sample, population.worlds, rng)
    measurement = plan.measurement(sample)
    for i, analysis in enumerate(plan.analyses):
        found[i, :, 1] = plan.truth(population, analysis, chunk).T
    for w in range(len(population.worlds)):
        scores = draw_scores(population.worlds, w, counts[w], rng, measurement, plan.simulation.worlds.clusters)
        for i, analysis in enumerate(plan.analyses):
            laid_out = laid_out_for(analysis, scores, measurement)
            draws, good = _fit(analysis, laid_out, plan.estimands, int(seeds.integers(2**31)))
            if good:
                _summarise(plan, draws, found[i, ..., w])


def laid_out_for(analysis: Analysis, scores: Scores, measurement: MeasurementModel) -> Design | None:
    """Lay out an analysis over participants, in the study's SD units; None where they are too few for it.

    Notes
    -----
    Scaled by a sample's own SDs, the priors would mean something else in each sample. A sum score keeps its points
    beside that: a beta-binomial counts them.
    """
    cell, x, *_ = scores
    rows = analysis.columns.constant[cell] + np.einsum("npm,nm->np", analysis.columns.linear[cell], x)
    if len(rows) <= rows.shape[1] + 1 or (np.ptp(rows, axis=0) == 0).any():
        return None
    frame, model = analysis.columns.frame, analysis.model
    participants, numbers = table(frame, scores), [*frame.measures, model.outcome]
    location, scale = dict.fromkeys(numbers, np.zeros(1)), dict.fromkeys(numbers, np.ones(1))
    if model.family == "beta_binomial":
        location[model.outcome], scale[model.outcome] = measurement.location[-1:], measurement.scale[-1:]
        participants[model.outcome] = measurement.location[-1] + measurement.scale[-1] * scores.outcome
    made = design(model, participants, frame.study, scaling=Scaling(location=location, scale=scale))
    # clusters that only a larger study has stay levels, so that one compiled graph serves every size
    every = {name: [level.id for level in frame.study.measure(name).levels] for name in model.clusters}
    wide = {name: made.frame[name].cat.set_categories(levels) for name, levels in every.items()}
    return replace(made, frame=made.frame.assign(**wide)) if wide else made


def _fit(
    analysis: Analysis, laid_out: Design | None, estimands: tuple[Estimand, ...], seed: int
) -> tuple[FloatArray, bool]:
    """Return draws of every estimand, shape (chain, draw, k), and whether the sampler converged."""
    if laid_out is None:
        return np.empty(0), False
    for sampling in ATTEMPTS:
        tree = draw_posterior(laid_out, seed, variant=analysis.variant, sampling=sampling)
        if analysis.model.family == "beta_binomial":
            draws = score_effects(tree, laid_out, estimands)
        else:
            draws = np.asarray(coefficient_draws(tree, laid_out)[0] @ analysis.weights.T)
        by_estimand = {f"estimand {k}": draws[..., k] for k in range(draws.shape[-1])}
        if sound(convergence(by_estimand, tree["sample_stats"].to_dataset())):
            return draws, True
    return np.empty(0), False


def _summarise(plan: Plan, draws: FloatArray, block: Block) -> None:
    """Fill mean, sd, interval and probabilities of every estimand; block has shape (k, F)."""
    flat = draws.reshape(-1, draws.shape[-1])
    tail = 50 * (1 - plan.simulation.interval)
    low, high = plan.simulation.rope
    found = {
        "mean": flat.mean(axis=0),
        "sd": flat.std(axis=0, ddof=1),
        "lower": np.percentile(flat, tail, axis=0),
        "upper": np.percentile(flat, 100 - tail, axis=0),
        "p_positive": (flat > 0).mean(axis=0),
        "p_rope": ((flat > low) & (flat < high)).mean(axis=0),
    }
    for name, values in found.items():
        block[:, INDEX[name]] = values
