"""Truths from a model's priors, data from truths, and fits of the data: simulation-based calibration of one model.

Predictors and their scaling are held fixed: they are no part of what a regression's posterior is about. Variants whose
prior is flat, or scales itself by the data, cannot generate data and are left out by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ...arrays import FloatArray
from ...inference.gaussian.exact import posterior
from ...inference.gaussian.normal_priors import NormalPriors
from ...inference.gaussian.sufficient import SufficientStatistics
from ...inference.models.compile import exact_priors
from ...inference.models.design import Design, Scaling, design
from ...inference.models.specs import ModelSpec
from ...inference.nuts.graph import OBSERVED, OUTCOME, Graph, graph, pymc_model, quiet_compilation
from ...inference.nuts.sampling import compiled
from ...study.study import Study
from .ranks import DRAWS, rank

LOG_LIKELIHOOD = "log likelihood"
THIN, TUNE = 4, 500


def proper_variants(model: ModelSpec) -> tuple[list[str], list[str]]:
    """Return the model's variants that can generate data, and those that cannot."""
    can = [name for name in model.variant_names if model.prior_set(name).rule is None]
    return can, [name for name in model.variant_names if name not in can]


def random_design(model: ModelSpec, study: Study, rng: np.random.Generator, *, people: int) -> Design:
    """Lay a model out over random predictors: z scores, and categories with somebody at every level."""
    columns = {}
    for name in model.variables:
        measure = study.measure(name)
        if levels := [level.id for level in measure.levels]:
            columns[name] = rng.permutation(np.resize(levels, people))
        else:
            columns[name] = rng.standard_normal(people)
    numbers = [name for name in model.variables if not study.measure(name).levels]
    if model.family == "beta_binomial":
        low, high = study.measure(model.outcome).limits
        columns[model.outcome] = rng.integers(int(low), int(high) + 1, people).astype(float)
    unit = Scaling(location=dict.fromkeys(numbers, np.zeros(1)), scale=dict.fromkeys(numbers, np.ones(1)))
    return design(model, pd.DataFrame(columns), study, scaling=unit)


def exact_ranks(laid_out: Design, variant: str, rng: np.random.Generator, *, simulations: int) -> dict[str, FloatArray]:
    """Rank truths from a model's priors among draws of the exact engine.

    Parameters
    ----------
    laid_out : Design
        Of one data set.
    variant : str
        Which priors.
    rng : numpy.random.Generator
        Of truths, data and draws.
    simulations : int
        How many truths.

    Returns
    -------
    dict of str to array, shape (simulations,)
        By coefficient; also the centred intercept, sigma and the log likelihood. Fewer where a truth of sigma was so
        small that the engine refuses its data: no residual is left.
    """
    priors = exact_priors(laid_out, variant)
    if not isinstance(priors, NormalPriors):
        raise TypeError(f"variant {variant!r} has no proper priors")
    X = laid_out.rows[0] - laid_out.rows[0].mean(axis=0)
    beta, intercept, sigma = _truths(priors, rng, simulations)
    y = intercept[:, None] + beta @ X.T + sigma[:, None] * rng.standard_normal((simulations, len(X)))
    data = SufficientStatistics.from_rows(X, y, laid_out.columns)
    fitted = posterior(data, priors, on_error="flag")
    # refusals depend on the data alone, so the truths of the others are still like their draws
    kept = np.flatnonzero(fitted.ok)
    data, beta, intercept, sigma = data.take(kept), beta[kept], intercept[kept], sigma[kept]
    drawn = fitted.take(kept).draws(rng, DRAWS)
    ranks = {name: rank(beta[:, j], drawn.coefficients[..., j]) for j, name in enumerate(laid_out.columns)}
    ranks["intercept"] = rank(intercept, drawn.centred_intercept)
    ranks["sigma"] = rank(sigma, drawn.sigma)
    truth = data.log_likelihood(intercept[:, None], beta[:, None], sigma[:, None])
    at_draws = data.log_likelihood(drawn.centred_intercept, drawn.coefficients, drawn.sigma)
    ranks[LOG_LIKELIHOOD] = rank(truth[:, 0], at_draws)
    return ranks


def _truths(priors: NormalPriors, rng: np.random.Generator, size: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Draw coefficients (size, p), intercept and sigma (size,) from the priors, by NumPy alone."""
    p = len(priors.names)
    mean, sd = priors.normals
    correlation = np.eye(p) if priors.correlation is None else np.asarray(priors.correlation)
    beta = mean + rng.multivariate_normal(np.zeros(p), sd[:, None] * correlation * sd, size=size)
    centre, spread = (np.asarray(v, dtype=np.float64) for v in (priors.intercept_mean, priors.intercept_sd))
    intercept = centre + spread * rng.standard_normal(size)
    return beta, intercept, priors.sigma.draws(rng, size)


@dataclass(frozen=True)
class _Generator:
    """A compiled PyMC graph from which truths, and data given truths, are drawn."""

    made: Graph
    seed: int

    @cached_property
    def model(self) -> Any:
        return pymc_model(self.made)

    @cached_property
    def free(self) -> list[Any]:
        return list(self.model.free_RVs)

    @cached_property
    def scores(self) -> list[Any]:
        """What is observed besides the outcome: scores with error, on which the outcome depends."""
        return [rv for rv in self.model.observed_RVs if rv.name != OUTCOME]

    @cached_property
    def truths(self) -> Any:
        return self.function([], self.free, self.seed)

    def function(self, given: list[Any], of: list[Any], seed: int) -> Any:
        import pymc as pm

        with quiet_compilation():
            return pm.compile(given, of, random_seed=seed, mode="FAST_COMPILE", on_unused_input="ignore")

    @cached_property
    def data(self) -> tuple[Any, Any]:
        """Functions of the truths: scores with error, and the outcome given them."""
        scores = self.function(self.free, self.scores, self.seed + 1) if self.scores else None
        return scores, self.function(self.free, [self.model[OUTCOME]], self.seed + 2)

    @cached_property
    def log_likelihood(self) -> Any:
        import pymc as pm

        terms = [pm.logp(rv, self.model.rvs_to_values[rv]).sum() for rv in self.model.observed_RVs]
        return self.function(self.free, [sum(terms)], self.seed)

    def simulate(self) -> tuple[list[Any], dict[str, Any]]:
        """Draw truths, and data that they generate; the model's own data become these."""
        import pymc as pm

        truth, new = self.truths(), {}
        scores_of, outcome_of = self.data
        if scores_of:
            new = _scores(dict(zip((rv.name for rv in self.scores), scores_of(*truth), strict=True)), self.made.inputs)
            pm.set_data(new, model=self.model)
        new[OBSERVED] = np.asarray(outcome_of(*truth)[0])
        pm.set_data({OBSERVED: new[OBSERVED]}, model=self.model)
        return truth, new


def _scores(drawn: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Put simulated scores where the graph looks for them: group by group, and all together."""
    new: dict[str, Any] = {"scores": inputs["scores"].copy()}
    for name, values in drawn.items():
        g = name.removeprefix("w_")
        new[f"scores_{g}"] = np.asarray(values)
        new["scores"][inputs[f"rows_{g}"]] = values
    return new


def nuts_ranks(laid_out: Design, variant: str, seed: int, *, simulations: int) -> dict[str, FloatArray]:
    """Rank truths from a model's priors among NUTS draws of a graph that is compiled once.

    Parameters
    ----------
    laid_out : Design
        Of one data set, whose outcome (and scores with error) are replaced.
    variant : str
        Which priors.
    seed : int
        Of truths, data and chains.
    simulations : int
        How many truths.

    Returns
    -------
    dict of str to array, shape (simulations,)
        By free parameter of the graph, and the log likelihood. Draws are thinned by 4 to be next to independent.
    """
    found: list[dict[str, float]] = []
    generator = _Generator(graph(laid_out, variant), seed)
    for _ in range(simulations):
        truth, new = generator.simulate()
        found.append(_one(generator, truth, new, seed + len(found)))
    return {name: np.array([one[name] for one in found]) for name in found[0]}


def _one(generator: _Generator, truth: list[Any], new: Mapping[str, Any], seed: int) -> dict[str, float]:
    import nutpie

    fitted = compiled(Graph(generator.made.structure, {**generator.made.inputs, **new}))
    options = {"draws": DRAWS * THIN, "tune": TUNE, "chains": 1, "cores": 1, "progress_bar": False}
    tree = nutpie.sample(fitted, seed=seed, target_accept=0.9, save_warmup=False, **options)
    drawn = [tree["posterior"][rv.name].to_numpy()[0, ::THIN] for rv in generator.free]
    ranks = dict(_ranks((rv.name for rv in generator.free), truth, drawn))
    given = [float(generator.log_likelihood(*point)[0]) for point in zip(*drawn, strict=True)]
    ranks[LOG_LIKELIHOOD] = float(rank(float(generator.log_likelihood(*truth)[0]), given))
    return ranks


def _ranks(names: Iterator[str], truth: list[Any], drawn: list[FloatArray]) -> Iterator[tuple[str, float]]:
    for name, value, draws in zip(names, truth, drawn, strict=True):
        flat, by_draw = np.ravel(value), draws.reshape(len(draws), -1)
        for j, one in enumerate(flat):
            yield (f"{name}[{j}]" if len(flat) > 1 else name), float(rank(one, by_draw[:, j]))
