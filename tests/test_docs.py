"""What the documentation lists is what there is."""

from pathlib import Path

import pytest

from hikibayes.quantities import KINDS
from hikibayes.record.study import Study

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def study_format():
    return (ROOT / "docs" / "study-format.md").read_text(encoding="utf-8")


def test_every_quantity_is_documented_with_its_keys(study_format):
    for name, quantity in KINDS.items():
        keys = ", ".join(" or ".join(f"`{part}`" for part in key.split("|")) for key in quantity.needs) or "–"
        more = ", ".join(f"`{key}`" for key in quantity.may) or "–"
        assert f"| `{name}` | {keys} | {more} |" in study_format


def test_every_table_of_a_study_file_is_documented(study_format):
    for field, info in Study.model_fields.items():
        assert f"{info.alias or field}]" in study_format or f"`{info.alias or field}`" in study_format, field
