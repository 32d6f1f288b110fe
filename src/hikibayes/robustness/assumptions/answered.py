"""What reconstructions say of each effect, and under weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from ...arrays import FloatArray
from ...estimands import KINDS as ESTIMANDS
from ...inference.estimands import answers
from ...inference.models.compile import exact_posterior
from ...inference.models.design import Scaling
from ...inference.models.moment_design import design_from_moments
from ...inference.models.steps import model_of, step_of
from ...spec import InputError
from ...study.study import Estimand, Study

ENOUGH = 100
"""Fewer effective draws than this carry no answer."""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What R reconstructions say of each effect.

    Parameters
    ----------
    estimands : tuple of Estimand, length k
    mean, sd, p_positive : array, shape (R, k)
        Of the posterior given each reconstruction.
    """

    estimands: tuple[Estimand, ...]
    mean: FloatArray
    sd: FloatArray
    p_positive: FloatArray

    def under(self, weights: FloatArray) -> dict[str, FloatArray]:
        """Return mean, SD and P(> 0) of each effect over reconstructions with these weights, each of shape (k,)."""
        share = weights / weights.sum()
        mean = share @ self.mean
        sd = np.sqrt(share @ (self.sd**2 + self.mean**2) - mean**2)
        return {"mean": mean, "sd": sd, "p_positive": share @ self.p_positive}


def answered_by(study: Study, moments: xr.Dataset) -> Answered:
    """Answer every effect that a study is about by its own step's model, given each reconstruction in SD units.

    Raises
    ------
    InputError
        There is no effect among the study's estimands, or a model needs more than group moments.
    """
    effects = [e for e in study.estimands if ESTIMANDS[e.kind].scenarios]
    if not effects:
        raise InputError(f"study {study.id!r} has no effect among its estimands")
    parts: list[tuple[Estimand, FloatArray, FloatArray, FloatArray]] = []
    for step in dict.fromkeys(step_of(study, e) for e in effects):
        own = tuple(e for e in effects if step_of(study, e) == step)
        model = model_of(study, step).replace(estimands=tuple(e.name for e in own))
        names = [str(name) for name in moments["measure"].values]
        unit = Scaling(location=dict.fromkeys(names, np.zeros(1)), scale=dict.fromkeys(names, np.ones(1)))
        laid_out = design_from_moments(model, moments, study, scaling=unit)
        asked = answers(laid_out)
        found = exact_posterior(laid_out).marginal(asked.weights)
        mean, sd, positive = found.mean(), found.sd(), found.p_positive()
        parts += [(e, mean[:, i], sd[:, i], positive[:, i]) for i, e in enumerate(asked.linear)]
    estimands, *numbers = zip(*parts, strict=True)
    mean, sd, positive = (np.stack(columns, axis=1) for columns in numbers)
    return Answered(estimands=estimands, mean=mean, sd=sd, p_positive=positive)


def weights_of(log_weights: FloatArray) -> FloatArray:
    """Return weights, the largest 1."""
    return np.asarray(np.exp(log_weights - log_weights.max()))


def effective_number(weights: FloatArray) -> float:
    """Return how many equally weighted draws are worth as much as these."""
    return float(weights.sum() ** 2 / (weights**2).sum())
