"""A simulation made ready to run: every name looked up, every source of worlds prepared, every analysis laid out.

A plan knows how to draw any chunk of any cell from the seed alone, so that the order of the work changes nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import zip_longest
from types import MappingProxyType
from typing import Any

import numpy as np
import xarray as xr

from ...arrays import FloatArray, IntArray
from ...estimands import KINDS
from ...inference.gaussian.blocks import block_summaries, interleaved
from ...inference.gaussian.normal_priors import bambi_default
from ...inference.gaussian.sufficient import SufficientStatistics
from ...inference.gaussian.summaries import Summaries, summaries_by_prior
from ...inference.models.design import Design
from ...inference.models.specs import ModelSpec, load_model
from ...problems import SMALLEST
from ...reconstruction.reconstructions import said_of
from ...spec import InputError, digest, unknown_name
from ...study.measures import Level, Measure
from ...study.study import Estimand, Study
from ...study.study_file import load_study
from ..designs.cells import Sample
from ..designs.simulation import Simulation, check
from ..populations.columns import Frame, cell_columns
from ..populations.explained import Explained
from ..populations.fixed import fixed_worlds, stated_variances
from ..populations.instruments import added_error, measurement_of
from ..populations.reconstructed import ensemble
from ..populations.samples import MeasurementModel, Roots, roots
from ..populations.sources import Asked, Source, sources_of
from ..populations.worlds import Worlds
from .analyses import Analysis, analysis_of
from .looks import check_looks
from .reach import check_rules
from .rehearsal import rehearse

CHUNK = 2_000
"""Replicates of the exact engine that share a seed."""

NUTS_REPLICATES = 200
"""Of each cell where NUTS fits them, if nobody says how many."""

ATTEMPTS = 100
"""How often an assumed reliability is drawn until it goes with a world."""

STAGES = {"worlds": 0, "data": 1, "reliability": 2, "nuts": 3, "effect": 4, "heterogeneity": 5, "afresh": 6}


@dataclass(frozen=True, kw_only=True)
class Population:
    """A chunk of worlds, ready to be sampled.

    Parameters
    ----------
    worlds : Worlds
        As the planned study's instruments see them.
    truth : array, shape (W, k)
        Each estimand in each world, through the published study's instruments.
    roots : Roots
        For the generator.
    """

    worlds: Worlds
    truth: FloatArray
    roots: Roots


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """Everything that simulating needs; made by `prepare`."""

    simulation: Simulation
    study: Study
    frame: Frame
    estimands: tuple[Estimand, ...]
    analyses: tuple[Analysis, ...]
    sources: dict[str, Source]
    reconstructions: xr.Dataset | None
    identity: str
    """Digest of the study, the reconstructions and the model and prior of the worlds."""
    shares: Mapping[str, Explained] = MappingProxyType({})
    """The study's shares of variance, by name."""

    @property
    def engine(self) -> str:
        """``nuts`` as soon as one analysis needs it: replicates then come one by one."""
        return "nuts" if any(analysis.engine == "nuts" for analysis in self.analyses) else "exact"

    @property
    def verdict(self) -> str:
        """What the sampler said of the reconstructions; empty where there are none, or they come without one."""
        return "" if self.reconstructions is None else said_of(self.reconstructions)

    @property
    def chunk_size(self) -> int:
        """Replicates that share a seed."""
        return CHUNK if self.engine == "exact" else 1

    def chunks(self) -> list[tuple[int, int]]:
        """Return number and size of every chunk of a cell."""
        total, size = self.simulation.run.replicates, self.chunk_size
        return [(chunk, min(size, total - start)) for chunk, start in enumerate(range(0, total, size))]

    def afresh(self) -> Plan:
        """Return the same plan under a seed of its own, for studies that have no part in what this one finds."""
        run = self.simulation.run
        seed = int(np.random.SeedSequence(run.seed, spawn_key=(STAGES["afresh"],)).generate_state(1)[0])
        return replace(self, simulation=self.simulation.replace(run=run.replace(seed=seed)))

    def rng(self, key: int, chunk: int, stage: str) -> np.random.Generator:
        """Return the source of randomness of one stage of one chunk."""
        seed = np.random.SeedSequence(self.simulation.run.seed, spawn_key=(key, chunk, STAGES[stage]))
        return np.random.Generator(np.random.SFC64(seed))

    def key(self, *parts: object) -> int:
        """Return 64 bits that stand for parts of this plan, for seeds."""
        text = json.dumps([self.identity, *parts], sort_keys=True, default=str)
        return int(hashlib.sha256(text.encode()).hexdigest()[:16], 16)

    def seed(self, key: int, stage: str) -> np.random.SeedSequence:
        """Return the seed of one stage of all replicates of a cell."""
        return np.random.SeedSequence(self.simulation.run.seed, spawn_key=(key, STAGES[stage]))

    def population(self, sample: Sample, chunk: int, size: int | None = None) -> Population:
        """Draw a chunk of the worlds that a sample is from, a whole one unless a `size` is given.

        Cells that differ in their size alone get the same.
        """
        return _population(
            self, sample.worlds, sample.effect, sample.tau, sample.reliability, chunk, size or self.chunk_size
        )

    def value_of(self, worlds: Worlds, estimand: Estimand) -> FloatArray:
        """Return an estimand in every world, shape (W,)."""
        share = self.shares.get(estimand.name)
        return share.truth(worlds) if share else worlds.truth(estimand)

    def with_value(self, worlds: Worlds, estimand: Estimand, value: FloatArray | float) -> Worlds:
        """Return worlds in which an estimand has another value."""
        share = self.shares.get(estimand.name)
        return share.with_value(worlds, value) if share else worlds.with_value(estimand, value)

    def measured(self, worlds: Worlds, reliabilities: dict[str, float], rng: np.random.Generator) -> Worlds:
        """Return worlds as other instruments see them.

        A reliability that the paper did not print is drawn from its assumption. Not every draw goes with every world:
        scores that others predict well cannot be mostly error. Those that do not go together are drawn again, which is
        the assumption given the world.
        """
        stated = self._stated() if worlds.source == "fixed" else {}
        added = added_error(self.study, reliabilities, rng, len(worlds), stated)
        for _ in range(ATTEMPTS):
            impossible = np.flatnonzero(~worlds.allow(added))
            if not len(impossible):
                break
            again = added_error(self.study, reliabilities, rng, len(impossible), stated)
            for name, values in again.items():
                added[name][impossible] = values
        return worlds.with_error_variance(added)

    def _stated(self) -> dict[str, tuple[float, float]]:
        """Return true and error variance of the scores whose reliability the written population states."""
        spec = self.simulation.worlds.fixed
        return stated_variances(spec, fixed_worlds(spec, self.frame)) if spec else {}

    def truth(self, population: Population, analysis: Analysis, chunk: int) -> FloatArray:
        """Return each estimand in each world as an analysis has it, (W, k): of true scores, where the model is of them.

        NaN where a world's scores cannot be as unreliable as the model says.
        """
        error = analysis.model.measurement_error
        if error is None:
            return population.truth
        rng, W = self.rng(self.key(analysis.identity()), chunk, "reliability"), len(population.worlds)
        known = {name: (float(r), 1 - float(r)) for name, r in error.reliability.items() if not isinstance(r, str)}
        removed = added_error(self.study, dict.fromkeys(error.reliability, 1.0), rng, W, known)
        truth, able = np.full(population.truth.shape, np.nan), population.worlds.allow(removed)
        if able.any():
            exact = population.worlds.take(np.flatnonzero(able)).with_error_variance(
                {name: values[able] for name, values in removed.items()}
            )
            truth[able] = np.stack([exact.truth(estimand) for estimand in self.estimands], axis=1)
        return truth

    def posteriors(self, asked: Sequence[Analysis], statistics: SufficientStatistics) -> list[Summaries]:
        """Analyse the same samples under each prior of one model."""
        priors = [each.priors if each.priors is not None else bambi_default(statistics) for each in asked]
        interval, rope, blocks = self.simulation.interval, self.simulation.rope, asked[0].blocks
        linear = np.delete(asked[0].weights, list(blocks), axis=0)
        found = summaries_by_prior(statistics, priors, linear, prob=interval, rope=rope) if len(linear) else []
        if not blocks:
            return found
        shares = [
            {i: block_summaries(statistics, prior, *block, prob=interval, rope=rope) for i, block in blocks.items()}
            for prior in priors
        ]
        return [interleaved(one, several) for one, several in zip_longest(found, shares)]

    def measurement(self, sample: Sample) -> MeasurementModel:
        """Return what becomes of the participants' scores."""
        return measurement_of(sample, self.frame, self.reconstructions)

    def alike(self, worlds: Worlds) -> int:
        """Return how many neighbouring cells differ in their means alone: a group's, unless a category moderates."""
        levels = len(self.frame.profiles)
        of_analyses = (analysis.columns.linear for analysis in self.analyses)
        of_worlds = worlds.slope.swapaxes(0, 1)
        same = all(_same_within_groups(slopes, levels) for slopes in (of_worlds, *of_analyses))
        return levels if same else 1

    def counts(
        self, sample: Sample, worlds: Worlds, rng: np.random.Generator, recruited: tuple[int, ...] = ()
    ) -> IntArray:
        """Draw how many participants each cell has, shape (W, C): recruited, less those lost completely at random.

        By default the sample's own sizes are recruited.
        """
        sizes, quota = np.array(recruited or sample.sizes), sample.quota
        if quota is None:
            counts = _by_chance(sizes, worlds.shares, rng)
        else:
            ends = np.rint(sizes[:, None] * np.cumsum(np.array(quota)[:, ::-1], axis=1))
            parts = np.diff(ends, axis=1, prepend=0)[:, ::-1]
            counts = np.broadcast_to(parts.astype(np.int64), worlds.shares.shape)
        counts = counts.reshape(len(worlds), -1)
        return np.asarray(rng.binomial(counts, 1 - sample.attrition) if sample.attrition else counts, dtype=np.int64)


@lru_cache(maxsize=6)
def _population(
    plan: Plan,
    source: str,
    effect: float | None,
    tau: float | None,
    reliability: str | tuple[tuple[str, float], ...],
    chunk: int,
    size: int,
) -> Population:
    """Draw populations; the last few stay, for the cells of a grid ask for the same ones again and again."""
    key = plan.key(source)
    worlds = plan.sources[source](plan.rng(key, chunk, "worlds"), size)
    spec = plan.simulation.worlds
    for name, stated in spec.effect.items():
        drawn = stated.frozen().rvs(size=size, random_state=plan.rng(plan.key(source, name), chunk, "effect"))
        worlds = plan.with_value(worlds, plan.study.estimand(name), drawn)
    if effect is not None:
        worlds = plan.with_value(worlds, plan.estimands[0], effect)
    truth = np.stack([plan.value_of(worlds, estimand) for estimand in plan.estimands], axis=1)
    if effect is not None:
        truth[:, 0] = effect  # an effect of 0 is 0, not what rounding leaves of it
    if spread := plan.simulation.spread(tau):
        planned, published = spread.draw(plan.rng(key, chunk, "heterogeneity"), size, studies=2)
        if source == "posterior" and effect is None and plan.estimands[0].name not in spec.effect:
            truth[:, 0] += published  # it differs from the mean of such studies, too
        worlds = worlds.with_value(plan.estimands[0], truth[:, 0] + planned)
    if not isinstance(reliability, str):
        worlds = plan.measured(worlds, dict(reliability), plan.rng(key, chunk, "reliability"))
    return Population(worlds=worlds, truth=truth, roots=roots(worlds))


def _by_chance(sizes: IntArray, shares: FloatArray, rng: np.random.Generator) -> IntArray:
    """Draw how many of each group have which profile, (W, G, L): the last first, the others among those left."""
    left, rest = np.broadcast_to(sizes, shares.shape[:-1]), np.ones(shares.shape[:-1])
    counts = np.empty(shares.shape, dtype=np.int64)
    for last in range(shares.shape[-1] - 1, 0, -1):
        counts[..., last] = rng.binomial(left, np.clip(shares[..., last] / np.maximum(rest, SMALLEST), 0, 1))
        left, rest = left - counts[..., last], rest - shares[..., last]
    counts[..., 0] = left
    return counts


def _same_within_groups(values: FloatArray, levels: int) -> bool:
    """Tell whether values by cell, (C, ...), are the same in all the cells of a group."""
    by_group = values.reshape(len(values) // levels, levels, *values.shape[1:])
    return bool((by_group == by_group[:, :1]).all())


def prepare(
    simulation: Simulation,
    *,
    study: Study | None = None,
    reconstructions: xr.Dataset | None = None,
    rows: Design | None = None,
    models: Mapping[str, ModelSpec] = MappingProxyType({}),
    tell: Callable[[str], None] | None = None,
) -> Plan:
    """Make a simulation ready to run.

    Parameters
    ----------
    simulation : Simulation
        What to run.
    study : Study, optional
        By default the one that the simulation names, with the readings that it chooses.
    reconstructions : xarray.Dataset, optional
        Group moments with a leading ``draw`` dim; by default the study's shipped ones, else they are drawn first.
    rows : Design, optional
        The generating model on the rows of which `reconstructions` has the moments.
    models : mapping of str to ModelSpec
        Loaded models by the name that the simulation has for them; others are looked up.
    tell : callable, optional
        Told that reconstructions must be drawn first: it takes minutes.

    Raises
    ------
    InputError
        Anything that would keep a cell from running.
    """
    settled = (study or load_study(simulation.study)).read(**simulation.readings)
    world = simulation.worlds.model or simulation.models[0]
    loaded = {name: models.get(name) or load_model(name) for name in sorted({world, *simulation.models})}
    _refuse_namesakes([loaded[name] for name in simulation.models])
    check(simulation, settled, loaded)
    settled = _with_clusters(settled, simulation, loaded.values())
    generating = loaded[world]
    frame = Frame.of_model(settled, generating)
    estimands = tuple(settled.estimand(name) for name in simulation.estimands)
    columns = {name: cell_columns(model, frame) for name, model in loaded.items()}

    def analyses_at(mix: FloatArray) -> tuple[Analysis, ...]:
        return tuple(
            analysis_of(columns[model], variant, simulation, estimands, mix) for model, variant in simulation.analyses
        )

    # once at any mix, so that whatever is wrong with them is said before reconstructions are drawn
    analyses_at(np.full(len(frame.profiles), 1 / len(frame.profiles)))
    written = simulation.worlds.source == ("fixed",)
    if reconstructions is None and not written:
        from ...reconstruction.calibrate import shipped_or_calibrated

        reconstructions = shipped_or_calibrated(settled, seed=simulation.run.seed, tell=tell)
    made = None if written or reconstructions is None else ensemble(columns[world], reconstructions, rows)
    sources = sources_of(Asked(spec=simulation.worlds, frame=frame, main=estimands[0], made=made))
    analyses = analyses_at(next(iter(sources.values()))(np.random.default_rng(0), 1).mix)
    if any(analysis.engine == "nuts" for analysis in analyses):
        simulation = _of_nuts(simulation, tell or (lambda _: None))
    plan = Plan(
        simulation=simulation,
        study=settled,
        frame=frame,
        estimands=estimands,
        analyses=analyses,
        sources=sources,
        reconstructions=reconstructions,
        shares={
            estimand.name: Explained(estimand=estimand, columns=columns[world])
            for estimand in settled.estimands
            if not KINDS[estimand.kind].scenarios
        },
        identity=_identity(simulation, settled, generating, reconstructions, rows),
    )
    rehearse(plan)
    check_rules(plan)
    check_looks(plan)
    return plan


def _with_clusters(study: Study, simulation: Simulation, models: Iterable[ModelSpec]) -> Study:
    """Return the study with as many levels of each varying intercept's category as the grid asks for at the most."""
    clusters, varying = simulation.worlds.clusters, {name for model in models for name in model.clusters}
    if missing := varying - {*clusters}:
        name = min(missing)
        raise InputError(
            f"an intercept varies by {name!r}: [worlds.clusters.{name}] says how many people each has (size) and how "
            "alike they are (icc)",
            key="worlds.clusters",
        )
    if unused := {*clusters} - varying:
        raise InputError(unknown_name("varying intercept of the models,", min(unused), varying), key="worlds.clusters")
    others = [measure for measure in study.measures if measure.id not in clusters]
    made = []
    for name, each in clusters.items():
        numbers = range(1, max(each.count(sample.sizes) for sample in simulation.samples()) + 1)
        levels = tuple(Level(id=str(number), label=str(number)) for number in numbers)
        made.append(Measure.model_construct(id=name, label=name, kind="category", levels=levels))
    return study.model_copy(update={"measures": (*others, *made)}) if made else study


def _of_nuts(simulation: Simulation, tell: Callable[[str], None]) -> Simulation:
    """Put fewer replicates, and no more cells, in place of the defaults: every fit takes a part of a second."""
    run, usual = simulation.run, {"replicates": NUTS_REPLICATES, "refine": False}
    changed = {name: value for name, value in usual.items() if name not in run.model_fields_set}
    if changed:
        tell(
            f"NUTS fits every simulated study: {changed.get('replicates', run.replicates):,} replicates a cell"
            f"{'' if changed.get('refine', run.refine) else ', and no cells between the given ones'}; "
            "run.replicates and run.refine ask for more"
        )
    return simulation.replace(run=run.replace(**changed))


def _refuse_namesakes(models: Sequence[ModelSpec]) -> None:
    """Tables, and samples that analyses share, know a model by its name."""
    names = [model.name for model in models]
    if twice := {name for name in names if names.count(name) > 1}:
        raise InputError(f"two models are called {min(twice)!r}; give one of them another 'name'", key="axes.model")


def _identity(
    simulation: Simulation,
    study: Study,
    generating: ModelSpec,
    reconstructions: xr.Dataset | None,
    rows: Design | None,
) -> str:
    hashed = hashlib.sha256()
    # the generating model counts by its content, wherever its file lies; another reason is no other population
    reasons = {"effect": {"__all__": {"reason"}}, "heterogeneity": {"reason"}, "clusters": None}
    empty = {name: reasons[name] if getattr(simulation.worlds, name) else True for name in reasons}
    unsaid: Any = {"source": True, "reason": True} | {name: part for name, part in empty.items() if part}
    worlds = simulation.worlds.replace(model=None).model_dump_json(exclude=unsaid)
    for text in (digest(study), digest(generating), worlds):
        hashed.update(text.encode())
    made_of = {} if reconstructions is None else reconstructions.data_vars
    for name in ("n", "mean", "cov", "location", "scale"):
        if name in made_of:
            hashed.update(np.ascontiguousarray(made_of[name].values, dtype=np.float64).tobytes())
    if rows:
        hashed.update(rows.statistics.sxx.tobytes() + rows.statistics.sxy.tobytes())
    return hashed.hexdigest()
