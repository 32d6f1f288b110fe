"""The planner without a browser: settings become a plan, a plan becomes answers, and its file runs to the same ones."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from hikibayes.cli import main
from hikibayes.inference.fit import fit
from hikibayes.planning.planner import ASSURANCE, POWER, RULES, Planner, Settings, planner
from hikibayes.planning.power import power
from hikibayes.spec import InputError
from hikibayes.study.study_file import load_study, shipped_studies

MODERATED = """
description = "A moderator, written down"
[population]
formula = "y ~ z * w"
effect = {f2 = 0.05}
slopes = {z = 0.3}
[axes]
n_per_group = [60, 120]
attrition = [0.1, 0.2]
[[decision]]
name = "either"
rule = {any = [{interval = 0.9, above = 0}, {bf10_above = 3}]}
"""


def table() -> pd.DataFrame:
    """Return a table whose reference comes last in the alphabet."""
    rng = np.random.default_rng(5)
    made = pd.DataFrame(
        {"arm": rng.choice(["zzz usual", "+dose"], 70), "x": rng.normal(9, 3, 70), "w": rng.normal(size=70)}
    )
    return made.assign(y=np.where(made["arm"] == "+dose", 0.8, 0.0) * made["x"] + made["w"] + rng.normal(0, 2, 70))


@pytest.fixture(scope="module")
def starts(tmp_path_factory) -> dict[str, Planner]:
    folder = tmp_path_factory.mktemp("starts")
    (folder / "moderated.toml").write_text(MODERATED, encoding="utf-8")
    made = fit("y ~ arm * x + w", table(), engine="exact", seed=1)
    return {
        "effect": planner(),
        "study": planner("nonaka2021"),
        "simulation": planner(folder / "moderated.toml"),
        "fit": planner(made),
    }


def few(found: Planner, replicates: int = 300) -> Planner:
    """Return a planner whose plans are run with few studies."""
    return replace(found, simulation=found.simulation.replace(run={"replicates": replicates, "refine": True}))


MOVED = {
    "effect": {"uncertainty": 0.15, "tau": 0.1, "reliability": 0.8, "allocation": "1:2", "prior_width": 0.7},
    "study": {"effect": 0.25, "uncertainty": 0.1, "tau": 0.05, "prior_width": 0.2, "dropout": 0.1, "rule": "bf3"},
    "simulation": {"tau": 0.1, "n": 90, "target": 0.6},
}


@pytest.mark.parametrize(("start", "moved"), [("simulation", False), *((start, True) for start in MOVED)])
def test_the_file_runs_to_the_numbers_that_are_shown(starts, start, moved, tmp_path):
    found = few(starts[start])
    shown = found.refined(replace(found.defaults, **(MOVED[start] if moved else {})))
    path = tmp_path / "taken.toml"
    path.write_text(shown.plan_text, encoding="utf-8")
    run = power(path)
    pd.testing.assert_frame_equal(run.power, shown.diagnosis.power)
    pd.testing.assert_frame_equal(run.sample_size, shown.diagnosis.sample_size)


def test_the_file_says_what_was_shown_and_another_reason_changes_no_number(starts, tmp_path):
    found = few(starts["effect"])
    shown = found.refined(replace(found.defaults, effect=0.35, uncertainty=0.1, tau=0.05))
    path = tmp_path / "taken.toml"
    path.write_text(shown.plan_text, encoding="utf-8")
    assert f"# {shown.figures[0].name}: {shown.figures[0].shown}\n" in shown.plan_text
    again = planner(path)
    assert (
        again.simulation.description
        == shown.simulation.description
        == "A comparison of two groups, as set in the planner"
    )
    assert again.plan(again.defaults).description == shown.simulation.description
    assert (again.defaults.effect, again.defaults.uncertainty, again.defaults.tau) == (0.35, 0.1, 0.05)
    edited = shown.plan_text.replace("Chosen by whoever planned", "Two pilots, and what Bramley says.")
    path.write_text(edited.replace(shown.simulation.description, "Ours"), encoding="utf-8")
    pd.testing.assert_frame_equal(power(path).power, shown.diagnosis.power)


def test_a_stated_effect_takes_the_place_of_the_files_distribution(starts, tmp_path):
    path = tmp_path / "held.toml"
    path.write_text(
        'description = "h"\n[population]\neffect = 0.3\n'
        "[worlds.effect.difference_group_treated_minus_control]\n"
        'dist = "Normal"\nmu = 0.35\nsigma = 0.2\nreason = "r"\n',
        encoding="utf-8",
    )
    found = planner(path)
    assert (found.defaults.effect, found.defaults.uncertainty) == (0.35, 0.2)
    sure = found.sketch(replace(found.defaults, uncertainty=0.0))
    assert set(sure.curves["curve"]) == {POWER}
    assert not sure.simulation.worlds.effect


def test_sizes_that_dropout_leaves_too_small_are_no_reason_against_a_larger_one(starts):
    found = starts["study"]
    sizes = found.plan(replace(found.defaults, n=100, dropout=0.6)).axes.n_per_group
    assert sizes == (40, 70, 100, 120, 200, 350, 600, 1000)
    with pytest.raises(InputError, match="participants are left"):
        found.sketch(replace(found.defaults, n=10, dropout=0.6))


@pytest.mark.long
def test_the_file_of_a_fit_names_its_folder(tmp_path, monkeypatch):
    table().to_csv(tmp_path / "t.csv", index=False)
    monkeypatch.chdir(tmp_path)
    ran = CliRunner().invoke(main, ["fit", "y ~ arm * x", "t.csv", "--engine", "exact", "-o", "made"])
    assert ran.exit_code == 0, ran.output
    found = few(planner("made"))
    shown = found.refined(replace(found.defaults, prior_width=0.3))
    (tmp_path / "plan.toml").write_text(shown.plan_text, encoding="utf-8")
    ran = CliRunner().invoke(main, ["power", "plan.toml", "-o", "run"])
    assert ran.exit_code == 0, ran.output
    there = pd.read_csv(tmp_path / "run" / "power.csv")
    np.testing.assert_allclose(there["assurance"], shown.diagnosis.power["assurance"], atol=1e-9)
    ran = CliRunner().invoke(main, ["replay", "run"])
    assert ran.exit_code == 0, ran.output


@pytest.mark.parametrize("start", ["effect", pytest.param("study", marks=pytest.mark.long), "fit"])
def test_a_sketch_is_the_answer_within_its_error(starts, start):
    found = few(starts[start], 4000)
    settings = replace(found.defaults, n=150)
    quick, slow = (
        made.curves.set_index(["curve", "n_per_group"]) for made in (found.sketch(settings), found.refined(settings))
    )
    both = quick.join(slow.add_suffix("_slow"), how="inner")
    error = np.hypot(both["error"], both["error_slow"]) + 0.002
    assert (abs(both["share"] - both["share_slow"]) < 4.5 * error).all()
    assert {name for name, _ in both.index} == ({POWER} if start == "effect" else {ASSURANCE, POWER})


def test_small_moves_change_little_and_in_their_direction(starts):
    """With common random numbers a larger effect never finds fewer, however little larger it is."""
    found = starts["effect"]
    settings = [replace(found.defaults, effect=effect) for effect in (0.3, 0.305, 0.31, 0.315)]
    shares = [found.sketch(each).curves["share"].to_numpy() for each in settings]
    steps = np.diff(shares, axis=0)
    assert (steps >= 0).all()
    assert steps.max() < 0.03


def test_error_in_the_outcome_makes_the_effect_smaller(starts):
    found = starts["effect"]
    noisy = found.sketch(replace(found.defaults, effect=0.5, reliability=0.64)).curves
    smaller = found.sketch(replace(found.defaults, effect=0.4)).curves
    assert (abs(noisy["share"] - smaller["share"]) < 4.5 * np.hypot(noisy["error"], smaller["error"]) + 0.002).all()


def test_every_rule_has_an_answer_on_both_sides(starts):
    found = starts["effect"]
    for rule in RULES:
        for effect in (0.3, -0.3):
            made = found.sketch(replace(found.defaults, rule=rule, effect=effect))
            assert all(figure.why for figure in made.figures)
            assert [figure.shown for figure in made.figures].count("") == 0
    up, down = (found.sketch(replace(found.defaults, effect=e)).curves["share"] for e in (0.4, -0.4))
    assert (abs(up - down) < 0.07).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"n": 1}, "n_per_group"),
        ({"allocation": "2:1:1"}, "2 groups"),
        ({"dropout": 0.97, "n": 20}, "too few"),
        ({"target": 1.0}, "below 1"),
        ({"prior_width": 0.0}, "sigma"),
        ({"rule": "magic"}, "there are plan"),
        ({"effect": None, "uncertainty": 0.1}, "must be stated"),
        ({"tau": -0.1}, "tau"),
        ({"reliability": 0.0}, "reliability"),
    ],
)
def test_impossible_settings_say_why(starts, change, said):
    found = starts["effect"]
    with pytest.raises(InputError, match=said):
        found.sketch(replace(found.defaults, **change))


def test_a_plan_says_what_of_it_is_left_out(starts):
    assert starts["simulation"].remarks[-1:] == ("of several values of attrition the first is planned with",)
    assert starts["effect"].remarks == starts["fit"].remarks == ()
    assert starts["simulation"].defaults.rule == "plan"
    assert Settings(n=90).rule == "interval"


def test_people_are_counted_as_their_groups_are(starts):
    one, unequal = starts["simulation"], starts["effect"]
    assert re.fullmatch(r"\d+ \(\d+ to \d+\) in all", one.sketch(one.defaults).figures[0].shown)
    names = [figure.name for figure in unequal.sketch(replace(unequal.defaults, n=100, allocation="1:2")).figures]
    assert "Power with 100 in the smaller group, 300 in all" in names
    sizes = unequal.sketch(replace(unequal.defaults, effect=0.9, n=400)).figures
    assert "in each group" in sizes[1].name
    assert sizes[1].shown == "> .999"


def test_what_a_control_cannot_follow_is_refused(tmp_path):
    path = tmp_path / "p.toml"
    path.write_text(
        'description = "l"\n[population]\neffect = 0.4\n[looks]\nat = [0.5, 1.0]\n'
        '[[decision]]\nname = "d"\nrule = {p_positive_above = 0.99}\n',
        encoding="utf-8",
    )
    with pytest.raises(InputError, match="looks: the planner has no such thing"):
        planner(path)
    with pytest.raises(InputError, match="nothing_here"):
        planner("nothing_here")


def test_a_study_without_a_main_question_is_refused(tmp_path):
    text = Path(shipped_studies()["iris1936"]).read_text(encoding="utf-8")
    path = tmp_path / "mute.toml"
    path.write_text(re.sub(r"(?m)^\[\[estimand\]\]\n([^\[\n].*\n)*", "", text), encoding="utf-8")
    with pytest.raises(InputError, match="no estimand"):
        planner(path)


OWN = """
description = "A step of a study of one's own"
study = "orchard.toml"
model = "products"
[worlds]
source = "fixed"
fixed = {residual_sd = 0.7, slopes = {shade = [0.1, 0.5]}}
[axes]
n_per_group = [60]
prior = ["stated"]
[priors]
"shade:farm" = {dist = "Normal", mu = 0, sigma = SIGMA, reason = "Known."}
[[decision]]
name = "steeper"
estimand = "ESTIMAND"
rule = {interval = 0.95, above = 0}
[run]
replicates = 400
"""


def test_a_step_of_the_study_is_a_model_and_priors_stand_in_the_file(tmp_path):
    """A prior that allows next to nothing concludes nothing; one that allows a lot concludes as often as a flat one."""
    text = (Path(__file__).parents[1] / "studies" / "orchard.toml").read_text(encoding="utf-8")
    (tmp_path / "orchard.toml").write_text(text, encoding="utf-8")
    question = load_study(tmp_path / "orchard.toml").focal_estimand.name
    path, found = tmp_path / "plan.toml", []
    for sigma in ("0.001", "100"):
        path.write_text(OWN.replace("SIGMA", sigma).replace("ESTIMAND", question), encoding="utf-8")
        found.append(float(power(path, workers=1).power["power"].iloc[0]))
    assert found[0] == 0
    assert found[1] > 0.3
    path.write_text(path.read_text(encoding="utf-8").replace("products", "orchards"), encoding="utf-8")
    with pytest.raises(InputError, match="orchards"):
        power(path)


STATING = """
description = "Priors in the file"
[population]
effect = 0.4
[axes]
n_per_group = [60]
prior = ["stated"]
[priors]
group = {dist = "Normal", mu = 0, sigma = 1, reason = "Known."}
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"stated"', '"flat"', "belong together"),
        (STATING[STATING.index("[priors]") :], "", "belong together"),
        ("group =", "arm =", "arm"),
    ],
)
def test_priors_that_nothing_asks_for_or_of_no_term_are_refused(old, new, said, tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(STATING.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=said):
        power(path)
