"""The smallest number of participants that reaches a target, with how sure the simulation is of it.

A power curve is made monotone (pooled adjacent violators), and read off between the sizes that were simulated on the
probit of power against the square root of n: for one world and a rule about an interval that is nearly a straight line.
The interval is a bootstrap: curves are drawn anew around the one that was found, with the covariance that replicates
give its points, because all the sizes share their worlds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from ..designs.cells import Sample, axis_labels
from ..designs.rules import Decision
from ..designs.simulation import Costs, Simulation
from ..run.replicates import Replicates

type FloatArray = NDArray[np.float64]

COLUMNS = (
    *("estimand", "decision", "target", "n_per_group", "n_total", "lower", "upper"),
    *("confirmed", "confirmed_mcse", "reached", "at_most", "limiting_assurance"),
)
COSTS = ("cost", "cost_lower", "cost_upper")
BOOTSTRAPS = 500
INTERVAL = (2.5, 97.5)
"""Percentiles of the bootstrap that are shown."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """Power or assurance against n, everything else being equal.

    Parameters
    ----------
    labels : dict
        The other axes, as a table shows them.
    model, prior : str
        The analysis.
    decision : Decision
        Whose conclusions are counted.
    samples : tuple of Sample, length G
        By increasing size.
    members : tuple of int, length G
        Their cells in the table of replicates.
    share : array, shape (G,)
        Power or assurance: the share of replicates that count.
    covariance : array, shape (G, G)
        Of these shares; all the sizes share their worlds.
    count : int
        R, the replicates.
    limiting_assurance : float
        What an endless study reaches.
    over_worlds : bool
        Whether it is an assurance.
    """

    labels: dict[str, object]
    model: str
    prior: str
    decision: Decision
    samples: tuple[Sample, ...]
    members: tuple[int, ...]
    share: FloatArray
    covariance: FloatArray
    count: int
    limiting_assurance: float
    over_worlds: bool

    @property
    def n(self) -> FloatArray:
        """Participants in the smaller group, shape (G,)."""
        return np.array([sample.n_per_group for sample in self.samples], dtype=float)

    def at(self, n: float) -> Sample:
        """Return its sample of another size."""
        return replace(self.samples[0], n_per_group=int(n))


def refined(replicates: Replicates) -> Iterator[Curve]:
    """Yield the curves whose crossings get a closer look: of the first decision, under the first analysis."""
    simulation = replicates.simulation
    for curve in curves(replicates, first_only=True) if simulation.run.refine else ():
        if simulation.run.refine is True or simulation.is_first(curve.samples[0]):
            yield curve


def curves(replicates: Replicates, *, first_only: bool = False) -> Iterator[Curve]:
    """Yield every curve of a table of replicates, or those of the first decision under the first analysis only."""
    decisions = replicates.simulation.decisions[: 1 if first_only else None]
    labels = axis_labels(replicates.cells)
    groups: dict[object, list[int]] = {}
    for i, cell in enumerate(replicates.cells):
        if not first_only or replicates.is_first(i):
            groups.setdefault((cell.model, cell.prior, cell.sample.curve), []).append(i)
    for members in groups.values():
        ordered = sorted(members, key=lambda i: replicates.cells[i].sample.n_per_group)
        asked = [decision for decision in decisions if replicates.answers(ordered[-1], decision)]
        counted = [[successes(replicates, i, decision) for decision in asked] for i in ordered]
        for decision, by_size in zip(asked, zip(*counted, strict=True), strict=True):
            yield _curve(replicates, ordered, decision, labels[ordered[0]], np.stack(by_size))


def successes(replicates: Replicates, cell: int, decision: Decision) -> NDArray[np.bool_]:
    """Tell which replicates of a cell count: those that decide, over uncertain populations correctly."""
    found = replicates.columns(cell, decision.estimand)
    decided = replicates.decides(cell, decision)
    if not replicates.simulation.over_worlds(replicates.cells[cell].sample):
        return decided
    return decided & decision.rule.correct(found, replicates.simulation.rope)


def _curve(
    replicates: Replicates,
    members: Sequence[int],
    decision: Decision,
    labels: dict[str, object],
    counted: NDArray[np.bool_],
) -> Curve:
    truth = replicates.columns(members[-1], decision.estimand)["truth"].astype(float)
    share = counted.mean(axis=1)
    away = counted - share[:, None]
    return Curve(
        labels={name: value for name, value in labels.items() if name not in ("n_per_group", "n_total")},
        model=replicates.cells[members[0]].model,
        prior=replicates.cells[members[0]].prior,
        decision=decision,
        samples=tuple(replicates.cells[i].sample for i in members),
        members=tuple(members),
        share=share,
        covariance=away @ away.T / replicates.count**2,
        count=replicates.count,
        limiting_assurance=limiting_assurance(
            replicates.simulation, decision, truth, replicates.cells[members[0]].sample
        ),
        over_worlds=replicates.simulation.over_worlds(replicates.cells[members[0]].sample),
    )


def what_is_right(simulation: Simulation, decision: Decision, sample: Sample) -> str:
    """Say of what a conclusion must be true to count: see `limiting_assurance`."""
    differ = simulation.spread(sample.tau) is not None and decision.estimand == simulation.decisions[0].estimand
    return "true of the mean of studies and of the planned study's own effect" if differ else "true"


def limiting_assurance(simulation: Simulation, decision: Decision, truth: FloatArray, sample: Sample) -> float:
    """Return what an endless study reaches: it finds its own effect, and is right about the mean of such studies."""
    spread = simulation.spread(sample.tau)
    if spread is None or decision.estimand != simulation.decisions[0].estimand:
        return decision.rule.limiting_assurance(truth, simulation.rope)
    rng = np.random.default_rng(np.random.SeedSequence(simulation.run.seed, spawn_key=(1,)))
    own = truth + spread.draw(rng, len(truth))[0]
    return float(np.mean(decision.rule.holds(truth, simulation.rope) & decision.rule.holds(own, simulation.rope)))


def sample_sizes(replicates: Replicates, found: Sequence[Curve] | None = None) -> pd.DataFrame:
    """Find the smallest n for every curve and target.

    Parameters
    ----------
    replicates : Replicates
        Simulated studies.
    found : sequence of Curve, optional
        Their curves, where these are at hand.

    Returns
    -------
    DataFrame
        The other axes, ``worlds``, ``estimand``, ``decision``, ``target``, ``n_per_group`` and ``n_total`` (empty where
        the grid does not reach the target), ``lower`` and ``upper`` (of ``n_per_group``; ``upper`` is empty where the
        bootstrap leaves the grid), ``confirmed`` (power or assurance of that size in a fresh batch of studies, with its
        Monte Carlo standard error; of the first decision and analysis), ``reached``, ``at_most`` (the smallest
        simulated size reaches the target already, so that fewer may do, and there is no ``lower``) and
        ``limiting_assurance``; with costs, ``cost``, those at the ends of the interval, and whether it is the
        ``cheapest`` of all allocations. No rows where there is no target.
    """
    rows = []
    costs = replicates.simulation.costs
    targets, seed = replicates.simulation.targets.power, replicates.simulation.run.seed
    for curve in curves(replicates) if found is None else found:
        if replicates.simulation.looks and curve.samples[0].effect == 0:
            continue  # the effect of 0 stands beside every other, and is not meant to reach a target
        again = monotone(bootstrap(curve.share, curve.covariance, seed)) if targets else None
        for target in targets:
            n, lower, upper = smallest_n(curve, target, again)
            reached = bool(np.isfinite(n))
            total = sum(curve.at(n).sizes) if reached else np.nan
            rows.append(
                curve.labels
                | {"estimand": curve.decision.estimand, "decision": curve.decision.name, "target": target}
                | {"n_per_group": n, "n_total": total, "lower": lower, "upper": upper}
                | fresh(replicates, curve.at(n) if reached and _leads(replicates, curve) else None)
                | {
                    "reached": reached,
                    "at_most": reached and n <= curve.n[0],
                    "limiting_assurance": curve.limiting_assurance,
                }
                | (
                    {name: _cost(costs, curve, size) for name, size in zip(COSTS, (n, lower, upper), strict=True)}
                    if costs
                    else {}
                )
            )
    axes = [name for name in axis_labels(replicates.cells)[0] if name not in ("n_per_group", "n_total")]
    table = pd.DataFrame(rows, columns=[*axes, *COLUMNS, *(COSTS if costs else ())])
    if costs:
        rest = [name for name in (*axes, "estimand", "decision", "target") if name != "allocation"]
        table["cheapest"] = table["cost"] == table.groupby(rest, dropna=False)["cost"].transform("min")
    return table.astype(dict.fromkeys(("n_per_group", "n_total", "lower", "upper"), "Int64"))


def _cost(costs: Costs, curve: Curve, n: float) -> float:
    return costs.of(curve.at(n).sizes) if np.isfinite(n) else np.nan


def _leads(replicates: Replicates, curve: Curve) -> bool:
    """Tell whether a curve is of the first analysis and decision, whose answers are put to a fresh batch."""
    return replicates.is_first(curve.members[0]) and curve.decision == replicates.simulation.decisions[0]


def fresh(replicates: Replicates, sample: Sample | None) -> dict[str, float]:
    """Return what a fresh batch has found of a sample, NaN where there is none."""
    share = replicates.confirmed.get(str(sample.digest()), np.nan) if sample else np.nan
    return {"confirmed": share, "confirmed_mcse": float(np.sqrt(share * (1 - share) / replicates.count))}


def enough(replicates: Replicates) -> list[Sample]:
    """Return the samples of the sizes that a search has found, each once; an upper bound is no size that was found."""
    targets = replicates.simulation.targets.power
    sizes = [(curve, smallest_n(curve, target)[0]) for curve in refined(replicates) for target in targets]
    return list(dict.fromkeys(curve.at(n) for curve, n in sizes if curve.n[0] < n < np.inf))


def confirmed(replicates: Replicates, again: Replicates) -> dict[str, float]:
    """Return the share of a fresh batch that counts, by the digest of its sample: see `Replicates.confirmed`."""
    first = replicates.simulation.decisions[0]
    return {
        str(cell.sample.digest()): float(successes(again, i, first).mean())
        for i, cell in enumerate(again.cells)
        if again.is_first(i) and again.answers(i, first)
    }


def smallest_n(curve: Curve, target: float, again: FloatArray | None = None) -> tuple[float, float, float]:
    """Find where a curve reaches a target.

    Parameters
    ----------
    curve : Curve
        Power or assurance against n.
    target : float
        What is to be reached.
    again : array, shape (B, G), optional
        The curve drawn anew, made monotone; without it there is no interval.

    Returns
    -------
    n, lower, upper : float
        Whole numbers; NaN beyond the simulated sizes. Where the smallest simulated size reaches the target already,
        ``n`` is that size, an upper bound, and ``lower`` is NaN.
    """
    found = crossing(curve.n, monotone(curve.share[None]), target)[0]
    n = float(np.ceil(found - 1e-9))
    if not np.isfinite(found) or again is None:
        return n, np.nan, np.nan
    drawn = crossing(curve.n, again, target)
    lower, upper = np.percentile(np.where(np.isfinite(drawn), drawn, np.inf), INTERVAL, method="nearest")
    return n, float(np.floor(lower)) if n > curve.n[0] else np.nan, float(np.ceil(upper)) if upper < np.inf else np.nan


def monotone(share: FloatArray) -> FloatArray:
    """Least-squares fit that never falls along the last axis (pooled adjacent violators, in its max-min form)."""
    count = share.shape[-1]
    sums = np.concatenate([np.zeros((*share.shape[:-1], 1)), np.cumsum(share, axis=-1)], axis=-1)
    fitted = np.full(share.shape, -np.inf)
    for i in range(count):
        to_each_end = (sums[..., i + 1 :] - sums[..., i, None]) / np.arange(1, count - i + 1)
        smallest = np.minimum.accumulate(to_each_end[..., ::-1], axis=-1)[..., ::-1]
        fitted[..., i:] = np.maximum(fitted[..., i:], smallest)
    return fitted


def between_sizes(n: FloatArray, share: FloatArray, at: FloatArray) -> FloatArray:
    """Read a curve off between the sizes that were simulated, as `smallest_n` does.

    Parameters
    ----------
    n, share : array, shape (G,)
        Increasing sizes, and the power or assurance there.
    at : array
        Sizes to read it off at.
    """
    return np.asarray(ndtr(np.interp(np.sqrt(at), np.sqrt(n), ndtri(np.clip(share, 1e-6, 1 - 1e-6)))))


def crossing(n: FloatArray, share: FloatArray, target: float) -> FloatArray:
    """Return where monotone curves (B, G) cross a target: shape (B,), NaN where they do not."""
    z, wanted, root = ndtri(np.clip(share, 1e-9, 1 - 1e-9)), ndtri(target), np.sqrt(n)
    right = (share < target).sum(axis=-1)
    inside = np.clip(right, 1, len(n) - 1)
    if len(n) == 1:
        return np.where(right == 0, n[0], np.nan)
    rows = np.arange(len(share))
    low, high = z[rows, inside - 1], z[rows, inside]
    part = np.clip((wanted - low) / np.maximum(high - low, 1e-12), 0, 1)
    at = (root[inside - 1] + part * (root[inside] - root[inside - 1])) ** 2
    return np.where(right == 0, n[0], np.where(right == len(n), np.nan, at))


def bootstrap(share: FloatArray, covariance: FloatArray, seed: int) -> FloatArray:
    """Draw curves anew, normal around the one found, with the covariance of its points: shape (BOOTSTRAPS, G)."""
    values, vectors = np.linalg.eigh(covariance)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))
    noise = rng.standard_normal((BOOTSTRAPS, len(share))) * np.sqrt(np.maximum(values, 0))
    return np.asarray(np.clip(share + noise @ vectors.T, 0, 1))
