"""The log density of a calibration in plain words: slow, short, and what the traced one is held against.

Whatever is printed is computed here by `hikibayes.study.analysis`, from group moments, as anybody would.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy import special, stats
from tests.study.labelled import compare_groups, correlations, of_step

from hikibayes.reconstruction.posterior.assembly import conditioned, coordinate_rows, predictors
from hikibayes.reconstruction.posterior.density import LIMIT_SOFTNESS, TWO_SIDED_SD
from hikibayes.reconstruction.posterior.layout import contrasts
from hikibayes.reconstruction.posterior.printed import Target
from hikibayes.reconstruction.posterior.problem import Problem
from hikibayes.reconstruction.reconstructions import reconstructions_of
from hikibayes.study.analysis import PublishedAnalysis
from hikibayes.study.moments import total_moments


def plain_log_density(problem: Problem, flat: np.ndarray, temperature: float = 1.0) -> float:
    values = problem.values(flat)
    made = predictors(problem.layout, problem.raw, problem.data, values)
    _, white, log_root = conditioned(coordinate_rows(problem.coordinates, made), problem.data, values)
    draw = reconstructions_of(problem, flat[None]).isel(draw=0)
    analysis = PublishedAnalysis(problem.study, draw)
    aims = sum(_toward(target, plain_number(problem, target, analysis), temperature) for target in problem.targets)
    a, b = problem.priors.share[..., 0], problem.priors.share[..., 1]
    share = values["share"]
    return float(
        (a * np.log(share) + b * np.log1p(-share)).sum()
        + _log_normals(problem, flat)
        + _log_correlations(problem, values["partial"], draw)
        + _log_limits(problem, draw)
        - 0.5 * (white**2).sum()
        - log_root
        + aims
    )


def _log_normals(problem: Problem, flat: np.ndarray) -> float:
    begin, total = 0, 0.0
    for name, shape in problem.shapes.items():
        end = begin + int(np.prod(shape))
        if name not in ("share", "partial"):
            total -= 0.5 * float(flat[begin:end] @ flat[begin:end])
        begin = end
    return total


def _log_correlations(problem: Problem, partial: np.ndarray, draw: xr.Dataset) -> float:
    p, eta = problem.layout.p, problem.priors.eta
    left = np.log1p(-(np.tanh(partial) ** 2))
    power = eta + (p - 2 - np.tril_indices(p, -1)[1]) / 2
    names = list(problem.layout.predictors)
    sd = np.sqrt(np.diag(total_moments(draw)[1].sel(measure=names, measure_2=names)))
    n = np.array(problem.layout.n)
    within = draw["cov"].sel(measure=names, measure_2=names).values / np.outer(sd, sd)
    groups = [np.linalg.slogdet(cov * (size - 1) / (n.sum() - 1))[1] for cov, size in zip(within, n, strict=True)]
    joint = sum(groups) / len(n) - left.sum() + _log_unexplained(problem, draw)
    return float((power * left).sum() + (eta - 1) * joint)


def _log_unexplained(problem: Problem, draw: xr.Dataset) -> float:
    names, outcome = list(problem.layout.predictors), problem.layout.outcome
    left = 0.0
    for group, size in zip(problem.layout.groups, problem.layout.n, strict=True):
        cov = draw["cov"].sel(group=group)
        xx, xy = cov.sel(measure=names, measure_2=names).values, cov.sel(measure=names, measure_2=outcome).values
        yy = float(cov.sel(measure=outcome, measure_2=outcome))
        left += (yy - float(xy @ np.linalg.solve(xx, xy))) * (size - 1) / (sum(problem.layout.n) - 1)
    return float(np.log(left))


def _log_limits(problem: Problem, draw: xr.Dataset) -> float:
    prior, layout = problem.priors.difference, problem.layout
    names = [*layout.measures[layout.categories :], layout.outcome]
    mean = draw["mean"].sel(measure=names).values
    gap = np.linalg.lstsq(contrasts(layout.k), mean - mean.mean(axis=0))[0]
    density = -0.5 * (((gap[:, -1] - prior.mean[-1]) / prior.sd[-1]) ** 2).sum()
    if layout.k != 2:
        return float(density)
    (gap,) = gap
    for room in (gap - prior.lower, prior.upper - gap):
        finite = room[np.isfinite(room)]
        density += float(special.log_expit(finite / LIMIT_SOFTNESS).sum())
    return float(density)


def _toward(target: Target, number: float, temperature: float) -> float:
    number = np.sqrt(number**2 + 1e-12) if target.absolute else number
    if target.two_sided:
        sd = TWO_SIDED_SD * (target.high - target.low) / 2 * temperature
        return float(-0.5 * ((number - (target.low + target.high) / 2) / sd) ** 2)
    room = number - target.low if np.isfinite(target.low) else target.high - number
    return float(special.log_expit(room / (target.softness * temperature)))


def plain_number(problem: Problem, target: Target, analysis: PublishedAnalysis) -> float:
    """Compute the number that a target is about, from group moments of one draw."""
    study, layout, moments, address = problem.study, problem.layout, analysis.moments, target.address
    if target.of_term:
        return _coefficient_number(problem, target, analysis)
    if address.step:
        here, before = of_step(study, moments, address.step), study.step(address.step).after
        earlier = of_step(study, moments, before) if before and target.quantity.startswith("delta") else None
        return _of_steps(target, here, earlier, sum(layout.n))
    if target.quantity == "correlation" and layout.group in (address.of, address.with_):
        (name,) = {address.of, address.with_} - {layout.group}
        gap = compare_groups(moments, name, (layout.groups[1], layout.groups[0]))["difference"]
        n1, n2 = layout.n
        sd = np.sqrt(total_moments(moments)[1].sel(measure=name, measure_2=name))
        return float(gap / sd * np.sqrt(n1 * n2 / (n1 + n2) / (n1 + n2 - 1)))
    if target.quantity == "correlation":
        return float(correlations(moments, address.group).sel(measure=address.of, measure_2=address.with_))
    if target.quantity in ("mean", "sd", "proportion"):
        mean, cov = (
            (moments["mean"].sel(group=address.group), moments["cov"].sel(group=address.group))
            if address.group
            else total_moments(moments)
        )
        if target.quantity == "sd":
            return float(np.sqrt(cov.sel(measure=address.of, measure_2=address.of)))
        found = float(mean.sel(measure=address.of))
        return 1 - found if _of_first_level(problem, target) else found
    if target.quantity in ("f", "f_p", "eta2"):
        mean, variance = (
            moments["mean"].sel(measure=address.of).values,
            moments["cov"].sel(measure=address.of, measure_2=address.of).values,
        )
        n = np.array(layout.n)
        between, within = (n * (mean - n @ mean / n.sum()) ** 2).sum(), ((n - 1) * variance).sum()
        if target.quantity == "eta2":
            return float(between / (between + within))
        return float(between / (len(n) - 1) / (within / (n.sum() - len(n))))
    found = compare_groups(moments, address.of, address.between, address.test)
    if target.p:
        low_p, high_p = target.p
        t, df = float(found["t"]), float(found["df"])
        t = t * target.sign if target.sign else abs(t)
        low, high = stats.t.isf(high_p / 2, df), stats.t.isf(low_p / 2, df) if low_p > 0 else np.inf
        if target.two_sided:
            return float((t - low) / (high - low))
        return float(t - low) if np.isfinite(target.low) else float(t - high)
    if target.quantity == "proportion_difference":
        return float(found["difference"]) * (-1 if _of_first_level(problem, target) else 1)
    return float(found[{"mean_difference": "difference", "p": "t"}.get(target.quantity, target.quantity)])


def _of_first_level(problem: Problem, target: Target) -> bool:
    return (
        problem.study.measure(target.address.of).levels[0].id == target.address.level if target.address.level else False
    )


def _of_steps(target: Target, here, earlier, n: int) -> float:
    before, df = float(earlier.r2) if earlier else 0.0, n - len(here.term) - 1
    if target.quantity.endswith("_p"):
        added = len(here.term) - (len(earlier.term) if earlier else 0)
        return (float(here.r2) - before) / added / ((1 - float(here.r2)) / df)
    if target.quantity == "adjusted_r2" or target.address.adjusted:
        adjusted = [1 - (1 - float(f.r2)) * (n - 1) / (n - len(f.term) - 1) for f in (here, earlier) if f is not None]
        return adjusted[0] - sum(adjusted[1:])
    return float(here.r2) - before


def _coefficient_number(problem: Problem, target: Target, analysis: PublishedAnalysis) -> float:
    fact = problem.study.fact(target.fact)
    if target.quantity == "vif":
        vif = of_step(problem.study, analysis.moments, str(fact.step), fact.coding, fact.products).vif
        return float(vif.sel(term=target.address.term))
    if target.quantity == "slope_p":
        return float(analysis.value(fact.replace(quantity="slope_t")))
    if target.quantity != "coefficient_p":
        return float(analysis.value(fact))
    fit = of_step(problem.study, analysis.moments, str(fact.step), fact.coding, fact.products)
    return float(fit.t.sel(term=fact.term))
