"""What of calibration can be checked without running it: the reconstructions that are shipped, files, refusals."""

import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from tests.study.labelled import of_step, simple_slopes

from hikibayes.reconstruction.calibrate import calibrate
from hikibayes.reconstruction.posterior.problem import Problem
from hikibayes.reconstruction.quantities import reported_quantities, summarise
from hikibayes.reconstruction.shipped import (
    read_reconstructions,
    shipped_name,
    shipped_reconstructions,
    write_reconstructions,
)
from hikibayes.spec import InputError
from hikibayes.study.moments import in_raw_units, total_moments

from .made_up import printed_study, raw_data

STUDIES = Path(str(files("hikibayes.study") / "studies"))


@pytest.fixture(scope="module")
def shipped(nonaka):
    return shipped_reconstructions(nonaka)


# -- what is shipped -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def quantities(nonaka, shipped):
    return reported_quantities(nonaka.read(), shipped)


def test_shipped_reconstructions_print_the_facts(quantities):
    """Each printed number lies in its interval on average, and in most draws; sampling softens the edges."""
    facts = {name: quantity for name, quantity in quantities.items() if quantity.fact is not None}
    assert len(facts) == 40
    assert {name: round(q.inside.mean(), 2) for name, q in facts.items() if q.inside.mean() < 0.75} == {}
    every = np.all([quantity.inside for quantity in facts.values()], axis=0)
    assert 0.05 < every.mean() < 0.3


def test_shipped_draws_have_converged_in_every_reported_quantity(quantities):
    table = summarise(quantities, chains=4).set_index("quantity")
    assert len(table) > 150
    assert dict(table.loc[table["rhat"] > 1.01, "rhat"]) == {}
    assert dict(table.loc[table["ess"] < 400, "ess"]) == {}


def test_shipped_moments_are_those_of_a_sample(shipped):
    assert shipped.sizes["draw"] == 2000
    assert np.linalg.eigvalsh(shipped["cov"].values).min() > 0
    _, cov = total_moments(shipped)
    number = shipped["kind"].values != "category"
    np.testing.assert_allclose(np.diagonal(cov.values, axis1=-2, axis2=-1)[:, number], 1, atol=2e-4)
    share = shipped["mean"].sel(measure="sex")
    variance = shipped["cov"].sel(measure="sex", measure_2="sex")
    np.testing.assert_allclose(variance, share * (1 - share) * 100 / 99, atol=1e-4)


def test_what_the_record_pins(nonaka, shipped):
    """The table of the design, found again: what varies between data sets, and what within one."""
    study = nonaka.read()
    slopes = simple_slopes(in_raw_units(shipped), "instrumental_support", "abs_h", study.terms("step3"), group="group")
    fit = of_step(study, shipped, "step3")
    product = {"term": "group:instrumental_support"}
    difference, error = fit.standardised.sel(product), fit.standardised_se.sel(product)
    by_group = {name: slopes.sel(group=name) for name in study.group_ids}

    assert float(difference.mean()) == pytest.approx(0.290, abs=0.002)
    assert float(difference.std()) == pytest.approx(0.004, abs=0.001)
    assert float(error.mean()) == pytest.approx(0.121, abs=0.01)
    assert float(by_group["hikikomori"]["standardised"].mean()) == pytest.approx(0.400, abs=0.002)
    assert float(by_group["hikikomori"]["standardised_se"].mean()) == pytest.approx(0.093, abs=0.008)
    assert float(by_group["control"]["standardised"].mean()) == pytest.approx(0.110, abs=0.002)
    assert float(by_group["control"]["standardised_se"].mean()) == pytest.approx(0.078, abs=0.002)
    positive = stats.t.cdf((difference / error).values, fit.df)
    assert positive.mean() == pytest.approx(0.991, abs=0.006)

    ratio = fit.standardised.std("draw") / fit.standardised_se.mean("draw")
    assert (ratio.sel(term=["sex", "age"]) > 1.4).all()
    assert float(ratio.sel(term="group")) > 1
    assert (ratio.sel(term=["aaq2", "active_coping", "planning"]) > 0.5).all()
    others = [term for term in study.terms("step3") if ":" in term and term != product["term"]]
    assert (ratio.sel(term=others) > 0.6).all()
    alone = of_step(study, shipped, "step3_support_only").standardised.sel(product)
    assert float(alone.mean()) != pytest.approx(float(difference.mean()), abs=0.001)
    assert float(alone.std()) > 0.02


def test_shipped_variables_follow_from_the_moments(nonaka, shipped):
    fit = of_step(nonaka.read(), shipped, "step2")
    terms = fit.standardised["term"].values
    np.testing.assert_allclose(shipped["coefficient"].sel(step="step2", term=terms), fit.standardised)
    np.testing.assert_allclose(shipped["r2"].sel(step="step2"), fit.r2)
    np.testing.assert_allclose(shipped["residual_sd"].sel(step="step2"), np.sqrt((1 - fit.r2) * 199 / fit.df))
    assert shipped["coefficient"].sel(step="step1", term="srs18").isnull().all()


def test_shipped_file_is_small_and_says_how_it_was_made():
    path = STUDIES / "nonaka2021.reconstructions.nc"
    assert path.stat().st_size < 1_000_000
    with xr.open_dataset(path, engine="h5netcdf") as stored:
        assert {"study", "fingerprint", "arguments", "verdict", "versions"} <= set(stored.attrs)
        assert stored.attrs["verdict"].startswith("converged")


@pytest.mark.parametrize("path", sorted(STUDIES.glob("nonaka2021.*.reconstructions.nc")), ids=lambda path: path.name)
def test_draws_of_another_reading_are_found_by_its_choice(nonaka, path):
    with xr.open_dataset(path, engine="h5netcdf") as stored:
        choice, verdict = json.loads(stored.attrs["readings"]), stored.attrs["verdict"]
    assert path.name == shipped_name(nonaka, choice)
    assert verdict.startswith("converged")
    assert path.stat().st_size < 200_000
    draws = shipped_reconstructions(nonaka.read(**choice))
    assert draws.sizes["draw"] == 400
    assert draws.attrs["verdict"] == verdict
    assert np.linalg.eigvalsh(draws["cov"].values).min() > 0


def test_all_that_is_shipped_is_small():
    assert sum(path.stat().st_size for path in STUDIES.glob("*.nc")) < 2_000_000


def test_other_facts_have_no_shipped_reconstructions(nonaka):
    changed = nonaka.model_dump(exclude_unset=True)
    changed["fact"] = [
        {**fact, "value": "0.42"} if fact["id"] == "slope_hikikomori" else fact for fact in changed["fact"]
    ]
    study = type(nonaka).model_validate(changed)
    with pytest.raises(InputError, match="differ from those of the shipped ones; run `hikibayes calibrate`"):
        shipped_reconstructions(study)


def test_prose_may_change_without_losing_the_reconstructions(nonaka, shipped):
    described = nonaka.replace(description="another description")
    assert shipped_reconstructions(described).equals(shipped)


# -- files -----------------------------------------------------------------------------------------------------------


def test_written_reconstructions_are_read_again(nonaka, shipped, tmp_path):
    few = shipped.isel(draw=slice(0, 20))
    path = write_reconstructions(few, tmp_path / "some" / "reconstructions.nc")
    back = read_reconstructions(path, nonaka)
    for name in ("mean", "cov", "location", "scale", "coefficient", "r2", "residual_sd"):
        np.testing.assert_allclose(back[name], few[name], atol=2e-4)
    assert [file.name for file in path.parent.iterdir()] == ["reconstructions.nc"]


def test_full_disk_leaves_nothing(shipped, tmp_path, monkeypatch):
    write = Path.write_bytes

    def fail(self, content):
        write(self, content[:100])
        raise OSError(28, "No space left on device")

    old = tmp_path / "reconstructions.nc"
    old.write_bytes(b"what was there before")
    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(InputError, match="No space left"):
        write_reconstructions(shipped.isel(draw=slice(0, 2)), old)
    assert old.read_bytes() == b"what was there before"
    assert list(tmp_path.iterdir()) == [old]


def test_file_of_another_study_is_refused(nonaka, shipped, tmp_path):
    path = write_reconstructions(shipped.isel(draw=slice(0, 2)), tmp_path / "reconstructions.nc")
    with pytest.raises(InputError, match="made from other facts or readings than those of study 'bakery'"):
        read_reconstructions(path, printed_study(raw_data()))
    (tmp_path / "text.nc").write_text("not netCDF")
    with pytest.raises(InputError, match="is damaged"):
        read_reconstructions(tmp_path / "text.nc", nonaka)


# -- bad input -------------------------------------------------------------------------------------------------------


def edited(study, kind, **changes):
    """Return a study with entries of one kind changed or added, by id."""
    content = study.model_dump(exclude_unset=True)
    known = {entry["id"]: entry for entry in content.get(kind, ())}
    content[kind] = [*({**entry, **changes.pop(name, {})} for name, entry in known.items()), *changes.values()]
    return type(study).model_validate(content)


def test_unknown_reading_is_named(nonaka):
    with pytest.raises(InputError, match="there is no reading 'products_of'.*did you mean 'products'"):
        calibrate(nonaka, seed=1, products_of="raw")


def test_too_few_draws_are_refused(nonaka):
    with pytest.raises(InputError, match="2 draws of 4 chains"):
        calibrate(nonaka, seed=1, draws=2)


def test_groups_that_do_not_add_up_are_named(nonaka):
    with pytest.raises(InputError, match="n_control prints 90|n prints 200 participants, the groups have 90 and 100"):
        calibrate(edited(nonaka, "fact", n_control={"value": "90"}), seed=1)


def test_group_too_small_for_the_step(nonaka):
    small = edited(nonaka, "fact", n={"value": "12"}, n_control={"value": "10"}, n_hikikomori={"value": "2"})
    with pytest.raises(InputError, match="groups of 10 and 2 are too small for 3 terms"):
        Problem.of(small.read())


def test_product_without_its_parts_is_refused(nonaka):
    later = [term for term in nonaka.step("step3").adds if term != "group:srs18"]
    odd = edited(nonaka, "step", step1={"adds": ["sex", "age", "group", "group:srs18"]}, step3={"adds": later})
    with pytest.raises(InputError, match="term 'group:srs18': calibration takes products.*whose factors"):
        Problem.of(odd.read())


def test_category_of_three_levels_is_refused(nonaka):
    odd = edited(nonaka, "step", step1={"adds": ["sex", "age", "group", "region"]})
    with pytest.raises(InputError, match="'region' has 8 levels; calibration takes two"):
        Problem.of(odd.read())


@pytest.mark.parametrize(
    ("quantity", "distribution", "message"),
    [
        (
            "log_variance_ratio",
            {"dist": "Cauchy", "alpha": 0, "beta": 1},
            "accepted: Normal, TruncatedNormal",
        ),
        ("correlation_matrix", {"dist": "Normal", "mu": 0, "sigma": 1}, "cannot be used; give eta"),
        ("proportion", {"dist": "Uniform", "lower": 0, "upper": 1}, "accepted: Beta"),
    ],
)
def test_assumption_of_an_unusable_family(nonaka, quantity, distribution, message):
    mine = next(assumption for assumption in nonaka.assumptions if assumption.quantity == quantity)
    odd = edited(nonaka, "assumption", **{mine.id: {"distribution": distribution}})
    with pytest.raises(InputError, match=message):
        Problem.of(odd.read())
