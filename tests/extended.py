"""Uses what docs/extending.md adds; run by test_extending.py with a copy of the package that has it."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from click.testing import CliRunner

import hikibayes as hb
from hikibayes.cli import main
from hikibayes.planning.run.plan import prepare
from hikibayes.quantities import KINDS
from hikibayes.robustness.analyses import ANALYSES
from hikibayes.robustness.case import case_of

FACT = """
[[fact]]
id = "f2"
quantity = "f2"
step = "main"
value = 0.27
source = {locator = "p. 2", quote = "f2 = 0.27"}
"""
ASKED = """
[[estimand]]
name = "wild"
kind = "slope"
of = "food"
group = "wild"
meaning = "slope of the wild"
[[estimand]]
name = "farmed"
kind = "slope"
of = "food"
group = "farmed"
meaning = "slope of the farmed"
[[estimand]]
name = "both"
kind = "mean_slope"
of = "food"
between = ["farmed", "wild"]
meaning = "mean of both"
"""


def use(here: Path) -> None:
    """Use every example on the files of a folder."""
    assert "copy" in hb.__file__, hb.__file__
    text = (here / "study.toml").read_text()

    # a kind of printed number: facts carry it, and the audit recomputes it
    (here / "more.toml").write_text(text + FACT)
    assert hb.load_study(here / "more.toml").facts[-1].quantity == "f2"
    moments = type("R", (), {"regression": lambda self, step: type("F", (), {"r2": np.array([0.5])})})()
    assert KINDS["f2"].value(moments, type("A", (), {"step": "main"})) == 1

    # a kind of estimand: the mean of two slopes is their mean
    (here / "own.toml").write_text(text + ASKED)
    model = (
        (here / "model.toml").read_text().replace('["difference", "gap"]', '["wild", "farmed", "both", "difference"]')
    )
    (here / "own_model.toml").write_text(model)
    fit = hb.fit(here / "own_model.toml", here / "frogs.csv", study=here / "own.toml", mapping=here / "mapping.toml")
    found = fit.estimates.drop_duplicates("estimand").set_index("estimand")["mean"]
    assert abs(found["both"] - (found["wild"] + found["farmed"]) / 2) < 1e-9

    # a sensitivity analysis: run beside the others
    halves = ANALYSES["halves"](case_of(fit, seed=1), seed=1)
    assert 0 <= halves.tipping["value"].iloc[0] <= 1
    assert len(halves.tables["halves"]) == 1

    # a rule and a source of populations: a plan asks for both
    plan = {
        "description": "example",
        "model": "step3",
        "worlds": {"source": ["null"]},
        "axes": {"n_per_group": [50, 100]},
        "decision": [{"name": "big", "estimand": "support_slope_difference", "rule": {"mean_above": 0.1}}],
        "targets": {"power": [0.8]},
        "run": {"replicates": 200, "refine": False},
    }
    made = prepare(hb.Simulation.model_validate(plan))
    assert np.allclose(made.population(next(made.simulation.samples()), 0, 5).truth[:, 0], 0)

    # a verb: its files, its record, and replay
    def typed(*words):
        return CliRunner().invoke(main, list(map(str, words)))

    shown = typed("sizes", here / "study.toml", "-o", here / "run")
    assert shown.exit_code == 0, shown.output
    assert list(pd.read_csv(here / "run" / "sizes.csv")["n"]) == [41, 23]
    assert typed("replay", here / "run").exit_code == 0
    assert "how many people each group had" in typed("--help").output

    # a topic of the report: in that verb's
    assert typed("report", here / "run").exit_code == 0
    html = (here / "run" / "report.html").read_text(encoding="utf-8")
    assert "<h2>How many people</h2>" in html
    assert html.count(" people.</p>") == 2


if __name__ == "__main__":
    use(Path(sys.argv[1]))
