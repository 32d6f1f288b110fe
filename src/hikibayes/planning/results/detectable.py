"""The smallest effect that a study of a given size finds: power read off along the effect instead of along n."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ...arrays import FloatArray
from ..designs.cells import Sample, axis_labels
from ..run.replicates import Replicates
from .sample_size import INTERVAL, bootstrap, crossing, fresh, monotone, successes

COLUMNS = (
    *("estimand", "decision", "target", "effect", "lower", "upper"),
    *("confirmed", "confirmed_mcse", "reached", "at_most"),
)


@dataclass(frozen=True, kw_only=True)
class _Curve:
    """Cells of the first decision that differ in their effect alone, other than 0 and on one side of it.

    Parameters
    ----------
    members : list of int, length G
        Cells, from small effects to large ones.
    size : array, shape (G,)
        Of the effects.
    share, covariance : array, shape (G,) and (G, G)
        Power or assurance; all the cells share their worlds.
    last : Sample
        That of the largest effect.
    """

    members: list[int]
    size: FloatArray
    share: FloatArray
    covariance: FloatArray
    last: Sample

    def reaches(self, target: float) -> float:
        """Return the size of the effect that reaches a target; NaN where no simulated one does."""
        return float(_at(self.size, monotone(self.share[None]), target)[0])

    def sample(self, size: float) -> Sample:
        """Return its sample of another effect, on the same side."""
        return replace(self.last, effect=float(f"{np.sign(self.last.effect or 0) * size:.4g}"))


def detectable(replicates: Replicates) -> pd.DataFrame:
    """Find the smallest effect that reaches each target, for every size, under the first decision.

    Returns
    -------
    DataFrame
        The axes but ``effect``; ``target``; ``effect`` (empty where the largest simulated one does not reach it),
        ``lower`` and ``upper`` of its bootstrap interval, ``confirmed`` (power of that effect in a fresh batch of
        studies, with its Monte Carlo standard error; under the first analysis), ``reached``, and ``at_most`` where the
        smallest simulated one reaches it already. No rows without ``targets.detectable``.

    Notes
    -----
    A monotone fit along the size of the effect, read off on the probit of power: for one population and a rule about an
    interval a straight line.
    """
    simulation = replicates.simulation
    rows: list[dict[str, object]] = []
    labels = axis_labels(replicates.cells)
    decision = simulation.decisions[0]
    for curve in _curves(replicates):
        again = monotone(bootstrap(curve.share, curve.covariance, simulation.run.seed))
        axes = {name: value for name, value in labels[curve.members[0]].items() if name != "effect"}
        side = np.sign(curve.last.effect or 0)
        for target in simulation.targets.detectable:
            found = curve.reaches(target)
            ends = np.percentile(np.nan_to_num(_at(curve.size, again, target), nan=np.inf), INTERVAL, method="nearest")
            ends = np.where(np.isfinite(ends) & np.isfinite(found), ends, np.nan)
            effect, lower, upper = (float(side * value) for value in (found, *ends))
            row = {"estimand": decision.estimand, "decision": decision.name, "target": target, "effect": effect}
            row |= {"lower": min(lower, upper), "upper": max(lower, upper)}
            first = np.isfinite(found) and replicates.is_first(curve.members[0])
            row |= fresh(replicates, curve.sample(found) if first else None)
            rows.append(axes | row | {"reached": bool(np.isfinite(found)), "at_most": bool(found <= curve.size[0])})
    return pd.DataFrame(rows, columns=[*(name for name in labels[0] if name != "effect"), *COLUMNS])


def nearest(power: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Keep the cells that are nearest to a smallest effect that was found, and those of no effect.

    Parameters
    ----------
    power : DataFrame
        See `performance`.
    found : DataFrame
        See `detectable`; where it is empty, every cell stays.
    """
    if not len(found):
        return power
    same = [name for name in found if name in power and name not in ("effect", "estimand")]
    pairs = power.reset_index().merge(found[[*same, "target", "effect"]], on=same, suffixes=("", "_found"))
    pairs = pairs[pairs["effect_found"].notna()]
    away = (pairs["effect"] - pairs["effect_found"]).abs()
    closest = away.groupby([pairs[name] for name in (*same, "target")], dropna=False).idxmin()
    return power.loc[sorted({*pairs.loc[closest, "index"], *power.index[power["effect"] == 0]})]


def effects_wanted(replicates: Replicates, close: float) -> list[Sample]:
    """Return samples at the effects where targets are crossed, where no simulated one is as close as that."""
    return _found(replicates, lambda curve, size: bool(np.abs(curve.size / size - 1).min() > close))


def effects_found(replicates: Replicates) -> list[Sample]:
    """Return samples of the smallest effects that a search has found under the first analysis, each once."""
    if not replicates.simulation.run.refine:
        return []
    return _found(replicates, lambda curve, size: replicates.is_first(curve.members[0]) and size > curve.size[0])


def _found(replicates: Replicates, wanted: Callable[[_Curve, float], bool]) -> list[Sample]:
    targets = replicates.simulation.targets.detectable
    sizes = [(curve, curve.reaches(target)) for curve in _curves(replicates) for target in targets]
    chosen = [curve.sample(size) for curve, size in sizes if np.isfinite(size) and wanted(curve, size)]
    return list(dict.fromkeys(chosen))


def _curves(replicates: Replicates) -> Iterator[_Curve]:
    if not replicates.simulation.targets.detectable:
        return
    groups: dict[object, list[int]] = {}
    decision = replicates.simulation.decisions[0]
    for i, cell in enumerate(replicates.cells):
        effect = cell.sample.effect
        if effect and replicates.answers(i, decision):
            side = replace(cell.sample, effect=float(np.sign(effect)))
            groups.setdefault((cell.model, cell.prior, side), []).append(i)
    for members in groups.values():
        sizes = {i: abs(replicates.cells[i].sample.effect or 0.0) for i in members}
        ordered = sorted(members, key=sizes.__getitem__)
        counted = np.stack([successes(replicates, i, decision) for i in ordered])
        share = counted.mean(axis=1)
        away = counted - share[:, None]
        yield _Curve(
            members=ordered,
            size=np.array([sizes[i] for i in ordered]),
            share=share,
            covariance=away @ away.T / replicates.count**2,
            last=replicates.cells[ordered[-1]].sample,
        )


def _at(size: FloatArray, share: FloatArray, target: float) -> FloatArray:
    # crossings are looked for along the root of what is given
    return np.asarray(np.sqrt(crossing(size**2, share, target)))
