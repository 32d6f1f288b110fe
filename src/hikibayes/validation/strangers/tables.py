"""Random raw tables of two groups: scores of every kind, categories, and columns that nothing ties to the outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from ...arrays import FloatArray

type Kinds = Literal["whole", "continuous", "mixed"]

GROUP, OUTCOME, ASIDE, SITE = "age_group", "y", "wait", "site"
GROUPS, FLAG, SITES = ("young", "adult"), ("present", "absent"), ("town", "coast", "hills")
"""Labels of groups and categories; the reference, the first, is nowhere the alphabetically first."""

SCORES = (1, 2, 3, 4, 5, 6, 8)
MOST_SCORES = max(SCORES)
SMALLEST, LARGEST, LEAST_IN_GROUP = 30, 3000, 8
STEPS = (4, 6, 10, 20, 40, 63)
"""How many values a whole-number score has, less one."""


@dataclass(frozen=True)
class Shape:
    """A score's range and distribution; 0 steps: continuous."""

    high: float
    steps: int
    skew: float
    width: float

    def on(self, z: FloatArray) -> FloatArray:
        """Put standard normal numbers on the range: bounded, and skewed."""
        share = stats.norm.cdf(z * self.width + self.skew)
        return np.rint(share * self.steps) if self.steps else np.round(self.high * share, 3)

    @property
    def measure(self) -> dict[str, Any]:
        """The entry of a study file, without its name."""
        entry = {"kind": "number", "unit": "points", "range": [0.0, self.high]}
        return entry if self.steps else entry | {"integer": False}


@dataclass(frozen=True, kw_only=True)
class RawTable:
    """A raw table, and what its columns are.

    Attributes
    ----------
    values : pandas.DataFrame
        A row a participant; groups and categories as codes from 0.
    scores, flags : tuple of str
        Predictors: numbers, and categories of two levels.
    shapes : dict of str to Shape
        Of every number.
    """

    values: pd.DataFrame
    scores: tuple[str, ...]
    flags: tuple[str, ...]
    shapes: dict[str, Shape]

    @property
    def sizes(self) -> tuple[int, int]:
        """Participants of each group."""
        second = int(self.values[GROUP].sum())
        return len(self.values) - second, second

    @property
    def kinds(self) -> Kinds:
        """Whether the regressions' scores are whole numbers."""
        whole = [bool(self.shapes[name].steps) for name in (*self.scores, OUTCOME)]
        return "whole" if all(whole) else "mixed" if any(whole) else "continuous"

    @property
    def labelled(self) -> pd.DataFrame:
        """The table with labels instead of codes."""
        levels = {GROUP: GROUPS, SITE: SITES, **dict.fromkeys(self.flags, FLAG)}
        said = {name: np.array(labels)[self.values[name].astype(int)] for name, labels in levels.items()}
        return self.values.assign(**said)

    @property
    def measures(self) -> list[dict[str, Any]]:
        """The entries of a study file."""
        levels = {GROUP: GROUPS, **dict.fromkeys(self.flags, FLAG), SITE: SITES}
        numbers = [{"id": name, "label": name, **shape.measure} for name, shape in self.shapes.items()]
        return [*numbers, *(_category(name, labels) for name, labels in levels.items())]


def _category(name: str, labels: tuple[str, ...]) -> dict[str, Any]:
    return {"id": name, "label": name, "kind": "category", "levels": [{"id": each, "label": each} for each in labels]}


def random_table(
    rng: np.random.Generator,
    *,
    sizes: tuple[int, int] | None = None,
    whole: bool | None = None,
    max_n: int = LARGEST,
    max_scores: int = MOST_SCORES,
) -> RawTable:
    """Draw a raw table of 30 to 3,000 people, or to fewer.

    Parameters
    ----------
    rng : numpy.random.Generator
    sizes : tuple of int, optional
        Participants of each group, else between 1:1 and 1:9.
    whole : bool, optional
        Whether every score is whole, else each is at random.
    max_n, max_scores : int
        The most people, and predictors that are scores, there may be.
    """
    scores = tuple(f"x{i}" for i in range(int(rng.choice([k for k in SCORES if k <= max_scores]))))
    # a regression of one group alone has its scores, two categories and the constant
    n = sizes or _sizes(rng, max(LEAST_IN_GROUP, len(scores) + 5), max_n)
    group = np.repeat([0, 1], n)
    names = (*scores, OUTCOME, ASIDE)
    shapes = {name: _shape(rng, whole) for name in names}
    aside = rng.standard_normal(len(group)) + rng.normal(0, 0.3) * group
    latent = np.column_stack([_latent(rng, group, len(scores)), aside])
    columns = {name: _spread(shapes[name], z, group) for name, z in zip(names, latent.T, strict=True)}
    flags = tuple(f"flag{i}" for i in range(int(rng.integers(0, 3))))
    columns |= {name: _flag(rng, group, n) for name in flags}
    site = rng.choice(3, len(group), p=rng.dirichlet([4, 4, 4])).astype(float)
    values = pd.DataFrame({GROUP: group.astype(float), **columns, SITE: site})
    return RawTable(values=values, scores=scores, flags=flags, shapes=shapes)


def _sizes(rng: np.random.Generator, least: int, most: int) -> tuple[int, int]:
    total = int(np.exp(rng.uniform(np.log(SMALLEST), np.log(most))))
    first = int(np.clip(round(total * rng.uniform(0.1, 0.9)), least, total - least))
    return first, total - first


def _shape(rng: np.random.Generator, whole: bool | None) -> Shape:
    is_whole = bool(rng.random() < 0.6) if whole is None else whole
    steps = int(rng.choice(STEPS)) if is_whole else 0
    return Shape(float(steps or rng.choice([1, 7, 10, 100])), steps, rng.uniform(-1, 1), rng.uniform(0.6, 1.4))


def _latent(rng: np.random.Generator, group: NDArray[np.int_], scores: int) -> FloatArray:
    """Draw correlated predictors that differ between the groups, and an outcome whose slope on the first one does."""
    root = np.linalg.cholesky(0.7 * np.eye(scores) + 0.3)
    x = rng.standard_normal((len(group), scores)) @ root.T + rng.normal(0, 0.4, scores) * group[:, None]
    slopes = rng.normal(0, 0.3, scores)
    focal = rng.normal(0, 0.3) * group
    y = x @ slopes + focal * x[:, 0] + rng.normal(0, 0.4) * group + rng.normal(0, 0.8, len(group))
    return np.column_stack([x, y])


def _spread(shape: Shape, z: FloatArray, group: NDArray[np.int_]) -> FloatArray:
    """Put a score on its range, wider where all of a small group would have the same value."""
    for width in (1.0, 1.5, 2.0, 3.0):
        values = shape.on(z * width)
        if all(len(np.unique(values[group == k])) > 1 for k in (0, 1)):
            break
    return values


def _flag(rng: np.random.Generator, group: NDArray[np.int_], n: tuple[int, int]) -> FloatArray:
    """Draw a category of two levels that at least two people of each group have."""
    while True:
        flag = (rng.random(len(group)) < rng.uniform(0.2, 0.8)).astype(float)
        if all(2 <= flag[group == code].sum() <= n[code] - 2 for code in (0, 1)):
            return flag
