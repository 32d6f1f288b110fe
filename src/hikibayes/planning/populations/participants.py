"""Participants drawn from one world: a table, a row a participant, as a study would collect it.

For looking at, for a user's own analysis, and for engines that need rows. Simulations by the thousand use
`hikibayes.planning.populations.samples`, which draws the same law without making a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit

from ...arrays import FloatArray, IntArray
from ..designs.axes import Clusters
from .columns import Frame
from .samples import MeasurementModel
from .worlds import Worlds


class Scores(NamedTuple):
    """Participants as arrays, in the study's SD units."""

    cell: IntArray
    """(n,)"""
    scores: FloatArray
    """(n, m)"""
    outcome: FloatArray
    """(n,)"""
    members: Mapping[str, IntArray] = MappingProxyType({})
    """Each one's cluster, (n,), by the clusters' name."""


def draw_scores(
    worlds: Worlds,
    world: int,
    counts: IntArray,
    rng: np.random.Generator,
    measurement: MeasurementModel,
    clusters: Mapping[str, Clusters] = MappingProxyType({}),
) -> Scores:
    """Draw participants; counts (C,) are recruited in each cell."""
    cell = np.repeat(np.arange(len(counts)), counts)
    root = np.linalg.cholesky(worlds.cov[world])[worlds.frame.group_of[cell]]
    noise = rng.standard_normal((len(cell), root.shape[-1]))
    scores = worlds.mean[world][cell] + np.einsum("nij,nj->ni", root, noise)
    scores = worlds.frame.with_products(scores)
    outcome = worlds.level[world][cell] + (worlds.slope[world][cell] * scores).sum(axis=1)
    members = {name: each.members(worlds.frame.group_of[cell], rng) for name, each in clusters.items()}
    own = 1 - sum(each.icc for each in clusters.values())
    residual = np.sqrt(own) * rng.standard_normal(len(cell))
    for name, cluster in members.items():
        residual += np.sqrt(clusters[name].icc) * rng.standard_normal(cluster.max(initial=0) + 1)[cluster]
    outcome = outcome + worlds.sigma[world][worlds.frame.group_of[cell]] * residual
    every = np.column_stack([scores, outcome])
    kept = np.ones(len(cell), dtype=bool)
    if measurement.dropout_on >= 0:
        log_odds = measurement.dropout_intercept + measurement.dropout_slope * every[:, measurement.dropout_on]
        kept = rng.random(len(cell)) >= expit(log_odds)
    every = _recorded(every[kept], measurement)
    members = {name: cluster[kept] for name, cluster in members.items()}
    return Scores(cell[kept], every[:, : worlds.mean.shape[-1]], every[:, -1], members)


def _recorded(every: FloatArray, measurement: MeasurementModel) -> FloatArray:
    """Round scores to what the instruments can give, and return them in SD units again."""
    if not len(measurement.grain):
        return every
    r = measurement
    grain = np.where(r.grain > 0, r.grain, 1.0)
    raw = r.location + r.scale * every
    whole = np.clip(r.low + grain * np.floor((raw - r.low) / grain + 0.5), r.low, r.high)
    return np.where(r.grain > 0, (whole - r.location) / r.scale, every)


def table(frame: Frame, scores: Scores) -> pd.DataFrame:
    """Return participants as a table, a row each, in the study's SD units; clusters are numbered from 1."""
    cell, measured, outcome, members = scores
    columns: dict[str, object] = {name: np.array(own, dtype=object)[cell] for name, own in frame.labels.items()}
    columns |= {name: measured[:, j] for j, name in enumerate(frame.measures)}
    columns |= {name: np.char.mod("%d", cluster + 1).astype(object) for name, cluster in members.items()}
    return pd.DataFrame(columns | {frame.study.analysis.outcome: outcome})
