"""How far each answer moves when an assumption is another: its centre by one SD, its width halved or doubled.

Draws under an assumption are weighted into draws under another one. This works inwards and sideways; under a wider
assumption the weights would have no variance, so a wider one is drawn anew, if asked for, or said not to be known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from ...arrays import FloatArray
from ...defaults import DEFAULT_SEED, DEFAULT_STUDY
from ...distributions import Distribution
from ...planning.populations.reconstructed import in_sd_units
from ...reconstruction.calibrate import shipped_or_calibrated
from ...reconstruction.posterior.layout import Layout
from ...reconstruction.reconstructions import said_of
from ...renamed import renamed
from ...shown import Shown
from ...spec import InputError, checked_seed
from ...study.facts import Assumption
from ...study.study import Study
from ...study.study_file import load_study
from ..case import Case, is_folder
from ..tipping import COLUMNS as TIPPING
from .answered import ENOUGH, Answered, answered_by, effective_number, weights_of
from .evidence import COLUMNS as EVIDENCE
from .evidence import evidence_rows, evidence_said
from .numbers import KINDS, Numbers, Reconstructed, changed, enters, log_ratio, numbers_of

COLUMNS = (
    *("assumption", "about", "change", "distribution", "how", "effective"),
    *("estimand", "mean", "sd", "p_positive", "moved", "moved_sds"),
)
"""Of ``assumptions.csv``; ``moved`` is the change of the mean, ``moved_sds`` that in SDs of the answer as assumed."""
CHANGES: Mapping[str, tuple[float, float]] = {
    "centre + 1 SD": (1.0, 1.0),
    "centre - 1 SD": (-1.0, 1.0),
    "width halved": (0.0, 0.5),
    "width doubled": (0.0, 2.0),
}
"""Shift in SDs, and factor of the width."""
AS_ASSUMED = "as assumed"
WEIGHTED, ADDED, AGAIN, UNKNOWN = "weighted", "added up", "drawn again", "not known"
"""By weights; by those of one number at a time, whose changes are added up; by a calibration of its own; not found."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Influence(Shown):
    """What each assumption does to each answer.

    Parameters
    ----------
    study : Study
        With its readings decided.
    table : pandas.DataFrame
        A row for each assumption, change and effect, with `COLUMNS`; first the answers as assumed.
    evidence : pandas.DataFrame
        Answers with all evidence of the study file, and without each piece; empty where there is none.
    fixed, without : tuple of str
        Assumptions that answers follow but that have neither centre nor width, and those that no standardised answer
        follows.
    verdict : str
        What the sampler said of the reconstructions.
    """

    study: Study
    table: pd.DataFrame
    evidence: pd.DataFrame
    fixed: tuple[str, ...]
    without: tuple[str, ...]
    verdict: str

    @property
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """By file name."""
        return {"assumptions": self.table, **({"evidence": self.evidence} if len(self.evidence) else {})}

    @property
    def tipping(self) -> pd.DataFrame:
        """None: what is asked is how far answers move, not where they fail."""
        return pd.DataFrame(columns=list(TIPPING))

    @property
    def sentences(self) -> list[str]:
        """What moves most, and what is not known."""
        return [*sentences(self.table, self.fixed, self.without), *evidence_said(self.evidence)]


@renamed()
def assumptions(
    what: str | Path | Study | Case = DEFAULT_STUDY,
    *,
    refit: bool = False,
    seed: int = DEFAULT_SEED,
    tell: Callable[[str], None] | None = None,
    **readings: str,
) -> Influence:
    """Ask how far each answer moves when each assumption is another.

    Parameters
    ----------
    what : str, Path, Study or Case
        A shipped study, or a study file.
    refit : bool
        Draw reconstructions again where weights cannot tell: for every wider assumption, and where too few draws
        count. Each takes as long as a calibration; they are kept on this machine.
    seed : int
        Of reconstructions that are drawn.
    tell : callable, optional
        Told what begins.
    **readings : str
        Option by reading.

    Returns
    -------
    Influence

    Raises
    ------
    InputError
        A fit, of whose rows nothing is assumed; or a study that makes no assumption, or has no effect among its
        estimands.
    """
    if (isinstance(what, Case) and not what.synthetic) or (not isinstance(what, Case) and is_folder(what)):
        raise InputError("a fit's rows are known: assumptions are a published study's")
    study = what.study if isinstance(what, Case) else load_study(what).read(**readings)
    if not any(a.quantity in KINDS and changed(a, 0.0, 0.5) for a in study.assumptions):
        rest = f"none of its {len(study.assumptions)} assumptions has a width that one follows"
        why = rest if study.assumptions else "the study makes no assumption"
        raise InputError(f"no answer in SDs moves with what is assumed: {why}", source=study.id)
    draw = partial(shipped_or_calibrated, seed=checked_seed(seed), tell=tell)
    draws = what.reconstructions if isinstance(what, Case) else draw(study)
    if draws is None:
        raise InputError("the reconstructions that the data sets were made of are not at hand")
    made = Reconstructed(study=study, layout=Layout.of(study), moments=in_sd_units(draws))
    moving = [a for a in study.assumptions if enters(a, made) and changed(a, 0.0, 0.5)]
    answered = answered_by(study, made.moments)
    pieces = evidence_rows(made, answered) if study.evidence else ()
    return Influence(
        study=study,
        table=pd.DataFrame(_rows(made, answered, moving, draw if refit else None), columns=list(COLUMNS)),
        evidence=pd.DataFrame(pieces, columns=list(EVIDENCE)),
        fixed=tuple(a.id for a in study.assumptions if a.quantity == "correlation_sign"),
        without=tuple(a.id for a in study.assumptions if not enters(a, made) and a.quantity != "correlation_sign"),
        verdict=said_of(draws),
    )


def _rows(
    made: Reconstructed, answered: Answered, moving: Sequence[Assumption], again: Callable[[Study], xr.Dataset] | None
) -> Iterator[dict[str, object]]:
    base = answered.under(np.ones(len(answered.mean)))
    yield from _row_each(answered, base, base, change=AS_ASSUMED, how="", effective=float(len(answered.mean)))
    for assumption in moving:
        numbers = numbers_of(assumption, made)
        for change, (shift, stretch) in CHANGES.items():
            now = changed(assumption, shift, stretch)
            if now is None:
                continue
            how, effective, found = _moved(answered, base, numbers, assumption, now, inwards=stretch <= 1)
            if again is not None and how in (ADDED, UNKNOWN):
                how, found = AGAIN, _drawn_again(made.study, assumption, now, again)
            of = {"assumption": assumption.id, "about": ", ".join(numbers or assumption.about), "change": change}
            yield from _row_each(answered, base, found, **of, distribution=str(now), how=how, effective=effective)


def _row_each(
    answered: Answered, base: Mapping[str, FloatArray], found: Mapping[str, FloatArray], **of: object
) -> Iterator[dict[str, object]]:
    for i, estimand in enumerate(answered.estimands):
        moved = float(found["mean"][i] - base["mean"][i])
        numbers = {name: float(values[i]) for name, values in found.items()}
        yield {**of, "estimand": estimand.name, **numbers, "moved": moved, "moved_sds": moved / float(base["sd"][i])}


def _moved(
    answered: Answered,
    base: Mapping[str, FloatArray],
    numbers: Numbers,
    assumption: Assumption,
    now: Distribution,
    *,
    inwards: bool,
) -> tuple[str, float, Mapping[str, FloatArray]]:
    """Return how the answers under another assumption were found, by how many draws in effect, and the answers."""
    unknown = {name: np.full_like(values, np.nan) for name, values in base.items()}
    if not inwards or not numbers:
        return UNKNOWN, np.nan, unknown
    ratios = [log_ratio(values, assumption, now) for values in numbers.values()]
    weights = weights_of(np.sum(ratios, axis=0))
    effective = effective_number(weights)
    if effective >= ENOUGH:
        return WEIGHTED, effective, answered.under(weights)
    one_by_one = [weights_of(ratio) for ratio in ratios]
    effective = min(map(effective_number, one_by_one))
    if len(ratios) < 2 or effective < ENOUGH:
        return UNKNOWN, effective, unknown
    moved = sum(answered.under(each)["mean"] - base["mean"] for each in one_by_one)
    return ADDED, effective, unknown | {"mean": base["mean"] + moved}


def _drawn_again(
    study: Study, assumption: Assumption, now: Distribution, again: Callable[[Study], xr.Dataset]
) -> Mapping[str, FloatArray]:
    replaced = [a.replace(distribution=now) if a is assumption else a for a in study.assumptions]
    answered = answered_by(study, in_sd_units(again(study.replace(assumptions=tuple(replaced)))))
    return answered.under(np.ones(len(answered.mean)))


def sentences(table: pd.DataFrame, fixed: Sequence[str], without: Sequence[str]) -> list[str]:
    """Say which assumption moves an effect most, what is not known, and which assumptions no effect follows."""
    known = table.dropna(subset=["moved_sds"])
    known = known[known["change"] != AS_ASSUMED]
    said = []
    if len(known):
        row = known.iloc[int(known["moved_sds"].abs().argmax())]
        said.append(
            f"{row['assumption']} moves an answer most: {row['change']}, {row['estimand']} from"
            f" {row['mean'] - row['moved']:.2f} to {row['mean']:.2f} ({abs(row['moved_sds']):.1f} of its SDs)"
        )
    missing = table[table["how"] == UNKNOWN]
    if len(missing):
        names = ", ".join(dict.fromkeys(missing.loc[missing["change"] != "width doubled", "assumption"]))
        narrower = f" and, of {names}, for other changes," if names else ""
        said.append(f"for a doubled width{narrower} weights cannot tell: --refit draws again")
    if fixed:
        said.append(f"fixed, with neither centre nor width to change: {', '.join(fixed)}")
    if without:
        said.append(f"no standardised answer follows these: {', '.join(without)}")
    return said
