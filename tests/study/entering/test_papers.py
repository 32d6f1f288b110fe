"""Tables of published papers, as they are laid out in print, and the share of their numbers that enters.

Each file of ``papers/`` begins with the address where the table was read; the numbers are those that were seen there.
"""

import re
from pathlib import Path

import pytest

from hikibayes.auditing.audit import checks
from hikibayes.spec import InputError
from hikibayes.study.entering.columns import Known
from hikibayes.study.entering.draft import draft
from hikibayes.study.implied import in_full

FOLDER = Path(__file__).parent / "papers"
PAGE = Path(__file__).parents[3] / "docs" / "enter-a-paper.md"

OTHERS = {
    "07-korea-support-multilevel": (6, "multilevel"),
    "11-mbct-ancova": (0, "F of an analysis of covariance: a `coefficient_f` of that outcome's regression"),
    "12-hikikomori-hlid-logistic": (4, "odds ratios and their p"),
    "13-hikikomori-clinic-3groups": (0, "p of a rank test"),
    "33-loneliness-english-chis": (9, "survey weights"),
    "39-lasi-gender-logistic": (6, "logistic"),
}
"""How many numbers of a file belong to other models than linear ones, and what does not enter of it."""


def entered(path):
    """Draft a study for each outcome; return the numbers that enter, and how many are printed."""
    found, outcomes, seen = set(), [""], set()
    while outcomes:
        try:
            made = draft([path], Known(outcome=outcomes.pop()))
        except InputError:
            return set(), 0
        facts = in_full(made.content)["fact"]
        found |= {(f["id"], f["relation"], str(f["value"])) for f in facts if not _mark(f, facts)}
        outcomes += [outcome for outcome in made.outcomes if outcome not in seen]
        seen |= set(made.outcomes)
    return found, made.printed


def _mark(fact, facts):
    """A p from stars is not a number of its own."""
    same = [f for f in facts if f["source"] == fact["source"] and f["id"] != fact["id"]]
    return fact["quantity"].endswith("p") and fact["relation"] == "<" and any(
        fact["id"].removesuffix("_p") in f["id"] and "*" in f["source"]["quote"] for f in same
    )  # fmt: skip


@pytest.fixture(scope="module")
def shares():
    rows = []
    for path in sorted(FOLDER.glob("*.md")):
        found, printed = entered(path)
        other, why = OTHERS.get(path.stem, (0, ""))
        linear = (printed or other) - other
        rows.append((path.stem[3:], printed or other, linear, min(len(found), linear), why))
    return rows


def test_of_the_numbers_of_linear_models_nearly_all_enter(shares):
    linear, enter = sum(row[2] for row in shares), sum(row[3] for row in shares)
    assert enter / linear >= 0.95


def test_the_page_says_what_enters(shares):
    page = PAGE.read_text(encoding="utf-8")
    for name, printed, linear, enter, why in shares:
        assert f"| {name} | {printed} | {linear} | {enter} | {why} |" in page


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("07-korea-support-multilevel", "multilevel models are not taken"),
        ("33-loneliness-english-chis", "weighted numbers are not taken"),
        ("39-lasi-gender-logistic", "models for categories, counts and times are not taken"),
    ],
)
def test_tables_of_other_models_are_refused_by_what_they_are(name, said):
    with pytest.raises(InputError, match=said):
        draft([FOLDER / f"{name}.md"], Known())


def test_every_table_has_its_address():
    assert all(re.match("https?://", path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.md"))


@pytest.mark.parametrize(
    ("name", "accused"),
    [
        ("03-ptsd-iat", set()),
        ("06-reappraisal-ses", {"table_3_sample_2_n_68_ses_coefficient_t"}),
        ("09-schizo-recovery-welch", set()),
        ("11-mbct-ancova", {"table_3_ders_clarity_d"}),
        ("14-hikikomori-japan-france", {"table_1_sex_chi2"}),
        ("17-process8-selfconstrual", set()),
        ("31-loneliness-covid-older", set()),
        ("40-autism-correlations", {"table_2_aq_loneliness_control_p"}),
    ],
)
def test_a_draft_is_audited_as_it_is(name, accused):
    study = draft([FOLDER / f"{name}.md"], Known()).study(name)
    assert {check.facts[0] for check in checks(study) if check.verdict == "inconsistent"} == accused


def test_steps_none_of_whose_terms_is_printed_are_audited_without_their_number():
    made = draft([FOLDER / "27-pbc-income.md"], Known())
    assert "which terms Model 1 has: the key adds of [[step]] model_1" in made.unknown
    rows = checks(made.study("pbc"))
    assert not any(
        check.facts[0] == "table_7_model_1_r2_f" for check in rows if check.check != "nothing to compare with"
    )
