"""Simulated power against closed forms: noncentral t and F, chi-squared widths, and quadratures.

The closed forms are of a fixed design (the scores are not random), a flat prior, and the 95 % interval, which then is
the t test's. ``reference/r_power.json`` holds the same figures from R.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from hikibayes.planning.designs.simulation import Simulation, Targets
from hikibayes.planning.results.diagnose import diagnose
from hikibayes.planning.results.sample_size import sample_sizes
from hikibayes.planning.run.plan import prepare
from hikibayes.planning.run.simulate import simulate
from hikibayes.study.study import Study
from hikibayes.study.study_file import load_study

MODERATED = "y ~ group + x + group:x"
THREE = "y ~ x + a + b"
OTHERS = "abcdefg"
SEVENTEEN = "y ~ group * (x + a + b + c + d + e + f + g)"
TERMS = {
    MODERATED: ["group", "x", "group:x"],
    THREE: ["x", "a", "b"],
    SEVENTEEN: ["group", "x", *OTHERS, "group:x", *(f"group:{name}" for name in OTHERS)],
}
TAU = 0.25
REFERENCE = Path(__file__).parents[1] / "reference" / "r_power.json"


@pytest.fixture(scope="module")
def moderation() -> Study:
    return load_study(Path(__file__).with_name("moderation.toml"))


@pytest.fixture
def models(tmp_path: Path):
    """Write a model file whose priors are wide, but for the moderation's."""

    def write(formula: str) -> str:
        path = tmp_path / f"model_{len(TERMS[formula])}.toml"
        terms = TERMS[formula]
        lines = [f'description = "test"\nformula = "{formula}"\n[priors]']
        lines += [
            f'"{name}" = {{dist = "Normal", mu = 0, sigma = {TAU if name == "group:x" else 1e3}, reason = "test"}}'
            for name in ("Intercept", *terms)
        ]
        lines += ['sigma = {dist = "HalfStudentT", nu = 4, sigma = 1, reason = "test"}']
        lines += ['[variants.flat]\ndescription = "flat"\nrule = "flat"']
        path.write_text("\n".join(lines), encoding="utf-8")
        return str(path)

    return write


def decision(name: str, estimand: str = "difference", **rule: object) -> dict[str, object]:
    return {"name": name, "estimand": estimand, "rule": rule}


def run(
    study: Study, model: str, *, decisions: list[dict], axes: dict, world: dict, replicates: int, prior: str = "flat"
):
    simulation = Simulation.model_validate(
        {
            "description": "closed form",
            "study": study.id,
            "model": model,
            "worlds": {"source": ["fixed"], "fixed": world},
            "axes": {"prior": [prior], "predictors": ["fixed"], **axes},
            "decision": decisions,
            "run": {"replicates": replicates, "refine": False, "seed": 7},
        }
    )
    return simulate(prepare(simulation, study=study))


def close(found: float, mcse: float, wanted: float, *, errors: float = 4.0) -> None:
    assert abs(found - wanted) < errors * mcse, f"{found:.4f} against {wanted:.4f}, MCSE {mcse:.5f}"


def slope_world(difference: float, *, inflation: float = 1.0) -> dict:
    return {"residual_sd": float(np.sqrt(0.40 * inflation)), "slopes": {"x": [0.0, difference]}}


T_TEST = decision("excludes", interval=0.95, excludes=0)


def t_power(difference: float, n: int, *, df: int | None = None, inflation: float = 1.0) -> float:
    df = df or 2 * n - 4
    ncp = difference / np.sqrt(2 * 0.40 * inflation / (n - 1))
    cut = stats.t.ppf(0.975, df)
    return float(stats.nct.sf(cut, df, ncp) + stats.nct.cdf(-cut, df, ncp))


def moderated(study, models, *, n, decisions, replicates, difference=0.29, prior="flat", **axes):
    return run(
        study,
        models(MODERATED),
        decisions=decisions,
        axes={"n_per_group": [n], **axes},
        world=slope_world(difference),
        replicates=replicates,
        prior=prior,
    )


SIZES = [pytest.param(20_000, id="short"), pytest.param(200_000, id="long", marks=pytest.mark.long)]


@pytest.mark.parametrize("replicates", SIZES)
@pytest.mark.parametrize(
    ("difference", "n", "wanted"), [(0.29, 100, 0.894), (0.0, 100, 0.050), (0.29, 77, 0.80), (0.29, 102, 0.90)]
)
def test_t_test_in_a_fixed_design(moderation, models, difference, n, wanted, replicates):
    found = moderated(moderation, models, n=n, decisions=[T_TEST], difference=difference, replicates=replicates)
    row = diagnose(found).power.iloc[0]
    close(row.power, row.power_mcse, t_power(difference, n))
    assert t_power(difference, n) == pytest.approx(wanted, abs=0.003)
    close(row.bias, row.bias_mcse, 0.0)
    close(row.coverage, row.coverage_mcse, 0.95)


@pytest.mark.parametrize("replicates", SIZES)
def test_seventeen_predictors_with_inflated_variance(moderation, models, replicates):
    """x shares a third of its variance with another score within the groups: its slopes' variance is 1.5 times."""
    found = run(
        moderation,
        models(SEVENTEEN),
        decisions=[T_TEST],
        axes={"n_per_group": [100]},
        world=slope_world(0.29) | {"correlation": [{"of": "x", "with": "a", "r": float(np.sqrt(1 / 3))}]},
        replicates=replicates,
    )
    row = diagnose(found).power.iloc[0]
    wanted = t_power(0.29, 100, df=182, inflation=1.5)
    assert wanted == pytest.approx(0.745, abs=0.001)
    close(row.power, row.power_mcse, wanted)


@pytest.mark.parametrize("replicates", SIZES)
@pytest.mark.parametrize(
    ("f2", "sizes", "wanted"), [(0.02, (197, 198), 0.801), (0.15, (27, 28), 0.805), (0.35, (12, 13), 0.805)]
)
def test_three_predictors_one_tested(moderation, models, f2, sizes, wanted, replicates):
    n = sum(sizes)
    sd = float(np.sqrt(n / (n - 2)))  # so that the sums of squares over both groups are n
    found = run(
        moderation,
        models(THREE),
        decisions=[decision("excludes", "slope_x", interval=0.95, excludes=0)],
        axes={"n_per_group": [sizes[0]], "allocation": [f"{sizes[0]}:{sizes[1]}"]},
        world={"residual_sd": 1.0, "slopes": {"x": float(np.sqrt(f2))}, "sds": dict.fromkeys("xab", sd)},
        replicates=replicates,
    )
    row = diagnose(found).power.iloc[0]
    exact = float(stats.ncf.sf(stats.f.ppf(0.95, 1, n - 4), 1, n - 4, f2 * n))
    assert exact == pytest.approx(wanted, abs=0.001)
    assert row.n_total == n
    close(row.power, row.power_mcse, exact)


RULES = [
    decision("positive", p_positive_above=0.95),
    decision("above_rope", interval=0.95, above=0.1),
    decision("inside_rope", interval=0.95, inside=[-0.4, 0.4]),
    decision("outside_rope", interval=0.95, outside=[-0.1, 0.1]),
    decision("rope_mass", p_rope_above=0.20),
    decision("narrow", interval=0.95, narrower_than=0.35),
    decision("narrower", interval=0.95, narrower_than=0.34),
]


def rule_probabilities(n: int, difference: float) -> dict[str, float]:
    """Quadrature over the residual variance; given it, each rule is an event about a normal estimate."""
    df = 2 * n - 4
    se = np.sqrt(0.40 * 2 / (n - 1))
    t = stats.t.ppf(0.975, df)
    nodes, weights = np.polynomial.legendre.leggauss(400)
    ratio = np.sqrt(stats.chi2.ppf((nodes + 1) / 2, df) / df)  # estimated over true residual SD
    z = stats.norm(difference, se)
    half = t * se * ratio

    def average(probability: np.ndarray) -> float:
        return float(weights @ probability / 2)

    grid = np.linspace(difference - 9 * se, difference + 9 * se, 4001)
    mass = stats.t.cdf((0.1 - grid[:, None]) / (se * ratio), df) - stats.t.cdf(
        (-0.1 - grid[:, None]) / (se * ratio), df
    )
    return {
        "positive": average(z.sf(stats.t.ppf(0.95, df) * se * ratio)),
        "above_rope": average(z.sf(0.1 + half)),
        "inside_rope": average(np.maximum(z.cdf(0.4 - half) - z.cdf(-0.4 + half), 0)),
        "outside_rope": average(z.sf(0.1 + half) + z.cdf(-0.1 - half)),
        "rope_mass": average((z.pdf(grid)[:, None] * (mass > 0.20)).sum(axis=0) * (grid[1] - grid[0])),
        "narrow": float(stats.chi2.cdf(df * (0.35 / (2 * t * se)) ** 2, df)),
        "narrower": float(stats.chi2.cdf(df * (0.34 / (2 * t * se)) ** 2, df)),
    }


@pytest.mark.parametrize("replicates", SIZES)
def test_every_rule_against_its_own_quadrature(moderation, models, replicates):
    found = moderated(moderation, models, n=100, decisions=RULES, replicates=replicates, difference=0.2)
    table = diagnose(found).power.set_index("decision")
    wanted = rule_probabilities(100, 0.2)
    for name, probability in wanted.items():
        close(table.power[name], max(table.power_mcse[name], 1e-4), probability)
    assert min(wanted.values()) > 0.02
    assert max(wanted.values()) < 0.98, "a rule that always or never claims tests nothing"


def bayes_factor_power(n: int, difference: float, bound: float) -> float:
    """P(BF10 > bound), by quadrature over the residual variance and a root for the estimate."""
    from scipy.optimize import brentq

    df, c2, sigma = 2 * n - 4, 2 / (n - 1), np.sqrt(0.40)
    log_sigma = np.linspace(np.log(sigma) - 1, np.log(sigma) + 1, 2001)

    def log_bf10(estimate: float, s2: float) -> float:
        v = np.exp(2 * log_sigma)
        shared = -df * log_sigma - df * s2 / (2 * v) - 2.5 * np.log1p(v / 4) + log_sigma
        alternative = shared + stats.norm.logpdf(estimate, 0, np.sqrt(v * c2 + TAU**2))
        null = shared + stats.norm.logpdf(estimate, 0, np.sqrt(v * c2))
        return float(np.logaddexp.reduce(alternative) - np.logaddexp.reduce(null))

    nodes, weights = np.polynomial.legendre.leggauss(60)
    z = stats.norm(difference, sigma * np.sqrt(c2))
    total = 0.0
    for node, weight in zip(nodes, weights, strict=True):
        s2 = 0.40 * stats.chi2.ppf((node + 1) / 2, df) / df
        root = brentq(lambda b, s2=s2: log_bf10(b, s2) - np.log(bound), 1e-6, 2)
        total += weight / 2 * (z.sf(root) + z.cdf(-root))
    return float(total)


@pytest.mark.parametrize("replicates", SIZES)
def test_bayes_factor_rules_against_quadrature(moderation, models, replicates):
    found = moderated(
        moderation,
        models,
        n=100,
        decisions=[decision("three", bf10_above=3), decision("ten", bf10_above=10), decision("null", bf10_below=1.0)],
        replicates=replicates,
        prior="weakly_informative",
    )
    table = diagnose(found).power.set_index("decision")
    close(table.power["three"], table.power_mcse["three"], bayes_factor_power(100, 0.29, 3))
    close(table.power["ten"], table.power_mcse["ten"], bayes_factor_power(100, 0.29, 10))
    close(1 - table.power["null"], table.power_mcse["null"], bayes_factor_power(100, 0.29, 1))


@pytest.fixture(scope="module")
def from_r() -> dict:
    return json.loads(REFERENCE.read_text(encoding="utf-8"))


def test_the_closed_forms_here_are_rs(from_r):
    for item in from_r["slope_differences"]:
        n, difference, inflation = (item[name] for name in ("n_per_group", "difference", "inflation"))
        found = t_power(difference, n, df=item["df"], inflation=inflation)
        assert found == pytest.approx(item["excludes_zero"], abs=1e-9)
    for item in from_r["f_tests"]:
        found = stats.ncf.sf(stats.f.ppf(0.95, 1, item["df2"]), 1, item["df2"], item["noncentrality"])
        assert found == pytest.approx(item["power"], abs=1e-9)
    for item in from_r["smallest"]:
        n = item["n_per_group"]
        assert t_power(0.29, n - 1) < item["target"] <= t_power(0.29, n)


@pytest.mark.parametrize("difference", [0.29, 0.145, 0.0])
def test_the_same_figures_from_r(moderation, models, from_r, difference):
    by_n = {
        item["n_per_group"]: item
        for item in from_r["slope_differences"]
        if item["difference"] == difference and item["inflation"] == 1
    }
    decisions = [
        T_TEST,
        decision("above", interval=0.95, above=0),
        decision("p", p_positive_above=0.95),
        *(decision(f"width_{100 * w:.0f}", interval=0.95, narrower_than=w) for w in (0.35, 0.40, 0.50)),
    ]
    names = {"excludes": "excludes_zero", "above": "above_zero", "p": "p_positive_above_95"}
    names |= {f"width_{100 * w:.0f}": f"width_below_{w:.2f}" for w in (0.35, 0.40, 0.50)}
    for n, item in by_n.items():
        found = moderated(moderation, models, n=n, decisions=decisions, replicates=20_000, difference=difference)
        table = diagnose(found).power.set_index("decision")
        for rule, name in names.items():
            close(table.power[rule], table.power_mcse[rule] + 1e-4, item[name])
        close(table.width["above"], table.width_mcse["above"], item["expected_width"])


def test_the_smallest_sizes_are_rs(moderation, models, from_r):
    found = run(
        moderation,
        models(MODERATED),
        decisions=[T_TEST],
        axes={"n_per_group": [50, 70, 90, 110, 140]},
        world=slope_world(0.29),
        replicates=40_000,
    )
    targets = tuple(item["target"] for item in from_r["smallest"])
    asked = replace(found, simulation=found.simulation.replace(targets=Targets(power=targets)))
    table = sample_sizes(asked).set_index("target")
    for item in from_r["smallest"]:
        row = table.loc[item["target"]]
        assert row.lower - 1 <= item["n_per_group"] <= row.upper + 1
        assert row.n_per_group == pytest.approx(item["n_per_group"], abs=2)


def test_random_scores_give_a_little_less(moderation, models):
    """With random scores the power is the fixed design's, averaged over the scores' sums of squares."""
    n, df = 30, 56
    found = moderated(
        moderation, models, n=n, decisions=[T_TEST], replicates=40_000, difference=0.5, predictors=["random"]
    )
    row = diagnose(found).power.iloc[0]
    u = (np.polynomial.legendre.leggauss(80)[0] + 1) / 2
    squares = stats.chi2.ppf(u, n - 1)
    ncp = 0.5 / np.sqrt(0.40 * (1 / squares[:, None] + 1 / squares))
    cut = stats.t.ppf(0.975, df)
    weights = np.polynomial.legendre.leggauss(80)[1] / 2
    average = float(weights @ (stats.nct.sf(cut, df, ncp) + stats.nct.cdf(-cut, df, ncp)) @ weights)
    close(row.power, row.power_mcse, average)
    fixed = t_power(0.5, n)
    assert 0.005 < fixed - average < 0.03
