"""Does the package work with what is newest today? `uv run python scripts/check_newest.py [--python 3.12 3.13 3.14]`.

To be run weekly, say. In a copy of the last commit the date up to which packages are considered (`exclude-newer`) is
taken out, everything is resolved and installed anew for each Python that uv finds or can fetch, and the tests are run.
Prints a table, and the packages that differ from those of the pinned date; exit code 1 where something fails.
"""

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", nargs="+", default=["3.12", "3.13", "3.14"], help="versions")
    parser.add_argument("--tests", default="", help="pytest's arguments; without them the default suite")
    arguments = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "checkout"
        subprocess.run(["git", "worktree", "add", "--detach", copy], cwd=CHECKOUT, capture_output=True, check=True)
        try:
            pinned = _packages(copy, arguments.python[0])[1]
            pyproject = copy / "pyproject.toml"
            pyproject.write_text(re.sub(r"^exclude-newer = .*$", "", pyproject.read_text(), flags=re.MULTILINE))
            for version in arguments.python:
                found[version] = _tried(copy, version, shlex.split(arguments.tests))
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", copy], cwd=CHECKOUT, check=False)
    print("| Python | outcome | seconds |\n|---|---|---|")
    for version, (outcome, seconds, _) in found.items():
        print(f"| {version} | {outcome} | {seconds:.0f} |")
    for name in sorted({name for *_, newest in found.values() for name in newest}):
        versions = {newest[name] for *_, newest in found.values() if name in newest} - {pinned.get(name)}
        if versions:
            print(f"{name}: {pinned.get(name, 'not there')} -> {', '.join(sorted(versions))}")
    return int(any(" passed" not in outcome or "failed" in outcome for outcome, *_ in found.values()))


def _tried(copy: Path, version: str, tests: list[str]) -> tuple[str, float, dict[str, str]]:
    """Return pytest's last line, or why it did not come to that; how long it took; and the packages by version."""
    began = time.monotonic()
    why, newest = _packages(copy, version)
    if not why:
        done = _uv(copy, "run", "--no-sync", "pytest", "-q", *tests)
        why = (done.stdout.strip() or done.stderr.strip()).splitlines()[-1].strip("= ")
    return why, time.monotonic() - began, newest


def _packages(copy: Path, version: str) -> tuple[str, dict[str, str]]:
    """Resolve and install anew; return what went wrong, if anything, and the packages by version."""
    done = _uv(copy, "sync", "--upgrade", "--python", version)
    if done.returncode:
        return f"not installed: {done.stderr.strip().splitlines()[-1]}", {}
    listed = _uv(copy, "pip", "list", "--format", "json").stdout
    return "", {each["name"]: each["version"] for each in json.loads(listed)}


def _uv(copy: Path, *words: str) -> subprocess.CompletedProcess[str]:
    around = {key: value for key, value in os.environ.items() if key not in {"UV_NO_SYNC", "VIRTUAL_ENV"}}
    return subprocess.run(["uv", *words], cwd=copy, env=around, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main())
