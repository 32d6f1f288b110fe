"""Posteriors of simulated studies by NUTS, for models that the exact engine does not take: the graph that `fit` has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...arrays import FloatArray
from ...inference.answers.diagnostics import convergence, sound
from ...inference.models.design import design
from ...inference.nuts.graph import BETA, Graph, graph
from ...inference.nuts.sampling import compiled
from ..designs.cells import Sample
from ..populations.participants import Scores, draw_scores, table
from .analyses import Analysis
from .replicates import INDEX, Block

if TYPE_CHECKING:
    from .plan import Plan, Population

CHAINS, TUNE, DRAWS = 4, 500, 500


def analyse(plan: Plan, sample: Sample, population: Population, chunk: int, found: Block) -> None:
    """Draw one study from each world of a chunk, and fill in what NUTS finds; see `run_chunk`."""
    key = plan.key(sample.digest())
    rng, seeds = plan.rng(key, chunk, "data"), plan.rng(key, chunk, "nuts")
    counts = plan.counts(sample, population.worlds, rng)
    measurement = plan.measurement(sample)
    for w in range(len(population.worlds)):
        scores = draw_scores(population.worlds, w, counts[w], rng, measurement)
        for i, analysis in enumerate(plan.analyses):
            draws, good = _fit(analysis, scores, int(seeds.integers(2**31)))
            if good:
                _summarise(plan, draws, found[i, ..., w])


def _fit(analysis: Analysis, scores: Scores, seed: int) -> tuple[FloatArray, bool]:
    """Return draws of every estimand, shape (chain, draw, k), and whether the sampler converged."""
    import nutpie

    cell, x, _ = scores
    rows = analysis.columns.constant[cell] + np.einsum(
        "npm,nm->np", analysis.columns.linear[cell], analysis.columns.frame.with_products(x)
    )
    if len(rows) <= rows.shape[1] + 1 or (np.ptp(rows, axis=0) == 0).any():
        return np.empty(0), False
    options = {"draws": DRAWS, "tune": TUNE, "chains": CHAINS, "cores": 1, "seed": seed, "save_warmup": False}
    tree = nutpie.sample(compiled(graph_of(analysis, scores)), progress_bar=False, **options)
    draws = np.asarray(tree.posterior[BETA].values @ analysis.weights.T)
    by_estimand = {f"estimand {k}": draws[..., k] for k in range(draws.shape[-1])}
    return draws, sound(convergence(by_estimand, tree.sample_stats))


def graph_of(analysis: Analysis, scores: Scores) -> Graph:
    """Return the graph that `fit` would have of these participants, in the study's SD units."""
    # scaled by a sample's own SDs, the priors would mean something else in each sample
    model, frame = analysis.model.replace(scaling="raw"), analysis.columns.frame
    return graph(design(model, table(frame, scores), frame.study), analysis.variant)


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
