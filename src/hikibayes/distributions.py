"""A distribution as a person writes it in a file: a family, its parameters, nothing hidden.

The families and parameter names are PyMC's, so that an assumption of a study and a prior of a model read alike.
"""

from __future__ import annotations

from functools import cache
from math import exp, log
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import model_validator

from .problems import SMALLEST
from .spec import Number, Spec

if TYPE_CHECKING:
    from scipy.stats.distributions import rv_frozen

PARAMETERS: dict[str, tuple[str, ...]] = {
    "Normal": ("mu", "sigma"),
    "TruncatedNormal": ("mu", "sigma", "lower", "upper"),
    "LogNormal": ("mu", "sigma"),
    "Uniform": ("lower", "upper"),
    "Beta": ("alpha", "beta"),
    "HalfNormal": ("sigma",),
    "HalfStudentT": ("nu", "sigma"),
    "StudentT": ("nu", "mu", "sigma"),
    "Cauchy": ("alpha", "beta"),
    "Exponential": ("lam",),
    "LKJ": ("eta",),
    "Constant": ("value",),
}
POSITIVE = ("sigma", "nu", "lam", "eta")
POSITIVE_OF = {"Beta": ("alpha", "beta"), "Cauchy": ("beta",)}


@cache
def _half_t() -> Any:
    """Return Student's t, folded at 0, which SciPy does not have; it is imported where it is asked for."""
    from scipy import stats

    class HalfStudentT(stats.rv_continuous):
        def _logpdf(self, x: Any, *nu: Any) -> Any:
            return stats.t.logpdf(x, *nu) + log(2)

        def _cdf(self, x: Any, *nu: Any) -> Any:
            return 2 * stats.t.cdf(x, *nu) - 1

        def _ppf(self, q: Any, *nu: Any) -> Any:
            return stats.t.ppf((1 + q) / 2, *nu)

    return HalfStudentT(a=0.0, name="half_t", shapes="nu")


class Distribution(Spec):
    """A named probability distribution with PyMC's parameters.

    Raises
    ------
    pydantic.ValidationError
        A parameter is missing or not one of the family's, a scale is not positive, or ``lower`` is not below ``upper``.
    """

    dist: Literal[
        "Normal",
        "TruncatedNormal",
        "LogNormal",
        "Uniform",
        "Beta",
        "HalfNormal",
        "HalfStudentT",
        "StudentT",
        "Cauchy",
        "Exponential",
        "LKJ",
        "Constant",
    ]
    mu: Number | None = None
    sigma: Number | None = None
    lower: Number | None = None
    upper: Number | None = None
    alpha: Number | None = None
    beta: Number | None = None
    nu: Number | None = None
    lam: Number | None = None
    eta: Number | None = None
    value: Number | None = None

    @model_validator(mode="after")
    def _parameters_fit(self) -> Self:
        wanted = set(PARAMETERS[self.dist])
        given = {name for name in Distribution.model_fields if name != "dist" and getattr(self, name) is not None}
        if wanted != given:
            found = ", ".join(sorted(given)) or "none"
            raise ValueError(f"{self.dist} takes {', '.join(PARAMETERS[self.dist])}; found {found}")
        for name in sorted(given & {*POSITIVE, *POSITIVE_OF.get(self.dist, ())}):
            if getattr(self, name) < SMALLEST:
                raise ValueError(f"{self.dist} needs {name} > 0; found {getattr(self, name):g}")
        if self.lower is not None and self.upper is not None and self.lower >= self.upper:
            raise ValueError(f"lower must be below upper; found {self.lower:g} and {self.upper:g}")
        return self

    @property
    def parameters(self) -> dict[str, float]:
        """The family's parameters by name."""
        return {name: getattr(self, name) for name in PARAMETERS[self.dist]}

    def frozen(self) -> rv_frozen:
        """Return the distribution as a frozen SciPy one, for densities, quantiles and draws.

        Raises
        ------
        ValueError
            `LKJ` (a distribution of matrices) and `Constant` (a number) have no such form.
        """
        from scipy import stats

        p = self.parameters
        match self.dist:
            case "Normal":
                return stats.norm(p["mu"], p["sigma"])
            case "TruncatedNormal":
                low, high = ((p[edge] - p["mu"]) / p["sigma"] for edge in ("lower", "upper"))
                return stats.truncnorm(low, high, loc=p["mu"], scale=p["sigma"])
            case "LogNormal":
                return stats.lognorm(p["sigma"], scale=exp(p["mu"]))
            case "Uniform":
                return stats.uniform(p["lower"], p["upper"] - p["lower"])
            case "Beta":
                return stats.beta(p["alpha"], p["beta"])
            case "HalfNormal":
                return stats.halfnorm(scale=p["sigma"])
            case "HalfStudentT":
                half_t: rv_frozen = _half_t()(p["nu"], scale=p["sigma"])
                return half_t
            case "StudentT":
                return stats.t(p["nu"], p["mu"], p["sigma"])
            case "Cauchy":
                return stats.cauchy(p["alpha"], p["beta"])
            case "Exponential":
                return stats.expon(scale=1 / p["lam"])
            case _:
                raise ValueError(f"{self.dist} has no frozen SciPy form")

    def __str__(self) -> str:
        """Write it as a statistician would, for example ``Normal(mu=0, sigma=0.25)``."""
        return f"{self.dist}({', '.join(f'{name}={value:g}' for name, value in self.parameters.items())})"
