"""Stand-in reconstructions for planning: moments of small simulated samples, so that tests need no calibration."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hikibayes.study.moments import sample_moments
from hikibayes.study.study import Study

SLOPES = {
    "srs18": -0.2,
    "scs_sf": 0.1,
    "aaq2": 0.0,
    "active_coping": 0.1,
    "planning": 0.05,
    "behavioral_disengagement": -0.2,
}


@pytest.fixture(scope="session")
def settled(nonaka: Study) -> Study:
    return nonaka.read()


@pytest.fixture(scope="session")
def reconstructions(settled: Study) -> xr.Dataset:
    drawn = [sample_moments(_participants(np.random.default_rng(seed)), settled, _MEASURES) for seed in range(20)]
    return xr.concat(drawn, dim="draw", coords="minimal", compat="override", join="exact", data_vars=["mean", "cov"])


_MEASURES = ("sex", "age", *SLOPES, "instrumental_support", "abs_h")


def _participants(rng: np.random.Generator) -> pd.DataFrame:
    n, names = 100, [*SLOPES, "instrumental_support"]
    parts = []
    for group, slope, men in (("control", 0.11, 40), ("hikikomori", 0.40, 62)):
        sex = np.repeat(["female", "male"], [n - men, men])
        x = 0.6 * rng.standard_normal((n, 1)) + 0.8 * rng.standard_normal((n, len(names)))
        x += 0.2 * (group == "hikikomori") + 0.1 * (sex == "male")[:, None]
        frame = pd.DataFrame(x, columns=names).assign(group=group, sex=sex, age=rng.uniform(23, 49, n))
        score = sum(b * frame[name] for name, b in SLOPES.items()) + slope * frame["instrumental_support"]
        parts.append(frame.assign(abs_h=score - 0.4 * (group == "hikikomori") + 0.7 * rng.standard_normal(n)))
    return pd.concat(parts, ignore_index=True)
