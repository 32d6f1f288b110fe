"""Predictors that are observed with error: a regression on the true scores, which are integrated out.

Observed scores W are true scores plus classical error of known variance, W = ξ + δ. The true scores vary around a
regression on the error-free columns of the design, with a covariance of their own in each group; the outcome's
regression is on them. Given the coefficients everything is Normal and every column of the design is linear in at most
one true score, so that nobody's true score has to be sampled:

    ξ | W  ~  N(m + K(W - m), Φ - KΦ),   K = Φ (Φ + Θ)⁻¹
    y | W  ~  N(β₀ + c'β + b'E[ξ | W],  σ² + b' Var[ξ | W] b)

with m the regression on the error-free columns, Φ the group's covariance, Θ the error variances, c a row of the design
where the true scores are 0, and b what each true score is multiplied with in that row.

References
----------
Carroll, Ruppert, Stefanski and Crainiceanu (2006), Measurement Error in Nonlinear Models, chapters 4 and 9.
https://doi.org/10.1201/9781420010138
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...arrays import FloatArray, IntArray
from ...distributions import Distribution
from ...spec import InputError
from ...study.reliability import stated_reliability

if TYPE_CHECKING:
    from ..models.design import Design
    from ..models.specs import MeasurementError

RELIABILITY = "reliability"
LINEAR = 1e-9
"""How far a column of the design may be from a straight line in a measure."""


class TrueScores(NamedTuple):
    """What a compiled model with measurement error cannot change.

    Parameters
    ----------
    measures : tuple of str, length q
        Observed with error.
    measure_of : tuple of int, length p
        Which of them each column of the design is linear in; -1 for an error-free column.
    levels : int
        Groups that have a covariance of their own.
    uncertain : tuple of (int, str)
        Measures whose reliability has a distribution, with its family.
    spreads : str
        Family of the prior of the true scores' SDs.
    eta : float
        Of the LKJ prior of their correlations.
    """

    measures: tuple[str, ...]
    measure_of: tuple[int, ...]
    levels: int
    uncertain: tuple[tuple[int, str], ...]
    spreads: str
    eta: float


def true_scores(design: Design, error: MeasurementError) -> tuple[TrueScores, dict[str, Any]]:
    """Take a design with measurement error apart into structure and numbers.

    Parameters
    ----------
    design : Design
        Of one data set, numbers as z scores.
    error : MeasurementError
        Which measures, how reliable, and the priors of their true scores.

    Returns
    -------
    TrueScores
    dict of str to array
        What goes into the graph, by name.

    Raises
    ------
    InputError
        A measure without a stated reliability; a column of the design that is not linear in a single measure with
        error, such as the product of two of them.
    """
    measures = tuple(error.reliability)
    constant, weight, measure_of = _parts(design, measures)
    direct = [k for k, j in enumerate(measure_of) if j < 0]
    columns = design.rows[0]
    level, levels = _groups(design)
    scores = design.frame[list(measures)].to_numpy(dtype=np.float64)
    known = [_reliability(design, name, error) for name in measures]
    spreads = error.spreads
    structure = TrueScores(
        measures=measures,
        measure_of=measure_of,
        levels=levels,
        uncertain=tuple((j, r.dist) for j, r in enumerate(known) if r.dist != "Constant"),
        spreads=spreads.dist,
        eta=error.correlations.parameters["eta"],
    )
    inputs = {
        "constant": constant - columns.mean(axis=0),
        "weight": weight,
        "direct": (columns - columns.mean(axis=0))[:, direct],
        "level": level,
        "scores": scores,
        **{f"scores_{g}": scores[level == g] for g in range(levels)},
        **{f"rows_{g}": np.flatnonzero(level == g) for g in range(levels)},
        **{f"{RELIABILITY}_{j}__{p}": np.float64(v) for j, r in enumerate(known) for p, v in r.parameters.items()},
        **{f"true_coefficients__{p}": np.float64(v) for p, v in error.coefficients.parameters.items()},
        **{f"true_spreads__{p}": np.float64(v) for p, v in spreads.parameters.items()},
    }
    return structure, inputs


def outcome_given_scores(structure: TrueScores, data: Mapping[str, Any], beta: Any) -> tuple[Any, Any]:
    """Add the true scores' part to the PyMC model under way, and integrate them out of the outcome's regression.

    Parameters
    ----------
    structure : TrueScores
        Of the model.
    data : mapping of str to pm.Data
        Its numbers.
    beta : tensor, shape (p,)
        Coefficients of the design's columns.

    Returns
    -------
    tuple of tensor, shape (n,)
        Mean of the outcome less its intercept; and what the unknown true scores add to its variance.
    """
    import pymc as pm
    import pytensor.tensor as pt

    q = len(structure.measures)
    numbers = _parameters("true_coefficients", data)
    means = pm.Normal("true_means", **numbers, shape=q)
    slopes = pm.Normal("true_slopes", **numbers, shape=(structure.measure_of.count(-1), q))
    centre = means + data["direct"] @ slopes
    errors = pt.diag(1 - _reliabilities(structure, data))
    gains, remainders = [], []
    for g in range(structure.levels):
        covariance = _covariance(f"true_covariance_{g}", structure, data)
        observed = covariance + errors
        pm.MvNormal(f"w_{g}", mu=centre[data[f"rows_{g}"]], cov=observed, observed=data[f"scores_{g}"])
        gain = pt.linalg.solve(observed, covariance, assume_a="pos")
        gains.append(gain)
        remainders.append(covariance - covariance @ gain)
    level = data["level"]
    multiplied = (data["weight"] * beta) @ _touches(structure)
    expected = centre + pt.sum((data["scores"] - centre)[:, :, None] * pt.stack(gains)[level], axis=1)
    unknown = pt.sum(multiplied[:, :, None] * pt.stack(remainders)[level] * multiplied[:, None, :], axis=(1, 2))
    return data["constant"] @ beta + pt.sum(multiplied * expected, axis=1), unknown


def _covariance(name: str, structure: TrueScores, data: Mapping[str, Any]) -> Any:
    """Make the true scores' covariance in one group."""
    import pymc as pm
    import pytensor.tensor as pt

    q, numbers = len(structure.measures), _parameters("true_spreads", data)
    if q == 1:  # no correlations to have a prior of
        return pt.square(getattr(pm, structure.spreads)(name, **numbers, shape=(1, 1)))
    spreads = getattr(pm, structure.spreads).dist(**numbers, shape=q)
    packed = pm.LKJCholeskyCov(name, eta=structure.eta, n=q, sd_dist=spreads, compute_corr=False)
    factor = pm.math.expand_packed_triangular(q, packed)
    return factor @ factor.T


def _reliabilities(structure: TrueScores, data: Mapping[str, Any]) -> Any:
    """Return every measure's reliability: a number, or a parameter where the record states a distribution."""
    import pymc as pm
    import pytensor.tensor as pt

    families, values = dict(structure.uncertain), []
    for j, measure in enumerate(structure.measures):
        numbers = _parameters(f"{RELIABILITY}_{j}", data)
        family = families.get(j)
        values.append(getattr(pm, family)(f"{RELIABILITY}_{measure}", **numbers) if family else numbers["value"])
    return pt.stack(values)


def _parameters(name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    prefix = f"{name}__"
    return {key.removeprefix(prefix): value for key, value in data.items() if key.startswith(prefix)}


def _touches(structure: TrueScores) -> FloatArray:
    """Say which measure each column belongs to, shape (p, q); error-free columns to none."""
    belongs = np.array(structure.measure_of)[:, None] == np.arange(len(structure.measures))
    return np.asarray(belongs, dtype=np.float64)


def _reliability(design: Design, name: str, error: MeasurementError) -> Distribution:
    value = error.reliability[name]
    if isinstance(value, float):
        return Distribution(dist="Constant", value=value)
    return stated_reliability(design.study, name)


def _groups(design: Design) -> tuple[IntArray, int]:
    """Return each participant's group, and how many there are: one where the model does not know the group."""
    group = design.study.analysis.group
    if group not in design.frame:
        return np.zeros(len(design.frame), dtype=np.int64), 1
    factor = design.frame[group].cat
    return np.asarray(factor.codes, dtype=np.int64), len(factor.categories)


def _parts(design: Design, measures: tuple[str, ...]) -> tuple[FloatArray, FloatArray, tuple[int, ...]]:
    """Split each column into what it is where the true scores are 0, and its slope in the one that it is linear in."""
    rows = design.rows[0]
    constant, weight = design.changed_rows(fixed=dict.fromkeys(measures, 0.0))[0], np.zeros_like(rows)
    measure_of = np.full(rows.shape[1], -1)
    for j, name in enumerate(measures):
        at = [design.changed_rows(fixed={name: value})[0] for value in (0.0, 1.0, 2.0)]
        slope, touched = at[1] - at[0], np.abs(at[2] - at[0]).max(axis=0) > LINEAR
        curved = np.abs(at[2] - at[1] - slope).max(axis=0) > LINEAR
        if (bad := touched & (curved | (measure_of >= 0))).any():
            raise InputError(
                f"{design.columns[int(np.argmax(bad))]!r} is not linear in a single measure with error;"
                " a measure, and its products with error-free ones, are"
            )
        measure_of[touched], weight[:, touched] = j, slope[:, touched]
    return constant, weight, tuple(int(j) for j in measure_of)
