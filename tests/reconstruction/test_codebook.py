"""The codebook says of every column what it is, and where its numbers come from."""

import pytest

from hikibayes.reconstruction.participants.codebook import codebook

from .made_up import printed_study, raw_data


@pytest.fixture(scope="module")
def book():
    return codebook(printed_study(raw_data()), items=True).set_index("column")


def test_a_row_for_every_column_and_item(book):
    study = printed_study(raw_data())
    assert {measure.id for measure in study.measures} <= set(book.index)
    assert {f"delight_{number:02d}" for number in range(1, 6)} <= set(book.index)
    assert book.loc["visits", ["unit", "lowest", "highest", "values"]].to_list() == [
        "visits a year",
        0,
        60,
        "steps of 1",
    ]
    assert book.loc["weather", "values"] == "sun: sun; cloud: cloud; rain: rain"
    assert "only weekend" in book.loc["brunch", "label"]


@pytest.mark.parametrize(
    ("column", "own", "relation"),
    [
        ("warmth", "printed: ", "printed: correlation"),
        ("bustle", "printed: t, p", "printed: correlation"),
        ("visits", "printed: mean, SD", "assumed, within what is printed of basis"),
        ("queue", "printed: mean, SD", "none: made from its own numbers"),
        ("scent", "assumed: raw_mean", "printed: correlation"),
        ("delight", "printed: d", "the outcome"),
    ],
)
def test_printed_and_assumed_are_told_apart(book, column, own, relation):
    assert book.loc[column, "own_numbers"].startswith(own)
    assert book.loc[column, "relation_to_outcome"].startswith(relation)
