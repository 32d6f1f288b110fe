"""The one replicate loop: cells and chunks in, replicates out, on one core or on a cluster.

A replicate's numbers depend on the seed, the cell and the replicate's own index, and on nothing else. So the number of
workers and of replicates changes nothing, a chunk that is on disk need not be made again, and a larger grid leaves the
old cells as they were.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from ...estimands import KINDS
from ...files import write_whole
from ...inference.gaussian.philox import Stream
from ...provenance import versions
from ...spec import InputError
from ...study.wording import estimand_noun, term_name
from ..designs.cells import Cell, Sample
from ..designs.simulation import Simulation
from ..populations.samples import draw_statistics
from .cluster import on_cluster
from .looks import analyse_looks
from .plan import Plan, Population
from .replicates import FEATURES, MOST_IN_MEMORY, Block, Blocks, Replicates, features_of, formula_of, prior_of
from .whom import effect_as_written, whom

type Progress = Callable[[int, int], None]
"""Is told how many replicates are done, and how many there are."""

RESULT_PACKAGES = ("hikibayes", "numba", "numpy", "nutpie", "scipy")
"""A run goes on with the versions of these that began it."""
DRAWING = "2: Philox"
"""How studies are drawn; part of the version."""
MADE_BY = "made_by.json"
"""File in a folder of finished chunks that names the versions which began it."""


@dataclass(frozen=True, kw_only=True)
class _Job:
    sample: Sample
    chunk: int
    size: int


def simulate(
    plan: Plan,
    samples: Sequence[Sample] | None = None,
    *,
    store: Path | None = None,
    workers: int = 1,
    dask: str | None = None,
    progress: Progress | None = None,
    tell: Callable[[str], None] | None = None,
) -> Replicates:
    """Run every cell of a plan.

    Parameters
    ----------
    plan : Plan
        What to run.
    samples : sequence of Sample, optional
        Ways of sampling; by default those of the simulation's grid.
    store : Path, optional
        Folder of finished chunks: they are put there as they come, and not made again.
    workers : int
        Number of threads.
    dask : str, optional
        Address of a dask scheduler that does the work instead.
    progress : callable, optional
        Told how far the work is.
    tell : callable, optional
        Told what a cluster is waited for.

    Returns
    -------
    Replicates
        The same, whoever did the work.

    Raises
    ------
    InputError
        No scheduler answers at the address, or the folder's chunks are another version's.
    """
    if store:
        _require_same_version(store)
    chosen = list(samples if samples is not None else plan.simulation.samples())
    chunks = plan.chunks()
    cells = [Cell(sample=s, model=a.model.name, prior=a.variant) for s in chosen for a in plan.analyses]
    shape = (
        len(chosen),
        len(plan.analyses),
        len(plan.estimands),
        len(features_of(plan.simulation)),
        plan.simulation.run.replicates,
    )
    kept = np.empty(shape, dtype=np.float32) if not store or math.prod(shape) <= MOST_IN_MEMORY else None
    place = {id(sample): i for i, sample in enumerate(chosen)}
    # chunk by chunk, not cell by cell: all the cells of a chunk see the same worlds, which are drawn once
    jobs = [_Job(sample=sample, chunk=chunk, size=size) for chunk, size in chunks for sample in chosen]
    done, total = 0, len(chosen) * plan.simulation.run.replicates
    for job, block in _finished(plan, jobs, store, workers, dask, tell or (lambda _: None)):
        start = job.chunk * plan.chunk_size
        if kept is not None:
            kept[place[id(job.sample)], ..., start : start + job.size] = block
        done += job.size
        if progress:
            progress(done, total)
    if kept is not None or not store:
        blocks = Blocks.of(np.asarray(kept).reshape(len(cells), *shape[2:]))
    else:
        blocks = _stored(plan, chosen, store)
    return Replicates(
        simulation=plan.simulation,
        cells=cells,
        estimands=tuple(estimand.name for estimand in plan.estimands),
        blocks=blocks,
        count=shape[-1],
        verdict=plan.verdict,
        words=_words(plan),
    )


def _words(plan: Plan) -> dict[str, str]:
    """Say what each estimand is, whom sizes are of, each formula, and the priors of what is decided about first."""
    named = {*plan.simulation.estimands, *plan.simulation.worlds.effect}
    words = {each.name: estimand_noun(plan.study, each) for each in plan.study.estimands if each.name in named}
    first = plan.simulation.decisions[0].estimand
    asked = next((each for each in plan.study.estimands if each.name == first), None)
    term = KINDS[asked.kind].term(asked, plan.study.analysis.group) if asked else ""
    for analysis in plan.analyses:
        if analysis.variant not in analysis.model.variant_names:
            continue  # widths of one prior, tried without a variant of the model, have no text of their own
        priors = analysis.model.prior_set(analysis.variant).priors
        # of what is no single coefficient every slope's
        terms = [term] if term in priors else [each for each in priors if each in analysis.model.terms]
        words[formula_of(analysis.model.name)] = analysis.model.formula
        words[prior_of(analysis.model.name, analysis.variant)] = "; ".join(
            f"{term_name(plan.study, each)} ~ {priors[each]}" for each in terms
        )
    return words | whom(plan) | effect_as_written(plan)


def _stored(plan: Plan, samples: Sequence[Sample], store: Path) -> Blocks:
    """Return blocks that are put together from the finished chunks of a folder, a cell at a time."""
    readers = []
    for sample in samples:
        jobs = [_Job(sample=sample, chunk=chunk, size=size) for chunk, size in plan.chunks()]
        paths = [store / _name(plan, job) for job in jobs]
        readers += [partial(_read_chunks, paths, i) for i in range(len(plan.analyses))]
    return Blocks(readers)


def _read_chunks(paths: Sequence[Path], analysis: int) -> Block:
    return np.concatenate([np.load(path, mmap_mode="r")[analysis] for path in paths], axis=-1)


def run_chunk(plan: Plan, sample: Sample, chunk: int, size: int) -> Block:
    """Simulate and analyse one chunk of one way of sampling.

    Returns
    -------
    array of float32, shape (A, k, F, size)
        `FEATURES` for each analysis and estimand.
    """
    population = plan.population(sample, chunk)
    features = len(features_of(plan.simulation))
    found = np.full((len(plan.analyses), len(plan.estimands), features, size), np.nan, dtype=np.float32)
    found[:, :, 0] = population.worlds.reconstruction[:size]
    found[:, :, 1] = population.truth[:size].T
    if plan.engine == "nuts":
        from .nuts import analyse

        analyse(plan, sample, population, chunk, found)
    elif plan.simulation.looks:
        analyse_looks(plan, sample, population, chunk, found)
    else:
        _analyse(plan, sample, population, chunk, found)
    return found


def _analyse(plan: Plan, sample: Sample, population: Population, chunk: int, found: Block) -> None:
    """Draw one study from each world of a chunk, and fill in what the exact engine finds."""
    key, size = plan.key(sample.digest()), found.shape[-1]
    counts = plan.counts(sample, population.worlds, plan.rng(key, chunk, "data"))[:size]
    stream = Stream.of(plan.seed(key, "data"), chunk * plan.chunk_size)
    measurement, alike = plan.measurement(sample), plan.alike(population.worlds)
    for model in dict.fromkeys(analysis.model.name for analysis in plan.analyses):
        members = [i for i, analysis in enumerate(plan.analyses) if analysis.model.name == model]
        asked = [plan.analyses[i] for i in members]
        drawn = draw_statistics(population.roots, counts, stream, asked[0].columns, measurement, alike=alike)
        for i, made in zip(members, plan.posteriors(asked, drawn), strict=True):
            for j, name in enumerate(FEATURES[2:], start=2):
                found[i, :, j] = getattr(made, name).T


# -- who does the work -----------------------------------------------------------------------------------------------


def _finished(
    plan: Plan,
    jobs: Sequence[_Job],
    store: Path | None,
    workers: int,
    dask: str | None,
    tell: Callable[[str], None],
) -> Iterator[tuple[_Job, Block]]:
    """Yield every job with its result: first those on disk, then the others as they come."""
    names = {id(job): _name(plan, job) for job in jobs} if store else {}
    shape = (len(plan.analyses), len(plan.estimands), len(features_of(plan.simulation)))
    waiting = []
    for job in jobs:
        block = _load(store / names[id(job)], (*shape, job.size)) if store else None
        if block is None:
            waiting.append(job)
        else:
            yield job, block
    if not waiting:
        return
    if dask:
        run = on_cluster(dask, plan, run_chunk, waiting, lambda job: (job.sample, job.chunk, job.size), tell)
    else:
        run = _by_threads(plan, waiting, workers)
    for job, block in run:
        if store:
            _save(store / names[id(job)], block)
        yield job, block


def _by_threads(plan: Plan, jobs: Sequence[_Job], workers: int) -> Iterator[tuple[_Job, Block]]:
    if workers == 1:
        yield from ((job, run_chunk(plan, job.sample, job.chunk, job.size)) for job in jobs)
        return
    from joblib import Parallel, delayed

    def one(job: _Job) -> tuple[_Job, Block]:
        return job, run_chunk(plan, job.sample, job.chunk, job.size)

    # the compiled engine releases the GIL, and threads share the worlds and need no imports of their own
    yield from Parallel(n_jobs=workers, prefer="threads", return_as="generator_unordered")(
        delayed(one)(job) for job in jobs
    )


# -- finished chunks on disk -----------------------------------------------------------------------------------------


def _name(plan: Plan, job: _Job) -> str:
    """Name a chunk by everything that its numbers depend on."""
    simulation = plan.simulation
    content = [
        plan.identity,
        simulation.run.seed,
        simulation.interval,
        simulation.rope,
        simulation.estimands,
        [analysis.identity() for analysis in plan.analyses],
        str(job.sample.digest()),
        job.size,
        *_looked(simulation),
    ]
    return f"{hashlib.sha256(json.dumps(content).encode()).hexdigest()[:24]}-{job.chunk:06d}.npy"


def _looked(simulation: Simulation) -> list[str]:
    """Return what ends a study early, which is part of its numbers."""
    if simulation.looks is None:
        return []
    return [simulation.looks.model_dump_json(), simulation.decisions[0].model_dump_json()]


def made_by() -> dict[str, str]:
    """Return the versions on which the numbers of a chunk depend."""
    found = versions()
    return {name: found.get(name, "") for name in RESULT_PACKAGES} | {"drawing": DRAWING}


def _require_same_version(store: Path) -> None:
    """Refuse chunks that other versions have drawn: half a run of each would be neither's."""
    mine, path = made_by(), store / MADE_BY
    if not path.exists() and not any(store.glob("*.npy")):
        write_whole(path, json.dumps(mine))
        return
    try:
        theirs = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        theirs = {"hikibayes": "an earlier version"}
    if theirs != mine:
        differ = [name for name in mine if theirs.get(name) != mine[name]]
        began, now = (", ".join(f"{name} {made.get(name) or '?'}" for name in differ) for made in (theirs, mine))
        raise InputError(
            f"holds unfinished work of {began}; this is {now}. Finish it with the versions that began it, or remove the"
            " folder",
            source=store,
        )


def _load(path: Path, shape: tuple[int, ...]) -> Block | None:
    """Read a finished chunk, and mark it as used; None where it is not there, or not as it was written."""
    try:
        block = np.load(path, allow_pickle=False)
        path.touch()
    except (OSError, ValueError, EOFError, BadZipFile):
        return None
    return block if getattr(block, "shape", None) == shape and block.dtype == np.float32 else None


def _save(path: Path, block: Block) -> None:
    """Keep a chunk, as a whole or not at all; those that are there already stay."""

    def save(aside: Path) -> None:
        with aside.open("wb") as file:
            np.save(file, block)

    write_whole(path, save)
