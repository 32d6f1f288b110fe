"""Study and assumptions in, a posterior over the study's sample moments out.

The posterior is sampled by NUTS from starting points that were found with the tolerances wide at first and narrow at
last. A record that no data can satisfy shows at the starting points already: then the facts in conflict are named.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from ..defaults import DEFAULT_SEED, DEFAULT_STUDY
from ..provenance import versions
from ..shown import Shown
from ..spec import InputError, checked_seed
from ..study.analysis import PublishedAnalysis
from ..study.study import Study
from ..study.study_file import load_study
from .posterior.density import target_number
from .posterior.descent import climb
from .posterior.kernel.plan import Plan
from .posterior.problem import Problem
from .posterior.sampling import Effort, Progress, sample
from .quantities import Quantity, reported_quantities, summarise
from .reconstructions import reconstructions_of, said_of
from .shipped import fingerprint, read_reconstructions, shipped_reconstructions, write_reconstructions

__all__ = [
    "Calibration",
    "ConflictingRecordError",
    "Verdict",
    "calibrate",
    "chosen_reconstructions",
    "read_reconstructions",
    "shipped_or_calibrated",
    "shipped_reconstructions",
    "write_reconstructions",
]

type FloatArray = NDArray[np.float64]

TEMPERATURES = (30.0, 10.0, 3.0, 1.0)
CLIMB_STEPS = 600
TUNE = 500
LARGEST_RHAT, LEAST_ESS = 1.01, 400
OUT_OF_REACH = 3.0
"""A printed number that the best point misses by so many of its tolerances contradicts the others."""


class ConflictingRecordError(InputError):
    """No data can satisfy the record; ``facts`` are the ids of those in conflict, the worst first."""

    def __init__(self, message: str, facts: tuple[str, ...], *, source: str | None = None) -> None:
        super().__init__(message, source=source)
        self.facts = facts


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether the sampler did its work.

    Attributes
    ----------
    rhat, ess : float
        Worst R-hat and least bulk effective sample size over every reported quantity.
    divergences : int
    inside : float
        Share of draws that are strictly inside every printed interval.
    seconds : dict of str to float
        Wall time of ``start`` (with compilation, on the first run on a machine) and ``sampling``.
    reruns : int
        How many runs before this one were not sound.
    """

    rhat: float
    ess: float
    divergences: int
    inside: float
    seconds: dict[str, float]
    reruns: int = 0

    @property
    def sound(self) -> bool:
        """R-hat at most 1.01 and bulk ESS at least 400 for every reported quantity."""
        return self.rhat <= LARGEST_RHAT and self.ess >= LEAST_ESS

    def __str__(self) -> str:
        word = "converged" if self.sound else "not converged"
        again = ", at the second run" if self.reruns else ""
        return (
            f"{word}{again}: R-hat {self.rhat:.3f}, least bulk ESS {self.ess:.0f}, {self.divergences} divergences, "
            f"{self.inside:.0%} of the draws inside every printed interval"
        )


@dataclass(frozen=True, kw_only=True, repr=False)
class Calibration(Shown):
    """What `calibrate` returns.

    Attributes
    ----------
    study : Study
        With its readings decided.
    reconstructions : xarray.Dataset
        See `hikibayes.reconstruction.reconstructions.complete`.
    table : pandas.DataFrame
        A row for every printed fact and every unprinted quantity (``calibration.csv``).
    verdict : Verdict
    """

    study: Study
    reconstructions: xr.Dataset
    table: pd.DataFrame
    verdict: Verdict


def calibrate(
    study: str | Path | Study = DEFAULT_STUDY,
    *,
    draws: int = 2000,
    thin: int = 2,
    tune: int = TUNE,
    chains: int = 4,
    cores: int | None = None,
    rerun: bool = True,
    seed: int = DEFAULT_SEED,
    progress: Progress | None = None,
    **readings: str,
) -> Calibration:
    """Draw from the posterior over a study's sample moments.

    Parameters
    ----------
    study : str, Path or Study
        Name of a shipped study, a study file, or a study. Its open readings are decided by ``readings`` and their
        defaults.
    draws : int
        How many reconstructions to return, over all chains.
    thin : int
        Sampled draws for each returned one.
    tune : int
        Adaptation steps of each chain, not returned.
    chains, cores : int
        Chains, and how many run at once (default: as many as there are cores).
    rerun : bool
        Whether a run that is not sound, though it has draws enough to be, is made once more with twice the adaptation
        and trajectories four times as long.
    seed : int
        Same seed and same machine, same draws.
    progress : callable, optional
        Told how many steps of how many are done.
    **readings : str
        Option by reading.

    Returns
    -------
    Calibration

    Raises
    ------
    ConflictingRecordError
        No data can satisfy the record.
    InputError
        An unknown reading or option, a study that calibration cannot take, or a number of draws below the chains'.

    Notes
    -----
    Reconstructions are versions of the study's own sample, not populations to plan for.
    """
    if min(draws // chains, thin, chains) < 1:
        raise InputError(f"{draws} draws of {chains} chains, thinned by {thin}: each chain needs at least one draw")
    study, seed = load_study(study), checked_seed(seed)
    decided = study.read(**readings) if study.readings or readings else study
    problem = Problem.of(decided)
    begin = time.perf_counter()
    starts = starting_points(problem, chains=chains, seed=seed)
    ready = time.perf_counter()
    effort = Effort(draws=-(-draws // chains) * thin, tune=tune)
    for reruns, tried in enumerate((effort, effort.greater)):
        told = _continued(progress, reruns * chains * (effort.draws + effort.tune))
        flat, divergences = sample(problem, starts, tried, seed=seed, cores=cores, progress=told)
        every = reconstructions_of(problem, flat.reshape(-1, problem.size))
        quantities = reported_quantities(decided, every)
        table = summarise(quantities, chains)
        verdict = Verdict(
            rhat=float(table["rhat"].max()),
            ess=float(table["ess"].min()),
            divergences=divergences,
            inside=_share_inside(quantities, table),
            reruns=reruns,
            seconds={"start": ready - begin, "sampling": time.perf_counter() - ready},
        )
        if verdict.sound or not rerun or chains * effort.draws < LEAST_ESS:
            break

    kept = every.isel(draw=slice(None, None, thin)).isel(draw=slice(0, draws))
    kept.attrs = _provenance(problem, study, verdict, seed=seed, draws=draws, thin=thin, tune=tune, chains=chains)
    kept.attrs["readings"] = json.dumps(readings, sort_keys=True)
    return Calibration(study=decided, reconstructions=kept, table=table, verdict=verdict)


def _continued(progress: Progress | None, before: int) -> Progress | None:
    """Return what tells the steps of a run as if those before it belonged to it."""
    return progress and (lambda done, total: progress(before + done, before + total))


def _share_inside(quantities: dict[str, Quantity], table: pd.DataFrame) -> float:
    """Return the share of draws that are strictly inside every printed interval."""
    facts = table.loc[table["fact"] != "", "quantity"]
    return float(np.all([quantities[name].inside for name in facts], axis=0).mean())


def shipped_or_calibrated(study: Study, *, seed: int, tell: Callable[[str], None] | None = None) -> xr.Dataset:
    """Return the reconstructions that come with a study, or draw them where none do.

    Parameters
    ----------
    study : Study
        With its readings decided.
    seed : int
        Of the draws.
    tell : callable, optional
        Told that a calibration begins: it takes minutes.

    Returns
    -------
    xarray.Dataset
        See `hikibayes.reconstruction.reconstructions.complete`.

    Raises
    ------
    InputError
        As `calibrate`.
    """
    try:
        return _told(shipped_reconstructions(study), tell)
    except InputError:
        if tell:
            tell("drawing reconstructions: none come with the package")
        return _told(calibrate(study, seed=seed).reconstructions, tell)


def chosen_reconstructions(
    study: Study, path: str | Path | None, *, seed: int, tell: Callable[[str], None] | None = None
) -> xr.Dataset:
    """Return the reconstructions of a file, or those of `shipped_or_calibrated` where no file is named."""
    if not path:
        return shipped_or_calibrated(study, seed=seed, tell=tell)
    return _told(read_reconstructions(Path(path), study), tell)


def _told(reconstructions: xr.Dataset, tell: Callable[[str], None] | None) -> xr.Dataset:
    """Tell the sampler's verdict on reconstructions that are about to be used."""
    if tell and (said := said_of(reconstructions)):
        tell(f"using reconstructions: {said}")
    return reconstructions


def _provenance(problem: Problem, study: Study, verdict: Verdict, **arguments: int) -> dict[str, str]:
    return {
        "study": study.id,
        "fingerprint": fingerprint(problem),
        "arguments": json.dumps(arguments),
        "verdict": str(verdict),
        "versions": json.dumps(versions(), sort_keys=True),
        "what": "reconstructions: plausible versions of the study's own sample, not populations",
    }


# -- starting points -------------------------------------------------------------------------------------------------


def starting_points(problem: Problem, *, chains: int, seed: int) -> list[FloatArray]:
    """Find a point near the record for each chain.

    Raises
    ------
    ConflictingRecordError
        Not even the best point comes near the record.
    """
    from .posterior.kernel.density import log_density

    _refuse_contradictory_counts(problem)
    plan = problem.plan
    found = []
    for stream in np.random.SeedSequence(seed).spawn(chains):
        rng = np.random.default_rng(stream)
        x = _feasible_point(problem, rng)
        for temperature in TEMPERATURES:
            x = climb(partial(_density_at, temperature=temperature, plan=plan), x, steps=CLIMB_STEPS)
        found.append(x)
    best = max(found, key=lambda x: log_density(plan, x, 1.0)[0])
    if conflicts := _conflicts(problem, best):
        raise _conflict(problem, best, conflicts)
    # a chain that begins in a worse place than its tolerances allow begins at the best one instead
    return [best if _conflicts(problem, x) else x for x in found]


def _density_at(flat: FloatArray, temperature: float, plan: Plan) -> tuple[float, FloatArray]:
    from .posterior.kernel.density import log_density

    found: tuple[float, FloatArray] = log_density(plan, flat, temperature)
    return found


def _feasible_point(problem: Problem, rng: np.random.Generator) -> FloatArray:
    from .posterior.kernel.density import log_density

    for size in np.linspace(0.3, 0.0, 30):
        x = rng.normal(0.0, size, problem.size)
        if np.isfinite(log_density(problem.plan, x, TEMPERATURES[0])[0]):
            return x
    raise InputError(f"study {problem.study.id!r}: its assumptions describe no sample, not even at their middle")


def _conflicts(problem: Problem, flat: FloatArray) -> list[str]:
    """Name the facts that a point misses by far, the worst first."""
    draw = reconstructions_of(problem, flat[None]).isel(draw=0)
    analysis = PublishedAnalysis(problem.study, draw)
    missed: dict[str, float] = {}
    for target in (*problem.coordinates, *problem.targets):
        number = target_number(problem, target, analysis)
        number = abs(number) if target.absolute or target.kind == "abs_t" else number
        tolerance = (target.high - target.low) / 2 if target.two_sided else target.softness
        out = max(target.low - number, number - target.high) / tolerance
        if out > OUT_OF_REACH / 2:
            missed[target.fact] = max(out, missed.get(target.fact, 0.0))
    return sorted(missed, key=lambda fact: -missed[fact])


def _conflict(problem: Problem, flat: FloatArray, conflicts: list[str]) -> ConflictingRecordError:
    draw = reconstructions_of(problem, flat[None]).isel(draw=0)
    analysis = PublishedAnalysis(problem.study, draw)
    lines = []
    for name in conflicts:
        known = next((fact for fact in problem.study.facts if fact.id == name), None)
        if known is None:
            lines.append(name)
            continue
        lines.append(
            f"{name} ({known.source.locator}) prints {known.printed}, at best {float(analysis.value(known)):.4g}"
        )
    message = "no data can satisfy this record; the facts that cannot hold together: " + "; ".join(lines)
    return ConflictingRecordError(message, tuple(conflicts), source=f"study {problem.study.id}")


def _refuse_contradictory_counts(problem: Problem) -> None:
    n = dict(zip(problem.layout.groups, problem.layout.n, strict=True))
    for fact in problem.study.facts_of("n"):
        found = n[fact.group] if fact.group else sum(n.values())
        if not fact.holds(found):
            raise ConflictingRecordError(
                f"no data can satisfy this record: {fact.id} prints {fact.printed} participants, "
                f"the groups have {' and '.join(map(str, n.values()))}",
                (fact.id,),
                source=f"study {problem.study.id}",
            )
