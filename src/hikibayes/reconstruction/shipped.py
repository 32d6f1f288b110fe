"""Reconstructions as files: written aside and renamed, small enough to be shipped with a study."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..arrays import FloatArray
from ..auditing.likeliest import likeliest
from ..files import netcdf_bytes, read_dataset, write_whole
from ..folders import finish
from ..provenance import versions
from ..spec import InputError
from ..study.study import Study
from .meanings import under
from .posterior.problem import Problem
from .reconstructions import complete

KEPT_BITS = 15
"""Bits kept of a float's 23 after the point: a relative error of 2e-5, far below any printed digit."""


class NoneShippedError(InputError):
    """No reconstructions come with a study; that those which do are damaged is another matter."""


def fingerprint(problem: Problem) -> str:
    """Return the SHA-256 of all that a calibration depends on; prose may change without changing it."""
    found = hashlib.sha256(problem.said.encode())
    for value in problem.data._replace(welch=np.zeros(0)):
        found.update(np.round(np.asarray(value, dtype=float), 9).tobytes())
    return found.hexdigest()


def stored_reconstructions(study: Study, *, seed: int) -> Path:
    """Return where reconstructions of a study are kept on this machine once they have been drawn."""
    from .posterior.traced import cache_folder

    key = f"{fingerprint(Problem.of(study))}-{versions()['hikibayes']}-{seed}"
    return cache_folder() / "reconstructions" / f"{study.id}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.nc"


def meant(study: Study, reconstructions: xr.Dataset) -> Study:
    """Return a study with readings decided, under the conventions by which its reconstructions were made."""
    decided = study.read() if study.readings else study
    return likeliest(under(decided, json.loads(reconstructions.attrs.get("conventions", "{}"))))[0]


def shipped_name(study: Study, choice: Mapping[str, str]) -> str:
    """Return the file name of the reconstructions of a study under a choice of readings, the others by default."""
    chosen = "".join(f".{name}-{option}" for name, option in choice.items())
    return f"{study.id}{chosen}.reconstructions.nc"


def shipped_reconstructions(study: Study) -> xr.Dataset:
    """Load the reconstructions that come with a study.

    Parameters
    ----------
    study : Study
        Readings that are still open are decided by their defaults.

    Returns
    -------
    xarray.Dataset
        As `hikibayes.reconstruction.reconstructions.complete` describes it.

    Raises
    ------
    NoneShippedError
        None are shipped for this study, this reading of it, or these facts.
    InputError
        They are damaged.
    """
    decided = study.read() if study.readings else study
    problem = Problem.of(decided)
    wanted = fingerprint(problem)
    folder = Path(str(files("hikibayes.study") / "studies"))
    found = sorted(folder.glob(f"{study.id}*.reconstructions.nc"))
    for path in found:
        stored = read_dataset(path)
        if stored.attrs.get("fingerprint") == wanted:
            return _unpacked(stored, problem)
    why = "its facts, assumptions or readings differ from those of the shipped ones" if found else "it has none"
    raise NoneShippedError(
        f"there are no shipped reconstructions of study {study.id!r}: {why}; run `hikibayes calibrate`"
    )


def reconstructions_file(reconstructions: xr.Dataset) -> bytes:
    """Return reconstructions as the bytes of a netCDF file.

    What follows from the moments (coefficients, R2) is left out and computed anew by `read_reconstructions`.
    """
    packed = _packed(reconstructions)
    encoding = {
        str(name): {"dtype": "float32", "zlib": True, "complevel": 9, "shuffle": True}
        for name, values in packed.data_vars.items()
        if values.dtype.kind == "f"
    }
    return netcdf_bytes(packed, encoding)


def write_reconstructions(reconstructions: xr.Dataset, path: Path) -> Path:
    """Write reconstructions to a file, all of it or nothing, and return its path; raises `InputError`."""
    write_whole(path, reconstructions_file(reconstructions))
    return path


def read_reconstructions(path: Path, study: Study) -> xr.Dataset:
    """Read what `write_reconstructions` wrote.

    Raises
    ------
    InputError
        There is no such file, it cannot be read, or it was made from other facts than the study's.
    """
    if not path.is_file():
        raise InputError("there is no such file; `hikibayes calibrate` writes one", source=path)
    finish(path.parent)
    loaded = read_dataset(path)
    problem = Problem.of(meant(study, loaded))
    if loaded.attrs.get("fingerprint") != fingerprint(problem):
        raise InputError(
            f"was made from other facts or readings than those of study {study.id!r}, or by an earlier version",
            source=path,
        )
    return _unpacked(loaded, problem)


def _packed(reconstructions: xr.Dataset) -> xr.Dataset:
    """Keep one of each pair of equal covariances, and the digits that matter."""
    rows, columns = np.tril_indices(reconstructions.sizes["measure"])
    cov = reconstructions["cov"].transpose("draw", "group", "measure", "measure_2").values
    kept = reconstructions[["n", "mean", "location", "scale"]].assign(
        cov=(("draw", "group", "pair"), cov[..., rows, columns])
    )
    return kept.map(lambda values: values.copy(data=_rounded(values.values)) if values.dtype.kind == "f" else values)


def _rounded(values: FloatArray) -> NDArray[np.float32]:
    """Round the binary digits, so that the rest compresses."""
    bits = values.astype(np.float32).view(np.uint32)
    drop = 23 - KEPT_BITS
    half = np.uint32(1 << (drop - 1))
    mask = np.uint32(0xFFFFFFFF ^ ((1 << drop) - 1))
    rounded = ((bits + half) & mask).view(np.float32)
    return np.where(np.isfinite(values), rounded, np.float32(np.nan))


def _unpacked(stored: xr.Dataset, problem: Problem) -> xr.Dataset:
    m = stored.sizes["measure"]
    rows, columns = np.tril_indices(m)
    cov = np.empty((stored.sizes["draw"], stored.sizes["group"], m, m))
    cov[..., rows, columns] = stored["cov"].values
    cov[..., columns, rows] = stored["cov"].values
    names = stored["measure"].values
    moments = stored.drop_vars("cov").assign(cov=(("draw", "group", "measure", "measure_2"), cov))
    moments = moments.assign_coords(measure_2=("measure_2", names))
    for name in ("mean", "location", "scale"):
        moments[name] = moments[name].astype(float)
    return complete(problem.study, moments)
