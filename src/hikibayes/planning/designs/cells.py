"""A cell of the grid: one planned study, whom it samples and how it is analysed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from typing import TYPE_CHECKING

from .axes import AS_PRINTED, DropOut

if TYPE_CHECKING:
    import pandas as pd

MAIN_AXES = ("worlds", "allocation", "n_per_group")
"""Axes that one figure shows together."""
OTHER_AXES = ("model", "prior", "effect", "tau", "reliability", "mix", "attrition", "missing", "answers", "predictors")
"""The others, as tables name them."""


def firsts(table: pd.DataFrame, axes: Iterable[str] = OTHER_AXES) -> pd.DataFrame:
    """Keep the rows that have the first value of each axis; axes that a table does not have are passed over."""
    for axis in axes:
        if axis in table and len(table):
            table = table[table[axis] == table[axis].iloc[0]]
    return table


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One way of sampling: the world it is from, and how many of whom; see `Axes` for the fields."""

    worlds: str
    effect: float | None
    reliability: str | tuple[tuple[str, float], ...]
    allocation: str
    mix: str
    attrition: float
    missing: DropOut | None
    answers: str
    predictors: str
    n_per_group: int
    tau: float | None = None

    @property
    def sizes(self) -> tuple[int, ...]:
        """Participants by group, as recruited; larger groups than the smallest are rounded up."""
        smallest = min(self.ratio)
        return tuple(ceil(self.n_per_group * part / smallest - 1e-9) for part in self.ratio)

    @property
    def ratio(self) -> tuple[float, ...]:
        """Parts of the groups."""
        return tuple(map(float, self.allocation.split(":")))

    @property
    def quota(self) -> tuple[tuple[float, ...], ...] | None:
        """Shares of the profiles (levels of the categories beside the groups) in each group; None if left to chance."""
        if self.mix == AS_PRINTED:
            return None
        ratios = [tuple(map(float, ratio.split(":"))) for ratio in self.mix.split("/")]
        shares = [tuple(part / sum(parts) for part in parts) for parts in ratios]
        return tuple(shares) if len(shares) > 1 else (shares[0],) * len(self.ratio)

    @property
    def curve(self) -> tuple[object, ...]:
        """Everything but the size: what the cells of one power curve have in common."""
        return tuple(value for name, value in self.__dict__.items() if name != "n_per_group")

    def labels(self) -> dict[str, object]:
        """Return the axes as a table shows them."""
        missing = self.missing
        return {
            "worlds": self.worlds,
            "effect": self.effect,
            "tau": self.tau,
            "reliability": self.reliability
            if isinstance(self.reliability, str)
            else ", ".join(f"{name}={value:g}" for name, value in self.reliability),
            "allocation": self.allocation,
            "mix": self.mix,
            "attrition": self.attrition,
            "missing": f"{missing.share:g} on {missing.on} ({missing.strength:+g})" if missing else "none",
            "answers": self.answers,
            "predictors": self.predictors,
            "n_per_group": self.n_per_group,
            "n_total": sum(self.sizes),
        }

    def digest(self) -> int:
        """Return 64 bits that stand for this way of sampling, in the seeds of its replicates."""
        content = asdict(self) | {"missing": self.missing.model_dump(mode="json") if self.missing else None}
        if self.tau is None:  # younger than the seeds of plans that do without it
            del content["tau"]
        return int(hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16], 16)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One planned study: a sample and its analysis."""

    sample: Sample
    model: str
    prior: str

    def labels(self) -> dict[str, object]:
        """Return the axes as a table shows them."""
        return {"model": self.model, "prior": self.prior} | self.sample.labels()


AS_PLANNED = "as_planned"
"""The populations' own effect, where cells of another one stand beside it."""
PLAIN = {
    "effect": None,
    "tau": None,
    "reliability": AS_PRINTED,
    "attrition": 0.0,
    "missing": "none",
    "answers": "gaussian",
    "predictors": "random",
}
"""Axes that are shown only where something else than this is among the cells."""


def axis_labels(cells: Sequence[Cell]) -> list[dict[str, object]]:
    """Return each cell's axes as a table shows them, without those on which every cell is plain."""
    labels = [cell.labels() for cell in cells]
    for label in labels if len({label["effect"] is None for label in labels}) > 1 else ():
        label["effect"] = AS_PLANNED if label["effect"] is None else label["effect"]
    plain = [name for name, value in PLAIN.items() if all(label[name] == value for label in labels)]
    last = ("n_per_group", "n_total", "worlds")
    return [
        {name: label[name] for name in label if name not in (*plain, *last)} | {name: label[name] for name in last}
        for label in labels
    ]
