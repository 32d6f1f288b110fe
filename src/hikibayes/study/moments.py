"""Group moments: the few numbers from which every number of an OLS paper follows.

The labelled form is an `xarray.Dataset` with the dims ``group, measure, measure_2`` and any leading dims (``draw``):

========== =============================== ==========================================================================
variable   dims                            meaning
========== =============================== ==========================================================================
``n``      group                           participants
``mean``   ..., group, measure             mean within the group
``cov``    ..., group, measure, measure_2  covariance within the group, divisor n - 1
``kind``   measure (a coordinate)          ``scale``, ``number``, ``category`` or ``product``
========== =============================== ==========================================================================

A category with two levels enters as the 0/1 indicator of its second level. The groups are not among the measures; one
sample is one group, without a name. Products of two measures that regressions use (``x:z``) are: of both around their
means over all participants.
What follows from them for regressions is in `hikibayes.study.analysis`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from ..arrays import BoolArray, FloatArray
from ..moments import GroupMoments, group_moments
from ..spec import InputError, unknown_name

if TYPE_CHECKING:
    import pandas as pd

    from .measures import Measure
    from .study import Study


# -- from participants -----------------------------------------------------------------------------------------------


def sample_moments(participants: pd.DataFrame, study: Study, measures: Sequence[str] | None = None) -> xr.Dataset:
    """Compute the group moments of a table of participants.

    Parameters
    ----------
    participants : pandas.DataFrame
        A row a participant, columns named by measure id, categories by level id.
    study : Study
        Says which measure holds the groups and what kind each measure is; without groups there is one, without a name.
    measures : sequence of str, optional
        The measures to include; by default every column that is a number, a scale or a two-level category of the study
        and is measured in every group.

    Returns
    -------
    xarray.Dataset
        Group moments as the module describes them.

    Raises
    ------
    InputError
        A column is missing, has empty cells or unknown labels, or a group has fewer than two participants.
    """
    group, groups = study.analysis.group, study.group_names or ("",)
    names = list(measures) if measures is not None else _usable_measures(participants, study)
    for name in (*([group] if group else []), *names):
        if name not in participants.columns:
            raise InputError(unknown_name("column", name, map(str, participants.columns)))
    rows = _numbers(participants, study, names)
    products = [name.split(":") for name in study.products if set(name.split(":")) <= set(names)]
    labels = np.array(participants[group].astype(str) if group else [""] * len(rows), dtype=object)
    if unknown := {*labels.tolist()} - {*groups}:
        raise InputError(unknown_name("group", min(unknown), groups), key=f"column {group!r}")
    n = [int((labels == name).sum()) for name in groups]
    if min(n) < 2:
        raise InputError(f"group {groups[n.index(min(n))]!r} has {min(n)} participants; moments need at least 2")
    index = np.array([groups.index(label) for label in labels])
    found = group_moments(rows, index, names, products=[(one, other) for one, other in products])
    return xr.Dataset(
        {
            "n": ("group", n),
            "mean": (("group", "measure"), found.mean),
            "cov": (("group", "measure", "measure_2"), found.cov),
        },
        coords={
            "group": list(groups),
            "measure": list(found.names),
            "measure_2": list(found.names),
            "kind": ("measure", [*(study.measure(name).kind for name in names), *(["product"] * len(products))]),
        },
    )


def _usable_measures(participants: pd.DataFrame, study: Study) -> list[str]:
    return [
        measure.id
        for measure in study.measures
        if measure.id in participants.columns
        and measure.id != study.analysis.group
        and measure.only_in is None
        and (measure.kind != "category" or len(measure.levels) == 2)
    ]


def _numbers(participants: pd.DataFrame, study: Study, names: Sequence[str]) -> FloatArray:
    """Return measures as numbers, a row a participant: categories as 0/1 for their second level."""
    empty = participants[list(names)].isna().to_numpy().sum(axis=0)
    for name, count in zip(names, empty, strict=True):
        if count:
            raise InputError(f"has {count} empty cells; moments need none", key=f"column {name!r}")
    scored = np.array([study.measure(name).kind != "category" for name in names], dtype=bool)
    rows = np.empty((len(participants), len(names)))
    rows[:, scored] = participants[list(compress(names, scored))].to_numpy(dtype=float)
    for at in map(int, np.flatnonzero(~scored)):
        rows[:, at] = _indicator(participants[names[at]], study.measure(names[at]))
    return rows


def _indicator(column: pd.Series, measure: Measure) -> BoolArray:
    levels = [level.id for level in measure.levels]
    if len(levels) != 2:
        raise InputError(f"has {len(levels)} levels; an indicator needs two", key=f"column {measure.id!r}")
    found = column.astype(str).to_numpy(dtype=object)
    if unknown := set(found) - set(levels):
        raise InputError(unknown_name("level", min(unknown), levels), key=f"column {measure.id!r}")
    return np.asarray(found == levels[1])


def in_raw_units(moments: xr.Dataset) -> xr.Dataset:
    """Return moments in the measures' own units where the Dataset says what these are.

    Parameters
    ----------
    moments : xarray.Dataset
        Group moments. ``location`` and ``scale`` (..., measure), the raw mean and SD of the total sample, translate
        them into raw units; where they are absent or empty, a measure keeps the units it has.

    Returns
    -------
    xarray.Dataset
        Group moments without ``location`` and ``scale``.
    """
    if "location" not in moments:
        return moments
    location, scale = moments["location"].fillna(0.0), moments["scale"].fillna(1.0)
    other = scale.rename(measure="measure_2").drop_vars("kind", errors="ignore")
    return moments.drop_vars(["location", "scale"]).assign(
        mean=moments["mean"] * scale + location, cov=moments["cov"] * scale * other
    )


# -- other forms -----------------------------------------------------------------------------------------------------


def total_moments(moments: xr.Dataset) -> tuple[xr.DataArray, xr.DataArray]:
    """Return mean (..., measure) and covariance (..., measure, measure_2; divisor n - 1) of the total sample."""
    n, total = moments["n"], int(moments["n"].sum())
    mean = (n * moments["mean"]).sum("group") / total
    gap = moments["mean"] - mean
    between = gap * gap.rename(measure="measure_2").drop_vars("kind", errors="ignore")
    scatter = ((n - 1) * moments["cov"] + n * between).sum("group")
    return mean, scatter / (total - 1)


def as_group_moments(moments: xr.Dataset) -> GroupMoments:
    """Return labelled group moments as arrays."""
    mean = moments["mean"].transpose(..., "group", "measure")
    cov = moments["cov"].transpose(*mean.dims[:-2], "group", "measure", "measure_2")
    names = tuple(map(str, moments["measure"].values))
    n, by_group = moments["n"].values.astype(float), mean.values.astype(float)
    middle = dict(zip(names, np.moveaxis(n @ by_group / n.sum(), -1, 0), strict=True))
    pairs = {name: name.split(":") for name in names if ":" in name}
    return GroupMoments(
        names=names,
        n=n,
        mean=by_group,
        cov=cov.values.astype(float),
        categories=frozenset(n for n, kind in zip(names, moments["kind"].values, strict=True) if kind == "category"),
        origins={name: (middle[one], middle[other]) for name, (one, other) in pairs.items()},
    )
