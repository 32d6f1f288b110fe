"""Power against the true difference and the number of participants: what one curve cannot show.

Worlds of the posterior differ in their truth. So the replicates of one cell already say how power depends on the truth:
conclusions are averaged over worlds whose truth is near a value. Where a simulation varies the effect itself, its
cells are taken as they are.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ...arrays import FloatArray
from ..run.replicates import Replicates
from .sample_size import Curve, curves

STEP = 0.025
"""Distance of the truths at which power is shown, in the estimand's unit."""
WIDTH = 0.025
"""SD of the weights around each."""
FEWEST = 150.0
"""Effective number of replicates below which nothing is shown."""

TINY = np.finfo(float).tiny


def surface(replicates: Replicates) -> pd.DataFrame:
    """Tabulate power by true value, allocation and n, for the first decision under the first analysis.

    Returns
    -------
    DataFrame
        ``allocation, effect, n_per_group, n_total, power, power_mcse``, for the first mix; empty where every world has
        the same truth.

    Notes
    -----
    Power at truth e is the share that decides, with weights exp(-(truth - e)² / 2w²), w = .025: it is smoothed over
    about .05 either way, which flattens the curve by less than .01 where it is steepest.
    """
    mix = replicates.cells[0].sample.mix
    rows: list[dict[str, object]] = []
    for curve in curves(replicates, first_only=True):
        if curve.samples[0].mix == mix:
            rows += _rows_of(replicates, curve)
    columns = ["allocation", "effect", "n_per_group", "n_total", "power", "power_mcse"]
    return pd.DataFrame(rows, columns=columns).sort_values(columns[:3], ignore_index=True)


def _rows_of(replicates: Replicates, curve: Curve) -> Iterator[dict[str, object]]:
    for sample, members in zip(curve.samples, curve.members, strict=True):
        found = replicates.columns(members, curve.decision.estimand)
        decided = replicates.decides(members, curve.decision).astype(float)
        shared = {
            "allocation": sample.allocation,
            "n_per_group": sample.n_per_group,
            "n_total": sum(sample.sizes),
        }
        if sample.effect is not None:
            power = float(decided.mean())
            error = float(np.sqrt(power * (1 - power) / len(decided)))
            yield shared | {"effect": sample.effect, "power": power, "power_mcse": error}
        elif curve.over_worlds:
            yield from (shared | row for row in _smoothed(found["truth"].astype(float), decided))


def _smoothed(truth: FloatArray, decided: FloatArray) -> Iterator[dict[str, object]]:
    low, high = np.quantile(truth, [0.01, 0.99])
    for effect in np.arange(np.ceil(low / STEP), np.floor(high / STEP) + 1) * STEP:
        weights = np.exp(-0.5 * ((truth - effect) / WIDTH) ** 2)
        effective = weights.sum() ** 2 / max((weights**2).sum(), TINY)
        if effective >= FEWEST:
            power = min(float(weights @ decided / weights.sum()), 1.0)
            error = float(np.sqrt(power * (1 - power) / effective))
            yield {"effect": round(float(effect), 6), "power": power, "power_mcse": error}
