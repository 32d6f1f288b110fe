"""Figures and sample sizes of replicates whose answers are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from hikibayes.planning.designs.cells import Cell, Sample
from hikibayes.planning.designs.simulation import Simulation
from hikibayes.planning.results.diagnose import diagnose
from hikibayes.planning.results.performance import performance
from hikibayes.planning.results.sample_size import monotone, sample_sizes
from hikibayes.planning.run.replicates import FEATURES, Blocks, Replicates, write_replicates

SE = 2.0
"""Standard error of an estimate times the square root of n."""


def simulation(rules: dict[str, dict], sizes: list[int], source: str, targets: list[float]) -> Simulation:
    return Simulation.model_validate(
        {
            "description": "test",
            "worlds": {"source": [source]},
            "axes": {"n_per_group": sizes},
            "decision": [{"name": name, "estimand": "difference", "rule": rule} for name, rule in rules.items()],
            "targets": {"power": targets},
        }
    )


def table(truth, sizes, *, rules=None, source="printed", targets=(0.8,), size=4_000, seed=1, spoil=0) -> Replicates:
    """Replicates of a z test: estimate normal around the truth, interval of 1.96 known standard errors."""
    rng = np.random.default_rng(seed)
    truth = np.broadcast_to(truth, (size,))
    values = np.full((len(sizes), 1, len(FEATURES), size), np.nan, dtype=np.float32)
    for i, n in enumerate(sizes):
        se = SE / np.sqrt(n)
        mean = truth + se * rng.standard_normal(size)
        columns = {
            "world": np.zeros(size),
            "truth": truth,
            "mean": mean,
            "sd": np.full(size, se),
            "lower": mean - 1.959964 * se,
            "upper": mean + 1.959964 * se,
            "p_positive": ndtr(mean / se),
            "p_rope": ndtr((0.1 - mean) / se) - ndtr((-0.1 - mean) / se),
            "log_bf10": np.full(size, np.nan),
        }
        values[i, 0] = np.stack([columns[name] for name in FEATURES])
        values[i, 0, 2:, :spoil] = np.nan
    spec = simulation(rules or {"above": {"interval": 0.95, "above": 0}}, list(sizes), source, list(targets))
    samples = [
        Sample(
            worlds=source, effect=None, reliability="as_printed", allocation="1:1", mix="as_printed", attrition=0.0,
            missing=None, answers="gaussian", predictors="random", n_per_group=n,
        )
        for n in sizes
    ]  # fmt: skip
    cells = [Cell(sample=sample, model="m", prior="p") for sample in samples]
    return Replicates(simulation=spec, cells=cells, estimands=("difference",), blocks=Blocks.of(values), count=size)


def z_power(truth: float, n: float) -> float:
    return float(ndtr(truth * np.sqrt(n) / SE - 1.959964))


def test_power_bias_coverage_and_error_of_a_z_test():
    row = diagnose(table(0.3, [100], size=40_000)).power.iloc[0]
    se = 0.2
    for name, wanted in {"power": z_power(0.3, 100), "bias": 0.0, "coverage": 0.95, "rmse": se}.items():
        assert abs(row[name] - wanted) < 4 * row[f"{name}_mcse"], name
    assert row.width == pytest.approx(2 * 1.959964 * se)
    assert np.isnan(row.assurance)
    assert row.rmse_mcse == pytest.approx(se / np.sqrt(2 * 40_000), rel=0.02)


def test_replicates_of_unconverged_reconstructions_are_not_sound_and_say_so_from_their_file_too(tmp_path):
    made = table(0.3, [100])
    for verdict, sound in {"": True, "converged: 2 divergences": True, "not converged: R-hat 1.3": False}.items():
        write_replicates(replace(made, verdict=verdict), tmp_path / "r.parquet")
        found = diagnose(tmp_path / "r.parquet")
        assert found.replicates.verdict == verdict
        assert found.sound == sound
        said = [warning for warning in found.warnings if "cannot be relied on: not converged: R-hat 1.3" in warning]
        assert len(said) == (not sound)


def test_monte_carlo_errors_are_the_spread_over_seeds():
    """Rerun 200 times: the standard deviation of each figure is its stated error."""
    runs = [performance(table(0.2, [60], size=400, seed=seed)).iloc[0] for seed in range(200)]
    for name in ("power", "bias", "coverage", "rmse", "exaggeration"):
        spread = np.std([run[name] for run in runs], ddof=1)
        stated = np.mean([run[f"{name}_mcse"] for run in runs])
        assert spread == pytest.approx(stated, rel=0.25), name


def test_errors_of_sign_and_size_against_their_integrals():
    """Gelman and Carlin's quantities for a two-sided z test, by numerical integration."""
    truth, n = 0.1, 50
    se = SE / np.sqrt(n)
    rules = {"excludes": {"interval": 0.95, "excludes": 0}}
    row = diagnose(table(truth, [n], size=200_000, rules=rules)).power.iloc[0]
    grid = np.linspace(truth - 9 * se, truth + 9 * se, 200_001)
    density = np.exp(-0.5 * ((grid - truth) / se) ** 2)
    claims = np.abs(grid) > 1.959964 * se
    claimed = density * claims
    assert abs(row.type_s - claimed[grid < 0].sum() / claimed.sum()) < 4 * row.type_s_mcse
    wanted = (np.abs(grid) * claimed).sum() / claimed.sum() / truth
    assert abs(row.exaggeration - wanted) < 4 * row.exaggeration_mcse
    assert row.type_s > 0.02
    assert row.exaggeration > 3


def test_assurance_counts_right_claims_only():
    truth = np.where(np.arange(4_000) % 2, 0.5, -0.5)
    rules = {"excludes": {"interval": 0.95, "excludes": 0}, "above": {"interval": 0.95, "above": 0}}
    found = diagnose(table(truth, [400], source="posterior", rules=rules)).power.set_index("decision")
    assert found.power.isna().all()
    assert found.assurance["excludes"] == pytest.approx(z_power(0.5, 400), abs=0.002)
    assert found.assurance["above"] == pytest.approx(z_power(0.5, 400) / 2, abs=0.002)


def test_failed_fits_are_counted_and_claim_nothing():
    whole, spoilt = (diagnose(table(0.5, [400], spoil=spoil)) for spoil in (0, 1000))
    assert spoilt.power.failed.iloc[0] == 1000
    assert spoilt.power.replicates.iloc[0] == 4000
    assert spoilt.power.power.iloc[0] == pytest.approx(0.75 * whole.power.power.iloc[0], abs=0.01)
    assert spoilt.power.coverage.iloc[0] == pytest.approx(0.95, abs=0.02)
    assert "1,000 of 4,000 fits failed (25.0%), most where" in spoilt.warnings[0]
    assert spoilt.sound
    assert not diagnose(table(0.5, [400, 500], spoil=4000)).sound


SIZES = [25, 50, 100, 150, 200, 300, 400]


def test_smallest_n_of_a_z_test():
    wanted = (SE * (1.959964 + 0.841621) / 0.35) ** 2
    found = diagnose(table(0.35, SIZES, targets=[0.8, 0.5], size=40_000))
    row = found.sample_size.iloc[0]
    assert row.n_per_group == pytest.approx(wanted, rel=0.03)
    assert row.lower <= wanted <= row.upper
    assert row.n_total == 2 * row.n_per_group
    assert row.reached
    assert not found.warnings


def test_its_interval_covers_as_often_as_it_should():
    wanted = np.ceil((SE * (1.959964 + 0.841621) / 0.35) ** 2)
    covered = []
    for seed in range(80):
        row = sample_sizes(table(0.35, SIZES, size=1_000, seed=seed)).iloc[0]
        covered.append(row.lower <= wanted <= row.upper)
    assert 0.88 <= np.mean(covered) <= 1.0


def test_a_target_beyond_the_grid_is_empty_and_said():
    found = diagnose(table(0.05, SIZES))
    row = found.sample_size.iloc[0]
    assert not row.reached
    assert found.sample_size[["n_per_group", "n_total", "lower", "upper"]].isna().all(axis=None)
    assert "the largest size does not reach 0.8" in found.warnings[0]


def test_an_assurance_has_a_limit_and_it_is_said():
    truth = np.where(np.arange(4_000) < 3_000, 0.9, -0.9)
    found = diagnose(table(truth, SIZES, source="posterior"))
    assert found.sample_size.limiting_assurance.iloc[0] == 0.75
    assert "no sample size reaches 0.8; the conclusion is true in 0.750 of the populations" in found.warnings[0]
    assert "0.750" in found.warnings[0]


def test_a_curve_that_falls_is_said():
    made = table(0.35, SIZES)
    made.blocks[4][:] = made.blocks[0].copy()
    assert any("falls as studies grow" in warning for warning in diagnose(made).warnings)


def test_a_target_reached_at_once_is_said():
    assert "the smallest size reaches 0.8 already" in diagnose(table(2.0, SIZES)).warnings[0]


def test_monotone_is_the_least_squares_fit():
    from scipy.optimize import isotonic_regression

    rng = np.random.default_rng(2)
    curves = rng.random((50, 9)).cumsum(axis=1) + 2 * rng.random((50, 9))
    for row, fitted in zip(curves, monotone(curves), strict=True):
        np.testing.assert_allclose(fitted, isotonic_regression(row).x, atol=1e-12)


@pytest.mark.parametrize(
    ("rule", "limit"),
    [
        ({"interval": 0.95, "above": 0}, 0.75),
        ({"interval": 0.95, "below": 0}, 0.25),
        ({"interval": 0.95, "excludes": 0}, 1.0),
        ({"interval": 0.95, "inside": [-0.1, 0.1]}, 0.5),
        ({"interval": 0.95, "outside": [-0.1, 0.1]}, 0.5),
        ({"p_rope_above": 0.9}, 0.5),
        ({"p_rope_below": 0.1}, 0.5),
        ({"p_positive_above": 0.9}, 0.75),
        ({"p_positive_below": 0.1}, 0.25),
        ({"bf10_above": 3}, 1.0),
        ({"bf10_below": 0.3}, 0.0),
        ({"interval": 0.95, "narrower_than": 0.1}, 1.0),
    ],
)
def test_limiting_assurances(rule, limit):
    decision = simulation({"d": rule}, [50], "printed", []).decisions[0]
    assert (
        decision.rule.limiting_assurance(np.array([0.05, 0.09, 0.5, -0.5, -0.6, 0.01, 0.05, 0.7]), (-0.1, 0.1)) == limit
    )


def test_limiting_assurances_are_where_an_endless_study_ends():
    """With n of ten million the conclusions are what the limit says."""
    truth = np.random.default_rng(1).normal(0.2, 0.2, size=4_000)
    truth = truth[np.abs(np.abs(truth) - 0.1) > 0.01]
    truth = np.resize(truth[np.abs(truth) > 0.01], 4_000)
    rules = {
        "a": {"interval": 0.95, "above": 0}, "b": {"interval": 0.95, "excludes": 0}, "c": {"p_positive_above": 0.9},
        "d": {"interval": 0.95, "inside": [-0.1, 0.1]}, "e": {"p_rope_below": 0.1}, "f": {"p_rope_above": 0.9},
        "g": {"interval": 0.95, "narrower_than": 0.1}, "h": {"interval": 0.95, "outside": [-0.1, 0.1]},
    }  # fmt: skip
    made = table(truth, [10_000_000], rules=rules, source="posterior", targets=[0.5])
    found = diagnose(made)
    limits = found.sample_size.set_index("decision").limiting_assurance
    for decision, assurance in found.power.set_index("decision").assurance.items():
        assert assurance == pytest.approx(limits[decision], abs=0.002), decision
