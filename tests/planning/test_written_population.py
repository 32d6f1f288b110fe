"""Plans without a publication: a population that is written down, against noncentral t and F."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from hikibayes.cli import main
from hikibayes.planning.designs.axes import Axes
from hikibayes.planning.designs.population import Population
from hikibayes.planning.designs.resolved import effect_of, one_liner, resolved, short_form
from hikibayes.planning.designs.simulation import Costs, Simulation
from hikibayes.planning.populations.expected import expected
from hikibayes.planning.populations.written import written
from hikibayes.planning.power import power
from hikibayes.spec import InputError, validated

PLAN = {"description": "test", "run": {"replicates": 20_000, "refine": False}}


def simulated(population: dict, axes: dict, **more):
    content = {**PLAN, "population": population, "axes": {"prior": ["flat"], **axes}, **more}
    return power(Simulation.model_validate(content), workers=1).power


def one_sided(ncp: float, df: int) -> float:
    return float(stats.nct.sf(stats.t.ppf(0.975, df), df, ncp))


def close(row, wanted: float) -> None:
    assert abs(row.power - wanted) < 4 * row.power_mcse, f"{row.power:.4f} against {wanted:.4f}"


@pytest.mark.parametrize(("allocation", "sizes"), [("1:1", (50, 50)), ("1:3", (50, 150))])
def test_d_is_the_t_test(allocation, sizes):
    found = simulated({"effect": 0.4, "residual_sd": 2.5}, {"n_per_group": [50], "allocation": [allocation]})
    close(found.iloc[0], one_sided(0.4 / np.sqrt(1 / sizes[0] + 1 / sizes[1]), sum(sizes) - 2))


@pytest.mark.parametrize("formula", ["y ~ group", "y ~ group + x"])
def test_f2_is_the_f_test_of_one_term(formula):
    """With fixed scores F has noncentrality f2 times the degrees of freedom of the design around its means."""
    population = {
        "formula": formula,
        "effect": {"f2": 0.08},
        "of": "group",
        "slopes": {"x": 0.7} if "x" in formula else {},
    }
    axes = {"n_per_group": [45], "predictors": ["fixed"]}
    two_sided = [{"name": "d", "rule": {"interval": 0.95, "excludes": 0}}]
    found = simulated(population, axes, decision=two_sided)
    p = formula.count("+") + 1
    wanted = stats.ncf.sf(stats.f.ppf(0.95, 1, 89 - p), 1, 89 - p, 0.08 * 90)
    close(found.iloc[0], float(wanted))


def test_beta_is_the_standardised_slope_of_one_group_by_quadrature_over_the_scores_spread():
    """With one random score the test of a slope is the test of a correlation."""
    found = simulated({"formula": "y ~ x", "effect": {"beta": 0.3}}, {"n_per_group": [60]})
    spread = stats.chi2.ppf((np.arange(2000) + 0.5) / 2000, 59)
    slope = 0.3 / np.sqrt(1 - 0.09)
    close(found.iloc[0], float(np.mean(stats.nct.sf(stats.t.ppf(0.975, 58), 58, slope * np.sqrt(spread)))))
    assert found.n_total[0] == 60


def test_three_groups_have_a_residual_df_of_their_own():
    population = {"formula": "y ~ arm", "levels": {"arm": ["a", "b", "c"]}, "gap": [0, 0.2, 0.5], "of": "arm"}
    found = simulated(population, {"n_per_group": [40], "allocation": ["2:1:1"]})
    assert found.n_total[0] == 160
    close(found.iloc[0], one_sided(0.5 / np.sqrt(1 / 80 + 1 / 40), 157))


def test_three_groups_by_an_exchangeable_prior_do_not_depend_on_the_reference():
    """The difference of the last two levels has the same power whichever level is the reference."""

    def share(order: list[str], gaps: list[float]) -> float:
        name = "difference_arm_c_minus_b" if order.index("c") > order.index("b") else "difference_arm_b_minus_c"
        side = "above" if name.endswith("minus_b") else "below"
        rule = [{"name": "d", "estimand": name, "rule": {"interval": 0.95, side: 0}}]
        population = {"formula": "y ~ arm", "levels": {"arm": order}, "gap": gaps}
        return simulated(population, {"n_per_group": [20], "prior": ["weakly_informative"]}, decision=rule).power[0]

    assert share(["a", "b", "c"], [0, 0.1, 0.9]) == pytest.approx(share(["c", "b", "a"], [0, -0.8, -0.9]), abs=0.02)


SIZES = st.floats(0.02, 0.8)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_an_effect_has_the_size_that_was_written_whatever_else_is(data):
    """Of a random population, the size is recomputed from its moments by another road."""
    unit = data.draw(st.sampled_from(["d", "beta", "f2", "raw"]))
    size = data.draw(SIZES) if unit in ("f2", "d", "raw") else data.draw(st.floats(-0.6, 0.6))
    of = data.draw(st.sampled_from(["x", "group:x"] if unit == "beta" else ["group", "x", "group:x"]))
    content = {
        "formula": "y ~ group + x + z" + (" + group:x" if of == "group:x" else ""),
        "effect": {unit: size},
        "of": of,
        "residual_sd": data.draw(st.floats(0.3, 3)),
        "slopes": {"z": data.draw(st.floats(-1, 1)), "x": 0.3},
        "sds": {"x": data.draw(st.floats(0.5, 2))},
        "means": {"x": [0, data.draw(st.floats(-1, 1))]},
        "correlation": [{"of": "x", "with": "z", "r": data.draw(st.floats(-0.8, 0.8))}],
    }
    made = written(Population.model_validate(content))
    value, world = float(made.world.truth(made.main)[0]), made.world
    again = written(
        Population.model_validate(
            {k: v for k, v in content.items() if k != "effect"} | made.fixed().model_dump(by_alias=True)
        )
    )
    assert float(again.world.truth(made.main)[0]) == pytest.approx(value, abs=1e-12)
    counts = np.full(len(made.columns.frame.cells), 0.5)
    stats_of = expected(made.columns, world, counts)
    if unit == "raw":
        assert value == pytest.approx(size)
    elif unit == "d":
        assert value / content["residual_sd"] == pytest.approx(size)
    elif unit == "f2":
        kept = [i for i, name in enumerate(stats_of.names) if name != of]
        whole = explained(stats_of, list(range(len(stats_of.names))))
        assert (whole - explained(stats_of, kept)) / content["residual_sd"] ** 2 == pytest.approx(size, rel=1e-8)
    else:
        x = list(stats_of.names).index("x")
        sd_x = np.sqrt(stats_of.sxx[0, x, x])
        assert value * sd_x / np.sqrt(stats_of.syy[0]) == pytest.approx(size, abs=1e-8)


def explained(found, columns) -> float:
    xy = found.sxy[0, columns]
    return float(xy @ np.linalg.solve(found.sxx[0][np.ix_(columns, columns)], xy))


def test_sizes_are_looked_for_around_what_an_effect_needs():
    found = power(one_liner(0.5).replace(run={"replicates": 4_000}), workers=1)
    flat = found.sample_size[found.sample_size.prior == "flat"].set_index("target")
    for target, n in ((0.8, 64), (0.9, 86)):  # the usual tables
        assert flat.lower[target] - 1 <= n <= flat.upper[target] + 1


def typed(*words: object):
    return CliRunner().invoke(main, [str(word) for word in words])


def test_sizes_of_a_width_are_looked_for_around_what_makes_an_interval_so_narrow():
    narrow = {"name": "narrow", "rule": {"interval": 0.95, "narrower_than": 0.5}}

    def sizes(effect, decisions):
        content = {**PLAN, "population": {"effect": effect}, "decision": decisions, "targets": {"power": [0.8]}}
        return resolved(Simulation.model_validate(content)).simulation.axes.n_per_group

    wanted = 2 * (1.96 / 0.25) ** 2
    assert {round(size / wanted, 1) for size in sizes(0.2, [narrow])} >= {0.6, 1.0, 1.6}
    assert sizes(0.2, [narrow]) == sizes(2.0, [narrow])
    above = {"name": "above", "rule": {"interval": 0.95, "above": 0}}
    assert set(sizes(0.2, [narrow, above])) == {*sizes(0.2, [narrow]), *sizes(0.2, [above])}


def test_one_line_leaves_a_simulation_that_can_be_run_again(tmp_path):
    found = typed("power", "--effect", "f2=0.1", "--per-group", 30, "--replicates", 200, "-o", tmp_path / "a")
    assert found.exit_code == 0, found.output
    text = (tmp_path / "a" / "simulation.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text)["population"]["effect"] == {"f2": 0.1}
    assert typed("replay", tmp_path / "a").exit_code == 0
    again = typed("power", tmp_path / "a" / "simulation.toml", "-o", tmp_path / "b")
    assert again.exit_code == 0, again.output
    for name in ("power.csv", "simulation.toml", "report.html"):
        first, second = ((tmp_path / run / name).read_bytes() for run in "ab")
        assert first == second or name == "report.html"
    report = (tmp_path / "a" / "report.html").read_text(encoding="utf-8")
    assert "reanalysis" not in report.split("<main")[0]


def test_a_resolved_plan_is_resolved_once():
    once = resolved(one_liner(effect_of("beta=0.2"), (50,), "y ~ x + z")).simulation
    assert resolved(once).simulation == once
    assert resolved(Simulation.model_validate(tomllib.loads(short_form(once)))).simulation == once


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--effect", "large"), "'large' is no effect"),
        (("--effect", "g=0.3"), "g"),
        (("--effect", "beta=1.2"), "beta"),
        (("--effect", "nan"), "effect"),
        (("--effect", "0"), "an effect of 0 has no size that finds it"),
        (("--effect", "0.0001"), "at most 10,000,000"),
        (("--effect", "0.3", "followup"), "goes without a SIMULATION"),
        (("--effect", "0.3", "--per-group", "50", "--per-group", "50"), "axis 'n_per_group' has 50 twice"),
        (("--per-group", "50"), "goes with --effect"),
        (("--effect", "beta=.3"), "beta is per SD of a score"),
        (("--effect", "0.3", "--formula", "y ~ "), "formula"),
        (("--effect", "0.3", "--formula", "y ~ x:z:v + x + z"), "nor a square or product of two"),
    ],
)
def test_bad_one_liners(words, message, tmp_path):
    found = typed("power", *words, "-o", tmp_path / "run")
    assert found.exit_code == 2, found.output
    assert message in found.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gap": [0, 1, 2]}, "population.gap: has 3 values"),
        ({"slopes": {"group": 0.3}}, "'group' holds the groups; gap says how they differ"),
        ({"shares": {"group": [0.5, 0.5]}}, "'group' holds the groups; the axis allocation says"),
        ({"effect": "viel"}, "a number is expected, which is d, or one with its unit"),
        ({"effect": [0.3]}, "a number is expected, which is d, or one with its unit"),
        ({"of": "sex"}, "population.of"),
        ({"levels": {"sex": ["f", "m"]}}, "population.levels"),
        ({"slopes": {"u": 1}}, "population.slopes"),
        ({"effect": {"d": 0.3, "f2": 0.1}}, "exactly one of the units"),
        ({"residual_sd": 0}, "residual_sd"),
    ],
)
def test_bad_populations(change, message):
    def planned() -> None:
        content = {**PLAN, "population": change, "axes": {"n_per_group": [50]}}
        power(validated(Simulation, content, "plan.toml"), workers=1)

    with pytest.raises(InputError) as refused:
        planned()
    assert message in str(refused.value)


def test_an_allocation_has_a_part_for_each_group():
    with pytest.raises(InputError, match="there is one group"):
        simulated({"formula": "y ~ x", "effect": {"beta": 0.3}}, {"n_per_group": [60], "allocation": ["2:1"]})


def test_a_score_stands_in_for_a_category():
    """Half of the people in each of two levels: SD .5. Power is a matter of first and second moments."""
    levels, more = (
        {"arm": ["b", "a"]},
        {"effect": 0.5, "of": "arm", "formula": "y ~ arm + site", "slopes": {"site": 0.8}},
    )
    category = more | {"levels": levels | {"site": ["z", "y"]}}
    score = more | {"levels": levels, "sds": {"site": 0.5}}
    rows = []
    for population in (category, score):
        content = {"description": "t", "population": population, "axes": {"n_per_group": [50], "prior": ["flat"]}}
        found = power(validated(Simulation, content, "t"), replicates=8_000, workers=1)
        rows.append(found.power.iloc[0])
    assert rows[0].power == pytest.approx(rows[1].power, abs=4 * 2**0.5 * rows[0].power_mcse)


def test_default_priors_are_in_the_units_of_the_population():
    """Otherwise a plan in points has the priors of one in SD: so narrow that no size finds anything."""
    usual = {"Intercept": 1, "g": 1, "x": 0.5, "w": 0.5, "g:x": 0.25, "x:w": 0.25, "sigma": 1}

    def population(y: float, x: float) -> dict:
        unit = {"residual_sd": [0.6 * y, (2 - 0.36) ** 0.5 * y], "sds": {"x": x}}
        slopes = {"slopes": {"x": 0.3 * y / x, "x:w": 0.1 * y / x}, "of": "g:x", "effect": {"d": 0.5 / x}}
        return unit | slopes | {"formula": "y ~ g * x + x * w", "levels": {"g": ["z", "a"]}}

    def priors(y: float, x: float) -> dict[str, float]:
        model = written(validated(Population, population(y, x), "t")).model
        sceptical = model.variants["sceptical"].priors["g:x"].parameters["sigma"]
        return {name: prior.parameters["sigma"] for name, prior in model.priors.items()} | {"sceptical": sceptical}

    assert priors(1, 1) == pytest.approx(usual | {"sceptical": 0.1})
    large = {name: 12 * sd / (40 if "x" in name else 1) for name, sd in usual.items()}
    assert priors(12, 40) == pytest.approx(large | {"sceptical": 0.1 * 12 / 40})
    assert priors(0.6, 1) == pytest.approx(
        usual | {"sceptical": 0.1}
    )  # an outcome in SD, of which the rest is explained
    axes = {"n_per_group": [60], "prior": ["weakly_informative"]}
    small, large = (simulated(population(*each), axes).power.iloc[0] for each in [(1, 1), (12, 40)])
    assert 0.1 < small < 0.9
    assert small == pytest.approx(large, abs=4 * 2**0.5 * 0.5 / 20_000**0.5)


@pytest.mark.parametrize(
    ("person", "ratio"), [((2_000_000.0, 1.0), "1:1410"), ((1.0, 998.0**2), "998:1"), ((1.0, 999.6**2), "1000:1")]
)
def test_ratios_of_very_different_prices_have_no_exponent(person, ratio):
    assert Costs(person=person).ratio(2, (1.0, 1.0)) == ratio
    Axes(allocation=(ratio,))


def test_prices_that_no_ratio_balances_are_one_message():
    with pytest.raises(InputError, match=r"person: differ so much that one group would be millions"):
        Costs(person=(1e12, 1e-9)).ratio(2, (1.0, 1.0))


def test_predictors_of_which_nothing_is_said_are_named():
    population = Population(formula="y ~ group * sex + x + z", slopes={"x": 0.3}, means={"z": 1.0})
    assert population.taken_as_scores == ("sex",)
    assert population.replace(levels={"group": ("a", "b"), "sex": ("f", "m")}).taken_as_scores == ()
    plan = one_liner(0.5, (40,), "y ~ group * sex")
    said = power(plan.replace(run={"replicates": 50}), workers=1).warnings
    assert [each for each in said if each.startswith("sex is taken as a score with SD 1; [population] levels")]


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ([[0.6, 0.4]], "one share for each of f, m is expected, or as many for each of the 2 groups"),
        ([[0.6, 0.4]] * 3, "as many for each of the 2 groups"),
        ([0.6, 0.3, 0.1], "one share for each of f, m"),
        ([[0.6, 0.4], [0.5, 0.3, 0.2]], "one share for each of f, m"),
    ],
)
def test_shares_of_another_shape_are_refused(shares, message):
    levels = {"group": ["a", "b"], "sex": ["f", "m"]}
    written_so = {"formula": "y ~ group * sex", "levels": levels, "shares": {"sex": shares}, "effect": 0.3}
    content = {**PLAN, "population": written_so, "axes": {"n_per_group": [50]}}
    with pytest.raises(InputError, match=message):
        power(validated(Simulation, content, "plan.toml"), workers=1)


def test_a_ratio_of_too_many_digits_says_so():
    with pytest.raises(InputError, match="at most seven digits"):
        validated(Axes, {"allocation": ["1:100000000"]}, "axes")
