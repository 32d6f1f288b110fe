"""The usual summaries of many exact posteriors at once, by the compiled kernel or by the NumPy reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from .conditional import check_priors
from .exact import Contrasts, contrast_matrix, posterior
from .normal_priors import FlatPrior, Priors
from .sufficient import ExactEngineError, FloatArray, IntArray, Refusal, SufficientStatistics

if TYPE_CHECKING:
    from .kernel import Task

__all__ = ["Summaries", "summaries"]


@dataclass(frozen=True, kw_only=True)
class Summaries:
    """What the posteriors of k contrasts in B data sets say; NaN where a data set was refused.

    Parameters
    ----------
    mean, sd : array, shape (B, k)
        Posterior mean and sd, in the contrast's unit.
    lower, upper : array, shape (B, k)
        Limits of the equal-tailed interval.
    p_positive, p_rope : array, shape (B, k)
        Posterior probability of a value above 0, and inside the region of practical equivalence.
    log_bf10 : array, shape (B, k)
        Log Bayes factor against 0, by Savage and Dickey; NaN under a flat prior.
    log_evidence : array, shape (B,)
        Log marginal likelihood; NaN under a flat prior.
    refusals : array of int, shape (B,)
        A `Refusal` for each data set.
    """

    mean: FloatArray
    sd: FloatArray
    lower: FloatArray
    upper: FloatArray
    p_positive: FloatArray
    p_rope: FloatArray
    log_bf10: FloatArray
    log_evidence: FloatArray
    refusals: IntArray

    @property
    def ok(self) -> NDArray[np.bool_]:
        """Which data sets have a posterior, shape (B,)."""
        return np.asarray(self.refusals == Refusal.ACCEPTED)


PER_CONTRAST = ("mean", "sd", "lower", "upper", "p_positive", "p_rope", "log_bf10")


def summaries(
    stats: SufficientStatistics,
    priors: Priors,
    contrasts: Contrasts | None = None,
    *,
    prob: float = 0.95,
    rope: Sequence[float] = (-0.1, 0.1),
    nodes: int = 15,
    engine: Literal["kernel", "numpy"] = "kernel",
) -> Summaries:
    """Summarise contrasts of the coefficients in every data set of a batch.

    Parameters
    ----------
    stats : SufficientStatistics
        B data sets.
    priors : NormalPriors or FlatPrior
        One set of priors for all data sets, or one for each.
    contrasts : array_like of shape (k, p), names, or a mapping of named weights
        By default every coefficient.
    prob : float
        Probability of the equal-tailed interval.
    rope : pair of float
        Region of practical equivalence, in the contrast's unit.
    nodes : int, odd, at least 5
        Nodes of the quadrature over sigma.
    engine : {"kernel", "numpy"}
        Compiled, or the readable reference. They agree to about 1e-8 posterior sd; the kernel hands data sets that it
        cannot certify to the reference by itself.

    Returns
    -------
    Summaries
        A data set that cannot be fitted is flagged, not raised. Each data set's numbers depend on nothing but itself.

    Raises
    ------
    ExactEngineError
        If a name is unknown, a contrast is empty or differs between data sets, or a number is out of range.
    """
    c = contrast_matrix(stats.names if contrasts is None else contrasts, stats.names)
    if c.ndim != 2 or not (c != 0).any(axis=1).all():
        raise ExactEngineError("contrasts must be the same for all data sets, each with a weight other than 0")
    if not (0 < prob < 1 and len(rope) == 2 and rope[0] < rope[1] and nodes >= 5 and nodes % 2):
        found = f"prob {prob}, rope {tuple(rope)}, nodes {nodes}"
        raise ExactEngineError(f"got {found}; give 0 < prob < 1, rope low < high, and an odd number of nodes from 5")
    asked = Asked(c, prob, (float(rope[0]), float(rope[1])), nodes)
    return _by_reference(stats, priors, asked) if engine == "numpy" else _by_kernel(stats, priors, asked)


class Asked(NamedTuple):
    contrasts: FloatArray
    prob: float
    rope: tuple[float, float]
    nodes: int


def _by_reference(stats: SufficientStatistics, priors: Priors, asked: Asked) -> Summaries:
    fitted = posterior(stats, priors, nodes=asked.nodes, on_error="flag")
    marginal = fitted.marginal(asked.contrasts)
    lower, upper = marginal.eti(asked.prob)
    flat = isinstance(priors, FlatPrior)
    return Summaries(
        mean=marginal.mean(),
        sd=marginal.sd(),
        lower=lower,
        upper=upper,
        p_positive=marginal.p_positive(),
        p_rope=marginal.probability(*asked.rope),
        log_bf10=np.full(lower.shape, np.nan) if flat else marginal.log_bf10(),
        log_evidence=np.full(len(stats), np.nan) if flat else fitted.log_evidence,
        refusals=fitted.refusals,
    )


def _by_kernel(stats: SufficientStatistics, priors: Priors, asked: Asked) -> Summaries:
    from . import kernel

    refusals = stats.screen()
    check_priors(stats, priors.align(stats.names), refusals)
    B, k = len(stats), len(asked.contrasts)
    out, log_evidence, done = (
        np.full((B, k, len(PER_CONTRAST)), np.nan),
        np.full(B, np.nan),
        np.zeros(B, dtype=np.bool_),
    )
    kernel.summarise(task_of(stats, priors, asked), np.flatnonzero(refusals == 0), out, log_evidence, done)
    if not isinstance(priors, FlatPrior):
        out[..., -1] += log_prior_at_zero(stats, priors, asked.contrasts)
    return completed(stats, priors, asked, Computed(out, log_evidence, done), refusals)


class Computed(NamedTuple):
    """What the kernel has filled: (B, k, 7) in the order of `PER_CONTRAST`, (B,), and (B,) where it is certified."""

    out: FloatArray
    log_evidence: FloatArray
    done: NDArray[np.bool_]


def completed(
    stats: SufficientStatistics, priors: Priors, asked: Asked, computed: Computed, refusals: IntArray
) -> Summaries:
    """Compute by the reference what the kernel has handed back."""
    out, log_evidence, done = computed
    columns = {name: out[..., j] for j, name in enumerate(PER_CONTRAST)}
    handed_back = np.flatnonzero((refusals == 0) & ~done)
    if len(handed_back):
        again = _by_reference(stats.take(handed_back), priors.take(handed_back), asked)
        for name, column in columns.items():
            column[handed_back] = getattr(again, name)
        log_evidence[handed_back], refusals[handed_back] = again.log_evidence, again.refusals
    return Summaries(**columns, log_evidence=log_evidence, refusals=refusals)


def task_of(stats: SufficientStatistics, priors: Priors, asked: Asked) -> Task:
    from .kernel import Task

    a = priors.align(stats.names)
    scale, shape = a.sigma.parameters() if a.sigma else (np.ones(1), np.ones(1))
    c, tail = asked.contrasts, (1 - asked.prob) / 2
    arrays = {
        "n": stats.n,
        "y_mean": stats.y_mean,
        "sxx": stats.sxx,
        "sxy": stats.sxy,
        "syy": stats.syy,
        "prior_mean": a.mean,
        "precision": a.precision,
        "log_scale": a.log_scale,
        "intercept_mean": a.intercept_mean,
        "intercept_precision": a.intercept_precision,
        "sigma_a": np.atleast_1d(scale),
        "sigma_b": np.atleast_1d(shape),
        "contrasts": c,
        "at_prior_mean": a.mean @ c.T,
        "grid": np.linspace(-1.0, 1.0, asked.nodes),
        "rope": np.asarray(asked.rope),
    }
    # One memory layout and one type for every array, so that numba compiles once.
    arrays = {name: np.array(value, dtype=np.float64, order="C", copy=None) for name, value in arrays.items()}
    arrays = {name: value if value.flags.writeable else value.copy() for name, value in arrays.items()}
    return Task(**arrays, sigma_kind=a.sigma.code if a.sigma else 0, tail=tail, z_tail=float(ndtri(tail)))


def log_prior_at_zero(stats: SufficientStatistics, priors: Priors, c: FloatArray) -> FloatArray:
    """Log prior density of each contrast at 0, shape (1 or B, k)."""
    a = priors.align(stats.names)
    variance = (1 / a.precision) @ (c**2).T
    return np.asarray(-0.5 * ((a.mean @ c.T) ** 2 / variance + np.log(2 * np.pi * variance)))
