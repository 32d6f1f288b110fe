"""A model as a PyMC graph in which only the structure is fixed: data and the numbers of priors can be exchanged.

Bambi writes a data set into its graph as constants, so that every new one is compiled anew. This graph has the same
density (a test holds the two together), in the same parameters: centred columns, and the intercept where every column
is at its mean. Two models of one structure, such as two prior variants, share one compiled function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..spec import InputError
from .design import Design
from .exact import HalfStudentT, bambi_default
from .models import DEFAULT_VARIANT, FAMILIES, INTERCEPT

__all__ = ["BETA", "Graph", "Structure", "graph", "pymc_model"]

BETA = "beta"
"""The graph's coefficients, one for each column of the design."""

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
        Family of each column's prior.
    own : tuple of (str, str)
        The outcome family's own parameters, each with the family of its prior.
    """

    family: str
    intercept: str
    coefficients: tuple[str, ...]
    own: tuple[tuple[str, str], ...]


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
    intercept, columns, own = _priors(design, variant)
    structure = Structure(
        family=design.model.family,
        intercept=intercept.dist,
        coefficients=tuple(prior.dist for prior in columns),
        own=tuple((name, prior.dist) for name, prior in own.items()),
    )
    rows = design.rows[0]
    inputs: Inputs = {"X": rows - rows.mean(axis=0), "y_obs": design.y[0]}
    inputs |= _numbers(INTERCEPT, [intercept])
    for dist in sorted(set(structure.coefficients)):
        inputs |= _numbers(dist, [prior for prior in columns if prior.dist == dist], vector=True)
    for name, prior in own.items():
        inputs |= _numbers(name, [prior])
    return Graph(structure, inputs)


def pymc_model(made: Graph) -> Any:
    """Return the `pymc.Model` of a graph.

    Returns
    -------
    pymc.Model
        Free variables ``Intercept`` (centred), one vector of coefficients for each family of priors, and the outcome
        family's own; ``beta`` holds the coefficients in the design's order. Everything in ``made.inputs`` is `pm.Data`.
    """
    import pymc as pm

    structure = made.structure
    with pm.Model() as model:
        data = {name: pm.Data(name, values) for name, values in made.inputs.items()}
        beta = pm.Deterministic(BETA, _coefficients(structure, data))
        mu = _variable(INTERCEPT, structure.intercept, INTERCEPT, data) + data["X"] @ beta
        own = {name: _variable(name, dist, name, data) for name, dist in structure.own}
        _OUTCOMES[structure.family](mu, own, data["y_obs"])
    return model


def _gaussian(mu: Any, own: Mapping[str, Any], observed: Any) -> None:
    import pymc as pm

    pm.Normal("y", mu=mu, sigma=own["sigma"], observed=observed)


def _student_t(mu: Any, own: Mapping[str, Any], observed: Any) -> None:
    import pymc as pm

    pm.StudentT("y", nu=own["nu"], mu=mu, sigma=own["sigma"], observed=observed)


_OUTCOMES: dict[str, Callable[[Any, Mapping[str, Any], Any], None]] = {"gaussian": _gaussian, "t": _student_t}


def _coefficients(structure: Structure, data: Mapping[str, Any]) -> Any:
    """One vector for each family of priors, put back into the design's order."""
    import pytensor.tensor as pt

    families = sorted(set(structure.coefficients))
    vectors = [
        _variable(f"{dist}_coefficients", dist, dist, data, shape=structure.coefficients.count(dist))
        for dist in families
    ]
    by_family = [j for dist in families for j, own in enumerate(structure.coefficients) if own == dist]
    return pt.concatenate(vectors)[np.argsort(by_family)]


def _variable(name: str, dist: str, numbers: str, data: Mapping[str, Any], **options: Any) -> Any:
    """One random variable, or a vector of them, whose distribution's numbers are among the data."""
    import pymc as pm

    prefix = f"{numbers}__"
    parameters = {key.removeprefix(prefix): value for key, value in data.items() if key.startswith(prefix)}
    return getattr(pm, dist)(name, **parameters, **options)


def _numbers(name: str, priors: Sequence[Written], *, vector: bool = False) -> Inputs:
    by_parameter = {p: np.array([prior.parameters[p] for prior in priors]) for p in priors[0].parameters}
    return {f"{name}__{p}": values if vector else values[0] for p, values in by_parameter.items()}


def _priors(design: Design, variant: str) -> tuple[Written, list[Written], dict[str, Written]]:
    """Priors of the intercept, of each column, and of the family's own parameters."""
    chosen = design.model.prior_set(variant)
    if chosen.rule == "flat":
        raise InputError(f"variant {variant!r} is no proper prior; ask the exact engine for it, or NUTS for another")
    if chosen.rule == "bambi_default":
        return _bambi_defaults(design)
    written = {name: Written(prior.dist, prior.parameters) for name, prior in chosen.priors.items()}
    columns = [written[term] for term, columns in design.terms.items() for _ in columns]
    return written[INTERCEPT], columns, {name: written[name] for name in FAMILIES[design.model.family]}


def _bambi_defaults(design: Design) -> tuple[Written, list[Written], dict[str, Written]]:
    if design.model.family != "gaussian":
        raise InputError(f"Bambi's own priors are offered for gaussian models; found family {design.model.family!r}")
    found = bambi_default(design.statistics)
    if not isinstance(found.sigma, HalfStudentT):
        raise TypeError(f"Bambi's default for sigma is a half-t; found {found.sigma}")
    mean, sd = np.broadcast_arrays(np.asarray(found.mean, dtype=float), np.asarray(found.sd, dtype=float))
    columns = [Written("Normal", {"mu": m, "sigma": s}) for m, s in zip(mean[0], sd[0], strict=True)]
    at = {"mu": float(np.ravel(found.intercept_mean)[0]), "sigma": float(np.ravel(found.intercept_sd)[0])}
    sigma = {"nu": found.sigma.nu, "sigma": float(np.ravel(found.sigma.scale)[0])}
    return Written("Normal", at), columns, {"sigma": Written("HalfStudentT", sigma)}
