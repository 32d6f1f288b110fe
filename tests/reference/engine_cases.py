"""Random regressions and their exact posteriors from 40-digit algebra: run this file to write engine_cases.json.

Nothing here is shared with the engine. Eigenvalues and rotated cross-products come from mpmath with 40 digits; sigma is
integrated in extended precision over 4,001 even nodes; quantiles by bisection. Inputs are doubles, taken as exact.

    uv run python tests/reference/engine_cases.py                  # a sample, for the default suite
    uv run python tests/reference/engine_cases.py --check 1000     # by hand: so many cases against the engine
"""

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import mpmath as mp
import numpy as np
from scipy.special import gammaln, ndtr

mp.mp.dps = 40
HERE = Path(__file__).parent
SAMPLE = (*range(42), 178, 901)
"""The default suite's. In the last but one priors and data conflict, and a limit depends on sigma far out; in the last,
rounding makes six independent columns of six rows."""
KINDS = (
    "n close to p",
    "collinear 1e-6 to 1e-1",
    "ordinary",
    "raw units 1e-2 to 1e2",
    "prior sds .001 and 100",
    "no more rows than predictors",
    "correlated priors",
)
ROPE, INTERCEPT = (-0.1, 0.1), (0.3, 2.0)
SIGMAS = ({"half_t": [4.0, 1.0]}, {"half_normal": [1.5]}, {"exponential": [1.2]})
FOUND = ("mean", "sd", "lower", "upper", "p_positive", "p_rope", "log_bf10")


class Case(NamedTuple):
    """One regression, as an engine takes it."""

    kind: str
    n: int
    y_mean: float
    sxx: list[list[float]]
    sxy: list[float]
    syy: float
    prior_mean: list[float]
    prior_sd: list[float]
    correlation: list[list[float]] | None
    sigma: dict[str, list[float]]
    contrasts: list[list[float]]


def case(i: int) -> Case:
    """Return the i-th random case; kinds take turns."""
    rng, kind = np.random.default_rng([20210525, i]), KINDS[i % len(KINDS)]
    p = int(rng.integers(1, 11))
    n = max(int(rng.choice([20, 40, 100, 300, 3000])), p + 2)
    if kind == "n close to p":
        n = p + int(rng.integers(2, 6))
    if kind == "no more rows than predictors":
        p = max(p, 2)
        n = int(rng.integers(3, p + 2))
    Z = rng.standard_normal((n, p))
    if kind == "collinear 1e-6 to 1e-1":
        Z[:, 1:] = Z[:, :1] + 10.0 ** rng.uniform(-6, -1, p - 1) * Z[:, 1:]
    else:
        Z = Z + 0.6 * rng.standard_normal((n, 1))
    scale = 10.0 ** rng.uniform(-2, 2, p) if kind == "raw units 1e-2 to 1e2" else np.ones(p)
    sd = 10.0 ** rng.uniform(-3, 2, p)
    if kind == "raw units 1e-2 to 1e2" and rng.random() < 0.5:
        sd = sd / scale
    if kind == "prior sds .001 and 100":
        sd = rng.choice([0.001, 100.0], p)
    if kind in ("ordinary", "correlated priors"):
        sd = rng.choice([0.25, 0.5, 1.0], p)
    mean = np.where(rng.random(p) < 0.3, rng.normal(0, 0.3, p) * sd, 0.0)
    beta = rng.normal(0, 0.3, p) / scale * rng.choice([0.3, 1, 3])
    X = Z * scale
    y = X @ beta + rng.normal(0, 1) + 0.85 * rng.standard_normal(n)
    contrasts = rng.standard_normal((2, p)) * (rng.random((2, p)) < 0.6)
    contrasts[0] = np.eye(p)[rng.integers(p)]
    contrasts[1] = contrasts[1] if contrasts[1].any() else contrasts[0]
    Xc, yc = X - X.mean(0), y - y.mean()
    correlation = None
    if kind == "correlated priors":
        loadings = rng.uniform(-0.9, 0.9, (p, 1))
        correlation = (loadings @ loadings.T + np.diag(1 - loadings[:, 0] ** 2)).tolist()
    return Case(
        kind, n, float(y.mean()), (Xc.T @ Xc).tolist(), (Xc.T @ yc).tolist(), float(yc @ yc), mean.tolist(),
        sd.tolist(), correlation, SIGMAS[i % len(SIGMAS)], contrasts.tolist(),
    )  # fmt: skip


def log_prior_sigma(sigma: dict[str, list[float]], s: Any) -> Any:
    """Log density of sigma's prior, normalised."""
    ((kind, parameters),) = sigma.items()
    if kind == "half_t":
        nu, scale = parameters
        constant = np.log(2.0) + gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(nu * np.pi) - np.log(scale)
        return constant - (nu + 1) / 2 * np.log1p((s / scale) ** 2 / nu)
    if kind == "half_normal":
        return 0.5 * np.log(2 / np.pi) - np.log(parameters[0]) - 0.5 * (s / parameters[0]) ** 2
    return np.log(parameters[0]) - parameters[0] * s


class Rotated(NamedTuple):
    """A case where likelihood and prior are both diagonal, in extended precision."""

    eigenvalues: Any
    score: Any
    contrasts: Any
    at_prior: Any
    prior_variance: Any
    total: Any


def rotated(c: Case) -> Rotated:
    """Whiten by the prior and take eigenvectors, with 40 digits."""
    p = len(c.sxy)
    S, sxy, m = mp.matrix(c.sxx), mp.matrix(c.sxy), mp.matrix(c.prior_mean)
    S = (S + S.T) / 2
    r = sxy - S * m
    total = mp.mpf(c.syy) - (m.T * (sxy + r))[0]
    root = mp.cholesky(mp.matrix(c.correlation)) if c.correlation else mp.eye(p)
    root = mp.diag([mp.mpf(s) for s in c.prior_sd]) * root
    eigenvalues, Q = mp.eigsy(root.T * S * root)
    score = Q.T * root.T * r
    wide = [root.T * mp.matrix(row) for row in c.contrasts]

    def extended(values: Any) -> Any:
        return np.array([np.longdouble(mp.nstr(v, 25)) for v in values])

    if c.n - 1 <= p:  # rows that the columns fit exactly: the eigenvalues of nothing are nothing
        known = sorted(range(p), key=lambda j: -eigenvalues[j])[: c.n - 1]
        for j in set(range(p)) - set(known):
            eigenvalues[j], score[j] = mp.mpf(0), mp.mpf(0)
        total = mp.fsum(score[j] ** 2 / eigenvalues[j] for j in known)
    return Rotated(
        extended(eigenvalues), extended(score), np.array([extended(Q.T * w) for w in wide]),
        extended([mp.fsum(a * b for a, b in zip(row, c.prior_mean, strict=True)) for row in c.contrasts]),
        extended([(w.T * w)[0] for w in wide]), np.longdouble(mp.nstr(total, 25)),
    )  # fmt: skip


def reference(c: Case) -> dict[str, Any]:
    """Evidence, and everything in `FOUND` for each contrast."""
    p, n, r = len(c.sxy), c.n, rotated(c)
    distance, spread = n * (np.longdouble(c.y_mean) - INTERCEPT[0]) ** 2, np.longdouble(n) * INTERCEPT[1] ** 2
    known = r.eigenvalues > 0

    def residual_over_v(v: Any, s: Any) -> Any:
        if n - 1 <= p:
            return (r.score[known, None] ** 2 / (r.eigenvalues[known, None] * s[known])).sum(0)
        return (r.total - (r.score[:, None] ** 2 / s).sum(0)) / v

    def log_density(omega: Any) -> Any:
        v = np.exp(2 * omega)
        s = r.eigenvalues[:, None] + v
        core = (n - p) * 2 * omega + np.log(s).sum(0) + residual_over_v(v, s)
        core = core + np.log1p(spread / v) + distance / (v + spread) + n * np.log(2 * np.pi)
        return -0.5 * core + omega + log_prior_sigma(c.sigma, np.exp(omega))

    def conditional(omega: Any, q: int) -> tuple[Any, Any]:
        v = np.exp(2 * omega)
        s = r.eigenvalues[:, None] + v
        mean = r.at_prior[q] + ((r.contrasts[q] * r.score)[:, None] / s).sum(0)
        return mean, v * ((r.contrasts[q] ** 2)[:, None] / s).sum(0)

    def at_zero(omega: Any, q: int) -> Any:
        mean, variance = conditional(omega, q)
        return log_density(omega) - 0.5 * (mean**2 / variance + np.log(2 * np.pi * variance))

    omega, weights, log_evidence = _integrated(log_density)
    found = []
    for q in range(len(c.contrasts)):
        mean, variance = conditional(omega, q)
        _, _, log_zero = _integrated(lambda x, q=q: at_zero(x, q))
        log_prior = -0.5 * (r.at_prior[q] ** 2 / r.prior_variance[q] + np.log(2 * np.pi * r.prior_variance[q]))
        row = _described(weights, mean, np.sqrt(variance))
        found.append([*row, float(log_prior - (log_zero - log_evidence))])
    return {"log_evidence": float(log_evidence), "contrasts": found}


def _integrated(log_density: Any) -> tuple[Any, Any, Any]:
    """Nodes, their weights and the log integral, over all that is within 80 logs of the peak."""
    grid = np.linspace(np.longdouble(-55), np.longdouble(12), 60_001)
    height = log_density(grid)
    matters = np.flatnonzero(height > height.max() - 80)
    grid = np.linspace(grid[max(matters[0] - 1, 0)], grid[min(matters[-1] + 1, len(grid) - 1)], 4001)
    height = log_density(grid)
    weights = np.exp(height - height.max())
    return grid, weights / weights.sum(), height.max() + np.log(weights.sum() * (grid[1] - grid[0]))


def _described(weights: Any, means: Any, sds: Any) -> list[float]:
    mean = (weights * means).sum()
    sd = np.sqrt((weights * (sds**2 + (means - mean) ** 2)).sum())

    def below(x: Any) -> Any:
        return (weights * ndtr(((x - means) / sds).astype(float))).sum()

    def quantile(probability: float) -> Any:
        low, high = mean - 40 * sd, mean + 40 * sd
        for _ in range(90):
            middle = (low + high) / 2
            low, high = (middle, high) if below(middle) < probability else (low, middle)
        return middle

    positive = (weights * ndtr((means / sds).astype(float))).sum()
    rope = below(ROPE[1]) - below(ROPE[0])
    return [float(v) for v in (mean, sd, quantile(0.025), quantile(0.975), positive, rope)]


def errors(found: Any, log_evidence: float, wanted: dict[str, Any]) -> list[float]:
    """Largest errors: mean, sd and limits in posterior sds, probabilities, log Bayes factor, log evidence."""
    known = np.array(wanted["contrasts"])
    away = np.abs(np.asarray(found) - known)
    away[:, :4] /= known[:, 1:2]
    groups = (away[:, :1], away[:, 1:2], away[:, 2:4], away[:, 4:6], away[:, 6:])
    return [*(float(group.max()) for group in groups), abs(log_evidence - wanted["log_evidence"])]


def check(count: int) -> None:
    """Print the largest errors of the engine, by kind of case."""
    sys.path.insert(0, str(HERE.parents[1]))
    from tests.inference.engines import ENGINES, asked_of

    table: dict[tuple[str, str], list[list[float]]] = {}
    for i in range(count):
        c = case(i)
        wanted = reference(c)
        for name, engine in ENGINES.items():
            table.setdefault((name, c.kind), []).append(errors(*engine(asked_of(c)), wanted))
    print(f"{count} cases; largest errors of mean, sd, limits (posterior sds), probabilities, log BF10, log evidence")
    for (name, kind), rows in sorted(table.items()):
        worst = np.array(rows).max(axis=0)  # NaN, a refusal, shows
        print(f"{name:8} {kind:30} {len(rows):5}", *(f"{value:8.0e}" for value in worst))


def main() -> None:
    """Write the sample, or check the engine against many."""
    if "--check" in sys.argv:
        check(int(sys.argv[sys.argv.index("--check") + 1]))
        return
    made = [{"case": case(i)._asdict(), "expected": reference(case(i))} for i in SAMPLE]
    (HERE / "engine_cases.json").write_text(
        json.dumps({"made_by": Path(__file__).name, "found": FOUND, "cases": made}) + "\n"
    )


if __name__ == "__main__":
    main()
