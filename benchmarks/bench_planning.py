"""How fast studies are simulated: the default plan, a million of one cell, ten looks, and where the time goes.

    uv run python benchmarks/bench_planning.py [--workers 2]

Times are wall clock of this machine, in fresh processes with warm caches (each is run once before it is timed).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

DEFAULT = "from hikibayes.planning.power import power; power('followup', workers={workers})"

ONE_CELL = """
from hikibayes.planning.designs.simulation import load_simulation
from hikibayes.planning.power import power
plan = load_simulation('followup')
axes = plan.axes.replace(n_per_group=(100,), allocation=('1:1',), mix=('as_printed',), prior=('weakly_informative',))
plan = plan.replace(worlds=plan.worlds.replace(source=('posterior',)), axes=axes)
power(plan, replicates={replicates}, workers={workers})
"""


def seconds(code: str) -> float:
    """Run a piece of code in a process of its own, start-up included."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def parts(size: int = 2_000, rounds: int = 20) -> dict[str, float]:
    """Return microseconds of one core for each replicate: worlds, samples, posterior summaries."""
    from hikibayes.inference.gaussian.philox import Stream
    from hikibayes.inference.gaussian.summaries import summaries
    from hikibayes.planning.designs.simulation import load_simulation
    from hikibayes.planning.populations.samples import draw_statistics
    from hikibayes.planning.run.plan import prepare

    plan = prepare(load_simulation("followup"))
    sample = next(sample for sample in plan.simulation.samples() if sample.n_per_group == 100)
    analysis = plan.analyses[0]
    population = plan.population(sample, 0)
    counts, alike = plan.counts(sample, population.worlds, plan.rng(0, 0, "data")), plan.alike(population.worlds)

    def draw():
        return draw_statistics(population.roots, counts, Stream.of(1), analysis.columns, alike=alike)

    statistics = draw()
    work = {
        "worlds": lambda: plan.sources[sample.worlds](plan.rng(0, 0, "worlds"), size),
        "samples": draw,
        "summaries": lambda: summaries(statistics, analysis.priors, analysis.weights),
    }
    found = {}
    for name, step in work.items():
        step()
        start = time.thread_time()
        for _ in range(rounds):
            step()
        found[name] = 1e6 * (time.thread_time() - start) / rounds / size
    return found


def ten_looks(formula: str, replicates: int = 20_000) -> float:
    """Return studies a second of one core, each looked at ten times until it concludes that its d of .3 is above 0."""
    from hikibayes.planning.designs.resolved import resolved
    from hikibayes.planning.designs.simulation import Simulation
    from hikibayes.planning.run.plan import prepare
    from hikibayes.planning.run.simulate import simulate

    content = {
        "description": "ten looks",
        "population": {"effect": 0.3, "formula": formula, "of": "group"},
        "axes": {"n_per_group": [100]},
        "looks": {"at": [look / 10 for look in range(1, 11)]},
        "decision": [{"name": "better", "rule": {"p_positive_above": "calibrated"}}],
        "run": {"replicates": replicates},
    }
    made = resolved(Simulation.model_validate(content))
    plan = prepare(made.simulation, study=made.study, models=made.models)
    samples = list(plan.simulation.samples())[:1]
    simulate(plan, samples)
    start = time.process_time()
    simulate(plan, samples)
    return replicates / (time.process_time() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    workers = parser.parse_args().workers
    for name, value in parts().items():
        print(f"{name:10} {value:7.2f} us a replicate")
    for formula in ("y ~ group", "y ~ group + x + z"):
        print(f"ten looks, {formula:18} {ten_looks(formula):9,.0f} studies a second")
    seconds(ONE_CELL.format(workers=workers, replicates=2_000))
    print(f"default plan, {workers} workers        {seconds(DEFAULT.format(workers=workers)):6.1f} s")
    million = seconds(ONE_CELL.format(workers=workers, replicates=1_000_000))
    print(f"1e6 replicates of one cell        {million:6.1f} s")


if __name__ == "__main__":
    main()
