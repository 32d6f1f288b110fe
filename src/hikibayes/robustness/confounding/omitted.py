"""The algebra of an omitted variable: what a confounder that nobody measured would do to a regression coefficient.

Two numbers say how strong a confounder is: the share of the treatment's residual variance that it explains, and the
share of the outcome's. They give its bias exactly, whatever else it is. Everything here takes numbers or arrays that
broadcast, so that one printed estimate and a million posterior draws are treated alike.

References
----------
.. [1] Cinelli C., Hazlett C. (2020). Making sense of sensitivity: extending omitted variable bias. Journal of the Royal
   Statistical Society B 82(1), 39-67. https://doi.org/10.1111/rssb.12348
.. [2] VanderWeele T. J., Ding P. (2017). Sensitivity analysis in observational research: introducing the E-value.
   Annals of Internal Medicine 167(4), 268-274. https://doi.org/10.7326/M16-2607
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from ...arrays import FloatArray
from ...spec import InputError

BISECTIONS = 60
"""Enough to halve any bracket down to double precision."""


class Strength(NamedTuple):
    """How strong a confounder is, given what the model holds equal; NaN where no confounder can be so strong."""

    treatment: FloatArray
    """Share of the treatment's residual variance that it explains."""
    outcome: FloatArray
    """Share of the outcome's residual variance that it explains, the treatment held equal too."""


def require_alpha(alpha: float) -> None:
    """Raise `InputError` unless `alpha`, the two-sided error of a limit, lies strictly between 0 and 1."""
    if not 0 < alpha < 1:
        raise InputError(f"alpha is {alpha:g}; it must lie between 0 and 1, such as 0.05")


def partial_r2(t: ArrayLike, df: ArrayLike) -> FloatArray:
    """Return the share of the outcome's residual variance that the treatment explains, from its t: t² / (t² + df).

    It is also how strongly a confounder would have to be related to the treatment, if it explained all that is left of
    the outcome, to bring the estimate to 0.
    """
    t2 = np.square(np.asarray(t, dtype=np.float64))
    return np.asarray(t2 / (t2 + df))


def robustness_value(t: ArrayLike, df: ArrayLike, *, alpha: float | None = None) -> FloatArray:
    r"""Return how strong a confounder must be, with treatment and outcome alike, to explain an estimate away.

    Parameters
    ----------
    t : array_like
        Estimate over its standard error.
    df : array_like
        Residual degrees of freedom.
    alpha : float, optional
        Ask instead when the interval of probability 1 - alpha begins to cover 0.

    Returns
    -------
    array
        A share of residual variance between 0 and 1; 0 where the interval covers 0 to begin with.

    Raises
    ------
    InputError
        `alpha` is not between 0 and 1.

    Notes
    -----
    With :math:`f = |t|/\sqrt{df}`, less :math:`t^*_{\alpha, df-1}/\sqrt{df-1}` where a limit is asked for, it is
    :math:`\frac12(\sqrt{f^4 + 4f^2} - f^2)` (section 4.1 of [1]_). The limit's standard error shrinks when the outcome
    is explained, so at t far above anything met in practice another expression takes over (its appendix).

    References
    ----------
    .. [1] https://doi.org/10.1111/rssb.12348
    """
    f = np.abs(np.asarray(t, dtype=np.float64)) / np.sqrt(df)
    if alpha is None:
        return _equal_shares(f)
    require_alpha(alpha)
    critical = -stdtrit(np.asarray(df) - 1, alpha / 2) / np.sqrt(np.asarray(df) - 1)
    beyond = np.maximum(f - critical, 0.0)
    extreme = (f**2 - critical**2) / (1 + f**2)
    return np.asarray(np.where((beyond > 0) & (f * critical > 1), extreme, _equal_shares(beyond)))


def _equal_shares(f: FloatArray) -> FloatArray:
    # the textbook form, 1/2 (sqrt(f^4 + 4 f^2) - f^2), loses its digits where f is large
    return np.asarray(2 * f / (np.sqrt(f**2 + 4) + f))


def bias(se: ArrayLike, df: ArrayLike, strength: Strength) -> FloatArray:
    """Return the size of the bias that omitting a confounder causes.

    Parameters
    ----------
    se, df : array_like
        Standard error and residual degrees of freedom of the estimate without the confounder.
    strength : Strength
        Of the confounder.

    Returns
    -------
    array
        se·√df·√(R²(Y)·R²(D) / (1 - R²(D))), in the estimate's unit; exact, not an approximation.
    """
    r2_d, r2_y = (np.asarray(share, dtype=np.float64) for share in strength)
    with np.errstate(divide="ignore"):
        return np.asarray(se * np.sqrt(df) * np.sqrt(r2_y * r2_d / (1 - r2_d)))


def adjusted_estimate(estimate: ArrayLike, se: ArrayLike, df: ArrayLike, strength: Strength) -> FloatArray:
    """Return what would be left of an estimate whose confounder pushed it away from 0; it may end on the other side."""
    estimate = np.asarray(estimate, dtype=np.float64)
    return np.asarray(np.sign(estimate) * (np.abs(estimate) - bias(se, df, strength)))


def adjusted_se(se: ArrayLike, df: ArrayLike, strength: Strength) -> FloatArray:
    """Return the standard error with the confounder in the model: se·√((1 - R²(Y))/(1 - R²(D))·df/(df - 1))."""
    r2_d, r2_y = (np.asarray(share, dtype=np.float64) for share in strength)
    df = np.asarray(df, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray(se * np.sqrt((1 - r2_y) / (1 - r2_d) * df / (df - 1)))


def as_strong_as(k: ArrayLike, treatment: ArrayLike, outcome: ArrayLike) -> Strength:
    r"""Bound the strength of a confounder that explains `k` times as much as a covariate of the model does.

    Parameters
    ----------
    k : array_like, above 0
        How many times as strong, with the treatment and with the outcome.
    treatment : array_like
        Partial R² of the covariate (or several together) with the treatment, the other covariates held equal.
    outcome : array_like
        Its partial R² with the outcome, treatment and other covariates held equal.

    Returns
    -------
    Strength
        The largest that such a confounder can be. NaN where `k` times as strong would be more than all of the
        treatment; a share of the outcome above 1 is cut to 1.

    Notes
    -----
    The confounder is taken to be unrelated to the covariate given the model's other columns (not the treatment); for a
    difference of slopes these hold the measure itself. With k times the covariate's
    :math:`R^2_D` and :math:`R^2_Y` and Cohen's :math:`f^2 = R^2/(1 - R^2)`: treatment :math:`k f^2_D`; and outcome
    :math:`\left((\sqrt k + r)/\sqrt{1 - r^2}\right)^2 f^2_Y` with :math:`r^2 = k f^2_D R^2_D/(1 - k R^2_D)` (section
    4.4 and appendix of [1]_).

    References
    ----------
    .. [1] https://doi.org/10.1111/rssb.12348
    """
    k, r2_d, r2_y = (np.asarray(value, dtype=np.float64) for value in (k, treatment, outcome))
    with np.errstate(divide="ignore", invalid="ignore"):
        of_treatment = k * r2_d / (1 - r2_d)
        r2 = of_treatment * r2_d / (1 - k * r2_d)
        of_outcome = (np.sqrt(k) + np.sqrt(r2)) ** 2 / (1 - r2) * r2_y / (1 - r2_y)
    possible = (of_treatment < 1) & (k * r2_d < 1) & (r2 < 1)
    nothing = np.full(np.broadcast_shapes(of_treatment.shape, of_outcome.shape), np.nan)
    return Strength(np.where(possible, of_treatment, nothing), np.where(possible, np.minimum(of_outcome, 1.0), nothing))


def breaking_multiple(t: ArrayLike, df: ArrayLike, treatment: ArrayLike, outcome: ArrayLike) -> FloatArray:
    """Return how many times as strong as a covariate a confounder must be to explain an estimate away.

    Parameters
    ----------
    t, df : array_like
        Estimate over its standard error, and residual degrees of freedom.
    treatment, outcome : array_like
        What the covariate explains; as in `as_strong_as`.

    Returns
    -------
    array
        The multiple at which the bias that `as_strong_as` allows equals the estimate. Where that needs more of the
        treatment than there is, the multiple at which all of it is explained.
    """
    t, df, r2_d, r2_y = np.broadcast_arrays(np.abs(t), df, treatment, outcome)
    with np.errstate(divide="ignore"):
        low, high = np.zeros(t.shape), np.asarray((1 - r2_d) / r2_d)
    wanted = np.asarray(t / np.sqrt(df))
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        at = bias(1.0, 1.0, as_strong_as(middle, r2_d, r2_y))
        # beyond what is possible there is no bound, which is enough to explain anything
        enough = ~(at < wanted)
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.asarray(high)


# -- the E-value ----------------------------------------------------------------------------------------------------


def risk_ratio(difference: ArrayLike) -> FloatArray:
    """Return the risk ratio that a standardised difference corresponds to, about exp(.91 d); see [2] of the module."""
    return np.asarray(np.exp(0.91 * np.asarray(difference, dtype=np.float64)))


def e_value(ratio: ArrayLike) -> FloatArray:
    """Return the E-value of a risk ratio: how strong a confounder's own two risk ratios must be to explain it away.

    Examples
    --------
    >>> round(float(e_value(3.9)), 2), round(float(e_value(1 / 3.9)), 2)
    (7.26, 7.26)
    """
    ratio = np.asarray(ratio, dtype=np.float64)
    away = np.maximum(ratio, 1 / ratio)
    return np.asarray(away + np.sqrt(away * (away - 1)))
