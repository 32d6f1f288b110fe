"""Item answers: totals kept, in range, as reliable as asked, and an error where that cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from hikibayes.reconstruction.participants.item_columns import item_columns, subscale_columns
from hikibayes.reconstruction.participants.items import Questionnaire, answer
from hikibayes.reconstruction.participants.known import Known
from hikibayes.reconstruction.verify import cronbach_alpha
from hikibayes.spec import InputError
from hikibayes.study.study import Study

from .made_up import SOURCE, study_of

GROUP = np.repeat([0, 1], [70, 45])


def with_alpha(measure: str, value: str, *, quantity_of: dict | None = None, **measure_changes) -> Study:
    study = study_of([])
    measures = [
        {**one.model_dump(exclude_unset=True), **(measure_changes if one.id == measure else {})}
        for one in study.measures
    ]
    fact = {"id": "alpha", "quantity": "alpha", "of": measure, "value": value, "source": SOURCE}
    facts = [*(one.model_dump(exclude_unset=True) for one in study.facts), {**fact, **(quantity_of or {})}]
    return study.replace(measure=measures, fact=facts)


def answers(study: Study, name: str, scores: np.ndarray, seed: int = 1, drawn: float = np.nan) -> np.ndarray | None:
    rng = np.random.default_rng(seed)
    scale = Questionnaire(known=Known(study), measure=study.measure(name))
    return answer(scale.measure, scores, GROUP, scale.asked(drawn, rng), rng)


def scores_between(low: int, high: int, mean: float, sd: float, seed: int = 2) -> np.ndarray:
    draws = mean + sd * np.random.default_rng(seed).normal(size=len(GROUP))
    return np.clip(np.rint(draws), low, high)


@pytest.mark.parametrize("alpha", ["0.45", "0.62", "0.80", "0.88"])
@pytest.mark.parametrize("seed", range(3))
def test_printed_alpha_is_reached_and_totals_are_kept(alpha, seed):
    study = with_alpha("warmth", alpha)
    scores = scores_between(0, 24, 13, 5, seed)
    items = answers(study, "warmth", scores, seed)
    assert items is not None
    assert (items.sum(axis=1) == scores).all()
    assert items.min() >= 0
    assert items.max() <= 6
    assert f"{cronbach_alpha(items):.2f}" == alpha


def test_items_of_a_mean_score_have_that_mean():
    scores = scores_between(5, 25, 15, 4) / 5
    items = answers(with_alpha("delight", "0.75"), "delight", scores)
    assert items is not None
    assert np.allclose(items.mean(axis=1), scores)
    assert f"{cronbach_alpha(items):.2f}" == "0.75"


def test_alpha_of_one_group():
    study = with_alpha("warmth", "0.55", quantity_of={"group": "weekend"})
    items = answers(study, "warmth", scores_between(0, 24, 13, 5))
    assert items is not None
    assert f"{cronbach_alpha(items[GROUP == 1]):.2f}" == "0.55"


def test_each_subscale_is_within_the_printed_range():
    subscales = [{"id": "hearth", "label": "hearth"}, {"id": "sun", "label": "sun", "items": 4}]
    study = with_alpha("warmth", "0.85", items=9, response=(0, 4), subscales=subscales)
    bounds = [
        {"id": name, "quantity": "alpha", "of": "warmth", "subscale": "any", "relation": sign, "value": value}
        for name, sign, value in (("low", ">=", "0.60"), ("high", "<=", "0.75"))
    ]
    facts = [*(one.model_dump(exclude_unset=True) for one in study.facts), *({**b, "source": SOURCE} for b in bounds)]
    study = study.replace(fact=facts)
    items = answers(study, "warmth", scores_between(0, 36, 18, 7))
    assert items is not None
    columns = item_columns(study.measure("warmth"))
    parts = subscale_columns(study.measure("warmth"))
    assert [len(names) for names in parts.values()] == [5, 4]
    for names in parts.values():
        assert 0.60 <= cronbach_alpha(items[:, [columns.index(name) for name in names]]) <= 0.75
    assert f"{cronbach_alpha(items):.2f}" == "0.85"


def test_an_assumed_reliability_is_drawn():
    found = [cronbach_alpha(answers(study_of([]), "bustle", scores_between(3, 21, 12, 4), s)) for s in range(8)]
    assert all(0.59 <= alpha <= 0.81 for alpha in found)
    assert np.std(found) > 0.02


def test_totals_that_cannot_be_that_reliable_keep_their_sums():
    # one person in two has an odd total, so that the two answers cannot agree everywhere
    scores = np.resize([4, 5, 6, 5], len(GROUP)).astype(float)
    items = answers(with_alpha("scent", "0.97"), "scent", scores)
    assert (items.sum(axis=1) == scores).all()
    assert cronbach_alpha(items) < 0.965


def test_one_item_cannot_have_a_printed_reliability():
    study = with_alpha("scent", "0.80", items=1)
    with pytest.raises(InputError, match="1 item cannot have the printed reliability"):
        Questionnaire(known=Known(study), measure=study.measure("scent"))


def test_too_few_items_for_the_subscales():
    subscales = tuple({"id": name, "label": name} for name in ("one", "two"))
    study = with_alpha("warmth", "0.8", items=3, subscales=subscales)
    with pytest.raises(InputError, match="3 items are too few for its subscales"):
        subscale_columns(study.measure("warmth"))
