"""What a regression explains: R2, its increase from step to step, their F tests, variance inflation."""

from __future__ import annotations

from collections.abc import Callable

from ..moments import increment
from ..moments.tails import Array, f_p
from .analysis import Analysis
from .kind import Address, Kind, Value

type Test = tuple[Array, float, float]
"""F with its two degrees of freedom."""


def _whole(run: Analysis, address: Address) -> Test:
    fit = run.regression(address.step)
    return fit.f, float(len(fit.design.terms)), fit.df


def _added(run: Analysis, address: Address) -> Test:
    before, full = run.outline.after[address.step], run.regression(address.step)
    earlier = run.regression(before) if before else None
    terms = len(full.design.terms) - (len(earlier.design.terms) if earlier else 0)
    return increment(full, earlier)[1], float(terms), full.df


def _increase(run: Analysis, address: Address) -> Array:
    before, full = run.outline.after[address.step], run.regression(address.step)
    if address.adjusted:
        return full.adjusted_r2 - (run.regression(before).adjusted_r2 if before else 0.0)
    return full.r2 - (run.regression(before).r2 if before else 0.0)


def _vif(run: Analysis, address: Address) -> Array:
    fit = run.regression(address.step, address.coding, address.products)  # type: ignore[arg-type]
    if address.term:
        return fit.vif[..., fit.design.position(address.term)]
    return fit.vif.min(-1) if address.least else fit.vif.max(-1)


def _mean_vif(run: Analysis, address: Address) -> Array:
    fit = run.regression(address.step, address.coding, address.products)  # type: ignore[arg-type]
    return fit.vif.mean(-1)


def _tests(name: str, of: str, words: str, test: Callable[[Analysis, Address], Test], settled_by: str) -> list[Kind]:
    """Return an F test's F, degrees of freedom and p as kinds of numbers."""
    kinds: dict[str, tuple[str, str, float, Value]] = {
        "f": (f"F of {of}", "F", float("inf"), lambda run, address: test(run, address)[0]),
        "df1": ("first degrees of freedom of that F", "df", float("inf"), lambda run, at: _wide(*test(run, at)[:2])),
        "df2": ("residual degrees of freedom", "df", float("inf"), lambda run, at: _wide(*test(run, at)[::2])),
        "p": (f"p of the F test of {of}", "p", 1, lambda run, address: f_p(*test(run, address))),
    }
    return [
        Kind(
            name=f"{name}_{role}",
            meaning=meaning,
            words=f"{short} of {words}",
            needs=("step",),
            may=("errors",),
            low=0,
            high=high,
            whole=role == "df1",
            settled_by=settled_by,
            value=value,
            estimate=name,
            role=role,
        )
        for role, (meaning, short, high, value) in kinds.items()
    ]


def _wide(like: Array, number: float) -> Array:
    return 0 * like + number


KINDS = (
    Kind(
        name="r2",
        meaning="coefficient of determination of a step",
        words="R²",
        needs=("step",),
        low=0,
        high=1,
        settled_by="the adjusted R2, or the step's p",
        value=lambda run, address: run.regression(address.step).r2,
    ),
    Kind(
        name="adjusted_r2",
        meaning="adjusted coefficient of determination of a step",
        words="adjusted R²",
        needs=("step",),
        high=1,
        value=lambda run, address: run.regression(address.step).adjusted_r2,
    ),
    *_tests("r2", "a whole step", "R²", _whole, "the R2 of the step"),
    Kind(
        name="delta_r2",
        meaning="R2 of a step minus R2 of the step it follows",
        words="ΔR²",
        needs=("step",),
        may=("adjusted",),
        low=-1,
        high=1,
        conventions=("adjusted",),
        settled_by="the R2 of both steps, or its p",
        value=_increase,
    ),
    *_tests("delta_r2", "that difference", "ΔR²", _added, "the increase it belongs to"),
    Kind(
        name="vif",
        meaning="variance inflation factor; without term: greatest",
        words="VIF",
        needs=("step",),
        may=("term", "coding", "products"),
        low=1,
        conventions=("coding", "products"),
        settled_by="a coefficient with its standard error or p in the same step, or the VIF column of its table",
        value=_vif,
    ),
    Kind(
        name="mean_vif",
        meaning="mean of the variance inflation factors of a step",
        words="mean VIF",
        needs=("step",),
        may=("coding", "products"),
        low=1,
        conventions=("coding", "products"),
        settled_by="the VIF column of its table",
        value=_mean_vif,
    ),
    Kind(
        name="tolerance",
        meaning="1 / VIF of a term",
        words="tolerance",
        needs=("step", "term"),
        may=("coding", "products"),
        low=0,
        high=1,
        conventions=("coding", "products"),
        settled_by="the VIF of its term",
        value=lambda run, address: 1 / _vif(run, address),
    ),
)
