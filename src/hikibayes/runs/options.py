"""Arguments and options that verbs share."""

from __future__ import annotations

import click

from ..defaults import DEFAULT_SEED, DEFAULT_STUDY, LARGEST_SEED


def mapped(_: click.Context, parameter: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    """Turn repeated NAME=VALUE into a mapping."""
    chosen = dict(pair.partition("=")[::2] for pair in pairs)
    if len(chosen) < len(pairs):
        raise click.BadParameter("the same name is given twice; each belongs to one value")
    if wrong := [name for name, value in chosen.items() if not value]:
        form = parameter.metavar
        raise click.BadParameter(f"{wrong[0]!r}: write it as {form}")
    return chosen


study = click.Argument(["study"], default=DEFAULT_STUDY)
reading = click.Option(
    ["--reading", "readings"],
    multiple=True,
    metavar="READING=OPTION",
    callback=mapped,
    help="Decide an ambiguous place of the paper; may be repeated.",
)
reconstructions = click.Option(
    ["--reconstructions"],
    type=click.Path(dir_okay=False),
    help="What `calibrate` wrote (reconstructions.nc).  [default: those shipped with the study, else drawn first]",
)
table = (
    click.Argument(["model"]),
    click.Argument(["data"], type=click.Path()),
    click.Option(
        ["--study"],
        help=f"Whose measures and estimands these are.  [default: {DEFAULT_STUDY}; of a formula, the table itself]",
    ),
    click.Option(["--prior"], default="weakly_informative", show_default=True, help="Variant of the priors."),
    click.Option(
        ["--column", "columns"],
        multiple=True,
        metavar="MEASURE=HEADER",
        callback=mapped,
        help="The header of a measure's column, where it is not the measure's id; may be repeated.",
    ),
    click.Option(["--mapping"], type=click.Path(), help="TOML file: headers, labels, missing codes."),
)
"""A model and one table of participants."""
estimand = click.Option(
    ["--estimand"], default="", metavar="NAME", help="What is asked.  [default: what the study or fit is about]"
)
folder = click.Argument(["folder"], type=click.Path(file_okay=False))

json = click.Option(["--json", "as_json"], is_flag=True, help="Print the result as one JSON document.")
out = click.Option(
    ["-o", "--out"], type=click.Path(file_okay=False), help="Folder for the files.  [default: results/STUDY/VERB]"
)
SEED = click.IntRange(0, LARGEST_SEED)
seed = click.Option(["--seed"], type=SEED, default=DEFAULT_SEED, show_default=True)
seed_of_file = click.Option(["--seed"], type=SEED, help="[default: the file's]")
