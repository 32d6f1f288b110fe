"""The table for a preregistration: every choice and what it leads to, equal to the tables it is made of."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from hikibayes.planning.designs.simulation import Simulation
from hikibayes.planning.power import power
from hikibayes.planning.results.diagnose import diagnose
from hikibayes.planning.results.preregistration import document, preregistration
from hikibayes.planning.run.replicates import write_replicates
from hikibayes.spec import validated


@pytest.fixture(scope="module")
def found():
    content = {
        "description": "t",
        "population": {"effect": 0.5},
        "worlds": {"reason": "one <pilot> & a guess"},
        "axes": {"n_per_group": [60, 100], "prior": ["flat"]},
        "looks": {"at": [0.5, 1.0], "futility": {"predictive_below": 0.05}},
        "decision": [{"name": "d", "rule": {"p_positive_above": 0.975}, "against": {"interval": 0.9, "below": 0}}],
        "targets": {"power": [0.8]},
        "run": {"replicates": 2_000, "seed": 7},
    }
    return power(validated(Simulation, content, "t"), workers=1)


def test_every_choice_and_figure_has_a_row(found):
    table = preregistration(found)
    rows = table.groupby("item").value.agg(" ".join)
    assert rows["Held to be true"] == "one <pilot> & a guess"
    assert "the posterior probability of a value above 0 is above 0.975" in rows["Conclusion"]
    assert "the 90 % interval lies below 0" in rows["Opposite conclusion"]
    assert rows["Looks"] == "at 50%, 100% of the participants"
    assert "below 0.05" in rows["Given up"]
    size = found.sample_size.iloc[0]
    assert f"{size.n_per_group} per group ({size.lower} to" in rows["Participants for 80%"]
    null = found.power[found.power.effect == 0]
    for row in null.itertuples():
        wrong = f"{row.power:.3f} (Monte Carlo error {row.power_mcse:.3f}) with {row.n_per_group} per group"
        assert wrong in rows["Wrong conclusions where there is no effect"]
    assert "seed 7" in rows["Simulated studies"]
    assert "(effect d = 0.5)" in rows["Design and analysis"]
    assert "in all), the effect that is planned for; " in rows["Probability of the conclusion"]


def test_the_document_is_one_table_with_everything_escaped(found):
    table = preregistration(found)
    text = document(table)
    assert text.count("<tr>") == len(table)
    assert "one &lt;pilot&gt; &amp; a guess" in text
    assert "<pilot>" not in text


def test_a_saved_table_has_its_words_and_an_older_one_its_names(found, tmp_path):
    name = found.replicates.estimands[0]
    write_replicates(found.replicates, tmp_path / "replicates.parquet")
    again = diagnose(tmp_path)
    assert again.replicates.named(name) == "difference in means, group (treated − control)"
    pd.testing.assert_frame_equal(preregistration(again), preregistration(found))
    older = replace(again, replicates=replace(again.replicates, words={}))
    assert preregistration(older).value[0] == "difference group treated minus control"


def test_what_nothing_concludes_has_no_exaggeration(found):
    power = found.power.assign(exaggeration=float("nan"))
    assert "nan" not in " ".join(preregistration(replace(found, power=power)).value)
