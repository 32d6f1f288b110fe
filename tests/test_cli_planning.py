"""The verbs of planning as a person types them."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

import hikibayes
from hikibayes.cli import main
from hikibayes.planning.designs.simulation import load_simulation, shipped_simulations
from hikibayes.planning.run.simulate import MADE_BY, made_by
from hikibayes.reconstruction import calibrate
from hikibayes.runs.replay import replay, same
from hikibayes.spec import InputError

PLAN = """
description = "A small one"
[worlds]
source = ["posterior", "printed"]
[axes]
n_per_group = [40, 160]
prior = ["weakly_informative", "sceptical"]
[[decision]]
name = "above"
estimand = "support_slope_difference"
rule = {interval = 0.95, above = 0}
[targets]
power = [0.5]
[run]
replicates = 200
"""


def typed(*words: object):
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture
def plan(tmp_path):
    def write(text: str = PLAN):
        path = tmp_path / "plan.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Make a run once: its folder, and what the terminal showed."""
    folder = tmp_path_factory.mktemp("planning")
    (folder / "plan.toml").write_text(PLAN, encoding="utf-8")
    found = typed("power", folder / "plan.toml", "-o", folder / "run")
    assert found.exit_code == 0, found.output
    return folder / "run", found


def test_a_plan_on_unconverged_reconstructions_says_so_everywhere_and_ends_with_1(plan, tmp_path, monkeypatch, nonaka):
    verdict = "not converged: R-hat 1.3"
    draws = calibrate.shipped_or_calibrated(nonaka.read(), seed=1).assign_attrs(verdict=verdict)
    monkeypatch.setattr(calibrate, "shipped_or_calibrated", lambda *_, **__: draws)
    text = PLAN.replace("[40, 160]", "[40]").replace("200", "10").replace('"posterior", ', "")
    found = typed("power", plan(text), "-o", tmp_path / "run")
    assert found.exit_code == 1
    assert f"cannot be relied on: {verdict}" in found.stderr
    assert "NOT SOUND" in found.stdout
    assert f"have not converged: {verdict}" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    again = typed("diagnose", tmp_path / "run")
    assert again.exit_code == 1
    assert f"cannot be relied on: {verdict}" in again.stderr


def test_power_leaves_its_files_and_nothing_unfinished(run):
    folder, shown = run
    names = {path.name for path in folder.iterdir()}
    assert {"replicates.parquet", "power.csv", "sample_size.csv", "surface.csv", "report.html", "run.json"} <= names
    assert {"planning.json", "proposal.txt", "study.json", "figures"} <= names
    assert not [name for name in names if name.startswith(".")]
    assert {path.name for path in (folder / "figures").iterdir()} >= {"curves.svg", "rule_costs.svg"}
    assert (
        "smallest sizes: difference of the slopes of use of instrumental support (hikikomori − control), 95 %"
        in shown.stdout
    )
    assert "simulated studies (100%)" in shown.stderr
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert record["seed"] == 20210525
    assert {"nonaka2021", "step3"} <= set(record["inputs"])


def test_screen_and_report_say_of_whom_the_sizes_are(run):
    folder, shown = run
    report = (folder / "report.html").read_text(encoding="utf-8")
    for text in (shown.output, report):
        assert (
            "Sizes and ratios are of Group (control : hikikomori), in this order; left to chance: Sex (female" in text
        )


def test_the_columns_are_those_of_the_contract(run):
    power = pd.read_csv(run[0] / "power.csv")
    shared = ["n_per_group", "n_total", "worlds", "estimand", "decision", "replicates", "failed"]
    figures = ["power", "assurance", "width", "coverage", "bias", "rmse", "type_s", "exaggeration"]
    assert [name for name in power if name in shared] == shared
    assert [name for name in power if name in figures] == figures
    assert {f"{name}_mcse" for name in figures} <= set(power)
    assert (power["power"].isna() == (power["worlds"] == "posterior")).all()
    assert (power["assurance"].isna() == (power["worlds"] == "printed")).all()
    sizes = pd.read_csv(run[0] / "sample_size.csv")
    assert {"worlds", "target", "n_per_group", "n_total", "lower", "upper", "reached", "limiting_assurance"} <= set(
        sizes
    )


def test_its_report_says_the_rule_before_the_result_and_keeps_priors_apart(run):
    html = (run[0] / "report.html").read_text(encoding="utf-8")
    section = html[html.index('<section id="planning">') :]
    rule, result = section.index("Fixed before any result"), section.index("The smallest sizes that reach the targets")
    assert rule < section.index("design prior") < section.index("analysis prior") < result
    for words in ("Wrong sign (Type S)", "Exaggeration (Type M)", "no fits failed", "SYNTHETIC"):
        assert words in section
    assert "published against posterior" not in section.lower()
    shown = typed("report", run[0])
    assert shown.exit_code == 0
    assert (run[0] / "report.html").read_text(encoding="utf-8") == html


def test_it_replays(run):
    comparison = replay(run[0])
    assert same(comparison), comparison
    assert set(comparison["verdict"]) == {"identical"}


def test_diagnose_in_place_gives_the_same_tables(run, tmp_path):
    folder = shutil.copytree(run[0], tmp_path / "copy")
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    for name in ("power.csv", "sample_size.csv", "surface.csv", "planning.json"):
        (folder / name).unlink()
    assert typed("diagnose", folder).exit_code == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_diagnose_in_another_folder_has_a_record_and_replays(run, tmp_path):
    shown = typed("diagnose", run[0], "-o", tmp_path / "again", "--json")
    assert shown.exit_code == 0
    assert json.loads(shown.stdout)[0]["decision"] == "above"
    assert set(replay(tmp_path / "again")["verdict"]) == {"identical"}


def test_a_replay_with_another_model_is_refused(run, tmp_path):
    folder = shutil.copytree(run[0], tmp_path / "copy")
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    record["inputs"]["step3"] = "0" * 64
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    shown = typed("replay", folder)
    assert shown.exit_code == 2
    assert "step3: is not what it was when the run was made" in shown.stderr


def test_options_win_over_the_file(plan, tmp_path):
    words = ("power", plan(), "--replicates", 50, "--seed", 3, "--workers", 2, "-o", tmp_path / "run", "--json")
    shown = typed(*words)
    assert shown.exit_code == 0
    assert {row["replicates"] for row in json.loads(shown.stdout)} == {50}
    assert json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))["seed"] == 3


WRITTEN = """
description = "A population that is written down"
study = "moderation.toml"
model = "moderated_model.toml"
[worlds]
source = "fixed"
[worlds.fixed]
residual_sd = 0.6
slopes = {x = [0.0, 0.4]}
[axes]
n_per_group = [100, 150]
[[decision]]
name = "above"
estimand = "difference"
rule = {interval = 0.95, above = 0}
[run]
replicates = 200
"""


@pytest.fixture
def beside(tmp_path):
    """A folder with a study and a model, and a function that writes a simulation beside them."""
    folder = tmp_path / "plans"
    folder.mkdir()
    for name in ("moderation.toml", "moderated_model.toml"):
        shutil.copy(Path(__file__).parent / "planning" / name, folder)

    def write(text: str = WRITTEN):
        (folder / "plan.toml").write_text(text, encoding="utf-8")
        return folder / "plan.toml"

    return write


def test_what_a_simulation_names_is_looked_for_beside_it(beside, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    more = WRITTEN.replace("[axes]", '[axes]\nmodel = ["moderated_model.toml"]')
    found = load_simulation(beside(more.replace("[worlds]", '[worlds]\nmodel = "moderated_model.toml"')))
    assert {found.model, found.worlds.model, *found.axes.model} == {str(beside().parent / "moderated_model.toml")}
    (elsewhere / "moderation.toml").write_text("", encoding="utf-8")
    assert load_simulation(beside()).study == str(beside().parent / "moderation.toml")
    monkeypatch.chdir(beside().parent)
    assert load_simulation("plan.toml").model == "moderated_model.toml"
    for key, old in (("study", "moderation"), ("model", "moderated_model")):
        with pytest.raises(InputError, match=rf"plan.toml: {key}: there is no {key} 'none.toml'; there are: .*beside"):
            load_simulation(beside(WRITTEN.replace(f"{old}.toml", "none.toml")))


def test_without_targets_the_power_of_every_cell_is_the_result(beside, tmp_path):
    shown = typed("power", beside(), "-o", tmp_path / "run")
    assert shown.exit_code == 0, shown.output
    assert "P(conclusion): difference of the slopes of" in shown.stdout
    assert len(pd.read_csv(tmp_path / "run" / "power.csv")) == 2
    sizes = pd.read_csv(tmp_path / "run" / "sample_size.csv")
    assert len(sizes) == 0
    assert {"target", "n_per_group", "reached", "at_most"} <= set(sizes)
    for verb in ("diagnose", "report", "replay"):
        again = typed(verb, tmp_path / "run")
        assert again.exit_code == 0, again.output


def test_a_size_that_the_smallest_cell_reaches_is_an_upper_bound(beside, tmp_path):
    shown = typed("power", beside(WRITTEN.replace("[run]", "[targets]\npower = [0.5]\n[run]")), "-o", tmp_path / "run")
    assert shown.exit_code == 0, shown.output
    assert re.search(r"fixed +0.500 +≤ 100 +≤ 200 ", shown.stdout), shown.stdout
    row = pd.read_csv(tmp_path / "run" / "sample_size.csv").iloc[0]
    assert row.at_most
    assert row.n_per_group == 100
    assert pd.isna(row.lower)
    assert "at most 100 per group (200 in all" in (tmp_path / "run" / "proposal.txt").read_text(encoding="utf-8")
    assert "≤ 100 [less–100]" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "options", "message"),
    [
        ("[40, 160]", "[]", (), "n_per_group: is an empty list"),
        ("[40, 160]", str(list(range(40, 340))), (), "the grid has 1,200 cells, more than 1,000; .* --yes"),
        ('"support_slope_difference"', '"none"', (), "there is no estimand 'none'"),
        ("[40, 160]", '[40]\nallocation = ["1:0"]', (), "the ratio 1:0 leaves a group empty"),
        ("[0.5]", "[1.0]", (), "a target lies above 0 and below 1"),
        ("[40, 160]", "[8]", (), "16 participants are too few for 17 predictors"),
        ("", "", ("--reconstructions", "none.nc"), "none.nc"),
        (
            'source = ["posterior", "printed"]',
            'source = "fixed"\n[worlds.fixed]\nresidual_sd = 0.6\ncorrelation = ['
            + ", ".join(
                f'{{of = "{a}", with = "{b}", r = -0.9}}'
                for a, b in (("srs18", "aaq2"), ("aaq2", "planning"), ("planning", "srs18"))
            )
            + "]",
            (),
            "not positive definite",
        ),
    ],
    ids=["no cells", "too many", "no estimand", "empty group", "certain", "n <= p", "no file", "no such world"],
)
def test_mistakes_are_one_message_and_leave_nothing(old, new, options, message, plan, tmp_path):
    shown = typed("power", plan(PLAN.replace(old, new) if old else PLAN), *options, "-o", tmp_path / "run")
    assert shown.exit_code == 2
    assert re.search(message, shown.stderr), shown.stderr
    assert "Traceback" not in shown.output
    assert not (tmp_path / "run" / "power.csv").exists()


def test_where_no_scheduler_answers_finished_chunks_are_kept(plan, tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("hikibayes.planning.run.cluster.PATIENCE", 0.5)
    store = tmp_path / "run" / ".unfinished"
    store.mkdir(parents=True)
    (store / "kept.npy").write_bytes(b"finished work of another run")
    (store / MADE_BY).write_text(json.dumps(made_by()))
    shown = typed("power", plan(), "--dask", "tcp://127.0.0.1:1", "-o", tmp_path / "run")
    assert shown.exit_code == 2
    assert "no dask scheduler answers at tcp://127.0.0.1:1" in shown.stderr
    assert (store / "kept.npy").exists()


def test_simulations_are_listed_described_and_written_anew(tmp_path):
    listed = json.loads(typed("simulations", "--json").stdout)
    assert {row["simulation"] for row in listed} == set(shipped_simulations())
    assert json.loads(typed("simulations", "--schema").stdout)["title"] == "Simulation"
    assert typed("simulations", "--new", tmp_path / "new.toml").exit_code == 0
    assert load_simulation(tmp_path / "new.toml").axes.n_per_group
    assert typed("simulations", "--new", tmp_path / "new.toml").exit_code == 2


MANY = "\n".join(
    f"{axis} = {values}"
    for axis, values in {
        "n_per_group": list(range(50, 1050)),
        "effect": [i / 1000 for i in range(1000)],
        "attrition": [i / 2000 for i in range(1000)],
    }.items()
)
"""A thousand million cells, which must not be gone through one by one."""

MISTAKES = {
    "axes.n_per_group": [
        ("n_per_group = [100, 150]", f"n_per_group = [{value}]")
        for value in ("nan", "inf", "1e308", "-5", "0", "1", "10000001", "true", "50.5", "2")
    ],
    "axes": [
        ("n_per_group = [100, 150]", f"n_per_group = [50]\n{axis}")
        for axis in (
            "attrition = [1]",
            "attrition = [0.999]",
            "attrition = [true]",
            "attrition = []",
            'mix = ["1:0"]',
            'mix = ["1:1"]',
            'mix = ["0:0"]',
            'mix = ["x"]',
            'allocation = ["1:0"]',
            'allocation = ["1:9999999"]',
            f'allocation = ["1:{"9" * 400}"]',
            'allocation = ["1:1", "1 : 1"]',
            "effect = [nan]",
            "effect = [1e308]",
            "effect = [1e12]",
            "effect = [0.0, -0.0]",
            "reliability = [{x = 0}]",
            "reliability = [{x = 1.2}]",
            "reliability = [{x = 0.5}]",
            "reliability = [{q = 0.5}]",
            "reliability = [{}]",
            'missing = [{share = 0.99, on = "x", strength = 1}]',
            'missing = [{share = 0.1, on = "a", strength = 1}]',
            'missing = [{share = 0.1, on = "x", strength = 1e308}]',
            'answers = ["likert"]',
            'model = ["namesake.toml", "moderated_model.toml"]',
            'predictors = ["fixed"]\nattrition = [0.1]',
        )
    ],
    "worlds": [
        ("residual_sd = 0.6", f"residual_sd = {value}")
        for value in (
            *("nan", "0", "-1", "true", "[0.5, -1]", "[0.5]", "[1, 1, 1]", "1e-9", "1e12"),
            *("0.6\nshare = 2", "0.6\ngap = nan", "0.6\nmeans = {x = inf}", "0.6\nsds = {x = 0}", "0.6\nsds = {q = 1}"),
            *("0.6\nreliabilities = {x = 0}", "0.6\nreliabilities = {x = 1.1}", "0.6\nreliabilities = {q = 0.5}"),
            '0.6\ncorrelation = [{of = "x", with = "x", r = 0.5}]',
            "0.6\n[worlds.nothing]",
        )
    ],
    "worlds.source": [('source = "fixed"', f"source = {value}") for value in ('["fixed", "fixed"]', '["fixed", "x"]')],
    "decision": [
        ("rule = {interval = 0.95, above = 0}", f"rule = {value}")
        for value in (
            "{}",
            "{interval = 1, above = 0}",
            "{interval = 0.95, above = nan}",
            '"t test"',
            "{t_test = 0.05}",
        )
    ],
    "estimand": [('estimand = "difference"', f'estimand = "{value}"') for value in ("none", "slope_x")],
    "targets.power": [
        ("[run]", f"[targets]\npower = {value}\n[run]") for value in ("[0]", "[1]", "[nan]", "[0.8, 0.8]")
    ],
    "run": [
        ("replicates = 200", f"replicates = {value}")
        for value in ("0", "1", "nan", "true", "1e9", "10\nseed = -1", "10\nseed = 1e300", '10\nengine = "x"')
    ],
    "results; at most": [("n_per_group = [100, 150]", MANY)],
}


@pytest.mark.parametrize(
    ("key", "old", "new"), [(key, *change) for key, changes in MISTAKES.items() for change in changes]
)
def test_every_mistake_is_one_message_with_its_file_and_key(key, old, new, beside, tmp_path):
    assert old in WRITTEN
    path = beside(WRITTEN.replace(old, new))
    shutil.copy(path.parent / "moderated_model.toml", path.parent / "namesake.toml")
    with (path.parent / "namesake.toml").open("r+", encoding="utf-8") as file:
        text = file.read()
        file.seek(0)
        file.write('name = "moderated_model"\n' + text)
    shown = typed("power", path, "--yes", "-o", tmp_path / "run")
    assert shown.exit_code == 2, shown.output
    assert re.match(rf"hikibayes: \S*plan.toml: .*{re.escape(key)}", shown.stderr), shown.stderr
    assert not (tmp_path / "run").exists()


def test_a_run_needs_nothing_but_its_folder(beside, tmp_path):
    """The study and models that it was made with may be gone."""
    assert typed("power", beside(), "-o", tmp_path / "run").exit_code == 0
    shutil.rmtree(beside().parent)
    for verb in ("diagnose", "report", "replay"):
        again = typed(verb, tmp_path / "run")
        assert again.exit_code == 0, (verb, again.output)


@pytest.mark.parametrize("damage", ["none", "empty", "cut", "other", "text"])
def test_diagnose_of_any_folder_is_an_answer_or_one_message(damage, run, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    path, whole = folder / "replicates.parquet", (run[0] / "replicates.parquet").read_bytes()
    if damage == "other":
        pd.DataFrame({"a": [1]}).to_parquet(path)
    elif damage != "none":
        path.write_bytes({"empty": b"", "cut": whole[: len(whole) // 2] + whole[-2000:], "text": b"a,b\n1,2\n"}[damage])
    shown = typed("diagnose", folder)
    assert shown.exit_code == 2, shown.output
    assert re.match(r"hikibayes: \S*replicates.parquet: (is|there is) no table of replicates", shown.stderr)
    assert {each.name for each in folder.iterdir()} <= {"replicates.parquet"}


def test_fits_that_all_fail_are_not_sound(beside, tmp_path, monkeypatch):
    monkeypatch.setattr("hikibayes.planning.run.simulate._analyse", lambda *_: None)
    shown = typed("power", beside(WRITTEN + "[targets]\npower = [0.8]\n"), "-o", tmp_path / "run")
    assert shown.exit_code == 1, shown.output
    assert "note: 400 of 400 fits failed (100.0%)" in shown.stderr
    assert "NOT SOUND" in shown.stdout
    assert "fits failed (100.0%)" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert typed("diagnose", tmp_path / "run").exit_code == 1


def test_another_plans_unfinished_work_stays(beside, tmp_path):
    store = tmp_path / "run" / ".unfinished"
    store.mkdir(parents=True)
    (store / "others.npy").write_bytes(b"hours of work")
    (store / MADE_BY).write_text(json.dumps(made_by()), encoding="utf-8")
    os.utime(store / "others.npy", (1e9, 1e9))
    assert typed("power", beside(), "-o", tmp_path / "run").exit_code == 0
    assert sorted(path.name for path in store.iterdir()) == [MADE_BY, "others.npy"]


def test_a_folder_that_cannot_be_written_to_is_refused_before_the_work(beside, tmp_path, monkeypatch):
    monkeypatch.setattr("hikibayes.planning.power.simulate", None)
    (tmp_path / "file").write_text("", encoding="utf-8")
    shown = typed("power", beside(), "-o", tmp_path / "file" / "run")
    assert shown.exit_code == 2, shown.output
    assert "cannot be written to (Not a directory); choose another with --out" in shown.stderr


BARE_STUDY = """
id = "bare"
description = "Made up: nothing published, only what is planned"
group = [{id = "usual", label = "usual"}, {id = "extra", label = "extra"}]
analysis = {outcome = "y", group = "arm", focal = "x"}
measure = [
    {id = "arm", label = "Arm", kind = "category", levels = [{id = "usual", label = "b"}, {id = "extra", label = "a"}]},
    {id = "y", label = "Y", kind = "number", unit = "points", range = [0, 9000], integer = false},
    {id = "x", label = "X", kind = "number", unit = "points", range = [0, 9], integer = false},
]
fact = [
    {id = "n_1", quantity = "n", group = "usual", value = 60, source = {locator = "plan", quote = "60"}},
    {id = "n_2", quantity = "n", group = "extra", value = 10, source = {locator = "plan", quote = "10"}},
]
estimand = [{name = "gap", kind = "adjusted_difference", between = ["extra", "usual"], meaning = "extra minus usual"}]
"""
BARE_MODEL = """
description = "a comparison"
formula = "y ~ arm"
family = "gaussian"
scaling = "sample"
[priors]
Intercept = {dist = "Normal", mu = 0, sigma = 1, reason = "test"}
arm = {dist = "Normal", mu = 0, sigma = 1, reason = "test"}
sigma = {dist = "HalfStudentT", nu = 4, sigma = 1, reason = "test"}
"""
BARE_PLAN = """
description = "A study without a paper"
study = "bare.toml"
model = "bare_model.toml"
worlds = {source = "fixed", fixed = {residual_sd = [0.5, 1.0], gap = 0.4}}
axes = {n_per_group = [30], allocation = ["2:1"]}
decision = [{name = "differ", estimand = "gap", rule = {interval = 0.95, excludes = 0}}]
run = {replicates = 100, refine = false}
"""


def test_a_plan_of_two_groups_needs_sizes_and_estimands_and_nothing_published(tmp_path, monkeypatch):
    for name, text in (("bare", BARE_STUDY), ("bare_model", BARE_MODEL), ("plan", BARE_PLAN)):
        (tmp_path / f"{name}.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert hikibayes.power("plan.toml", workers=1).power.failed.sum() == 0


def test_plans_that_differ_have_inputs_that_differ(tmp_path):
    found = []
    for cost in (1, 2):
        path = tmp_path / f"plan{cost}.toml"
        path.write_text(
            f'description = "t"\n[population]\neffect = 0.5\n[axes]\nn_per_group = [20, 40]\n[costs]\nperson = {cost}\n'
            "[run]\nreplicates = 20\n",
            encoding="utf-8",
        )
        folder = tmp_path / f"run{cost}"
        assert typed("power", path, "-o", folder, "--workers", 1).exit_code == 0
        found.append(json.loads((folder / "run.json").read_text(encoding="utf-8"))["inputs"][str(path)])
    assert found[0] != found[1]
    path.write_text("", encoding="utf-8")  # a run that is made again has its own plan
    assert set(replay(folder)["verdict"]) == {"identical"}
