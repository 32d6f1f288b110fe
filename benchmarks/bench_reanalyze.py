"""Time of the main job by stage: `uv run python benchmarks/bench_reanalyze.py [--fast]`.

Wall and processor seconds of each stage, imports counted, and peak memory. Run it twice: the first run on a machine
also compiles. Targets on two idle cores: about 60 s warm, 15 s with --fast, at most 240 s with empty caches, 3 GB.
"""

import argparse
import resource
import time

from hikibayes.provenance import Stopwatch
from hikibayes.reanalysis import reanalysis_files, reanalyze
from hikibayes.reporting.html import with_report
from hikibayes.study.study_file import load_study


class Stages:
    """Prints how long each stage took when the next one begins."""

    def __init__(self) -> None:
        self.name, self.wall, self.cpu = "imports", time.perf_counter(), 0.0

    def begin(self, name: str) -> None:
        """End the stage that runs, and begin the next."""
        wall, cpu = time.perf_counter(), time.process_time()
        print(f"{wall - self.wall:7.1f} s wall {cpu - self.cpu:7.1f} s cpu   {self.name}", flush=True)
        self.name, self.wall, self.cpu = name, wall, cpu


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--fast", action="store_true")
    fast = options.parse_args().fast
    stages, start = Stages(), time.perf_counter()
    found = reanalyze(load_study("nonaka2021"), seed=20210525, fast=fast, progress=stages.begin)
    stages.begin("report")
    record = Stopwatch().record("reanalyze", {"study": "nonaka2021"}, seed=20210525, inputs={})
    with_report(reanalysis_files(found), record)
    stages.begin("")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{time.perf_counter() - start:7.1f} s in all, {memory:.2f} GB at most")


if __name__ == "__main__":
    main()
