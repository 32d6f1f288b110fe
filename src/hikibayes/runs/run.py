"""A verb carried out: for the first time, or again from the record of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..folders import RECORD, Content, renew_files, try_out, write_run
from ..provenance import RunRecord, Stopwatch, file_digest
from ..reporting.saved import SavedRun
from ..spec import InputError, digest
from ..study.study import Study
from ..study.study_file import load_study

if TYPE_CHECKING:
    from pydantic import BaseModel

    from .verb import Outcome, Verb

type Tell = Callable[[int, int], None]


@dataclass(kw_only=True)
class Run:
    """What a verb's function is given: its inputs, where its files will lie, and whom to tell what begins.

    Parameters
    ----------
    verb : Verb
        Which.
    chosen_seed : int or None
        What everything random follows from; none where a verb draws nothing, or its input says.
    out : Path, optional
        Where the person wants the files.
    again : SavedRun, optional
        The run that is made again: inputs come from its folder, or are compared with its record.
    say : callable
        Told what begins.
    bar : callable
        Makes a progress bar by its label.
    """

    verb: Verb
    chosen_seed: int | None
    out: Path | None = None
    again: SavedRun | None = None
    say: Callable[[str], None] = lambda _: None
    bar: Callable[[str], AbstractContextManager[Tell]] = lambda _: nullcontext(lambda done, total: None)
    inputs: dict[str, str] = field(default_factory=dict)

    @property
    def seed(self) -> int:
        """What everything random follows from."""
        if self.chosen_seed is None:
            raise InputError(f"has no seed; this {self.verb.name} cannot be made again", source=RECORD)
        return self.chosen_seed

    def takes(self, name: str, content: BaseModel | Path) -> None:
        """Note an input by its name as it was given: a spec, or a file.

        Raises
        ------
        InputError
            The run is made again, and the input is not what it was.
        """
        self.inputs[name] = found = file_digest(content) if isinstance(content, Path) else digest(content)
        if self.again and self.again.record.inputs.get(name, found) != found:
            raise InputError("is not what it was when the run was made; a replay needs the same input", source=name)

    def takes_file(self, path: str | None) -> None:
        """Note a file, if one is given and there; whoever reads it says if it is not."""
        if path and Path(path).is_file():
            self.takes(path, Path(path))

    def study(self, name: str | Study, readings: Mapping[str, str]) -> Study:
        """Return a study with the chosen readings decided; the one that the run saved, where it is made again."""
        if self.again and self.again.has("study.json"):
            return self.again.study
        loaded = load_study(name)
        self.takes(name if isinstance(name, str) else loaded.id, loaded)
        try_out(self.folder(loaded.id))
        return loaded.settle(**readings)

    def folder(self, study: str) -> Path:
        """Return where the files go: what the person said, or ``results/<study>/<verb>/``."""
        return self.out or Path("results") / study / self.verb.name


def carry_out(run: Run, arguments: Mapping[str, Any]) -> tuple[Outcome, Path]:
    """Carry a verb out and write its files; return what it found and where they are.

    Raises
    ------
    InputError
        An input cannot be used, or the folder cannot be written to.
    """
    watch = Stopwatch()
    if run.out:
        try_out(run.out)
    found = run.verb.find(run, **arguments)
    record = _record(run, found, arguments, watch)
    folder = run.out or found.into or run.folder(found.study)
    if folder == found.into and (folder / RECORD).is_file():
        renew_files(folder, found.files)
    else:
        write_run(folder, _files(run.verb, found, record), record)
    found.afterwards()
    return found, folder


def made_again(verb: Verb, saved: SavedRun, say: Callable[[str], None]) -> tuple[Mapping[str, Content], RunRecord]:
    """Return the files and the record of a run that is made again from its own record.

    Raises
    ------
    InputError
        The record does not say enough, or an input is not what it was.
    """
    record = saved.record
    run = Run(verb=verb, chosen_seed=record.seed, again=saved, say=say)
    found = verb.find(run, **_recorded(verb, record))
    now = _record(run, found, record.arguments, Stopwatch()).replace(inputs=record.inputs)
    return _files(verb, found, now), now


def _recorded(verb: Verb, record: RunRecord) -> dict[str, Any]:
    names = [option.name for option in verb.options if option.name and option.name not in verb.passing]
    # an option that is younger than the record was not given; the function says what that means
    young = {name for name, part in signature(verb.find).parameters.items() if part.default is not part.empty}
    if missing := [name for name in names if name not in {*record.arguments, *young}]:
        raise InputError(
            f"does not say {missing[0]!r}: an older version or Python wrote it; run `hikibayes {verb.name}` anew",
            source=RECORD,
        )
    return {name: record.arguments[name] for name in names if name in record.arguments}


def _record(run: Run, found: Outcome, arguments: Mapping[str, Any], watch: Stopwatch) -> RunRecord:
    kept = {name: value for name, value in arguments.items() if name not in run.verb.passing}
    seed = found.seed if run.chosen_seed is None else run.chosen_seed
    return watch.record(run.verb.name, kept, seed=seed, inputs=run.inputs)


def _files(verb: Verb, found: Outcome, record: RunRecord) -> Mapping[str, Content]:
    """Add the figures and the report that the files allow."""
    if verb.reported:
        from ..reporting.html import with_report

        return with_report(found.files, record)
    if verb.pictured:
        from ..reporting.topics import figure_files

        return {**found.files, **figure_files(SavedRun.of_contents(found.files, record))}
    return found.files
