"""Speed of sensitivity analyses: `uv run python benchmarks/bench_robustness.py [data sets]`.

Exchanging a prior is held against fitting again with it, on data sets of the made-up shape of a step-3 regression
(n = 200, 17 columns), in one run: the ratio is what counts, seconds depend on the machine.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hikibayes.inference.gaussian.exact import posterior
from hikibayes.inference.gaussian.normal_priors import HalfStudentT, NormalPriors
from hikibayes.inference.gaussian.reprior import likelihood, refit_normal
from hikibayes.inference.gaussian.sufficient import SufficientStatistics

NAMES = tuple(f"x{j}" for j in range(17))
PRIORS = NormalPriors(
    names=NAMES,
    mean=np.zeros(17),
    sd=np.full(17, 0.5),
    intercept_mean=0.0,
    intercept_sd=1.0,
    sigma=HalfStudentT(nu=4, scale=1.0),
)
NODES = 21
REFITS = 50


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """Return the shortest of several times."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken)


def data_sets(count: int) -> SufficientStatistics:
    """Draw data sets with one small effect."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(count, 200, 17))
    y = 0.2 * X[..., 0] + rng.normal(size=(count, 200))
    return SufficientStatistics.from_rows(X, y, NAMES)


def fit_again(stats: SufficientStatistics, widths: np.ndarray) -> None:
    """Fit once for each prior."""
    for width in widths:
        sd = np.full(17, 0.5)
        sd[0] = width
        posterior(stats, replace(PRIORS, sd=sd), nodes=NODES).marginal(["x0"]).p_positive()


def exchange(stats: SufficientStatistics, widths: np.ndarray) -> None:
    """Fit once, exchange the prior as often as asked; summaries and Bayes factors counted."""
    found = refit_normal(likelihood(posterior(stats, PRIORS, nodes=NODES), "x0"), 0.0, widths)
    found.together().mean(), found.together().sd(), found.together().p_positive(), found.log_bf10.mean()


def main() -> None:
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    widths = np.geomspace(0.01, 2, 10_000)
    one, ensemble = data_sets(1), data_sets(many)
    again = seconds(lambda: fit_again(one, widths[:REFITS])) / REFITS
    exchanged = seconds(lambda: exchange(one, widths)) / len(widths)
    print(f"one data set: 10,000 priors in {exchanged * 1e4:.2f} s, {again / exchanged:,.0f} times as fast as fitting")
    again = seconds(lambda: fit_again(ensemble, widths[:3]), 1) / 3
    exchanged = seconds(lambda: exchange(ensemble, widths[::25]), 1) / 400
    print(f"{many} data sets: a prior in {exchanged * 1e3:.2f} ms, {again / exchanged:,.0f} times as fast as fitting")


if __name__ == "__main__":
    main()
