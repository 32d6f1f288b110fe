"""A fit as a person reads it: words, both scales side by side, least squares beside the posterior, orders of levels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import permutations, product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ...arrays import FloatArray
from ...spec import InputError
from ...study.study import Estimand, Study
from ...study.wording import estimand_name
from ..estimands import changes_of, raw_unit
from ..gaussian.exact import posterior
from ..gaussian.least_squares import LeastSquares
from ..gaussian.normal_priors import FlatPrior, NormalPriors
from ..gaussian.sufficient import ExactEngineError
from ..models.compile import exact_priors
from ..models.layout import coefficient_draws
from ..models.specs import INTERCEPT

if TYPE_CHECKING:
    from ..fit import Fit

MOST_LEVELS = 5
"""Of a category whose orders are counted: 120 orders."""
DRAWS = 20_000
"""Prior draws behind the probability of an order."""
POINTS = 41
MOST_PEOPLE = 400
"""Dots in a figure."""

AROUND = {"1 SD below": -1.0, "at the mean": 0.0, "1 SD above": 1.0}
LINE, ENDS = ("along", "by", "cell", "and_by", "and_cell", "value"), ("mean", "lower", "upper")

type Cell = tuple[str, str | float]
"""What it is called, and its value."""


def summary(fit: Fit) -> pd.DataFrame:
    """Return a row for each estimand that has numbers.

    Returns
    -------
    pandas.DataFrame
        Columns ``effect`` (in words), ``estimand, kind``; ``mean, sd, lower, upper, p_positive, bf10`` standardised;
        ``ols``, least squares of the same (none where rows come in clusters); ``raw, raw_lower, raw_upper`` in the
        columns' own units, ``raw_unit``.
    """
    own = fit.estimates[(fit.estimates["engine"] == fit.engine) & (fit.estimates["note"] == "")]
    by_name = {e.name: e for e in fit.study.estimands}
    standard = [u == by_name[name].unit for name, u in zip(own["estimand"], own["unit"], strict=True)]
    # an empty list would choose columns
    table = own[np.array(standard, dtype=bool)]
    table = table[["estimand", "mean", "sd", "lower", "upper", "p_positive", "bf10"]].reset_index(drop=True)
    words = [estimand_name(fit.study, by_name[name]) for name in table["estimand"]]
    table.insert(0, "effect", words)
    table.insert(2, "kind", [by_name[name].kind for name in table["estimand"]])
    beside = _beside(fit)
    least, factor, unit = zip(*(beside[name] for name in table["estimand"]), strict=True) if len(table) else [()] * 3
    table["ols"] = np.nan if fit.model.varying else np.array(least, dtype=np.float64)
    for name, source in (("raw", "mean"), ("raw_lower", "lower"), ("raw_upper", "upper")):
        table[name] = table[source] * np.array(factor, dtype=np.float64)
    return table.assign(raw_unit=unit)


def _beside(fit: Fit) -> dict[str, tuple[float, float, str]]:
    """Return least squares of each estimand, raw units per standardised one, and the raw unit's name."""
    found = fit.answers
    least = LeastSquares(stats=fit.design.statistics).estimates(found.weights)[0]
    shares = {e.name: (float(found.explained.least_squares(e)[0]), np.nan, "") for e in found.variance}
    rows = zip(found.linear, least.tolist(), found.raw_factor[0].tolist(), strict=True)
    return shares | {e.name: (value, factor, raw_unit(e, fit.study)) for e, value, factor in rows}


# -- orders of levels -------------------------------------------------------------------------------------------------


def orderings(fit: Fit) -> pd.DataFrame:
    """Return how probable each order of three to five levels is, before and after the data.

    Returns
    -------
    pandas.DataFrame
        Columns ``of`` (the slope of a measure, or the adjusted mean), ``by``, ``order`` (lowest first), ``prior``,
        ``posterior``. ``prior`` is empty where the coefficients' prior is not a Normal one.
    """
    beta, _ = coefficient_draws(fit.draws, fit.design)
    after = beta.reshape(-1, beta.shape[-1])
    before = _prior_draws(fit)
    rows = []
    for by, of, weights in _by_level(fit):
        levels = list(fit.design.levels[by])
        counts = [_counts(draws, weights, levels) if draws is not None else None for draws in (before, after)]
        for order in permutations(levels):
            shares = [np.nan if count is None else count[order] / sum(count.values()) for count in counts]
            rows.append((of or "adjusted mean", by, " < ".join(order), *shares))
    return pd.DataFrame(rows, columns=["of", "by", "order", "prior", "posterior"])


def _by_level(fit: Fit) -> list[tuple[str, str, FloatArray]]:
    """Return, of each category with a few levels, what its levels can be ordered by: adjusted means and slopes."""
    found, measures = [], list(fit.model.measures.values())
    for by, levels in fit.design.levels.items():
        if not 3 <= len(levels) <= MOST_LEVELS or not any(by in own for own in measures):
            continue
        found.append((by, "", np.concatenate([fit.design.mean_row(fixed={by: level}) for level in levels])))
        numbers = [n for n in fit.model.variables[1:] if any({by, n} <= own for own in measures)]
        for of in (name for name in numbers if name in fit.design.scaling.scale):
            weights = [_slope(fit, of, by, level) for level in levels]
            found.append((by, of, np.stack(weights)))
    return found


def _slope(fit: Fit, of: str, by: str, level: str) -> FloatArray:
    asked = Estimand(name="its", kind="slope", meaning="its slope", of=of, at={by: level})
    parts = [weight * fit.design.mean_row(**change)[0] for weight, change in changes_of(asked, fit.design)]
    return np.asarray(sum(parts))


def _counts(draws: FloatArray, weights: FloatArray, levels: list[str]) -> Counter[tuple[str, ...]]:
    return Counter(tuple(levels[i] for i in order) for order in np.argsort(draws @ weights.T, axis=1).tolist())


def _prior_draws(fit: Fit) -> FloatArray | None:
    try:
        priors = exact_priors(fit.design, fit.variant)
    except InputError:
        return None
    if not isinstance(priors, NormalPriors):
        return None
    aligned = priors.align(fit.design.columns)
    root = np.linalg.inv(aligned.precision_root[0])
    normal = np.random.default_rng(fit.seed).standard_normal((DRAWS, len(fit.design.columns)))
    return np.asarray(aligned.mean[0] + normal @ root.T)


# -- what figures show ------------------------------------------------------------------------------------------------


def conditional_means(fit: Fit) -> pd.DataFrame:
    """Return the expected outcome in the cells of what a fit is about: along its number, or at each level.

    Returns
    -------
    pandas.DataFrame
        Columns ``along`` (the number, or else the category of most levels); ``by, cell, and_by, and_cell`` (of up to
        two other measures, and which of their levels or values); ``value`` (the number's own unit, or a level),
        ``mean, lower, upper`` (the outcome's own unit, 95 %; missing where nobody is). Empty where a fit is about no
        predictor. Further measures are averaged over the sample.
    """
    along, others = _shown(fit)
    parts = [_line(fit, along, dict(zip(others, cell, strict=True))) for cell in product(*_cells(fit, others))]
    return pd.concat(parts, ignore_index=True) if along and parts else pd.DataFrame(columns=[*LINE, *ENDS])


def question_first(table: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return a summary with the question on top, then what it is made of, its like, and the rest in their order."""
    main, group = study.focal_estimand, study.analysis.group
    asked, levels = main.about | {*main.at}, _levels(main, group)

    def rank(name: str) -> int:
        own = study.estimand(name)
        if name == main.name or own.about | {*own.at} != asked:
            return 0 if name == main.name else 3
        return 1 if all(found <= levels.get(of, found) for of, found in _levels(own, group).items()) else 2

    order = sorted(range(len(table)), key=lambda i: rank(table["estimand"].iloc[i]))
    return table.iloc[order].reset_index(drop=True)


def _levels(estimand: Estimand, group: str) -> dict[str, set[str]]:
    """Return the levels of each category that an estimand is of."""
    found = {name: {*pair} for name, pair in estimand.pairs.items()}
    found |= {name: {level} for name, level in estimand.at.items() if isinstance(level, str)}
    if own := {*(estimand.between or ()), *([estimand.group] if estimand.group else ())}:
        found[estimand.by or group] = own
    return found


def _shown(fit: Fit) -> tuple[str, list[str]]:
    """Return what a fit's figure goes along, and the measures whose cells have a line each: those it is about."""
    levels, measures = fit.design.levels, list(fit.model.measures.values())
    known = [name for name in fit.model.variables[1:] if any(name in own for own in measures)]
    numbers = [name for name in known if name in fit.design.scaling.scale]
    main = fit.study.focal_estimand if fit.study.estimands else None
    # a model need not hold what the study is about: then the first of its own numbers
    about = [name for name in known if main and name in main.about | {*main.at}]
    if about and all(name in levels for name in about):
        along = max(about, key=lambda name: len(levels[name]))
    else:
        wanted = [name for name in about if name in numbers] or numbers
        along = next((name for name in (fit.study.analysis.focal, *wanted) if name in wanted), "")
    others = [name for name in about if name != along]
    if not others and along not in levels:
        others = [n for own in measures if along in own for n in own - {along}]
        others = sorted(others, key=lambda name: name not in levels)[:1]
    return along, sorted(others, key=lambda name: name not in levels)[:2]


def _cells(fit: Fit, others: list[str]) -> list[list[Cell]]:
    """Return, of each measure, what its cells are called and where they lie in the model's unit."""
    of_number: dict[str, list[Cell]] = {
        name: [(text, _at(fit, name, z)) for text, z in AROUND.items()] for name in fit.design.scaling.scale
    }
    of_category: dict[str, list[Cell]] = {
        name: [(level, level) for level in own] for name, own in fit.design.levels.items()
    }
    return [(of_number | of_category)[name] for name in others]


def _at(fit: Fit, name: str, z: float) -> float:
    """Return a number of SD from a measure's mean in the model's unit."""
    mean, sd = (float(part[name][0]) for part in (fit.design.scaling.location, fit.design.scaling.scale))
    return z if fit.design.standardised else mean + z * sd


def _line(fit: Fit, along: str, cells: dict[str, Cell]) -> pd.DataFrame:
    """Return the expected outcome in one cell, all along a number or at each level."""
    fixed, design = {name: value for name, (_, value) in cells.items()}, fit.design
    if along in design.levels:
        values = at = np.array(design.levels[along], dtype=object)
    else:
        own = fit.participants.frame[along].to_numpy(dtype=float)
        values = np.linspace(own.min(), own.max(), POINTS)
        location, scale = (float(part[along][0]) for part in (design.scaling.location, design.scaling.scale))
        at = (values - location) / scale if design.standardised else values
    points = [{**fixed, along: value} for value in at.tolist()]
    expected = _expected(fit, np.concatenate([design.mean_row(fixed=point) for point in points]))
    lower, upper = np.quantile(expected, [0.025, 0.975], axis=0)
    (by, cell), (and_by, and_cell) = [*((name, text) for name, (text, _) in cells.items()), ("", ""), ("", "")][:2]
    said = {"along": along, "by": by, "cell": cell, "and_by": and_by, "and_cell": and_cell, "value": values}
    numbers = {"mean": expected.mean(axis=0), "lower": lower, "upper": upper}
    there = np.array([_somebody(fit, point) for point in points])
    return pd.DataFrame(said | {name: np.where(there, own, np.nan) for name, own in numbers.items()})


def _somebody(fit: Fit, point: Mapping[str, object]) -> bool:
    """Tell whether anybody is at a point's levels."""
    frame, levels = fit.participants.frame, fit.design.levels
    return bool(np.all([frame[name] == level for name, level in point.items() if name in levels], axis=0).any())


def _expected(fit: Fit, rows: FloatArray) -> FloatArray:
    """Return draws of the expected outcome at design rows (K, p), in its own unit: (S, K)."""
    beta, _ = coefficient_draws(fit.draws, fit.design)
    intercept = np.asarray(fit.draws["posterior"][INTERCEPT].transpose("chain", "draw").values).reshape(-1)
    expected = intercept[:, None] + beta.reshape(-1, beta.shape[-1]) @ rows.T
    scaling, outcome = fit.design.scaling, fit.model.outcome
    if not fit.design.standardised:
        return np.asarray(expected)
    return np.asarray(scaling.location[outcome][0] + scaling.scale[outcome][0] * expected)


def people(fit: Fit, along: str, by: str = "", and_by: str = "") -> pd.DataFrame:
    """Return at most `MOST_PEOPLE` of the rows, for the dots of a figure: columns ``x, y, cell, and_cell``."""
    frame = fit.participants.frame
    kept = np.sort(np.random.default_rng(fit.seed).permutation(len(frame))[:MOST_PEOPLE])
    cell, and_cell = (
        frame[name].iloc[kept].astype(str).to_numpy() if name in fit.design.levels else "" for name in (by, and_by)
    )
    x, y = (frame[name].iloc[kept].to_numpy() for name in (along, fit.model.outcome))
    return pd.DataFrame({"x": x, "y": y, "cell": cell, "and_cell": and_cell})


def prior_and_posterior(fit: Fit, *, most: int = 6) -> pd.DataFrame:
    """Return densities of the first estimands before and after the data: ``effect, value, prior, posterior``."""
    from ..models.compile import exact_posterior

    focal = fit.study.focal_estimand
    first = sorted(range(len(fit.answers.linear)), key=lambda j: fit.answers.linear[j] != focal)[:most]
    columns = ["effect", "value", "prior", "posterior"]
    try:
        found = exact_posterior(fit.design, fit.variant).marginal(fit.answers.weights[:, first])
    except (InputError, ExactEngineError):
        return pd.DataFrame(columns=columns)
    if found.prior_mean is None or found.prior_sd is None:
        return pd.DataFrame(columns=columns)
    parts = []
    for j, estimand in enumerate(fit.answers.linear[i] for i in first):
        middle, sd = float(found.prior_mean[0, j]), float(found.prior_sd[0, j])
        low, high = min(middle - 3 * sd, -0.1), max(middle + 3 * sd, 0.1)
        values = np.linspace(low, high, 121)
        before = np.exp(-0.5 * ((values - middle) / sd) ** 2) / (sd * np.sqrt(2 * np.pi))
        weight, mean, width = found.weights[0], found.means[0, j], found.sds[0, j]
        after = np.exp(-0.5 * ((values[:, None] - mean) / width) ** 2) / (width * np.sqrt(2 * np.pi)) @ weight
        name = estimand_name(fit.study, estimand)
        parts.append(pd.DataFrame({"effect": name, "value": values, "prior": before, "posterior": after}))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def sensitivity(fit: Fit) -> pd.DataFrame:
    """Return the focal estimand under narrower and wider priors and under none: the least that a report owes.

    Returns
    -------
    pandas.DataFrame
        Columns ``priors, effect, mean, lower, upper, p_positive``; empty where the model has no exact posterior.
    """
    columns = ["priors", "effect", "mean", "lower", "upper", "p_positive"]
    focal = fit.study.focal_estimand
    at = [estimand.name for estimand in fit.answers.linear]
    try:
        priors = exact_priors(fit.design, fit.variant)
    except InputError:
        return pd.DataFrame(columns=columns)
    if focal.name not in at or not isinstance(priors, NormalPriors):
        return pd.DataFrame(columns=columns)
    weights = fit.answers.weights[:, [at.index(focal.name)]]
    choices: dict[str, NormalPriors | FlatPrior] = {
        "as used": priors,
        "half as wide": replace(priors, sd=np.asarray(priors.sd) / 2),
        "twice as wide": replace(priors, sd=np.asarray(priors.sd) * 2),
        "flat (least squares)": FlatPrior(),
    }
    rows = []
    for name, choice in choices.items():
        try:
            found = posterior(fit.design.statistics, choice).marginal(weights)
        except ExactEngineError:
            continue
        lower, upper = (float(end[0, 0]) for end in found.eti(0.95))
        words = estimand_name(fit.study, focal)
        rows.append((name, words, float(found.mean()[0, 0]), lower, upper, float(found.p_positive()[0, 0])))
    return pd.DataFrame(rows, columns=columns)


def residuals(fit: Fit) -> pd.DataFrame:
    """Return fitted values and residuals in SD of the residuals, at most `MOST_PEOPLE`: ``fitted, residual, normal``.

    ``normal`` is what a normal residual of the same rank would be.
    """
    from scipy.special import ndtri

    beta, _ = coefficient_draws(fit.draws, fit.design)
    intercept = float(fit.draws["posterior"][INTERCEPT].mean())
    fitted = intercept + fit.design.rows[0] @ beta.reshape(-1, beta.shape[-1]).mean(axis=0)
    residual = fit.design.y[0] - fitted
    rank = np.argsort(np.argsort(residual))
    normal = ndtri((rank + 0.5) / len(residual))
    kept = np.sort(np.random.default_rng(fit.seed).permutation(len(residual))[:MOST_PEOPLE])
    table = pd.DataFrame({"fitted": fitted, "residual": residual / residual.std(), "normal": normal})
    return table.iloc[kept].reset_index(drop=True)
