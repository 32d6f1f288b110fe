"""The numbers that targets speak of, computed from one sample."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...kept import kept
from ...moments import Fit
from ...moments.designs import Products
from ...moments.tails import Array, namespace
from ...quantities import KINDS, Analysis
from ..statistics import stand_in
from .assembly import Data, Sample
from .printed import Target

TINY = 1e-12


class SampleAnalysis(Analysis):
    """The analysis of a sample; its regressions follow from the saturated one.

    Parameters
    ----------
    sample : Sample
    usual : (str, str)
        Coding and convention for products where nothing depends on these.
    """

    def __init__(self, sample: Sample, usual: tuple[str, Products]) -> None:
        super().__init__(sample.made.layout.outline, sample.moments)
        self._sample, self._usual = sample, usual

    def regression(self, step: str, coding: str = "", products: Products | None = None) -> Fit:
        """Return the regression of a step under conventions."""
        return self._of_saturated(step, coding or self._usual[0], products or self._usual[1])

    @kept
    def _of_saturated(self, step: str, coding: str, products: Products) -> Fit:
        made = self._sample.made
        design, betas = made.regression(step, coding, products)
        xp = namespace(design.scatter)
        beta = xp.einsum("...tk,...k->...t", betas, self._sample.coefficients)
        explained = xp.einsum("...t,...ts,...s->...", beta / design.root, design.scatter, beta / design.root)
        mean, sd = made.location[..., -1], made.scale[..., -1]
        return Fit(design=design, beta=beta, r2=explained, outcome_mean=mean, outcome_sd=sd)


def target_numbers(targets: Sequence[Target], sample: Sample, data: Data, usual: tuple[str, Products]) -> Array:
    """Return the number of each target, shape (t,); with the sign that the target is about."""
    xp, run = namespace(sample.coefficients), SampleAnalysis(sample, usual)
    found = [
        stand_in(run, target.quantity, target.address) if target.p is None else _between_limits(run, target, limits)
        for target, limits in zip(targets, data.welch, strict=True)
    ]
    return xp.stack(found) if found else xp.zeros(0)


def _between_limits(run: Analysis, target: Target, limits: Array) -> Array:
    """Return where t stands between the limits that its p has at Welch's df (see `Target`)."""
    statistic = KINDS[target.quantity].statistic
    assert statistic is not None
    t, df = statistic(run, target.address)
    xp = namespace(t)
    t = target.sign * t if target.sign else xp.sqrt(t * t + TINY)
    low, high = xp.exp(limits @ (1 / df) ** np.arange(limits.shape[-1])[::-1])
    if target.two_sided:
        return (t - low) / (high - low)
    return t - (low if np.isfinite(target.low) else high)
