"""What the verbs share: options, listings, verdicts, and the way from a mistake to one message."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from ..defaults import DEFAULT_SEED, DEFAULT_STUDY, LARGEST_SEED


def pairs_of(_: click.Context, parameter: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    """Turn repeated NAME=VALUE into a mapping."""
    chosen = dict(pair.partition("=")[::2] for pair in pairs)
    if len(chosen) < len(pairs):
        raise click.BadParameter("the same name is given twice; each belongs to one value")
    if wrong := [name for name, value in chosen.items() if not value]:
        form = parameter.metavar
        raise click.BadParameter(f"{wrong[0]!r}: write it as {form}")
    return chosen


study_argument = click.argument("study", default=DEFAULT_STUDY)
reading_option = click.option(
    "--reading",
    "readings",
    multiple=True,
    metavar="READING=OPTION",
    callback=pairs_of,
    help="Decide an ambiguous place of the paper; may be repeated.",
)
out_option = click.option(
    "-o",
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the files.  [default: results/STUDY/VERB]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON document.")
SEED = click.IntRange(0, LARGEST_SEED)
seed_option = click.option("--seed", type=SEED, default=DEFAULT_SEED, show_default=True)


def options(*decorators: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Apply several click options, first named first in the help."""

    def apply(function: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


def show(table: Any, shown: Any, as_json: bool, title: str) -> None:
    """Print a result: the whole table as JSON, or the part of it that a person wants to see."""
    from ..reporting.tables import json_text, terminal_table

    click.echo(json_text(table) if as_json else terminal_table(shown, title=title))


def end_with(checks: Any, folder: Path, as_json: bool) -> None:
    """Say whether every check is passed and where the files are; raises `SystemExit` with 0 or 1."""
    failed = checks.loc[~checks["ok"]]
    for row in failed.itertuples():
        click.echo(f"not sound: {row.check} {row.of}: {row.value:g}, accepted {row.accepted}", err=True)
    if not as_json:
        click.echo(f"{'sound' if failed.empty else 'NOT SOUND'}; {folder}")
    sys.exit(int(not failed.empty))


def list_shipped(table: Any, as_json: bool) -> None:
    """Print what comes with the package."""
    from ..reporting.tables import json_text, terminal_table

    click.echo(json_text(table) if as_json else terminal_table(table))


def write_template(package: str, name: str, path: Path) -> None:
    """Write a commented template that a person fills in; a file that is there already is left alone."""
    from importlib.resources import files

    from ..files import write_whole
    from ..spec import InputError

    if path.exists():
        raise InputError("exists already; nothing was written", source=path)
    if not path.parent.is_dir():
        raise InputError("cannot be written (there is no such folder)", source=path)
    write_whole(path, (files(package) / name).read_text(encoding="utf-8"))
    click.echo(f"wrote {path}")


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Show on stderr how much of how much is done; yields the function to tell it."""
    with click.progressbar(length=1, label=label, file=sys.stderr, show_pos=True) as bar:

        def tell(done: int, total: int) -> None:
            # there may be more to do than was known when the bar was full
            bar.length, bar.finished = total, False
            bar.update(done - bar.pos)

        yield tell


def say_remarks(remarks: Any) -> None:
    """Tell on stderr what a fit's table of remarks holds, reference levels first."""
    references = remarks.loc[remarks["kind"] == "reference_level"]
    for about in references.itertuples():
        click.echo(f"{about.of}: {about.remark}", err=True)
    for about in remarks.drop(references.index).itertuples():
        click.echo(f"remark: {about.of + ': ' if about.of else ''}{about.remark}", err=True)


def say(what: str) -> None:
    """Tell on stderr what begins."""
    click.echo(f"{what} ...", err=True)
