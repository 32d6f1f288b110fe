"""Reconstructions of a stranger without a calibration: the raw table's own moments, a little off."""

from __future__ import annotations

import numpy as np
import xarray as xr

from hikibayes.study.moments import sample_moments, total_moments
from hikibayes.validation.strangers.stranger import Stranger


def near_moments(found: Stranger, noise: float, seed: int) -> xr.Dataset:
    """Return the raw table's own moments with SDs off by a share of their sampling error, as the one draw there is."""
    moments = sample_moments(found.table, found.study, list(found.names))
    rng, n = np.random.default_rng(seed), moments["n"].values[:, None]
    factor = np.exp(noise * rng.standard_normal(moments["mean"].shape) / np.sqrt(n))
    moments["cov"] = moments["cov"] * factor[:, :, None] * factor[:, None, :]
    mean, cov = total_moments(moments)
    category = moments["kind"].values == "category"
    location = np.where(category, 0.0, mean.values)
    sd = np.where(category, 1.0, np.sqrt(np.diagonal(cov.values)))
    return xr.Dataset(
        {
            "n": ("group", moments["n"].values),
            "mean": (("draw", "group", "measure"), ((moments["mean"].values - location) / sd)[None]),
            "cov": (("draw", "group", "measure", "measure_2"), (moments["cov"].values / np.outer(sd, sd))[None]),
            "kind": ("measure", moments["kind"].values),
            "location": (("draw", "measure"), np.where(category, np.nan, location)[None]),
            "scale": (("draw", "measure"), np.where(category, np.nan, sd)[None]),
        },
        coords={"group": list(found.study.group_ids), "measure": list(found.names), "measure_2": list(found.names)},
    )
