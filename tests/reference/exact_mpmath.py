"""Reference posteriors in 60-digit arithmetic, by brute force: run this file to write exact_mpmath.json beside it.

Nothing here is shared with the engine: rows are centred in 60 digits, linear systems are solved at each of
some hundreds of sigmas, and sigma is integrated by a fine trapezoid over all of its range. Inputs are doubles, taken as
exact.

    uv run python tests/reference/exact_mpmath.py
"""

import json
from pathlib import Path

import mpmath as mp
import numpy as np

mp.mp.dps = 60
HERE = Path(__file__).parent


def cases():
    """Rows and priors that are plain, collinear, far from zero and badly scaled; rounded, so the file stays short."""
    rng = np.random.default_rng(20210525)
    X = np.round(rng.normal(size=(100, 3)), 3)
    y = np.round(X @ [0.3, -0.2, 0.0] + rng.normal(size=100), 3)
    plain = {"prior_mean": [0.1, 0.0, -0.2], "prior_sd": [0.5, 1.0, 0.25], "intercept": [0.2, 1.0]}
    yield "plain n=100", X, y, {**plain, "sigma": ["half_t", 4, 1]}
    yield (
        "small n=9, exponential",
        X[:9, :2],
        y[:9],
        {"prior_mean": [0.0, 0.5], "prior_sd": [0.5, 1.0], "intercept": [0.0, 2.5], "sigma": ["exponential", 1.5]},
    )
    collinear = np.column_stack([X[:40, 0], 2 * X[:40, 0], X[:40, 1]])
    yield "exactly collinear, half-normal", collinear, y[:40], {**plain, "sigma": ["half_normal", 1.5]}
    yield "mean/sd of 1e6", X[:50] + 1e6, y[:50] + 1e6, {**plain, "intercept": [1e6, 1.0], "sigma": ["half_t", 4, 1]}
    scaled = X[:50] * [1e8, 1.0, 1e-6]
    yield (
        "column scales 1e8 and 1e-6, priors of sd 1",
        scaled,
        y[:50],
        {
            "prior_mean": [0.0, 0.0, 0.0],
            "prior_sd": [1.0, 1.0, 1.0],
            "intercept": [0.0, 1.0],
            "sigma": ["half_t", 4, 1],
        },
    )
    yield "far from the null", X[:60], np.round(3 * X[:60, 0] + 0.05 * y[:60], 3), {**plain, "sigma": ["half_t", 4, 1]}


def log_sigma_prior(spec, sigma):
    """Log density of sigma's prior."""
    kind, *p = [mp.mpf(v) if not isinstance(v, str) else v for v in spec]
    if kind == "exponential":
        return mp.log(p[0]) - p[0] * sigma
    if kind == "half_normal":
        return mp.log(2 / mp.pi) / 2 - mp.log(p[0]) - (sigma / p[0]) ** 2 / 2
    nu, s = p
    constant = mp.log(2) + mp.loggamma((nu + 1) / 2) - mp.loggamma(nu / 2) - mp.log(nu * mp.pi) / 2 - mp.log(s)
    return constant - (nu + 1) / 2 * mp.log(1 + (sigma / s) ** 2 / nu)


def nodes(X, y, spec):
    """Log density, means and sds of the coefficients at each sigma of a fine grid."""
    n, p = X.shape
    X, y = mp.matrix(X.tolist()), mp.matrix(y.tolist())
    x_mean = [mp.fsum(X[:, j]) / n for j in range(p)]
    y_mean = mp.fsum(y) / n
    Xc = mp.matrix(n, p)
    for i in range(n):
        for j in range(p):
            Xc[i, j] = X[i, j] - x_mean[j]
    m, s = mp.matrix(spec["prior_mean"]), [mp.mpf(v) for v in spec["prior_sd"]]
    r = y - mp.matrix([y_mean] * n) - Xc * m
    sxx, sxr, srr = Xc.T * Xc, Xc.T * r, (r.T * r)[0]
    a_mean, a_sd = (mp.mpf(v) for v in spec["intercept"])
    out = []
    for k in range(-500, 420):
        log_sigma = mp.mpf(k) / 50
        sigma = mp.exp(log_sigma)
        v = sigma**2
        A = sxx + v * mp.diag([1 / q**2 for q in s])
        inverse = mp.inverse(A)
        b = inverse * sxr
        rss = srr - (sxr.T * b)[0]
        log_density = -(n * mp.log(2 * mp.pi) + (n - p) * mp.log(v) + mp.log(mp.det(A)) + rss / v) / 2
        log_density -= mp.fsum(mp.log(q) for q in s)
        log_density -= mp.log(1 + n * a_sd**2 / v) / 2 + n * (y_mean - a_mean) ** 2 / (v + n * a_sd**2) / 2
        log_density += log_sigma_prior(spec["sigma"], sigma) + log_sigma
        out.append(
            (log_density, [m[j] + b[j] for j in range(p)], [mp.sqrt(v * inverse[j, j]) for j in range(p)], sigma)
        )
    return out


def summarise(X, y, spec):
    """Evidence, and for each coefficient mean, sd, 2.5 % quantile, P(>0) and log posterior density at 0."""
    grid = nodes(X, y, spec)
    top = max(g[0] for g in grid)
    raw = [mp.exp(g[0] - top) for g in grid]
    assert raw[0] < 1e-45 * max(raw), "grid starts too late"
    assert raw[-1] < 1e-45 * max(raw), "grid ends too early"
    w = [v / mp.fsum(raw) for v in raw]
    result = {"log_evidence": top + mp.log(mp.fsum(raw) / 50), "coefficients": []}
    result["sigma_mean"] = mp.fsum(a * g[3] for a, g in zip(w, grid, strict=True))
    result["coefficients"] = [
        coefficient(w, [g[1][j] for g in grid], [g[2][j] for g in grid]) for j in range(X.shape[1])
    ]
    return result


def coefficient(w, means, sds):
    """Summaries of one mixture of normals."""
    parts = [part for part in zip(w, means, sds, strict=True) if part[0] > 1e-60]

    def cdf(x):
        return mp.fsum(a * mp.ncdf((x - m) / s) for a, m, s in parts)

    mean = mp.fsum(a * m for a, m, _ in parts)
    sd = mp.sqrt(mp.fsum(a * (s**2 + (m - mean) ** 2) for a, m, s in parts))
    start = (mean - 2 * sd, mean - mp.mpf("1.9") * sd)
    density = mp.fsum(a * mp.npdf(0, m, s) for a, m, s in zip(w, means, sds, strict=True))
    return {
        "mean": mean,
        "sd": sd,
        "q025": mp.findroot(lambda x: cdf(x) - mp.mpf("0.025"), start, tol=1e-50),
        "p_positive": 1 - cdf(mp.mpf(0)),
        "log_density_0": mp.log(density),
    }


def main():
    """Write the rows, the priors and the 25-digit results."""

    def text(v):
        return mp.nstr(v, 25) if isinstance(v, mp.mpf) else v

    out = []
    for name, X, y, spec in cases():
        result = summarise(X, y, spec)
        result["coefficients"] = [{k: text(v) for k, v in c.items()} for c in result["coefficients"]]
        result = {k: text(v) for k, v in result.items()}
        out.append({"name": name, "X": X.tolist(), "y": y.tolist(), "priors": spec, "expected": result})
    (HERE / "exact_mpmath.json").write_text(json.dumps({"made_by": Path(__file__).name, "cases": out}) + "\n")


if __name__ == "__main__":
    main()
