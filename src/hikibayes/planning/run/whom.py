"""Of whom a plan's sizes are: the groups in their order, and what becomes of the other categories."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...arrays import FloatArray
from ...study.wording import header
from ..designs.axes import AS_PRINTED
from .plan import Plan

GROUPS, CHANCE, PROFILES = "whom: groups", "whom: chance", "whom: profiles"
"""What the words are called that say it."""
EFFECT = "whom: effect"
"""What the words are called that are the effect of a population of which none was given."""
FEW_WORLDS = 200
"""Populations whose shares are averaged where studies are drawn one by one."""
CLOSE = 0.005
"""Groups whose shares differ by less are said together."""
MOST_PROFILES = 12


def whom(plan: Plan) -> dict[str, str]:
    """Say which category the sizes and the ratio are of, and the shares of the others.

    Returns
    -------
    dict of str to str
        Under ``GROUPS`` the category that is allocated with its levels in order, under ``CHANCE`` the others with the
        populations' shares, under ``PROFILES`` the order of a quota's parts; what there is nothing of is missing.
    """
    frame, found = plan.frame, {}
    if len(frame.groups) > 1:
        levels = " : ".join(_group(plan, group) for group in frame.groups)
        found[GROUPS] = f"{header(plan.study, plan.study.analysis.group)} ({levels})"
    mixes = plan.simulation.axes.mix
    if frame.categories and AS_PRINTED in mixes:
        found[CHANCE] = " and ".join(_chances(plan))
    if frame.categories and set(mixes) != {AS_PRINTED} and len(frame.profiles) <= MOST_PROFILES:
        names = " and ".join(header(plan.study, name) for name in frame.categories)
        found[PROFILES] = f"{names} ({' : '.join(map(' '.join, frame.profiles))})"
    return found


def effect_as_written(plan: Plan) -> dict[str, str]:
    """Return under ``EFFECT`` the effect that follows from a population's slopes and gap, where no other is said."""
    simulation = plan.simulation
    population = simulation.population
    if population is None or population.effect or simulation.axes.effect or simulation.worlds.uncertain:
        return {}
    value = plan.population(next(simulation.samples()), 0, 1).truth[0, 0]
    return {EFFECT: f"{0.0 if abs(value) < 1e-12 else value:.3g}"}


def _group(plan: Plan, group: str) -> str:
    """Return a group as sentences about it have it: of a publication its short name."""
    study = plan.study
    return group.replace("_", " ") if study.citation else header(study, study.analysis.group, group)


def _chances(plan: Plan) -> Iterator[str]:
    """Write each category with the average shares of its levels, by group where these differ."""
    frame, sample = plan.frame, next(plan.simulation.samples())
    size = FEW_WORLDS if plan.chunk_size == 1 else None
    shares = frame.by_category(plan.population(sample, 0, size).worlds.shares.mean(axis=0))
    for axis, name in enumerate(frame.categories, start=1):
        others = tuple(other for other in range(1, shares.ndim) if other != axis)
        own = shares.sum(axis=others)
        labels = [header(plan.study, name, level) for level in frame.levels_of[name]]
        same = len(own) == 1 or bool((np.ptp(own, axis=0) < CLOSE).all())
        said = [_shares(labels, own.mean(axis=0))] if same else [*_by_group(plan, labels, own)]
        yield f"{header(plan.study, name)} ({'; '.join(said)})"


def _by_group(plan: Plan, labels: list[str], shares: FloatArray) -> Iterator[str]:
    for group, own in zip(plan.frame.groups, shares, strict=True):
        yield f"{_shares(labels, own)} of {_group(plan, group)}"


def _shares(labels: list[str], shares: FloatArray) -> str:
    return ", ".join(f"{label} {share:.0%}" for label, share in zip(labels, shares, strict=True))
