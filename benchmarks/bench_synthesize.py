"""Time of a synthetic data set by stage: `uv run python benchmarks/bench_synthesize.py [-n 200] [--seeds 1 2 3]`.

Data sets of the shipped study with items, each accepted only when statsmodels and SciPy print every fact of it. Times
are processor seconds after one data set of warm-up (compilation, imports). A busy machine slows everything, so that a
yardstick is timed between the data sets: one OLS fit of the study's last step by statsmodels.
"""

import argparse
import statistics
import time

import numpy as np
import pandas as pd
from statsmodels.regression.linear_model import OLS

from hikibayes.reconstruction.synthesize import Synthesizer, SyntheticData, gather
from hikibayes.study.study_file import load_study

STAGES = ("targets", "search", "independent", "items", "verify")
LIMIT = 0.2


def yardstick(rng: np.random.Generator, n: int, terms: int) -> float:
    X, y = np.column_stack([np.ones(n), rng.normal(size=(n, terms))]), rng.normal(size=n)
    start = time.process_time()
    _ = OLS(y, X).fit().pvalues
    return time.process_time() - start


def made(maker: Synthesizer, seed: int, count: int, fits: list[float]) -> list[SyntheticData]:
    rng = np.random.default_rng(0)
    terms = max(len(maker.study.terms(step.id)) for step in maker.study.steps)
    found = []
    for number in range(1, count + 1):
        found.append(maker.make(number, seed))
        fits.append(yardstick(rng, sum(maker.study.sizes.values()), terms))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=200, help="data sets per seed")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    arguments = parser.parse_args()
    study = load_study("nonaka2021")
    maker = Synthesizer.of(study, items=True)
    maker.make(1, seed=0)
    fits: list[float] = []
    logs = []
    for seed in arguments.seeds:
        result = gather(made(maker, seed, arguments.n, fits))
        facts = result.verification["fact"].nunique()
        printed = int(result.verification.groupby("dataset")["matches"].all().sum())
        first = (result.log["restarts"] == 0).mean()
        five = (result.log["restarts"] <= 5).mean()
        print(
            f"seed {seed}: {printed} of {arguments.n} data sets print all {facts} facts; "
            f"{first:.1%} first try, {five:.1%} within five restarts, most restarts {result.log['restarts'].max()}"
        )
        logs.append(result.log)
    log = pd.concat(logs)
    total = log[list(STAGES)].sum(axis=1)
    fit = statistics.median(fits)
    print(f"\n{'stage':<12}{'mean ms':>9}{'share':>8}{'OLS fits':>10}")
    for stage in STAGES:
        mean = log[stage].mean()
        print(f"{stage:<12}{1000 * mean:>9.1f}{mean / total.mean():>8.0%}{mean / fit:>10.0f}")
    quantiles = ", ".join(f"{1000 * total.quantile(q):.0f}" for q in (0.5, 0.95, 1.0))
    print(f"{'all':<12}{1000 * total.mean():>9.1f}{1:>8.0%}{total.mean() / fit:>10.0f}")
    print(f"\nmedian, 95 %, longest: {quantiles} ms; limit {1000 * LIMIT:.0f} ms; one OLS fit {1000 * fit:.2f} ms")


if __name__ == "__main__":
    main()
