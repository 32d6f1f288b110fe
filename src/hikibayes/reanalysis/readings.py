"""The same questions under the paper's other readings, side by side and never averaged.

A reading changes which number a printed statement is about, so each option has reconstructions of its own. They are
group moments, and these are all that the exact engine needs. Every option is evaluated in that one way, the default
too, so that what differs between the rows is the reading.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..inference.answers.ensemble import DEFAULT_READING, estimates_of, lay_out_moments
from ..inference.answers.estimates import COLUMNS, Reporting
from ..inference.models.specs import DEFAULT_VARIANT
from ..inference.models.steps import step_models, step_of
from ..study.study import Study

if TYPE_CHECKING:
    import xarray as xr

type ByReading = Mapping[str, xr.Dataset]
"""Reconstructed group moments by reading: ``default``, or ``reading=option`` with the others at their defaults."""

KEPT = ("mean", "sd", "lower", "upper", "p_positive", "sd_within", "sd_between")


def other_readings(study: Study) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield every option that is not a default: its name ``reading=option``, and the choice for `Study.read`."""
    for reading in study.readings:
        for option in reading.options:
            if option != reading.default:
                yield f"{reading.id}={option}", {reading.id: option}


def reading_estimates(
    study: Study, moments: ByReading, *, seed: np.random.SeedSequence, reporting: Reporting | None = None
) -> pd.DataFrame:
    """Estimate every estimand under every reading that there are reconstructions of, with the default prior.

    Parameters
    ----------
    study : Study
        With its readings open.
    moments : mapping of str to xarray.Dataset
        Group moments with a leading dim, by reading.
    seed : numpy.random.SeedSequence
        Of the draws behind shares of variance.
    reporting : Reporting, optional
        Interval and ROPE.

    Returns
    -------
    pandas.DataFrame
        With the columns of ``estimates.csv``; the column ``reading`` holds ``default`` or ``reading=option``.
    """
    choices = {DEFAULT_READING: {}, **dict(other_readings(study))}
    present = [name for name in choices if name in moments]
    tables = []
    for name, child in zip(present, seed.spawn(len(present)), strict=True):
        settled = study.read(**choices[name])
        fits = lay_out_moments(settled, step_models(settled), moments[name])
        tables.append(estimates_of(fits, reading=name, seed=child, reporting=reporting, variants=[DEFAULT_VARIANT]))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(COLUMNS))


def readings_table(study: Study, estimates: pd.DataFrame) -> pd.DataFrame:
    """Lay the readings' estimates side by side.

    Parameters
    ----------
    study : Study
        With its readings open.
    estimates : pandas.DataFrame
        From `reading_estimates`.

    Returns
    -------
    pandas.DataFrame
        A row for each reading, option and estimand; ``is_default`` marks the option that the answer takes.
    """
    if estimates.empty:
        return pd.DataFrame(columns=["reading", "option", "is_default", "estimand", *KEPT, "reconstructions"])
    exact = estimates[estimates["engine"] == "exact"].set_index("reading")
    rows = []
    for reading in study.readings:
        for option in reading.options:
            name = DEFAULT_READING if option == reading.default else f"{reading.id}={option}"
            if name in exact.index:
                own = exact.loc[[name], ["model", "estimand", *KEPT, "datasets"]]
                rows.append(own.assign(reading=reading.id, option=option, is_default=option == reading.default))
    if not rows:
        return readings_table(study, pd.DataFrame(columns=list(COLUMNS)))
    table = pd.concat(rows, ignore_index=True).rename(columns={"datasets": "reconstructions"})
    step = {estimand.name: step_of(study.read(), estimand) for estimand in study.estimands}
    table = table[table["model"] == table["estimand"].map(step)]
    return table[["reading", "option", "is_default", "estimand", *KEPT, "reconstructions"]].reset_index(drop=True)


def spread_over_readings(table: pd.DataFrame) -> pd.DataFrame:
    """Return, by estimand, how far the readings' means lie apart: their SD (ddof 0), and the farthest of them.

    Parameters
    ----------
    table : pandas.DataFrame
        From `readings_table`.

    Returns
    -------
    pandas.DataFrame
        Index ``estimand``; columns ``sd_readings``, and ``lowest, highest``: what the lowest and the highest mean lie
        below (at most 0) and above the default's. Empty where only one reading was evaluated.
    """
    # the default stands once beside the options of every reading; it counts once
    table = table.astype({"is_default": bool})
    each = table[~(table["is_default"] & table.duplicated(["estimand", "is_default"]))]
    means = each.groupby("estimand", sort=False)["mean"]
    default = each[each["is_default"]].set_index("estimand")["mean"]
    columns = {"sd_readings": means.std(ddof=0), "lowest": means.min() - default, "highest": means.max() - default}
    return pd.DataFrame(columns)[means.size() > 1]
