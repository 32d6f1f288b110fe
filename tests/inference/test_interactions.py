"""A formula's products are answered: differences of differences, of slopes too, and what a fit is about."""

from itertools import combinations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import pyplot as plt

import hikibayes as hb
from hikibayes.cli import main
from hikibayes.inference.answers.summary import conditional_means, question_first
from hikibayes.inference.fit import fit
from hikibayes.inference.own.data import own_data
from hikibayes.inference.saved_fit import fit_files
from hikibayes.provenance import Stopwatch
from hikibayes.reporting.saved import SavedRun
from hikibayes.reporting.topics.fit.figures import FIGURES
from hikibayes.robustness.case import case_of
from hikibayes.spec import InputError
from hikibayes.study.wording import estimand_name, estimand_noun, question

REFERENCE = Path(__file__).parents[1] / "reference"
CASE = ("case", "formula", "groups", "of")
LABELS = ("zeta", "6m (new)", "-1 (low)", "2nd +", "<6m", "usual", "A-", "Ünder 10 %", "0.5 mg", "b_c")


def table(seed: int, levels: dict[str, tuple[str, ...]], n: int = 240) -> pd.DataFrame:
    """Cells of very different size, levels in no order, everything interacting."""
    rng = np.random.default_rng(seed)
    made = pd.DataFrame({"x": rng.normal(50, 10, n), "w": rng.normal(0, 3, n)})
    for name, own in levels.items():
        made[name] = rng.choice(own, n, p=rng.dirichlet(np.full(len(own), 6.0)))
    code = sum(made[name].map({level: i for i, level in enumerate(own)}) for name, own in levels.items())
    made = made.assign(
        y=code * (1 + 0.02 * made["x"]) + 0.03 * made["x"] * made["w"] * (code == 1) + rng.normal(size=n)
    )
    return made.assign(z=rng.normal(-4, 0.1, n))


def by_prediction(model, data: pd.DataFrame, estimand) -> float:
    """Predict every corner of what is compared, and take differences of differences."""
    at = {name: value for name, value in estimand.at.items() if isinstance(value, str)}
    held = {name: value for name, value in estimand.at.items() if name not in at}
    rows, signs = [], []
    numbers = [name for name in (estimand.of, estimand.by, estimand.and_by) if name]
    for ends in product((0, 1), repeat=len(estimand.pairs) + len(numbers)):
        pairs = dict(zip(estimand.pairs, ends, strict=False))
        row = {"x": 0.0, "w": 0.0, "z": 0.0, **data[["arm", "sex"]].iloc[0], **at, **held}
        row |= {name: estimand.pairs[name][end] for name, end in pairs.items()}
        row |= {name: 0.5 - end for name, end in zip(numbers, ends[len(pairs) :], strict=True)}
        rows.append(row)
        signs.append((-1) ** sum(ends))
    return float(np.array(signs) @ model.predict(pd.DataFrame(rows)))


FORMULAS = ["y ~ arm * sex + x", "y ~ arm * sex * x", "y ~ x * arm * w + sex", "y ~ w + arm * sex * dose"]
FORMULAS += ["y ~ sex + z * x * w", "y ~ arm * x * z * w"]


@given(
    seed=st.integers(0, 10_000),
    formula=st.sampled_from(FORMULAS),
    labels=st.permutations(LABELS),
    sizes=st.tuples(st.integers(2, 3), st.integers(2, 3)),
)
@settings(max_examples=8, deadline=None)
def test_differences_of_differences_are_least_squares_under_a_flat_prior(seed, formula, labels, sizes):
    a, b = sizes
    levels = {"arm": labels[:a], "sex": labels[a : a + b], "dose": labels[a + b : a + b + 2]}
    data = table(seed, levels)
    made = fit(formula, data, prior="flat", engine="exact", seed=1)
    z = {name: (data[name] - data[name].mean()) / data[name].std() for name in ("y", "x", "w", "z")}
    model = smf.ols(formula, data.assign(**z)).fit()
    rows = made.summary().set_index("estimand")
    own = [estimand for estimand in made.study.estimands if estimand.kind in ("interaction", "slope_change")]
    main = made.study.focal_estimand
    alike = [estimand for estimand in own if estimand.about == main.about and not estimand.at]
    pairs = [len([*combinations(levels[name], 2)]) for name in main.pairs]
    assert len(alike) == np.prod(pairs), "every pair of every pair"
    sd = {name: data[name].std() for name in z}
    for estimand in own:
        expected = by_prediction(model, data, estimand)
        assert rows.loc[estimand.name, "mean"] == pytest.approx(expected, abs=1e-7), estimand.name
        per = np.prod([sd[name] for name in (estimand.of, estimand.by, estimand.and_by) if name])
        assert rows.loc[estimand.name, "raw"] == pytest.approx(expected * sd["y"] / per, abs=1e-6)
        for pair in estimand.pairs.values():
            assert all(level in rows.loc[estimand.name, "effect"] for level in pair), "labels as they are written"


@pytest.mark.parametrize(
    ("formula", "kind", "about"),
    [
        ("y ~ arm * sex + x", "interaction", {"arm", "sex"}),
        ("y ~ x + arm * sex", "interaction", {"arm", "sex"}),
        ("y ~ arm * sex * x", "interaction", {"arm", "sex", "x"}),
        ("y ~ arm * x + arm * w * sex", "slope_difference", {"arm", "x"}),
        ("y ~ x * w + arm", "slope_change", {"x", "w"}),
        ("y ~ x * w * arm", "interaction", {"x", "w", "arm"}),
        ("y ~ x * w * z", "slope_change", {"x", "w", "z"}),
        ("y ~ w + arm * x", "slope_difference", {"arm", "x"}),
        ("y ~ arm + x + w", "adjusted_difference", {"arm"}),
        ("y ~ w + arm", "slope", {"w"}),
    ],
)
def test_what_a_fit_is_about_is_its_first_product(formula, kind, about):
    data = table(3, {"arm": ("q", "c", "m"), "sex": ("w", "m")})
    made = fit(formula, data, engine="exact", seed=1)
    main = made.study.focal_estimand
    assert (main.kind, main.about) == (kind, about)
    assert estimand_noun(made.study, main) in question(made.study)


@pytest.mark.parametrize(
    ("contrasts", "count", "said"), [("", 11 * 11 + 12 * 11 * 2, True), ("reference", 385, False), ("pairwise", 0, 0)]
)
def test_so_many_levels_that_each_is_compared_with_the_reference_alone(contrasts, count, said):
    """Of 12 by 12 cells; that it was done unasked is said, and so is over what a slope is averaged."""
    twelve = {name: tuple(f"{name}{i}" for i in range(12)) for name in ("q", "b")}
    data = table(1, twelve, n=500).assign(y=lambda t: t["z"] + t["x"])
    count = count or 2 * 12 * 66 + 66 * 66
    made = own_data("y ~ q * b + x", data, contrasts=contrasts, reference={"q": "q3"})
    compared = [e for e in made.study.estimands if e.pairs or e.between]
    assert len(compared) == count
    assert ([r.count for r in made.remarks if r.kind == "contrasts"] == [count + 1]) == said
    if contrasts != "pairwise":
        assert {e.between[1] for e in compared if e.by == "q" and e.between} == {"q3"}
    averaged = own_data("y ~ q * b * x", data, contrasts=contrasts if contrasts != "pairwise" else "reference").remarks
    assert ["q, b" in r.text for r in averaged if r.of == "x"] == [True]


def test_levels_that_no_screen_holds_are_one_message_and_products_without_an_estimand_are_said():
    fifty = {name: tuple(f"{name}{i}" for i in range(50)) for name in ("q", "b")}
    data = table(1, fifty, n=3000)
    with pytest.raises(InputError, match="of q, b are so many that 20,000"):
        own_data("y ~ q * b", data, contrasts="pairwise")
    with pytest.raises(InputError, match="--contrasts: found 'all'; there are pairwise, reference"):
        own_data("y ~ x * w", data, contrasts="all")
    said = own_data("y ~ I(x > 50) * w * z + x", data).remarks
    assert [r.of for r in said if r.kind == "no_estimand"] == ["w, x", "x, z", "w, x, z"]


def test_names_tell_levels_apart_and_can_be_typed():
    data = table(4, {"arm": ("-1", "1", "<6m", ">6m"), "sex": ("A+", "A-")})
    made = fit("y ~ arm * x + sex * x", data, engine="exact", seed=1)
    names = [estimand.name for estimand in made.study.estimands]
    assert len({*names}) == len(names)
    assert "slope_difference_x_above_6m_minus_below_6m" in names
    assert "slope_difference_x_1_minus_minus_1" in names
    assert "slope_difference_x_A_minus_minus_A_plus" in names
    other = data.assign(sex=data["sex"].map({"A+": ">6m", "A-": "<6m"}))
    same = [e.name for e in fit("y ~ arm * x + sex * x", other, engine="exact", seed=1).study.estimands]
    assert "slope_difference_x_arm_above_6m_minus_below_6m" in same
    assert "slope_difference_x_sex_above_6m_minus_below_6m" in same


EMMEANS = pd.read_csv(REFERENCE / "r_interactions.csv", keep_default_na=False)


@pytest.mark.parametrize(("name", "formula", "groups", "of"), sorted(EMMEANS.groupby(list(CASE)).groups))
def test_differences_of_differences_are_those_of_emmeans(name, formula, groups, of):
    """Estimate and standard error of each interaction contrast, in the columns' own units; levels in another order."""
    names = groups.split("|")
    expected = EMMEANS[(EMMEANS[list(CASE)] == [name, formula, groups, of]).all(axis=1)]
    data = pd.read_csv(REFERENCE / "data" / f"{name}.csv").astype(dict.fromkeys(names, str))
    last = {each: max(data[each].unique()) for each in names}
    asked = {"prior": "flat", "engine": "exact", "seed": 1, "reference": last}
    written = formula.replace("conc", "C(conc)") if "conc" in names else formula
    made = fit(written, data, **asked)
    rows = made.summary().set_index("estimand")
    label = {measure.id: measure.label for measure in made.study.measures}
    own = {
        frozenset((label[each], pair) for each, pair in e.pairs.items()): rows.loc[e.name]
        for e in made.study.estimands
        if e.kind == "interaction" and {label[each] for each in e.pairs} == {*names} and (e.of or "") == of and not e.at
    }
    assert len(own) == len(expected)
    for row in expected.itertuples():
        pairs = {name: tuple(levels.split(" - ")) for name, levels in (p.split(": ") for p in row.pairs.split("|"))}
        sign, turned = 1, {}
        for each, pair in pairs.items():
            known = any((each, pair) in key for key in own)
            sign, turned[each] = (sign, pair) if known else (-sign, pair[::-1])
        found = own[frozenset(turned.items())]
        assert found["raw"] * sign == pytest.approx(row.estimate, rel=1e-6, abs=1e-9)
        per_sd = found["raw"] / found["mean"]
        assert found["sd"] * per_sd == pytest.approx(row.se * np.sqrt(row.df / (row.df - 2)), rel=1e-4)


def test_another_question_is_asked_of_every_analysis_and_a_wrong_one_lists_what_there_is():
    data = table(5, {"arm": ("new", "usual"), "sex": ("w", "m")}, n=120)
    made = fit("y ~ arm * sex + x", data, engine="exact", seed=1)
    assert fit("y ~ arm * sex + x", data, engine="exact", estimand="slope_x").study.focal_estimand.name == "slope_x"
    for verb in (hb.priors, hb.confounding, hb.limitations, hb.multiverse):
        how = {"design": False, "shares": False} if verb is hb.priors else {}
        found = verb(made, estimand="slope_x", seed=1, **how)
        tables = [found.tipping, *found.tables.values()]
        assert any(
            each.astype(str).apply(lambda c: c.str.contains("slope of x|slope_x")).any().any() for each in tables
        )
        with pytest.raises(InputError, match="'slope_y'.*did you mean 'slope_x'"):
            verb(made, estimand="slope_y", seed=1)
    with pytest.raises(InputError, match="is a share of variance"):
        hb.priors(made, estimand="r2_step1", seed=1)
    with pytest.raises(InputError, match="is a share of variance"):
        hb.power(made, estimand="r2_step1")


def test_the_plan_of_a_fit_is_a_file_that_gives_the_same_numbers(tmp_path):
    table(6, {"arm": ("new", "usual"), "sex": ("w", "m")}, n=80).to_csv(tmp_path / "mine.csv", index=False)

    def typed(*words) -> str:
        said = CliRunner().invoke(main, list(map(str, words)))
        assert said.exit_code == 0, said.output
        return said.output

    formula, folders = "y ~ arm * sex + x", [tmp_path / name for name in ("fit", "a", "b")]
    said = typed("fit", formula, tmp_path / "mine.csv", "-o", folders[0])
    about = "about: difference between w and m (sex), in usual minus new (arm)"
    assert about in said.split("y ~")[0], "before any table"
    assert about in typed("power", folders[0], "--replicates", "20", "-o", folders[1])
    typed("power", folders[1] / "simulation.toml", "-o", folders[2])
    for name in ("power.csv", "sample_size.csv", "proposal.txt"):
        assert (folders[1] / name).read_text() == (folders[2] / name).read_text()
    assert "slope of x (slope_x)" in typed(
        "priors", folders[0], "--estimand", "slope_x", "--no-design", "-o", folders[2]
    )


def test_effects_beyond_the_data_are_said():
    data = table(7, {"arm": ("q", "c")}).assign(w=lambda t: np.exp(t["w"]))
    said = fit("y ~ arm * x + x * w", data, engine="exact", at={"x": [40, 400]}).remarks
    beyond = said[said["kind"] == "beyond_the_data"].set_index("of")["remark"]
    assert list(beyond.index) == ["w", "x"], "one SD below the mean of a skewed number, too"
    assert "taken at 400;" in beyond["x"]


def test_a_case_asked_something_else_answers_that():
    made = fit("y ~ arm * sex + x", table(5, {"arm": ("new", "usual"), "sex": ("w", "m")}, n=120), seed=1)
    means = made.summary().set_index("estimand")["mean"]
    for case in (case_of(made, seed=1, estimand="slope_x"), case_of(made, seed=1).asking("slope_x")):
        assert case.marginal.mean()[0, 0] == pytest.approx(means["slope_x"], abs=1e-9)
    assert abs(means["slope_x"] - means[made.study.focal_estimand.name]) > 0.01


@pytest.mark.parametrize(("formula", "along"), [("y ~ sex * arm + x", "arm"), ("y ~ sex * arm * x", "x")])
def test_figures_show_what_the_fit_is_about(formula, along):
    data, formula = table(8, {"arm": ("01", "02", "-1"), "sex": ("w", "m")}), formula.replace("arm", "C(arm)")
    made = fit(formula, data.query("arm != '02' or sex != 'm'"), seed=1)
    lines, others = conditional_means(made), {"sex", "arm"} - {along}
    assert ({*lines["along"]}, {*lines["by"], *lines["and_by"]} - {""}) == ({along}, others)
    assert lines[lines["mean"].isna()][["along", "value", "cell", "and_cell"]].eq("02").any().any()
    run = SavedRun.of_contents(fit_files(made), Stopwatch().record("fit", {}, seed=1, inputs={}))
    drawn = {name: FIGURES[name].draw(run).axes[0] for name in ("fit_effects", "fit_slopes")}
    legend = {text.get_text() for text in drawn["fit_effects"].get_legend().get_texts()}
    shown = {"w", "m"} if along == "arm" else {"w, 01", "w, -1", "w, 02", "m, 01", "m, -1"}
    assert legend == shown
    rows = [text.get_text().replace("\n", " ") for text in drawn["fit_slopes"].texts]
    assert rows[0] == estimand_name(made.study, made.study.focal_estimand)
    plt.close("all")


def test_the_figure_of_estimates_begins_with_the_question_and_what_it_is_made_of():
    made = fit("y ~ w + arm * sex + w * x", table(9, {"arm": tuple("abcd"), "sex": ("w", "m", "o")}), seed=1)
    main = made.study.focal_estimand
    (high, low), (a, b) = main.pairs["sex"], main.pairs["arm"]
    first = question_first(made.summary(), made.study)["estimand"].tolist()
    assert first[0] == main.name
    of = [f"difference_sex_{high}_minus_{low}_arm_{each}" for each in (a, b)]
    assert {*first[1:5]} == {*of, *(f"difference_arm_{a}_minus_{b}_sex_{each}" for each in (high, low))}
    assert "the other" in made.plot.slopes().get_xlabel()
    plt.close("all")


def test_cell_means_are_those_of_the_people_in_the_cell_under_a_flat_prior():
    data = table(8, {"arm": ("new", "usual"), "sex": ("w", "m")})
    lines = conditional_means(fit("y ~ sex * arm", data, prior="flat", engine="exact", seed=1))
    expected = data.groupby(["sex", "arm"])["y"].mean()
    assert len(lines) == len(expected) == 4
    for row in lines.to_dict("records"):
        at = {row["along"]: row["value"], row["by"]: row["cell"]}
        assert row["mean"] == pytest.approx(expected[at["sex"], at["arm"]], abs=0.05 * data["y"].std())
