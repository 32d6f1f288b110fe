"""The smallest effect that a study of a given size finds: power read off along the effect instead of along n."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from ...arrays import FloatArray
from ..designs.cells import Sample, axis_labels
from ..run.replicates import Replicates
from .sample_size import INTERVAL, bootstrap, crossing, monotone

COLUMNS = ("estimand", "decision", "target", "effect", "lower", "upper", "reached", "at_most")


def detectable(replicates: Replicates) -> pd.DataFrame:
    """Find the smallest effect that reaches each target, for every size, under the first decision.

    Returns
    -------
    DataFrame
        The axes but ``effect``; ``target``; ``effect`` (empty where the largest simulated one does not reach it),
        ``lower`` and ``upper`` of its bootstrap interval, ``reached``, and ``at_most`` where the smallest simulated one
        reaches it already. No rows without ``targets.detectable``.

    Notes
    -----
    A monotone fit along the size of the effect, read off on the probit of power: for one population and a rule about an
    interval a straight line.
    """
    simulation = replicates.simulation
    rows: list[dict[str, object]] = []
    labels = axis_labels(replicates.cells)
    for members in _along_effect(replicates) if simulation.targets.detectable else ():
        size, share, covariance = _curve(replicates, members)
        again = monotone(bootstrap(share, covariance, simulation.run.seed))
        axes = {name: value for name, value in labels[members[0]].items() if name != "effect"}
        decision = simulation.decisions[0]
        side = np.sign(replicates.cells[members[-1]].sample.effect or 0)
        for target in simulation.targets.detectable:
            found = _at(size, monotone(share[None]), target)[0]
            ends = np.percentile(np.nan_to_num(_at(size, again, target), nan=np.inf), INTERVAL, method="nearest")
            ends = np.where(np.isfinite(ends) & np.isfinite(found), ends, np.nan)
            effect, lower, upper = (float(side * value) for value in (found, *ends))
            row = {"estimand": decision.estimand, "decision": decision.name, "target": target, "effect": effect}
            row |= {"lower": min(lower, upper), "upper": max(lower, upper)}
            rows.append(axes | row | {"reached": bool(np.isfinite(found)), "at_most": bool(found <= size[0])})
    return pd.DataFrame(rows, columns=[*(name for name in labels[0] if name != "effect"), *COLUMNS])


def effects_wanted(replicates: Replicates, close: float) -> list[Sample]:
    """Return samples at the effects where targets are crossed, where no simulated one is as close as that."""
    wanted: dict[Sample, None] = {}
    for members in _along_effect(replicates):
        size, share, _ = _curve(replicates, members)
        last = replicates.cells[members[-1]].sample
        for target in replicates.simulation.targets.detectable:
            found = _at(size, monotone(share[None]), target)[0]
            if np.isfinite(found) and np.abs(size / found - 1).min() > close:
                wanted[replace(last, effect=float(f"{np.sign(last.effect or 0) * found:.3g}"))] = None
    return list(wanted)


def _along_effect(replicates: Replicates) -> list[list[int]]:
    """Group cells that differ in their effect alone, other than 0 and on one side of it, from small to large."""
    groups: dict[object, list[int]] = {}
    for i, cell in enumerate(replicates.cells):
        effect = cell.sample.effect
        if effect and replicates.answers(i, replicates.simulation.decisions[0]):
            groups.setdefault((cell.model, cell.prior, replace(cell.sample, effect=float(np.sign(effect)))), []).append(
                i
            )
    return [sorted(members, key=lambda i: abs(replicates.cells[i].sample.effect or 0)) for members in groups.values()]


def _curve(replicates: Replicates, members: list[int]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Sizes of the effects, shares that conclude, and their covariance: all the cells share their worlds."""
    decision = replicates.simulation.decisions[0]
    decided = np.stack([replicates.decides(i, decision) for i in members])
    size = np.array([abs(replicates.cells[i].sample.effect or 0) for i in members])
    share = decided.mean(axis=1)
    away = decided - share[:, None]
    return size, share, away @ away.T / replicates.count**2


def _at(size: FloatArray, share: FloatArray, target: float) -> FloatArray:
    # crossings are looked for along the root of what is given
    return np.asarray(np.sqrt(crossing(size**2, share, target)))
