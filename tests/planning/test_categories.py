"""Categories beside the groups: any number, of any levels, in closed form and against least squares of drawn rows."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from hikibayes.planning.designs.population import Population
from hikibayes.planning.designs.simulation import Simulation
from hikibayes.planning.populations.columns import Frame
from hikibayes.planning.populations.expected import expected
from hikibayes.planning.populations.participants import draw_scores, table
from hikibayes.planning.populations.reconstructed import profile_shares
from hikibayes.planning.populations.samples import GAUSSIAN
from hikibayes.planning.populations.written import written
from hikibayes.planning.power import power
from hikibayes.planning.run.plan import _by_chance
from hikibayes.spec import InputError, validated
from hikibayes.study.study import Study

EXCLUDES = [{"name": "d", "rule": {"interval": 0.95, "excludes": 0}}]
REGION = [{"name": "d", "rule": {"region_excludes_zero": 0.95}}]
ARM, SITE, SEX = ["usual", "new"], ["north", "east", "a west"], ["women", "men"]


def simulated(population: dict, axes: dict, *, replicates: int = 20_000, **more):
    content = {
        "description": "test",
        "population": population,
        "axes": {"prior": ["flat"], **axes},
        "run": {"replicates": replicates, "refine": False},
        **more,
    }
    return power(validated(Simulation, content, "t"), workers=1).power.iloc[0]


def f_power(ncp: float, df1: int, df2: int) -> float:
    return float(stats.ncf.sf(stats.f.ppf(0.95, df1, df2), df1, df2, ncp))


def close(row, wanted: float) -> None:
    assert abs(row.power - wanted) < 4 * row.power_mcse, f"{row.power:.4f} against {wanted:.4f}"


def contrast(sizes: np.ndarray, weights: np.ndarray) -> float:
    """Variance of a contrast of cell means, for a residual SD of 1."""
    return float((weights**2 / sizes).sum())


@pytest.mark.parametrize("mix", ["1:1:1", "2:1:3/1:4:1"])
def test_an_interaction_of_two_by_three_is_the_t_and_the_f_test(mix):
    """One difference of differences is a contrast of cell means; all of them together, an F test of two columns."""
    formula = {"formula": "y ~ arm * site", "levels": {"arm": ARM, "site": SITE}}
    axes = {"n_per_group": [60], "allocation": ["1:2"], "mix": [mix]}
    parts = np.array([[float(p) for p in ratio.split(":")] for ratio in mix.split("/")])
    sizes = np.array([[60], [120]]) * parts / parts.sum(axis=1, keepdims=True)
    row = simulated(formula | {"effect": 0.9}, axes, decision=EXCLUDES)
    close(row, f_power(0.9**2 / contrast(sizes, np.array([[1, 0, -1], [-1, 0, 1]])), 1, 180 - 6))
    law = {"slopes": {"site[east]": [0.2, 0.5], "site[a west]": [0.1, -0.3]}, "gap": 0.3}
    row = simulated(formula | law | {"of": ["arm:site"]}, axes, decision=REGION)
    means = np.array([[0, 0.2, 0.1], [0.3, 0.8, 0.0]])
    design = pd.DataFrame([(a, s) for a, s in product(ARM, SITE)], columns=["arm", "site"]).assign(y=means.ravel())
    left = smf.wls("y ~ arm + site", design, weights=sizes.ravel()).fit()
    close(row, f_power(float((sizes.ravel() * left.resid**2).sum()), 2, 180 - 6))


def test_an_interaction_of_two_by_two_left_to_chance_is_the_average_over_the_cells_sizes():
    population = {"formula": "y ~ arm * sex", "levels": {"arm": ARM, "sex": SEX}, "shares": {"sex": [0.7, 0.3]}}
    row = simulated(population | {"effect": 0.8}, {"n_per_group": [50]}, decision=EXCLUDES)
    rng = np.random.default_rng(1)
    men = np.clip(rng.binomial(50, 0.3, size=(4_000, 2)), 1, 49)
    variance = (1 / men + 1 / (50 - men)).sum(axis=1)
    close(row, float(np.mean(stats.ncf.sf(stats.f.ppf(0.95, 1, 96), 1, 96, 0.64 / variance))))


def test_a_category_as_covariate_costs_a_degree_of_freedom_for_each_level():
    """Balanced within the groups it takes nothing else; the groups' difference is that of means."""
    levels = {"arm": ARM, "site": SITE, "sex": SEX}
    population = {"formula": "y ~ arm + site + sex", "levels": levels, "of": "arm", "effect": 0.5}
    law = {"slopes": {"site[a west]": 2.0, "site[east]": -1.0, "sex": 0.7}}
    row = simulated(population | law, {"n_per_group": [36], "mix": ["1:1:1:1:1:1"]}, decision=EXCLUDES)
    close(row, f_power(0.25 * 18, 1, 72 - 5))


def test_a_category_alone_is_the_t_test_with_its_shares():
    """Of one group, whose category is left to chance: the test of a random 0/1 predictor."""
    population = {"formula": "y ~ x + sex", "levels": {"sex": SEX}, "effect": 0.6, "of": "sex"}
    row = simulated(population, {"n_per_group": [40], "allocation": ["1:3"]}, decision=EXCLUDES)
    # x is random, so that of the difference 1/(1 + t²/df) of the groups' information is left on average
    chance = stats.chi2.ppf((np.arange(2000) + 0.5) / 2000, 1) / stats.chi2.mean(157)
    close(row, float(np.mean(stats.ncf.sf(stats.f.ppf(0.95, 1, 157), 1, 157, 0.36 * 30 / (1 + chance)))))


LEVELS = st.lists(st.sampled_from(["b", "a", "-1", "0", "c d", "Z"]), min_size=2, max_size=4, unique=True)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_random_designs_have_the_effect_that_least_squares_finds_in_their_rows(data):
    """The columns, truths and drawn rows of a design agree with statsmodels, whatever its categories are called."""
    levels = {name: data.draw(LEVELS) for name in ("g", "u", "v")}
    terms = data.draw(st.lists(st.sampled_from(["g:u", "u:v", "u:x", "g:x"]), max_size=3, unique=True))
    of = data.draw(st.sampled_from(["g", "u", "v", "x", *terms]))
    of = next((term for term in terms if of in term.split(":")), of)
    numbers = st.floats(-1, 1)
    slopes = {"x": data.draw(numbers)}
    for name in ("u", "v"):
        own = levels[name][1:]
        slopes |= {name if len(own) == 1 else f"{name}[{level}]": data.draw(numbers) for level in own}
    content = {
        "formula": " + ".join(["y ~ g + u + v + x", *terms]),
        "levels": levels,
        "of": of,
        "effect": {"raw": data.draw(numbers)},
        "gap": [0.0, *(data.draw(numbers) for _ in levels["g"][1:])],
        "slopes": slopes,
        "means": {"x": [data.draw(numbers) for _ in levels["g"]]},
        "residual_sd": 0.001,
        "shares": {"v": [0.4, *[0.6 / (len(levels["v"]) - 1)] * (len(levels["v"]) - 1)]},
    }
    made = written(validated(Population, content, "population"))
    again = written(
        validated(
            Population,
            {key: value for key, value in content.items() if key != "effect"} | made.fixed().model_dump(by_alias=True),
            "population",
        )
    )
    np.testing.assert_allclose(again.world.slope, made.world.slope, atol=1e-12)
    frame, rng = made.columns.frame, np.random.default_rng(0)
    exactly = replace(made.world, sigma=1e-6 * made.world.sigma)
    rows = table(frame, draw_scores(exactly, 0, np.full(len(frame.cells), 6), rng, GAUSSIAN))
    for name, own in levels.items():
        rows[name] = pd.Series(rows[name]).astype(pd.CategoricalDtype(own, ordered=True))
    fitted = smf.ols(content["formula"], rows).fit()
    assert fitted.ssr < 1e-6, "the analysis has every term of the population"
    wanted = content["effect"]["raw"]
    assert made.value() == pytest.approx(wanted, abs=1e-9)
    assert estimate(fitted, levels, of.split(":")) == pytest.approx(wanted, abs=1e-6)
    counts = np.full(len(frame.cells), 1 / len(frame.cells))
    assert np.linalg.matrix_rank(expected(made.columns, made.world, counts).sxx[0]) == len(made.columns.names)


def estimate(fitted, levels: dict, of: list[str]) -> float:
    """Difference of differences between last and first levels, and per unit of x, by prediction."""
    total = 0.0
    for ends in product((1, -1), repeat=len(of)):
        row = {name: own[0] for name, own in levels.items()} | {"x": 0.0}
        for name, end in zip(of, ends, strict=True):
            row[name] = float(end > 0) if name == "x" else levels[name][-1 if end > 0 else 0]
        total += np.prod(ends) * float(fitted.predict(pd.DataFrame([row])).iloc[0])
    return total


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"share": 0.3}, "is for one category of two levels, and goes without shares"),
        ({"shares": {"site": [[0.5, 0.3, 0.2], [0.5, 0.5]]}}, "or as many for each of the 2 groups"),
        ({"shares": {"site": [0.5, 0.5]}}, "one share for each of north, east, a west"),
        ({"shares": {"site": [0.5, 0.4, 0.5]}}, "sum to 1"),
        ({"shares": {"arm": [0.5, 0.5]}}, "population.shares"),
        ({"slopes": {"site": 1}}, "there are: site[a west], site[east]"),
        ({"slopes": {"site[south]": 1}}, "site[east]"),
    ],
)
def test_bad_shares_and_slopes(change, message):
    population = {"formula": "y ~ arm + site", "levels": {"arm": ARM, "site": SITE}, "of": "arm", "effect": 0.5}
    with pytest.raises(InputError) as refused:
        simulated(population | change, {"n_per_group": [30]})
    assert message in str(refused.value)


def test_a_quota_has_a_part_for_each_combination_of_levels():
    population = {"formula": "y ~ arm + site + sex", "levels": {"arm": ARM, "site": SITE, "sex": SEX}, "effect": 0.5}
    with pytest.raises(InputError, match="one for each of 6 is expected: north women, north men, east women"):
        simulated(population, {"n_per_group": [30], "mix": ["1:1"]})


def test_more_cells_than_people_are_refused():
    many = [str(number) for number in range(10)]
    levels = dict.fromkeys("abc", many)
    with pytest.raises(InputError, match="1,000 cells; at most 500"):
        simulated({"formula": "y ~ a + b + c", "levels": levels, "effect": 0.5}, {"n_per_group": [300]})


def test_power_of_a_design_left_to_chance_is_that_of_least_squares_by_rows():
    """Two categories beside the groups, one of them moderating a score: drawn person by person, and tested by hand."""
    content = {
        "formula": "y ~ arm * x + site * x + sex",
        "levels": {"arm": ARM, "site": SITE, "sex": SEX},
        "shares": {"site": [0.5, 0.2, 0.3], "sex": [[0.3, 0.7], [0.6, 0.4]]},
        "slopes": {"x": 0.2, "site[east]:x": [0.2, 0.1], "sex": -0.5, "site[a west]": 0.4},
        "means": {"x": [0, 0.5]},
        "of": "arm:x",
        "effect": 0.45,
    }
    axes = {"n_per_group": [50], "allocation": ["2:1"]}
    row = simulated(content, axes, decision=EXCLUDES, replicates=10_000)
    made, rng = written(validated(Population, content, "population")), np.random.default_rng(3)
    at, shares, hits = list(made.columns.names).index("arm:x"), made.world.shares[0], []
    for _ in range(3_000):
        counts = np.concatenate([rng.multinomial(n, own) for n, own in zip((100, 50), shares, strict=True)])
        cell, x, y, _ = draw_scores(made.world, 0, counts, rng, GAUSSIAN)
        X = made.columns.constant[cell] + np.einsum("npm,nm->np", made.columns.linear[cell], x)
        X = np.column_stack([np.ones(len(y)), X])
        inverse = np.linalg.inv(X.T @ X)
        beta = inverse @ X.T @ y
        df = len(y) - X.shape[1]
        error = np.sqrt(((y - X @ beta) ** 2).sum() / df * inverse[at + 1, at + 1])
        hits.append(abs(beta[at + 1] / error) > stats.t.ppf(0.975, df))
    share = float(np.mean(hits))
    assert abs(row.power - share) < 4 * np.hypot(row.power_mcse, np.sqrt(share * (1 - share) / len(hits)))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.integers(0, 10_000))
def test_profiles_have_the_moments_of_every_pair_of_two_level_categories(categories, seed):
    """Of two they are the printed table itself; of three and more, each pair's."""
    rng = np.random.default_rng(seed)
    codes = np.array(list(product((0.0, 1.0), repeat=categories)))
    levels = [{"id": level, "label": level} for level in ("b", "a")]
    measures = [{"id": f"c{i}", "label": f"c{i}", "kind": "category", "levels": levels} for i in range(categories)]
    content = {
        "id": "t",
        "description": "t",
        "analysis": {"outcome": "y", "group": "", "focal": ""},
        "measure": [{"id": "y", "label": "y", "kind": "number", "unit": "u", "range": [-9, 9]}, *measures],
    }
    frame = Frame(study=validated(Study, content, "t"), measures=(), categories=tuple(m["id"] for m in measures))
    table_of = rng.dirichlet(np.full(len(codes), 2.0))
    mean, n = table_of @ codes, 80.0
    away = codes - mean
    cov = (table_of[:, None] * away).T @ away * n / (n - 1)
    found = profile_shares(mean[None, None], cov[None, None], np.array([n]), frame)[0, 0]
    assert found.sum() == pytest.approx(1)
    assert (found >= 0).all()
    np.testing.assert_allclose(found @ codes, mean, atol=1e-6)
    around = codes - found @ codes
    np.testing.assert_allclose((found[:, None] * around).T @ around * n / (n - 1), cov, atol=1e-6)
    if categories < 3:
        np.testing.assert_allclose(found, table_of, atol=1e-9)


def test_people_left_to_chance_have_the_shares_of_the_population():
    shares = np.array([[0.5, 0.2, 0.3, 0.0], [0.1, 0.0, 0.2, 0.7]])
    counts = _by_chance(np.array([400, 200]), np.broadcast_to(shares, (4_000, 2, 4)), np.random.default_rng(1))
    assert (counts.sum(axis=-1) == [400, 200]).all()
    sizes = np.array([[400], [200]])
    sd = np.sqrt(sizes * shares * (1 - shares))
    np.testing.assert_array_less(np.abs(counts.mean(axis=0) - sizes * shares), 4.5 * sd / np.sqrt(4_000) + 1e-9)
    np.testing.assert_allclose(counts.std(axis=0), sd, rtol=0.06, atol=1e-9)
