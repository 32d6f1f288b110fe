"""Many studies audited at once: a row a study, with the questions of INSPECT-SR that printed numbers can answer.

References
----------
Wilkinson et al. (2025). INSPECT-SR: a tool for assessing trustworthiness of randomised controlled trials.
https://doi.org/10.1101/2025.09.03.25334905
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from ..spec import InputError
from ..study.study_file import load_study
from .audit import COLUMNS, checks
from .checks.rows import Check, Verdict
from .suspects import LIKELIEST

if TYPE_CHECKING:
    import pandas as pd

QUESTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "inspect_sr_4_3": (
        "Are any baseline data implausible?",
        ("mean within range", "SD within range", "minimum and maximum"),
    ),
    "inspect_sr_4_6": (
        "Are there any unexplained inconsistencies in the numbers of participants?",
        ("group sizes add up", "shares add up", "repeated number"),
    ),
    "inspect_sr_4_8": (
        "Are the means and variances of integer data impossible?",
        ("mean of whole numbers", "mean and SD of whole numbers", "share of whole people"),
    ),
    "inspect_sr_4_9": ("Are there errors in the statistical results?", ()),
}
"""Column, question, and the checks that bear on it; the last question is of every other check."""


def study_files(folder: Path) -> list[Path]:
    """Return the study files of a folder; raises `InputError` where there is none."""
    found = sorted(path for path in folder.iterdir() if path.suffix == ".toml")
    if not found:
        raise InputError("has no study file (.toml)", source=folder)
    return found


def audit_many(paths: list[Path], tell: Callable[[str], None] = lambda _: None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Audit study files.

    Parameters
    ----------
    paths : list of Path
    tell : callable
        Told which file is next.

    Returns
    -------
    studies : pandas.DataFrame
        A row a file: ``file, study, facts``, a count for each verdict, each of `QUESTIONS` (``yes``: a contradiction;
        ``no``: something was checked, and agrees; empty: nothing bears on it), ``gravest`` (the likeliest misprint,
        else the first contradiction), ``unread`` (why a file could not be audited).
    rows : pandas.DataFrame
        The audits below each other, ``file`` in front of their columns.
    """
    import pandas as pd

    studies, rows = list[dict[str, Any]](), list[dict[str, Any]]()
    for path in paths:
        tell(f"auditing {path.name}")
        try:
            study = load_study(path)
            found = checks(study)
        except InputError as error:
            studies.append({"file": path.name, "unread": str(error).removeprefix(f"{path}: ")})
            continue
        studies.append({"file": path.name, "study": study.id, "facts": len(study.facts), **_summary(found)})
        rows += [{"file": path.name, **check.row()} for check in found]
    counts, texts = ["facts", *get_args(Verdict)], [*QUESTIONS, "gravest", "unread"]
    table = pd.DataFrame(studies, columns=["file", "study", *counts, *texts])
    table = table.astype({**dict.fromkeys(counts, "Int64"), **dict.fromkeys(("study", *texts), object)})
    table[["study", *texts]] = table[["study", *texts]].where(table[["study", *texts]].notna(), "")
    return table, pd.DataFrame(rows, columns=["file", *COLUMNS])


def _summary(found: tuple[Check, ...]) -> dict[str, Any]:
    verdicts = [check.verdict for check in found if check.check != LIKELIEST]
    wrong = [check for check in found if check.verdict == "inconsistent"]
    gravest = next((check for check in wrong if check.check == LIKELIEST), wrong[0] if wrong else None)
    return {
        **{verdict: verdicts.count(verdict) for verdict in get_args(Verdict)},
        **{question: _answer(found, question) for question in QUESTIONS},
        "gravest": f"{gravest.check}: {', '.join(gravest.facts[:3])}" if gravest else "",
    }


def _answer(found: tuple[Check, ...], question: str) -> str:
    named = {name for _, names in QUESTIONS.values() for name in names} | {LIKELIEST}
    own = QUESTIONS[question][1]
    verdicts = {c.verdict for c in found if (c.check in own if own else c.check not in named)}
    return "yes" if "inconsistent" in verdicts else "no" if "consistent" in verdicts else ""
