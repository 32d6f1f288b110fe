"""Every limitation as a question: under what the conclusion would fail, beside what is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ...defaults import DEFAULT_SEED, DEFAULT_STUDY
from ...inference.fit import Fit
from ...renamed import renamed
from ...shown import Shown
from ...spec import InputError, unknown_name
from ...study.study import Limitation, Study
from ..case import Case, case_of
from ..tipping import COLUMNS as TIPPING
from . import culture, duration, measurement, panel, reverse, variables
from .scenario import Answer, Scenario, known_from, spread

LIMITATIONS: Mapping[str, Scenario] = {
    "panel": Scenario(title="Who took part", ask=panel.panel_of, numbers=panel.NUMBERS),
    "measurement": Scenario(title="Errors of measurement", ask=measurement.measurement_of, numbers=measurement.NUMBERS),
    "duration": Scenario(
        title="Longer cases", ask=duration.duration_of, numbers=duration.NUMBERS, needs=duration.NEEDS
    ),
    "culture": Scenario(title="Other levels elsewhere", ask=culture.culture_of, numbers=culture.NUMBERS),
    "variables": Scenario(title="Variables chosen by the data", ask=variables.variables_of, numbers=variables.NUMBERS),
    "reverse": Scenario(title="The other direction", ask=reverse.reverse_of, numbers=reverse.NUMBERS),
}
"""Every question, in the order of the report; a new one is a file and a line here."""
COLUMNS = (
    *("limitation", "title", "answered", "estimate", "mean", "lower", "upper", "p_positive"),
    *("what", "value", "value_lower", "value_upper", "known", "assumed", "sentence"),
)
"""``estimate`` is the case's own answer and ``mean, lower, upper, p_positive`` the answer under the scenario; ``value``
what would leave nothing of it (empty where nothing does), 5 % and 95 % over the data sets. A question that the case has
nothing for is not ``answered``, and ``sentence`` says why."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Limitations(Shown):
    """What each limitation would have to be.

    Parameters
    ----------
    case : Case
        What was analysed.
    table : pandas.DataFrame
        With `COLUMNS`; a row a limitation.
    details : mapping of str to pandas.DataFrame
        The tables behind it.
    """

    case: Case
    table: pd.DataFrame
    details: Mapping[str, pd.DataFrame]

    @property
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """By file name without ``.csv``."""
        return {"limitations": self.table, **self.details}

    @property
    def tipping(self) -> pd.DataFrame:
        """A row for each limitation that was answered."""
        rows = self.table[self.table["answered"]]
        rows = rows.assign(analysis="limitations", lower=rows["value_lower"], upper=rows["value_upper"])
        return rows[list(TIPPING)]


@renamed()
def limitations(
    what: str | Path | Study | Fit | Case = DEFAULT_STUDY,
    *,
    seed: int = DEFAULT_SEED,
    only: Sequence[str] = (),
    about: Mapping[str, Sequence[str]] | None = None,
    numbers: Mapping[str, Mapping[str, float]] | None = None,
    datasets: int = 200,
    tell: Callable[[str], None] | None = None,
    **readings: str,
) -> Limitations:
    """Ask of each limitation under what the conclusion would fail.

    Parameters
    ----------
    what : str, Path, Study, Fit or Case
        The name of a shipped study, a study file, the folder of a fit, or one of these that is loaded already.
    seed : int
        Everything random follows from it.
    only : sequence of str
        Limitations to ask of; by default all.
    about : mapping of str to sequence of str
        Measures that a limitation is about, in place of those that the study's file names.
    numbers : mapping of str to mapping of str to float
        Numbers of a limitation, in place of the file's.
    datasets : int
        Versions of a study's sample; a fit has its own data.
    tell : callable, optional
        Told what begins.
    **readings : str
        Option by reading, of a study.

    Returns
    -------
    Limitations

    Raises
    ------
    InputError
        No such limitation, measure or number, and whatever `case_of` raises.
    """
    about, numbers = about or {}, numbers or {}
    _refuse(only, about, numbers)
    case = case_of(what, datasets=datasets, seed=seed, tell=tell, **readings)
    estimate = known_from(case.marginal)["mean"]
    rows: list[dict[str, object]] = []
    details: dict[str, pd.DataFrame] = {}
    seeds = np.random.SeedSequence(seed).spawn(len(LIMITATIONS))
    for (kind, scenario), own in zip(LIMITATIONS.items(), seeds, strict=True):
        if only and kind not in only:
            continue
        if tell:
            tell(f"asking of {scenario.title.lower()}")
        row = {"limitation": kind, "title": scenario.title, "estimate": estimate}
        said = scenario.told(_said(case.study, kind, about.get(kind, ()), numbers.get(kind, {})))
        try:
            found = scenario.ask(case, said, rng=np.random.default_rng(own))
        except InputError as error:
            if kind in only or kind in about or kind in numbers:
                raise
            rows.append({**row, "answered": False, "sentence": f"Left out: {error}."})
            continue
        rows.append({**row, "answered": True, **_row(found)})
        details |= found.tables
    return Limitations(case=case, table=pd.DataFrame(rows, columns=list(COLUMNS)), details=details)


def _row(found: Answer) -> dict[str, object]:
    value, low, high = spread(found.values)
    values = {"what": found.what, "value": value, "value_lower": low, "value_upper": high}
    words = {"known": found.known, "assumed": found.assumed, "sentence": found.sentence}
    return {**found.corrected, **values, **words}


def _said(study: Study, kind: str, about: Sequence[str], numbers: Mapping[str, float]) -> Limitation:
    """Return what is said of a limitation: by the study's file, and in its place by the person who asks."""
    own = next((each for each in study.limitations if each.kind == kind), Limitation(kind=kind))
    for name in about:
        study.measure(name)
    return own.replace(of=tuple(about) or own.of, numbers={**own.numbers, **numbers})


def _refuse(only: Sequence[str], *given: Mapping[str, object]) -> None:
    for kind in (*only, *(kind for mapping in given for kind in mapping)):
        if kind not in LIMITATIONS:
            raise InputError(unknown_name("limitation", kind, LIMITATIONS))
