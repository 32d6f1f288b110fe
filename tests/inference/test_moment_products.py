"""Products of two measures in a design known by moments alone: as the design that has the rows."""

import numpy as np
import pandas as pd
import pytest

from hikibayes.inference.models.design import design
from hikibayes.inference.models.moment_design import design_from_moments
from hikibayes.inference.models.steps import model_of
from hikibayes.study.moments import sample_moments
from hikibayes.study.study import Study

GROUPS = {0: (), 2: ("a", "b"), 3: ("a", "b", "c")}


def study_of(k, adds):
    numbers = [{"id": name, "label": name, "kind": "number", "range": [-9, 9], "integer": False} for name in "xzy"]
    groups = [{"id": name, "label": name} for name in GROUPS[k]]
    arm = {"id": "arm", "label": "arm", "kind": "category", "levels": groups}
    content = {"id": "s", "description": "s", "measure": [*([arm] if k else []), *numbers], "group": groups,
               "analysis": {"outcome": "y", "group": "arm" if k else ""},
               "step": [{"id": "one", "label": "one", "adds": adds}]}  # fmt: skip
    return Study.model_validate(content)


def rows_of(k, n=60):
    rng = np.random.default_rng(k)
    x = rng.gamma(3, 1, n)
    z = 0.3 * x + rng.normal(0, 1, n)
    table = pd.DataFrame({"x": x, "z": z, "y": x * z / 4 + rng.normal(0, 1, n)})
    return table.assign(arm=np.resize(GROUPS[k], n)) if k else table


@pytest.mark.parametrize("scaling", ["sample", "raw"])
@pytest.mark.parametrize(
    ("k", "adds"),
    [
        (0, ["x", "z", "x:z"]),
        (2, ["arm", "x", "z", "z:x"]),
        (2, ["arm", "x", "z", "x:z", "arm:x", "arm:z", "arm:x:z"]),
        (3, ["arm", "x", "z", "x:z", "arm:x"]),
    ],
)
def test_moments_of_products_are_those_of_the_rows(k, adds, scaling):
    study, rows = study_of(k, adds), rows_of(k)
    model = model_of(study, "one").replace(scaling=scaling)
    by_rows, by_moments = design(model, rows, study), design_from_moments(model, sample_moments(rows, study), study)
    assert by_moments.columns == by_rows.columns
    for name in ("x_mean", "sxx", "sxy", "syy"):
        own, other = (getattr(each.statistics, name) for each in (by_rows, by_moments))
        np.testing.assert_allclose(other, own, rtol=1e-9, atol=1e-9)
    for changed in ({"fixed": {"x": 1.5}}, {"shift": {"z": 0.5}}, {"fixed": {"x": -1.0, "z": 2.0}}):
        np.testing.assert_allclose(by_moments.mean_row(**changed), by_rows.mean_row(**changed), rtol=1e-9, atol=1e-9)
