"""From a table of replicates to what it says: figures, sample sizes, and what a reader must be warned of.

Works on a saved table alone, however long ago it was made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ...arrays import FloatArray
from ...folders import finish
from ...reconstruction.reconstructions import has_converged
from ...shown import Shown
from ..designs.cells import axis_labels
from ..designs.simulation import Simulation
from ..run.replicates import Replicates, read_replicates
from ..run.whom import EFFECT
from .detectable import detectable, nearest
from .looks import looks
from .performance import performance
from .sample_size import Curve, curves, monotone, sample_sizes, what_is_right
from .surface import surface

REPLICATES_FILE = "replicates.parquet"

SHORT = 3.0
"""Monte Carlo errors by which a fresh batch falls short of a target before that is said."""
DIP = 4.0
"""A fall between neighbouring sizes of more than this many standard errors is not noise."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Diagnosis(Shown):
    """What simulated studies say.

    Parameters
    ----------
    replicates : Replicates
        The table that it was made from.
    power : DataFrame
        ``power.csv``; see `performance`.
    sample_size : DataFrame
        ``sample_size.csv``; see `sample_sizes`.
    surface : DataFrame
        ``surface.csv``; see `surface`.
    looks : DataFrame
        ``looks.csv``; see `looks`. Empty where nobody looks before the end.
    detectable : DataFrame
        ``detectable.csv``; see `detectable`. Empty where no smallest effect is looked for.
    warnings : tuple of str
        What a reader of the tables must know.
    sound : bool
        Whether in every cell some fit succeeded, and the reconstructions behind the worlds have converged.
    """

    replicates: Replicates
    power: pd.DataFrame
    sample_size: pd.DataFrame
    surface: pd.DataFrame
    looks: pd.DataFrame
    detectable: pd.DataFrame
    warnings: tuple[str, ...]
    sound: bool

    @property
    def told(self) -> pd.DataFrame:
        """Rows of ``power`` that a summary has: where smallest effects are looked for, those nearest to one."""
        return nearest(self.power, self.detectable)


def diagnose(source: Replicates | Diagnosis | str | Path) -> Diagnosis:
    """Reduce simulated studies to power, precision and sample sizes.

    Parameters
    ----------
    source : Replicates, Diagnosis, str or Path
        A table of replicates, what `power` has returned, the table's file, or the folder of a run.

    Returns
    -------
    Diagnosis

    Raises
    ------
    InputError
        There is no such file, or it is no table of replicates.
    """
    source = source.replicates if isinstance(source, Diagnosis) else source
    replicates = source if isinstance(source, Replicates) else _read(Path(source))
    found = list(curves(replicates))
    failed = np.array([(~replicates.ok(cell)).mean() for cell in range(len(replicates.cells))])
    sizes, effects = sample_sizes(replicates, found), detectable(replicates)
    return Diagnosis(
        replicates=replicates,
        power=performance(replicates),
        sample_size=sizes,
        surface=surface(replicates),
        looks=looks(replicates),
        detectable=effects,
        warnings=(*warnings_of(replicates, found, failed), *_unconfirmed(sizes), *_unconfirmed(effects)),
        sound=has_converged(replicates.verdict) and bool((failed < 1).all()),
    )


def _read(path: Path) -> Replicates:
    finish(path if path.is_dir() else path.parent)
    return read_replicates(path / REPLICATES_FILE if path.is_dir() else path)


def warnings_of(replicates: Replicates, found: Sequence[Curve], failed: FloatArray) -> list[str]:
    """Say what a reader of the tables must know: draws that failed, targets out of reach, curves that fall."""
    said = [*_failures(replicates, failed), *_taken_as_scores(replicates.simulation)]
    if replicates.words.get(EFFECT) == "0":
        said.append(
            "no effect is written, so it is 0: each conclusion is a wrong one; [population] effect says another"
        )
    if not has_converged(replicates.verdict):
        said.insert(0, f"the populations are made of reconstructions that cannot be relied on: {replicates.verdict}")
    for decision in replicates.simulation.decisions:
        for source in replicates.simulation.worlds.source:
            chosen = [c for c in found if c.decision == decision and c.samples[0].worlds == source]
            if replicates.simulation.looks:  # the effect of 0 beside every other is not meant to reach a target
                chosen = [c for c in chosen if c.samples[0].effect != 0]
            said += _warnings_of_curves(chosen, replicates.simulation)
    return said


def _taken_as_scores(simulation: Simulation) -> Iterator[str]:
    """Name the predictors of a written population that are taken as scores, because nothing is said of them."""
    population = simulation.population
    for name in population.taken_as_scores if population and not simulation.of_file else ():
        yield (
            f"{name} is taken as a score with SD 1; [population] levels makes it a category "
            f'({name} = ["...", "..."]; or --levels "{name}=..."), sds gives it another SD'
        )


def _unconfirmed(sizes: pd.DataFrame) -> Iterator[str]:
    """Name sizes and effects that fall short of their target in the fresh batch, beyond what chance makes likely."""
    short = sizes[sizes["confirmed"] + SHORT * sizes["confirmed_mcse"] < sizes["target"]]
    for row in short.to_dict("records"):
        effect = row.get("effect")
        beside = f" and effect {effect:.3g}" if isinstance(effect, float) else ""
        yield (
            f"{row['decision']}, {row['worlds']} populations: {row['n_per_group']} per group{beside} were found for "
            f"{row['target']:g}, and new simulated studies reach {row['confirmed']:.3f} "
            f"(Monte Carlo error {row['confirmed_mcse']:.3f}); more replicates say more"
        )


def _failures(replicates: Replicates, shares: FloatArray) -> Iterator[str]:
    """Say how many fits failed, and how many in the worst cell."""
    fits = replicates.count * len(replicates.estimands)
    if not shares.any():
        return
    failed, total = round(float(shares.sum() * fits)), fits * len(shares)
    worst = axis_labels(replicates.cells)[int(shares.argmax())]
    cell = ", ".join(f"{name} {value}" for name, value in worst.items() if name != "n_total")
    yield (
        f"{failed:,} of {total:,} fits failed ({failed / total:.1%}), most where {cell} ({shares.max():.1%}); "
        "a failed fit concludes nothing, and is counted"
    )


def _warnings_of_curves(chosen: Sequence[Curve], simulation: Simulation) -> Iterator[str]:
    """Say it once for all the curves of a decision and a source of worlds."""
    if not chosen:
        return
    what = "assurance" if chosen[0].over_worlds else "power"
    name = f"{chosen[0].decision.name}, {chosen[0].samples[0].worlds} populations"
    ends = {curve: monotone(curve.share[None])[0, [0, -1]] for curve in chosen}
    right = what_is_right(simulation, chosen[0].decision, chosen[0].samples[0])
    for target in simulation.targets.power:
        if capped := [curve.limiting_assurance for curve in chosen if curve.limiting_assurance < target]:
            yield (
                f"{name}: no sample size reaches {target:g}{_of(capped, chosen)}; the conclusion is {right} "
                f"in {_span(capped) if max(capped) else 'none'} of the populations"
            )
        if short := [last for curve, (_, last) in ends.items() if last < target <= curve.limiting_assurance]:
            yield f"{name}: the largest size does not reach {target:g}{_of(short, chosen)}, but {_span(short)}"
        if early := [first for first, _ in ends.values() if first >= target]:
            yield f"{name}: the smallest size reaches {target:g} already{_of(early, chosen)}; fewer people may do"
    if falling := [curve for curve in chosen if _falls(curve)]:
        yield f"{name}: {what} falls as studies grow{_of(falling, chosen)}; sample sizes are of its monotone fit"


def _falls(curve: Curve) -> bool:
    error = np.sqrt((curve.share * (1 - curve.share))[1:] / curve.count * 2)
    return bool((np.diff(curve.share) < -DIP * np.maximum(error, 1e-3)).any())


def _of(some: Sequence[object], every: Sequence[object]) -> str:
    return f" in {len(some)} of {len(every)} designs and analyses" if len(every) > 1 else ""


def _span(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:.3f}" if high - low < 5e-4 else f"{low:.3f} to {high:.3f}"
