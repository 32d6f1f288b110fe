"""Draws of one exact posterior in the form that ArviZ reads; they are independent, and chains a mere form."""

from __future__ import annotations

import numpy as np
import xarray as xr

from hikibayes.inference.gaussian.exact import GaussianPosterior
from hikibayes.inference.gaussian.sufficient import ExactEngineError


def to_datatree(
    posterior: GaussianPosterior, rng: np.random.Generator, *, draws: int = 1000, chains: int = 4
) -> xr.DataTree:
    """Draw from one exact posterior into the form that ArviZ reads."""
    if len(posterior.stats) != 1:
        raise ExactEngineError(f"a DataTree holds one data set, got {len(posterior.stats)}; take one from the batch")
    drawn = posterior.draws(rng, draws * chains)
    columns = {"Intercept": drawn.intercept[0]}
    columns |= {name: drawn.coefficients[0, :, j] for j, name in enumerate(posterior.names)}
    columns["sigma"] = drawn.sigma[0]
    coords = {"chain": np.arange(chains), "draw": np.arange(draws)}
    variables = {name: (("chain", "draw"), values.reshape(chains, draws)) for name, values in columns.items()}
    dataset = xr.Dataset(variables, coords=coords, attrs={"inference_library": "hikibayes", "sampler": "exact"})
    return xr.DataTree.from_dict({"posterior": dataset})
