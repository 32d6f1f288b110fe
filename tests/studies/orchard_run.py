"""A small reanalysis of the made-up orchard study, made once for all tests that look at one.

The data sets are nine samples of the same population instead of reconstructions: what a reanalysis does with data sets
does not depend on where they come from. NUTS is played by independent draws from the exact posterior.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
import pandas as pd
import xarray as xr
from tests.inference.trees import to_datatree
from tests.studies import orchard

from hikibayes.inference.answers.ensemble import moments_of
from hikibayes.inference.models.compile import exact_posterior
from hikibayes.inference.models.design import Design
from hikibayes.provenance import RunRecord, Stopwatch
from hikibayes.reanalysis import Reanalysis, reanalysis_files, reanalyze
from hikibayes.reanalysis.sources import Reconstructed
from hikibayes.study.study import Study
from hikibayes.study.study_file import load_study

SEED = 7
DATASETS = 9
ARGUMENTS = {"study": str(orchard.FILE), "readings": {}, "datasets": DATASETS, "nuts_datasets": 2, "fast": False}


@cache
def study() -> Study:
    """The orchard study, its reading open."""
    return load_study(orchard.FILE)


@cache
def data_sets(count: int = DATASETS, seed: int = 3) -> tuple[pd.DataFrame, ...]:
    """Workers without their items."""
    known = {measure.id for measure in study().measures}
    rng = np.random.default_rng(seed)
    tables = (orchard.participants(rng) for _ in range(count))
    return tuple(table[[name for name in table if name in known]] for table in tables)


@cache
def reconstructed() -> Reconstructed:
    """Data sets, and moments of others for the second reading."""
    read = study().read()
    facts = [fact.id for fact in read.facts]
    return Reconstructed(
        data_sets=data_sets(),
        moments={"default": moments_of(read, data_sets()), "wage_test=student": moments_of(read, data_sets(9, 4))},
        draws=moments_of(read, data_sets()),
        calibration=pd.DataFrame({"quantity": ["mean"], "mean": [0.1], "sd": [0.01]}),
        verification=pd.DataFrame({"dataset": 1, "fact": facts, "printed": "", "recomputed": 0.0, "matches": True}),
    )


def sampler(designs: Sequence[Design], seed: int, *, bias: float = 0.0) -> Iterator[xr.DataTree]:
    """Independent draws from the exact posterior, shifted by ``bias``, in the form that NUTS has."""
    for i, laid_out in enumerate(designs):
        rng = np.random.default_rng([seed, i])
        tree = to_datatree(exact_posterior(laid_out), rng, draws=500)
        shifted = tree["posterior"].to_dataset() + bias
        stats = {
            "diverging": (("chain", "draw"), np.zeros((4, 500), dtype=bool)),
            "energy": (("chain", "draw"), rng.standard_normal((4, 500))),
        }
        yield xr.DataTree.from_dict({"posterior": shifted, "sample_stats": xr.Dataset(stats)})


@cache
def result() -> Reanalysis:
    """The reanalysis."""
    return reanalyze(
        study(), seed=SEED, datasets=DATASETS, nuts_datasets=2, reconstructed=reconstructed(), sampler=sampler
    )


@cache
def record() -> RunRecord:
    """Its record."""
    return Stopwatch().record("reanalyze", ARGUMENTS, seed=SEED, inputs={})


@cache
def files() -> dict[str, pd.DataFrame | str]:
    """Its files."""
    return reanalysis_files(result())
