"""`multiverse`: the same question in every defensible way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...defaults import DEFAULT_STUDY
from .. import options
from ..verb import Outcome, verb
from .sensitivity import case_for, outcome

if TYPE_CHECKING:
    from ..run import Run


@verb(
    click.Argument(["what"], default=DEFAULT_STUDY, metavar="[STUDY or FIT FOLDER]"),
    click.Option(
        ["--datasets"],
        type=click.IntRange(min=2),
        default=20,
        show_default=True,
        help="Synthetic data sets of a study under each reading.",
    ),
    options.reading,
    options.estimand,
    click.Option(["--cross"], multiple=True, metavar="READING", help="Take each option of a reading; may be repeated."),
    click.Option(
        ["--exclude"], multiple=True, metavar="MEASURE=LEVEL", help="People to leave out, as a choice; may be repeated."
    ),
    click.Option(
        ["--most"],
        type=click.IntRange(min=2),
        default=10_000,
        show_default=True,
        help="Specifications to compute; of more, so many are drawn at random.",
    ),
    files=("multiverse.csv", "multiverse_*.csv", "tipping.csv", "figures/"),
    pictured=True,
)
def multiverse(
    run: Run, what: str, datasets: int, readings: dict[str, str], estimand: str = "", **given: Any
) -> Outcome:
    """Ask the same question in every defensible way, and what the answer owes to each choice.

    Takes a study, or the folder of a fit.
    """
    from ...robustness.case import is_folder
    from ...robustness.multiverse.sensitivity import multiverse
    from ...spec import InputError, spec_text

    cross, chosen = given["cross"], {name: given[name] for name in ("exclude", "most")}
    open_readings: dict[str, str] = {}
    if is_folder(what) or not cross:
        if cross:
            raise InputError("a fit has no readings to cross: what it is a fit of is decided", source=what)
        found = multiverse(case_for(run, what, datasets, readings, estimand), seed=run.seed, tell=run.say, **chosen)
    else:
        study = run.study(what, readings).asking(estimand)
        how = {"datasets": datasets, "seed": run.seed, "tell": run.say, "cross": cross}
        found = multiverse(study, **how, **chosen)
        # a replay crosses the readings again, so they stay open in what is kept
        open_readings["study.json"] = spec_text(study)
    title = f"{Path(what).name}: {found.case.estimand.name}, {len(found.specifications):,} specifications"
    shown = found.options.rename(columns={"specifications": "n"})
    tables = [(title, shown), ("Share of the estimates' variance", found.variance)]
    done = outcome(found, found.case, found.specifications, shown, title)
    return replace(done, shown=tables, files={**done.files, **open_readings})
