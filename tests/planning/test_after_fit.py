"""A fit of one's own table as the design prior of the next study."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from hikibayes.cli import main
from hikibayes.inference.fit import fit
from hikibayes.planning.after_fit import after_fit
from hikibayes.planning.designs.rules import Rule
from hikibayes.planning.power import power
from hikibayes.planning.run.plan import Plan, prepare
from hikibayes.planning.run.whom import CHANCE, GROUPS, whom
from hikibayes.spec import InputError


def table(n: int = 70, slope: float = 0.8, arms: tuple[str, ...] = ("b", "a")) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    made = pd.DataFrame({"arm": rng.choice(arms, n), "x": rng.normal(9, 3, n), "w": rng.normal(size=n)})
    steeper = np.where(made["arm"] == arms[0], slope, 0.0)
    return made.assign(
        z=rng.normal(size=n), sex=rng.integers(0, 2, n), y=100 + steeper * made["x"] + made["w"] + rng.normal(0, 2, n)
    )


def planned(made) -> Plan:
    begun = after_fit(made, seed=1)
    from_fit = {"reconstructions": begun.reconstructions, "rows": begun.rows}
    return prepare(begun.simulation, study=begun.study, models=begun.models, **from_fit)


@pytest.mark.parametrize("arms", [("b", "a"), ("r", "a", "q"), ("b", "z", "y", "a")])
@pytest.mark.parametrize("reference", ["a", 0])
@pytest.mark.parametrize(
    "formula",
    [
        *("y ~ arm * x + w + sex", "y ~ arm + sex", "y ~ C(arm) * (x + w) + arm:I(w * x**1)", "y ~ arm * x * w"),
        "y ~ arm * C(sex) + x",
    ],
)
def test_populations_are_the_fits_own_posterior(formula, reference, arms):
    """Drawn populations have the estimand's posterior mean and sd; the sample as population has least squares."""
    reference = reference or arms[0]
    as_fitted(fit(formula, table(arms=arms), reference={"arm": reference}, engine="exact", seed=1))


@pytest.mark.parametrize("arms", [("r", "a"), ("r", "a", "q")])
@pytest.mark.parametrize(
    "formula",
    ["y ~ arm * site + sex * x", "y ~ arm * x + site + ward", "y ~ arm * site * x + ward", "y ~ site + ward + C(sex)"],
)
def test_any_number_of_categories_stands_beside_the_groups(formula, arms):
    """Of any levels, called as they like, and unevenly spread over the groups."""
    rng, rows = np.random.default_rng(7), table(150, arms=arms)
    ward = np.where((rows["arm"] == "r") & (rng.random(len(rows)) < 0.6), "4th floor", rng.choice(["-1", "A+"], 150))
    rows = rows.assign(ward=ward, site=rng.choice(["south", "<6", "east end"], 150, p=[0.2, 0.5, 0.3]))
    rows["y"] += np.where((rows["site"] == "<6") & (rows["arm"] == "r"), 2.0, 0.0)
    as_fitted(fit(formula, rows, reference={"site": "south"}, engine="exact", seed=1))


@pytest.mark.parametrize("formula", ["y ~ x", "y ~ x * w", "y ~ w + v", "y ~ x * w + v * x", "y ~ x + I(x**2) + w"])
def test_a_fit_without_groups_is_a_design_prior_too(formula):
    plan = as_fitted(fit(formula, table().assign(v=lambda t: t["x"] + t["w"] ** 2), engine="exact", seed=1))
    assert [sample.labels()["n_total"] for sample in plan.simulation.samples()][:2] == [50, 100]
    kind = "slope_change" if "x * w" in formula else "slope"
    assert plan.estimands[0].kind == kind


@pytest.mark.parametrize("formula", ["y ~ arm * site + x", "y ~ arm + site"])
def test_sizes_are_of_the_first_category_of_the_question(formula):
    """However many levels another has; who has which of those is said with the pilot's own shares."""
    rows = table(60).assign(site=["north", "north", "south", "west"] * 15)
    plan = planned(fit(formula, rows, reference={"arm": "b"}, engine="exact", seed=1))
    assert plan.study.analysis.group == "arm"
    assert plan.simulation.axes.allocation == ("1:1",)
    said = whom(plan)
    assert said[GROUPS] == "arm (b : a)"
    assert said[CHANCE].startswith("site (north 4")


def as_fitted(made) -> Plan:
    plan = planned(made)
    (question,) = plan.estimands
    own = made.summary().set_index("estimand").loc[question.name]
    draws = plan.sources["posterior"](np.random.default_rng(2), 40_000).truth(question)
    error = own["sd"] / np.sqrt(len(draws))
    assert draws.mean() == pytest.approx(own["mean"], abs=4 * error)
    assert draws.std() == pytest.approx(own["sd"], abs=4 * error / np.sqrt(2) * 1.5)
    sample = plan.sources["printed"](np.random.default_rng(2), 1).truth(question)
    assert sample[0] == pytest.approx(own["ols"], abs=1e-9)
    side = "above" if own["mean"] > 0 else "below"
    assert plan.simulation.decisions[0].rule == Rule(interval=0.95, **{side: 0.0})
    return plan


def test_a_more_sceptical_fit_plans_with_its_own_priors():
    made = fit("y ~ arm * x", table(), prior="sceptical", engine="exact", seed=1)
    plan = planned(made)
    assert plan.simulation.worlds.prior == plan.simulation.axes.prior[0] == "sceptical"
    (question,) = plan.estimands
    draws = plan.sources["posterior"](np.random.default_rng(2), 20_000).truth(question)
    own = made.summary().set_index("estimand").loc[question.name]
    assert draws.mean() == pytest.approx(own["mean"], abs=4 * own["sd"] / np.sqrt(20_000))


@pytest.mark.parametrize(
    ("formula", "options", "message"),
    [
        ("y ~ x * w * z", {}, "nor a square or product of two"),
        ("y ~ arm * x", {"scaling": "raw"}, "planning is in SD; fit again with scaling sample"),
        ("y ~ arm * np.exp(scale(x) / 9)", {}, "exp.. in .* is neither linear .* column of its own .* and fit again"),
        ("y ~ arm * x + I(scale(w) > 0)", {}, "scale.. in .* is neither linear"),
        ("y ~ arm * x + I(abs(scale(w)))", {}, "abs.. in .* is neither linear"),
        ("y ~ arm * x + w + I(w**2) + I(w**3)", {}, "I.w .. 3. is neither linear"),
    ],
)
def test_what_nobody_plans_for_is_one_message(formula, options, message):
    made = fit(formula, table(), engine="exact", seed=1, **options)
    with pytest.raises(InputError, match=message):
        power(made)


def test_a_fit_and_its_folder_give_the_same_plan_and_it_is_replayed(tmp_path):
    table().to_csv(tmp_path / "mine.csv", index=False)
    formula, run = "y ~ arm * x", CliRunner()
    typed = ["fit", formula, str(tmp_path / "mine.csv"), "-o", str(tmp_path / "fit"), "--reference", "arm=b"]
    assert run.invoke(main, typed).exit_code == 0
    typed = ["power", str(tmp_path / "fit"), "--replicates", "20", "-o", str(tmp_path / "plan")]
    said = run.invoke(main, typed)
    assert said.exit_code == 0, said.output
    made = fit(formula, tmp_path / "mine.csv", reference={"arm": "b"}, engine="exact")
    found = power(made, replicates=20).power
    saved = pd.read_csv(tmp_path / "plan" / "power.csv")
    np.testing.assert_allclose(saved["width"], found["width"], rtol=1e-6)
    assert "earlier study" in (tmp_path / "plan" / "proposal.txt").read_text()
    assert run.invoke(main, ["replay", str(tmp_path / "plan")]).exit_code == 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A fit's folder, as a person has it."""
    made = tmp_path_factory.mktemp("fitted")
    table().to_csv(made / "mine.csv", index=False)
    typed = ["fit", "y ~ arm * x", str(made / "mine.csv"), "-o", str(made / "fit"), "--reference", "arm=b"]
    assert CliRunner().invoke(main, typed).exit_code == 0
    return made / "fit"


@pytest.mark.parametrize("beside", [("{fit}",), ("--after", "{fit}")])
@pytest.mark.parametrize(
    "option",
    [
        *(("--effect", "0.3"), ("--per-group", "50"), ("--formula", "y ~ arm"), ("--levels", "arm=a,b")),
        ("--reconstructions", "{draws}"),
    ],
)
def test_what_a_fit_brings_itself_is_refused_beside_it(beside, option, folder, tmp_path):
    (tmp_path / "draws.nc").touch()
    words = [word.format(fit=folder, draws=tmp_path / "draws.nc") for word in (*beside, *option)]
    found = CliRunner().invoke(main, ["power", *words, "--replicates", "20", "-o", str(tmp_path / "run")])
    assert found.exit_code == 2, found.output
    assert f"{option[0]}: goes without" in found.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("given", [{"study": "nonaka2021"}, {"reconstructions": "mine.nc"}])
def test_what_a_fit_brings_itself_is_no_argument_either(given, folder):
    with pytest.raises(InputError, match=f"{next(iter(given))}: goes without a fit"):
        power(folder, replicates=20, **given)
