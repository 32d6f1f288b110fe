"""Random studies whose raw data are known, printed by statsmodels and SciPy as papers print them.

Nothing of the package computes the printed numbers: whatever it makes of them can be held against other software.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.outliers_influence import variance_inflation_factor

from hikibayes.spec import validated
from hikibayes.study.moments import sample_moments, total_moments
from hikibayes.study.study import Study

SOURCE = {"locator": "made up", "quote": "made up"}
SITES = ("town", "coast", "hills")
GROUPS = ("young", "adult")
"""The reference is not the alphabetically first."""


@dataclass(frozen=True, kw_only=True)
class Stranger:
    """A raw table, and the study that prints it."""

    table: pd.DataFrame
    study: Study
    names: tuple[str, ...]


def stranger(seed: int, *, sizes: tuple[int, int] | None = None, whole: bool | None = None) -> Stranger:
    """Draw a raw table of 30 to 3,000 people and print it.

    Groups are between 1:1 and 1:9, scores whole or continuous, skewed or bounded, with 2 to 60 steps; numbers have two
    decimals, p-values three.
    """
    rng = np.random.default_rng(seed)
    n = sizes or _sizes(rng)
    group = np.repeat([0, 1], n)
    scores = int(rng.integers(1, 4))
    shapes = [_shape(rng, whole) for _ in range(scores + 1)]
    latent = _latent(rng, group, scores)
    names = tuple(f"x{i}" for i in range(scores))
    columns = {name: shape.on(z) for name, shape, z in zip((*names, "y"), shapes, latent.T, strict=True)}
    flags = tuple(f"flag{i}" for i in range(int(rng.integers(0, 3))))
    for name in flags:
        while True:
            drawn = rng.random(len(group)) < rng.uniform(0.2, 0.8)
            if all(2 <= drawn[group == k].sum() <= n[k] - 2 for k in (0, 1)):
                break
        columns[name] = drawn.astype(float)
    values = pd.DataFrame({"age_group": group.astype(float), **columns})
    measures = [_number(name, shape) for name, shape in zip((*names, "y"), shapes, strict=True)]
    # a number and a category that nothing ties to the outcome
    aside = _shape(rng, whole)
    values["wait"] = aside.on(rng.standard_normal(len(group)) + rng.normal(0, 0.3) * group)
    values["site"] = rng.choice(3, len(group), p=rng.dirichlet([4, 4, 4])).astype(float)
    measures += [_number("wait", aside), *map(_flag, flags), _flag("site", *SITES)]
    study = _study(measures, [*flags], [*names], list(_printed(values, names, flags)))
    values["site"] = np.array(SITES)[values["site"].astype(int)]
    labelled = values.assign(
        age_group=np.array(GROUPS)[group], **{f: np.where(values[f] == 1, "yes", "no") for f in flags}
    )
    return Stranger(table=labelled, study=study, names=(*names, *flags, "y"))


def _sizes(rng: np.random.Generator) -> tuple[int, int]:
    total = int(np.exp(rng.uniform(np.log(30), np.log(3000))))
    first = int(np.clip(round(total * rng.uniform(0.1, 0.9)), 8, total - 8))
    return first, total - first


@dataclass(frozen=True)
class _Shape:
    """A score's range and distribution; 0 steps: continuous."""

    low: float
    high: float
    steps: int
    skew: float
    width: float

    def on(self, z: np.ndarray) -> np.ndarray:
        share = stats.norm.cdf(z * self.width + self.skew)
        if self.steps:
            return np.rint(share * self.steps)
        return np.round(self.low + (self.high - self.low) * share, 3)


def _shape(rng: np.random.Generator, whole: bool | None) -> _Shape:
    is_whole = bool(rng.random() < 0.6) if whole is None else whole
    steps = int(rng.choice([4, 6, 10, 20, 40, 63])) if is_whole else 0
    high = float(steps or rng.choice([1, 7, 10, 100]))
    return _Shape(0.0, high, steps, rng.uniform(-1, 1), rng.uniform(0.6, 1.4))


def _latent(rng: np.random.Generator, group: np.ndarray, scores: int) -> np.ndarray:
    root = np.linalg.cholesky(0.7 * np.eye(scores) + 0.3)
    x = rng.standard_normal((len(group), scores)) @ root.T + rng.normal(0, 0.4, scores) * group[:, None]
    slopes = rng.normal(0, 0.3, scores)
    focal = rng.normal(0, 0.3) * group
    y = x @ slopes + focal * x[:, 0] + rng.normal(0, 0.4) * group + rng.normal(0, 0.8, len(group))
    return np.column_stack([x, y])


# -- the study file ----------------------------------------------------------------------------------------------------


def _number(name: str, shape: _Shape) -> dict[str, Any]:
    entry = {"id": name, "label": name, "kind": "number", "unit": "points", "range": [shape.low, shape.high]}
    return entry | ({} if shape.steps else {"integer": False})


def _flag(name: str, *levels: str) -> dict[str, Any]:
    named = [{"id": level, "label": level} for level in levels or ("no", "yes")]
    return {"id": name, "label": name, "kind": "category", "levels": named}


def _study(measures: list[dict[str, Any]], first: list[str], then: list[str], facts: list[dict[str, Any]]) -> Study:
    levels = [{"id": name, "label": name} for name in GROUPS]
    content = {
        "id": "stranger",
        "description": "made up",
        "citation": {"authors": ["Nobody"], "year": 2001, "title": "None", "journal": "None", "read": "all"},
        "group": levels,
        "measure": [{"id": "age_group", "label": "a", "kind": "category", "levels": levels}, *measures],
        "analysis": {"outcome": "y", "group": "age_group", "focal": "x0", "standardised": True, "coding": "dummy"},
        "step": [
            {"id": "one", "label": "1", "adds": ["age_group", *first]},
            {"id": "two", "label": "2", "after": "one", "adds": then},
            {"id": "three", "label": "3", "after": "two", "adds": ["age_group:x0"]},
        ],
        "fact": [{"id": f"f{i}", "source": SOURCE, **fact} for i, fact in enumerate(facts)],
    }
    return validated(Study, content, "stranger")


# -- the print ---------------------------------------------------------------------------------------------------------


def _line(quantity: str, value: float, decimals: int = 2, **where: Any) -> dict[str, Any]:
    if quantity.endswith("p") and value < 0.001:
        return {"quantity": quantity, **where, "relation": "<", "value": "0.001"}
    return {"quantity": quantity, **where, "value": f"{value:.{decimals}f}"}


def _printed(values: pd.DataFrame, names: tuple[str, ...], flags: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    parts = [values[values["age_group"] == k] for k in (0, 1)]
    for label, part in zip(GROUPS, parts, strict=True):
        yield {"quantity": "n", "group": label, "value": str(len(part))}
    for name in (*names, "y", "wait"):
        yield from _scores(values[name], [part[name] for part in parts], name)
    for flag in flags:
        for label, part in zip(GROUPS, parts, strict=True):
            yield _line("proportion", part[flag].mean(), 3, of=flag, level="yes", group=label)
    for code, site in enumerate(SITES):
        for label, part in zip(GROUPS, parts, strict=True):
            yield _line("proportion", (part["site"] == code).mean(), 3, of="site", level=site, group=label)
    for a, b in combinations(("age_group", *flags, *names, "y"), 2):
        yield _line("correlation", np.corrcoef(values[a], values[b])[0, 1], **{"of": b, "with": a})
    yield from _regressions(values, names, flags)


def _scores(total: pd.Series, parts: list[pd.Series], name: str) -> Iterator[dict[str, Any]]:
    yield _line("mean", total.mean(), of=name)
    yield _line("sd", total.std(), of=name)
    for label, part in zip(GROUPS, parts, strict=True):
        yield _line("mean", part.mean(), of=name, group=label)
        yield _line("sd", part.std(), of=name, group=label)
    test = stats.ttest_ind(parts[1], parts[0], equal_var=False)
    between = {"of": name, "between": GROUPS[::-1]}
    yield _line("t", test.statistic, **between, test="welch")
    yield _line("p", test.pvalue, 3, **between, test="welch")
    n = [len(part) for part in parts]
    pooled = ((n[0] - 1) * parts[0].var() + (n[1] - 1) * parts[1].var()) / (sum(n) - 2)
    yield _line("d", (parts[1].mean() - parts[0].mean()) / np.sqrt(pooled), **between)


def _regressions(values: pd.DataFrame, names: tuple[str, ...], flags: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    z = values.copy()
    for name in (*names, "y"):
        z[name] = (z[name] - z[name].mean()) / z[name].std()
    steps = {"one": ["age_group", *flags], "two": ["age_group", *flags, *names]}
    steps["three"] = [*steps["two"], "age_group:x0"]
    z["age_group:x0"] = z["age_group"] * z["x0"]
    fits = {step: OLS(z["y"], z[terms].assign(one=1.0)).fit() for step, terms in steps.items()}
    for step, terms in steps.items():
        for term in terms:
            yield _line("coefficient", fits[step].params[term], step=step, term=term)
            yield _line("coefficient_p", fits[step].pvalues[term], 3, step=step, term=term)
        yield _line("r2", fits[step].rsquared, step=step)
        yield _line("adjusted_r2", fits[step].rsquared_adj, step=step)
    for step, before in (("two", "one"), ("three", "two")):
        yield _line("delta_r2", fits[step].rsquared - fits[before].rsquared, step=step, adjusted=False)
        yield _line("delta_r2_p", fits[step].compare_f_test(fits[before])[1], 3, step=step)
    design = z[steps["two"]].assign(one=1.0).to_numpy()
    yield _line("vif", max(variance_inflation_factor(design, i) for i in range(design.shape[1] - 1)), step="two")
    for code, label in enumerate(GROUPS):
        here = z.assign(age_group=(z["age_group"] - code).abs())
        here["age_group:x0"] = here["age_group"] * here["x0"]
        fit = OLS(here["y"], here[steps["three"]].assign(one=1.0)).fit()
        where = {"of": "x0", "group": label, "step": "three"}
        yield _line("slope", fit.params["x0"], **where)
        yield _line("slope_p", fit.pvalues["x0"], 3, **where)


# -- reconstructions ---------------------------------------------------------------------------------------------------


def near_moments(found: Stranger, noise: float, seed: int) -> xr.Dataset:
    """Return the raw table's own moments with SDs off by a share of their sampling error, as the one draw there is."""
    moments = sample_moments(found.table, found.study, list(found.names))
    rng, n = np.random.default_rng(seed), moments["n"].values[:, None]
    factor = np.exp(noise * rng.standard_normal(moments["mean"].shape) / np.sqrt(n))
    moments["cov"] = moments["cov"] * factor[:, :, None] * factor[:, None, :]
    mean, cov = total_moments(moments)
    category = moments["kind"].values == "category"
    location = np.where(category, 0.0, mean.values)
    sd = np.where(category, 1.0, np.sqrt(np.diagonal(cov.values)))
    return xr.Dataset(
        {
            "n": ("group", moments["n"].values),
            "mean": (("draw", "group", "measure"), ((moments["mean"].values - location) / sd)[None]),
            "cov": (("draw", "group", "measure", "measure_2"), (moments["cov"].values / np.outer(sd, sd))[None]),
            "location": (("draw", "measure"), np.where(category, np.nan, location)[None]),
            "scale": (("draw", "measure"), np.where(category, np.nan, sd)[None]),
        },
        coords={"group": list(found.study.group_ids), "measure": list(found.names), "measure_2": list(found.names)},
    )
