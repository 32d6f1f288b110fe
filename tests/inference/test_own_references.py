"""Seventeen textbook tables, by a formula alone, against lm, emmeans and rstanarm: see tests/reference/README.md.

R's answers stand in r_own.csv with their Monte Carlo errors, its Johnson-Neyman limits in r_own_regions.csv; cases and
formulas in own_cases.json, which the R script reads too.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.datasets import ccard

from hikibayes.inference.fit import Fit, fit
from hikibayes.inference.models.compile import exact_posterior

REFERENCE = Path(__file__).parents[1] / "reference"
CASES = {each["data"]: each for each in json.loads((REFERENCE / "own_cases.json").read_text())["cases"]}
ANSWERS = pd.read_csv(REFERENCE / "r_own.csv", keep_default_na=False, na_values=[""]).fillna({"at": ""})
TEXTS = ("of", "by", "between", "at")
LIMITS = pd.read_csv(REFERENCE / "r_own_regions.csv").fillna({"of": "", "by": "", "between": ""})
DRAWS = 80_000

pytestmark = pytest.mark.filterwarnings("ignore:invalid value encountered in divide")


def table(name: str) -> pd.DataFrame:
    from_statsmodels = CASES[name].get("from") == "statsmodels"
    rows = ccard.load_pandas().data if from_statsmodels else pd.read_csv(REFERENCE / "data" / f"{name}.csv")
    rows = rows.astype(dict.fromkeys(CASES[name]["groups"], int)) if from_statsmodels else rows
    return rows.astype(dict.fromkeys(CASES[name]["groups"], str))


@cache
def fitted(name: str, variant: str = "weakly_informative") -> Fit:
    case = CASES[name]
    return fit(case["formula"], table(name), reference=case["references"], prior=variant, engine="exact", seed=1)


def addresses(made: Fit) -> dict[tuple[object, ...], int]:
    """The place of each estimand among the answers, by what R calls it."""
    found = {}
    for j, each in enumerate(made.answers.linear):
        at = {made.study.measure(k).label: v if isinstance(v, str) else f"{v:g}" for k, v in each.at.items()}
        of, by = (made.study.measure(name).label if name else "" for name in (each.of, each.by))
        found[each.kind, of, by, "|".join(each.between or ()), frozenset(at.items())] = j
    return found


def rows_of(name: str) -> pd.DataFrame:
    own = ANSWERS[ANSWERS["case"] == name]
    return own.fillna(dict.fromkeys(TEXTS, ""))


def matched(name: str, made: Fit) -> list[int]:
    known = addresses(made)
    keys = rows_of(name)[["kind", *TEXTS]].itertuples(index=False)
    return [
        known[k, of, by, pair, frozenset(p.split("=") and tuple(p.split("=")) for p in at.split(";") if p)]
        for k, of, by, pair, at in keys
    ]


@pytest.fixture(params=CASES)
def name(request):
    return request.param


def test_every_answer_is_one_of_ours_and_none_of_ours_is_left_over(name):
    """Differences of differences have a table of their own, from emmeans."""
    made = fitted(name)
    assert sorted(matched(name, made)) == [
        j for j, each in enumerate(made.answers.linear) if each.kind != "interaction"
    ]


def test_closed_forms_are_those_of_emmeans(name):
    """Under the flat prior the posterior mean is least squares' estimate, its 95 % interval that of the t test."""
    made, wanted = fitted(name, "flat"), rows_of(name)
    own = exact_posterior(made.design, "flat").marginal(made.answers.weights[:, matched(name, made)])
    sd = own.sd()[0]
    np.testing.assert_allclose((own.mean()[0] - wanted["ols"]) / sd, 0, atol=1e-6)
    for ours, theirs in zip(own.eti(0.95), ("ols_lower", "ols_upper"), strict=True):
        np.testing.assert_allclose((ours[0] - wanted[theirs]) / sd, 0, atol=1e-6)


def scores(name: str) -> pd.DataFrame:
    """Distances from rstanarm in its Monte Carlo errors; that of a share is binomial, with its own effective draws."""
    made, wanted = fitted(name), rows_of(name)
    own = exact_posterior(made.design).marginal(made.answers.weights[:, matched(name, made)])
    lower, upper = (end[0] for end in own.eti(0.95))
    ours = {"mean": own.mean()[0], "sd": own.sd()[0], "lower": lower, "upper": upper, "p_positive": own.p_positive()[0]}
    error = {key: wanted[f"{key}_mcse"].fillna(0).to_numpy() for key in ours}
    share = ours["p_positive"]
    error["p_positive"] = np.sqrt(np.maximum(share * (1 - share), 1 / DRAWS) / wanted["ess"].clip(upper=DRAWS))
    return pd.DataFrame({key: (value - wanted[key].to_numpy()) / error[key] for key, value in ours.items()})


def test_posteriors_are_those_of_rstanarm_within_four_errors(name):
    assert scores(name).abs().to_numpy().max() < 4


def test_distances_from_rstanarm_are_those_of_chance():
    """Four errors would hide a bias of two everywhere."""
    every = np.concatenate([scores(name)[["mean", "sd", "lower", "upper"]].to_numpy().ravel() for name in CASES])
    assert len(every) > 500
    assert 0.7 < np.sqrt(np.mean(every**2)) < 1.3


def test_the_sampler_was_sound():
    assert ANSWERS["rhat"].max() < 1.001
    assert ANSWERS["ess"].min() > 10_000


@pytest.mark.parametrize(
    "row", LIMITS.to_dict("records"), ids=lambda r: f"{r['case']}-{r['of'] or r['between']}-{r['moderator']}"
)
def test_regions_end_where_the_formula_of_johnson_and_neyman_has_them(row):
    """Inside the data; two-sided, at 95 %."""
    made = fitted(row["case"], "flat")
    label = {measure.label: measure.id for measure in made.study.measures}
    known = addresses(made)
    kind = "slope" if row["of"] else "adjusted_difference"
    effect = made.answers.linear[known[kind, row["of"], row["by"], row["between"], frozenset()]]
    found = made.johnson_neyman(label[row["moderator"]], effect.name)
    own = found.regions[found.regions["ci_prob"] == 0.95]
    low, high = found.band["value"].iloc[[0, -1]]
    ends = sorted(end for end in own[["from", "to"]].to_numpy().ravel() if low + 1e-9 < end < high - 1e-9)
    theirs = [end for end in (row["low"], row["high"]) if low < end < high]
    np.testing.assert_allclose(ends, theirs, atol=1e-6)


@pytest.mark.parametrize("name", [n for n, case in CASES.items() if case["groups"]])
def test_names_and_orders_of_levels_and_rows_change_nothing(name):
    """Levels renamed so that the alphabet orders them otherwise, rows shuffled: the same posterior of every answer."""
    case, rows, rng = CASES[name], table(name), np.random.default_rng(3)
    references = {}
    for group in case["groups"]:
        levels = sorted(set(rows[group]))
        new = dict(zip(levels, (f"{i}_{level}" for i, level in enumerate(rng.permutation(levels))), strict=True))
        first = case["references"].get(group, levels[0])
        rows[group], references[group] = rows[group].map(new), new[first]
    rows = rows.sample(frac=1, random_state=4)
    plain, renamed = fitted(name), fit(case["formula"], rows, reference=references, engine="exact", seed=1)
    ours, theirs = (
        np.sort(exact_posterior(made.design).marginal(made.answers.weights).mean()[0] ** 2) for made in (plain, renamed)
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-9)
