"""Regression coefficients with their statistics and effect sizes; the intercept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..moments.tails import Array
from .analysis import Analysis
from .estimates import Estimate, kinds_of
from .kind import INFINITY, Address, Kind


def estimate_and_error(run: Analysis, address: Address) -> tuple[Array, Array, Array]:
    """Return a coefficient, its standard error and the degrees of freedom, raw or standardised."""
    fit = run.regression(address.step, address.coding, address.products)  # type: ignore[arg-type]
    at = fit.design.position(str(address.term))
    if address.standardised:
        return fit.standardised[..., at], fit.standardised_se[..., at], fit.df
    return fit.coefficient[..., at], fit.se[..., at], fit.df


def _intercept(run: Analysis, address: Address) -> tuple[Array, Array, Array]:
    fit = run.regression(address.step, address.coding, address.products)  # type: ignore[arg-type]
    above, error = fit.contrast(-fit.design.mean)
    error = (fit.residual_sd**2 / fit.design.moments.total_n + error**2) ** 0.5
    return fit.outcome_mean + above, error, fit.df


@dataclass(frozen=True)
class EffectSize:
    """What a term is worth: from its t, the residual degrees of freedom and the R2 of the step, and back to t."""

    meaning: str
    of_t: Callable[[Array, Array, Array], Array]
    to_t: Callable[[Array, Array, Array], Array]


EFFECT_SIZES = {
    "f": EffectSize("its F, the square of its t", lambda t, df, r2: t**2, lambda x, df, r2: x**0.5),
    "sr": EffectSize(
        "its semi-partial correlation",
        lambda t, df, r2: t * ((1 - r2) / df) ** 0.5,
        lambda x, df, r2: x * (df / (1 - r2)) ** 0.5,
    ),
    "sr2": EffectSize(
        "share of variance that it alone explains",
        lambda t, df, r2: t**2 * (1 - r2) / df,
        lambda x, df, r2: (x * df / (1 - r2)) ** 0.5,
    ),
    "partial_r": EffectSize(
        "its partial correlation",
        lambda t, df, r2: t / (t**2 + df) ** 0.5,
        lambda x, df, r2: x * (df / (1 - x**2)) ** 0.5,
    ),
    "partial_eta2": EffectSize(
        "its partial η², the square of its partial correlation",
        lambda t, df, r2: t**2 / (t**2 + df),
        lambda x, df, r2: (x * df / (1 - x)) ** 0.5,
    ),
    "f2": EffectSize("its Cohen's f²", lambda t, df, r2: t**2 / df, lambda x, df, r2: (x * df) ** 0.5),
    "d": EffectSize("its d, 2 t / √df", lambda t, df, r2: 2 * t / df**0.5, lambda x, df, r2: x * df**0.5 / 2),
}
SIGNED = ("sr", "partial_r", "d")
UNBOUNDED = ("f", "f2", "d")


def _effect_size(name: str) -> Kind:
    size = EFFECT_SIZES[name]

    def compute(run: Analysis, address: Address) -> Array:
        fit = run.regression(address.step, address.coding, address.products)  # type: ignore[arg-type]
        return size.of_t(fit.t[..., fit.design.position(str(address.term))], fit.df, fit.r2)

    return Kind(
        name=f"coefficient_{name}",
        meaning=size.meaning,
        words=f"{name.replace('_', ' ')} of the coefficient",
        needs=("step", "term"),
        may=("coding", "products", "errors"),
        low=-INFINITY if name == "d" else -1 if name in SIGNED else 0,
        high=INFINITY if name in UNBOUNDED else 1,
        conventions=("coding", "products"),
        settled_by="the t or p of its coefficient",
        value=compute,
        estimate="coefficient",
        role=name,
    )


COEFFICIENT = Estimate(
    name="coefficient",
    meaning="regression coefficient",
    words="coefficient",
    needs=("step", "term"),
    may=("standardised", "coding", "products"),
    conventions=("coding", "products"),
    settled_by="its standard error or p in the table of the regression",
    compute=estimate_and_error,
)
INTERCEPT = Estimate(
    name="intercept",
    meaning="intercept, in the outcome's unit",
    words="intercept",
    needs=("step",),
    may=("coding", "products"),
    conventions=("coding", "products"),
    compute=_intercept,
)
KINDS = (*kinds_of(COEFFICIENT), *map(_effect_size, EFFECT_SIZES), *kinds_of(INTERCEPT))
