"""Fits whose draws are the graph's own, from its priors: what is made of them can be checked without sampling."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pymc as pm
import xarray as xr

from hikibayes.inference.answers.groups import arviz_groups
from hikibayes.inference.models.design import Design
from hikibayes.inference.models.specs import DEFAULT_VARIANT
from hikibayes.inference.nuts.graph import graph, pymc_model, quiet_compilation
from hikibayes.inference.nuts.sampling import _tidied
from hikibayes.inference.nuts.settings import Sampling

__all__ = ["forward", "has_priors_of_the_graph"]


def forward(design: Design, draws: int = 2_000) -> SimpleNamespace:
    """Return what `arviz_groups` looks at in a fit."""
    with quiet_compilation(), pymc_model(graph(design, DEFAULT_VARIANT)):
        drawn = pm.sample_prior_predictive(draws, random_seed=5, compile_kwargs={"mode": "FAST_COMPILE"})["prior"]
    tree = xr.DataTree.from_dict({"posterior": drawn.to_dataset(), "sample_stats": xr.Dataset()})
    return SimpleNamespace(design=design, draws=_tidied(tree, design, Sampling()), seed=1, variant=DEFAULT_VARIANT)


def has_priors_of_the_graph(design: Design) -> xr.DataTree:
    """Hold draws from the priors against PyMC's, which stand in the posterior's place, and return all groups."""
    whole = arviz_groups(forward(design))
    theirs, ours = whole["posterior"], whole["prior"]
    assert {*theirs.data_vars} == {*ours.data_vars} == {*whole["log_prior"].data_vars}
    for name, values in theirs.data_vars.items():
        assert ours[name].dims == values.dims
        # ten equal parts by PyMC's draws hold a tenth of ours each, each element of a vector
        edges = values.quantile(np.arange(0.1, 1, 0.1), ["chain", "draw"])
        inside = (ours[name] < edges).mean(["chain", "draw"])
        assert float(abs(inside - edges["quantile"]).max()) < 0.06, name
    assert np.isfinite(whole["log_prior"].to_dataset().to_array()).all()
    assert {"prior_predictive", "posterior_predictive", "log_likelihood"} <= set(whole.children)
    return whole
