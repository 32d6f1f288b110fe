"""Every kind of number says what it is, and what it can mean where nothing is declared."""

from importlib import import_module
from pathlib import Path

import pytest

import hikibayes.quantities
from hikibayes.quantities import KINDS, Address, meanings
from hikibayes.study.facts import ADDRESS

FILES = {path.stem for path in Path(hikibayes.quantities.__path__[0]).glob("*.py")}
HELPERS = {"__init__", "analysis", "conventions", "estimates", "kind"}


def test_every_file_of_kinds_is_listed():
    listed = [import_module(f"hikibayes.quantities.{name}").KINDS for name in FILES - HELPERS]
    names = [kind.name for kinds in listed for kind in kinds]
    assert sorted(names) == sorted(KINDS)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_kind_is_complete(kind):
    assert kind.meaning
    assert kind.words
    assert kind.low < kind.high
    assert {part for key in (*kind.needs, *kind.may) for part in key.split("|")} <= set(ADDRESS)
    # what a person can declare is a convention; what nobody can declare is no reason to accept a number
    assert {"test", "tail", "kind", "separate", "adjusted", "coding", "products"} & set(kind.may) <= set(
        kind.conventions
    )
    assert set(kind.conventions) <= set(kind.may)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_the_usual_meaning_comes_first_and_without_words(kind):
    found = list(meanings(kind, Address(), {}))
    assert found[0] == ("", Address())
    assert len({words for words, _ in found}) == len(found)


def test_a_declared_convention_is_kept_to():
    words = [words for words, _ in meanings(KINDS["d"], Address(), {"kind": "hedges"})]
    assert words == ["Hedges' g"]
    codings = {
        address.coding for _, address in meanings(KINDS["vif"], Address(), {"coding": "effect", "products": "raw"})
    }
    assert codings == {"half", "effect"}


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_what_settles_a_number_of_any_groups_is_of_any_number_of_them(kind):
    of_a_pair = "between" in {*kind.needs, *kind.may}
    assert of_a_pair or "both groups" not in (kind.settled_by or "")
