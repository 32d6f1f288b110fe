"""Cases of the sensitivity analyses."""

import pytest
from tests.studies import orchard_run

from hikibayes.inference.models.steps import model_of
from hikibayes.robustness.case import Case


@pytest.fixture(scope="session")
def orchard():
    """Nine samples of the orchard, its third step."""
    read = orchard_run.study().read()
    return Case(
        study=read,
        model=model_of(read, "products"),
        estimand=read.focal_estimand,
        data_sets=orchard_run.data_sets(),
        synthetic=True,
    )
