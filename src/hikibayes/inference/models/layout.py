"""How a posterior is laid out: Bambi's variable names and dimensions, whichever engine made the draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...arrays import FloatArray
from .design import Design

if TYPE_CHECKING:
    import xarray as xr


def _variable(term: str) -> str:
    """Return what a term's variable is called: in a file of draws a slash separates groups."""
    return term.replace("/", "\N{DIVISION SLASH}")


def term_variables(beta: FloatArray, design: Design) -> dict[str, xr.DataArray]:
    """Return a variable for each term of a design.

    Parameters
    ----------
    beta : array, shape (chain, draw, p)
        Coefficients of the design's columns.
    design : Design
        Whose terms.

    Returns
    -------
    dict of str to xarray.DataArray
        Dims (chain, draw); a term with levels, or with several columns, has the dim ``<term>_dim`` too.
    """
    import xarray as xr

    variables = {}
    for term, columns in design.terms.items():
        values = beta[..., design.places[term]]
        levels = design.matrices.common.terms[term].levels
        name = _variable(term)
        if levels is None and len(columns) == 1:
            variables[name] = xr.DataArray(values[..., 0], dims=("chain", "draw"))
        else:
            dim = f"{name}_dim"
            coords = {dim: list(levels or columns)}
            variables[name] = xr.DataArray(values, dims=("chain", "draw", dim), coords=coords)
    return variables


def coefficient_draws(tree: xr.DataTree, design: Design) -> tuple[FloatArray, FloatArray]:
    """Return draws of the coefficients (chain, draw, p), and of sigma (chain, draw), NaN where it is not one number."""
    posterior = tree["posterior"]
    shape = posterior.sizes["chain"], posterior.sizes["draw"]
    parts = [posterior[_variable(t)].transpose("chain", "draw", ...).values.reshape(*shape, -1) for t in design.terms]
    beta = np.concatenate(parts, axis=-1)
    if "sigma" not in posterior or posterior["sigma"].ndim != len(shape):
        return beta, np.full(shape, np.nan)
    return beta, np.asarray(posterior["sigma"].transpose("chain", "draw").values)


def flat_draws(tree: xr.DataTree) -> dict[str, FloatArray]:
    """Return draws (chain, draw) of every scalar in a posterior, by name: ``sigma``, ``group[hikikomori]``."""
    draws = {}
    for name, values in tree["posterior"].to_dataset().data_vars.items():
        ordered = values.transpose("chain", "draw", ...)
        labels = ["chain", "draw"]
        if extra := [dim for dim in ordered.dims if dim not in labels]:
            stacked = ordered.stack(_element=extra)
            for j, element in enumerate(stacked["_element"].values.tolist()):
                key = ", ".join(map(str, element if isinstance(element, tuple) else (element,)))
                draws[f"{name}[{key}]"] = np.asarray(stacked.values[..., j])
        else:
            draws[str(name)] = np.asarray(ordered.values)
    return draws
