"""Looks at a running study, against recursions by rpact 3.3.4, quadrature, and a million studies simulated by rows."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from hikibayes.cli import main
from hikibayes.inference.gaussian.sufficient import SufficientStatistics
from hikibayes.planning.designs.axes import WorldsSpec
from hikibayes.planning.designs.looks import Looks, calibrated, crossing
from hikibayes.planning.designs.resolved import resolved
from hikibayes.planning.designs.rules import Rule
from hikibayes.planning.designs.simulation import Simulation
from hikibayes.planning.power import power
from hikibayes.planning.run.looks import merged, predictive_probability
from hikibayes.planning.run.plan import prepare
from hikibayes.spec import InputError, validated

FIVE, EIGHT = np.array([40, 80, 120, 160, 200.0]), np.arange(50.0, 401, 50)
FIFTY = EIGHT[:4]
UNIT = 0.8
"""Variance of the estimate, times n per group."""


def expected_n(n: np.ndarray, ended: np.ndarray) -> float:
    left = 1 - np.concatenate([[0], np.cumsum(ended[:-1])])
    return float(left @ np.diff(n, prepend=0))


def bounds_of_p(n: np.ndarray, p: float, prior_sd: float | None) -> np.ndarray:
    """z from which P(> 0) is at least p."""
    s = np.sqrt(UNIT / n)
    return stats.norm.ppf(p) * (np.ones(len(n)) if prior_sd is None else s * np.sqrt(prior_sd**-2 + s**-2))


@pytest.mark.parametrize(
    ("p", "prior_sd", "theta", "claim", "n"),
    [
        (0.975, None, 0.0, 0.07085880091, 192.6688951),  # Armitage, McPherson & Rowe 1969: .142 on two sides
        (0.975, None, 0.29, 0.9970575669, 67.01992664),
        (0.975, 0.1, 0.0, 0.01715268309, 199.0842368),
        (0.975, 0.1, 0.29, 0.9900796069, 101.7428532),
        (0.9921, None, 0.0, 0.02497965964, 197.5273158),
    ],
)
def test_the_recursion_has_rpacts_digits(p, prior_sd, theta, claim, n):
    high = bounds_of_p(FIVE, p, prior_sd)
    _, above = crossing(FIVE / 200, np.full(5, -np.inf), high, theta / np.sqrt(UNIT / 200))
    assert above.sum() == pytest.approx(claim, rel=1e-6)
    assert expected_n(FIVE, above) == pytest.approx(n, rel=1e-6)


def test_the_recursion_takes_a_corridor_with_two_sides():
    """Futility by the predictive probability of P(> 0) >= .975 at the end."""
    v, last = UNIT / FIVE, UNIT / 200
    q = stats.norm.ppf(0.975) * np.sqrt(last)
    with np.errstate(divide="ignore"):
        low = (q + stats.norm.ppf(0.1) * np.sqrt(v - last)) / np.sqrt(v)
    low[-1] = -np.inf
    below, above = crossing(FIVE / 200, low, np.full(5, stats.norm.ppf(0.975)))
    assert above.sum() == pytest.approx(0.06577202156, rel=1e-6)
    assert below.sum() == pytest.approx(0.8896176046, rel=1e-6)
    assert expected_n(FIVE, above + below) == pytest.approx(83.68186368, rel=1e-6)


def test_a_calibrated_threshold_is_pococks():
    assert stats.norm.ppf(calibrated(Looks(at=(0.2, 0.4, 0.6, 0.8, 1.0)))) == pytest.approx(2.413, abs=5e-4)
    assert calibrated(Looks(at=(1.0,))) == pytest.approx(0.975, abs=1e-9)


@pytest.mark.parametrize(("prior_mean", "prior_sd", "wanted"), [(0, np.inf, 0.6598879293), (0.29, 0.118, 0.9804040337)])
def test_the_predictive_probability_of_a_conclusion(prior_mean, prior_sd, wanted):
    precision, of_data = prior_sd**-2, 60 / UNIT
    mean = (precision * prior_mean + of_data * 0.18) / (precision + of_data)
    sd = np.array([(precision + of_data) ** -0.5])
    rules = [{"p_positive_above": 0.975}, {"interval": 0.95, "above": 0}]
    for rule in rules:
        found = predictive_probability(np.array([mean]), sd, 0.4, prior_sd**2, Rule.model_validate(rule))
        assert found[0] == pytest.approx(wanted, rel=1e-8)
    mirrored = predictive_probability(
        np.array([-mean]), sd, 0.4, prior_sd**2, Rule.model_validate({"p_positive_below": 0.025})
    )
    assert mirrored[0] == pytest.approx(wanted, rel=1e-8)


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(0, 40), st.integers(1, 4))
def test_statistics_of_two_samples_together_are_those_of_all_rows(seed, n, m, p):
    rng = np.random.default_rng(seed)
    rows, names = rng.normal(3, 2, (n + m, p + 1)), [f"x{i}" for i in range(p)]
    parts = [
        SufficientStatistics.from_rows(part[:, :-1], part[:, -1], names)
        for part in (rows[:n], rows[n:])
        if len(part) > 1
    ]
    if len(parts) < 2:
        return
    together, whole = merged(*parts), SufficientStatistics.from_rows(rows[:, :-1], rows[:, -1], names)
    for name in ("n", "x_mean", "y_mean", "sxx", "sxy", "syy"):
        np.testing.assert_allclose(getattr(together, name), getattr(whole, name), rtol=1e-10, atol=1e-10)


WIDE = {"dist": "Normal", "mu": 0, "sigma": 100, "reason": "test"}


def slopes(rule: dict, against: dict | None, prior: str, replicates: int = 20_000, **more):
    """A difference of slopes, x ~ N(0, 1), residual variance .4, looks at 40, 80 and 120 a group."""
    content = {
        "description": "test",
        "population": {
            "formula": "y ~ group * x",
            "residual_sd": 0.4**0.5,
            "slopes": {"x": 0.11},
            "effect": {"raw": 0.29},
        },
        "axes": {"n_per_group": [120], "prior": [prior]},
        "looks": {"at": [1 / 3, 2 / 3, 1.0], **more},
        "decision": [{"name": "d", "rule": rule, **({"against": against} if against else {})}],
        "run": {"replicates": replicates, "refine": False},
    }
    return Simulation.model_validate(content)


def near(found: float, wanted: float, error: float) -> None:
    assert abs(found - wanted) < 4 * error, f"{found:.4f} against {wanted:.4f} ± {error:.4f}"


def test_a_rule_at_three_looks_errs_and_ends_as_a_million_studies_by_rows_do():
    found = power(slopes({"p_positive_above": 0.975}, None, "flat"), workers=1)
    by_effect = found.power.set_index(found.power.effect.astype(str))
    for effect, claim, n in (("0.0", 0.0539815, 117.33618), ("as_planned", 0.948485, 66.74204)):
        row = by_effect.loc[effect]
        near(row.power, claim, row.power_mcse)
        near(row.expected_n / 2, n, row.expected_n_mcse / 2)
    ended = found.looks.groupby(found.looks.effect.astype(str)).stop.sum()
    np.testing.assert_allclose(ended, 1)
    assert by_effect.exaggeration["as_planned"] > 1.1  # who ends early has been lucky


def test_bayes_factors_for_and_against_end_a_study():
    """Under the default prior of the product, N(0, .25²), and its weak ones for all else."""
    found = power(slopes({"bf10_above": 6}, {"bf10_below": 1 / 3}, "weakly_informative"), workers=1)
    null = found.power.set_index(found.power.effect.astype(str)).loc["0.0"]
    near(null.against, 0.2575485, np.hypot(null.against_mcse, 0.001))
    near(null.expected_n / 2, 118.51248, np.hypot(null.expected_n_mcse / 2, 0.05))
    assert null.power + null.against + null.undecided + null.futile == pytest.approx(1)
    # the reference counts conclusions of one sign, the rule here has two
    near(null.power / 2, 0.0128625, null.power_mcse / 2)


LARGE = 100
"""Times as many people with as many times the residual variance: the normal form holds, and so do its digits."""


@pytest.mark.parametrize(
    ("n", "rule", "against", "effect", "claim", "no_effect", "mean_n"),
    [
        (EIGHT, {"bf10_above": 10}, {"bf10_below": 1 / 3}, 0.0, 2 * 0.01081681501, 0.8784823628, 218.0146461),
        (EIGHT, {"bf10_above": 10}, {"bf10_below": 1 / 3}, 0.29, 0.9994850833, 0.0004282306745, 106.870904),
        (FIFTY, {"p_positive_above": 0.975}, None, {"mu": 0.24, "sigma": 0.1}, 0.8491320797, 0.0, 106.5599669),
    ],
)
def test_recursions_with_a_prior_and_with_evidence_for_nothing(n, rule, against, effect, claim, no_effect, mean_n):
    """Four and eight looks under N(0, .25); an effect that is drawn; both signs conclude."""
    asked = slopes(rule, against, "weakly_informative", replicates=10_000)
    written = asked.population.replace(residual_sd=(LARGE * 0.4) ** 0.5, effect=None)
    name = "slope_difference_x_treated_minus_control"
    drawn = isinstance(effect, dict)
    prior = {"group:x": {"dist": "Normal", "mu": 0, "sigma": 0.25, "reason": "the reference case"}}
    axes = {"n_per_group": (int(n[-1]) * LARGE,), "prior": ("stated",), "effect": () if drawn else (effect or 0.0,)}
    plan = asked.replace(
        population=written,
        priors=prior,
        axes=asked.axes.replace(**axes),
        looks=asked.looks.replace(at=tuple(n / n[-1])),
        decisions=[asked.decisions[0].replace(estimand=name)],
    )
    if drawn:
        stated = {name: {"dist": "Normal", **effect, "reason": "the reference case"}}
        plan = plan.replace(worlds=validated(WorldsSpec, {"effect": stated}, "worlds"))
    table = power(plan, workers=1).power
    row = table[table["effect"].astype(str) != "0.0"].iloc[0] if drawn or effect else table.iloc[0]
    concluded = row["assurance"] if drawn else row["power"]
    error = row["assurance_mcse"] if drawn else row["power_mcse"]
    near(concluded, 0.8489365301 if drawn else claim, error + 2e-4)
    near(row["expected_n"] / 2 / LARGE, mean_n, row["expected_n_mcse"] / 2 / LARGE)
    if against:
        near(row["against"], no_effect, row["against_mcse"] + 2e-4)


def test_futility_ends_as_its_recursion_says():
    found = power(
        Simulation.model_validate(
            {
                "description": "test",
                "population": {"effect": 0.3},
                "axes": {"n_per_group": [400], "prior": ["flat"]},
                "looks": {"at": [0.2, 0.4, 0.6, 0.8, 1.0], "futility": {"predictive_below": 0.1}},
                "decision": [{"name": "d", "rule": {"p_positive_above": 0.975}}],
                "run": {"replicates": 20_000, "refine": False},
            }
        ),
        workers=1,
    )
    null = found.power.set_index(found.power.effect.astype(str)).loc["0.0"]
    near(null.power, 0.06577202156, null.power_mcse)
    near(null.futile, 0.8896176046, null.futile_mcse)
    near(null.expected_n / 800, 83.68186368 / 200, null.expected_n_mcse / 800)


def test_success_by_predictive_probability_ends_as_normal_integrals_say():
    """Four looks of 400 a group, flat prior: P(> 0) > .975 at the end is foreseen with .9, or given up below .05."""
    share, q = np.array([0.25, 0.5, 0.75, 1.0]), stats.norm.ppf(0.975)
    high = np.sqrt(share) * q + np.sqrt(1 - share) * stats.norm.ppf(0.9)
    low = np.append((np.sqrt(share) * q + np.sqrt(1 - share) * stats.norm.ppf(0.05))[:-1], -np.inf)
    correlation = np.sqrt(np.minimum.outer(share, share) / np.maximum.outer(share, share))
    found = power(futile_or_foreseen({"p_positive_above": 0.975}), workers=1)
    for effect, drift in (("0.0", 0.0), ("as_planned", 0.2 * np.sqrt(200))):
        mean = drift * np.sqrt(share)
        at = found.looks[found.looks.effect.astype(str) == effect]
        left = 1.0
        for k in range(4):
            upper = np.append(high[:k], np.inf)
            region = {"mean": mean[: k + 1], "cov": correlation[: k + 1, : k + 1]}
            inside = stats.multivariate_normal.cdf(upper, lower_limit=np.append(low[:k], high[k]), **region)
            near(at["for"].iloc[k], inside, np.sqrt(inside * (1 - inside) / 20_000) + 5e-4)
            left -= inside
        near(at["futile"].sum() + at["undecided"].sum(), left, np.sqrt(left * (1 - left) / 20_000) + 5e-4)
        row = found.power[found.power.effect.astype(str) == effect].iloc[0]
        assert row.power == pytest.approx(at["for"].sum())  # an early conclusion counts, though the rule may not hold


def futile_or_foreseen(rule: dict, **looks) -> Simulation:
    return Simulation.model_validate(
        {
            "description": "test",
            "population": {"effect": 0.2},
            "axes": {"n_per_group": [400], "prior": ["flat"]},
            "looks": {
                "at": [0.25, 0.5, 0.75, 1.0],
                "success": {"predictive_above": 0.9},
                "futility": {"predictive_below": 0.05},
            }
            | looks,
            "decision": [{"name": "d", "rule": rule}],
            "run": {"replicates": 20_000, "refine": False},
        }
    )


@pytest.mark.parametrize("success", [{"predictive_above": 0.8}, {"predictive_above": 0.3}, {"p_positive_above": 0.99}])
def test_a_threshold_is_calibrated_for_what_concludes_before(success):
    plan = futile_or_foreseen({"p_positive_above": "calibrated"}, success=success, futility=None)
    found = power(plan, workers=1).power
    null = found[found.effect == 0.0].iloc[0]
    near(null.power, 0.025, null.power_mcse + 2e-4)


def test_an_early_boundary_of_another_height_is_haybittles_and_petos():
    """P(> 0) > .9995 before the end costs next to nothing: .975 stays the threshold there."""
    looks = Looks.model_validate({"at": [0.2, 0.4, 0.6, 0.8, 1.0], "success": {"p_positive_above": 0.9995}})
    assert stats.norm.ppf(calibrated(looks)) == pytest.approx(1.9675, abs=0.002)


def test_one_look_at_the_end_is_no_look():
    plan = slopes({"interval": 0.95, "above": 0}, None, "flat", replicates=4_000)
    with_one = power(plan.replace(looks=Looks(at=(1.0,))), workers=1).power
    without = power(plan.replace(looks=None), workers=1).power
    assert with_one.power[0] == pytest.approx(without.power[0], abs=4 * np.sqrt(2) * without.power_mcse[0])
    assert (with_one.expected_n == 240).all()


def test_workers_and_longer_runs_change_nothing():
    plan = slopes({"p_positive_above": 0.975}, None, "flat", replicates=4_500)
    one, two = power(plan, workers=1), power(plan, workers=2)
    np.testing.assert_array_equal(one.replicates.values, two.replicates.values)
    shorter = power(plan, replicates=2_500, workers=1)
    np.testing.assert_array_equal(shorter.replicates.values, one.replicates.values[..., :2_500])


def test_a_run_with_looks_is_kept_and_made_again(tmp_path):
    text = """
description = "Looks"
[population]
effect = 0.6
[axes]
n_per_group = [40]
prior = ["flat"]  # so that the effects alone are compared in the figure
[looks]
at = [0.5, 1.0]
success = {predictive_above = 0.9}
futility = {p_positive_below = 0.4}
[[decision]]
name = "better"
rule = {p_positive_above = "calibrated"}
[run]
replicates = 300
"""
    (tmp_path / "plan.toml").write_text(text, encoding="utf-8")
    for words in (
        ("power", tmp_path / "plan.toml", "-o", tmp_path / "a"),
        ("replay", tmp_path / "a"),
        ("diagnose", tmp_path / "a"),
    ):
        found = CliRunner().invoke(main, list(map(str, words)))
        assert found.exit_code == 0, found.output
    said = (tmp_path / "a" / "proposal.txt").read_text(encoding="utf-8")
    assert "participants on average" in said
    assert "if the predictive probability of the conclusion at the last look is above 0.9, and at the end" in said
    assert "When the study ends" in (tmp_path / "a" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("looks", "rule", "message"),
    [
        ({"at": [0.5, 1.5]}, {"p_positive_above": 0.975}, "looks.at"),
        ({"at": [0.5, 0.9]}, {"p_positive_above": 0.975}, "the last is at 1"),
        ({"at": [0.5, 0.4, 1]}, {"p_positive_above": 0.975}, "looks rise"),
        ({"at": []}, {"p_positive_above": 0.975}, "looks.at"),
        ({"at": [i / 11 for i in range(1, 12)]}, {"p_positive_above": 0.975}, "looks.at"),
        ({"at": [0.5, 1], "futility": {"predictive_below": 0}}, {"p_positive_above": 0.975}, "looks.futility"),
        (
            {"at": [0.5, 1], "futility": {"predictive_below": 0.1}},
            {"interval": 0.95, "excludes": 0},
            "one side of a value",
        ),
        (
            {"at": [0.5, 1], "success": {"predictive_above": 0.9}},
            {"bf10_above": 3},
            "one side of a value",
        ),
        (
            {"at": [0.5, 1], "success": {"p_positive_above": 0.9}},
            {"p_positive_above": "calibrated"},
            "concludes by itself in more than 2.5% where there is no effect",
        ),
        (
            {"at": [0.5, 1], "success": {"bf10_above": 6}},
            {"p_positive_above": "calibrated"},
            "goes with p_positive_above",
        ),
        (
            {"at": [0.5, 1], "success": {"p_positive_above": "calibrated"}},
            {"p_positive_above": 0.975},
            "for the decision's rule",
        ),
        (
            {"at": [0.5, 1], "futility": {"interval": 0.9, "below": 0}},
            {"interval": 0.95, "above": 0},
            "use one interval",
        ),
        ({"at": [0.5, 1], "futility": {"bf10_below": 1 / 3}}, {"bf10_above": 3}, "no data of 5 participants"),
        ({"at": [0.5, 0.51, 1]}, {"p_positive_above": 0.975}, "two looks are at 6 participants"),
        ({"at": [0.5, 1]}, {"bf10_below": 1 / 3}, "no data of 10 participants"),
        (None, {"p_positive_above": "calibrated"}, "several [looks]"),
    ],
)
def test_looks_that_cannot_be(looks, rule, message):
    content = {
        "description": "test",
        "population": {"effect": {"raw": 0.3}},
        "axes": {"n_per_group": [5], "prior": ["weakly_informative"]},
        "decision": [{"name": "d", "rule": rule}],
    }

    def planned() -> None:
        made = resolved(validated(Simulation, content | ({"looks": looks} if looks else {}), "plan.toml"))
        prepare(made.simulation, study=made.study, models=made.models)

    with pytest.raises(InputError) as refused:
        planned()
    assert message in str(refused.value)


def test_the_size_from_which_evidence_for_nothing_can_be_had():
    """(B² - 1) u / w², with u the squared standard error times n and w the prior's SD: 448 a group for B = 6 here."""
    plan = slopes({"bf10_above": 6}, {"bf10_below": 1 / 6}, "weakly_informative")
    made = resolved(plan)
    with pytest.raises(InputError, match=r"it takes about 89\d ") as refused:
        prepare(made.simulation, study=made.study, models=made.models)
    assert "no data of 240 participants" in str(refused.value)
