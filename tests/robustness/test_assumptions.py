"""What each assumption does to each answer: numbers read back off reconstructions, and draws weighted into others."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from tests.reconstruction import made_up, several

from hikibayes.cli import main
from hikibayes.distributions import Distribution
from hikibayes.planning.populations.reconstructed import in_sd_units
from hikibayes.reconstruction.posterior.assembly import to_dataset
from hikibayes.reconstruction.posterior.density import log_density, sample_at
from hikibayes.reconstruction.posterior.problem import Problem
from hikibayes.reconstruction.shipped import shipped_reconstructions
from hikibayes.robustness.assumptions import evidence as evidence_module
from hikibayes.robustness.assumptions import sensitivity
from hikibayes.robustness.assumptions.answered import Answered, effective_number
from hikibayes.robustness.assumptions.numbers import KINDS as NUMBERS
from hikibayes.robustness.assumptions.numbers import Reconstructed, _coefficients, changed, log_ratio, numbers_of
from hikibayes.robustness.assumptions.sensitivity import AS_ASSUMED, assumptions
from hikibayes.spec import InputError, digest, validated
from hikibayes.study.facts import Assumption
from hikibayes.study.study import Study
from hikibayes.study.study_file import load_study

STUDY = load_study("nonaka2021").read()


def assumption(quantity: str, **distribution) -> Assumption:
    return Assumption.model_validate(
        {"id": "made", "quantity": quantity, "distribution": distribution, "rationale": "Made up for this test alone."}
    )


# -- numbers ---------------------------------------------------------------------------------------------------------

STUDIES = {
    "two groups": lambda: load_study("nonaka2021").read(),
    "two groups, unequal": lambda: made_up.printed_study(made_up.raw_data()),
    "one sample": lambda: several.printed(several.moderation(), several.sample(), several.moderation_lines()),
    "three groups": lambda: several.printed(several.trial(), several.doses(), several.trial_lines()),
}


def drawn(problem: Problem, count: int = 6, seed: int = 3):
    """Samples at random free numbers, and these by name."""
    rng, found = np.random.default_rng(seed), []
    while len(found) < count:
        x = rng.normal(0, 0.3, problem.size)
        if np.isfinite(log_density(problem, problem.data, x, 5.0)):
            found.append(x)
    x = np.stack(found)
    sample, *_ = sample_at(problem, problem.data, x)
    kinds = [
        "category" if j < problem.layout.categories else "product" if ":" in name else "scale"
        for j, name in enumerate((*problem.layout.predictors, problem.layout.outcome))
    ]
    moments = to_dataset(sample, kinds)
    made = Reconstructed(study=problem.study, layout=problem.layout, moments=in_sd_units(moments))
    return made, problem.values(x), sample


@pytest.mark.parametrize("name", STUDIES)
def test_what_was_drawn_is_read_back_off_the_moments(name):
    problem = Problem.of(STUDIES[name]())
    made, values, sample = drawn(problem)
    layout = problem.layout
    shares = NUMBERS["proportion"](made)
    for i, category in enumerate(layout.measures[: layout.categories]):
        for g, group in enumerate(layout.groups):
            np.testing.assert_allclose(shares[f"{category}, {group}"], values["share"][:, g, i])
    differences, ratios = NUMBERS["standardised_difference"](made), NUMBERS["log_variance_ratio"](made)
    if layout.k != 2:
        assert differences == ratios == {}
        return
    for j, measure in enumerate(made.numbers):
        np.testing.assert_allclose(differences[measure], values["difference"][:, 0, j], atol=1e-10)
        np.testing.assert_allclose(ratios[measure], values["log_variance_ratio"][:, 0, j], atol=1e-10)
    np.testing.assert_allclose(differences[layout.outcome], sample.gap[:, 0], atol=1e-10)
    residual = NUMBERS["residual_log_variance_ratio"](made)[layout.outcome]
    np.testing.assert_allclose(residual, values["residual_ratio"][:, 0], atol=1e-8)
    coefficients = _coefficients(made)
    assert coefficients
    for column, found in coefficients.items():
        np.testing.assert_allclose(found, sample.coefficients[:, layout.columns.index(column)], atol=1e-8)


def test_an_assumption_governs_the_numbers_that_no_nearer_one_does():
    study = load_study("nonaka2021").read()
    made, _, _ = drawn(Problem.of(study), count=2)
    by_id = {a.id: list(numbers_of(a, made)) for a in study.assumptions if a.quantity in NUMBERS}
    assert by_id["group_gap_outcome"] == ["abs_h"]
    assert by_id["men_control"] == ["sex, control"]
    assert set(by_id["group_gap_difficulties"]) == {"srs18", "aaq2", "behavioral_disengagement"}
    assert by_id["correlation_differences"] == []
    assert "group:instrumental_support" not in by_id["other_interactions"]  # it is printed
    everything = [name for names in by_id.values() for name in names if ":" not in name and "," not in name]
    assert everything.count("abs_h") == 2  # its gap, its residual variances


# -- weights ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quantity", "distribution"),
    [
        ("standardised_difference", {"dist": "Normal", "mu": -0.8, "sigma": 0.4}),
        ("log_variance_ratio", {"dist": "Normal", "mu": 0.3, "sigma": 0.2}),
        ("proportion", {"dist": "Beta", "alpha": 6, "beta": 4}),
        ("proportion", {"dist": "Beta", "alpha": 20, "beta": 5}),
    ],
)
@pytest.mark.parametrize("change", [(1.0, 1.0), (-1.0, 1.0), (0.0, 0.5)])
def test_draws_under_one_assumption_are_weighted_into_draws_under_another(quantity, distribution, change):
    was = assumption(quantity, **distribution)
    own = was.distribution.frozen()
    values = own.rvs(size=400_000, random_state=np.random.default_rng(5))
    now = changed(was, *change)
    weights = np.exp(log_ratio(values, was, now))
    mean = np.average(values, weights=weights)
    sd = np.sqrt(np.average((values - mean) ** 2, weights=weights))
    shift, stretch = change
    assert mean == pytest.approx(own.mean() + shift * own.std(), abs=0.02 * own.std())
    assert sd == pytest.approx(stretch * own.std(), rel=0.02)
    assert 1000 < effective_number(weights) < 400_000


def test_an_answer_that_follows_a_number_moves_with_it(monkeypatch):
    """Answer = slope * number + noise that is its own: known mean, SD, P(> 0), one by one and all together."""
    rng = np.random.default_rng(1)
    number = rng.normal(0.2, 0.3, size=(3, 20_000))
    mean = number.sum(axis=0)[:, None]
    answered = Answered(estimands=(), mean=mean, sd=np.full_like(mean, 0.5), p_positive=(mean > 0).astype(float))
    base = answered.under(np.ones(len(mean)))
    of = assumption("standardised_difference", dist="Normal", mu=0.2, sigma=0.3)
    numbers = dict(zip("abc", number, strict=True))

    def moved(shift, stretch):
        return sensitivity._moved(answered, base, numbers, of, changed(of, shift, stretch), inwards=stretch <= 1)

    how, effective, found = moved(1.0, 1.0)
    assert how == "weighted"
    assert 0.8 < effective / (20_000 * np.exp(-3)) < 1.5  # the largest weights are seldom seen
    assert found["mean"][0] == pytest.approx(0.6 + 0.9, abs=0.06)
    how, _, found = moved(0.0, 0.5)
    assert how == "weighted"
    assert found["sd"][0] == pytest.approx(np.sqrt(0.25 + 3 * 0.0225), abs=0.01)
    monkeypatch.setattr(sensitivity, "ENOUGH", 5_000)
    how, effective, found = moved(1.0, 1.0)
    assert (how, effective) == ("added up", pytest.approx(20_000 * np.exp(-1), rel=0.1))
    assert found["mean"][0] == pytest.approx(1.5, abs=0.03)
    assert np.isnan(found["sd"][0])
    how, effective, found = moved(0.0, 2.0)
    assert how == "not known"
    assert np.isnan([effective, found["mean"][0]]).all()
    monkeypatch.setattr(sensitivity, "ENOUGH", 20_000)
    assert moved(1.0, 1.0)[0] == "not known"


# -- the whole -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found():
    return assumptions("nonaka2021")


def rows(found, name, change):
    own = found.table[(found.table["assumption"] == name) & (found.table["change"] == change)]
    return own.set_index("estimand")


def test_the_group_gap_follows_what_is_assumed_of_the_outcome(found):
    """Half the assumed gap of ABS-H: -.32 becomes -.25; slopes stay where they are."""
    gap = rows(found, "group_gap_outcome", "centre + 1 SD")
    was = gap["mean"] - gap["moved"]
    assert gap["distribution"].iloc[0].startswith("TruncatedNormal(mu=-0.4, sigma=0.4")
    assert gap.loc["group_difference", "mean"] == pytest.approx(-0.247, abs=0.005)
    assert was["group_difference"] == pytest.approx(-0.315, abs=0.005)
    assert gap["effective"].iloc[0] > 1_000
    assert gap.loc["support_slope_difference", "moved_sds"] == pytest.approx(0, abs=0.02)


def test_nothing_is_said_of_what_weights_cannot_tell(found):
    wider = found.table[found.table["change"] == "width doubled"]
    assert (wider["how"] == "not known").all()
    assert wider["mean"].isna().all()
    assert set(found.table.loc[found.table["assumption"] == "correlation_differences", "how"]) == {"not known"}
    assert {"abs_h_raw_sd", "group_gap_others", "coping_alpha"} <= set(found.without)
    assert found.fixed == ("sign_positive", "sign_negative")
    assert found.table["change"].iloc[0] == AS_ASSUMED
    assert any("group_gap_outcome moves an answer most" in said for said in found.sentences)


def test_a_wider_assumption_is_drawn_again_if_asked_for(monkeypatch):
    """Stood in for by the draws as they are: nothing moves, how that was found is said, each study is its own."""
    asked, answered = [], sensitivity.answered_by
    once = cache(lambda: answered(STUDY, in_sd_units(shipped_reconstructions(STUDY))))

    def again(study, **_):
        asked.append(study)
        return shipped_reconstructions(STUDY)

    monkeypatch.setattr(sensitivity, "shipped_or_calibrated", again)
    monkeypatch.setattr(sensitivity, "answered_by", lambda *_: once())
    found = assumptions("nonaka2021", refit=True).table
    wider = found[found["change"] == "width doubled"]
    assert set(wider["how"]) == {"drawn again"}
    assert wider["moved"].abs().max() < 1e-9
    drawn_again = found[found["how"] == "drawn again"].drop_duplicates(["assumption", "change"])
    assert len(asked) == 1 + len(drawn_again)
    for study, (_, row) in zip(asked[1:], drawn_again.iterrows(), strict=True):
        different = [a for a, was in zip(study.assumptions, STUDY.assumptions, strict=True) if a != was]
        assert [(a.id, str(a.distribution)) for a in different] == [(row["assumption"], row["distribution"])]


def test_distributions_that_cannot_move_are_left_out():
    of = assumption("proportion", dist="Beta", alpha=1, beta=1)
    assert changed(of, 0.0, 2.0) is None  # no beta is as wide as that
    assert changed(assumption("interaction", dist="Normal", mu=0, sigma=0.1), 1.0, 1.0) is None
    lkj = changed(assumption("correlation_matrix", dist="LKJ", eta=2), 0.0, 0.5)
    assert lkj == Distribution(dist="LKJ", eta=4)
    assert changed(assumption("correlation_sign", dist="Constant", value=1), 0.0, 0.5) is None


# -- evidence of other samples ---------------------------------------------------------------------------------------


def evidence(**changes):
    content = {
        "id": "piece", "assumption": "group_gap_outcome", "about": "abs_h", "value": -0.5, "se": 0.3, "discount": 0.4,
        "sample": "somebody", "citation": "made up", "locator": "nowhere", "reason": "Made up for this test alone.",
    }  # fmt: skip
    return {name: value for name, value in {**content, **changes}.items() if value is not None}


def with_evidence(*pieces):
    content = STUDY.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return validated(Study, {**content, "evidence": list(pieces)}, "made.toml")


def test_a_piece_of_evidence_is_a_normal_likelihood_of_its_number(monkeypatch):
    """Numbers drawn from a normal assumption, the answer the number itself: the conjugate posterior, piece by piece."""
    rng = np.random.default_rng(2)
    numbers = {"abs_h": rng.normal(-0.8, 0.4, 100_000)}
    monkeypatch.setattr(evidence_module, "numbers_of", lambda assumption, made: numbers)
    mean = numbers["abs_h"][:, None]
    answered = Answered(
        estimands=(STUDY.focal_estimand,), mean=mean, sd=np.zeros_like(mean) + 1e-9, p_positive=(mean > 0) * 1.0
    )
    study = with_evidence(evidence(), evidence(id="other", value=-1.4, se=0.1, discount=0.2))
    made = Reconstructed(study=study, layout=Problem.of(STUDY).layout, moments=None)
    found = pd.DataFrame(evidence_module.evidence_rows(made, answered)).set_index("evidence")

    def conjugate(*pieces):
        precision = 1 / 0.16 + sum(1 / (se**2 + d**2) for _, se, d in pieces)
        return (-0.8 / 0.16 + sum(v / (se**2 + d**2) for v, se, d in pieces)) / precision, precision**-0.5

    one, other = (-0.5, 0.3, 0.4), (-1.4, 0.1, 0.2)
    expected = {"as assumed": (), "all evidence": (one, other), "without piece": (other,), "without other": (one,)}
    for name, pieces in expected.items():
        wanted = conjugate(*pieces)
        assert found.loc[name, "mean"] == pytest.approx(wanted[0], abs=0.01)
        assert found.loc[name, "sd"] == pytest.approx(wanted[1], rel=0.02)
    assert list(found.index) == list(expected)


def test_evidence_changes_no_draw_and_only_what_it_bears_on(found):
    assert digest(with_evidence()) == digest(with_evidence(evidence()))
    table = found.evidence.set_index(["evidence", "estimand"])
    assert table.loc[("all evidence", "group_difference"), "mean"] == pytest.approx(-0.350, abs=0.005)
    assert table.loc[("without gap_of_interaction", "group_difference"), "mean"] == pytest.approx(-0.325, abs=0.005)
    assert abs(table.loc[("all evidence", "support_slope_difference"), "moved_sds"]) < 0.02
    assert found.evidence["effective"].min() > 1_000
    assert "no draw was made with it" in found.sentences[-1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"se": None}, "give 'se', or of a share 'n'"),
        ({"n": 20}, "one of them"),
        ({"se": None, "n": 20}, "share between 0 and 1"),
        ({"assumption": "group_gap_outcom"}, "did you mean 'group_gap_outcome'"),
        ({"about": "abs"}, "measure"),
        ({"group": "nobody"}, "group"),
        ({"discount": -1}, "discount"),
        ({"reason": "near"}, "reason"),
    ],
)
def test_evidence_that_cannot_be_is_named(changes, message):
    with pytest.raises(InputError, match=message):
        with_evidence(evidence(**changes))


def test_evidence_about_another_number_is_refused():
    with pytest.raises(InputError, match="'srs18' is no number of assumption 'group_gap_outcome'; it is about abs_h"):
        assumptions(with_evidence(evidence(about="srs18")))


def test_the_verb_and_its_refusals(tmp_path):
    found = CliRunner().invoke(main, ["assumptions", "-o", str(tmp_path / "a")])
    assert found.exit_code == 0, found.output
    table = pd.read_csv(tmp_path / "a" / "assumptions.csv")
    assert list(table) == list(sensitivity.COLUMNS)
    assert (tmp_path / "a" / "evidence.csv").is_file()
    with pytest.raises(InputError, match="the study makes no assumption"):
        assumptions(STUDY.replace(assumptions=(), evidence=()))
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="a fit's rows are known"):
        assumptions(tmp_path / "folder")
