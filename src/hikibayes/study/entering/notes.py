"""What the words around a table print: sizes of samples, what steps explain; other figures are listed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .cells import plain
from .columns import Known, Number, Understood
from .grids import STAR, Grid
from .headings import sizes_in
from .layouts.regressions import INLINE, inline
from .models import respelt

SENTENCE = re.compile(r"(?<=[.;])\s+(?=[^\W\d_]|[*†‡(])")
ONE_SAMPLE = re.compile(r"(?:Notes?\b[.:]?\s*)?(?:[Ll]istwise |[Tt]otal )?N\s*=\s*\d[\d, ]*\.?")
EXPLAINED = re.compile(
    r"(?i)\d\d ?% ?(?:CI|conf\w+)|[-+±]?\s?1 SD|\b(?:tables?|figure|appendix)\s+\w*\d+\w*|\b[\w-]*[a-z]-?\d+\b"
)
"""Figures that are no results: the level of limits, where slopes are, other tables, names of instruments."""


def read_words(understood: Understood, grid: Grid, known: Known) -> None:
    """Add what title and note print; list what has figures and does not enter."""
    steps = list(dict.fromkeys(n.address["step"] for n in understood.numbers if "step" in n.address))
    if understood.layout != "regressions":
        steps = []
    sentences = SENTENCE.split(respelt(plain(grid.pointed(grid.note)))) if grid.note.strip() else []
    sizes = sizes_in(grid.title)
    alone = [sentence for sentence in sentences if ONE_SAMPLE.fullmatch(sentence)]
    if not sizes and len(alone) == 1:
        sizes = sizes_in(alone[0])
    if len(sizes) == 1 and steps:
        _of_steps(understood, sizes[0], steps)
    else:
        _of_sample(understood, sizes, grid, known)
    for sentence in sentences:
        rest = sentence
        for step, clause in _clauses(sentence, steps):
            _add(understood, inline(clause, step))
            rest = re.sub(rf"(?i)\b{re.escape(step)}\b", " ", INLINE.sub(" ", plain(rest)))
        rest = EXPLAINED.sub(" ", STAR.sub(" ", rest))
        if re.search(r"\d", rest) and sentence not in alone:
            understood.left.append((f"the note {sentence!r}", "a sentence: what it prints is yours to add"))


def _clauses(sentence: str, steps: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the parts of a sentence that are of one step: ``R² = .05 for Step 1; ΔR² = .18 for Step 2``."""
    for clause in re.split(r"[;,] (?=(?:and )?Δ?R2)| and (?=Δ?R2)", plain(sentence)):
        named = [step for step in steps if re.search(rf"(?i)\b{re.escape(step)}\b", clause)] or steps
        if len(named) == 1 and INLINE.search(clause):
            yield named[0], clause


def _add(understood: Understood, numbers: Iterator[Number]) -> None:
    for number in numbers:
        if not any((n.quantity, n.address, n.text) == (number.quantity, number.address, number.text)
                   for n in understood.numbers):  # fmt: skip
            understood.numbers.append(number)
            understood.in_words += 1


def _of_steps(understood: Understood, size: str, steps: list[str]) -> None:
    """Add the number of people to every regression that has none."""
    sized = {number.address.get("step") for number in understood.numbers if number.quantity == "n"}
    _add(understood, (Number("n", size, {}, {}, {"step": step}) for step in steps if step not in sized))


def _of_sample(understood: Understood, sizes: list[str], grid: Grid, known: Known) -> None:
    """Add the number of people of one sample; list what is of a group, or of one of several."""
    printed = {number.text for number in understood.numbers if number.quantity == "n"}
    groups = {*known.sizes} | {n.address["group"] for n in understood.numbers if "group" in n.address}
    named = any(names_group(group, grid.title.lower()) for group in groups)
    if len(sizes) > 1 or (sizes and named):
        why = "the title does not say it of one sample: write it into a group's heading, or --group LABEL=N"
        understood.left += [
            (f"n = {size} in the title", why) for size in sizes if size not in {*printed, *known.sizes.values()}
        ]
    elif sizes and not any(n.quantity == "n" or {"group", "between"} & {*n.address} for n in understood.numbers):
        # of one sample; regressions have their own, group sizes stand with the groups
        understood.numbers.append(Number("n", sizes[0]))
        understood.in_words += 1


def names_group(group: str, words: str) -> bool:
    """Tell whether words name a group."""
    return bool(re.search(rf"\b{re.escape(group.lower())}\b", words))
