"""Calibrations that run: the shipped draws again, studies whose raw data are known, records that contradict themselves.

Each shape of a record is compiled once, for 10 to 40 s of processor time.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from tests.study.labelled import correlations

from hikibayes.reconstruction.calibrate import ConflictingRecordError, calibrate
from hikibayes.reconstruction.quantities import reported_quantities, summarise
from hikibayes.reconstruction.shipped import shipped_reconstructions
from hikibayes.study.moments import total_moments

from . import printing
from .printing import (
    PREDICTORS,
    SOURCE,
    Line,
    Shape,
    answer,
    coefficients,
    correlation_table,
    descriptives,
    explained,
    printed_study,
    slopes,
    truth,
    workers,
)

pytestmark = pytest.mark.long

TERMS = ("shift", "tenure", "course", *PREDICTORS, "course:focus", "course:trust")
PRODUCTS = TERMS[-2:]


# -- the shipped study -----------------------------------------------------------------------------------------------


def test_short_rerun_agrees_with_the_shipped_draws(nonaka):
    rerun = calibrate(nonaka, draws=1024, seed=77, rerun=False)
    shipped = summarise(reported_quantities(nonaka.read(), shipped_reconstructions(nonaka)), chains=4)
    both = rerun.table.merge(shipped, on="quantity", suffixes=("", "_shipped"))
    assert len(both) == len(rerun.table)
    error = np.sqrt(both["sd"] ** 2 / both["ess"] + both["sd_shipped"] ** 2 / both["ess_shipped"])
    apart = ((both["mean"] - both["mean_shipped"]) / error.clip(lower=1e-6)).abs()
    assert dict(both.loc[apart > 5, ["quantity", "mean"]].values) == {}
    assert apart.median() < 1.2
    ratio = (both["sd"] / both["sd_shipped"].clip(lower=1e-9))[both["sd_shipped"] > 1e-6]
    assert ratio.between(0.6, 1.6).all()


def test_same_seed_same_draws():
    """Of a sparse record, whose four chains may run side by side; proposals are solved one after another anyway."""
    shape = Shape(n=(60, 40))
    study = printed_study(shape, workers(shape, 3), [("r2", {"step": "second"}, 2)])
    one, other = (calibrate(study, draws=64, cores=n, seed=5, rerun=False) for n in (1, 4))
    assert one.verdict.sampler == "lanes"
    assert one.reconstructions["cov"].equals(other.reconstructions["cov"])


# -- studies whose raw data are known --------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Case:
    """A made-up study, and what its paper prints."""

    shape: Shape
    lines: list[Line]
    more: dict[str, Any] = field(default_factory=dict)


CASES = {
    "small, unequal, every correlation": Case(
        shape=Shape(n=(30, 60)),
        lines=[
            *descriptives(),
            *correlation_table(),
            *coefficients("second", PREDICTORS, "coefficient_p"),
            *coefficients("third", PRODUCTS),
            *explained(),
            *slopes("slope_p"),
        ],
    ),
    "2,500, p-values and R2": Case(
        shape=Shape(n=(1700, 800), interaction=0.12),
        lines=[
            *coefficients("second", PREDICTORS, "coefficient_p"),
            *coefficients("third", PRODUCTS),
            *[("correlation", {"of": name, "with": "output"}, 2) for name in PREDICTORS],
            *explained(),
            *slopes("slope_se"),
        ],
    ),
    "integer scales, standard errors": Case(
        shape=Shape(n=(150, 90), levels=5),
        lines=[
            *descriptives(),
            *coefficients("second", PREDICTORS, "coefficient_se"),
            *coefficients("third", TERMS[3:], "coefficient_se"),
            *explained(),
        ],
    ),
    "SPSS: raw coefficients of centred products": Case(
        shape=Shape(n=(250, 150), analysis={"standardised": False, "products": "centred"}),
        lines=[
            *descriptives(),
            *coefficients("third", TERMS, "coefficient_se", decimals=3),
            ("r2", {"step": "third"}, 2),
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("seed", [1, 2])
def test_summary_gives_the_answer_of_the_raw_data(name, seed):
    """The focal interaction's flat-prior posterior, from the summary alone and from the raw data."""
    case = CASES[name]
    raw = workers(case.shape, seed)
    study = printed_study(case.shape, raw, case.lines)
    calibrated = calibrate(study, draws=800, seed=seed, rerun=False)
    found, known = answer(study, calibrated.reconstructions), truth(study, raw)
    assert abs(found.mean - known.mean) < 0.25 * known.sd
    assert 0.85 < found.sd / known.sd < 1.18
    assert abs(found.positive - known.positive) < 0.03
    # what the summary leaves open mixes slowly in large samples; the answer must have settled all the same
    assert calibrated.table.set_index("quantity").loc["third: b of course:focus", "rhat"] < 1.05


def test_full_correlation_table_is_nearly_exact():
    case = CASES["small, unequal, every correlation"]
    raw = workers(case.shape, 4)
    study = printed_study(case.shape, raw, case.lines)
    draws = calibrate(study, draws=400, seed=4, rerun=False).reconstructions
    known = correlations(printing.sample_moments(raw, study))
    found = correlations(draws).sel(measure=known["measure"], measure_2=known["measure_2"])
    # printed to two decimals: a half width of .005, around whose middle the draws have an SD of .7 half widths
    assert float(abs(found.mean("draw") - known).max()) < 0.006
    assert float(found.std("draw").max()) < 0.0045


def test_sparse_summary_is_honestly_wide():
    """A few coefficients and R2, no standard error, no p: the raw data's answer is covered, and the interval wide."""
    shape = Shape(n=(120, 80))
    lines = [
        ("r2", {"step": "second"}, 2),
        *coefficients("second", ("focus",)),
        *coefficients("second", ("trust",)),
    ]
    covered, widths = [], []
    for seed in range(20):
        raw = workers(shape, seed)
        study = printed_study(shape, raw, lines)
        found = answer(study, calibrate(study, draws=200, seed=seed, rerun=False).reconstructions)
        known = truth(study, raw)
        covered.append(found.lower < known.mean < found.upper)
        widths.append((found.upper - found.lower) / (known.upper - known.lower))
    assert sum(covered) >= 19
    assert np.mean(widths) > 1.1


# -- more facts, tighter ---------------------------------------------------------------------------------------------


def test_more_facts_tighten_what_they_are_about():
    """A correlation table and group means, added to a study by facts of their own."""
    shape = Shape(n=(90, 70))
    raw = workers(shape, 6)
    few = [*coefficients("second", PREDICTORS, "coefficient_p"), *explained(), *slopes("slope_p")]
    tables = [calibrate(printed_study(shape, raw, lines), draws=400, seed=6, rerun=False).table
              for lines in (few, [*few, *correlation_table(), *descriptives()])]  # fmt: skip
    before, after = (table.set_index("quantity")["sd"] for table in tables)
    pinned = [name for name in before.index if name.startswith(("r(", "difference of", "SD ratio of"))]
    assert (after[pinned] < 0.35 * before[pinned]).all()
    loose = [name for name in before.index if name.startswith("third: b of") and before[name] > 0.03]
    assert (after[loose] < before[loose]).all()


# -- records that no data can satisfy --------------------------------------------------------------------------------


def contradict(study, **changes):
    content = study.model_dump(exclude_unset=True)
    content["fact"] = [{**fact, **changes.get(fact["id"], {})} for fact in content["fact"]]
    return type(study).model_validate(content)


def test_contradictory_r2_is_named_before_any_sampling(nonaka):
    """Steps that explain .25, .32 more and .03 more do not end at .45."""
    added = {"id": "wrong", "quantity": "r2", "step": "step3", "value": "0.45", "source": SOURCE}
    content = nonaka.model_dump(exclude_unset=True)
    study = type(nonaka).model_validate({**content, "fact": [*content["fact"], added]})
    told = []
    with pytest.raises(ConflictingRecordError, match="no data can satisfy.* prints 0.45, at best") as caught:
        calibrate(study, seed=1, progress=lambda done, _: told.append(done))
    assert "wrong" in caught.value.facts
    assert told == []


def test_contradictory_correlation_is_named():
    """A correlation table in which one entry has the wrong sign."""
    shape = Shape(n=(90, 70))
    study = printed_study(shape, workers(shape, 6), correlation_table())
    wrong = next(f for f in study.facts if f.quantity == "correlation" and {f.of, f.with_} == {"focus", "output"})
    others = [*coefficients("second", PREDICTORS, "coefficient_p"), *explained()]
    study = printed_study(shape, workers(shape, 6), [*correlation_table(), *others])
    with pytest.raises(ConflictingRecordError) as caught:
        calibrate(contradict(study, **{wrong.id: {"value": "-0.60"}}), seed=1)
    assert wrong.id in caught.value.facts


def test_raw_units_follow_the_printed_means():
    shape = Shape(n=(90, 70))
    raw = workers(shape, 2)
    study = printed_study(shape, raw, descriptives())
    draws = calibrate(study, draws=200, seed=2, rerun=False).reconstructions
    for name in PREDICTORS:
        assert float(draws["location"].sel(measure=name).mean()) == pytest.approx(raw[name].mean(), abs=0.01)
        assert float(draws["scale"].sel(measure=name).mean()) == pytest.approx(raw[name].std(), abs=0.02)
    _, cov = total_moments(draws)
    number = draws["kind"].values != "category"
    np.testing.assert_allclose(np.diagonal(cov.values, axis1=-2, axis2=-1)[:, number], 1, atol=1e-8)
