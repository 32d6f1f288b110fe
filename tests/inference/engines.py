"""Both exact engines, asked the same: by eigendecomposition in NumPy, and compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hikibayes.inference.gaussian.exact import posterior
from hikibayes.inference.gaussian.normal_priors import Exponential, HalfNormal, HalfStudentT, NormalPriors
from hikibayes.inference.gaussian.sufficient import SufficientStatistics
from hikibayes.inference.gaussian.summaries import PER_CONTRAST, summaries

ROPE = (-0.1, 0.1)
SIGMA = {"half_t": HalfStudentT, "half_normal": HalfNormal, "exponential": Exponential}
KEYS = {"half_t": ("nu", "scale"), "half_normal": ("scale",), "exponential": ("lam",)}


class Asked(NamedTuple):
    statistics: SufficientStatistics
    priors: NormalPriors
    contrasts: np.ndarray


def asked_of(case) -> Asked:
    """Turn a case of ``tests/reference/engine_cases.py`` into an engine's input."""
    names = [f"x{j}" for j in range(len(case.sxy))]
    ((kind, parameters),) = case.sigma.items()
    statistics = SufficientStatistics(
        names=names, n=[case.n], x_mean=np.zeros((1, len(names))), y_mean=[case.y_mean], sxx=[case.sxx],
        sxy=[case.sxy], syy=[case.syy],
    )  # fmt: skip
    priors = NormalPriors(
        names=names, mean=case.prior_mean, sd=case.prior_sd, intercept_mean=0.3, intercept_sd=2.0,
        sigma=SIGMA[kind](**dict(zip(KEYS[kind], parameters, strict=True))), correlation=case.correlation,
    )  # fmt: skip
    return Asked(statistics, priors, np.array(case.contrasts))


def by_numpy(asked: Asked) -> tuple[np.ndarray, float]:
    """Mean, sd, limits, P(> 0), P(ROPE) and log BF10 of each contrast, and the log evidence."""
    fitted = posterior(asked.statistics, asked.priors, on_error="flag")
    m = fitted.marginal(asked.contrasts)
    columns = [m.mean(), m.sd(), *m.eti(), m.p_positive(), m.probability(*ROPE), m.log_bf10()]
    return np.stack([column[0] for column in columns], axis=-1), float(fitted.log_evidence[0])


def compiled(asked: Asked) -> tuple[np.ndarray, float]:
    """Return the same, eight data sets at a time."""
    found = summaries(asked.statistics, asked.priors, asked.contrasts, rope=ROPE)
    return np.stack([getattr(found, name)[0] for name in PER_CONTRAST], axis=-1), float(found.log_evidence[0])


ENGINES = {"numpy": by_numpy, "compiled": compiled}
