"""How fast the exact engine is, as ratios taken in one run: `uv run python benchmarks/bench_engine.py [--samplers]`.

`--against CHECKOUT` times another checkout beside it, and `--samplers` also R's `lm` where R is installed. With
`uv run --with blackjax python benchmarks/bench_engine.py --samplers` NUTS vmapped over data sets is measured too.

Every figure is end to end: draw a study of 17 slopes (sex, group, eight scores, seven interactions) from a world,
reduce it, fit it, and summarise one interaction in full (mean, sd, 95 % limits, P(>0), P(ROPE), Bayes factor,
evidence). The yardstick is a compiled loop that makes the same draws and does a t-test by ordinary least squares.
Rounds are interleaved and ratios are taken within a round, so that a busy machine slows both sides alike.
"""

import argparse
import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import sqrt
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hikibayes.inference.gaussian.exact import posterior
from hikibayes.inference.gaussian.normal_priors import HalfStudentT, NormalPriors, bambi_default
from hikibayes.inference.gaussian.philox import Stream
from hikibayes.inference.gaussian.sufficient import SufficientStatistics
from hikibayes.inference.gaussian.summaries import summaries, summaries_by_prior
from hikibayes.planning.populations.samples import GAUSSIAN, Roots, draw_statistics, on_disk

SCORES, CHUNK = 8, 2000
NAMES = ("sex", "group", *(f"x{i}" for i in range(SCORES)), *(f"group:x{i}" for i in range(SCORES - 1)))
FOCAL = "group:x6"
HOUSE = NormalPriors(
    names=NAMES,
    mean=0.0,
    sd=[1.0] * 2 + [0.5] * SCORES + [0.25] * (SCORES - 1),
    intercept_mean=0.0,
    intercept_sd=1.0,
    sigma=HalfStudentT(nu=4, scale=1.0),
)


class Columns(NamedTuple):
    """The design by cell of sex x group: constant, and weight of each score."""

    names: tuple[str, ...]
    constant: np.ndarray
    linear: np.ndarray


def design():
    sex, group = np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0, 1.0])
    constant, linear = np.zeros((4, len(NAMES))), np.zeros((4, len(NAMES), SCORES))
    constant[:, 0], constant[:, 1] = sex, group
    for i in range(SCORES):
        linear[:, 2 + i, i] = 1.0
        if i < SCORES - 1:
            linear[:, 2 + SCORES + i, i] = group
    return Columns(NAMES, constant, linear)


def world():
    """Correlated scores of variance 1, slopes of .1 on them, a residual sd of .85."""
    covariance = 0.25 + 0.75 * np.eye(SCORES)
    root = np.zeros((4, SCORES + 1, SCORES + 1))
    root[:, :SCORES, :SCORES] = np.linalg.cholesky(covariance)
    root[:, SCORES, :SCORES] = np.full(SCORES, 0.1) @ root[0, :SCORES, :SCORES]
    root[:, SCORES, SCORES] = 0.85
    return Roots(np.zeros((CHUNK, 4, SCORES + 1)), np.tile(root, (CHUNK, 1, 1, 1)))


COLUMNS, WORLD = design(), world()
NOTHING = np.zeros(SCORES + 1)
# A grain of 0 leaves scores as they are, but has participants drawn one by one.
BY_ROWS = GAUSSIAN._replace(location=NOTHING, scale=NOTHING, low=NOTHING, high=NOTHING, grain=NOTHING)


def draw(seed, n, recording=GAUSSIAN):
    return draw_statistics(WORLD, np.full((CHUNK, 4), n // 4), Stream.of(seed), COLUMNS, recording)


@on_disk
def t_tests(sxx, sxy, syy, n, critical):
    """Estimate, interval and verdict for the last slope of each data set, by least squares."""
    B, p = sxy.shape
    A, out = np.empty((p, p + 1)), np.empty((B, 4))
    for b in range(B):
        for j in range(p):
            for i in range(j, p):
                A[j, i] = sxx[b, j, i]
            A[j, p] = sxy[b, j]
        rss = syy[b]
        for j in range(p):
            scale = 1 / A[j, j]
            rss -= A[j, p] ** 2 * scale
            for k in range(j + 1, p):
                f = A[j, k] * scale
                for i in range(k, p + 1):
                    A[k, i] -= f * A[j, i]
        slope, se = A[p - 1, p] / A[p - 1, p - 1], sqrt(rss / (n[b] - p - 1) / A[p - 1, p - 1])
        out[b, 0], out[b, 1], out[b, 2], out[b, 3] = (
            slope,
            slope - critical * se,
            slope + critical * se,
            abs(slope) > critical * se,
        )
    return out


def least_squares(stats):
    return t_tests(stats.sxx, stats.sxy, stats.syy, stats.n, 1.97)


def by_lanes(stats):
    return summaries(stats, HOUSE, [FOCAL])


def by_lanes_bambi(stats):
    return summaries(stats, bambi_default(stats), [FOCAL])


def numpy_engine(stats):
    return summaries(stats, HOUSE, [FOCAL], engine="numpy")


def compare(rounds, n=200):
    """Seconds of processor time of each contender in each round, in data sets per second."""
    contenders = {
        "least squares, moments": (least_squares, GAUSSIAN),
        "compiled, moments": (by_lanes, GAUSSIAN),
        "compiled, moments, Bambi's default priors": (by_lanes_bambi, GAUSSIAN),
        "NumPy, moments": (numpy_engine, GAUSSIAN),
        "least squares, rows": (least_squares, BY_ROWS),
        "compiled, rows": (by_lanes, BY_ROWS),
        "NumPy, rows": (numpy_engine, BY_ROWS),
        "drawing moments alone": (lambda stats: stats, GAUSSIAN),
    }
    rates = {name: [] for name in contenders}
    for i in range(rounds + 1):
        for name, (fit, recording) in contenders.items():
            start = time.thread_time()
            fit(draw(i, n, recording))
            if i:
                rates[name].append(CHUNK / (time.thread_time() - start))
    return rates


def parts(rounds, n=200):
    """Least microseconds of processor time a data set, over interleaved rounds, of each part of the work."""
    stats = draw(1, n)
    family = [replace(HOUSE, sd=[*HOUSE.sd[:-1], sd]) for sd in (0.1, 0.15, 0.2, 0.3, 0.4, 0.5)]
    work = {
        "moments drawn and pooled": lambda: draw(1, n),
        "fit, one contrast": lambda: by_lanes(stats),
        "fit, 17 contrasts": lambda: summaries(stats, HOUSE),
        "fit, six priors of one coefficient": lambda: summaries_by_prior(stats, family, [FOCAL]),
        "t-test by least squares": lambda: least_squares(stats),
    }
    least = dict.fromkeys(work, float("inf"))
    for i in range(rounds + 1):
        for name, call in work.items():
            start = time.thread_time()
            call()
            if i:
                least[name] = min(least[name], (time.thread_time() - start) / CHUNK * 1e6)
    return least


OTHER = """
import sys, time, bench_engine as b
draws = b.draw if hasattr(b, "Stream") else lambda seed, n: b.draw(b.np.random.default_rng(seed), n)
fit, stats, least = getattr(b, "by_lanes", None) or b.kernel, draws(1, 200), [float("inf")] * 2
for i in range(int(sys.argv[1]) + 1):
    for j, call in enumerate((lambda: draws(1, 200), lambda: fit(stats))):
        start = time.thread_time()
        call()
        if i:
            least[j] = min(least[j], (time.thread_time() - start) / b.CHUNK * 1e6)
print(sum(least))
"""


def other_checkout(folder, rounds):
    """Microseconds a data set, end to end, by the code in another checkout and its own benchmark's data."""
    paths = [str(folder / part) for part in ("src", "benchmarks")]
    command = [sys.executable, "-c", OTHER, str(rounds)]
    found = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)}, cwd=folder, text=True, check=True,
        capture_output=True,
    )  # fmt: skip
    return float(found.stdout)


def print_parts(rounds, checkout):
    least = parts(rounds)
    mine = least["moments drawn and pooled"] + least["fit, one contrast"]
    print(f"\n{'17 slopes, n = 200, least of all rounds':42}{'us a data set':>14}")
    for name, cost in (least | {"end to end, one contrast": mine}).items():
        print(f"{name:42}{cost:14.2f}")
    six = least["fit, six priors of one coefficient"] / least["fit, one contrast"]
    print(f"six priors over one: {six:.2f};", end=" ")
    print(f"end to end over the t-test alone: {mine / least['t-test by least squares']:.1f}")
    if checkout:
        pairs = [(other_checkout(checkout, rounds), parts(rounds)) for _ in range(3)]
        theirs = min(cost for cost, _ in pairs)
        mine = min(made["moments drawn and pooled"] + made["fit, one contrast"] for _, made in pairs)
        print(f"end to end, {checkout.name}: {theirs:.2f}, this: {mine:.2f}; {theirs / mine:.2f} times as fast")


def ratio(rates, name, to):
    return statistics.median(a / b for a, b in zip(rates[name], rates[to], strict=True))


def flatness(rounds, sizes=(100, 200, 1000, 10_000)):
    costs = {n: [] for n in sizes}
    for i in range(rounds + 1):
        for n in sizes:
            start = time.thread_time()
            by_lanes(draw(i, n))
            if i:
                costs[n].append((time.thread_time() - start) / CHUNK * 1e6)
    return {n: statistics.median(c) for n, c in costs.items()}


def chunk(seed):
    return by_lanes(draw(seed, 200)).ok.sum()


def threads(rounds, chunks=24):
    """Wall-clock gain of two threads over one; on a machine with other work it measures that work too."""
    gains = []
    for _ in range(rounds):
        seconds = []
        for workers in (1, 2):
            with ThreadPoolExecutor(workers) as pool_of_threads:
                start = time.perf_counter()
                list(pool_of_threads.map(chunk, range(chunks)))
                seconds.append(time.perf_counter() - start)
        gains.append(seconds[0] / seconds[1])
    return max(gains), statistics.median(gains)


def accuracy():
    """Largest error of the compiled engine and NumPy in posterior sds, against 101 nodes."""
    stats = draw(9, 200).take(np.arange(200))
    dense = posterior(stats, HOUSE, nodes=101).marginal([FOCAL])
    lower, _ = dense.eti(0.95)
    return {
        name: float(np.abs((found.lower - lower) / dense.sd()).max())
        for name, found in (("compiled", by_lanes(stats)), ("NumPy", numpy_engine(stats)))
    }


def rows(seed, n=200):
    """Draw one data set as rows, for the samplers."""
    rng = np.random.default_rng(seed)
    sex, group = np.tile([0.0, 1.0], n // 2), np.repeat([0.0, 1.0], n // 2)
    scores = rng.standard_normal((n, SCORES)) @ np.linalg.cholesky(0.25 + 0.75 * np.eye(SCORES)).T
    X = np.column_stack([sex, group, scores, scores[:, :-1] * group[:, None]])
    return X, scores @ np.full(SCORES, 0.1) + 0.85 * rng.standard_normal(n)


def exact_mean_sd(X, y):
    marginal = posterior(SufficientStatistics.from_rows(X, y, NAMES), HOUSE).marginal([FOCAL])
    return marginal.mean()[0, 0], marginal.sd()[0, 0]


def with_data(fits):
    """Nutpie, compiled once: four chains of 1000 after 1000 for each data set."""
    import nutpie
    import pymc as pm

    X, y = rows(0)
    with pm.Model() as model:
        data, outcome = pm.Data("X", X - X.mean(0)), pm.Data("y_obs", y)
        beta = pm.Normal("beta", 0.0, np.asarray(HOUSE.sd), shape=len(NAMES))
        sigma = pm.HalfStudentT("sigma", nu=4, sigma=1.0)
        pm.Normal("y", pm.Normal("Intercept", 0.0, 1.0) + data @ beta, sigma, observed=outcome)
    program = nutpie.compile_pymc_model(model)
    seconds, errors = [], []
    for seed in range(1, fits + 1):
        X, y = rows(seed)
        start = time.perf_counter()
        trace = nutpie.sample(
            program.with_data(X=X - X.mean(0), y_obs=y),
            draws=1000, tune=1000, chains=4, cores=1, seed=seed, progress_bar=False,
        )  # fmt: skip
        seconds.append(time.perf_counter() - start)
        mean, sd = exact_mean_sd(X, y)
        errors.append((float(trace.posterior["beta"].values[..., -1].mean()) - mean) / sd)
    return 1 / statistics.median(seconds), float(np.sqrt(np.mean(np.square(errors))))


def bambi_refits(fits):
    """Build, compile and sample a Bambi model anew for each data set, as a script would do it."""
    import bambi as bmb
    import pandas as pd

    columns = [name.replace(":", "_by_") for name in NAMES]
    priors = {c: bmb.Prior("Normal", mu=0, sigma=s) for c, s in zip(columns, np.asarray(HOUSE.sd), strict=True)}
    priors |= {"Intercept": bmb.Prior("Normal", mu=0, sigma=1), "sigma": bmb.Prior("HalfStudentT", nu=4, sigma=1)}
    seconds, errors = [], []
    for seed in range(1, fits + 1):
        X, y = rows(seed)
        frame = pd.DataFrame(X, columns=columns).assign(y=y)
        start = time.perf_counter()
        model = bmb.Model("y ~ " + " + ".join(columns), frame, priors=priors)
        trace = model.fit(draws=1000, tune=1000, chains=4, cores=1, random_seed=seed, progressbar=False)
        seconds.append(time.perf_counter() - start)
        mean, sd = exact_mean_sd(X, y)
        errors.append((float(trace.posterior[columns[-1]].mean()) - mean) / sd)
    return 1 / statistics.median(seconds), float(np.sqrt(np.mean(np.square(errors))))


R_LOOP = """
n <- 200; X <- matrix(rnorm(n * 17), n); y <- rnorm(n); made <- data.frame(y, X)
spent <- system.time(for (i in 1:300) summary(lm(y ~ ., made))$coefficients[18, ])
cat(300 / spent[["user.self"]])
"""


def r_lm():
    """Return how many data sets a second R's `lm` analyses, from rows that are there already; NaN without R."""
    if not shutil.which("Rscript"):
        return float("nan")
    return float(subprocess.run(["Rscript", "-e", R_LOOP], text=True, check=True, capture_output=True).stdout)


def vmapped_nuts(fits, warmup=500, draws=1000):
    """NUTS for all data sets side by side, on sufficient statistics: the cheapest sampling there is on a CPU.

    One chain for each data set, its step size and metric adapted by itself; compilation is not timed.
    """
    import blackjax
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    stats = draw(5, 200).take(np.arange(fits))
    sd = np.asarray(HOUSE.sd)

    def log_density(position, n, sxx, sxy, syy, y_mean):
        beta, log_sigma = position["beta"], position["log_sigma"]
        sigma = jnp.exp(log_sigma)
        rss = syy - 2 * sxy @ beta + beta @ sxx @ beta + n * (y_mean - position["intercept"]) ** 2
        likelihood = -n * log_sigma - 0.5 * rss / sigma**2
        prior = -0.5 * jnp.sum((beta / sd) ** 2) - 0.5 * position["intercept"] ** 2
        return likelihood + prior - 2.5 * jnp.log1p(sigma**2 / 4) + log_sigma

    def one(key, *moments):
        def logdensity(position):
            return log_density(position, *moments)

        start = {"beta": jnp.zeros(len(NAMES)), "intercept": jnp.zeros(()), "log_sigma": jnp.zeros(())}
        adapting, sampling = jax.random.split(key)
        (state, parameters), _ = blackjax.window_adaptation(blackjax.nuts, logdensity).run(adapting, start, warmup)
        step = blackjax.nuts(logdensity, **parameters).step

        def move(state, key):
            state, _ = step(key, state)
            return state, state.position["beta"][-1]

        return jax.lax.scan(move, state, jax.random.split(sampling, draws))[1]

    moments = [jnp.asarray(m, float) for m in (stats.n, stats.sxx, stats.sxy, stats.syy, stats.y_mean)]
    sample = jax.jit(jax.vmap(one)).lower(jax.random.split(jax.random.key(1), fits), *moments).compile()
    start = time.process_time()  # of all threads: XLA takes the cores it finds
    focal = np.asarray(sample(jax.random.split(jax.random.key(2), fits), *moments))
    seconds = time.process_time() - start
    exact = posterior(stats, HOUSE).marginal([FOCAL])
    errors = (focal.mean(axis=1) - exact.mean()[:, 0]) / exact.sd()[:, 0]
    return fits / seconds, float(np.sqrt(np.mean(np.square(errors))))


def print_speeds(rounds):
    rates = compare(rounds)
    print(f"\n{'17 slopes, n = 200, one core':42}{'per second':>12}{'to least squares':>18}{'to NumPy':>10}")
    for name, rate in rates.items():
        draws = "rows" if "rows" in name else "moments"
        against = [ratio(rates, name, f"{other}, {draws}") for other in ("least squares", "NumPy")]
        print(f"{name:42}{statistics.median(rate):12,.0f}{against[0]:18.2f}{against[1]:10.1f}")
    return statistics.median(rates["compiled, moments"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--samplers", action="store_true", help="also time NUTS: Bambi, nutpie, blackjax (minutes)")
    parser.add_argument("--against", type=Path, help="another checkout, to compare end to end in the same run")
    arguments = parser.parse_args()
    print_parts(arguments.rounds, arguments.against and arguments.against.resolve())
    rate = print_speeds(arguments.rounds)
    costs = flatness(arguments.rounds)
    print("\nmicroseconds a data set, compiled, moments: " + ", ".join(f"n = {n}: {c:.1f}" for n, c in costs.items()))
    print("two threads over one: best {:.2f}, median {:.2f} (wall clock)".format(*threads(5)))
    print(
        "largest error of the lower limit, in posterior sds: "
        + ", ".join(f"{k} {v:.0e}" for k, v in accuracy().items())
    )
    if not arguments.samplers:
        return
    print(f"R's lm: {(speed := r_lm()):.0f} a second, the compiled engine {rate / speed:,.0f} times that")
    samplers = {"nutpie with_data": lambda: with_data(10), "Bambi refit": lambda: bambi_refits(2)}
    if importlib.util.find_spec("blackjax") is None:
        print("vmapped NUTS: blackjax is not installed (uv run --with blackjax ...), not measured")
    else:
        samplers["vmapped NUTS on sufficient statistics"] = lambda: vmapped_nuts(200)
    for name, measure in samplers.items():
        speed, error = measure()
        print(f"{name}: {speed:.2f} a second, the compiled engine {rate / speed:,.0f} times that;", end=" ")
        print(f"mean off by {error:.3f} posterior sds")


if __name__ == "__main__":
    main()
