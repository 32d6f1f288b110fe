"""NUTS for one data set or for many: a structure of a model is compiled once in a process, and then only refitted."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...arrays import FloatArray
from ...spec import InputError
from ..answers.diagnostics import convergence, sound
from ..answers.effects import effect_draws
from ..estimands import Answers, answers
from ..models.design import Design
from ..models.layout import coefficient_draws, flat_draws, term_variables
from ..models.specs import DEFAULT_VARIANT, INTERCEPT
from .graph import BETA, Graph, Structure, graph, pymc_model, quiet_compilation
from .settings import Sampling
from .store import Store, fit_key

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Sampling", "compiled", "nuts", "quantities", "sample", "verdict"]

_compiled: dict[Structure, Any] = {}
_lock = threading.Lock()


def nuts(
    designs: Sequence[Design],
    seed: int,
    *,
    variant: str = DEFAULT_VARIANT,
    sampling: Sampling | None = None,
    store: Store | None = None,
) -> Iterator[xr.DataTree]:
    """Fit one model to many data sets, one after the other.

    Parameters
    ----------
    designs : sequence of Design
        Of one data set each; their numbers of rows may differ.
    seed : int
        Of all the runs; each has its own stream.
    variant : str
        Which of the model's priors.
    sampling : Sampling, optional
        Number of draws and the like.
    store : Store, optional
        Where to look for fits that were made already, and to keep those that were not.

    Yields
    ------
    xarray.DataTree
        As `sample` returns it, in the order of the designs.
    """
    for laid_out, stream in zip(designs, np.random.SeedSequence(seed).spawn(len(designs)), strict=True):
        yield sample(laid_out, int(stream.generate_state(1)[0]), variant=variant, sampling=sampling, store=store)


def sample(
    design: Design,
    seed: int,
    *,
    variant: str = DEFAULT_VARIANT,
    sampling: Sampling | None = None,
    store: Store | None = None,
) -> xr.DataTree:
    """Draw from one posterior; once more with higher target acceptance if the first run is not sound.

    Parameters
    ----------
    design : Design
        Of one data set.
    seed : int
        The same seed, versions and machine type give the same draws.
    variant, sampling, store
        As in `nuts`.

    Returns
    -------
    xarray.DataTree
        Groups ``posterior``, with Bambi's variables (the intercept where every column is 0), and ``sample_stats``; the
        posterior's attributes tell ``target_accept`` and the number of ``reruns``.

    Raises
    ------
    InputError
        The flat variant, or a design of several data sets.
    """
    sampling = sampling or Sampling()
    made = graph(design, variant)
    key = fit_key(design, variant, sampling, seed) if store else ""
    if store and (kept := store.get(key)):
        return kept
    tree = _run(made, design, seed, sampling)
    if sampling.rerun and not sound(verdict(tree, design)):
        tree = _run(made, design, seed, sampling.more_careful)
        tree["posterior"].attrs["reruns"] = 1
    if store:
        store.put(key, tree)
    return tree


def verdict(tree: xr.DataTree, design: Design, found: Answers | None = None) -> pd.DataFrame:
    """Check convergence of every parameter and of every estimand.

    Parameters
    ----------
    tree : xarray.DataTree
        As `sample` returns it.
    design : Design
        What was fitted.
    found : Answers, optional
        The design's estimands, where they are known already.

    Returns
    -------
    pandas.DataFrame
        As `hikibayes.inference.answers.diagnostics.convergence`.
    """
    return convergence(quantities(tree, design, found), tree["sample_stats"].to_dataset())


def quantities(tree: xr.DataTree, design: Design, found: Answers | None = None) -> dict[str, FloatArray]:
    """Return draws (chain, draw) of every parameter and of every estimand, by name."""
    try:
        found = found or answers(design)
    except InputError:  # a model that answers nothing still has parameters
        return flat_draws(tree)
    beta, sigma = coefficient_draws(tree, design)
    values = effect_draws(tree, design, found)
    derived = {e.name: values[..., j] for j, e in enumerate(found.linear)}
    derived |= {e.name: found.explained.of(e, beta, sigma) for e in found.variance}
    return flat_draws(tree) | derived


def compiled(made: Graph) -> Any:
    """Return a graph's structure compiled for nutpie, with the graph's own numbers in it."""
    import nutpie

    with _lock, quiet_compilation():
        if made.structure not in _compiled:
            _compiled[made.structure] = nutpie.compile_pymc_model(pymc_model(made))
        return _compiled[made.structure].with_data(**made.inputs)


def _run(made: Graph, design: Design, seed: int, sampling: Sampling) -> xr.DataTree:
    import nutpie

    drawn = nutpie.sample(
        compiled(made),
        draws=sampling.draws,
        tune=sampling.tune,
        chains=sampling.chains,
        cores=sampling.cores or min(sampling.chains, os.cpu_count() or 1),
        target_accept=sampling.target_accept,
        seed=seed,
        save_warmup=False,
        progress_bar=sampling.progress,
    )
    return _tidied(drawn, design, sampling)


def _tidied(drawn: xr.DataTree, design: Design, sampling: Sampling) -> xr.DataTree:
    """Give the draws Bambi's variables: a name for each term, and the intercept where every column is 0."""
    import xarray as xr

    posterior = drawn["posterior"].to_dataset()
    beta = np.asarray(posterior[BETA].transpose("chain", "draw", ...).values)
    at_zero = posterior[INTERCEPT] - xr.DataArray(beta @ design.rows[0].mean(axis=0), dims=("chain", "draw"))
    variables = {INTERCEPT: at_zero, **term_variables(beta, design)}
    inner = [v for v in posterior.data_vars if str(v).endswith(("_coefficients", "_offset"))]
    others = posterior.drop_vars([BETA, INTERCEPT, *inner]).data_vars
    variables |= {str(name): _with_levels(str(name), values, design) for name, values in others.items()}
    coords = {name: np.arange(posterior.sizes[name]) for name in ("chain", "draw")}
    attrs = {"inference_library": "nutpie", "target_accept": sampling.target_accept, "reruns": 0}
    tidy = xr.Dataset(variables, coords=coords, attrs=attrs)
    return xr.DataTree.from_dict({"posterior": tidy, "sample_stats": drawn["sample_stats"].to_dataset()})


def _with_levels(name: str, values: xr.DataArray, design: Design) -> xr.DataArray:
    """Name the levels of a varying intercept, and those that have a sigma of their own, as Bambi would."""
    extra = [dim for dim in values.dims if dim not in {"chain", "draw"}]
    of = design.model.sigma_by if name == "sigma" else name.removeprefix("1|")
    if not extra or of not in design.frame:
        return values.drop_vars(extra, errors="ignore")
    dim = f"{name}_dim" if name == "sigma" else f"{of}__factor_dim"
    renamed = values.drop_vars(extra, errors="ignore").rename({extra[0]: dim})
    return renamed.assign_coords({dim: list(design.frame[of].cat.categories)})
