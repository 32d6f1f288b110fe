"""Every engine on random regressions down to no more rows than predictors, against 40-digit algebra."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.inference.engines import ENGINES, asked_of
from tests.reference.engine_cases import Case, errors

CASES = json.loads((Path(__file__).parents[1] / "reference" / "engine_cases.json").read_text())["cases"]
WITHIN = 1e-7
"""Posterior sds of means, sds and limits; probabilities, log Bayes factors and log evidences as they are."""


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("known", CASES, ids=[f"{i} {known['case']['kind']}" for i, known in enumerate(CASES)])
def test_forty_digit_references(engine, known):
    found, log_evidence = ENGINES[engine](asked_of(Case(**known["case"])))
    assert max(errors(found, log_evidence, known["expected"])) < WITHIN
