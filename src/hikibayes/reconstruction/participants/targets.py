"""From one reconstruction to the group moments that a data set is pulled to, in counts.

A reconstruction has the outcome, the covariates and the predictors, in SD units. The rest is drawn from the study's
assumptions: raw means and SDs here, whatever entered no regression in `other_measures`. The number of people at each
level of a category is the whole number that is nearest to its share and agrees with what is printed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import xarray as xr

from ...arrays import FloatArray
from ...spec import InputError
from ...study.facts import Fact
from ...study.study import Study
from .columns import Columns
from .known import Known, sample
from .other_measures import append_measures

LEAST_ODD = 0.2
"""Smallest variance of the difference of two items (and so, nearly, share of odd totals) that totals are asked for."""
UNKNOWN_SCALE = {"mean": (0.5, 0.08), "sd": (0.2, 0.03)}
"""Mean and SD of the raw mean and raw SD, in ranges, of a scale outside every regression of which nothing is known."""
ATTEMPTS = 200
MOST_COUNTS = 2e5
"""Of three and more groups, so many combinations of numbers of people are tried, the nearest first."""


@dataclass(frozen=True, kw_only=True)
class Draws:
    """Reconstructions as plain arrays: reading a labelled one for each data set would take longer than the search.

    Attributes
    ----------
    names : tuple of str, length k
        The measures.
    mean : ndarray, shape (draws, groups, k)
    cov : ndarray, shape (draws, groups, k, k)
        In SD units of the total sample, categories as 0/1.
    location, scale : ndarray, shape (draws, k)
        Raw mean and SD where they are known, NaN elsewhere.
    """

    names: tuple[str, ...]
    mean: FloatArray
    cov: FloatArray
    location: FloatArray
    scale: FloatArray

    @classmethod
    def of(cls, reconstructions: xr.Dataset, study: Study) -> Draws:
        """Take the arrays out of a Dataset with the dims ``draw, group, measure, measure_2``."""
        draws = reconstructions.sel(group=list(study.samples))
        mean = draws["mean"].transpose("draw", "group", "measure").values.astype(float)
        cov = draws["cov"].transpose("draw", "group", "measure", "measure_2")
        unknown = np.full((len(mean), mean.shape[2]), np.nan)
        raw = {
            name: np.broadcast_to(_by_draw(draws[name]), unknown.shape) if name in draws else unknown
            for name in ("location", "scale")
        }
        names = tuple(str(name) for name in draws["measure"].values)
        return cls(names=names, mean=mean, cov=cov.sel(measure_2=list(names)).values.astype(float), **raw)


def _by_draw(values: xr.DataArray) -> FloatArray:
    found: FloatArray = values.transpose(..., "measure").values.astype(float)
    return found


@dataclass(frozen=True, kw_only=True)
class Targets:
    """What one data set is pulled to.

    Attributes
    ----------
    mean : ndarray, shape (k, m)
        Group means in counts.
    cov : ndarray, shape (k, m, m)
        Group covariances in counts, divisor n - 1.
    alpha : ndarray, shape (m,)
        Reliability of a scale of two items; NaN where none is printed or assumed, and for other measures.
    odd_share : ndarray, shape (m,)
        Largest share of odd totals that leaves that reliability possible; 1 where it does not matter.
    bend : ndarray, shape (k, q)
        Slopes of the outcome, in counts, on products of z scores, beside everything else.
    """

    mean: FloatArray
    cov: FloatArray
    alpha: FloatArray
    odd_share: FloatArray
    bend: FloatArray


@dataclass(frozen=True, kw_only=True)
class TargetMaker:
    """Draws the moments of data sets.

    Attributes
    ----------
    study : Study
        Without open readings.
    columns : Columns
        How measures are counted.
    known : Known
        Facts and assumptions of the study.
    draws : Draws
        The reconstructions.
    """

    study: Study
    columns: Columns
    known: Known
    draws: Draws

    def make(self, draw: int, rng: np.random.Generator) -> Targets:
        """Draw what the reconstruction leaves open, and translate everything into counts.

        Raises
        ------
        InputError
            The raw mean or SD of a scale is neither printed nor assumed, or no counts print a category's numbers.
        """
        columns, draws = self.columns, self.draws
        own = [name for name in columns.names if name in draws.names]
        where = [draws.names.index(name) for name in own]
        extra = [name for name in columns.names if name not in draws.names]
        mean, cov = draws.mean[draw][:, where], draws.cov[draw][:, where][:, :, where]
        mean, cov = append_measures(self.known, columns, (mean, cov), own, extra, rng=rng)
        order = [[*own, *extra].index(name) for name in columns.names]
        mean, cov = self._with_counts(mean[:, order], cov[:, order][:, :, order])
        location, scale, alpha = np.array(
            [self._raw_units(draw, i, mean[:, i], np.sqrt(cov[:, i, i]), rng) for i in range(len(order))]
        ).T
        spread = scale / columns.grain
        share = np.where(np.isnan(alpha), 1.0, np.minimum(0.9 * spread**2 * (1 - alpha), 1.0))
        return Targets(
            mean=np.where(columns.binary, mean, (location + mean * scale - columns.origin) / columns.grain),
            cov=cov * spread[:, None] * spread[None, :],
            alpha=alpha,
            odd_share=share,
            bend=spread[-1] * self._bend(draw),
        )

    def _bend(self, draw: int) -> FloatArray:
        """Return the outcome's slopes on products (k, q), in SD units, in each group's own regression on everything."""
        names, cov = self.draws.names, self.draws.cov[draw]
        others = [i for i, name in enumerate(names) if name != self.study.analysis.outcome]
        products = [i for i, name in enumerate(others) if ":" in names[name]]
        y = names.index(self.study.analysis.outcome)
        slopes = np.linalg.solve(cov[:, others][:, :, others], cov[:, others, y][..., None])[..., 0]
        return np.asarray(slopes[:, products])

    # -- raw units ---------------------------------------------------------------------------------------------------

    def _raw_units(
        self, draw: int, i: int, mean: FloatArray, sd: FloatArray, rng: np.random.Generator
    ) -> tuple[float, float, float]:
        """Return raw mean, raw SD and (of two items) reliability of a measure in the total sample.

        ``mean`` and ``sd``, shape (k,), are those of the groups in SD units: a raw number that is printed of a group
        tells that of the total sample.
        """
        if self.columns.binary[i]:
            return 0.0, 1.0, math.nan
        scale, alpha = self.raw_scale(draw, i, sd, rng)
        return self._raw_mean(draw, i, scale * mean, rng), scale, alpha

    def raw_scale(self, draw: int, i: int, sd: FloatArray, rng: np.random.Generator) -> tuple[float, float]:
        """Return raw SD in the total sample and (of two items) reliability of measure number ``i``.

        Parameters
        ----------
        draw : int
            Which reconstruction.
        i : int
            Which of the columns, not a category.
        sd : ndarray, shape (k,)
            The groups' SDs in SD units: a printed SD of a group tells that of the total sample.
        rng : numpy.random.Generator
            Draws what is assumed.

        Raises
        ------
        InputError
            The SD is neither printed nor assumed.
        """
        for _ in range(ATTEMPTS):
            scale = self._raw_sd(draw, i, sd, rng)
            alpha = self._reliability(i, rng) if self.columns.two_items[i] else math.nan
            # two items whose sum has this variance differ by too little, for this reliability, to leave odd sums
            if np.isnan(alpha) or (scale / self.columns.grain[i]) ** 2 * (1 - alpha) >= LEAST_ODD:
                break
        return scale, alpha

    def _raw_sd(self, draw: int, i: int, sd: FloatArray, rng: np.random.Generator) -> float:
        if np.isfinite(known := self._known_number(self.draws.scale, draw, i)):
            return known
        printed = self._printed("sd", i, rng)
        total, by_group = [v for k, v in printed if k < 0], [v / sd[k] for k, v in printed if k >= 0]
        return float(np.mean(total or by_group)) if total or by_group else self._assumed("sd", i, rng)

    def _raw_mean(self, draw: int, i: int, mean: FloatArray, rng: np.random.Generator) -> float:
        if np.isfinite(known := self._known_number(self.draws.location, draw, i)):
            return known
        printed = self._printed("mean", i, rng)
        total, by_group = [v for k, v in printed if k < 0], [v - mean[k] for k, v in printed if k >= 0]
        return float(np.mean(total or by_group)) if total or by_group else self._assumed("mean", i, rng)

    def _known_number(self, known: FloatArray, draw: int, i: int) -> float:
        name = self.columns.names[i]
        return float(known[draw, self.draws.names.index(name)]) if name in self.draws.names else math.nan

    def _printed(self, quantity: str, i: int, rng: np.random.Generator) -> list[tuple[int, float]]:
        """Return numbers that a paper may have rounded to what it printed, each with its group (-1: the total)."""
        groups = self.study.group_names
        return [
            (groups.index(fact.group) if fact.group else -1, float(rng.uniform(fact.interval.low, fact.interval.high)))
            for fact in self.known.printed(quantity, self.columns.names[i])
            if fact.relation in ("=", "about")
        ]

    def _assumed(self, quantity: str, i: int, rng: np.random.Generator) -> float:
        name = self.columns.names[i]
        assumed = self.known.assumed(f"raw_{quantity}", name)
        if assumed is None and name not in self.draws.names:
            low, high = self.columns.measures[i].limits
            share, spread = UNKNOWN_SCALE[quantity]
            return float(low * (quantity == "mean") + (high - low) * rng.normal(share, spread))
        if assumed is None:
            needed = f"an [[assumption]] of quantity 'raw_{quantity}' is needed"
            raise InputError(
                f"the {quantity} of measure {name!r} is not printed; {needed}", source=f"study {self.study.id}"
            )
        return sample(assumed, rng)

    def _reliability(self, i: int, rng: np.random.Generator) -> float:
        """Draw the reliability of a scale of two items from what is printed and assumed."""
        name = self.columns.names[i]
        facts = [fact for fact in self.known.printed("alpha", name) if not fact.subscale and not fact.group]
        low = max((fact.interval.low for fact in facts), default=-math.inf)
        high = min((fact.interval.high for fact in facts), default=1.0)
        if any(fact.relation == "=" for fact in facts):
            return (low + high) / 2
        assumed = self.known.assumed("alpha", name)
        if assumed is None:
            return float(rng.uniform(low, high)) if math.isfinite(low) else math.nan
        edge = 0.02 * (high - max(low, -1.0))
        return float(np.clip(sample(assumed, rng), low + edge, high - edge))

    # -- counts of a category ----------------------------------------------------------------------------------------

    def _with_counts(self, mean: FloatArray, cov: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Round the share of a category's second level to whole people."""
        mean, cov = mean.copy(), cov.copy()
        for i in np.flatnonzero(self.columns.binary):
            counts = self._nearest_counts(self.columns.names[i], mean[:, i])
            for k, size in enumerate(self.columns.sizes):
                mean[k, i] = counts[k] / size
                variance = counts[k] * (size - counts[k]) / (size * (size - 1))
                # correlations stay as they are
                ratio = math.sqrt(variance / cov[k, i, i])
                cov[k, i, :] *= ratio
                cov[k, :, i] *= ratio
        return mean, cov

    def _nearest_counts(self, name: str, share: FloatArray) -> tuple[int, ...]:
        sizes = self.columns.sizes
        kinds = ("proportion", "proportion_difference", "count")
        facts = [fact for kind in kinds for fact in self.known.printed(kind, name)]
        most = None if len(sizes) < 3 else max(3, int(MOST_COUNTS ** (1 / len(sizes))))
        near = [
            1 + np.argsort(np.abs(np.arange(1, n) / n - here), kind="stable")[:most]
            for n, here in zip(sizes, share, strict=True)
        ]
        wished = reduce(np.add.outer, [(c / n - p) ** 2 for c, n, p in zip(near, sizes, share, strict=True)])
        for index in np.argsort(wished, axis=None):
            places = np.unravel_index(index, wished.shape)
            counts = tuple(int(c[place]) for c, place in zip(near, places, strict=True))
            if all(_share_fits(self.study, fact, counts, self.columns.sizes) for fact in facts):
                return counts
        named = ", ".join(repr(fact.id) for fact in facts)
        raise InputError(f"no whole numbers of people print {named}", source=f"study {self.study.id}")


def _share_fits(study: Study, fact: Fact, counts: Sequence[int], sizes: tuple[int, ...]) -> bool:
    if fact.level == study.measure(fact.of or "").levels[0].id:
        counts = [size - count for size, count in zip(sizes, counts, strict=True)]
    shares = {name: count / size for name, count, size in zip(study.samples, counts, sizes, strict=True)}
    if fact.quantity == "count":
        value = float(counts[study.group_names.index(fact.group)] if fact.group else sum(counts))
    elif fact.between:
        value = shares[fact.between[0]] - shares[fact.between[1]]
    else:
        value = shares[fact.group] if fact.group else sum(counts) / sum(sizes)
    bound = float(fact.value) / (100 if fact.unit == "percent" else 1)
    return fact.holds(value) and not (fact.relation in ("<", ">") and value == bound)
