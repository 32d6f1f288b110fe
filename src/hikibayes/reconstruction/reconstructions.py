"""The labelled result of a calibration, and the numbers that follow from it."""

from __future__ import annotations

import json

import numpy as np
import xarray as xr

from ..arrays import FloatArray
from ..study.analysis import PublishedAnalysis
from ..study.study import Study
from .posterior.assembly import to_dataset
from .posterior.density import sample_at
from .posterior.problem import Problem

NOTE = "reconstructions.json"
"""The file of a run folder that says what the sampler said of the reconstructions it rests on."""


def said_of(reconstructions: xr.Dataset) -> str:
    """Return what the sampler's verdict on reconstructions was, in words; empty where they come without one."""
    return str(reconstructions.attrs.get("verdict", ""))


def has_converged(verdict: str) -> bool:
    """Tell from such words whether the reconstructions can be relied on; without any, nothing speaks against it."""
    return not verdict.startswith("not converged")


def reconstructions_note(verdict: str) -> dict[str, str]:
    """Return the file that carries the words to a report, by its name; none where there are no words."""
    content = {"verdict": verdict, "converged": has_converged(verdict)}
    return {NOTE: json.dumps(content, indent=1, ensure_ascii=False) + "\n"} if verdict else {}


def reconstructions_of(problem: Problem, flat: FloatArray) -> xr.Dataset:
    """Turn draws (draw, size) of free numbers into reconstructions; see `complete` for what they hold."""
    sample, *_ = sample_at(problem, problem.data, flat)
    layout, made = problem.layout, sample.made
    kinds = [problem.study.measure(name).kind for name in (*layout.measures, layout.outcome)]
    moments = to_dataset(sample, [*kinds[:-1], *["product"] * layout.products, kinds[-1]])
    known = np.isin(np.arange(layout.p + 1), problem.raw)
    location, scale = (np.where(known, raw, np.nan) for raw in (made.location, made.scale))
    scale[..., layout.p - layout.products : layout.p] = made.unit
    moments["location"], moments["scale"] = (("draw", "measure"), location), (("draw", "measure"), scale)
    return complete(problem.study, moments)


def complete(study: Study, moments: xr.Dataset) -> xr.Dataset:
    """Add to group moments what the study's regressions make of them.

    Parameters
    ----------
    study : Study
        With its readings decided.
    moments : xarray.Dataset
        Group moments with the dim ``draw``: scales and numbers in SD units of the total sample around their total mean,
        categories 0/1; ``location`` and ``scale`` (draw, measure) in raw units, empty where no fact speaks of these.

    Returns
    -------
    xarray.Dataset
        With ``coefficient`` (draw, step, term; on the scale of the printed standardised ones, empty for terms that a
        step does not have), ``residual_sd`` (draw, step; in SD of the outcome) and ``r2`` (draw, step) added.
    """
    analysis = PublishedAnalysis(study, moments)
    fits = {step.id: analysis.regression(step.id) for step in study.steps}
    terms = list(dict.fromkeys(term for step in fits for term in study.columns(step)))
    coefficient = np.full((moments.sizes["draw"], len(fits), len(terms)), np.nan)
    for at, (step, fit) in enumerate(fits.items()):
        coefficient[:, at, [terms.index(term) for term in study.columns(step)]] = fit.standardised
    spread = [fit.residual_sd / fit.outcome_sd for fit in fits.values()]
    return moments.assign(
        coefficient=(("draw", "step", "term"), coefficient),
        residual_sd=(("draw", "step"), np.stack(spread, axis=-1)),
        r2=(("draw", "step"), np.stack([fit.r2 for fit in fits.values()], axis=-1)),
    ).assign_coords(step=list(fits), term=terms)
