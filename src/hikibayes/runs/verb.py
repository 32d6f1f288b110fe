"""What a verb is: declared once, and known by that to the command line, to run folders, to `replay` and to the docs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import seed as usual_seed

if TYPE_CHECKING:
    import pandas as pd

    from ..folders import Content


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a verb has found.

    Parameters
    ----------
    study : str
        Id of the study that it is about.
    files : mapping of str to table, text, bytes or function
        File name to content.
    table : pandas.DataFrame
        The result: what ``--json`` prints.
    shown : sequence of (str, pandas.DataFrame)
        What a person sees: titles and tables.
    said : sequence of str
        Sentences below the tables.
    remarks : sequence of str
        What is to be known in any case: on stderr.
    verdict : str
        The last line, in front of the folder.
    sound : bool
        Whether everything was as it should be; otherwise the exit code is 1.
    seed : int, optional
        Where it is not the one that was asked for.
    styles : mapping of str to str
        Colours of a table's rows by their verdict.
    into : Path, optional
        A run folder whose files these are, where no other is asked for.
    afterwards : callable
        Called when the files are safe.
    """

    study: str
    files: Mapping[str, Content]
    table: pd.DataFrame
    shown: Sequence[tuple[str, pd.DataFrame]]
    said: Sequence[str] = ()
    remarks: Sequence[str] = ()
    verdict: str = "sound"
    sound: bool = True
    seed: int | None = None
    styles: Mapping[str, str] | None = None
    into: Path | None = None
    afterwards: Callable[[], object] = lambda: None


@dataclass(frozen=True, kw_only=True)
class Verb:
    """A verb that leaves a run folder.

    Parameters
    ----------
    name : str
        As a person types it.
    options : tuple of click.Parameter
        Arguments and options; their values are written into the run's record.
    find : callable
        Given a `Run` and the options' values by name, returns the `Outcome`. Its docstring is the verb's help.
    files : tuple of str
        Patterns of the files that it writes, for the docs.
    seed : click.Option, optional
        None where nothing is drawn.
    passing : tuple of str
        Options that change nothing in the files: they are not recorded, and a replay does without them.
    pictured, reported : bool
        Whether the figures, and the report, that its tables allow belong to its files.
    """

    name: str
    options: tuple[click.Parameter, ...]
    find: Callable[..., Outcome]
    files: tuple[str, ...]
    seed: click.Option | None = usual_seed
    passing: tuple[str, ...] = ()
    pictured: bool = False
    reported: bool = False


def verb(*options: click.Parameter, **about: Any) -> Callable[[Callable[..., Outcome]], Verb]:
    """Declare a verb by its function: named like it, and described by its docstring. See `Verb`."""

    def declare(find: Callable[..., Outcome]) -> Verb:
        return Verb(name=find.__name__.strip("_"), options=options, find=find, **about)

    return declare
