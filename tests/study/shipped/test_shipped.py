"""Shipped studies whose raw data are public: tables as statsmodels has them, entered twice, and asked for again."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hikibayes
from hikibayes.auditing.audit import audit
from hikibayes.reconstruction.quantities import reported_quantities
from hikibayes.reconstruction.shipped import shipped_reconstructions
from hikibayes.reconstruction.synthesize import Synthesizer
from hikibayes.spec import digest
from hikibayes.study.entering.columns import Known
from hikibayes.study.entering.draft import draft
from hikibayes.study.moments import sample_moments
from hikibayes.study.study import Study
from hikibayes.study.study_file import load_study

from .tables import DATA, TABLES, read

NAMES = {
    "iris1936": {"group": "species", "step_1": "main", "step_2": "products"},
    "kidiq2007": {
        "group": "school",
        "child_s_score": "child_score",
        "mother_s_iq": "mother_iq",
        "step_1": "main",
        "step_2": "product",
    },
    "ozone1973": {"step_1": "main", "step_2": "product"},
}
"""What a draft calls by a number or by default, and the study by a name."""
KNOWN = {
    "iris1936": Known(sizes=dict.fromkeys(("Setosa", "Versicolor", "Virginica"), "")),
    "kidiq2007": Known(sizes=dict.fromkeys(("Not finished", "Finished"), "")),
    "ozone1973": Known(outcome="Ozone"),
}


def rows_of(name: str) -> pd.DataFrame:
    if name == "iris1936":
        return read("iris")
    if name == "kidiq2007":
        rows = read("kidiq").rename(columns={"kid_score": "child_score", "mom_iq": "mother_iq"})
        return rows.assign(school=rows.pop("mom_hs").map({0: "not_finished", 1: "finished"}))
    rows = pd.read_csv(DATA / "airquality.csv")[["Ozone", "Wind", "Temp"]].dropna()
    return rows.rename(columns={"Ozone": "ozone", "Wind": "wind", "Temp": "temperature"}).reset_index(drop=True)


def numbers_of(study: Study, names: dict[str, str]) -> dict[tuple[str, ...], str]:
    """Every fact by its address, called as the study calls it; a correlation is of two measures in any order."""
    found = {}
    for fact in study.facts:
        address = {key: str(value) for key, value in fact.address.items() if key != "standardised"}
        if fact.with_:
            address["of"], address["with"] = sorted((str(fact.of), fact.with_))
        if fact.term:
            parts = [part.partition("[") for part in fact.term.split(":")]
            address["term"] = ":".join(names.get(name, name) + bracket + level for name, bracket, level in parts)
        address = {key: names.get(value, value) for key, value in address.items()}
        found[fact.quantity, *sorted(address.items())] = fact.printed
    return found


@pytest.mark.parametrize("run", sorted(Path("results").glob("*/*/run.json")), ids=str)
def test_committed_results_are_of_the_studies_as_they_are(run):
    """A new key of a study's classes moves its digest, and with it all seeds: committed results would not come back."""
    inputs = json.loads(run.read_text(encoding="utf-8"))["inputs"]
    assert inputs[run.parts[1]] == digest(load_study(run.parts[1]))


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_what_statsmodels_computes_from_the_rows(name):
    assert Path(__file__).with_name(f"{name}.md").read_text(encoding="utf-8") == TABLES[name]()


@pytest.mark.parametrize("name", TABLES)
def test_entered_by_hand_and_by_the_reader_a_study_is_the_same(name):
    made = draft([Path(__file__).with_name(f"{name}.md")], KNOWN[name])
    by_reader = numbers_of(Study.model_validate(made.content), NAMES[name])
    assert numbers_of(load_study(name), {}) == by_reader


@pytest.mark.parametrize("name", TABLES)
def test_nothing_in_a_shipped_study_contradicts_itself(name):
    assert not (audit(load_study(name))["verdict"] == "inconsistent").any()


@pytest.mark.parametrize("name", TABLES)
def test_shipped_reconstructions_cover_the_raw_data(name):
    study = load_study(name)
    draws = shipped_reconstructions(study)
    assert draws.attrs["verdict"].startswith("converged")
    measures = [str(measure) for measure in draws["measure"].values if ":" not in str(measure)]
    moments = sample_moments(rows_of(name), study, measures)
    moments = moments.assign({key: moments[key].expand_dims(draw=1) for key in ("mean", "cov")})
    found, true = reported_quantities(study, draws), reported_quantities(study, moments)
    away = {}
    for quantity, there in found.items():
        sd = max(float(there.values.std()), 1e-9)
        away[quantity] = abs(float(true[quantity].values[0]) - float(there.values.mean())) / sd
    assert max(away.values()) < 4.5
    assert np.median(list(away.values())) < 1.3


@pytest.mark.parametrize("name", TABLES)
def test_a_table_made_for_it_prints_every_number(name):
    made = Synthesizer.of(load_study(name)).make(1, seed=1)
    assert made.verification["matches"].all()
    assert len(made.verification) == len(load_study(name).facts)


@pytest.mark.long
@pytest.mark.parametrize("name", TABLES)
def test_reanalysis_says_what_the_raw_data_say(name):
    study = load_study(name)
    found = hikibayes.reanalyze(name, fast=True, datasets=20)
    assert not found.unsound
    own = hikibayes.fit(found.models[[*found.models][-1]], rows_of(name), study=study)
    answer = found.published.set_index("estimand")
    for estimand in study.estimands[:2]:
        raw = own.estimates.set_index("estimand").loc[estimand.name]
        assert answer.loc[estimand.name, "mean"] == pytest.approx(raw["mean"], abs=0.25 * raw["sd"])
        assert answer.loc[estimand.name, "sd"] == pytest.approx(raw["sd"], rel=0.15)
