"""The table of replicates: every simulated study's posterior, by cell and estimand, with what made it.

The file holds its own design, so that it stays diagnosable by itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...arrays import BoolArray
from ...files import FORMAT, known_format
from ...inference.models.specs import DEFAULT_VARIANT
from ...shown import Shown
from ...spec import InputError, validated
from ..designs.axes import DropOut
from ..designs.cells import Cell, Sample
from ..designs.original import ORIGINAL
from ..designs.rules import Decision
from ..designs.simulation import Simulation

FEATURES = ("world", "truth", "mean", "sd", "lower", "upper", "p_positive", "p_rope", "log_bf10")
"""What is kept of a replicate; some of the last seven are NaN where the fit failed."""
LOOK = "look"
"""Of studies that are looked at while they run: the look at which they ended, from 1; one more feature, the last."""
CONCLUDED = "concluded"
"""Where something else than the rule concludes before the last look: 1 if the study has; then this is the last."""
INDEX = {name: i for i, name in enumerate(FEATURES)}

METADATA = b"hikibayes"

MOST_IN_MEMORY = 500_000_000
"""Numbers of a table that are held in memory; of a larger one a cell at a time."""

type Block = NDArray[np.float32]


def features_of(simulation: Simulation) -> tuple[str, ...]:
    """Return what is kept of a replicate of a simulation, in order."""
    if simulation.looks is None:
        return FEATURES
    return (*FEATURES, LOOK, CONCLUDED) if simulation.looks.success else (*FEATURES, LOOK)


class Blocks(Sequence[Block]):
    """The replicates of many cells, each read when it is asked for; the last one stays.

    Parameters
    ----------
    readers : sequence of function
        Each returns one cell's block, (k, F, R).
    """

    def __init__(self, readers: Sequence[Callable[[], Block]]) -> None:
        self.readers = tuple(readers)
        self._last: tuple[int, Block] | None = None

    @classmethod
    def of(cls, values: Sequence[Block] | Block) -> Blocks:
        """Hold blocks that are in memory."""
        return cls([partial(values.__getitem__, i) for i in range(len(values))])

    def __len__(self) -> int:
        """Return the number of cells."""
        return len(self.readers)

    def __getitem__(self, index: Any) -> Any:
        """Return the block of one cell."""
        if self._last is None or self._last[0] != index:
            self._last = index, self.readers[index]()
        return self._last[1]


def formula_of(model: str) -> str:
    """Name the words that are a model's formula."""
    return f"{model}: formula"


def prior_of(model: str, variant: str) -> str:
    """Name the words that are the priors of what is decided about, in one analysis."""
    return f"{model}, {variant}: prior"


@dataclass(frozen=True, kw_only=True, repr=False)
class Replicates(Shown):
    """Simulated studies.

    Parameters
    ----------
    simulation : Simulation
        What was asked for.
    cells : sequence of Cell, length N
        The grid, and what was added where a target is crossed.
    estimands : tuple of str, length k
        The estimands that decisions name.
    blocks : Blocks, length N
        Features of R replicates of each cell, float32 of shape (k, F, R); in memory, or read when asked for.
    count : int
        R.
    verdict : str
        What the sampler said of the reconstructions that the worlds were made of; empty where there are none.
    confirmed : mapping of str to float
        Share of R further studies that count, under the first decision and analysis, by the digest of their sample: of
        the sizes and effects that these replicates say are enough, in studies that had no part in finding them.
    words : mapping of str to str
        What a sentence calls each estimand, labels as they were written; formulas and priors of the analyses (see
        `formula_of` and `prior_of`); of whom the sizes are (see `hikibayes.planning.run.whom`).
    """

    simulation: Simulation
    cells: Sequence[Cell]
    estimands: tuple[str, ...]
    blocks: Blocks
    count: int
    verdict: str = ""
    confirmed: Mapping[str, float] = MappingProxyType({})
    words: Mapping[str, str] = MappingProxyType({})

    def named(self, estimand: str) -> str:
        """Return an estimand as a sentence has it; tables of an earlier version know its name alone."""
        return self.words.get(estimand, estimand.replace("_", " "))

    @property
    def values(self) -> Block:
        """All blocks at once, (N, k, F, R), as many as there are."""
        return np.stack(list(self.blocks))

    def columns(self, cell: int, estimand: str) -> dict[str, NDArray[np.float32]]:
        """Return the features of one cell and estimand by name, each of shape (R,).

        Under the prior that an original leaves there is ``log_right`` too, where a rule asks for it: the log of how
        many times likelier the data are than under the prior before the original.
        """
        block = self.blocks[cell][self.estimands.index(estimand)]
        found = dict(zip(features_of(self.simulation), block, strict=True))
        rules = [rule for decision in self.simulation.decisions for rule in decision.rules]
        if self.cells[cell].prior == ORIGINAL and any(rule.weighs_original for rule in rules):
            before = self.cells.index(replace(self.cells[cell], prior=DEFAULT_VARIANT))
            vague = self.blocks[before][self.estimands.index(estimand), INDEX["log_bf10"]]
            found["log_right"] = found["log_bf10"] - vague
        return found

    def decides(self, cell: int, decision: Decision) -> BoolArray:
        """Tell which replicates of a cell conclude: by a decision's rule, or by what ends a study in its place."""
        found = self.columns(cell, decision.estimand)
        if CONCLUDED in found and decision == self.simulation.decisions[0]:
            return np.asarray(found[CONCLUDED] == 1)
        return decision.rule.decides(found)

    def is_first(self, cell: int) -> bool:
        """Tell whether a cell is of the first analysis."""
        first, own = self.cells[0], self.cells[cell]
        return (own.model, own.prior) == (first.model, first.prior)

    def ok(self, cell: int) -> BoolArray:
        """Return which fits of a cell succeeded, shape (k, R)."""
        needed = self.blocks[cell][:, [INDEX["mean"], INDEX["lower"], INDEX["upper"]]]
        return np.asarray(np.isfinite(needed).all(axis=1))

    def frame(self, cell: int) -> pd.DataFrame:
        """Return one cell's replicates as a table: a row a replicate and estimand."""
        k, count, block = len(self.estimands), self.count, self.blocks[cell]
        columns: dict[str, object] = {
            "cell": np.full(k * count, cell, dtype=np.int32),
            "world": block[:, 0].ravel().astype(np.int32),
            "replicate": np.tile(np.arange(count, dtype=np.int32), k),
            "estimand": np.repeat(np.array(self.estimands, dtype=object), count),
        }
        names = features_of(self.simulation)
        columns |= {name: block[:, i].ravel() for i, name in enumerate(names) if name != "world"}
        return pd.DataFrame(columns | {"ok": self.ok(cell).ravel()})

    def answers(self, cell: int, decision: Decision) -> bool:
        """Tell whether a decision can be asked of a cell.

        A Bayes factor needs a prior that has one, and a rule about an original the prior that this leaves.
        """
        rules = self.simulation.rules_of(decision)
        if any(rule.of_original for rule in rules) and self.cells[cell].prior != ORIGINAL:
            return False
        if not any(rule.needs_bayes_factor for rule in rules):
            return True
        found = self.columns(cell, decision.estimand)
        return bool(np.isfinite(found["log_bf10"]).any() or not np.isfinite(found["mean"]).any())

    def extended(self, more: Replicates) -> Replicates:
        """Return these replicates and those of further cells."""
        blocks = Blocks((*self.blocks.readers, *more.blocks.readers))
        return replace(self, cells=[*self.cells, *more.cells], blocks=blocks)


def write_replicates(replicates: Replicates, path: Path) -> None:
    """Write the table as Parquet, a row group for each cell; the same replicates give the same bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema(replicates)
    k, count = len(replicates.estimands), replicates.count
    names = pa.DictionaryArray.from_arrays(
        pa.array(np.repeat(np.arange(k, dtype=np.int8), count)), pa.array(list(replicates.estimands))
    )
    number = pa.array(np.tile(np.arange(count, dtype=np.int32), k))
    options = {"use_dictionary": ["cell", "estimand"], "compression": "none", "write_statistics": False}
    with pq.ParquetWriter(path, schema, **options) as writer:
        for cell, block in enumerate(replicates.blocks):
            floats = [pa.array(np.ascontiguousarray(block[:, i]).ravel()) for i in range(1, block.shape[1])]
            arrays = [
                pa.array(np.full(k * count, cell, dtype=np.int32)),
                pa.array(block[:, 0].ravel().astype(np.int32)),
                number,
                names,
                *floats,
                pa.array(replicates.ok(cell).ravel()),
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema), row_group_size=k * count)


def _schema(replicates: Replicates) -> Any:
    import pyarrow as pa

    content = {
        "format": FORMAT,
        "simulation": replicates.simulation.model_dump(mode="json"),
        "cells": [_plain(cell) for cell in replicates.cells],
        "estimands": list(replicates.estimands),
        "replicates": replicates.count,
        "verdict": replicates.verdict,
        "confirmed": dict(replicates.confirmed),
        "words": dict(replicates.words),
    }
    fields = [
        pa.field("cell", pa.int32()),
        pa.field("world", pa.int32()),
        pa.field("replicate", pa.int32()),
        pa.field("estimand", pa.dictionary(pa.int8(), pa.string())),
        *(pa.field(name, pa.float32()) for name in features_of(replicates.simulation)[1:]),
        pa.field("ok", pa.bool_()),
    ]
    return pa.schema(fields, metadata={METADATA: json.dumps(content, sort_keys=True).encode()})


def _plain(cell: Cell) -> dict[str, object]:
    sample = dict(cell.sample.__dict__)
    if sample["missing"]:
        sample["missing"] = sample["missing"].model_dump(mode="json")
    return {"model": cell.model, "prior": cell.prior, "sample": sample}


def read_replicates(path: Path) -> Replicates:
    """Read a table of replicates.

    Raises
    ------
    InputError
        The file is not there, is no table of replicates, or a newer version wrote it.
    """
    import pyarrow as pa

    try:
        return _read(path)
    except FileNotFoundError:
        raise InputError("there is no table of replicates; give the folder of a run of `power`", source=path) from None
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"is no table of replicates, or damaged ({error})", source=path) from None


def _read(path: Path) -> Replicates:
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    metadata = file.schema_arrow.metadata or {}
    if METADATA not in metadata:
        raise InputError("is no table of replicates: it does not say which simulation made it", source=path)
    content = json.loads(metadata[METADATA])
    known_format(content.get("format", 0), path)
    simulation = validated(Simulation, content["simulation"], path)
    cells, estimands = [_cell(item) for item in content["cells"]], tuple(content["estimands"])
    shape = (len(estimands), content["replicates"])
    names = features_of(simulation)
    blocks = Blocks([partial(_read_cell, file, i, shape, names) for i in range(len(cells))])
    if len(cells) * len(estimands) * len(names) * shape[1] <= MOST_IN_MEMORY:
        blocks = Blocks.of(list(blocks))  # so that whatever is wrong with it is said at once
    return Replicates(
        simulation=simulation,
        cells=cells,
        estimands=estimands,
        blocks=blocks,
        count=shape[1],
        verdict=str(content.get("verdict", "")),
        confirmed=content.get("confirmed", {}),
        words=content.get("words", {}),
    )


def _read_cell(file: Any, cell: int, shape: tuple[int, int], names: Sequence[str]) -> Block:
    table = file.read_row_group(cell, columns=list(names))
    return np.stack([table[name].to_numpy().reshape(shape) for name in names], axis=1).astype(np.float32)


def _cell(content: Mapping[str, object]) -> Cell:
    sample = dict(content["sample"])  # type: ignore[call-overload]
    if not isinstance(sample["reliability"], str):
        sample["reliability"] = tuple((name, value) for name, value in sample["reliability"])
    if sample["missing"]:
        sample["missing"] = DropOut.model_validate(sample["missing"])
    return Cell(sample=Sample(**sample), model=str(content["model"]), prior=str(content["prior"]))
