"""The replicate loop: what its numbers depend on, and what they do not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from hikibayes.files import FORMAT
from hikibayes.inference.gaussian.sufficient import SufficientStatistics
from hikibayes.inference.models.design import design
from hikibayes.inference.models.specs import load_model
from hikibayes.planning.designs.simulation import Simulation
from hikibayes.planning.populations.participants import draw_scores
from hikibayes.planning.populations.samples import GAUSSIAN
from hikibayes.planning.power import power
from hikibayes.planning.results.diagnose import diagnose
from hikibayes.planning.run.plan import prepare
from hikibayes.planning.run.replicates import read_replicates, write_replicates
from hikibayes.planning.run.simulate import simulate
from hikibayes.spec import InputError

ABOVE = {"name": "above", "estimand": "support_slope_difference", "rule": {"interval": 0.95, "above": 0}}


def simulation(**changes: object) -> Simulation:
    plain = {
        "description": "test",
        "worlds": {"source": ["posterior", "printed"]},
        "axes": {"n_per_group": [30, 60], "prior": ["weakly_informative", "flat"], "mix": ["as_printed", "1:1"]},
        "decision": [ABOVE],
        "targets": {"power": [0.2]},
        "run": {"replicates": 300, "refine": False},
    }
    return Simulation.model_validate(plain | changes)


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr("hikibayes.planning.run.plan.CHUNK", 100)


def run(spec, settled, reconstructions, **options):
    return simulate(prepare(spec, study=settled, reconstructions=reconstructions), **options)


@pytest.mark.usefixtures("small_chunks")
def test_workers_change_nothing(settled, reconstructions, tmp_path):
    made = {}
    for workers in (1, 2, 4):
        table = run(simulation(), settled, reconstructions, workers=workers)
        write_replicates(table, tmp_path / f"{workers}.parquet")
        made[workers] = (tmp_path / f"{workers}.parquet").read_bytes()
    assert made[1] == made[2] == made[4]
    assert np.isfinite(table.values[:, :, 2]).all()


@pytest.mark.usefixtures("small_chunks")
def test_a_larger_grid_leaves_the_old_cells_as_they_were(settled, reconstructions):
    old = run(simulation(), settled, reconstructions)
    axes = {
        "n_per_group": [30, 45, 60],
        "prior": ["flat", "weakly_informative", "sceptical"],
        "mix": ["1:1", "as_printed"],
    }
    new = run(simulation(axes=axes), settled, reconstructions)
    where = {(cell.sample, cell.prior): i for i, cell in enumerate(new.cells)}
    for i, cell in enumerate(old.cells):
        np.testing.assert_array_equal(new.values[where[cell.sample, cell.prior]], old.values[i])


@pytest.mark.usefixtures("small_chunks")
def test_analyses_of_a_sample_share_their_data_and_sizes_their_worlds(settled, reconstructions):
    table = run(simulation(), settled, reconstructions)
    cells = {(c.sample.worlds, c.sample.n_per_group, c.sample.mix, c.prior): i for i, c in enumerate(table.cells)}
    truth = [table.values[cells["posterior", n, "1:1", "flat"], 0, 1] for n in (30, 60)]
    np.testing.assert_array_equal(truth[0], truth[1])
    mean = [table.values[cells["posterior", 60, "1:1", p], 0, 2] for p in ("flat", "weakly_informative")]
    assert np.corrcoef(mean)[0, 1] > 0.95
    other = table.values[cells["posterior", 60, "as_printed", "flat"], 0, 2]
    assert np.corrcoef(mean[0] - truth[0], other - truth[0])[0, 1] < 0.2


@pytest.mark.usefixtures("small_chunks")
def test_seed_and_replicates_are_what_was_asked(settled, reconstructions):
    first = run(simulation(), settled, reconstructions)
    other = run(simulation(run={"replicates": 300, "refine": False, "seed": 5}), settled, reconstructions)
    assert not np.array_equal(first.values, other.values)
    longer = run(simulation(run={"replicates": 350, "refine": False}), settled, reconstructions)
    np.testing.assert_array_equal(longer.values[..., :300], first.values)
    assert longer.values.shape[-1] == 350
    shorter = run(simulation(run={"replicates": 253, "refine": False}), settled, reconstructions)
    np.testing.assert_array_equal(shorter.values, first.values[..., :253])


@pytest.mark.usefixtures("small_chunks")
def test_a_table_too_large_for_memory_is_read_from_its_files(settled, reconstructions, tmp_path, monkeypatch):
    asked = {"study": settled, "reconstructions": reconstructions, "workers": 2}
    whole = power(simulation(run={"replicates": 250}), **asked)
    for module in ("simulate", "replicates"):
        monkeypatch.setattr(f"hikibayes.planning.run.{module}.MOST_IN_MEMORY", 0)
    read = []
    load = np.load
    monkeypatch.setattr(np, "load", lambda path, **options: (read.append(path), load(path, **options))[1])
    large = power(simulation(run={"replicates": 250}), **asked, store=tmp_path / "chunks")
    assert len(read) > 3 * len(large.replicates.cells), "nothing is kept but the cell at hand"
    made = []
    for found in (whole, large):
        write_replicates(found.replicates, tmp_path / "table.parquet")
        again = diagnose(tmp_path / "table.parquet")
        made.append([(tmp_path / "table.parquet").read_bytes(), found.power.to_csv(), found.sample_size.to_csv()])
        made[-1] += [again.power.to_csv(), again.sample_size.to_csv(), found.warnings, again.warnings]
    assert made[0] == made[1]
    assert len(large.replicates.cells) > 16, "a size was added where a target is crossed"


@pytest.mark.parametrize("theirs", ['{"hikibayes": "0.0.9"}', "{", None])
def test_unfinished_work_of_another_version_is_not_gone_on_with(settled, reconstructions, tmp_path, theirs):
    if theirs:
        (tmp_path / "made_by.json").write_text(theirs, encoding="utf-8")
    (tmp_path / "0123-000000.npy").write_bytes(b"")
    with pytest.raises(InputError, match="holds unfinished work of hikibayes .*; this is hikibayes") as caught:
        run(simulation(), settled, reconstructions, store=tmp_path)
    assert "remove the folder" in str(caught.value)


@pytest.mark.usefixtures("small_chunks")
def test_finished_chunks_are_not_made_again(settled, reconstructions, tmp_path, monkeypatch):
    import hikibayes.planning.run.simulate as module

    first = run(simulation(), settled, reconstructions, store=tmp_path)
    (victim, *_) = sorted(tmp_path.glob("*.npy"))
    victim.write_bytes(victim.read_bytes()[:100])
    calls = []
    made = module.run_chunk
    monkeypatch.setattr(module, "run_chunk", lambda *job: (calls.append(job), made(*job))[1])
    again = run(simulation(), settled, reconstructions, store=tmp_path)
    assert len(calls) == 1, "the cut-off chunk alone"
    np.testing.assert_array_equal(again.values, first.values)
    calls.clear()
    run(simulation(rope=(-0.2, 0.2)), settled, reconstructions, store=tmp_path)
    assert len(calls) == 24, "another design takes nothing from this one"
    calls.clear()
    run(simulation(), settled, reconstructions.isel(draw=slice(5, 10)), store=tmp_path)
    assert len(calls) == 24, "nor do other reconstructions"


def test_a_table_read_again_is_the_table(settled, reconstructions, tmp_path):
    axes = {"n_per_group": [40], "missing": ["none", {"share": 0.1, "on": "abs_h", "strength": 1.0}]}
    axes |= {"reliability": ["as_printed", {"instrumental_support": 0.6}]}
    table = run(simulation(axes=axes), settled, reconstructions)
    path = tmp_path / "replicates.parquet"
    with pytest.MonkeyPatch.context() as newer:
        newer.setattr("hikibayes.planning.run.replicates.FORMAT", FORMAT + 1)
        write_replicates(table, path)
    with pytest.raises(InputError, match=f"is of format {FORMAT + 1}, and .* update hikibayes"):
        read_replicates(path)
    write_replicates(table, path)
    again = read_replicates(path)
    assert again.cells == table.cells
    assert again.simulation == table.simulation
    np.testing.assert_array_equal(again.values, table.values)
    found, wanted = diagnose(tmp_path), diagnose(table)
    assert found.power.equals(wanted.power)
    assert found.sample_size.equals(wanted.sample_size)
    frame = table.frame(0)
    assert list(frame.columns[:4]) == ["cell", "world", "replicate", "estimand"]
    assert frame["ok"].all()


def test_what_is_no_table_of_replicates(tmp_path):
    with pytest.raises(InputError, match="there is no table"):
        diagnose(tmp_path)
    (tmp_path / "replicates.parquet").write_bytes(b"nothing")
    with pytest.raises(InputError, match="is no table of replicates"):
        diagnose(tmp_path)


def test_a_scheduler_that_does_not_answer(settled, reconstructions, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("hikibayes.planning.run.cluster.PATIENCE", 0.5)
    with pytest.raises(InputError, match="no dask scheduler answers at"):
        run(simulation(), settled, reconstructions, dask="tcp://127.0.0.1:1")


def test_without_distributed_dask_is_refused(settled, reconstructions, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match="needs the package 'distributed'"):
        run(simulation(), settled, reconstructions, dask="tcp://127.0.0.1:1")


@pytest.mark.long
def test_a_local_dask_cluster_gives_the_same(settled, reconstructions):
    distributed = pytest.importorskip("distributed")
    wanted = run(simulation(), settled, reconstructions)
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        found = run(simulation(), settled, reconstructions, dask=cluster.scheduler_address)
    np.testing.assert_array_equal(found.values, wanted.values)


SCRIPT = """
import sys
from pathlib import Path
import numpy as np
sys.path.insert(0, {tests!r})
import hikibayes.planning.run.plan as plan
plan.CHUNK = 100
from hikibayes.planning.results.diagnose import diagnose
from hikibayes.planning.run.replicates import write_replicates
from test_simulate_script import simulate_all
table = simulate_all(Path({store!r}))
write_replicates(table, Path({out!r}))
diagnose(table).power.to_csv({out!r} + ".csv", index=False)
"""


@pytest.mark.long
def test_killed_half_way_and_started_again(tmp_path, settled, reconstructions):
    """SIGKILL while chunks are written; the next start goes on, and the tables' bytes are those of an unbroken run."""
    import pickle

    (tmp_path / "inputs.pickle").write_bytes(
        pickle.dumps((settled, reconstructions, simulation(run={"replicates": 3000, "refine": False})))
    )
    (tmp_path / "test_simulate_script.py").write_text(
        "import pickle\nfrom pathlib import Path\n"
        "from hikibayes.planning.run.plan import prepare\nfrom hikibayes.planning.run.simulate import simulate\n"
        "def simulate_all(store):\n"
        "    study, rec, spec = pickle.loads((Path(__file__).parent / 'inputs.pickle').read_bytes())\n"
        "    return simulate(prepare(spec, study=study, reconstructions=rec), store=store, workers=2)\n",
        encoding="utf-8",
    )

    def start(store: str, out: str) -> subprocess.Popen[bytes]:
        text = SCRIPT.format(tests=str(tmp_path), store=str(tmp_path / store), out=str(tmp_path / out))
        return subprocess.Popen([sys.executable, "-c", text])

    assert start("unbroken", "unbroken.parquet").wait() == 0
    broken = start("broken", "broken.parquet")
    while len(list((tmp_path / "broken").glob("*.npy"))) < 60:
        assert broken.poll() is None, "it ended before it could be killed"
        time.sleep(0.005)
    os.kill(broken.pid, signal.SIGKILL)
    assert broken.wait() == -signal.SIGKILL
    kept = len(list((tmp_path / "broken").glob("*.npy")))
    assert 60 <= kept < 240
    assert start("broken", "broken.parquet").wait() == 0
    for suffix in ("", ".csv"):
        files = [Path(f"{tmp_path / name}.parquet{suffix}").read_bytes() for name in ("unbroken", "broken")]
        assert files[0] == files[1]


def test_what_loss_and_measurement_do_to_a_design(settled, reconstructions):
    """Loss at random is fewer people; loss that depends on the outcome, and an unreliable score, bias the slopes."""
    axes = {
        "n_per_group": [200],
        "prior": ["flat"],
        "attrition": [0.0, 0.5],
        "missing": ["none", {"share": 0.5, "on": "abs_h", "strength": 3.0}],
        "reliability": ["as_printed", {"instrumental_support": 0.4}],
    }
    spec = simulation(worlds={"source": ["printed"]}, axes=axes, run={"replicates": 2_000, "refine": False})
    cells = diagnose(run(spec, settled, reconstructions)).power.set_index(["attrition", "missing", "reliability"])
    whole, worse = "as_printed", "instrumental_support=0.4"
    lost = next(name for name in cells.index.levels[1] if name != "none")
    plain = cells.loc[(0.0, "none", whole)]
    halved = cells.loc[(0.5, "none", whole)]
    assert halved["width"] == pytest.approx(np.sqrt((2 * 200 - 18) / (200 - 18)) * plain["width"], rel=0.03)
    assert abs(halved["bias"]) < 4 * halved["bias_mcse"]
    fewer = simulation(
        worlds={"source": ["printed"]},
        axes={"n_per_group": [100], "prior": ["flat"]},
        run={"replicates": 2_000, "refine": False},
    )
    half_as_many = diagnose(run(fewer, settled, reconstructions)).power.iloc[0]
    assert halved["power"] == pytest.approx(half_as_many["power"], abs=4 * 1.5 * halved["power_mcse"])
    assert cells.loc[(0.0, lost, whole)]["bias"] < -0.02
    assert cells.loc[(0.0, "none", worse)]["bias"] < -0.02
    assert cells.loc[(0.0, "none", worse)]["power"] < plain["power"] - 0.05


def test_likert_answers_cost_a_little(settled, reconstructions):
    """Two items of four steps are coarse: attenuation, but the engine and the rest stay as they are."""
    axes = {"n_per_group": [150], "prior": ["flat"], "answers": ["gaussian", "likert"]}
    spec = simulation(worlds={"source": ["printed"]}, axes=axes, run={"replicates": 1_000, "refine": False})
    known = np.where(reconstructions["measure"] == "age", [[38.0], [7.0]], np.nan)
    raw = reconstructions.assign(location=("measure", known[0]), scale=("measure", known[1]))
    table = diagnose(run(spec, settled, raw)).power.set_index("answers")
    assert table.failed.sum() == 0
    gap = table.bias["likert"] - table.bias["gaussian"]
    assert -0.15 < gap < 0.02
    assert 0 < table.power["likert"] < 1


def brute_force_assurance(plan, source: str, n: int, worlds: int, seed: int) -> float:
    """Draw a world, draw rows, run an OLS t test: nothing of the exact engine, and no moments drawn directly."""
    rng = np.random.default_rng(seed)
    drawn = plan.sources[source](rng, worlds)
    truth = drawn.truth(plan.estimands[0])
    columns = plan.analyses[0].columns
    claims = np.zeros(worlds)
    for w in range(worlds):
        second = rng.binomial(n, drawn.shares[w, :, 1])
        counts = np.stack([n - second, second], axis=-1).ravel()
        cell, x, y, _ = draw_scores(drawn, w, counts, rng, GAUSSIAN)
        rows = columns.constant[cell] + np.einsum("npm,nm->np", columns.linear[cell], x)
        fit = SufficientStatistics.from_rows(rows, y, columns.names)
        inverse = np.linalg.inv(fit.sxx[0])
        beta, df = inverse @ fit.sxy[0], len(y) - len(columns.names) - 1
        s2 = (fit.syy[0] - beta @ fit.sxy[0]) / df
        a = plan.analyses[0].weights[0]
        t = a @ beta / np.sqrt(s2 * a @ inverse @ a)
        claims[w] = (2 * stats.t.sf(t, df) < 0.05) & (truth[w] > 0)
    return float(claims.mean())


@pytest.mark.parametrize(
    ("replicates", "worlds"),
    [pytest.param(4_000, 2_000, id="short"), pytest.param(200_000, 30_000, id="long", marks=pytest.mark.long)],
)
def test_assurance_against_brute_force(settled, reconstructions, replicates, worlds):
    sizes = [60, 120, 250]
    spec = simulation(
        worlds={"source": ["posterior"]},
        axes={"n_per_group": sizes, "prior": ["flat"]},
        run={"replicates": replicates, "refine": False},
    )
    plan = prepare(spec, study=settled, reconstructions=reconstructions)
    table = diagnose(simulate(plan)).power.set_index("n_per_group")
    for n in sizes:
        wanted = brute_force_assurance(plan, "posterior", n, worlds, seed=n)
        error = np.hypot(table.assurance_mcse[n], np.sqrt(wanted * (1 - wanted) / worlds))
        assert abs(table.assurance[n] - wanted) < 4 * error


@pytest.mark.long
def test_nuts_finds_what_the_exact_engine_finds(settled, reconstructions):
    from hikibayes.inference.gaussian.summaries import summaries
    from hikibayes.planning.run.nuts import _fit, laid_out_for

    spec = simulation(worlds={"source": ["printed"]}, axes={"n_per_group": [80], "mix": ["1:1"]})
    plan = prepare(spec, study=settled, reconstructions=reconstructions)
    analysis = plan.analyses[0]
    drawn = plan.sources["printed"](np.random.default_rng(1), 3)
    for w in range(3):
        scores = draw_scores(drawn, w, np.array([40, 40, 40, 40]), np.random.default_rng(w), GAUSSIAN)
        rows = analysis.columns.constant[scores[0]] + np.einsum(
            "npm,nm->np", analysis.columns.linear[scores[0]], scores[1]
        )
        exact = summaries(
            SufficientStatistics.from_rows(rows, scores[2], analysis.columns.names), analysis.priors, analysis.weights
        )
        draws, good = _fit(analysis, laid_out_for(analysis, scores, GAUSSIAN), plan.estimands, seed=3)
        assert good
        assert abs(draws.mean() - exact.mean[0, 0]) < 0.12 * exact.sd[0, 0]
        assert draws.std() == pytest.approx(exact.sd[0, 0], rel=0.1)


T = {"family": "t"}
BY_GROUP = {"sigma_by": "group"}


@pytest.fixture
def changed_step1(tmp_path):
    """Write the model of step 1 with something in it that the exact engine does not take."""

    def write(change):
        step1 = load_model("step1")
        priors = step1.model_dump(mode="json", exclude_unset=True)["priors"]
        priors |= {"nu": {"dist": "Exponential", "lam": 0.05, "reason": "test"}} if "family" in change else {}
        lines = ['description = "x"', f'formula = "{step1.formula}"', *(f'{k} = "{v}"' for k, v in change.items())]
        lines.append("[priors]")
        for name, prior in priors.items():
            inside = ", ".join(f"{key} = {value!r}".replace("'", '"') for key, value in prior.items())
            lines.append(f'"{name}" = {{{inside}}}')
        path = tmp_path / "changed.toml"
        path.write_text("\n".join(lines), encoding="utf-8")
        return simulation(
            model=str(path),
            worlds={"source": ["printed"], "model": "step1"},
            axes={"n_per_group": [40]},
            decision=[ABOVE | {"estimand": "group_difference", "rule": {"interval": 0.95, "below": 0}}],
            run={"replicates": 10, "refine": False},
        )

    return write


@pytest.mark.parametrize("change", [T, BY_GROUP], ids=str)
def test_planning_has_the_graph_that_fit_has(change, changed_step1, settled, reconstructions):
    from hikibayes.inference.nuts.graph import graph
    from hikibayes.planning.populations.participants import table
    from hikibayes.planning.run.nuts import laid_out_for

    plan = prepare(changed_step1(change), study=settled, reconstructions=reconstructions)
    assert plan.engine == "nuts"
    drawn = plan.sources["printed"](np.random.default_rng(1), 1)
    scores = draw_scores(drawn, 0, np.array([20, 25, 30, 35]), np.random.default_rng(2), GAUSSIAN)
    (analysis,) = plan.analyses
    planned = graph(laid_out_for(analysis, scores, GAUSSIAN), analysis.variant)
    raw = analysis.model.replace(scaling="raw")
    fitted = graph(design(raw, table(drawn.frame, scores), settled))
    assert planned.structure == fitted.structure
    assert (planned.structure.family, planned.structure.sigmas) == (
        change.get("family", "gaussian"),
        2 * ("sigma_by" in change),
    )
    rows = analysis.columns.constant[scores[0]] + np.einsum("npm,nm->np", analysis.columns.linear[scores[0]], scores[1])
    np.testing.assert_allclose(planned.inputs["X"], rows - rows.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(planned.inputs["y_obs"], scores[2])


@pytest.mark.long
@pytest.mark.parametrize("change", [T, BY_GROUP], ids=str)
def test_a_model_that_only_nuts_takes(change, changed_step1, settled, reconstructions):
    """Compiled once, a row for every replicate, failed or not; the same again from the same seed."""
    plan = prepare(changed_step1(change), study=settled, reconstructions=reconstructions)
    first, again = simulate(plan), simulate(plan, workers=2)
    np.testing.assert_array_equal(first.values, again.values)
    row = diagnose(first).power.iloc[0]
    assert row.replicates == 10
    assert row.failed < 4
    assert abs(row.bias) < 0.25


def test_power_looks_closer_where_a_target_is_crossed(settled, reconstructions):
    spec = simulation(
        worlds={"source": ["printed"]},
        axes={"n_per_group": [40, 400]},
        targets={"power": [0.5]},
        run={"replicates": 4000, "refine": True},
    )
    found = power(spec, study=settled, reconstructions=reconstructions)
    sizes = [cell.sample.n_per_group for cell in found.replicates.cells]
    assert 3 <= len(sizes) <= 8, "two given, at most six closer looks"
    assert all(40 < size < 400 for size in sizes[2:])
    assert found.sample_size.n_per_group.iloc[0] == pytest.approx(sizes[-1], rel=0.1)


def test_progress_ends_where_it_should(settled, reconstructions):
    told: list[tuple[int, int]] = []
    run(simulation(), settled, reconstructions, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (8 * 300, 8 * 300), "two kinds of worlds, two mixes, two sizes"
    assert [done for done, _ in told] == sorted({done for done, _ in told})


def test_planning_and_its_report_load_no_more_than_they_need():
    """Each of these takes longer to load than a small plan to run."""
    heavy = ("scipy.stats", "statsmodels", "arviz", "pymc")
    code = (
        "import sys, hikibayes.planning.power, hikibayes.reporting.html, hikibayes.reporting.topics;"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], text=True, check=True, capture_output=True).stdout
    assert found.strip() == "[]"
