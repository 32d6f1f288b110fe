"""Which lines and branches of src no test runs: `uv run python scripts/coverage.py [PYTEST ARGUMENTS]`.

Prints the whole and the modules with the most that is not run, exit code 1 below 95 %. What numba compiles is not seen
from Python and left out (`[tool.coverage]` in pyproject.toml); `scripts/mutate.py` asks about it. Processes that tests
start are not seen either.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ACCEPTED, WORST = 95, 10


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        options = ["--cov=hikibayes", "--cov-branch", f"--cov-report=json:{report}"]
        tests = subprocess.run([sys.executable, "-m", "pytest", "-q", *options, *sys.argv[1:]], check=False).returncode
        found = json.loads(report.read_text())
    missing = {name: _not_run(file["summary"]) for name, file in found["files"].items()}
    print("\n| module | covered, % | lines and branches not run |\n|---|---|---|")
    for name in sorted(missing, key=missing.__getitem__, reverse=True)[:WORST]:
        print(f"| {name} | {found['files'][name]['summary']['percent_covered']:.1f} | {missing[name]} |")
    total = found["totals"]
    print(f"| all | {total['percent_covered']:.2f} | {_not_run(total)} |")
    print(f"\nlines {share(total, 'lines'):.2f} %, branches {share(total, 'branches'):.2f} %; accepted {ACCEPTED} %")
    return int(tests != 0 or total["percent_covered"] < ACCEPTED)


def _not_run(summary: dict[str, int]) -> int:
    return summary["missing_lines"] + summary["missing_branches"]


def share(summary: dict[str, int], what: str) -> float:
    covered, of = ("covered_lines", "num_statements") if what == "lines" else ("covered_branches", "num_branches")
    return 100 * summary[covered] / summary[of]


if __name__ == "__main__":
    sys.exit(main())
