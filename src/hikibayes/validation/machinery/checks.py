"""What is asked of the machinery: a check a function, `CHECKS` lists them.

Each is given how much there is to do and a generator of its own, and returns rows: what was looked at, what was found,
what is accepted. A new check is a function and a line in the list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

from ...arrays import FloatArray
from ...inference.models.compile import exact_posterior
from ...inference.models.specs import DEFAULT_VARIANT, ModelSpec
from ...inference.nuts.sampling import Sampling, sample
from ...study.study import Study
from ..engines import LONG, judged, nuts_scores
from .priors import exact_ranks, nuts_ranks, proper_variants, random_design
from .ranks import FALSE_ALARM, uniformity

type Row = dict[str, Any]
"""``of, tried, statistic, value, accepted, ok, note``, or ``of`` and a ``note`` of what is left out."""


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is done."""

    people: int = 60
    """Rows of the designs."""
    exact: int = 2000
    sampled: int = 200
    """Simulations of a model, by the exact engine and by NUTS."""
    nuts_models: int | None = None
    """How many models go through NUTS; None: all that the exact engine does not take, and one that it does."""
    fits: int = 8
    """Random fits by both engines."""
    sampling: Sampling = LONG
    tables: int = 40
    replicates: int = 40_000


FULL = Effort()
"""Under twenty minutes on two cores."""
QUICK = Effort(exact=400, sampled=40, nuts_models=1, fits=2, sampling=Sampling(draws=2000), tables=4, replicates=8000)
"""Under two minutes on two cores."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a check is about: models with the study whose measures they name, and what there is of time."""

    models: Mapping[str, ModelSpec]
    study: Study
    effort: Effort
    seed: int
    ranks: dict[str, Mapping[str, FloatArray]] = field(default_factory=dict)
    """What simulation-based calibration found, by model and variant: for the figure."""

    def rng(self, *key: int) -> np.random.Generator:
        """Return a stream of its own for each part of a check."""
        return np.random.default_rng([self.seed, *key])

    @property
    def exact(self) -> list[str]:
        """Names of the models that the exact engine takes."""
        return [name for name, model in self.models.items() if not model.beyond_gaussian]


@dataclass(frozen=True, kw_only=True)
class Check:
    """A question to the machinery.

    Parameters
    ----------
    name, question : str
        What tables and docs call it, and what it asks.
    rows : callable
        Given the subject, yields rows.
    own : bool
        Whether it makes sense for one's own model file; the others are about what comes with the package.
    """

    name: str
    question: str
    rows: Callable[[Subject], Iterator[Row]]
    own: bool = False


def sbc_exact(subject: Subject) -> Iterator[Row]:
    """Rank truths drawn from each model's priors among draws of the exact engine."""
    for i, name in enumerate(subject.exact):
        model = subject.models[name]
        laid_out = random_design(model, subject.study, subject.rng(1, i), people=subject.effort.people)
        can, cannot = proper_variants(model)
        for j, variant in enumerate(can):
            found = exact_ranks(laid_out, variant, subject.rng(1, i, j), simulations=subject.effort.exact)
            yield from _uniform(subject, f"{name} ({variant})", found, subject.effort.exact)
        if cannot:
            yield {"of": f"{name} ({', '.join(cannot)})", "note": "left out: flat, or scaled by the data"}


def sbc_nuts(subject: Subject) -> Iterator[Row]:
    """Rank truths drawn from each model's priors among draws of NUTS, from a graph compiled once a model."""
    # the quickest first
    others = sorted(
        (name for name in subject.models if name not in subject.exact),
        key=lambda name: bool(subject.models[name].measurement_error),
    )
    names = [*subject.exact[:1], *others]
    chosen = names[: subject.effort.nuts_models]
    for i, name in enumerate(chosen):
        model = subject.models[name]
        laid_out = random_design(model, subject.study, subject.rng(2, i), people=subject.effort.people)
        seed = int(subject.rng(2, i, 1).integers(2**31))
        found = nuts_ranks(laid_out, DEFAULT_VARIANT, seed, simulations=subject.effort.sampled)
        yield from _uniform(subject, f"{name} by NUTS", found, subject.effort.sampled)
    if skipped := [name for name in names if name not in chosen]:
        yield {"of": ", ".join(skipped), "note": "by NUTS with --full"}


def engines_agree(subject: Subject) -> Iterator[Row]:
    """Hold the exact engine against NUTS on random fits."""
    names = subject.exact
    for k in range(subject.effort.fits if names else 0):
        rng, name = subject.rng(3, k), names[k % len(names)]
        laid_out = random_design(subject.models[name], subject.study, rng, people=subject.effort.people)
        tree = sample(laid_out, int(rng.integers(2**31)), sampling=subject.effort.sampling)
        z = nuts_scores(exact_posterior(laid_out), laid_out, tree)["z"].to_numpy(dtype=float)
        for row in judged(z, len(laid_out.columns) + 1):
            yield _row(f"{name}, fit {k + 1}", len(z), *row)


def generator(subject: Subject) -> Iterator[Row]:
    """Make synthetic tables of each shipped study, and recompute every printed number from their rows."""
    from ...reconstruction.shipped import NoneShippedError, shipped_reconstructions
    from ...reconstruction.synthesize import synthesize
    from ...reconstruction.verify import verify
    from ...study.study_file import load_study, shipped_studies

    for name in shipped_studies():
        study = load_study(name)
        study = study.read() if study.readings else study
        try:
            draws = shipped_reconstructions(study)
        except NoneShippedError:
            yield {"of": name, "note": "left out: no draws are shipped with it"}
            continue
        tables = synthesize(study, draws, datasets=subject.effort.tables, seed=subject.seed, workers=1).datasets
        shares = [verify(study, table)["matches"].astype(bool).mean() for table in tables]
        lowest = float(min(shares))
        yield _row(name, len(tables), "facts that the rows print, least share", lowest, "1", lowest == 1)


def closed_form_power(subject: Subject) -> Iterator[Row]:
    """Hold simulated power against the noncentral t distribution, in groups of equal and of unequal sizes."""
    from ...planning.designs.simulation import Simulation
    from ...planning.power import power
    from ...spec import validated

    for d, n in ((0.5, 64), (0.35, 100), (0.0, 30)):
        content: dict[str, Any] = {
            "description": "The t test, whose power is known.",
            "population": {"effect": d},
            "axes": {"n_per_group": [n], "prior": ["flat"]},
            "run": {"replicates": subject.effort.replicates},
        }
        found = power(validated(Simulation, content, "t test"), seed=subject.seed, workers=1).power
        cut, ncp = stats.t.ppf(0.975, 2 * n - 2), d * np.sqrt(n / 2)
        known = float(stats.nct.sf(cut, 2 * n - 2, ncp))  # the conclusion is of an effect above 0
        simulated = float(found["power"].iloc[0])
        z = (simulated - known) / np.sqrt(known * (1 - known) / subject.effort.replicates)
        of = f"d = {d:g}, {n} a group: {simulated:.4f}, noncentral t {known:.4f}"
        yield _row(of, subject.effort.replicates, "z", z, "-3.9 to 3.9", abs(z) <= 3.9)


def replication_reference(_: Subject) -> Iterator[Row]:
    """Hold measures of a replication against values that two independent methods agree on."""
    from .replication import MEASURES, WITHIN, disagreements, reference

    for group in MEASURES:
        cases = [case for case in reference()["cases"] if case["group"] == group]
        errors = [error for case in cases for _, error in disagreements(case)]
        yield _row(group, len(errors), "largest relative error", max(errors), f"<= {WITHIN:g}", max(errors) <= WITHIN)


def planted_pairs(subject: Subject) -> Iterator[Row]:
    """Ask of planted pairs of studies how often intervals cover, and whether P(new < original) is uniform."""
    from .replication import planted

    pairs = max(500, subject.effort.exact)
    for i, what in enumerate(("the effect alone", "all parameters")):
        for name, below in planted(subject.rng(8, i), pairs, share=bool(i)).items():
            p, of = float(stats.kstest(below, "uniform").pvalue), f"{name}; both share {what}"
            covered, error = float(np.mean(np.abs(below - 0.5) < 0.475)), float(np.sqrt(0.95 * 0.05 / pairs))
            yield _row(of, pairs, "p of uniformity", p, f">= {FALSE_ALARM:g}", p >= FALSE_ALARM)
            near = abs(covered - 0.95) < 3.3 * error
            yield _row(of, pairs, "share in central 95 %", covered, f"0.95 ± {3.3 * error:.3f}", near)


def _uniform(subject: Subject, of: str, ranks: Mapping[str, FloatArray], asked: int) -> Iterator[Row]:
    subject.ranks[of] = ranks
    table = uniformity(ranks)
    worst = table.sort_values("p").iloc[0]
    # of all quantities together, by Bonferroni
    p = min(1.0, float(worst["p"]) * len(table))
    what = f"smallest p of {len(table)} quantities ({worst['quantity']})"
    row = _row(of, int(worst["tried"]), what, p, f">= {FALSE_ALARM:g}", p >= FALSE_ALARM)
    refused = f"; {asked - row['tried']} data sets without a residual left out" if row["tried"] < asked else ""
    yield row | {"note": f"{table['coverage'].mean():.1%} of the truths in central 90 % intervals{refused}"}


def _row(of: str, tried: int, statistic: str, value: float, accepted: str, ok: bool) -> Row:
    return {"of": of, "tried": tried, "statistic": statistic, "value": value, "accepted": accepted, "ok": bool(ok)}


CHECKS: tuple[Check, ...] = (
    Check(
        name="calibration of the exact engine",
        question="are truths drawn from a model's priors ranked uniformly among exact posterior draws?",
        rows=sbc_exact,
        own=True,
    ),
    Check(
        name="calibration of NUTS",
        question="are truths drawn from a model's priors ranked uniformly among NUTS draws?",
        rows=sbc_nuts,
        own=True,
    ),
    Check(
        name="engines",
        question="does the exact engine say what NUTS says, on random fits?",
        rows=engines_agree,
        own=True,
    ),
    Check(
        name="generator",
        question="does every synthetic table of a shipped study print every fact?",
        rows=generator,
    ),
    Check(
        name="power",
        question="is the simulated power of a t test that of the noncentral t?",
        rows=closed_form_power,
    ),
    Check(
        name="replication",
        question="are measures of a replication those that other software and quadrature give?",
        rows=replication_reference,
    ),
    Check(
        name="planted pairs",
        question="do two studies together cover a planted effect; is it chance which of two equal ones is smaller?",
        rows=planted_pairs,
    ),
)
