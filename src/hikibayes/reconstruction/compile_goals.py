"""From a study's facts to the arrays that the search reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ..record.facts import Fact
from ..record.intervals import Interval
from ..record.study import Study
from ..spec import InputError
from . import goals as g
from .columns import Columns

__all__ = ["Compiled", "attention", "compile_goals", "facing_walls", "in_regressions", "missed_facts", "search_space"]

EDGE = 0.01
"""How far inside its rounding interval a number must end, as a share of the half width."""
PULL = 0.3
"""How far inside it is pulled: a descent to the edge itself would crawl."""
WALL_SLACK = 0.25
"""How much of its distance inside a one-sided bound a number may lose in the search."""
HAIR = 1e-6
"""How far inside a one-sided bound a number must end, in widths."""
EFFECT_ORIGIN = 0.5
OUTCOME_SHARE = 0.6

REGRESSION = {
    "r2": g.R2,
    "adjusted_r2": g.ADJUSTED_R2,
    "r2_p": g.F,
    "delta_r2": g.DELTA_R2,
    "delta_r2_p": g.DELTA_F,
    "coefficient": g.COEFFICIENT,
    "coefficient_se": g.STANDARD_ERROR,
    "coefficient_p": g.T,
    "slope": g.COEFFICIENT,
    "slope_se": g.STANDARD_ERROR,
    "slope_p": g.T,
    "vif": g.VIF,
}
P_VALUES = ("p", "r2_p", "delta_r2_p", "coefficient_p", "slope_p")
WIDTHS = {g.T: 0.05, g.F: 0.1, g.VIF: 0.05, g.DELTA_F: 0.1}
"""What counts as 1 outside a one-sided bound, by kind of a regression's goal; .01 for the others."""


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """Goals, and the id of the fact that each of them is.

    Attributes
    ----------
    goals : Goals
    plain_facts, regression_facts : tuple of str
        In the order of the goals.
    """

    goals: g.Goals
    plain_facts: tuple[str, ...]
    regression_facts: tuple[str, ...]


def compile_goals(study: Study, columns: Columns) -> Compiled:
    """Translate every fact that the searched columns determine.

    Raises
    ------
    InputError
        A product whose measure or group is not among the terms of its step.
    """
    plain = [
        (fact.id, goal)
        for fact in study.facts
        if fact.usual and fact.of and fact.of in columns and (goal := _plain(study, columns, fact))
    ]
    steps = _steps_in_use(study)
    chains, orders = _chains(study, columns, steps)
    parts: list[tuple[int, float, float]] = []
    regression = []
    for fact in study.facts:
        if fact.usual and fact.step and fact.quantity in REGRESSION:
            order = orders[chains.steps[steps.index(fact.step)]["chain"]]
            for goal, combined in _regression(study, columns, fact, steps, order):
                regression.append((fact.id, {**goal, "first_part": len(parts), "parts": len(combined)}))
                parts += combined
    return Compiled(
        goals=g.Goals(
            plain=_records(g.PLAIN, [goal for _, goal in plain]),
            regression=_records(g.REGRESSION, [goal for _, goal in regression]),
            parts=np.array(parts, dtype=g.PART),
            chains=chains,
        ),
        plain_facts=tuple(name for name, _ in plain),
        regression_facts=tuple(name for name, _ in regression),
    )


def _records(form: np.dtype[np.void], goals: Sequence[dict[str, Any]]) -> g.Records:
    return np.array([tuple(goal[name] for name in form.names or ()) for goal in goals], dtype=form)


# -- intervals -------------------------------------------------------------------------------------------------------


def _bounds(fact: Fact, interval: Interval, width: float) -> dict[str, float]:
    """Return the interval that a number is pulled to, the distance that counts as 1, and the slack in that unit."""
    low, high = interval.low, interval.high
    if fact.relation in ("=", "about"):
        if low == high:
            return {"low": low, "high": high, "width": width, "slack": HAIR}
        if interval.bounded:
            half = interval.half_width
            return {"low": low + PULL * half, "high": high - PULL * half, "width": half, "slack": PULL - EDGE}
        return {"low": low + HAIR * width, "high": high - HAIR * width, "width": width, "slack": 0.0}
    # a small p is a large test statistic
    below = (fact.relation in ("<", "<=")) != (fact.quantity in P_VALUES)
    if below:
        return {"low": -np.inf, "high": high - PULL * width, "width": width, "slack": PULL - HAIR}
    return {"low": low + PULL * width, "high": np.inf, "width": width, "slack": PULL - HAIR}


def _test_interval(p: Interval, isf: Any) -> Interval:
    """Turn an interval of p into one of the test statistic."""
    return Interval(float(isf(p.high)) if p.high < 1 else 0.0, float(isf(p.low)) if p.low > 0 else np.inf)


# -- one or two columns ----------------------------------------------------------------------------------------------


def _plain(study: Study, columns: Columns, fact: Fact) -> dict[str, Any] | None:
    kinds = {"mean": g.MEAN, "proportion": g.MEAN, "sd": g.SD, "correlation": g.CORRELATION, "d": g.COHEN_D}
    kinds |= {"mean_difference": g.DIFFERENCE, "proportion_difference": g.DIFFERENCE}
    kinds |= {"t": g.STUDENT_T if fact.test == "student" else g.WELCH_T}
    kinds |= {"p": g.STUDENT_T} if fact.test == "student" else {"p": g.WELCH_Z, "df": g.WELCH_DF}
    if fact.quantity not in kinds or fact.of is None:
        return None
    first = columns.position(fact.of)
    grain = 1.0 if first == 1 else float(columns.grain[first - 2])
    origin = 0.0 if first == 1 else float(columns.origin[first - 2])
    # the kernel subtracts the first group from the second, and counts the second level
    sign = -1.0 if fact.between == study.group_ids else 1.0
    if fact.level and fact.level == study.measure(fact.of).levels[0].id:
        origin, grain, sign = 1.0, -grain, -sign
    in_units = fact.quantity in ("mean", "sd", "proportion", "mean_difference", "proportion_difference")
    factor = {"df": 1.0, "correlation": 1.0, "mean": grain, "proportion": grain, "sd": grain}.get(
        fact.quantity, sign * (abs(grain) if in_units else 1.0)
    )
    interval, width = fact.interval, 0.01 * (abs(grain) * 10 if in_units and abs(grain) != 1 else 1.0)
    if fact.quantity == "p":
        reference = stats.t(sum(columns.sizes) - 2) if fact.test == "student" else stats.norm()
        interval = _test_interval(interval, lambda p: reference.isf(p / 2))
        width = WIDTHS[g.T]
    return {
        "kind": kinds[fact.quantity],
        "first": first,
        "second": columns.position(fact.with_) if fact.with_ else 0,
        "scope": study.group_ids.index(fact.group) if fact.group else 2,
        "factor": factor,
        "shift": origin,
        "absolute": fact.absolute or fact.quantity == "p",
        **_bounds(fact, interval, width),
    }


# -- regressions -----------------------------------------------------------------------------------------------------


def _steps_in_use(study: Study) -> list[str]:
    """Return the steps that facts speak of and those they come after, the shortest first."""
    names = {fact.step for fact in study.facts if fact.step}
    names |= {before for name in names if (before := study.step(name).after)}
    return sorted(names, key=lambda name: (len(study.terms(name)), name))


def _chains(study: Study, columns: Columns, steps: Sequence[str]) -> tuple[g.Chains, list[list[str]]]:
    """Put each step into the first chain that it continues; otherwise it begins one of its own."""
    orders: list[list[str]] = []
    chain_of: list[int] = []
    for name in steps:
        terms = study.terms(name)
        _refuse_orphans(study, name)
        fitting = [c for c, order in enumerate(orders) if set(order) <= set(terms)]
        chain = fitting[0] if fitting else len(orders)
        if not fitting:
            orders.append([])
        orders[chain] += [term for term in terms if term not in orders[chain]]
        chain_of.append(chain)
    longest = max((len(order) for order in orders), default=0) + 2
    base, product = np.zeros((len(orders), longest), np.int64), np.zeros((len(orders), longest), np.bool_)
    for c, order in enumerate(orders):
        for i, term in enumerate(order, start=1):
            base[c, i], product[c, i] = columns.position(_measure(study, term)), ":" in term
        base[c, len(order) + 1] = columns.position(study.analysis.outcome)
    known = [
        (chain, len(study.terms(name)) + 1, steps.index(after) if (after := study.step(name).after) else -1)
        for chain, name in zip(chain_of, steps, strict=True)
    ]
    chains = g.Chains(
        base=base,
        product=product,
        length=np.array([len(order) + 1 for order in orders], np.int64),
        steps=np.array(known, dtype=g.STEP_OF_ANALYSIS),
    )
    return chains, orders


def _measure(study: Study, term: str) -> str:
    """Return the measure of a term: of a product, the one that is not the group."""
    parts = [part for part in term.split(":") if part != study.analysis.group]
    return parts[0] if parts else study.analysis.group


def _refuse_orphans(study: Study, step: str) -> None:
    terms, group = study.terms(step), study.analysis.group
    for term in terms:
        needed = {group, _measure(study, term)} if ":" in term else set()
        if missing := needed - set(terms):
            raise InputError(f"step {step!r}: the product {term!r} needs {min(missing)!r} among the terms")


type Combined = list[tuple[int, float, float]]


def _regression(
    study: Study, columns: Columns, fact: Fact, steps: Sequence[str], order: Sequence[str]
) -> Iterable[tuple[dict[str, Any], Combined]]:
    """Return the goals of a fact (one for each term if it is about every term) and the coefficients they combine."""
    kind, step = REGRESSION[fact.quantity], fact.step or ""
    if kind == g.DELTA_R2 and fact.adjusted:
        kind = g.DELTA_ADJUSTED_R2
    interval = fact.interval
    if fact.quantity in P_VALUES:
        interval = _test_interval(interval, _survival(study, columns, fact))
    common: dict[str, Any] = {"kind": kind, "step": steps.index(step), "absolute": fact.absolute or kind == g.T}
    common |= _bounds(fact, interval, WIDTHS.get(kind, 0.01))
    every = fact.quantity == "vif" and fact.term is None
    if every and fact.relation == "=":
        # the greatest of a step: each is at most that
        common["low"] = -np.inf
    for term in study.terms(step) if every else (fact.term or fact.of,):
        if term is None:
            yield {**NO_TERM, **common}, []
        else:
            printed, combined = _combination(study, columns, fact, term, order)
            yield {**NO_TERM, **common, **printed}, combined


def _survival(study: Study, columns: Columns, fact: Fact) -> Any:
    """Return the inverse survival function of the statistic that a p-value belongs to."""
    step = study.step(fact.step or "")
    k, n = len(study.terms(step.id)), sum(columns.sizes)
    if REGRESSION[fact.quantity] == g.T:
        return lambda p: stats.t.isf(p / 2, n - k - 1)
    added = k if fact.quantity == "r2_p" or step.after is None else k - len(study.terms(step.after))
    return lambda p: stats.f.isf(p, added, n - k - 1)


NO_TERM = {
    **{"column": 0, "code_0": 1.0, "code_1": 1.0, "origin": 0.0, "origin_mean": 0.0},
    **{"unit": g.NOTHING, "per_outcome": False, "factor": 1.0},
}


def _combination(
    study: Study, columns: Columns, fact: Fact, term: str, order: Sequence[str]
) -> tuple[dict[str, Any], Combined]:
    """Say which combination of the chain's coefficients a printed one is, and of which regressor.

    The chain uses counts and a 0/1 group. With products ``(group - e) * (x - m)`` the coefficient of a measure is its
    slope at ``group = e``, that of the group is the gap at ``x = m`` for every measure in a product, and the product's
    is the same in every coding.
    """
    group, products = study.analysis.group, fact.products or study.analysis.products
    is_slope = fact.quantity.startswith("slope")
    e = _group_origin(study, columns, fact, products)
    name = _measure(study, term)
    of_products = [other for other in study.terms(fact.step or "") if ":" in other]
    at_group = 0.0
    if is_slope:
        at_group = float(study.group_ids.index(fact.group or ""))
    elif ":" not in term:
        at_group = e
    combined = [(order.index(term) + 1, 1.0, 0.0)]
    for other in of_products:
        if term == group:
            combined.append((order.index(other) + 1, *_product_origin(columns, _measure(study, other), products)))
        elif other != term and _measure(study, other) == name:
            combined.append((order.index(other) + 1, at_group, 0.0))
    origin, origin_mean = _product_origin(columns, name, products) if ":" in term else (0.0, 0.0)
    codes = (-e, 1 - e) if group in term.split(":") else (1.0, 1.0)
    printed = {"column": 0 if term == group else columns.position(name), "code_0": codes[0], "code_1": codes[1]}
    printed |= {"origin": origin, "origin_mean": origin_mean}
    return printed | _unit(study, columns, fact, term, "z" if is_slope else products), combined


def _group_origin(study: Study, columns: Columns, fact: Fact, products: str) -> float:
    """Return where on the 0/1 code of the group a coding has its zero."""
    if products == "centred":
        return columns.sizes[1] / sum(columns.sizes)
    return EFFECT_ORIGIN if (fact.coding or study.analysis.coding) == "effect" else 0.0


def _product_origin(columns: Columns, name: str, products: str) -> tuple[float, float]:
    """Return where on a measure's counts its products have their zero: a constant, and a multiple of the mean."""
    category = bool(columns.binary[columns.names.index(name)])
    if products == "raw" or (products == "z" and category):
        index = columns.names.index(name)
        return float(-columns.origin[index] / columns.grain[index]), 0.0
    return 0.0, 1.0


def _unit(study: Study, columns: Columns, fact: Fact, term: str, products: str) -> dict[str, Any]:
    """Return the unit of a printed coefficient: SDs where standardised, the measures' own otherwise."""
    outcome = columns.grain[-1]
    name = _measure(study, term)
    own = 1.0 if name == study.analysis.group else float(columns.grain[columns.names.index(name)])
    standardised = fact.standardised if fact.standardised is not None else study.analysis.standardised
    if not standardised:
        return {"unit": g.NOTHING, "per_outcome": False, "factor": float(outcome / own)}
    if products != "z":
        return {"unit": g.SD_OF_COLUMN, "per_outcome": True, "factor": 1.0}
    category = name == study.analysis.group or study.measure(name).kind == "category"
    return {"unit": g.NOTHING if category else g.SD_OF_MEASURE, "per_outcome": True, "factor": 1.0}


# -- moves -----------------------------------------------------------------------------------------------------------


def search_space(columns: Columns, odd_share: NDArray[np.float64]) -> g.Space:
    """Return where the rows may go.

    Parameters
    ----------
    columns : Columns
    odd_share : ndarray, shape (m,)
        Largest share of odd scores in each column; 1 where it does not matter.
    """
    m, n = len(columns.names), sum(columns.sizes)
    even = odd_share < 1
    moves = np.zeros(m + 2, dtype=g.COLUMN)
    moves["move"][:2], moves["stride"], moves["odd_cap"] = g.FIXED, 1, n
    found = moves[2:]
    found["lowest"], found["highest"] = columns.lowest, columns.highest
    found["move"] = np.where(columns.binary, g.SWAP, np.where(even, g.EVEN_STEP, g.STEP))
    found["stride"] = np.where(even, 2, np.clip((columns.highest - columns.lowest) // 20, 1, 3))
    found["parity"] = np.rint(columns.origin / columns.grain)
    found["odd_cap"] = np.floor(odd_share * n)
    return g.Space(
        group=np.repeat(np.array([0, 1]), columns.sizes),
        start=np.array([0, columns.sizes[0], n]),
        columns=moves,
        frozen=np.zeros((n, m + 2), np.bool_),
    )


def attention(columns: Columns, chains: g.Chains, *, outcome: bool) -> NDArray[np.float64]:
    """Return the cumulative probabilities with which changes are proposed for the columns of the rows.

    Parameters
    ----------
    columns : Columns
    chains : Chains
        What a regression uses comes more often.
    outcome : bool
        Whether the outcome comes most often: its changes move every regression, and are the cheapest to judge.
    """
    used = in_regressions(columns, chains)
    shares = np.where(used & ~columns.binary, 1.0, 0.5)
    if outcome and len(shares) > 1:
        shares[-1] = OUTCOME_SHARE / (1 - OUTCOME_SHARE) * shares[:-1].sum()
    cumulative: NDArray[np.float64] = np.cumsum(np.concatenate([np.zeros(2), shares])) / shares.sum()
    return cumulative


def in_regressions(columns: Columns, chains: g.Chains) -> NDArray[np.bool_]:
    """Return which measures a regression uses, shape (m,)."""
    return np.isin(np.arange(2, len(columns.names) + 2), chains.base)


# -- one data set's goals --------------------------------------------------------------------------------------------


def facing_walls(goals: g.Goals, plain: NDArray[np.float64], regression: NDArray[np.float64]) -> g.Goals:
    """Return goals whose one-sided bounds reflect what starts beyond them.

    Parameters
    ----------
    goals : Goals
    plain, regression : ndarray
        The numbers that the rows print before the search.

    Returns
    -------
    Goals
        A number that starts beyond a bound by some distance is pulled to as far inside (three widths at most): if
        every one stopped at the bound itself, data sets would pile up there.
    """
    return goals._replace(plain=_reflected(goals.plain, plain), regression=_reflected(goals.regression, regression))


def _reflected(goals: g.Records, values: NDArray[np.float64]) -> g.Records:
    goals = goals.copy()
    found = np.where(goals["absolute"], np.abs(values), values)
    width = goals["width"]
    for edge, open_edge, sign in (("low", "high", 1.0), ("high", "low", -1.0)):
        one_sided = np.isinf(goals[open_edge]) & np.isfinite(goals[edge])
        bound = goals[edge] - sign * PULL * width
        inside = sign * (found - bound)
        margin = np.where(inside > 0, np.minimum(inside, PULL * width), np.minimum(-inside, 3 * width))
        margin = np.maximum(margin, 2 * HAIR * width)
        goals[edge] = np.where(one_sided, bound + sign * margin, goals[edge])
        goals["slack"] = np.where(one_sided, WALL_SLACK * margin / width, goals["slack"])
    return goals


def missed_facts(compiled: Compiled, plain: NDArray[np.float64], regression: NDArray[np.float64]) -> list[str]:
    """Return the ids of the facts that numbers computed from some rows do not reach."""
    missed = []
    groups = (
        (compiled.goals.plain, plain, compiled.plain_facts),
        (compiled.goals.regression, regression, compiled.regression_facts),
    )
    for goals, values, facts in groups:
        found = np.where(goals["absolute"], np.abs(values), values)
        outside = np.maximum(goals["low"] - found, found - goals["high"]) / goals["width"]
        far = np.isnan(found) | (outside > goals["slack"])
        missed += [fact for fact, flag in zip(facts, far, strict=True) if flag]
    return list(dict.fromkeys(missed))
