"""A folder of fits that were made already, found again by what they are fits of."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...files import netcdf_bytes, read_tree, write_whole
from ...provenance import versions
from ...spec import InputError, digest
from ..models.design import Design
from .settings import Sampling

if TYPE_CHECKING:
    import xarray as xr

WITHOUT_EFFECT = ("cores", "progress")
"""What of a sampling does not change the draws."""


def fit_key(design: Design, variant: str, sampling: Sampling, seed: int) -> str:
    """Return the SHA-256 of all that a posterior's draws depend on.

    Parameters
    ----------
    design : Design
        Model, study and scaled participants.
    variant : str
        Which priors.
    sampling : Sampling
        Number of draws and the like.
    seed : int
        Of the draws.

    Returns
    -------
    str
        Of model, study, participants, levels, scaling, variant, sampling, seed and every involved package's version.
    """
    scaling = {name: [design.scaling.location[name][0], scale[0]] for name, scale in design.scaling.scale.items()}
    content = {
        "model": digest(design.model),
        "study": digest(design.study),
        "participants": hashlib.sha256(design.frame.to_csv(index=False).encode()).hexdigest(),
        "levels": design.levels,
        "scaling": scaling if design.standardised else {},
        "variant": variant,
        "sampling": {name: value for name, value in asdict(sampling).items() if name not in WITHOUT_EFFECT},
        "seed": seed,
        "versions": versions(),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class Store:
    """Posteriors as netCDF files in ArviZ's schema, named by their keys.

    Parameters
    ----------
    folder : str or Path
        Made when the first fit is put into it. It can be deleted at any time; what is missing is fitted again.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def get(self, key: str) -> xr.DataTree | None:
        """Return a posterior, or None where there is none or its file is damaged."""
        try:
            return read_tree(self._path(key))
        except InputError:
            return None

    def put(self, key: str, tree: xr.DataTree) -> None:
        """Keep a posterior; other processes see the whole file or none. Raises `InputError` like `write_whole`."""
        write_whole(self._path(key), netcdf_bytes(_plain(tree)))

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.nc"


def _plain(tree: xr.DataTree) -> Any:
    """Leave out the statistics of the sampler that netCDF has no type for."""
    import xarray as xr

    groups = {name: group.to_dataset() for name, group in tree.children.items()}
    kept = {
        name: group.drop_vars([v for v in group.data_vars if group[v].dtype == object])
        for name, group in groups.items()
    }
    return xr.DataTree.from_dict(kept)
