"""Do the tests notice a wrong line? `uv run --group mutation python scripts/mutate.py --count 60`.

Mutants (one operator, number or branch of the core changed by cosmic-ray) are drawn at random, as many of each room in
turn, and the tests that touch the room run against each, in a copy of the checkout. Results are kept as they come:
the same command goes on where it stopped. A mutant is killed by a test that fails, or by one that does not end. What
differs in annotations alone, under `TYPE_CHECKING`, or in a cache is no mutant, and neither is a bit operator between
floats: any test that passes by notices it.
"""

import argparse
import ast
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from itertools import chain, islice, zip_longest
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import apply_mutation, mutate_and_test
from cosmic_ray.plugins import get_operator, operator_names
from cosmic_ray.testing import run_tests
from cosmic_ray.work_item import MutationSpec, TestOutcome
from statsmodels.stats.proportion import proportion_confint

ROOMS = {
    "quantities": {"quantities/*.py": "quantities reconstruction/test_verify_kinds.py"},
    "gaussian": {
        "inference/gaussian/*.py": "inference/test_blocks.py inference/test_summaries.py "
        "inference/test_least_squares.py inference/test_exact_reprior.py inference/test_exact.py "
        "inference/test_philox.py inference/test_exact_bambi.py",
    },
    "planning": {
        "planning/designs/rules.py": "planning/test_rules.py planning/test_joint_rules.py planning/test_diagnose.py "
        "planning/test_looks.py",
        "planning/results/*.py": "planning/test_diagnose.py planning/test_preregistration.py planning/test_solve.py "
        "planning/test_looks.py",
    },
    "robustness": {
        "robustness/[ctw]*.py": "robustness/test_tipping.py robustness/test_case.py robustness/test_confounding.py "
        "robustness/test_imbalance.py robustness/test_assumptions.py",
        "robustness/confounding/[eo]*.py": "robustness/test_omitted.py robustness/test_confounding.py",
        "robustness/priors/*.py": "robustness/test_priors.py robustness/test_priors_verb.py",
        "robustness/imbalance/*.py": "robustness/test_imbalance.py",
        "robustness/limitations/[er]*.py": "robustness/test_limitations.py",
    },
}
"""By room: sources below src/hikibayes, and the tests that touch them, the most telling first."""
CHECKOUT = Path(__file__).parents[1]
BITS = {"BitAnd", "BitOr", "BitXor", "LShift", "RShift"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=240, help="processor seconds for the tests of a mutant")
    parser.add_argument("--out", type=Path, default=CHECKOUT / "build" / "mutants.jsonl")
    parser.add_argument("--stop-after", type=float, default=float("inf"), help="processor seconds; go on later")
    parser.add_argument("--show", action="store_true", help="only what is known by now")
    arguments = parser.parse_args()
    found = _known(arguments.out)
    if not arguments.show:
        with tempfile.TemporaryDirectory() as folder:
            _copy(Path(folder))
            os.chdir(folder)
            drawn = islice(_drawn(arguments.seed), arguments.count)
            for room, spec in list(drawn):
                if str(key := _key(room, spec)) not in found and _spent() < arguments.stop_after:
                    found[str(key)] = key | _tried(room, spec, arguments.seconds)
                    _keep(arguments.out, found)
    _show(list(found.values()))


def _copy(folder: Path) -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    for name in listed.splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, folder / name)


def _drawn(seed: int) -> Iterator[tuple[str, MutationSpec]]:
    """Yield mutants at random, one of each room in turn: the first so many of them are a sample, too."""
    yield from (each for each in chain.from_iterable(zip_longest(*(_of(room, seed) for room in ROOMS))) if each)


def _of(room: str, seed: int) -> Iterator[tuple[str, MutationSpec]]:
    paths = sorted(path for source in ROOMS[room] for path in Path("src/hikibayes").glob(source))
    names = [name for name in operator_names() if not _is_trivial(name) and not get_operator(name).arguments()]
    specs = [
        MutationSpec(path, name, i, start, end)
        for path in paths
        for nodes in [list(ast_nodes(get_ast_from_path(path)))]
        for name in names
        for i, (start, end) in enumerate(pos for node in nodes for pos in get_operator(name)().mutation_positions(node))
    ]
    specs.sort(key=lambda spec: (str(spec.module_path), spec.operator_name, spec.occurrence))
    random.Random(f"{seed} {room}").shuffle(specs)
    yield from ((room, spec) for spec in specs if _is_run(spec))


def _is_run(spec: MutationSpec) -> bool:
    path = Path(spec.module_path)
    line = path.read_text().splitlines()[spec.start_pos[0] - 1].strip()
    if line.startswith(("@", "type ")) or "if TYPE_CHECKING" in line:
        return False
    if "BitOr" not in spec.operator_name:
        return True
    before, after = apply_mutation(path, get_operator(spec.operator_name)(), spec.occurrence)
    path.write_text(before)
    return _without_annotations(before) != _without_annotations(after)


def _is_trivial(operator: str) -> bool:
    """Tell whether it makes bits of numbers, numbers of masks, or a truth value of a number's sign."""
    names = operator.split("_")
    mixed = "BinaryOperator" in operator and len(BITS.intersection(names[1:])) == 1
    return mixed or "RemoveDecorator" in operator or operator.endswith(("Sub_Not", "_Invert", "LShift", "RShift"))


def _without_annotations(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        for field in ("annotation", "returns"):
            if hasattr(node, field):
                setattr(node, field, None)
    return ast.dump(tree)


def _key(room: str, spec: MutationSpec) -> dict[str, object]:
    name = spec.operator_name.removeprefix("core/")
    return {
        "room": room,
        "module": str(spec.module_path),
        "line": spec.start_pos[0],
        "operator": name,
        "n": spec.occurrence,
    }


def _tried(room: str, spec: MutationSpec, seconds: int) -> dict[str, object]:
    path = Path(spec.module_path).relative_to("src/hikibayes")
    command = _command(next(tests for source, tests in ROOMS[room].items() if path.match(source)), seconds)
    if not _passes(command):
        sys.exit(f"without a mutant these tests fail, or take more than {seconds} processor seconds: {command}")
    before = _spent()
    result = mutate_and_test([spec], command, None)
    changed = [line for line in result.diff.splitlines() if line[:1] in "+-" and line[:3] not in ("---", "+++")]
    by = [line.split(" - ")[0] for line in (result.output or "").splitlines() if line.startswith(("FAILED", "ERROR"))]
    outcome = "survived" if result.test_outcome == TestOutcome.SURVIVED else "killed"
    return {"outcome": outcome, "by": by[:1], "seconds": round(_spent() - before), "diff": changed}


@cache
def _passes(command: str) -> bool:
    return run_tests(command, None)[0] == TestOutcome.SURVIVED


def _command(tests: str, seconds: int) -> str:
    files = " ".join(f"tests/{name}" for name in tests.split())
    options = "-n 0 -x -q -p no:cacheprovider --hypothesis-profile mutation"
    run = f"ulimit -t {seconds}; PYTHONPATH=src exec {sys.executable} -m pytest {options} {files}"
    return f"bash -c '{run}'"


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _known(path: Path) -> dict[str, dict]:
    if not path.is_file():
        return {}
    names = ("room", "module", "line", "operator", "n")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return {str({name: row[name] for name in names}): row for row in rows}


def _keep(path: Path, found: dict[str, dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in found.values()))


def _show(found: list[dict]) -> None:
    for row in (row for row in found if row["outcome"] == "survived"):
        print(f"survived: {row['module']}:{row['line']} ({row['operator']})", *row["diff"], sep="\n    ")
    print("| room | mutants | killed | share | 95 % |\n|---|---|---|---|---|")
    for room in [*ROOMS, "all"]:
        rows = [row for row in found if room in (row["room"], "all")]
        killed = sum(row["outcome"] == "killed" for row in rows)
        if rows:
            low, high = proportion_confint(killed, len(rows), method="wilson")
            print(f"| {room} | {len(rows)} | {killed} | {killed / len(rows):.2f} | {low:.2f}–{high:.2f} |")


if __name__ == "__main__":
    main()
