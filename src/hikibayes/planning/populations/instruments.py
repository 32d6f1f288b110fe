"""What instruments do to scores: their reliability, and the whole numbers that they can give."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import xarray as xr
from scipy.special import expit

from ...arrays import FloatArray
from ...spec import InputError
from ...study.reliability import stated_reliability
from ...study.study import Study
from ..designs.axes import DropOut
from ..designs.cells import Sample
from .columns import Frame
from .samples import GAUSSIAN, MeasurementModel


def added_error(
    study: Study,
    reliabilities: Mapping[str, float],
    rng: np.random.Generator,
    size: int,
    stated: Mapping[str, tuple[float, float]] = MappingProxyType({}),
) -> dict[str, FloatArray]:
    """Return the error variance that other reliabilities add to the study's scores, in its squared SD units.

    Parameters
    ----------
    study : Study
        Says how reliable its measures were: a fact, or an assumption where the paper prints a range.
    reliabilities : mapping of str to float
        The planned study's reliability by measure.
    rng : numpy.random.Generator
        For reliabilities that are assumed with a distribution: one draw for each world.
    size : int
        Number of worlds.
    stated : mapping of str to pair of float
        True and error variance of scores whose reliability a written population states itself.

    Returns
    -------
    dict
        Array of shape (size,) by measure; below 0 where the planned study measures better.

    Raises
    ------
    InputError
        Neither says how reliable a measure was.

    Notes
    -----
    A score of SD 1 and reliability a has true variance a and error variance 1 - a. The true score stays, so that with
    reliability b the error variance is a (1 - b) / b.
    """
    added = {}
    for name, planned in sorted(reliabilities.items()):
        true, error = stated.get(name) or _variances(study, name, rng, size)
        added[name] = np.broadcast_to(true * (1 - planned) / planned - error, (size,)).copy()
    return added


def _variances(study: Study, name: str, rng: np.random.Generator, size: int) -> tuple[FloatArray, FloatArray]:
    printed = stated_reliability(study, name)
    constant = printed.dist == "Constant"
    r = printed.parameters["value"] if constant else printed.frozen().rvs(size=size, random_state=rng)
    return np.full(size, r), np.full(size, 1 - r)


def measurement_of(sample: Sample, frame: Frame, reconstructions: xr.Dataset | None) -> MeasurementModel:
    """Say what becomes of participants' scores under a way of sampling.

    Raises
    ------
    InputError
        Whole numbers are asked for, but neither a fact nor an assumption says where a score lies in raw units.
    """
    measurement = GAUSSIAN._replace(
        fixed_scores=sample.predictors == "fixed", products=np.array(frame.pairs, dtype=np.int64).reshape(-1, 2)
    )
    if frame.pairs and measurement.fixed_scores:
        raise InputError("predictors = 'fixed' is for models without products of scores", key="axes.predictors")
    if sample.answers == "likert":
        measurement = _whole_numbers(measurement, frame, reconstructions)
    if not sample.missing:
        return measurement
    names = (*frame.measures, frame.study.analysis.outcome)
    if sample.missing.on not in names:
        raise InputError(f"loss depends on {sample.missing.on!r}, which is no score here; there are {', '.join(names)}")
    on = names.index(sample.missing.on)
    return measurement._replace(
        # the outcome comes after the products
        dropout_on=on if on < len(frame.measures) else on + len(frame.pairs),
        dropout_intercept=_intercept(sample.missing),
        dropout_slope=float(sample.missing.strength),
    )


def _intercept(loss: DropOut) -> float:
    """Log odds at the mean so that the average over a standard normal score is the share that is lost."""
    from scipy.optimize import brentq

    if loss.share == 0:
        return -np.inf
    nodes, weights = np.polynomial.hermite_e.hermegauss(61)

    def excess(at_mean: float) -> float:
        return float(weights @ expit(at_mean + loss.strength * nodes) / weights.sum() - loss.share)

    reach = 40 + 10 * abs(loss.strength)
    return float(brentq(excess, -reach, reach))


def _whole_numbers(measurement: MeasurementModel, frame: Frame, reconstructions: xr.Dataset | None) -> MeasurementModel:
    names = [*frame.measures, frame.study.analysis.outcome]
    measures = [frame.study.measure(name) for name in names]
    limits = np.array([measure.limits for measure in measures])
    raw = np.array([_raw_mean_and_sd(frame.study, name, reconstructions) for name in names])
    grain = np.array([measure.grain for measure in measures], dtype=float)
    # products have no grain of their own, and stand before the outcome
    table = np.insert(np.vstack([raw.T, limits.T, grain]), [len(frame.measures)] * len(frame.pairs), 0.0, axis=1)
    location, scale, low, high, grain = table
    return measurement._replace(location=location, scale=scale, low=low, high=high, grain=grain)


def _raw_mean_and_sd(study: Study, name: str, reconstructions: xr.Dataset | None) -> tuple[float, float]:
    """Return where a measure's total sample lies in its own units: as reconstructed, else as the study assumes."""
    if reconstructions is not None and "location" in reconstructions:
        location, scale = (
            float(reconstructions[part].sel(measure=name).mean(skipna=False)) for part in ("location", "scale")
        )
        if np.isfinite(location) and np.isfinite(scale):
            return location, scale
    assumed = {
        assumption.quantity: float(assumption.distribution.frozen().mean())
        for assumption in study.assumptions
        if name in assumption.about and assumption.quantity in ("raw_mean", "raw_sd")
    }
    if len(assumed) < 2:
        raise InputError(
            f"answers = 'likert' needs a raw mean and SD of {name!r}; neither facts nor assumptions say them"
        )
    return assumed["raw_mean"], assumed["raw_sd"]
