"""Every public name, called: with the name of something shipped, with a path, and with what is loaded already.

What takes minutes (NUTS, calibration) is tested in its own room; here it is stood in for, behind the function that is
called.
"""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from tests.inference.conftest import simulated
from tests.studies import orchard, orchard_run

import hikibayes
from hikibayes.folders import write_run
from hikibayes.inference.fit import Sampling
from hikibayes.inference.models.specs import shipped_models
from hikibayes.inference.saved_fit import fit_files
from hikibayes.planning.designs.simulation import shipped_simulations
from hikibayes.provenance import Stopwatch
from hikibayes.shown import Shown
from hikibayes.spec import Spec
from hikibayes.study.study_file import shipped_studies


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """Names, paths and objects of everything that a function can be given."""
    folder = tmp_path_factory.mktemp("given")
    study, model = hikibayes.load_study("nonaka2021"), hikibayes.load_model("step1")
    table = simulated(study.read(), n=40)
    table.to_csv(folder / "table.csv", index=False)
    fitted = hikibayes.fit("step3", simulated(study.read()), engine="exact", sampling=Sampling(draws=50, chains=2))
    arguments = {
        "model": "step3",
        "data": "table.csv",
        "study": "nonaka2021",
        "engine": "exact",
        "prior": fitted.variant,
    }
    record = Stopwatch().record("fit", arguments, seed=1, inputs={})
    write_run(folder / "fit", fit_files(fitted), record)
    audited = Stopwatch().record("audit", {"study": str(orchard.FILE), "readings": {}}, seed=None, inputs={})
    write_run(folder / "audit", {"audit.csv": hikibayes.audit(orchard.FILE)}, audited)
    return SimpleNamespace(
        study=study, model=model, table=table, csv=folder / "table.csv", fit=fitted, folder=folder / "fit",
        study_file=shipped_studies()["nonaka2021"], model_file=shipped_models()["step1"],
        simulation_file=shipped_simulations()["followup"], audit=folder / "audit",
        simulation=hikibayes.load_simulation("followup").brief(20),
    )  # fmt: skip


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """Stand in for what takes minutes."""
    from hikibayes.inference import fit
    from hikibayes.reconstruction import calibrate
    from hikibayes.robustness.priors import sensitivity as priors
    from hikibayes.validation import engines

    def draws(design, seed, **_):
        return next(orchard_run.sampler([design], seed))

    def no_difference(*_, **__):
        return pd.DataFrame({"check": ["log_joint"], "quantity": [""], "statistic": [""], "difference": [0.0]})

    monkeypatch.setattr(fit, "sample", draws)
    monkeypatch.setattr(engines, "log_joint_difference", no_difference)
    # draws that are none must not be found again by other tests
    monkeypatch.setenv("HIKIBAYES_CACHE", str(tmp_path))
    monkeypatch.setattr(calibrate, "starting_points", lambda t, **_: (t, SimpleNamespace(), {}))

    def nothing(size):
        return SimpleNamespace(name="lanes", draw=lambda *_: (np.zeros((4, 1, 1, size)), np.zeros((4, 1, 1))))

    monkeypatch.setattr(calibrate, "_samplers", lambda traced, *_, **__: (nothing(traced.size),))
    for part in (
        "_variants",
        "width_curve",
        "surface",
        "_families",
        "power_scaling",
        "shrinkage",
        "_design",
        "tipping_rows",
    ):
        monkeypatch.setattr(priors, part, lambda *_, **__: pd.DataFrame())


CALLS = {
    "InputError": [lambda g: hikibayes.InputError("x", source="file", key="key")],
    "Study": [lambda g: hikibayes.Study.model_validate(g.study.model_dump(exclude_unset=True))],
    "Model": [lambda g: hikibayes.Model.model_validate(g.model.model_dump(exclude_unset=True))],
    "Simulation": [lambda g: hikibayes.Simulation.model_validate(g.simulation.model_dump(exclude_unset=True))],
    "load_study": [
        lambda g, s=s: hikibayes.load_study(getattr(g, s, s)) for s in ("nonaka2021", "study_file", "study")
    ],
    "load_model": [lambda g, m=m: hikibayes.load_model(getattr(g, m, m)) for m in ("step1", "model_file", "model")],
    "load_simulation": [
        lambda g, s=s: hikibayes.load_simulation(getattr(g, s, s))
        for s in ("followup", "simulation_file", "simulation")
    ],
    "audit": [
        lambda g: hikibayes.audit("nonaka2021"),
        lambda g: hikibayes.audit(orchard.FILE),
        lambda g: hikibayes.audit(orchard_run.study()),
    ],
    "calibrate": [
        lambda g, s=s: hikibayes.calibrate(getattr(g, s, s), draws=4, thin=1)
        for s in ("nonaka2021", "study_file", "study")
    ],
    "synthesize": [
        lambda g, s=s: hikibayes.synthesize(getattr(g, s, s), datasets=1) for s in ("nonaka2021", "study_file", "study")
    ],
    "verify": [
        lambda g: hikibayes.verify("nonaka2021", g.csv),
        lambda g: hikibayes.verify(g.study_file, str(g.csv)),
        lambda g: hikibayes.verify(g.study, g.table),
    ],
    "fit": [
        lambda g: hikibayes.fit("step1", g.csv, engine="exact"),
        lambda g: hikibayes.fit(g.model_file, str(g.csv), study=g.study_file, engine="exact"),
        lambda g: hikibayes.fit(g.model, g.table, study=g.study),
    ],
    # with its object in tests/reanalysis; a run takes half a minute
    "reanalyze": [
        lambda g: hikibayes.reanalyze(orchard.FILE, fast=True, datasets=2, reconstructed=orchard_run.reconstructed()),
    ],
    "power": [
        lambda g: hikibayes.power("followup", replicates=10),
        lambda g: hikibayes.power(g.simulation_file, replicates=10, study=g.study_file),
        lambda g: hikibayes.power(g.simulation, study=g.study),
        lambda g: hikibayes.power(hikibayes.next_study(g.fit), replicates=10),
    ],
    "diagnose": [lambda g: hikibayes.diagnose(hikibayes.power(g.simulation))],
    "priors": [
        lambda g, w=w: hikibayes.priors(getattr(g, w, w), datasets=2, design=False)
        for w in ("nonaka2021", "study_file", "study", "folder", "fit")
    ],
    "imbalance": [
        lambda g: hikibayes.imbalance("nonaka2021", datasets=2),
        lambda g: hikibayes.imbalance(str(g.folder)),
        lambda g: hikibayes.imbalance(g.fit),
    ],
    "confounding": [
        lambda g: hikibayes.confounding("nonaka2021", datasets=2),
        lambda g: hikibayes.confounding(g.folder),
        lambda g: hikibayes.confounding(g.fit),
    ],
    "limitations": [
        lambda g: hikibayes.limitations("nonaka2021", datasets=2, only=["reverse"]),
        lambda g: hikibayes.limitations(g.folder, only=["panel"]),
        lambda g: hikibayes.limitations(g.fit, numbers={"panel": {"share": 0.2}}),
    ],
    "assumptions": [
        lambda g: hikibayes.assumptions("nonaka2021"),
        lambda g: hikibayes.assumptions(g.study),
    ],
    "multiverse": [
        lambda g: hikibayes.multiverse("nonaka2021", datasets=2, most=20),
        lambda g: hikibayes.multiverse(g.folder, most=20),
        lambda g: hikibayes.multiverse(g.fit, most=20),
    ],
    "next_study": [
        lambda g: hikibayes.next_study(str(g.folder), g.table),
        lambda g: hikibayes.next_study(g.fit),
    ],
    "replicate": [
        lambda g: hikibayes.replicate(str(g.folder), "nonaka2021_made_up"),
        lambda g: hikibayes.replicate(g.fit, g.table, more=True),
        lambda g: hikibayes.replicate(g.folder, g.csv),
    ],
    "validate": [
        lambda g: hikibayes.validate(checks=[]),
        lambda g: hikibayes.validate("strangers", count=1, stages={"audit": lambda journey: ""}),
    ],
    "figures": [lambda g: hikibayes.figures.fit_slopes(g.folder)],
    "report": [lambda g: hikibayes.report(g.folder), lambda g: hikibayes.report(str(g.audit))],
    "replay": [lambda g: hikibayes.replay(g.audit), lambda g: hikibayes.replay(str(g.audit))],
    "engines": [
        lambda g: hikibayes.engines("step1", g.csv, sampling=Sampling(draws=50)),
        lambda g: hikibayes.engines(g.model_file, g.csv, study=g.study_file, sampling=Sampling(draws=50)),
        lambda g: hikibayes.engines(g.model, g.table, study=g.study, sampling=Sampling(draws=50)),
    ],
}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", hikibayes.__all__)
def test_every_public_name_can_be_called_with_a_name_a_path_and_an_object(name, given):
    for call in CALLS[name]:
        found = call(given)
        # tables are pandas' to show
        if not isinstance(found, pd.DataFrame):
            assert len(repr(found).splitlines()) <= 32
            assert len(repr(found)) < 4000
        if isinstance(found, Shown | Spec):
            assert found._repr_html_().startswith(("<b>", "<p>"))
            assert len(found._repr_html_()) < 20_000


def test_every_public_name_has_its_call_and_no_other():
    assert list(CALLS.keys() - set(hikibayes.__all__)) == []
    assert sorted(hikibayes.__all__) == hikibayes.__all__
    assert set(hikibayes.__all__) <= set(dir(hikibayes))


def test_every_verb_of_the_command_line_is_a_function():
    from hikibayes.cli import main

    listings, page = {"studies", "models", "simulations"}, {"planner"}
    assert set(main.commands) - listings - page <= set(hikibayes.__all__)


@pytest.mark.parametrize("seed", [-1, 1.5, True, "x", 2**32, None])
@pytest.mark.parametrize("verb", ["calibrate", "synthesize", "reanalyze", "priors", "imbalance", "confounding"])
def test_a_seed_that_is_none_is_refused(verb, seed):
    with pytest.raises(hikibayes.InputError, match="a seed is a whole number from 0 to 4294967295; found"):
        getattr(hikibayes, verb)("nonaka2021", seed=seed)
