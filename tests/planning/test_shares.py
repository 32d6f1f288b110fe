"""Plans for what several terms explain together: noncentral F, populations by moments and rows, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from hikibayes.moments import regress
from hikibayes.planning.designs.population import Population
from hikibayes.planning.designs.resolved import resolved
from hikibayes.planning.designs.simulation import Simulation
from hikibayes.planning.populations.written import written
from hikibayes.planning.power import power
from hikibayes.planning.run.plan import prepare
from hikibayes.quantities.analysis import codes_of
from hikibayes.spec import InputError, validated
from hikibayes.study.moments import as_group_moments

BLOCK = {"formula": "y ~ arm + a + b + c", "of": ["c", "a"], "slopes": {"b": 0.4, "a": 0.2, "c": -0.1}}
BLOCK |= {"levels": {"arm": ["waiting", "app"]}}
BLOCK |= {"correlation": [{"of": "a", "with": "b", "r": 0.5}, {"of": "a", "with": "c", "r": -0.3}]}


def plan(population: dict, axes: dict, rule: dict | None = None, replicates: int = 10_000, **more):
    content = {
        "description": "test",
        "population": population,
        "axes": axes,
        "run": {"replicates": replicates, "refine": False},
        **more,
    }
    return Simulation.model_validate(content | ({"decision": [{"name": "d", "rule": rule}]} if rule else {}))


def ncf(n: int, q: int, p: int, noncentrality: float) -> float:
    df = n - p - 1
    return float(stats.ncf.sf(stats.f.ppf(0.95, q, df), q, df, noncentrality)) if noncentrality else 0.05


def near(row, wanted: float) -> None:
    assert abs(row.power - wanted) < 4 * row.power_mcse, f"{row.power:.4f} against {wanted:.4f}"


@pytest.mark.parametrize(
    ("f2", "predictors"),
    [
        (0.0, "fixed"),
        (0.09, "random"),
        *(pytest.param(*case, marks=pytest.mark.long) for case in [(0.0, "random"), (0.09, "fixed")]),
    ],
)
def test_the_region_under_a_flat_prior_has_the_power_of_the_f_test(f2, predictors):
    """Of random scores the noncentrality is f2 times a chi2 with the degrees of freedom within groups."""
    axes = {"n_per_group": [50], "prior": ["flat"], "predictors": [predictors]}
    effect = {"effect": {"f2": 0.05}} if f2 == 0 else {"effect": {"f2": f2}}
    simulation = plan(BLOCK | effect, axes)
    if f2 == 0:
        simulation = simulation.replace(
            population=simulation.population.replace(effect=None), axes=simulation.axes.replace(effect=(0.0,))
        )
    row = power(simulation, replicates=4_000, workers=1).power.iloc[0]
    if predictors == "fixed":
        wanted = ncf(100, 2, 4, f2 * 98)
    else:
        at = stats.chi2.ppf((np.arange(2000) + 0.5) / 2000, 98)
        wanted = float(np.mean([ncf(100, 2, 4, f2 * chi2) for chi2 in at[::10]]))
    near(row, wanted)


@pytest.mark.parametrize(("groups", "f2", "total"), [(3, 0.0625, 159), (4, 0.16, 76)])
def test_the_sizes_that_are_tried_lie_around_the_one_of_the_f_test(groups, f2, total):
    """Cohen's f of .25 and .40 for a power of .80; tables round up to whole groups."""
    levels = {"arm": [f"level {i}" for i in range(groups)][::-1]}
    population = {"formula": "y ~ arm", "levels": levels, "of": ["arm"], "effect": {"f2": f2}}
    made = written(validated(Population, population, "t"))
    assert total - groups < made.needed(made.value(), 0.8) <= total
    sizes = resolved(plan(population, {}, targets={"power": [0.8]})).simulation.axes.n_per_group
    assert sizes[0] < total / groups < sizes[-1]


@pytest.mark.long
def test_an_omnibus_test_of_three_arms_has_the_size_of_tables():
    """Cohen's f = .25, three groups, .80: 159 people in all, found from nothing but the effect."""
    population = {
        "formula": "y ~ arm",
        "levels": {"arm": ["zzz", "+dose", "Beta"]},
        "of": ["arm"],
        "effect": {"f2": 0.0625},
    }
    found = power(
        plan(population, {"prior": ["flat"]}, replicates=4_000, targets={"power": [0.8]}), workers=1
    ).sample_size.iloc[0]
    assert 3 * found.lower - 2 <= 159 <= 3 * found.upper + 2
    assert abs(found.n_total - 159) <= 9


SLOPES = st.floats(-0.6, 0.6)


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(SLOPES, SLOPES, SLOPES, st.floats(-0.5, 0.5), st.floats(0.01, 0.5), st.floats(0, 0.6))
def test_a_population_has_the_share_that_it_is_given(a, b, c, r, f2, share):
    slopes = {"a": a, "b": b, "c": (c, -c)}
    more = {"formula": "y ~ arm * c + a + b", "of": ["arm:c", "a"], "effect": {"f2": f2}, "gap": b, "slopes": slopes}
    correlation = [{"of": "a", "with": "b", "r": r}]
    population = validated(Population, BLOCK | more | {"correlation": correlation}, "test")
    made = written(population)
    assert made.share is not None
    world = made.world
    assert made.share.f2(world)[0] == pytest.approx(f2, rel=1e-9)
    other = made.share.with_value(world, share)
    assert made.share.truth(other)[0] == pytest.approx(share, abs=1e-12)

    def r2(worlds, terms):
        moments = worlds.moments()
        large = as_group_moments(moments.assign(n=moments["n"] * 1e9))
        codes = codes_of("arm", ("waiting", "app"), "dummy")
        return float(regress(large, "y", terms, codes=codes, products="raw").r2[0])

    full, less = ("arm", "c", "b", "arm:c", "a"), ("arm", "c", "b")
    for each in (world, other):
        assert made.share.truth(each)[0] == pytest.approx(r2(each, full) - r2(each, less), abs=1e-7)
    # what the earlier terms explain stays in variance, so that the share alone is another
    explained = [r2(each, less) * float(_total(each)) for each in (world, other)]
    assert explained[0] == pytest.approx(explained[1], abs=1e-7)


def _total(worlds) -> float:
    moments = worlds.moments().sel(measure="y", measure_2="y")
    weight = (moments["n"] / moments["n"].sum()).values
    mean = moments["mean"].values[0]
    return float(weight @ (moments["cov"].values[0] + (mean - weight @ mean) ** 2))


def test_decisions_of_both_kinds_stand_beside_each_other_and_are_made_the_same_by_two(monkeypatch):
    monkeypatch.setattr("hikibayes.planning.run.plan.CHUNK", 300)
    population = BLOCK | {"effect": {"f2": 0.1}}
    rules = [
        {"name": "matters", "estimand": "delta_r2_step2", "rule": {"interval": 0.9, "above": 0.02}},
        {"name": "gap", "estimand": "difference_arm_app_minus_waiting", "rule": {"p_positive_above": 0.975}},
        {"name": "evidence", "estimand": "delta_r2_step2", "rule": {"bf10_above": 3}},
    ]
    simulation = plan(population, {"n_per_group": [60], "prior": ["weakly_informative", "flat"]}, None, 600)
    simulation = simulation.replace(
        decisions=validated(
            Simulation, {"description": "x", "population": population, "decision": rules}, "t"
        ).decisions
    )
    one, two = power(simulation, workers=1), power(simulation, workers=2)
    np.testing.assert_array_equal(one.replicates.values, two.replicates.values)
    table = one.power.set_index(["prior", "decision"]).power
    assert ("flat", "evidence") not in table.index  # a flat prior has no evidence
    assert table["flat", "gap"] == pytest.approx(0.025, abs=0.026)
    assert 0.5 < table["weakly_informative", "evidence"] < 1


@pytest.mark.parametrize(
    ("rule", "changes", "message"),
    [
        ({"interval": 0.95, "above": 0}, {}, "always holds of a share of variance"),
        ({"p_positive_above": 0.975}, {}, "says nothing of a share of variance"),
        ({"any": [{"bf10_above": 3}, {"interval": 0.95, "below": 0}]}, {}, "says nothing of a share"),
        (None, {"effect": 0.3}, "of several terms together it is f2"),
        (None, {"of": ["a", "d"]}, "no further term of the formula 'd'"),
        (None, {"of": ["a", "a"]}, "no further term of the formula 'a'"),
        ({"region_excludes_zero": 0.95}, {"of": "a"}, "excludes = 0"),
    ],
)
def test_what_cannot_be_asked_of_a_share(rule, changes, message):
    def planned() -> None:
        made = resolved(plan(BLOCK | {"effect": {"f2": 0.1}} | changes, {"n_per_group": [50]}, rule))
        prepare(made.simulation, study=made.study, models=made.models)

    with pytest.raises(InputError) as refused:
        planned()
    assert message in str(refused.value)
