"""Plans without a score, with two residual SDs, and with reliabilities of their own, against closed forms."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from hikibayes.inference.models.specs import ModelSpec
from hikibayes.planning.designs.simulation import Simulation
from hikibayes.planning.populations.columns import Frame
from hikibayes.planning.populations.fixed import FixedWorld, fixed_worlds, stated_variances
from hikibayes.planning.populations.instruments import added_error
from hikibayes.planning.power import power
from hikibayes.spec import InputError, validated
from hikibayes.study.study import Study
from hikibayes.study.study_file import load_study

NORMAL = {"dist": "Normal", "mu": 0, "sigma": 1, "reason": "test"}


@pytest.fixture(scope="module")
def moderation() -> Study:
    return load_study(Path(__file__).with_name("moderation.toml"))


def model(formula: str, *terms: str) -> ModelSpec:
    priors = dict.fromkeys(("Intercept", *terms), NORMAL)
    return ModelSpec.model_validate(
        {
            "name": "m",
            "description": "test",
            "formula": formula,
            "priors": priors | {"sigma": {"dist": "HalfStudentT", "nu": 4, "sigma": 1, "reason": "test"}},
            "variants": {"flat": {"description": "flat", "rule": "flat"}},
        }
    )


GAP, MODERATED = model("y ~ group", "group"), model("y ~ group * x", "group", "x", "group:x")


def simulated(
    study: Study, of: ModelSpec, estimand: str, *, worlds: dict, axes: dict, replicates: int = 20_000, **more
):
    simulation = Simulation.model_validate(
        {
            "description": "test",
            "study": study.id,
            "model": "m",
            "worlds": worlds,
            "axes": {"prior": ["flat"], **axes},
            "decision": [{"name": "d", "estimand": estimand, "rule": {"interval": 0.95, "excludes": 0}}],
            "run": {"replicates": replicates, "refine": False},
        }
    )
    return power(simulation, study=study, models={"m": of}, workers=1, **more)


def fixed(**world: object) -> dict:
    return {"source": ["fixed"], "fixed": world}


def t_power(gap: float, sd: float, n1: int, n2: int) -> float:
    df, ncp = n1 + n2 - 2, gap / (sd * np.sqrt(1 / n1 + 1 / n2))
    cut = stats.t.ppf(0.975, df)
    return float(stats.nct.sf(cut, df, ncp) + stats.nct.cdf(-cut, df, ncp))


def pooled_power(difference: float, sds: tuple[float, float], df: tuple[int, int], per: tuple[float, float]) -> float:
    """Power of a t test that pools two variances which differ, by quadrature over both sums of squares.

    ``per`` holds the variance of each group's estimate over its residual variance.
    """
    nodes = (np.arange(400) + 0.5) / 400
    first, second = (sd**2 * stats.chi2.ppf(nodes, k) for sd, k in zip(sds, df, strict=True))
    error = np.sqrt((first[:, None] + second) / sum(df) * sum(per))
    spread = np.sqrt(sds[0] ** 2 * per[0] + sds[1] ** 2 * per[1])
    reach = stats.t.ppf(0.975, sum(df)) * error
    return float((stats.norm.sf((reach - difference) / spread) + stats.norm.cdf((-reach - difference) / spread)).mean())


def close(row, wanted: float) -> None:
    assert abs(row.power - wanted) < 4 * row.power_mcse, f"{row.power:.4f} against {wanted:.4f}"


@pytest.mark.parametrize(("allocation", "sizes"), [("1:1", (40, 40)), ("1:9", (40, 360))])
@pytest.mark.parametrize("gap", [0.0, -0.5])
def test_a_comparison_of_two_groups_is_the_t_test(moderation, gap, allocation, sizes):
    axes = {"n_per_group": [40], "allocation": [allocation]}
    found = simulated(moderation, GAP, "gap", worlds=fixed(residual_sd=0.9, gap=gap), axes=axes)
    close(found.power.iloc[0], t_power(gap, 0.9, *sizes))
    assert found.power.failed.sum() == 0


def test_an_effect_is_the_value_of_the_first_decisions_estimand(moderation):
    axes = {"n_per_group": [40], "effect": [0.0, 0.4]}
    found = simulated(moderation, GAP, "gap", worlds=fixed(residual_sd=0.9, gap=-3), axes=axes)
    for row, gap in zip(found.power.itertuples(), (0.0, 0.4), strict=True):
        close(row, t_power(gap, 0.9, 40, 40))
        assert abs(row.bias) < 4 * row.bias_mcse


@pytest.mark.parametrize("model", ["abs_h ~ group", "abs_h ~ sex + group"])
def test_a_comparison_can_be_planned_from_what_a_study_leaves_open(settled, reconstructions, model):
    of = GAP.replace(formula=model, priors={**GAP.priors, "sex": NORMAL} if "sex" in model else dict(GAP.priors))
    worlds = {"source": ["posterior", "printed", "shrunken", "conditional"]}
    options = {"reconstructions": reconstructions, "replicates": 4_000}
    found = simulated(settled, of, "group_difference", worlds=worlds, axes={"n_per_group": [60]}, **options)
    by = found.power.set_index("worlds")
    assert by.failed.sum() == 0
    assert by.power["shrunken"] < by.power["conditional"] < by.power["printed"]
    assert by.assurance["posterior"] < by.power["printed"]
    assert by.coverage.to_numpy() == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("sizes", [(50, 50), (100, 50)])
@pytest.mark.parametrize("difference", [0.0, 0.4])
def test_two_residual_sds_make_a_pooled_test_lie(moderation, sizes, difference):
    """A pooled test makes 11 % false claims where the group of the smaller SD is twice as large."""
    axes = {"n_per_group": [min(sizes)], "allocation": [f"{sizes[0]}:{sizes[1]}"]}
    found = simulated(
        moderation, GAP, "gap", worlds=fixed(residual_sd=[0.5, 1.0], gap=difference), axes=axes, replicates=10_000
    )
    per = (1 / sizes[0], 1 / sizes[1])
    close(found.power.iloc[0], pooled_power(difference, (0.5, 1.0), (sizes[0] - 1, sizes[1] - 1), per))
    slopes = {"residual_sd": [0.5, 1.0], "slopes": {"x": [0.3, 0.3 + difference]}}
    axes |= {"predictors": ["fixed"]}
    found = simulated(moderation, MODERATED, "difference", worlds=fixed(**slopes), axes=axes, replicates=10_000)
    per = (1 / (sizes[0] - 1), 1 / (sizes[1] - 1))
    close(found.power.iloc[0], pooled_power(difference, (0.5, 1.0), (sizes[0] - 2, sizes[1] - 2), per))


def test_two_residual_sds_hold_for_participants_drawn_one_by_one(moderation):
    axes = {"n_per_group": [50], "allocation": ["2:1"], "missing": [{"share": 0.0, "on": "x", "strength": 1}]}
    world = fixed(residual_sd=[0.5, 1.0], slopes={"x": 0.3})
    found = simulated(moderation, MODERATED, "difference", worlds=world, axes=axes, replicates=10_000)
    close(found.power.iloc[0], pooled_power(0, (0.5, 1.0), (98, 48), (1 / 99, 1 / 49)))


def test_a_written_population_states_its_own_reliabilities(moderation):
    """True scores stay: with reliability b instead of a, a score's variance is a / b of what it was."""
    frame = Frame.of_model(moderation, MODERATED)
    spec = FixedWorld(
        residual_sd=(0.5, 1.0), sds={"x": 2.0}, slopes={"x": (0.3, 0.6)}, reliabilities={"x": 0.8, "y": 0.7}
    )
    world = fixed_worlds(spec, frame)
    stated, rng = stated_variances(spec, world), np.random.default_rng(1)
    assert stated["x"] == pytest.approx((0.8 * 4, 0.2 * 4))
    for planned in (0.8, 0.4, 1.0):
        seen = world.with_error_variance(added_error(moderation, {"x": planned}, rng, 1, stated))
        np.testing.assert_allclose(seen.cov, 4 * 0.8 / planned)
        np.testing.assert_allclose(seen.slope, world.slope * planned / 0.8)
    seen = world.with_error_variance(added_error(moderation, {"y": 0.5}, rng, 1, stated))
    total, before = (stated_variances(spec, each)["y"][0] for each in (seen, world))
    assert total == pytest.approx(before * 0.7 / 0.5)


def test_its_reliabilities_reach_the_simulated_studies(moderation):
    world = fixed(residual_sd=0.6, slopes={"x": [0.0, 0.4]}, reliabilities={"x": 0.8})
    axes = {"n_per_group": [200], "reliability": ["as_printed", {"x": 0.8}, {"x": 0.4}]}
    found = simulated(moderation, MODERATED, "difference", worlds=world, axes=axes, replicates=2_000)
    assert found.power.bias.to_numpy() == pytest.approx([0, 0, -0.2], abs=0.01)


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.sampled_from([("zulu", "alpha"), ("b", "a"), ("a", "b")]),
    n=st.integers(5, 60),
    allocation=st.sampled_from([(1, 1), (1, 9), (5, 2)]),
    sds=st.tuples(st.floats(0.2, 3), st.floats(0.2, 3)),
    size=st.floats(-4, 4),
)
def test_random_comparisons_have_the_power_of_the_pooled_test(moderation, names, n, allocation, sds, size):
    """Whatever the groups are called, however they are sized and spread."""
    content = moderation.model_dump_json(exclude_unset=True)
    for old, new in zip(("control", "case"), names, strict=True):
        content = content.replace(f'"{old}"', f'"{new}"')
    study = validated(Study, json.loads(content), "study")
    n1, n2 = (-(-n * part // min(allocation)) for part in allocation)
    gap = size * np.sqrt(sds[0] ** 2 / n1 + sds[1] ** 2 / n2)
    axes = {"n_per_group": [n], "allocation": [f"{allocation[0]}:{allocation[1]}"]}
    world = fixed(residual_sd=sds, gap=gap)
    row = simulated(study, GAP, "gap", worlds=world, axes=axes, replicates=2_000).power.iloc[0]
    wanted = pooled_power(gap, sds, (n1 - 1, n2 - 1), (1 / n1, 1 / n2))
    assert abs(row.power - wanted) < 4.5 * np.sqrt(wanted * (1 - wanted) / 2_000) + 0.001
    assert row.n_total == n1 + n2


def test_a_slope_needs_the_measures_of_its_step(moderation):
    with pytest.raises(InputError, match="slope of step 'three', and the populations have no a, b; give worlds.model"):
        simulated(moderation, model("y ~ x", "x"), "slope_x", worlds=fixed(residual_sd=1), axes={"n_per_group": [20]})
