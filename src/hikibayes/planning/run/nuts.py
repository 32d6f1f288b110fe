"""Posteriors of simulated studies by NUTS, for models that the exact engine does not take: compiled once.

The model is the one that `inference.models.compile` gives Bambi, written by hand so that its data can be exchanged:
centred columns, the intercept where every column is at its mean, the priors as the model's file has them.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from ...inference.answers.diagnostics import convergence, sound
from ...inference.models.specs import FAMILIES, INTERCEPT
from ..designs.cells import Sample
from ..populations.columns import FloatArray
from ..populations.participants import Scores, draw_scores
from .analyses import Analysis
from .replicates import INDEX

if TYPE_CHECKING:
    from .plan import Plan, Population
    from .replicates import Block

__all__ = ["analyse"]

CHAINS, TUNE, DRAWS = 4, 500, 500

_compiled: dict[tuple[str, ...], Any] = {}
_lock = threading.Lock()


def analyse(plan: Plan, sample: Sample, population: Population, chunk: int, found: Block) -> None:
    """Draw one study from each world of a chunk, and fill in what NUTS finds; see `run_chunk`."""
    key = plan.key(sample.digest())
    rng, seeds = plan.rng(key, chunk, "data"), plan.rng(key, chunk, "nuts")
    counts = plan.counts(sample, population.worlds, rng)
    recording = plan.recording(sample)
    for w in range(len(population.worlds)):
        scores = draw_scores(population.worlds, w, counts[w], rng, recording)
        for i, analysis in enumerate(plan.analyses):
            draws, good = _fit(analysis, scores, int(seeds.integers(2**31)))
            if good:
                _summarise(plan, draws, found[i, ..., w])


def _fit(analysis: Analysis, scores: Scores, seed: int) -> tuple[FloatArray, bool]:
    """Return draws of every estimand, shape (chain, draw, k), and whether the sampler converged."""
    import nutpie

    cell, x, y = scores
    rows = analysis.columns.constant[cell] + np.einsum("npm,nm->np", analysis.columns.linear[cell], x)
    if len(rows) <= rows.shape[1] + 1 or (np.ptp(rows, axis=0) == 0).any():
        return np.empty(0), False
    data = {"X": rows - rows.mean(axis=0), "y_obs": y}
    options = {"draws": DRAWS, "tune": TUNE, "chains": CHAINS, "cores": 1, "seed": seed, "save_warmup": False}
    tree = nutpie.sample(_model(analysis, data).with_data(**data), progress_bar=False, **options)
    draws = np.asarray(tree.posterior["beta"].values @ analysis.weights.T)
    by_estimand = {f"estimand {k}": draws[..., k] for k in range(draws.shape[-1])}
    return draws, sound(convergence(by_estimand, tree.sample_stats))


def _model(analysis: Analysis, data: dict[str, FloatArray]) -> Any:
    """Compile an analysis' model, or return it if that was done already."""
    import nutpie

    key = tuple(analysis.identity())
    with _lock:
        if key not in _compiled:
            _compiled[key] = nutpie.compile_pymc_model(_pymc_model(analysis, data))
        return _compiled[key]


def _pymc_model(analysis: Analysis, data: dict[str, FloatArray]) -> Any:
    import pymc as pm
    import pytensor.tensor as pt

    priors = analysis.model.prior_set(analysis.variant).priors
    with pm.Model() as model:
        X, y = pm.Data("X", data["X"]), pm.Data("y_obs", data["y_obs"])

        def variable(name: str, prior: str) -> Any:
            return getattr(pm, priors[prior].dist)(name, **priors[prior].parameters)

        owners = [term for term, columns in analysis.columns.terms.items() for _ in columns]
        beta = pm.Deterministic("beta", pt.stack([variable(f"b{j}", term) for j, term in enumerate(owners)]))
        mu = variable(INTERCEPT, INTERCEPT) + X @ beta
        own = {name: variable(name, name) for name in FAMILIES[analysis.model.family]}
        family = {"gaussian": pm.Normal, "t": pm.StudentT}[analysis.model.family]
        family("y", mu=mu, observed=y, **own)
    return model


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
