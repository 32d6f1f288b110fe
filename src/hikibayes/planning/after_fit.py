"""The next study after another: what was found is the design prior. Of a fit, its people are the population."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeGuard

import pandas as pd
import xarray as xr

from ..defaults import DEFAULT_SEED
from ..estimands import KINDS
from ..inference.estimands import answers
from ..inference.fit import Fit
from ..inference.models.compile import exact_posterior
from ..inference.models.design import Design, design
from ..inference.models.specs import ModelSpec
from ..inference.saved_fit import SavedFit, load_fit
from ..spec import InputError
from ..study.moments import sample_moments
from ..study.study import Study
from ..study.study_file import shipped_studies
from .designs.follow_up import follow_up
from .designs.simulation import Simulation, load_simulation, shipped_simulations


@dataclass(frozen=True, kw_only=True, repr=False)
class Beginning:
    """What `power` needs of a study that is gone on from.

    Parameters
    ----------
    simulation : Simulation
        The main question, asked again of more people.
    study : Study
        Of a fit, without estimands that nobody plans for.
    models : mapping of str to ModelSpec
        The model, by its name.
    reconstructions : xarray.Dataset or None
        Group moments of the rows that were fitted: the one sample there is. None of a study that is known from print.
    rows : Design or None
        The model on these rows.
    """

    simulation: Simulation
    study: Study
    models: Mapping[str, ModelSpec]
    reconstructions: xr.Dataset | None = None
    rows: Design | None = None

    def __repr__(self) -> str:
        """Show the plan."""
        return repr(self.simulation)


def is_fit(what: object) -> TypeGuard[Fit | SavedFit | str | Path]:
    """Tell whether this is a fit, or names the folder of one, and not a simulation."""
    if isinstance(what, Fit | SavedFit):
        return True
    known = {**shipped_simulations(), **shipped_studies()}
    # Path.is_dir raises where a name is too long to be one
    return isinstance(what, str | Path) and str(what) not in known and os.path.isdir(what)  # noqa: PTH112


def after_fit(
    what: Fit | SavedFit | str | Path, *, seed: int, plan: Simulation | None = None, estimand: str = ""
) -> Beginning:
    """Turn a fit into the plan of a study that asks its main question again.

    Parameters
    ----------
    what : Fit, SavedFit, str or Path
        A fit, or the folder of one.
    seed : int
        Of everything random.
    plan : Simulation, optional
        Instead of the small follow-up that is asked otherwise.
    estimand : str
        What is asked; by default the fit's main question.

    Raises
    ------
    InputError
        The folder is no fit's; the fit has no exact posterior, is in raw units, or asks for shares of variance alone.

    Notes
    -----
    Populations of source ``posterior`` have coefficients and residual SD drawn from the fit's own posterior, and the
    predictors' means and covariances from theirs; ``printed`` takes the sample for the population.
    """
    fitted = load_fit(what) if isinstance(what, str | Path) else what
    rows = fitted.participants if isinstance(fitted.participants, pd.DataFrame) else fitted.participants.frame
    decisions = plan.decisions if plan else ()
    asked = [name for name in (estimand, *(decision.estimand for decision in decisions)) if name]
    study = fitted.study.read().asking(asked[0] if asked else "")
    begun = after_rows(study, fitted.model, rows, fitted.variant, seed=seed, asked=asked)
    if plan is None:
        return begun
    return replace(begun, simulation=plan.replace(study=begun.study.id, model=begun.simulation.model))


def beginning(what: str | Path | Simulation | Fit | SavedFit | Beginning, estimand: str = "") -> Beginning | Simulation:
    """Return what is planned after a fit: a fit's own follow-up, or a simulation that names one; else the simulation.

    Of a fit's own follow-up, `estimand` names what is asked.

    Raises
    ------
    InputError
        As `after_fit` and `load_simulation` do.
    """
    if isinstance(what, Fit | SavedFit) or is_fit(what):
        return after_fit(what, seed=DEFAULT_SEED, estimand=estimand)
    if estimand:
        raise InputError("goes with a fit or its folder; a simulation's decisions say it", key="estimand")
    if isinstance(what, Beginning):
        return what
    simulation = load_simulation(what)
    if simulation.fit is None:
        return simulation
    return after_fit(simulation.fit, seed=simulation.run.seed, plan=simulation)


def after_rows(
    study: Study, model: ModelSpec, rows: pd.DataFrame, variant: str, *, seed: int, asked: Iterable[str] = ()
) -> Beginning:
    """Turn a model, a variant of its priors, and the rows that it is of into the same plan; raises as `after_fit`.

    Beside the study's question, the estimands that are `asked` for stay in it.
    """
    if model.scaling != "sample":
        raise InputError(
            "the fit's priors are in the columns' own units, and planning is in SD; fit again with scaling sample",
            key="scaling",
        )
    question = study.focal_estimand
    if not KINDS[question.kind].scenarios:
        raise InputError(f"{question.name!r} is a share of variance; a fit's follow-up asks for an effect")
    names = dict.fromkeys((question.name, *asked))
    about = study.replace(estimands=tuple(map(study.estimand, names)), question=question.name)
    laid_out = design(model, rows, about)
    found = answers(laid_out)
    if why := found.refused.get(question):
        raise InputError(f"the fit's model does not answer {question.name!r}: {why}")
    weights = found.weights[:, found.linear.index(question)]
    upwards = bool(exact_posterior(laid_out, variant).marginal(weights).mean()[0, 0] > 0)
    plan = follow_up(about, model.name, upwards=upwards, seed=seed)
    return Beginning(
        simulation=plan.replace(
            description=f"A follow-up of {study.description}",
            worlds=plan.worlds.replace(prior=variant),
            axes=plan.axes.replace(prior=(variant,)),
        ),
        study=about,
        models={model.name: model},
        reconstructions=_one_draw(sample_moments(rows, about)),
        rows=laid_out,
    )


def _one_draw(moments: xr.Dataset) -> xr.Dataset:
    return moments.assign({name: moments[name].expand_dims("draw") for name in ("mean", "cov")})
