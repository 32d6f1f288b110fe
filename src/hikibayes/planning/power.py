"""The main job of the planning room: simulate a design, look closer where a target is crossed, and diagnose."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from math import ceil, log
from pathlib import Path
from types import MappingProxyType

import numpy as np
import xarray as xr
from scipy.special import ndtri

from ..inference.fit import Fit
from ..inference.models.design import Design
from ..inference.models.specs import ModelSpec
from ..inference.saved_fit import SavedFit
from ..spec import InputError, validated
from ..study.study import Study
from ..study.study_file import load_study
from .after_fit import Beginning, beginning
from .designs.cells import Sample
from .designs.resolved import resolved
from .designs.simulation import MOST_CELLS, Run, Simulation
from .results.detectable import effects_found, effects_wanted
from .results.diagnose import Diagnosis, diagnose
from .results.sample_size import confirmed, enough, limiting_assurance, refined, smallest_n, what_is_right
from .run.plan import Plan, prepare
from .run.precision import squared_error
from .run.reach import within_reach
from .run.replicates import Replicates
from .run.simulate import MADE_BY, Progress, simulate

DEFAULT_SIMULATION = "followup"
STEP, MOST_STEPS = 1.25, 8
"""Ratio and number of the effects that are simulated where none is named."""
CLOSE = 0.05
"""A simulated size this close to a crossing (relative to it) is as good as one at it."""
STEEP = 0.05
"""Probability by which it may miss the target; where a curve is as steep as one of precision, others do not help."""
ROUNDS = 6
"""How often a size is added where a curve seems to cross a target, until one is close."""


def power(
    simulation: str | Path | Simulation | Fit | SavedFit | Beginning = DEFAULT_SIMULATION,
    *,
    estimand: str = "",
    study: str | Path | Study | None = None,
    reconstructions: xr.Dataset | str | Path | None = None,
    rows: Design | None = None,
    models: Mapping[str, ModelSpec] = MappingProxyType({}),
    replicates: int | None = None,
    seed: int | None = None,
    store: Path | None = None,
    workers: int | None = None,
    dask: str | None = None,
    progress: Progress | None = None,
    tell: Callable[[str], None] | None = None,
    any_size: bool = False,
) -> Diagnosis:
    """Simulate planned studies over a grid, and find the smallest that reach the targets.

    Parameters
    ----------
    simulation : str, Path, Simulation or Fit
        A shipped one's name, a file, or a loaded one; or a fit of one's own table, or the folder of one: the design
        prior of a study that asks its main question again (see `hikibayes.planning.after_fit`); or what
        `hikibayes.next_study` returns, the plan of a replication.
    estimand : str
        Of a fit, what is asked again; by default its main question.
    study : str, Path or Study, optional
        Instead of the one that the simulation names.
    reconstructions : xarray.Dataset, str or Path, optional
        Group moments with a leading ``draw`` dim, or their file; by default the study's shipped ones, else they are
        drawn first.
    rows : Design, optional
        The generating model on the rows that these are the moments of, where somebody has them: see `after_fit`.
    models : mapping of str to ModelSpec
        Loaded models by the name that the simulation has for them; others are looked up.
    replicates, seed : int, optional
        Instead of the simulation's own.
    store : Path, optional
        Folder for finished chunks: a run that was interrupted goes on from there. See `forget`.
    workers : int, optional
        Threads, by default one for each core; their number changes nothing.
    dask : str, optional
        Address of a dask scheduler that does the work.
    progress : callable, optional
        Told replicates done and replicates there are.
    tell : callable, optional
        Told what begins before that, where it takes minutes.
    any_size : bool
        Run a grid of more than ``MOST_CELLS`` cells.

    Returns
    -------
    Diagnosis

    Raises
    ------
    InputError
        Anything that would keep a cell from running, found before the first replicate; or no dask scheduler answers.
    """
    with _about(simulation):
        # where there are rows, all that a fit brings is given
        begun = simulation if isinstance(simulation, Simulation) and rows else beginning(simulation, estimand)
        if isinstance(begun, Beginning):
            _refuse_beside(begun, {"study": study, "models": models, "reconstructions": reconstructions, "rows": rows})
            study, models, reconstructions = begun.study, begun.models, begun.reconstructions
            rows, begun = begun.rows, begun.simulation
        made = resolved(begun, models, study)
    chosen, models = _settled(made.simulation, replicates, seed), {**models, **made.models}
    if workers is None:
        from joblib import cpu_count

        workers = cpu_count()
    if workers < 1:
        raise InputError(f"{workers} workers cannot do the work; give 1 or more", key="workers")
    study = load_study(study or made.study or chosen.study)
    if isinstance(reconstructions, str | Path):
        from ..reconstruction.shipped import read_reconstructions

        reconstructions = read_reconstructions(Path(reconstructions), study.read(**chosen.readings))
    with _about(simulation):
        if chosen.size > MOST_CELLS and not any_size:
            raise InputError(
                f"the grid has {chosen.size:,} cells, more than {MOST_CELLS:,}; shorten an axis, or insist with --yes",
                key="axes",
            )
        plan = prepare(chosen, study=study, reconstructions=reconstructions, rows=rows, models=models, tell=tell)
    chosen = plan.simulation
    if chosen.targets.detectable and not chosen.axes.effect:
        plan = replace(plan, simulation=chosen.replace(axes=chosen.axes.replace(effect=_effects(plan))))
    if tell:
        for note in out_of_reach(plan):
            tell(note)
    if store:
        _try_out(store)
    run = partial(simulate, store=store, workers=workers, dask=dask, progress=progress, tell=tell)
    return diagnose(_searched(plan, run))


def _refuse_beside(begun: Beginning, given: Mapping[str, object]) -> None:
    """Refuse what a study that is gone on from brings itself."""
    for name, value in given.items():
        if value is not None and not (isinstance(value, Mapping) and not value):
            of = "a study that is gone on from" if begun.rows is None else "a fit"
            raise InputError(f"goes without {of}, which brings its own", key=name)


def _searched(plan: Plan, run: Callable[..., Replicates]) -> Replicates:
    """Simulate the grid, sizes and effects beside each crossing, and those that this finds once more.

    A search that stops where it likes what it sees is too sure of itself: its answer is put to studies that had no part
    in it.
    """
    found = run(plan)
    for _ in range(ROUNDS if plan.simulation.run.refine else 0):
        closer = [*_crossings(found), *effects_wanted(found, CLOSE)]
        if not closer:
            break
        found = found.extended(run(plan, closer))
    answers = [*enough(found), *effects_found(found)]
    return replace(found, confirmed=confirmed(found, run(plan.afresh(), answers))) if answers else found


def forget(store: Path, since: float) -> None:
    """Throw a run's chunks away, once the tables that were made of them are safe; another plan's stay.

    Parameters
    ----------
    store : Path
        Folder of finished chunks.
    since : float
        When the run began, in seconds since the epoch: it has written or touched its chunks after that.
    """
    for chunk in store.glob("*.npy"):
        if chunk.stat().st_mtime >= since:
            chunk.unlink(missing_ok=True)
    if not any(store.glob("*.npy")):  # else another plan's chunks are in it
        (store / MADE_BY).unlink(missing_ok=True)
    with suppress(OSError):  # it holds something, or was never made
        store.rmdir()


@contextmanager
def _about(simulation: object) -> Iterator[None]:
    """Name the simulation's file in messages that do not name a file yet."""
    try:
        yield
    except InputError as error:
        if error.source or not isinstance(simulation, str | Path):
            raise
        raise InputError(str(error), source=str(simulation)) from None


def _try_out(store: Path) -> None:
    """Refuse a folder that cannot be written to, before the work is done."""
    try:
        store.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=store).close()
    except OSError as error:
        raise InputError(
            f"cannot be written to ({error.strerror}); choose another with --out", source=store.parent
        ) from None


def _settled(simulation: Simulation, replicates: int | None, seed: int | None) -> Simulation:
    changes = {"replicates": replicates, "seed": seed}
    given = {name: value for name, value in changes.items() if value is not None}
    run = simulation.run.model_dump(exclude_unset=True) | given
    return simulation.replace(run=validated(Run, run, "power")) if given else simulation


def _effects(plan: Plan) -> tuple[float, ...]:
    """Return effects around those that a normal approximation says are found, on the side that the rule is about."""
    analysis, simulation = plan.analyses[0], plan.simulation
    errors = {squared_error(plan, sample, analysis) ** 0.5 for sample in simulation.samples()}
    needed = [
        (ndtri(0.975) + ndtri(max(target, 0.5))) * error for error in errors for target in simulation.targets.detectable
    ]
    low, high = 0.5 * min(needed), 1.6 * max(needed)
    side = -1 if simulation.decisions[0].rule.downwards else 1
    steps = max(MOST_STEPS, ceil(log(high / low) / log(STEP)) + 1)
    return tuple(float(f"{side * size:.3g}") for size in np.geomspace(low, high, min(steps, 3 * MOST_STEPS)))


def out_of_reach(plan: Plan) -> list[str]:
    """Say which targets no sample size reaches, which rules no size asked for, and why; and what d is of a slope."""
    simulation, said = plan.simulation, [*_of_units(plan), *_rules_out_of_reach(plan)]
    for name in simulation.worlds.source if simulation.targets.power else ():
        sample = next(sample for sample in simulation.samples() if sample.worlds == name)
        truth = plan.population(sample, 0).truth
        for decision in simulation.decisions:
            values = truth[:, simulation.estimands.index(decision.estimand)]
            limit = limiting_assurance(simulation, decision, values, sample)
            if beyond := [target for target in simulation.targets.power if target > limit]:
                share = f"about {limit:.2f}" if limit else "none"
                said.append(
                    f"{decision.name}, {name} populations: no sample size reaches "
                    f"{', '.join(f'{target:g}' for target in beyond)}; the conclusion is "
                    f"{what_is_right(simulation, decision, sample)} in {share} of them"
                )
    return said


def _of_units(plan: Plan) -> Iterator[str]:
    """Say what d is of a slope, where a difference of groups may have been meant."""
    effect = plan.simulation.population.effect if plan.simulation.population else None
    if effect and effect.unit == "d" and plan.estimands[0].kind.startswith("slope"):
        of = f"d = {effect.size:g} of a slope is {effect.size:g} residual SDs"
        yield f"{of} for each unit of the score; beta is in SDs"


def _rules_out_of_reach(plan: Plan) -> Iterator[str]:
    """Name the first decision's rules that even the largest study can hardly meet, whatever it finds."""
    decision = plan.simulation.decisions[0]
    largest = max(plan.simulation.samples(), key=lambda sample: sum(sample.sizes))
    if plan.engine == "nuts":
        return
    for analysis in plan.analyses:
        for rule in decision.rules:
            if not within_reach(plan, largest, analysis, rule):
                yield (
                    f"{decision.name}: {sum(largest.sizes)} participants, the most that are asked for, can hardly have "
                    f"{rule} under prior {analysis.variant!r}, whatever they show"
                )


def _crossings(found: Replicates) -> list[Sample]:
    """Return samples of the sizes at which the first decision, under the first analysis, crosses each target."""
    wanted: dict[Sample, None] = {}
    for curve in refined(found):
        for target in found.simulation.targets.power:
            n, _, _ = smallest_n(curve, target)
            away, misses = np.abs(curve.n / n - 1), np.abs(curve.share - target)
            error = (target * (1 - target) / curve.count) ** 0.5
            if np.isfinite(n) and n not in curve.n and ((away > CLOSE) | (misses > max(STEEP, 3 * error))).all():
                wanted[curve.at(n)] = None
    return list(wanted)
