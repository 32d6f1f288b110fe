"""A verb as a command: its options, what is said while it runs, its tables in the terminal, its exit code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..runs import options
from .waiting import Waiting

if TYPE_CHECKING:
    from ..runs.verb import Outcome, Verb


def command(verb: Verb) -> click.Command:
    """Return the command that carries a verb out."""
    shared = [*([verb.seed] if verb.seed else []), options.json, options.out]

    def carry_out_and_print(as_json: bool, out: str | None, seed: int | None = None, **arguments: Any) -> None:
        from ..runs.run import Run, carry_out

        _refuse_empty(verb, arguments)
        waiting = Waiting(sys.stderr)
        where = Path(out) if out else None
        run = Run(verb=verb, chosen_seed=seed, out=where, say=waiting.say, bar=waiting.bar)
        try:
            found, folder = carry_out(run, arguments)
        finally:
            waiting.end()
        print_outcome(found, folder, as_json)
        sys.exit(int(not found.sound))

    return click.Command(
        verb.name, params=[*verb.options, *shared], callback=carry_out_and_print, help=verb.find.__doc__
    )


def _refuse_empty(verb: Verb, arguments: dict[str, Any]) -> None:
    from ..spec import InputError

    # as a path, nothing is the folder that one stands in
    named = [option.name for option in verb.options if isinstance(option, click.Argument)]
    if empty := [name for name in named if name and arguments[name] == ""]:
        raise InputError("is empty; a name or a path is accepted", key=empty[0].upper())


def print_outcome(found: Outcome, folder: Path, as_json: bool) -> None:
    """Print a result: the whole table as JSON, or the parts of it that a person wants to see."""
    for remark in found.remarks:
        click.echo(remark, err=True)
    if as_json:
        show(found.table, as_json=True)
        return
    for title, table in found.shown:
        show(table, title=title, styles=found.styles)
    for sentence in found.said:
        click.echo(sentence)
    click.echo(f"{found.verdict}; {folder}")


def show(table: Any, *, title: str | None = None, styles: Any = None, as_json: bool = False) -> None:
    """Print a table, with the colours of its rows' verdicts."""
    from ..reporting.tables import json_text, terminal_table

    click.echo(json_text(table) if as_json else terminal_table(table, title=title, styles=styles, style_by="verdict"))


def say(what: str) -> None:
    """Tell on stderr what begins."""
    click.echo(f"{what} ...", err=True)
