"""What stands beside the printed numbers."""

import pandas as pd

from hikibayes.inference.answers.estimates import COLUMNS as OF_ESTIMATES
from hikibayes.reanalysis import published as module
from hikibayes.reanalysis.published import published_against_posterior


def test_the_range_over_readings_lies_around_the_mean_of_the_default_one(nonaka):
    study = nonaka.read()
    rows = [
        dict.fromkeys(OF_ESTIMATES, 0.5)
        | {"estimand": estimand.name, "model": module.step_of(study, estimand), "reading": module.DEFAULT_READING}
        | {"unit": estimand.unit, "prior": prior, "engine": engine, "mean": 0.25}
        for estimand in study.estimands
        for prior, engine in ((module.DEFAULT_VARIANT, "exact"), (module.FLAT, "ols"))
    ]
    name = study.focal_estimand.name
    spread = pd.DataFrame({"sd_readings": 0.1, "lowest": -0.125, "highest": 0.5}, index=pd.Index([name]))
    found = published_against_posterior(study, pd.DataFrame(rows), spread).set_index("estimand")
    assert found.loc[name, "readings_low"] == 0.125
    assert found.loc[name, "readings_high"] == 0.75
    assert found["readings_low"].notna().sum() == 1
