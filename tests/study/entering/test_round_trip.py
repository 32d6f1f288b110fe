"""Tables of random raw data, printed by pandas and statsmodels in layouts of the field, come back as their facts."""

import re
from decimal import Decimal

import pytest
from tests.study.entering.layouts import LAYOUTS, Printed

from hikibayes.spec import read_toml
from hikibayes.study.entering.columns import Known
from hikibayes.study.entering.draft import draft
from hikibayes.study.entering.writing import file_text
from hikibayes.study.facts import Fact
from hikibayes.study.implied import in_full


def as_facts(printed):
    """What a layout says it prints, in the words of a study file."""
    found = set()
    for quantity, address, text in printed:
        relation, value, percent = re.fullmatch(r"([<>]?)(.+?)(%?)", text).groups()
        found.add((quantity, address, relation or "=", str(Decimal(value)), bool(percent)))
    return found


def entered(path):
    content = in_full(read_toml(path))
    found = set()
    for each in content["fact"]:
        fact = Fact.model_validate(each)
        address = dict(fact.address)
        # which group minus which is read off the means, or the first column's is first
        if "between" in address and fact.quantity == "p":
            address["between"] = tuple(sorted(address["between"], reverse=True))
        found.add(
            (fact.quantity, tuple(sorted(address.items())), fact.relation, str(fact.value), fact.unit == "percent")
        )
    return found


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in (1, 2))])
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda each: each.__name__)
def test_a_printed_table_comes_back_as_its_facts(layout, seed, tmp_path):
    name, text, printed = layout(Printed(seed))
    (tmp_path / name).write_text(text, encoding="utf-8")
    made = draft([tmp_path / name], Known())
    path = tmp_path / "study.toml"
    path.write_text(file_text(made, "a test"), encoding="utf-8")
    assert entered(path) == as_facts(printed), (made.columns, made.left)
    assert not made.left
    assert made.entered == made.printed
