"""Who, what, when, seed, versions of a run: enough to make it again, kept beside what it made."""

from __future__ import annotations

import hashlib
import os
import platform
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import Field

from .files import FORMAT
from .spec import Number, Spec, Whole

PACKAGES = (
    *("hikibayes", "arviz", "bambi", "formulae", "jax", "numba", "numpy", "nutpie"),
    *("pandas", "pymc", "pytensor", "scipy", "statsmodels", "xarray"),
)


class RunRecord(Spec):
    """The content of ``run.json``.

    Notes
    -----
    ``started``, ``seconds`` and ``machine`` differ from run to run; everything else of two equal runs is equal.
    """

    format: Whole = 0
    """Of the folder, see `FORMAT`."""
    verb: str
    arguments: dict[str, Any]
    """What the verb was called with, defaults filled in; names of inputs as they were given."""
    seed: Whole | None
    inputs: dict[str, str]
    """SHA-256 of every input by name: digest of the resolved spec, or of a data file's bytes."""
    outputs: dict[str, str] = Field(default_factory=dict)
    """SHA-256 of every file beside the record, by name."""
    versions: dict[str, str]
    started: str
    seconds: Number
    machine: dict[str, str]


class Stopwatch:
    """Starts when made; turns what a verb did into a `RunRecord`."""

    def __init__(self) -> None:
        self._started, self._clock = datetime.now(UTC), time.perf_counter()

    def record(
        self, verb: str, arguments: Mapping[str, Any], *, seed: int | None, inputs: Mapping[str, str]
    ) -> RunRecord:
        """Return the record of a run that ends now."""
        return RunRecord(
            format=FORMAT,
            verb=verb,
            arguments=dict(arguments),
            seed=seed,
            inputs=dict(inputs),
            versions=versions(),
            started=self._started.isoformat(timespec="seconds"),
            seconds=round(time.perf_counter() - self._clock, 3),
            machine={"system": platform.system(), "type": platform.machine(), "cores": str(os.cpu_count())},
        )


def versions() -> dict[str, str]:
    """Return the versions of Python and of every package that results depend on, without importing them."""
    found = {name: _version(name) for name in PACKAGES}
    return {"python": platform.python_version(), **{name: text for name, text in found.items() if text}}


@cache
def _version(package: str) -> str:
    """Version of a package, read from its metadata once (a run of many cells asks often); empty where it is absent."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
