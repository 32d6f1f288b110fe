"""Fits that were made already are found again by what they are fits of, and by nothing less."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from hikibayes.inference.models.design import design
from hikibayes.inference.models.specs import load_model
from hikibayes.inference.nuts import sampling as module
from hikibayes.inference.nuts.sampling import Sampling, sample
from hikibayes.inference.nuts.store import Store, fit_key


@pytest.fixture
def laid_out(study, table):
    return design(load_model("step1"), table(n=20), study)


@pytest.fixture
def runs(monkeypatch):
    """The sampler replaced by independent draws; the list tells how often it was asked."""
    made = []

    def run(_graph, design, seed, sampling):
        made.append(seed)
        rng = np.random.default_rng(seed)
        shape = sampling.chains, sampling.draws
        scalar = lambda: (("chain", "draw"), rng.normal(size=shape))  # noqa: E731
        names = ["Intercept", "age", "sex", "group"]
        posterior = xr.Dataset({n: scalar() for n in names}, attrs={"reruns": 0, "target_accept": 0.9})
        posterior["sigma"] = np.exp(posterior["age"])
        posterior["group"] = posterior["group"].expand_dims(group_dim=["hikikomori"], axis=2)
        stats = xr.Dataset({"diverging": (("chain", "draw"), np.zeros(shape, bool)), "energy": scalar()})
        stats["odd"] = (("chain", "draw"), np.full(shape, None, dtype=object))
        return xr.DataTree.from_dict({"posterior": posterior, "sample_stats": stats})

    monkeypatch.setattr(module, "_run", run)
    return made


def test_an_equal_fit_is_made_once(tmp_path, laid_out, runs):
    store = Store(tmp_path / "fits")
    first = sample(laid_out, 1, store=store)
    again = sample(laid_out, 1, store=store, sampling=Sampling(cores=1, progress=True))
    assert runs == [1]
    xr.testing.assert_identical(first["posterior"].to_dataset(), again["posterior"].to_dataset())
    assert again["sample_stats"]["diverging"].dtype == bool
    assert [path.suffix for path in store.folder.iterdir()] == [".nc"], "nothing half-written stays behind"


def test_a_damaged_file_is_fitted_again(tmp_path, laid_out, runs):
    store = Store(tmp_path)
    sample(laid_out, 1, store=store)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:100])
    sample(laid_out, 1, store=store)
    assert runs == [1, 1]
    assert store.get(path.stem) is not None


def test_whatever_changes_the_draws_changes_the_key(laid_out, study, table):
    step1 = load_model("step1")
    other_prior = step1.replace(priors={**step1.priors, "age": step1.priors["age"].replace(sigma=0.4)})
    changed = table(n=20)
    changed.loc[3, "age"] += 1
    keys = [
        fit_key(laid_out, "weakly_informative", Sampling(), 1),
        fit_key(laid_out, "weakly_informative", Sampling(), 2),
        fit_key(laid_out, "bambi_default", Sampling(), 1),
        fit_key(laid_out, "weakly_informative", Sampling(draws=999), 1),
        fit_key(laid_out, "weakly_informative", Sampling(rerun=False), 1),
        fit_key(design(other_prior, table(n=20), study), "weakly_informative", Sampling(), 1),
        fit_key(design(step1, changed, study), "weakly_informative", Sampling(), 1),
        fit_key(replace(laid_out, study=study.replace(id="other")), "weakly_informative", Sampling(), 1),
    ]
    assert len(set(keys)) == len(keys)


def test_other_versions_do_not_share_fits(laid_out, monkeypatch):
    before = fit_key(laid_out, "weakly_informative", Sampling(), 1)
    monkeypatch.setattr("hikibayes.inference.nuts.store.versions", lambda: {"nutpie": "0"})
    assert fit_key(laid_out, "weakly_informative", Sampling(), 1) != before
