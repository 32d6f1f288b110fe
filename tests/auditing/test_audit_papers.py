"""Tables of published papers, as far as a study file takes them: what arithmetic can find is found, the rest is clean.

The numbers are those of the tables; what each is about is only as long as an audit needs.
"""

import pytest
from tests.study.small_studies import described, number, small_study

from hikibayes.auditing.audit import checks

BETWEEN = {"between": ("first", "second")}


def rows(study, verdict):
    return {(each.check, each.facts[0]): each.note for each in checks(study) if each.verdict == verdict}


def accused(study):
    return {fact for _, fact in rows(study, "inconsistent")}


# -- https://pmc.ncbi.nlm.nih.gov/articles/PMC7355162, Table 3: Welch tests with one-sided p, groups of 57 and 30 ------

RECOVERY = {
    "panss_total": (("3.7", "12.1"), ("-7.2", "9.8"), "4.4", "65.1", "<.001", "0.961"),
    "panss_positive": (("0.8", "3.8"), ("-1.6", "4.3"), "2.5", "48.4", ".009", "0.594"),
    "psp": (("4.4", "9.3"), ("-8.3", "11.5"), "5.1", "48.1", "<.001", "1.255"),
    "tmt_b": (("-2.6", "38.3"), ("4.7", "33"), "-0.9", "63.1", ".808", "-0.197"),
    "qcae": (("-1.6", "6.9"), ("2.5", "7.3"), "-2.5", "59.1", ".992", "-0.583"),
}


def recovery(**tail):
    facts = []
    for name, (first, second, t, df, p, d) in RECOVERY.items():
        facts += described(name, first, second)
        where = {"of": name, **BETWEEN}
        facts += [number("t", t, test="welch", **where), number("df", df, test="welch", **where)]
        relation = "<" if p[0] == "<" else "="
        facts += [
            number("p", p.strip("<"), relation, name=f"{name}_p", test="welch", **where, **tail),
            number("d", d, name=f"{name}_d", **where),
        ]
    return small_study((57, 30), *facts, measures=("y", "x", *RECOVERY))


@pytest.mark.parametrize("tail", [{}, {"tail": "upper"}])
def test_one_sided_p_of_fewer_people_than_the_groups_have_are_not_accused(tail):
    study = recovery(**tail)
    assert accused(study) == set()
    notes = {each.facts[0]: each.note for each in checks(study) if each.check == "p from t"}
    assert "one-sided for a greater value" in notes["qcae_p"]
    # the degrees of freedom are those of fewer people: the paper's missing values
    assert any("of the 57 and 30 people" in note for note in rows(study, "ambiguous").values())


# -- https://pmc.ncbi.nlm.nih.gov/articles/PMC10949125, Table 3: after a trial, groups of 34 and 30 --------------------

TRIAL = {
    "gad7": (("5.06", "4.71"), ("5.23", "3.38"), ".04", ".17", ".87"),
    "anger": (("50.06", "9.08"), ("52.32", "7.14"), ".27", "1.48", ".16"),
    "isolation": (("52.33", "7.98"), ("54.48", "5.52"), ".31", "1.24", ".22"),
    "isi": (("10.74", "6.81"), ("12.00", "4.68"), ".21", ".83", ".41"),
    "peg": (("3.54", "2.50"), ("4.38", "2.33"), ".35", "1.40", ".17"),
    "eq5d": ((".74", ".20"), (".66", ".27"), ".33", "1.31", ".20"),
    "cbtsq": (("50.26", "8.11"), ("44.90", "7.81"), ".67", "2.69", ".009"),
    "bads": (("34.21", "9.98"), ("29.77", "10.93"), ".43", "1.70", ".09"),
    "bnsg": (("66.91", "8.11"), ("62.3", "9.64"), ".52", "2.08", ".04"),
}


def test_a_t_that_its_means_and_its_d_contradict_is_found():
    facts = []
    for name, (first, second, d, t, p) in TRIAL.items():
        where = {"of": name, **BETWEEN}
        facts += described(name, first, second)
        facts += [number("t", t, name=f"{name}_t", absolute=True, **where), number("p", p, name=f"{name}_p", **where)]
        facts.append(number("d", d, name=f"{name}_d", absolute=True, **where))
    study = small_study((34, 30), *facts, measures=("y", "x", *TRIAL))
    # anger's t should be 1.10; p = .16 fits neither; the t of the insomnia scale should be .85
    assert {name.split("_")[0] for name in accused(study)} == {"anger", "isi"}
    assert ("t from means and SDs", "anger_t") in rows(study, "inconsistent")
    assert ("t from means and SDs", "isi_t") in rows(study, "inconsistent")


# -- https://doi.org/10.1186/s40359-020-00417-1, Table 3: d of two arms, 26 and 30 ------------------------------------


def test_a_d_that_no_kind_of_d_gives_is_found():
    table = {
        "non_acceptance": (("15.5", "7.0"), ("19.7", "4.9"), "-0.69"),
        "over_identification": (("3.3", ".7"), ("2.5", ".6"), "1.06"),
        "clarity": (("11.4", "4.3"), ("13.4", "4.5"), "-0.39"),
    }
    facts = []
    for name, (first, second, d) in table.items():
        facts += [*described(name, first, second), number("d", d, of=name, name=f"{name}_d", **BETWEEN)]
    # clarity: .43 to .48 within rounding
    assert accused(small_study((26, 30), *facts, measures=("y", "x", *table))) == {"clarity_d"}


# -- https://pmc.ncbi.nlm.nih.gov/articles/PMC10406187, Table 4: shares of 673 and 856 people --------------------------


def shares(sizes, table):
    facts = [
        number("proportion", value, name=f"{level}_{group}", of=name, level=level, group=group, unit="percent")
        for name, levels in table.items()
        for level, pair in levels.items()
        for group, value in zip(("first", "second"), pair, strict=True)
    ]
    study = small_study(sizes)
    content = study.model_dump(exclude_unset=True)
    content["measure"] = [
        *content["measure"],
        *(
            {"id": n, "label": n, "kind": "category", "levels": [{"id": lv, "label": lv} for lv in levels]}
            for n, levels in table.items()
        ),
    ]
    source = content["fact"][0]["source"]
    content["fact"] = [*content["fact"], *({"id": f.pop("name"), "source": source, **f} for f in facts)]
    return type(study).model_validate(content)


def test_shares_that_no_number_of_people_gives_are_found():
    study = shares(
        (673, 856),
        {
            "sex": {"female": ("71.0", "65.1"), "male": ("29.0", "34.9")},
            "place": {"urban": ("35.3", "40.6"), "rural": ("64.7", "59.4")},
            "alone": {"yes": ("24.8", "10.2"), "no": ("75.2", "89.8")},
        },
    )
    # 224 and 449 of 673 are 33.3 and 66.7 %, 356 and 500 of 856 are 41.6 and 58.4 %
    assert accused(study) == {"urban_first", "urban_second", "rural_first", "rural_second"}


# -- https://pmc.ncbi.nlm.nih.gov/articles/PMC6476969, Table 2: shares of 58 and 3204 people ---------------------------


def test_shares_that_are_right_are_left_alone():
    table = {"suicide_risk": {"yes": ("81.0", "43.6"), "no": ("19.0", "56.4")}}
    table["violent"] = {"often": ("17.2", "14.7"), "never": ("82.8", "85.3")}
    assert accused(shares((58, 3204), table)) == set()


# -- https://doi.org/10.1186/s12888-022-04116-6, Table 1: two countries, 108 and 125 people ---------------------------


def test_a_comparison_of_two_countries_is_clean():
    facts = [
        *described("absent", ("1.22", "1.15"), (".45", ".98")),
        *described("going_out", ("1.17", "1.10"), (".88", "1.20")),
    ]
    facts += [number("t", "5.46", of="absent", **BETWEEN), number("p", ".001", "<", of="absent", **BETWEEN)]
    facts += [number("t", "1.94", of="going_out", **BETWEEN), number("p", ".053", of="going_out", **BETWEEN)]
    assert accused(small_study((108, 125), *facts, measures=("y", "x", "absent", "going_out"))) == set()


# -- https://pmc.ncbi.nlm.nih.gov/articles/PMC9213305, Table 2: correlations by group, with their p -------------------


def test_a_correlation_that_its_p_contradicts_is_found():
    pairs = [("x", "0.91", "0.587", "first"), ("z", "0.32", "0.001", "second")]
    facts = []
    for name, r, p, group in pairs:
        where = {"of": "y", "with_": name, "group": group}
        facts += [
            number("correlation", r, name=f"r_{name}", **where),
            number("p", p, "<" if group == "second" else "=", name=f"p_{name}", **where),
        ]
    # r = .09 has p = .587 for 38 people
    assert accused(small_study((38, 119), *facts, measures=("y", "x", "z"))) == {"p_x"}


# -- https://pmc.ncbi.nlm.nih.gov/articles/PMC8961269, Table 4: slopes by sex, 79 people, residual df 70 and 54 -------


@pytest.mark.parametrize(
    ("men", "women", "product", "said"),
    [
        (("-.581", ".136", ".001"), ("0.162", ".143", ".263"), "0.373", "(-1 and 1)"),
        (("0.008", ".153", ".960"), ("-.207", ".152", ".180"), "-.215", "dummy coding"),
    ],
)
def test_slopes_say_how_the_product_was_coded(men, women, product, said):
    facts = []
    for group, (b, se, p) in zip(("first", "second"), (men, women), strict=True):
        where = {"of": "x", "group": group, "step": "all"}
        facts += [
            number("slope", b, standardised=False, **where),
            number("slope_se", se, standardised=False, **where),
            number("slope_p", p, "<" if p == ".001" else "=", **where),
        ]
    # the product is printed by its confidence limits: their middle
    term = {"step": "all", "term": "arm:x", "standardised": False}
    facts.append(number("coefficient", product, "about", within="0.001", **term))
    study = small_study((40, 39), *facts)
    assert accused(study) == set()
    [note] = [each.note for each in checks(study) if each.check == "interaction from slopes"]
    assert said in note
