"""Conventions that a study file leaves open are read off the numbers; what it declares stands."""

import pytest

import hikibayes
from hikibayes.auditing.likeliest import likeliest
from hikibayes.validation.strangers.stranger import stranger
from hikibayes.validation.strangers.styles import Style

WITHOUT_FLAGS = next(seed for seed in range(20) if not stranger(seed, sizes=(60, 90)).raw.flags)
"""A record whose correlations within the groups are all printed."""


def chosen(seed, **style):
    study = stranger(seed, sizes=(60, 90), style=Style(declared=False, decimals=3, by_group=True, **style)).study
    found, said = likeliest(study)
    one = {fact.quantity: fact for fact in found.facts}
    return found, {"test": one["t"].test, "kind": one["d"].kind, "separate": one["slope"].separate}, said


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long)])
@pytest.mark.parametrize("test", ["welch", "student"])
@pytest.mark.parametrize("kind", ["cohen", "average", "glass_second"])
def test_test_and_kind_of_d_are_those_that_agree_with_means_and_sds(seed, test, kind):
    _, found, _ = chosen(seed, test=test, kind=kind)
    usual = {"test": None if test == "welch" else test, "kind": None if kind == "cohen" else kind}
    assert {key: found[key] for key in usual} == usual


@pytest.mark.parametrize("coding", ["half", "effect"])
@pytest.mark.parametrize("products", ["z", "raw", "centred_both"])
def test_coding_and_products_are_those_that_agree_with_coefficients_and_slopes(coding, products):
    found, _, said = chosen(WITHOUT_FLAGS, coding=coding, products=products)
    # codes around their mean are the same for 0/1 and -1/2, 1/2
    same = {"half": ("half", "dummy") if products == "centred_both" else ("half",), "effect": ("sum",)}
    assert found.analysis.coding in same[coding]
    assert found.analysis.products == products
    assert said


def test_slopes_that_no_coding_makes_are_of_separate_regressions():
    _, found, said = chosen(5, separate=True)
    assert found["separate"]
    assert "from separate regressions of the groups" in said


@pytest.mark.parametrize("products", ["raw", "centred_both"])
def test_a_sparse_record_has_its_codes_from_slopes_and_coefficients_alone(products):
    study = stranger(
        3, sizes=(60, 90), style=Style(declared=False, decimals=3, coding="effect", products=products)
    ).study
    kept = [f for f in study.model_dump(exclude_unset=True)["fact"] if f["quantity"] in ("n", "coefficient", "slope")]
    found, said = likeliest(study.replace(fact=kept))
    assert found.analysis.coding == "sum"
    # raw and z scores make the same product's coefficient in raw units
    assert found.analysis.products == ("centred_both" if products == "centred_both" else "z")
    assert "groups coded -1 and 1" in said


@pytest.mark.parametrize("style", [{}, {"coding": "half", "products": "centred_both"}])
def test_what_is_declared_stands(style):
    study = stranger(4, sizes=(60, 90), style=Style(**style)).study
    assert likeliest(study) == (study, ())


def test_the_shipped_study_leaves_nothing_open():
    study = hikibayes.load_study("nonaka2021").read()
    assert likeliest(study) == (study, ())


@pytest.mark.parametrize(("coding", "meant"), [("effect", "sum"), ("half", "effect")])
@pytest.mark.parametrize("seed", range(3))
def test_the_codes_of_a_declared_effect_coding_are_those_of_the_printed_slopes(seed, coding, meant):
    # the test and the slopes' model are declared: the codes alone are open
    study = stranger(seed, sizes=(60, 90), style=Style(decimals=3, coding=coding)).study
    kept = [f for f in study.model_dump(exclude_unset=True)["fact"] if f["quantity"] in ("n", "coefficient", "slope")]
    assert likeliest(study.replace(fact=kept))[0].analysis.coding == meant


@pytest.mark.parametrize("by_group", [True, False])
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in (1, 2))])
def test_raw_products_are_seen_though_correlations_of_the_groups_are_not_printed(seed, by_group):
    """Those of two categories never are; the whole sample's are near enough to tell conventions apart."""
    style = Style(products="raw", coding="effect", by_group=by_group, every_product=True, declared=False)
    found, _ = likeliest(stranger(seed, sizes=(50, 30), style=style).study)
    assert (found.analysis.products, found.analysis.coding) == ("raw", "sum")


@pytest.mark.parametrize("kind", ["cohen", "hedges", "divisor_n"])
@pytest.mark.parametrize("seed", range(3))
def test_the_kind_of_d_follows_from_t_where_means_are_not_printed(seed, kind):
    style = Style(test="student", kind=kind, decimals=3, declared=False)
    study = stranger(seed, sizes=(13, 23), style=style).study
    kept = [fact for fact in study.facts if fact.quantity not in ("mean", "sd", "correlation", "p")]
    found, _ = likeliest(study.model_copy(update={"facts": tuple(kept)}))
    assert {fact.kind for fact in found.facts if fact.quantity == "d"} == {kind if kind != "cohen" else None}
