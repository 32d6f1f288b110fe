"""Where along a moderator do the groups differ? The Johnson-Neyman region, with its uncertainty.

The adjusted mean difference is a straight line in the moderator. Its posterior gives an interval at each value; the
region is where that interval excludes 0. Where the line itself crosses 0 is uncertain too, and has its own posterior.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from ...arrays import FloatArray
from ...spec import InputError
from ...study.study import Estimand
from ...study.wording import estimand_name
from ..estimands import changes_of
from ..gaussian.exact import GaussianPosterior
from ..models.design import Design
from ..models.moment_design import MomentDesign

GAP = "the adjusted mean difference"
REACH = 2.5
"""SD from the moderator's mean up to which is looked, as far as its range goes."""


@dataclass(frozen=True, kw_only=True)
class JohnsonNeyman:
    """The adjusted mean difference along a moderator.

    Parameters
    ----------
    moderator : str
        Id of the measure.
    effect : str
        What is looked at along it, in words.
    probs : tuple of float
        Probabilities of the intervals that regions are given for.
    band : pandas.DataFrame
        Columns ``value`` (in SD), ``raw`` (in the measure's unit), ``mean, lower, upper``: the gap, second group minus
        reference, in SD of the outcome; ``ci_prob``, and ``excludes_zero``.
    regions : pandas.DataFrame
        Columns ``ci_prob, sign, from, to, from_raw, to_raw``: a row for each stretch of the range looked at in which
        the interval of that probability excludes 0; ``sign`` is that of the gap.
    crossing : pandas.Series
        Posterior of the value, in SD, at which the gap is 0: ``median, lower, upper`` (95 %) and ``p_inside``, the
        probability that it lies in the range looked at. Its mean does not exist.
    """

    moderator: str
    effect: str
    probs: tuple[float, ...]
    band: pd.DataFrame
    regions: pd.DataFrame
    crossing: pd.Series[float]


def gap_weights(
    design: Design | MomentDesign, moderator: str, effect: Estimand | None = None
) -> tuple[FloatArray, FloatArray]:
    """Return the weights of the gap at the moderator's 0, and of its change per unit, each (B, p), in model units.

    Parameters
    ----------
    design : Design or MomentDesign
        Whose columns are weighed.
    moderator : str
        Id of a numeric measure.
    effect : Estimand, optional
        A slope, or a difference of two levels; by default the gap between the study's two groups.

    Raises
    ------
    InputError
        The moderator or group is not in the formula, the moderator is a category, or the gap does not change with it
        along a straight line.
    """
    effect, variables = effect or _groups_gap(design), design.model.variables
    for name in (effect.of or effect.by or design.study.analysis.group, moderator):
        if name not in variables:
            raise InputError(f"model {design.model.name!r}: {name} is not in its formula")
    if design.study.measure(moderator).kind == "category":
        raise InputError(f"{moderator} is a category; a region needs a numeric moderator")
    parts = changes_of(effect, design)

    def gap(value: float) -> FloatArray:
        with np.errstate(invalid="ignore"):
            rows = [
                weight * design.mean_row(fixed={**change["fixed"], moderator: value}, shift=change["shift"])
                for weight, change in parts
            ]
            return np.asarray(sum(rows))

    start, half = _middle(design, moderator)
    first, second, third = (gap(start + step * half) for step in (0, 1, 2))
    rise = second - first
    if not np.isfinite([first, second, third]).all() or np.abs(third - second - rise).max() > 1e-9:
        raise InputError(f"model {design.model.name!r}: the gap is no straight line in {moderator}")
    if not np.abs(rise).max() > 1e-9:
        what = f"slope of {effect.of}" if effect.of else "gap between the groups"
        raise InputError(f"model {design.model.name!r}: the {what} is the same for every {moderator}")
    return first - rise * (start / half), rise / half


def _groups_gap(design: Design | MomentDesign) -> Estimand:
    reference, other = design.study.group_ids
    return Estimand(
        name="difference",
        kind="adjusted_difference",
        meaning="the adjusted mean difference",
        between=(other, reference),
    )


def _middle(design: Design | MomentDesign, moderator: str) -> tuple[float, float]:
    """Return the moderator's mean and half its SD, in model units: there a function such as a logarithm has values."""
    if design.model.scaling == "sample":
        return 0.0, 0.5
    return float(design.scaling.location[moderator].mean()), 0.5 * float(design.scaling.scale[moderator].mean())


def moderators(design: Design | MomentDesign) -> tuple[str, ...]:
    """Return the numeric measures along which the gap between the groups is a straight line that is not level."""

    def works(name: str) -> bool:
        try:
            gap_weights(design, name)
        except InputError:
            return False
        return True

    return tuple(name for name in design.model.variables[1:] if works(name))


def region_table(found: JohnsonNeyman) -> pd.DataFrame:
    """Return regions and crossing as rows of ``johnson_neyman.csv``.

    Returns
    -------
    pandas.DataFrame
        Columns ``moderator, ci_prob, sign, from, to, from_raw, to_raw, crossing, crossing_lower, crossing_upper,
        crossing_inside, effect``; where no interval of a probability excludes 0, one row with ``sign`` 0 and no ends.
    """
    rows = found.regions
    nowhere = [prob for prob in found.probs if prob not in set(rows["ci_prob"])]
    rows = pd.concat([rows, pd.DataFrame({"ci_prob": nowhere, "sign": 0})] if nowhere else [rows], ignore_index=True)
    rows = rows.sort_values(["ci_prob", "from"], ignore_index=True)
    rows.insert(0, "moderator", found.moderator)
    median, lower, upper, inside = found.crossing[["median", "lower", "upper", "p_inside"]]
    return rows.assign(
        crossing=median, crossing_lower=lower, crossing_upper=upper, crossing_inside=inside, effect=found.effect
    )


def johnson_neyman(
    posterior: GaussianPosterior,
    design: Design | MomentDesign,
    moderator: str,
    effect: Estimand | None = None,
    *,
    rng: np.random.Generator,
    probs: Sequence[float] = (0.8, 0.9, 0.95),
    reach: float = REACH,
    points: int = 101,
    draws: int = 4000,
) -> JohnsonNeyman:
    """Find where along a moderator the groups differ.

    Parameters
    ----------
    posterior : GaussianPosterior
        Exact posterior of one data set.
    design : Design or MomentDesign
        Its design, standardised or in raw units.
    moderator : str
        Id of a numeric measure whose slope differs between the groups.
    effect : Estimand, optional
        What is looked at along it; by default the gap between the study's two groups.
    rng : numpy.random.Generator
        For the posterior of the crossing.
    probs : sequence of float
        Probabilities of the equal-tailed intervals that a region is given for; the band has the last.
    reach : float
        Values from -`reach` to `reach` SD are looked at, as far as the measure's range goes.
    points, draws : int
        Points of the band, draws of the crossing.

    Returns
    -------
    JohnsonNeyman

    Raises
    ------
    InputError
        As `gap_weights`; or the posterior is of several data sets.

    References
    ----------
    .. [1] Johnson P. O., Fay L. C. (1950). The Johnson-Neyman technique, its theory and application. Psychometrika
       15(4), 349-367. https://doi.org/10.1007/BF02288864
    """
    if len(posterior.stats) != 1:
        raise InputError("a Johnson-Neyman region is of one data set")
    at_zero, slope = (weights[0] for weights in gap_weights(design, moderator, effect))
    location, scale = (float(part[moderator][0]) for part in (design.scaling.location, design.scaling.scale))
    if not design.standardised:
        unit = float(design.scaling.scale[design.model.outcome][0])
        at_zero, slope = (at_zero + location * slope) / unit, scale * slope / unit
    limits = ((limit - location) / scale for limit in design.study.measure(moderator).limits)
    low, high = (float(np.clip(limit, -reach, reach)) for limit in limits)
    values = np.linspace(low, high, points)
    mixture = posterior.marginal(at_zero + values[:, None] * slope)
    lower, upper = (limit[0] for limit in mixture.eti(probs[-1]))
    band = pd.DataFrame({"value": values, "raw": location + scale * values, "mean": mixture.mean()[0]})
    band = band.assign(lower=lower, upper=upper, ci_prob=probs[-1], excludes_zero=(lower > 0) | (upper < 0))
    found = [(prob, *stretch) for prob in probs for stretch in _stretches(posterior, at_zero, slope, values, prob)]
    regions = pd.DataFrame(found, columns=["ci_prob", "sign", "from", "to"])
    regions = regions.assign(from_raw=location + scale * regions["from"], to_raw=location + scale * regions["to"])
    beta = posterior.draws(rng, draws).coefficients[0]
    return JohnsonNeyman(
        moderator=moderator,
        effect=estimand_name(design.study, effect) if effect else GAP,
        probs=tuple(probs),
        band=band,
        regions=regions,
        crossing=_crossing(-(beta @ at_zero) / (beta @ slope), low, high),
    )


def _stretches(
    posterior: GaussianPosterior, at_zero: FloatArray, slope: FloatArray, values: FloatArray, prob: float
) -> list[tuple[int, float, float]]:
    """Find the stretches in which the interval excludes 0, as (sign, from, to); ends by root finding."""

    def limit(sign: int, value: float) -> float:
        # the interval's end towards 0, times sign: positive where the interval excludes 0 on that side
        ends = posterior.marginal((at_zero + value * slope)[None]).eti(prob)
        return float(ends[0][0, 0] if sign > 0 else -ends[1][0, 0])

    lower, upper = (end[0] for end in posterior.marginal(at_zero + values[:, None] * slope).eti(prob))
    stretches = []
    for sign, excludes in ((1, lower > 0), (-1, upper < 0)):
        edges = np.flatnonzero(np.diff(excludes.astype(int), prepend=0, append=0)).reshape(-1, 2)
        for first, after in edges:
            inner = [
                float(brentq(lambda x, sign=sign: limit(sign, x), values[i - 1], values[i]))
                if 0 < i < len(values)
                else float(values[min(i, len(values) - 1)])
                for i in (first, after)
            ]
            stretches.append((sign, inner[0], inner[1]))
    return stretches


def _crossing(draws: FloatArray, low: float, high: float) -> pd.Series[float]:
    lower, median, upper = np.quantile(draws, [0.025, 0.5, 0.975])
    inside = float(((draws >= low) & (draws <= high)).mean())
    return pd.Series({"median": median, "lower": lower, "upper": upper, "p_inside": inside}, dtype=float)
