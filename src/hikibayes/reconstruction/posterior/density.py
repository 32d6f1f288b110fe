"""The log density of a calibration in plain words: slow, short, and what the compiled one is held against.

Whatever is printed is computed here by `hikibayes.study.analysis`, from group moments, as anybody would; nothing of
the compiled density's algebra is used.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import special

from ...study.analysis import PublishedAnalysis
from ...study.moments import compare_groups, correlations, total_moments
from ..reconstructions import reconstructions_of
from .assembly import conditioned, coordinate_rows, predictors
from .printed import TOTAL, Target
from .problem import Problem

__all__ = ["LIMIT_SOFTNESS", "TWO_SIDED_SD", "plain_log_density", "target_number"]

type FloatArray = NDArray[np.float64]

TWO_SIDED_SD = 0.7
"""Spread of the normal density around a printed interval's midpoint, in half widths."""
LIMIT_SOFTNESS = 0.01
"""Softness of the limits of assumed differences."""


def plain_log_density(problem: Problem, flat: FloatArray, temperature: float = 1.0) -> float:
    """Return the log density at one vector of free numbers, without constants.

    Parameters
    ----------
    problem : Problem
    flat : ndarray, shape (size,)
    temperature : float
        Stretches the tolerances of the targets.
    """
    values = problem.values(flat)
    made = predictors(problem.layout, problem.priors, problem.raw, values)
    rows = coordinate_rows(problem.layout, problem.coordinates, made)
    _, printed = conditioned(
        rows,
        middle=problem.middle,
        spread=problem.spread,
        prior_sd=problem.priors.coefficient_sd,
        free=values["free"],
        offset=values["offset"],
    )
    draw = reconstructions_of(problem, flat[None]).isel(draw=0)
    analysis = PublishedAnalysis(problem.study, draw)
    aims = sum(_toward(target, target_number(problem, target, analysis), temperature) for target in problem.targets)
    return float(
        _log_shares(problem, values["share"])
        + _log_normals(problem, flat)
        + _log_correlations(problem, values["partial"], draw)
        + _log_limits(problem, draw)
        + printed
        + aims
    )


def _log_shares(problem: Problem, share: FloatArray) -> float:
    """Return beta densities on the log odds."""
    a, b = problem.priors.share[..., 0], problem.priors.share[..., 1]
    return float((a * np.log(share) + b * np.log1p(-share)).sum())


def _log_normals(problem: Problem, flat: FloatArray) -> float:
    """Return standard normal densities: of every free number but the shares and the partial correlations."""
    begin, total = 0, 0.0
    for name, shape in problem.shapes.items():
        end = begin + int(np.prod(shape))
        if name not in ("share", "partial"):
            total -= 0.5 * float(flat[begin:end] @ flat[begin:end])
        begin = end
    return total


def _log_correlations(problem: Problem, partial: FloatArray, draw: xr.Dataset) -> float:
    """Return the LKJ density of the joint correlations, its determinant as the geometric mean over the groups.

    The determinant beyond that of the predictors' total correlations falls to 0 where a group's covariances degenerate
    or the outcome is explained completely: it keeps the sampler off such edges.
    """
    p, eta = problem.layout.p, problem.priors.eta
    z = np.abs(partial)
    left = 2 * (np.log(2) - z - np.log1p(np.exp(-2 * z)))
    power = eta + (p - 2 - np.tril_indices(p, -1)[1]) / 2
    names = list(problem.layout.predictors)
    sd = np.sqrt(np.diag(total_moments(draw)[1].sel(measure=names, measure_2=names)))
    n = np.array(problem.layout.n)
    within = draw["cov"].sel(measure=names, measure_2=names).values / np.outer(sd, sd)
    groups = [np.linalg.slogdet(cov * (size - 1) / (n.sum() - 1))[1] for cov, size in zip(within, n, strict=True)]
    # the saturated columns' determinant is that of the two groups, up to a constant
    constant = np.log(n[0] * n[1] / n.sum() / (n.sum() - 1)) / 2
    return float(
        (power * left).sum() + (eta - 1) * (constant + sum(groups) / 2 - left.sum() + _log_unexplained(problem, draw))
    )


def _log_unexplained(problem: Problem, draw: xr.Dataset) -> float:
    """Return the log of the share of the outcome's variance that the saturated regression leaves."""
    names, outcome = list(problem.layout.predictors), problem.layout.outcome
    left: float = 0.0
    for group, size in zip(problem.layout.groups, problem.layout.n, strict=True):
        cov = draw["cov"].sel(group=group)
        xx, xy = cov.sel(measure=names, measure_2=names).values, cov.sel(measure=names, measure_2=outcome).values
        yy = float(cov.sel(measure=outcome, measure_2=outcome))
        left += (yy - float(xy @ np.linalg.solve(xx, xy))) * (size - 1) / (sum(problem.layout.n) - 1)
    return float(np.log(left))


def _log_limits(problem: Problem, draw: xr.Dataset) -> float:
    """Return the density of the outcome's assumed difference and of the limits of all differences."""
    prior, layout = problem.priors.difference, problem.layout
    names = [*layout.predictors[layout.categories :], layout.outcome]
    mean = draw["mean"].sel(measure=names)
    gap = (mean.sel(group=layout.groups[1]) - mean.sel(group=layout.groups[0])).values
    density: float = -0.5 * ((gap[-1] - prior.mean[-1]) / prior.sd[-1]) ** 2
    for room in (gap - prior.lower, prior.upper - gap):
        finite = room[np.isfinite(room)]
        density += float(special.log_expit(finite / LIMIT_SOFTNESS).sum())
    return float(density)


def _toward(target: Target, number: float, temperature: float) -> float:
    """Return a normal density around a printed interval's middle, or a log-sigmoid wall at a printed bound."""
    number = np.sqrt(number**2 + 1e-12) if target.absolute or target.kind == "abs_t" else number
    if target.two_sided:
        sd = TWO_SIDED_SD * (target.high - target.low) / 2 * temperature
        return float(-0.5 * ((number - (target.low + target.high) / 2) / sd) ** 2)
    room = number - target.low if np.isfinite(target.low) else target.high - number
    return float(special.log_expit(room / (target.softness * temperature)))


def target_number(problem: Problem, target: Target, analysis: PublishedAnalysis) -> float:
    """Compute the number that a target is about, from group moments of one draw."""
    study, layout, moments = problem.study, problem.layout, analysis.moments
    steps = [step.id for step in study.steps]
    names = (layout.group, *layout.predictors, layout.outcome)
    if target.functional is not None:
        return _coefficient_number(problem, target, analysis)
    if target.kind in ("r2", "increment"):
        r2 = [float(analysis.regression(steps[s]).r2) if s >= 0 else 0.0 for s in target.index]
        if target.kind == "increment":
            return (r2[0] - r2[1]) / (1 - r2[0])
        return target.weights[0] * r2[0] + target.weights[1] * r2[1]
    if target.kind == "correlation":
        where, first, second = target.index
        if first == 0:
            gap = compare_groups(moments, names[second], (layout.groups[1], layout.groups[0]))["difference"]
            n1, n2 = layout.n
            sd = np.sqrt(total_moments(moments)[1].sel(measure=names[second], measure_2=names[second]))
            return float(gap / sd * np.sqrt(n1 * n2 / (n1 + n2) / (n1 + n2 - 1)))
        matrix = correlations(moments, None if where == TOTAL else layout.groups[where])
        return float(matrix.sel(measure=names[first], measure_2=names[second]))
    if target.kind in ("mean", "sd"):
        where, j = target.index
        mean, cov = (
            total_moments(moments)
            if where == TOTAL
            else (moments["mean"].sel(group=layout.groups[where]), moments["cov"].sel(group=layout.groups[where]))
        )
        name = names[1 + j]
        if target.kind == "mean":
            return float(mean.sel(measure=name))
        return float(np.sqrt(cov.sel(measure=name, measure_2=name)))
    j, student = target.index
    found = compare_groups(
        moments, names[1 + j], (layout.groups[1], layout.groups[0]), "student" if student else "welch"
    )
    return float(found[{"mean_difference": "difference"}.get(target.kind, target.kind)])


def _coefficient_number(problem: Problem, target: Target, analysis: PublishedAnalysis) -> float:
    fact = problem.study.fact(target.fact)
    if target.kind == "vif":
        vif = analysis.regression(str(fact.step), fact.coding, fact.products).vif
        return float(vif.sel(term=target.term))
    if target.kind != "abs_t":
        return float(analysis.value(fact))
    if fact.quantity == "slope_p":
        return float(analysis.slopes(str(fact.of), str(fact.step))["t"].sel(group=fact.group))
    return float(analysis.regression(str(fact.step), fact.coding, fact.products).t.sel(term=fact.term))
