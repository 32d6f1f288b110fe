"""A model as a PyMC graph in which only the structure is fixed: data and the numbers of priors can be exchanged.

Bambi writes a data set into its graph as constants, so that every new one is compiled anew. This graph has the same
density (a test holds the two together), in the same parameters: centred columns, and the intercept where every column
is at its mean. Two models of one structure, such as two prior variants, share one compiled function.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...arrays import FloatArray
from ...spec import InputError
from ...study.study import Study
from ..gaussian.normal_priors import HalfStudentT, bambi_default
from ..models.compile import somewhere_to_compile
from ..models.design import Design
from ..models.exchangeable import exchangeable
from ..models.specs import DEFAULT_VARIANT, FAMILIES, INTERCEPT, ModelSpec, Prior
from .measurement_error import TrueScores, outcome_given_scores, true_scores

BETA = "beta"
"""The graph's coefficients, one for each column of the design."""
OUTCOME, OBSERVED = "y", "y_obs"
"""The graph's outcome, and its data."""
POOL = "pool:"
SIGMA_INDEX = "level_of_sigma"
ROTATION = "rotation"
"""What turns independent coefficients into correlated ones."""
WHOLE = 1e-6
"""How far a sum score, scaled and scaled back, may be from a whole number."""

type Inputs = dict[str, NDArray[Any]]


class Written(NamedTuple):
    """A distribution's family and its numbers, in PyMC's names."""

    dist: str
    parameters: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Structure:
    """What a compiled model cannot change.

    Parameters
    ----------
    family : str
        Of the outcome.
    intercept : str
        Family of the intercept's prior.
    coefficients : tuple of str, length p
        Family of each column's prior; for a pooled one ``pool:`` and the pool's name.
    own : tuple of (str, str)
        The outcome family's own parameters, each with the family of its prior.
    pools : tuple of (str, str)
        Each pool's name, with the family of its SD's prior.
    varying : tuple of (str, str, int)
        Each varying intercept's name, with the family of its SD's prior and its number of levels.
    sigmas : int
        How many levels have a sigma of their own; 0 for one sigma.
    true_scores : TrueScores, optional
        Of a model whose predictors are observed with error.
    """

    family: str
    intercept: str
    coefficients: tuple[str, ...]
    own: tuple[tuple[str, str], ...]
    pools: tuple[tuple[str, str], ...] = ()
    varying: tuple[tuple[str, str, int], ...] = ()
    sigmas: int = 0
    true_scores: TrueScores | None = None
    rotated: bool = False
    """Whether coefficients are correlated beforehand, as exchangeable priors have them."""


class Graph(NamedTuple):
    """A structure and all the numbers that go into it, by name."""

    structure: Structure
    inputs: Inputs


def graph(design: Design, variant: str = DEFAULT_VARIANT) -> Graph:
    """Take a design's model apart into structure and numbers.

    Parameters
    ----------
    design : Design
        Of one data set.
    variant : str
        Which priors.

    Returns
    -------
    Graph

    Raises
    ------
    InputError
        The flat variant: p(beta, sigma) proportional to 1/sigma is not a distribution that NUTS could be given. Or a
        design of several data sets.
    """
    if design.datasets != 1:
        raise InputError(f"NUTS takes one data set at a time; found {design.datasets}")
    model = design.model
    intercept, columns, own = written_priors(design, variant)
    factors = {term: design.frame[term.removeprefix("1|")].cat for term in model.varying}
    spreads = spread_priors(design, variant)
    sigma_levels = design.frame[model.sigma_by].cat if model.sigma_by else None
    errors, scores = true_scores(design, model.measurement_error) if model.measurement_error else (None, {})
    structure = Structure(
        family=model.family,
        intercept=intercept.dist,
        coefficients=tuple(prior.dist for prior in columns),
        own=tuple((name, prior.dist) for name, prior in own.items()),
        pools=tuple((name, spreads[f"{name}_sd"].dist) for name in model.pools),
        varying=tuple((t, spreads[f"{t}_sigma"].dist, len(own.categories)) for t, own in factors.items()),
        sigmas=len(sigma_levels.categories) if sigma_levels is not None else 0,
        true_scores=errors,
        rotated=(turned := rotation(design, variant)) is not None,
    )
    rows = design.rows[0]
    inputs: Inputs = {**outcome_data(design), **(scores or {"X": rows - rows.mean(axis=0)})}
    inputs |= _numbers(INTERCEPT, [intercept])
    for dist in sorted(set(structure.coefficients)):
        inputs |= _numbers(dist, [prior for prior in columns if prior.dist == dist], vector=True)
    for name, prior in (own | spreads).items():
        inputs |= _numbers(name, [prior])
    inputs |= {_index(term): factor.codes.to_numpy(dtype=np.int64) for term, factor in factors.items()}
    if turned is not None:
        inputs[ROTATION] = turned
    if sigma_levels is not None:
        inputs[SIGMA_INDEX] = sigma_levels.codes.to_numpy(dtype=np.int64)
    return Graph(structure, inputs)


@contextmanager
def quiet_compilation() -> Iterator[None]:
    """Compile without PyTensor's warning that C code finds no BLAS to link to: numba brings its own."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="PyTensor could not link to a BLAS installation")
        yield


def pymc_model(made: Graph) -> Any:
    """Return the `pymc.Model` of a graph.

    Returns
    -------
    pymc.Model
        Free variables ``Intercept`` (centred), one vector of coefficients for each family of priors, and the outcome
        family's own; ``beta`` holds the coefficients in the design's order. Pooled coefficients and varying intercepts
        are products of their SD and a standard normal ``..._offset``. Everything in ``made.inputs`` is `pm.Data`.
    """
    somewhere_to_compile()
    import pymc as pm

    structure = made.structure
    with pm.Model() as model:
        data = {name: pm.Data(name, values) for name, values in made.inputs.items()}
        beta = pm.Deterministic(BETA, _coefficients(structure, data))
        own = {name: _own(name, dist, structure, data) for name, dist in structure.own}
        if structure.true_scores:
            explained, unknown = outcome_given_scores(structure.true_scores, data, beta)
            own["sigma"] = pm.math.sqrt(own["sigma"] ** 2 + unknown)
        else:
            explained = data["X"] @ beta
        mu = _variable(INTERCEPT, structure.intercept, INTERCEPT, data) + explained
        for term, dist, levels in structure.varying:
            mu = mu + _centred_normals(term, f"{term}_sigma", dist, levels, data)[data[_index(term)]]
        _OUTCOMES[structure.family](mu, own, data)
    return model


def _gaussian(mu: Any, own: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    import pymc as pm

    pm.Normal(OUTCOME, mu=mu, sigma=own["sigma"], observed=data[OBSERVED])


def _student_t(mu: Any, own: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    import pymc as pm

    pm.StudentT(OUTCOME, nu=own["nu"], mu=mu, sigma=own["sigma"], observed=data[OBSERVED])


def _beta_binomial(mu: Any, own: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    import pymc as pm

    p, kappa = pm.math.sigmoid(mu), own["kappa"]
    pm.BetaBinomial(OUTCOME, alpha=p * kappa, beta=(1 - p) * kappa, n=data["trials"], observed=data[OBSERVED])


_OUTCOMES: dict[str, Callable[[Any, Mapping[str, Any], Mapping[str, Any]], None]] = {
    "gaussian": _gaussian,
    "t": _student_t,
    "beta_binomial": _beta_binomial,
}


def _coefficients(structure: Structure, data: Mapping[str, Any]) -> Any:
    """One vector for each family of priors, put back into the design's order."""
    import pytensor.tensor as pt

    families = sorted(set(structure.coefficients))
    pools = {POOL + name: (name, dist) for name, dist in structure.pools}
    vectors = []
    for dist in families:
        size = structure.coefficients.count(dist)
        if dist in pools:
            name, of_sd = pools[dist]
            vectors.append(_centred_normals(f"{name}_coefficients", f"{name}_sd", of_sd, size, data))
        else:
            vectors.append(_variable(f"{dist}_coefficients", dist, dist, data, shape=size))
    by_family = [j for dist in families for j, own in enumerate(structure.coefficients) if own == dist]
    beta = pt.concatenate(vectors)[np.argsort(by_family)]
    return data[ROTATION] @ beta if structure.rotated else beta


def spread_priors(design: Design, variant: str) -> dict[str, Written]:
    """Return the priors of the SDs of pools and of varying intercepts, by the names that the graph has for these."""
    model = design.model
    pools = {f"{name}_sd": Written(pool.sd.dist, pool.sd.parameters) for name, pool in model.pools.items()}
    chosen = model.prior_set(variant).priors
    return pools | {f"{term}_sigma": _written(chosen[term]) for term in model.varying}


def rotation(design: Design, variant: str) -> FloatArray | None:
    """Return R of ``beta = R independent``, shape (p, p); exchangeable priors have mean 0, so it turns no means."""
    chosen = design.model.prior_set(variant)
    factor, correlation = exchangeable(design, chosen)
    if correlation is None:
        return None
    sds = [prior.sigma if (prior := chosen.priors.get(t)) else 1.0 for t, own in design.terms.items() for _ in own]
    sd = np.array([1.0 if value is None else value for value in sds])
    return np.asarray((sd * factor)[:, None] * np.linalg.cholesky(correlation) / sd)


def _centred_normals(name: str, sd: str, dist: str, size: int, data: Mapping[str, Any]) -> Any:
    """Make normals around 0 with one SD that has a prior; sampled as its multiples, which suits NUTS if it is small."""
    import pymc as pm

    spread = _variable(sd, dist, sd, data)
    return pm.Deterministic(name, spread * pm.Normal(f"{name}_offset", 0, 1, shape=size))


def _own(name: str, dist: str, structure: Structure, data: Mapping[str, Any]) -> Any:
    if name == "sigma" and structure.sigmas:
        return _variable(name, dist, name, data, shape=structure.sigmas)[data[SIGMA_INDEX]]
    return _variable(name, dist, name, data)


def _index(term: str) -> str:
    return f"{term}_index"


def outcome_data(design: Design) -> Inputs:
    """Return the outcome; of a sum score, the steps above its lowest value and how many there are."""
    if design.model.family != "beta_binomial":
        return {OBSERVED: design.y[0]}
    low, high = sum_score_limits(design.model, design.study)
    steps = design.raw_outcome() - low
    counts = np.rint(steps)
    if (np.abs(steps - counts) > WHOLE).any() or (counts < 0).any() or (counts > high - low).any():
        raise InputError(
            f"must be whole numbers from {low:g} to {high:g} for a beta-binomial", key=design.model.outcome
        )
    return {OBSERVED: counts.astype(np.int64), "trials": np.array(high - low, dtype=np.int64)}


def sum_score_limits(model: ModelSpec, study: Study) -> tuple[float, float]:
    """Return a sum score's lowest and highest value; raises `InputError` for an outcome that is none."""
    measure = study.measure(model.outcome)
    if measure.kind != "scale" or measure.score != "sum":
        raise InputError(f"model {model.name!r}: family 'beta_binomial' needs a sum score; {measure.id} is none")
    return measure.limits


def _variable(name: str, dist: str, numbers: str, data: Mapping[str, Any], **options: Any) -> Any:
    """One random variable, or a vector of them, whose distribution's numbers are among the data."""
    import pymc as pm

    prefix = f"{numbers}__"
    parameters = {key.removeprefix(prefix): value for key, value in data.items() if key.startswith(prefix)}
    return getattr(pm, dist)(name, **parameters, **options)


def _numbers(name: str, priors: Sequence[Written], *, vector: bool = False) -> Inputs:
    by_parameter = {p: np.array([prior.parameters[p] for prior in priors]) for p in priors[0].parameters}
    return {f"{name}__{p}": values if vector else values[0] for p, values in by_parameter.items()}


def written_priors(design: Design, variant: str) -> tuple[Written, list[Written], dict[str, Written]]:
    """Priors of the intercept, of each column, and of the family's own parameters."""
    chosen = design.model.prior_set(variant)
    if chosen.rule == "flat":
        raise InputError(f"variant {variant!r} is no proper prior; ask the exact engine for it, or NUTS for another")
    if chosen.rule == "bambi_default":
        return _bambi_defaults(design)
    written = {name: _written(prior) for name, prior in chosen.priors.items()}
    written |= {term: Written(POOL + pool, {}) for term, pool in design.model.pooled.items()}
    columns = [written[term] for term, columns in design.terms.items() for _ in columns]
    return written[INTERCEPT], columns, {name: written[name] for name in FAMILIES[design.model.family]}


def _written(prior: Prior) -> Written:
    return Written(prior.dist, prior.parameters)


def _bambi_defaults(design: Design) -> tuple[Written, list[Written], dict[str, Written]]:
    model = design.model
    if model.beyond_gaussian:
        raise InputError(f"Bambi's own priors are offered for gaussian models; {model.name!r} {model.beyond_gaussian}")
    found = bambi_default(design.statistics)
    if not isinstance(found.sigma, HalfStudentT):
        raise TypeError(f"Bambi's default for sigma is a half-t; found {found.sigma}")
    mean, sd = found.normals
    columns = [Written("Normal", {"mu": m, "sigma": s}) for m, s in zip(mean[0], sd[0], strict=True)]
    at = {"mu": float(np.ravel(found.intercept_mean)[0]), "sigma": float(np.ravel(found.intercept_sd)[0])}
    sigma = {"nu": found.sigma.nu, "sigma": float(np.ravel(found.sigma.scale)[0])}
    return Written("Normal", at), columns, {"sigma": Written("HalfStudentT", sigma)}
