"""Regression tables of published papers without groups, with several groups, or with products of measures."""

from decimal import Decimal

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.study.small_studies import described, number, one_sample, rows_of, small_study

from hikibayes.auditing.audit import checks
from hikibayes.auditing.checks.steps import residual_df
from hikibayes.auditing.suspects import LIKELIEST
from hikibayes.spec import InputError
from hikibayes.study.study import Study

RAW, BETA = {"standardised": False}, {"standardised": True}


def accused(study):
    return {fact for each in checks(study) if each.verdict == "inconsistent" for fact in each.facts[:1]}


def notes(study, check):
    return [each.note for each in checks(study) if each.check == check]


# -- https://pmc.ncbi.nlm.nih.gov, posttraumatic stress by trauma and implicit attitudes: B, SE, t, p, d; 289 people ---

STRESS = [
    ("gender", "2.57", "1.17", "2.20", ".03", ".26"),
    ("trauma", "1.21", ".23", "5.19", "<.001", ".61"),
    ("explicit", ".33", ".03", "13.23", "<.001", "1.57"),
    ("iat", "6.06", "1.71", "3.54", "<.001", ".42"),
    ("trauma:iat", ".15", ".07", "2.27", ".02", ".27"),
]
STEPS = [
    {"id": "one", "label": "Step 1", "adds": ["gender", "trauma", "explicit"]},
    {"id": "two", "label": "Step 2", "after": "one", "adds": ["iat"]},
    {"id": "three", "label": "Step 3", "after": "two", "adds": ["trauma:iat"]},
]


def stress(product=STRESS[-1]):
    columns = ("", "se", "t", "p", "d")
    rows = {"one": STRESS[:3], "two": STRESS[3:4], "three": [product]}
    facts = [fact for step, own in rows.items() for fact in rows_of(step, own, columns, **RAW)]
    facts += [number("r2", ".45", step="three"), number("delta_r2", ".02", step="two", name="gain_two")]
    return one_sample(289, *facts, number("delta_r2", ".01", step="three", name="gain_three"), steps=STEPS)


def test_a_moderated_regression_of_one_sample_is_clean():
    assert accused(stress()) == set()


def test_a_misprinted_t_is_found():
    assert accused(stress(("trauma:iat", ".15", ".07", "2.72", ".02", ".27"))) == {"three_trauma_x_iat_t"}


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), added=st.integers(1, 2), by=st.sampled_from([0, 2]))
def test_a_term_explains_at_most_what_its_step_adds(seed, added, by):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(120, 3))
    y = x @ rng.uniform(0.2, 0.6, 3) + rng.normal(size=120)
    fits = [sm.OLS(y, sm.add_constant(x[:, :k])).fit() for k in (3 - added, 3)]
    names = ("a", "b", "c")
    steps = [
        {"id": "one", "label": "one", "adds": names[: 3 - added]},
        {"id": "two", "label": "two", "after": "one", "adds": names[3 - added :]},
    ]
    # printed with an SE that is too small by a factor, the p likewise: nothing else contradicts it
    b, se = fits[1].params[3], fits[1].bse[3] / (1 + by)
    facts = [number("r2", f"{fit.rsquared:.3f}", step=step) for fit, step in zip(fits, ("one", "two"), strict=True)]
    facts += [number("coefficient", f"{b:.4f}", step="two", term="c", **RAW)]
    facts += [number("coefficient_se", f"{se:.4f}", step="two", term="c", **RAW)]
    study = one_sample(120, *facts, steps=steps)
    [row] = [row for row in checks(study) if row.check == "term and increase of its step"]
    gain, explains = fits[1].rsquared - fits[0].rsquared, (b / se) ** 2 * (1 - fits[1].rsquared) / fits[1].df_resid
    if by == 0:
        assert row.verdict == "consistent"
    elif abs(explains - gain) > 0.002:
        assert (row.verdict == "inconsistent") == (explains > gain)


# -- reappraisal and socioeconomic status in five samples: beta, t, sr2, p -------------------------------------------

SAMPLES = {
    "s1": (301, ".39", [("stress", ".53", "10.26", ".22", ".001"), ("cra", "-.15", "-2.98", ".02", ".003")]),
    "lab": (56, ".13", [("stress", ".11", ".87", ".01", ".39"), ("cra", "-.17", "-1.31", ".03", ".20")]),
    "self": (68, ".26", [("cra", "-.43", "-3.65", ".16", ".001"), ("ses", "-.26", "-2.83", ".07", ".02")]),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_standardised_rows_with_shares_of_variance(name):
    n, r2, rows = SAMPLES[name]
    facts = rows_of("all", rows, ("", "t", "sr2", "p"), **BETA)
    study = one_sample(n, *facts, number("r2", r2, step="all"), terms=("stress", "cra", "ses", "cra:ses"))
    # t -2.83 has p .006 and sr2 .09; -2.38, its digits interchanged, has p .02 and sr2 .07
    assert accused(study) == ({"all_ses_t"} if name == "self" else set())
    if name == "self":
        assert "-2.38 as the t" in notes(study, "statistics of an estimate")[-1]


# -- trauma and substance use: robust errors, another n in a model --------------------------------------------------


@pytest.mark.parametrize(("errors", "wrong"), [({"errors": "robust"}, set()), ({}, {"f"})])
def test_a_robust_f_is_not_held_against_r2(errors, wrong):
    terms = ("male", "age", "maltreat", "traumas", "sle", "mono", "poly")
    facts = [
        number("r2", ".154", step="all"),
        number("r2_f", "9.464", step="all", name="f", **errors),
        number("r2_df2", "307", step="all", name="df2", **errors),
        *rows_of("all", [("male", ".109", ".098"), ("maltreat", ".260", ".108")], ("", "se"), **RAW),
    ]
    assert accused(one_sample(315, *facts, terms=terms)) == wrong


def test_fewer_people_in_a_model_are_no_contradiction():
    facts = [number("r2", ".177", step="all"), number("r2_df2", "289", step="all"), number("r2_f", "7.77", step="all")]
    study = one_sample(315, *facts, terms=tuple("abcdefgh"))
    assert accused(study) == set()
    assert residual_df(study, "all") == 289
    assert accused(one_sample(280, *facts, terms=tuple("abcdefgh"))) == {"r2_df2_2"}


# -- self-construal: B, SE, t, p and limits, slopes at one SD; 321 people --------------------------------------------

CONSTRUAL = [
    ("use", ".607", ".057", "10.575", "<.001", ".494", ".720"),
    ("values", ".149", ".055", "2.729", ".007", ".042", ".256"),
    ("values:other", ".055", ".026", "2.102", ".036", ".004", ".107"),
]
COLUMNS = ("", "se", "t", "p", "ci_low", "ci_high")


def construal(low=(".087", ".062", "1.407", ".160", "-.034", ".208"), rows=CONSTRUAL):
    facts = [*rows_of("all", rows, COLUMNS, **RAW)]
    at = {-1: low, 1: (".211", ".063", "3.370", ".001", ".088", ".335")}
    for sd, cells in at.items():
        for role, cell in zip(COLUMNS, cells, strict=True):
            scale = RAW if role in ("", "se", "ci_low", "ci_high") else {}
            place = {"of": "values", "step": "all", "at": {"other": sd}, "name": f"slope_{sd + 1}_{role}"}
            facts.append(number("_".join(filter(None, ("slope", role))), cell, **place, **scale))
    return one_sample(321, *facts, terms=("use", "values", "other", "values:other"))


def test_conditional_effects_go_with_the_product():
    study = construal()
    assert accused(study) == set()
    [note] = notes(study, "slopes at values and product")
    assert "1.1" in note  # the moderator's SD


def test_interchanged_slopes_are_found():
    found = accused(
        construal(rows=[*CONSTRUAL[:2], ("values:other", "-.055", ".026", "-2.102", ".036", "-.107", "-.004")])
    )
    assert "all_values_x_other_" in found


# -- a three-way hierarchy whose n is in no table ---------------------------------------------------------------------


def hierarchy(total_f):
    added = {"one": 10, "two": 1, "three": 2, "four": 3, "five": 1}
    names = iter("abcdefghijklmnopqrstuvw")
    steps, before = [], None
    for name, k in added.items():
        steps.append(
            {"id": name, "label": name, "adds": [next(names) for _ in range(k)]} | ({"after": before} if before else {})
        )
        before = name
    gains = zip(
        added, (".130", ".251", ".145", ".042", ".007"), ("4.40", "119.07", "44.79", "9.41", "4.95"), strict=True
    )
    facts = [number("r2", ".575", step="five")]
    for step, gain, f in gains:
        facts += [number("delta_r2", gain, step=step), number("delta_r2_f", f, step=step, name=f"f_{step}")]
    return one_sample(None, *facts, number("r2_f", total_f, step="five", name="total"), steps=steps)


def test_an_f_that_no_number_of_people_gives_is_found():
    assert accused(hierarchy("311.56")) == {"total"}
    assert accused(hierarchy("23.10")) == set()


# -- four steps, 701 people: R2 and its increases -------------------------------------------------------------------


def test_increases_of_four_steps_are_clean():
    steps, facts, before = [], [], None
    rows = (("one", ".039", ".039"), ("two", ".238", ".200"), ("three", ".266", ".027"), ("four", ".299", ".033"))
    for name, r2, gain in rows:
        steps.append({"id": name, "label": name, "adds": [f"x_{name}"]} | ({"after": before} if before else {}))
        facts += [
            number("r2", r2, step=name),
            number("delta_r2", gain, step=name),
            number("delta_r2_p", ".001", "<", step=name),
        ]
        before = name
    assert accused(one_sample(701, *facts, steps=steps)) == set()


@pytest.mark.parametrize(("gain", "wrong"), [(".05", set()), (".03", {"gain"})])
def test_an_increase_may_be_the_difference_of_rounded_r2(gain, wrong):
    steps = [
        {"id": "two", "label": "2", "adds": ["a", "b", "c", "d"]},
        {"id": "three", "label": "3", "after": "two", "adds": ["c:d"]},
    ]
    facts = [number("coefficient", "1.48", step="three", term="c:d", name="b", **RAW)]
    facts += [number("coefficient_se", ".61", step="three", term="c:d", name="se", **RAW)]
    facts += [number("r2", ".27", step="two"), number("delta_r2", gain, step="three", name="gain")]
    assert accused(one_sample(75, *facts, steps=steps)) == wrong


# -- nurses: M, SD, r and the regressions of a mediation; 623 people -------------------------------------------------


@pytest.mark.parametrize(("b", "wrong"), [("0.84", set()), ("0.48", {"b"})])
def test_the_regressions_of_a_mediation_follow_from_correlations(b, wrong):
    sds = [number("sd", value, of=name) for name, value in (("y", "11.63"), ("x", "6.92"))]
    r = number("correlation", ".50", of="x", with_="y")
    study = one_sample(623, *sds, r, number("coefficient", b, step="all", term="x", name="b", **RAW), terms=("x",))
    assert accused(study) == wrong


# -- three groups ------------------------------------------------------------------------------------------------------

CLINIC = {"current": ("12.3", "4.1", 30), "past": ("10.8", "4.7", 74), "none": ("8.0", "4.9", 143)}


def clinic(*facts):
    levels = [{"id": name, "label": name} for name in CLINIC]
    arms = {"arm": {"kind": "category", "levels": levels}}
    known = [number("n", str(n), group=name) for name, (_, _, n) in CLINIC.items()]
    for name, (mean, sd, _) in CLINIC.items():
        known += [number("mean", mean, of="y", group=name), number("sd", sd, of="y", group=name)]
    return one_sample(None, *known, *facts, terms=("arm",), measures=arms, group="arm", groups=list(CLINIC))


@pytest.mark.parametrize(("f", "wrong"), [("15.0", set()), ("10.5", {"f"})])
def test_a_one_way_comparison_of_three_groups(f, wrong):
    study = clinic(
        number("f", f, of="y", name="f"),
        number("f_p", ".001", "<", of="y", name="p"),
        number("eta2", ".110", of="y", name="eta"),
    )
    assert accused(study) >= wrong
    assert bool(accused(study)) == bool(wrong)


@pytest.mark.parametrize(("coding", "b"), [("dummy", "-4.3"), ("effect", "-2.37"), ("helmert", "-3.55")])
def test_three_groups_by_each_coding(coding, b):
    place = {"step": "all", "term": "arm[none]", "coding": coding, "name": "b", **RAW}
    assert accused(clinic(number("coefficient", b, **place))) == set()
    assert accused(clinic(number("coefficient", str(Decimal(b) + 1), **place))) == {"b"}


# -- counts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chi2", "p", "wrong"), [("1.954", ".162", set()), (".162", ".186", {"chi2"}), ("1.954", ".186", set())]
)
def test_chi2_of_counts(chi2, p, wrong):
    levels = [{"id": name, "label": name} for name in ("japan", "france")]
    sexes = [{"id": name, "label": name} for name in ("male", "female")]
    measures = {"arm": {"kind": "category", "levels": levels}, "sex": {"kind": "category", "levels": sexes}}
    table = {"japan": ("66", "42"), "france": ("65", "60")}
    facts = [number("n", str(sum(map(int, row))), group=name) for name, row in table.items()]
    for name, row in table.items():
        facts += [
            number("count", value, of="sex", level=sex["id"], group=name) for sex, value in zip(sexes, row, strict=True)
        ]
    facts += [number("chi2", chi2, of="sex", name="chi2"), number("chi2_p", p, of="sex", name="p")]
    study = one_sample(None, *facts, terms=("arm",), measures=measures, group="arm", groups=list(table))
    # the printed p .186 is Fisher's
    assert accused(study) == wrong


# -- random tables -----------------------------------------------------------------------------------------------------

HIERARCHY = [
    {"id": "one", "label": "1", "adds": ["x", "z"]},
    {"id": "two", "label": "2", "after": "one", "adds": ["x:z"]},
]


def random_table(seed, n, decimals=3):
    """What statsmodels prints of a moderated regression of one sample, as quantity, address and value."""
    rng = np.random.default_rng(seed)
    x, z = rng.normal(0, rng.lognormal(0, 0.5), n), rng.gamma(3, 1, n)
    x, z = x - x.mean(), z - z.mean()
    y = rng.normal(0, 1, 3) @ np.stack([x, z, x * z]) * 0.3 + rng.normal(0, 1, n)
    short = sm.OLS(y, sm.add_constant(np.column_stack([x, z]))).fit()
    fit = sm.OLS(y, sm.add_constant(np.column_stack([x, z, x * z]))).fit()
    for step, model in (("one", short), ("two", fit)):
        for name, value in (("r2", model.rsquared), ("r2_f", model.fvalue), ("r2_p", model.f_pvalue)):
            yield name, {"step": step}, value
        for at, term in enumerate(("x", "z", "x:z")[: len(model.params) - 1], 1):
            low, high = model.conf_int()[at]
            cells = (model.params[at], model.bse[at], model.tvalues[at], model.pvalues[at], low, high)
            yield from _row("coefficient", {"step": step, "term": term}, cells)
    f, p, _ = fit.compare_f_test(short)
    gain = {"delta_r2": fit.rsquared - short.rsquared, "delta_r2_f": f, "delta_r2_p": p}
    yield from ((name, {"step": "two"}, value) for name, value in gain.items())
    for sd in (-1, 1):
        test = fit.t_test([0, 1, 0, sd * z.std(ddof=1)])
        cells = (test.effect[0], test.sd.item(), test.tvalue.item(), float(test.pvalue), *test.conf_int()[0])
        yield from _row("slope", {"step": "two", "of": "x", "at": {"z": sd}}, cells)


def _row(name, place, cells):
    for role, value in zip(COLUMNS, cells, strict=True):
        scale = RAW if role in ("", "se", "ci_low", "ci_high") else {}
        yield "_".join(filter(None, (name, role))), {**place, **scale}, float(value)


def random_study(seed, n, decimals, planted=None, known=True):
    facts = []
    for at, (quantity, place, value) in enumerate(random_table(seed, n)):
        text = f"{value + (planted[1] if planted and planted[0] == at else 0):.{decimals}f}"
        least = quantity.endswith("_p") and float(text) == 0
        shown = f"0.{'0' * (decimals - 1)}1" if least else text
        facts.append(number(quantity, shown, "<" if least else "=", f"f{at}", **place))
    return one_sample(n if known else None, *facts, steps=HIERARCHY)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(9, 500), decimals=st.integers(2, 4), known=st.booleans())
def test_random_moderated_regressions_are_never_accused(seed, n, decimals, known):
    assert accused(random_study(seed, n, decimals, known=known)) == set()


def test_misprints_in_random_tables_are_named():
    named = []
    for seed in range(8):
        kinds = [quantity for quantity, *_ in random_table(seed, 120)]
        able = ("_f", "_t", "_ci_low", "_se", "coefficient", "slope")
        at = [i for i, kind in enumerate(kinds) if kind.endswith(able)][(5 * seed) % 12]
        study = random_study(seed, 120, 3, planted=(at, 0.4 if kinds[at].endswith("_f") else 0.03))
        first = [each.facts for each in checks(study) if each.check == LIKELIEST]
        named.append(bool(first) and f"f{at}" in first[0])
    assert sum(named) >= 7


def test_each_regression_of_a_mediation_has_its_outcome():
    steps = [{"id": "a", "label": "a", "adds": ["x"], "outcome": "m"}, {"id": "b", "label": "b", "adds": ["x", "m"]}]
    r = {("x", "m"): ".39", ("x", "y"): ".51", ("m", "y"): ".50"}
    facts = [number("correlation", value, of=a, with_=b) for (a, b), value in r.items()]
    paths = [number("coefficient", ".39", step="a", term="x", name="a", **BETA)]
    direct = (0.51 - 0.39 * 0.5) / (1 - 0.39**2)
    paths.append(number("coefficient", f"{direct:.2f}", step="b", term="x", name="b", **BETA))
    assert accused(one_sample(623, *facts, *paths, steps=steps)) == set()
    paths[0] = number("coefficient", ".51", step="a", term="x", name="a", **BETA)
    assert "a" in accused(one_sample(623, *facts, *paths, steps=steps))


@pytest.mark.parametrize(
    ("quantity", "said"), [("odds_ratio", "count"), ("indirect_effect", "own `outcome`"), ("icc", "linear regressions")]
)
def test_models_that_are_not_taken_say_what_is(quantity, said):
    with pytest.raises(InputError, match=said):
        one_sample(100, number(quantity, "1.2", step="all", term="x"))


@pytest.mark.parametrize(
    ("r2", "verdict", "words"),
    [
        (None, "ambiguous", "; the R2 of two would settle it."),
        (".265", "consistent", "By its p and the R2 of two, the increase of two can be one of plain (two then"),
        (".27", "ambiguous", "or adjusted (two then"),
    ],
)
def test_a_printed_r2_settles_whether_an_increase_is_plain_or_adjusted(r2, verdict, words):
    facts = [number("r2", ".152", step="one", name="first"), number("delta_r2", ".113", step="two")]
    facts += [number("delta_r2_p", ".001", "<", step="two")]
    facts += [number("r2", r2, step="two", name="second")] if r2 else []
    study = one_sample(100, *facts, steps=STEPS)
    (found,) = [each for each in checks(study) if each.check == "plain or adjusted increase"]
    assert (found.verdict, words in found.note) == (verdict, True), found.note
    assert ("second" in found.facts) == (verdict == "consistent")


@pytest.mark.parametrize(("size", "wrong"), [("n_1", "48"), ("n", "185")])
def test_sizes_that_do_not_add_up_are_the_first_suspects(size, wrong):
    rng = np.random.default_rng(8)
    groups = {"first": rng.normal(20, 5, 74), "second": rng.normal(23, 5, 84)}
    each = np.concatenate([*groups.values()])
    cells = [(f"{part.mean():.2f}", f"{part.std(ddof=1):.2f}") for part in groups.values()]
    facts = [number("mean", f"{each.mean():.2f}", of="y"), number("sd", f"{each.std(ddof=1):.2f}", of="y")]
    facts += [number("n", "158", name="n"), *described("y", *cells)]
    content = small_study((74, 84), *facts).model_dump(exclude_unset=True)
    (fact,) = [each for each in content["fact"] if each["id"] == size]
    right, fact["value"] = fact["value"], Decimal(wrong)
    (said,) = [row for row in checks(Study.model_validate(content)) if row.check == LIKELIEST]
    assert said.facts[0] == size
    assert said.note.startswith(f"Without {size} ({wrong}, which would have to be {right}), the others agree")


@pytest.mark.parametrize("others", [("", "se", "t", "p"), ("", "se", "ci_low", "ci_high", "p")])
def test_estimate_and_se_interchanged_are_named_alike(others):
    values = {"": "4.000", "se": "0.958", "t": "4.18", "p": ".001", "ci_low": "2.107", "ci_high": "5.893"}
    values |= {"": values["se"], "se": values[""]}
    facts = [
        number(f"coefficient_{role}".strip("_"), values[role], "<" if role == "p" else "=", **at)
        for role in others
        for at in [{"step": "all", "term": "x", "name": f"b{role}"}]
    ]
    rows = {row.check: row for row in checks(one_sample(158, *facts, standardised=False))}
    assert "estimate and SE interchanged" in rows["statistics of an estimate"].note
    assert rows[LIKELIEST].note.startswith("With b (0.958) and bse (4.000) interchanged, the others agree")
    assert rows[LIKELIEST].facts[:2] == ("b", "bse")
