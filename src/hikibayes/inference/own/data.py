"""One's own data: the study, the model and the mapping that a table and a formula stand for.

What a person would write into three files is read off the table, said, and written into the run's folder, so that the
next run can start from there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...distributions import PARAMETERS
from ...spec import InputError, unknown_name, validated
from ...study.measures import term_parts
from ...study.study import Study
from ..answers.remarks import Remark
from ..data.files import RawTable, raw_table
from ..data.labels import exact
from ..data.mapping import TableMapping, load_mapping
from ..models.default_priors import Priors, default_priors, default_variants
from ..models.formulas import CODINGS, FUNCTIONS
from ..models.specs import FAMILIES, INTERCEPT, ModelSpec, formula_alone
from .columns import OwnColumn, own_columns
from .condition import rows_where
from .estimands import by_interest, own_estimands
from .remarks import own_remarks

RESERVED = {*CODINGS, *FUNCTIONS, INTERCEPT, "np", *(name for own in FAMILIES.values() for name in own)}
"""Names that mean something in a formula or among a model's parameters."""
MOST_CODES = 5
"""Different numbers up to which a column may be one of groups' codes, where groups are needed."""


@dataclass(frozen=True, kw_only=True)
class OwnData:
    """A table and a formula as a study, a model and a mapping.

    Parameters
    ----------
    study, model, mapping
        As if somebody had written them.
    table : RawTable
        The rows that are asked for.
    why : mapping of str to str
        Of each category, why its first level is the reference.
    remarks : tuple of Remark
        How many rows a condition kept, and what is odd about the columns.
    """

    study: Study
    model: ModelSpec
    mapping: TableMapping
    table: RawTable
    why: Mapping[str, str]
    remarks: tuple[Remark, ...] = ()


def own_data(
    formula: str,
    data: str | Path | pd.DataFrame,
    *,
    reference: Mapping[str, str] | None = None,
    rows: str = "",
    priors: Mapping[str, str] | None = None,
    steps: str = "",
    at: Mapping[str, Sequence[float]] | None = None,
    contrasts: str = "",
    estimand: str = "",
    family: str = "gaussian",
    sigma_by: str = "",
    scaling: str = "sample",
    mapping: str | Path | TableMapping | None = None,
) -> OwnData:
    """Read study, model and mapping off a table and a formula.

    Parameters
    ----------
    formula : str
        Wilkinson notation over the table's columns; a header with blanks or dots stands in backticks.
    data : str, Path or pandas.DataFrame
        A row a person.
    reference : mapping of str to str, optional
        Reference level by column.
    rows : str
        A condition for the rows to use, such as ``grade == 4 and sex != "male"``.
    priors : mapping of str to str, optional
        Prior by term, such as ``Normal(0, .25)``, in the place of the default.
    steps : str
        Terms of successive steps, separated by semicolons; the last step has all of the formula.
    at : mapping of str to sequence of float, optional
        Values of numeric columns, in their own unit, at which conditional effects are wanted beside mean ± 1 SD.
    contrasts, estimand : str
        Which levels are compared, and what it is about; see `own_estimands`.
    family, sigma_by, scaling
        As a model file has them.
    mapping : str, Path or TableMapping, optional
        Codes for missing values, and headers of names.

    Returns
    -------
    OwnData

    Raises
    ------
    InputError
        The formula cannot be read or names no column, a column is neither numbers nor groups, the outcome is no
        number, a family is none that is offered, or a reference, prior, step or condition does not fit.
    """
    stated, raw = load_mapping(mapping), raw_table(data)
    headers = _headers(raw, stated)
    text = _spelt(formula, headers)
    _refuse_family(family, _with_headers(text, headers))
    remarks = []
    if rows:
        everybody, raw = len(raw.frame), _selected(raw, _spelt(rows, headers), headers, stated)
        picked = f"{len(raw.frame)} of {everybody} rows satisfy {rows}; the others are not used"
        remarks = [Remark(kind="rows", of="", count=len(raw.frame), text=picked)]
    outline = _outline(text, headers, sigma_by=_id(sigma_by, headers) if sigma_by else "")
    columns = own_columns(raw, {name: headers[name] for name in outline.variables}, stated)
    references = {_id(name, headers): level for name, level in (reference or {}).items()}
    made = _Made(outline, columns, references)
    study = made.study(_name_of(data), formula)
    spec = formula_model(outline, study, family=family, scaling=scaling, priors=priors, headers=headers)
    written, taken = _spelt(steps, headers), _by_id(at or {}, headers)
    study, beside = own_estimands(study, spec, columns, steps=written, at=taken, contrasts=contrasts, question=estimand)
    levels = {name: own for name, (own, _) in made.levels.items()}
    own_headers = {name: column.header for name, column in columns.items() if column.header != name}
    return OwnData(
        study=study,
        model=spec,
        mapping=stated.with_columns(own_headers),
        table=_read_already(raw, columns, made, stated),
        why={name: why for name, (_, why) in made.levels.items()},
        remarks=(*remarks, *own_remarks(columns, levels, outline.outcome), *beside),
    )


# -- names ------------------------------------------------------------------------------------------------------------


def _name_of(data: str | Path | pd.DataFrame) -> str:
    return _as_id(Path(data).stem if isinstance(data, str | Path) else "own_data")


def _as_id(header: str) -> str:
    """Write a header so that it can stand in a formula: ``Sepal.Length`` as ``Sepal_Length``."""
    # some signs, such as a raised 2, are of words and of no name
    kept = "".join(sign if f"a{sign}".isidentifier() else " " for sign in exact(header))
    name = re.sub(r"\W+", "_", kept).strip("_")
    name = name if name[:1].isalpha() else f"x_{name}"
    return f"{name}_" if name in RESERVED else name


def _headers(raw: RawTable, stated: TableMapping) -> dict[str, str]:
    """Return the header of each name; names that would be the same are numbered."""
    headers = dict(stated.columns)
    for header in dict.fromkeys(map(str, raw.frame.columns)):
        if header in stated.columns.values():
            continue
        name, number = _as_id(header), 2
        while name in headers:
            name, number = f"{_as_id(header)}_{number}", number + 1
        headers[name] = header
    return headers


def _spelt(text: str, headers: Mapping[str, str]) -> str:
    """Write a text over headers as one over names: those in backticks, and those that are no names as they stand."""

    def quoted(match: re.Match[str]) -> str:
        return _id(match.group(1), headers)

    text = re.sub(r"`([^`]*)`", quoted, text)
    for name, header in headers.items():
        if name != header and re.fullmatch(r"[\w.]+", header):
            text = re.sub(rf"(?<![\w.]){re.escape(header)}(?![\w.(])", name, text)
    return text


def _with_headers(text: str, headers: Mapping[str, str]) -> str:
    """Write a text over names as one over headers, for other software."""
    for name, header in headers.items():
        if name != header:
            quoted = "`" + header.replace("\\", r"\\") + "`"
            text = re.sub(rf"\b{re.escape(name)}\b", quoted, text)
    return text


def _id(header: str, headers: Mapping[str, str]) -> str:
    """Return the name of a header; raises `InputError` with the nearest headers."""
    for name, own in headers.items():
        if exact(own) == exact(header):
            return name
    if header in headers:
        return header
    raise InputError(unknown_name("column", header, headers.values()))


def _by_id(given: Mapping[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
    return {_id(header, headers): value for header, value in given.items()}


def _outline(text: str, headers: Mapping[str, str], *, sigma_by: str) -> ModelSpec:
    """Return a model that has its formula alone, once every name in it is a column's."""
    try:
        outline = formula_alone(text.strip(), sigma_by=sigma_by)
    except InputError as error:
        bare = [header for header in headers.values() if not header.isidentifier() and header in text]
        raise InputError(f"{error}; write `{bare[0]}` in backticks" if bare else str(error)) from None
    for name in outline.variables:
        if name not in headers:
            call = "; an outcome is a column: make one of it" if name == outline.outcome and "(" in name else ""
            raise InputError(unknown_name("column", name, headers.values()) + call, key=f"formula {text.strip()!r}")
    return outline


def _selected(raw: RawTable, condition: str, headers: Mapping[str, str], stated: TableMapping) -> RawTable:
    kept = rows_where(condition, raw, headers, stated)
    if not kept.any():
        raise InputError(f"no row of {len(kept)} satisfies {condition!r}", key="--rows")
    rows = tuple(raw.numbered(np.flatnonzero(kept)))
    return RawTable(raw.frame[kept].reset_index(drop=True), raw.value_labels, rows)


def _read_already(raw: RawTable, columns: Mapping[str, OwnColumn], made: _Made, stated: TableMapping) -> RawTable:
    """Put numbers in the place of their texts, so that these are read once; codes for missing stay, to be counted."""
    numbers = {c.header: c.numbers for name, c in columns.items() if c.numbers is not None and name not in made.levels}
    if stated.missing or stated.missing_in:
        frame = raw.frame
        numbers = {name: np.where(np.isnan(own), frame[name], own.astype(object)) for name, own in numbers.items()}
    return raw._replace(frame=raw.frame.assign(**numbers))


def _refuse_family(family: str, formula: str) -> None:
    if family not in ("gaussian", "t"):
        raise InputError(
            f"there is no family {family!r} here; there are: gaussian, t. Bambi has others:"
            f' bambi.Model({formula!r}, data, family="{family}").fit()'
        )


# -- study and model --------------------------------------------------------------------------------------------------


class _Made:
    """What the columns of a formula are, and the study and model that follow."""

    def __init__(self, outline: ModelSpec, columns: Mapping[str, OwnColumn], references: Mapping[str, str]) -> None:
        self.outline, self.columns = outline, columns
        for name in references:
            if name not in columns:
                raise InputError(unknown_name("column in the formula", name, columns), key="--reference")
        groups = {*outline.written.coded, *outline.clusters, *references}
        if outline.sigma_by and outline.sigma_by not in groups:
            groups.add(self._with_few_values(outline.sigma_by))
        for name in columns:
            if name not in groups:
                columns[name].checked(groups=name != outline.outcome)
        free = {*columns} - {*outline.written.inside_calls} | {*outline.written.coded}
        categories = [
            name
            for name, column in columns.items()
            if name != outline.outcome and (name in groups or (column.is_category and name in free))
        ]
        self.levels = {name: columns[name].levels(references.get(name)) for name in categories}
        self._refuse_roles()

    def _with_few_values(self, name: str) -> str:
        """Return the column whose levels have a sigma each; raises `InputError` for a number."""
        column = self.columns[name]
        if column.numbers is not None and len(found := column.distinct) > MOST_CODES:
            raise InputError(
                f"column {column.header!r} holds {len(found)} different numbers; a sigma for each level needs groups."
                f" C({name}) in the formula makes groups of it",
                key="--sigma-by",
            )
        return name

    def _refuse_roles(self) -> None:
        outcome = self.columns[self.outline.outcome]
        if outcome.numbers is None:
            shown = ", ".join(map(repr, outcome.distinct[:3]))
            family = "bernoulli" if len(outcome.distinct) == 2 else "categorical"
            formula = _with_headers(self.outline.formula, {name: own.header for name, own in self.columns.items()})
            bambi = f'. Bambi has models of it: bambi.Model({formula!r}, data, family="{family}").fit()'
            raise InputError(
                f"the outcome is text ({shown}{', ...' if len(outcome.distinct) > 3 else ''}); a number is needed"
                f"{bambi}",
                key=f"column {outcome.header!r}",
            )
        for name in {*self.outline.written.inside_calls} - {*self.outline.written.coded}:
            if self.columns[name].numbers is None:
                raise InputError("is text; a function of it needs numbers", key=f"column {self.columns[name].header!r}")

    @property
    def terms(self) -> dict[str, frozenset[str]]:
        return self.outline.measures

    def roles(self) -> tuple[str, str]:
        """Return the groups and the focal number: those of what is asked for first.

        Of several categories the first of the formula holds the groups, whose sizes planning is about.
        """
        found = [[name for name in self.columns if name in own] for own in by_interest(self.terms.values())]
        categories = next((own for names in found if (own := [n for n in names if n in self.levels])), [""])
        numbers = next((own for names in found if (own := [n for n in names if n not in self.levels])), [""])
        return categories[0], numbers[0]

    def study(self, name: str, formula: str) -> Study:
        group, focal = self.roles()
        content: dict[str, Any] = {
            "id": name,
            "description": f"Own data: {formula}",
            "analysis": {"outcome": self.outline.outcome, "group": group, "focal": focal},
            "group": self._levels_of(group) if group else [],
            "measure": [self._measure(name) for name in self.columns],
        }
        return validated(Study, content, "the table")

    def _levels_of(self, name: str) -> list[dict[str, str]]:
        levels, labels = self.levels[name][0], self.columns[name].labels
        named = [exact(labels.get(level, "")) for level in levels]
        # what an SPSS file calls its codes, where that tells the levels apart
        apart = all(named) and len({*named, *levels}) == 2 * len(levels)
        return [{"id": a, "label": b if apart else a} for a, b in zip(levels, named, strict=True)]

    def _measure(self, name: str) -> dict[str, Any]:
        column = self.columns[name]
        if name in self.levels:
            levels = self._levels_of(name)
            if len(levels) < 2:
                raise InputError(
                    f"has the same value in every row ({levels[0]['id']}); it must vary",
                    key=f"column {column.header!r}",
                )
            return {"id": name, "label": column.header, "kind": "category", "levels": levels}
        values = column.numbers[~np.isnan(column.numbers)] if column.numbers is not None else np.zeros(1)
        if values.min() == values.max():
            raise InputError(
                f"has the same value in every row ({values[0]:g}); it must vary", key=f"column {column.header!r}"
            )
        return {
            "id": name,
            "label": column.header,
            "kind": "number",
            "range": [float(values.min()), float(values.max())],
            "unit": name,
            "integer": bool((values == np.rint(values)).all()),
        }


def formula_model(
    outline: ModelSpec,
    study: Study,
    *,
    family: str = "gaussian",
    scaling: str = "sample",
    priors: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> ModelSpec:
    """Return a formula's model with the default priors, some of them replaced; raises `InputError`.

    Parameters
    ----------
    outline : ModelSpec
        Of the formula alone.
    study : Study
        What the measures are.
    family, scaling
        As a model file has them.
    priors : mapping of str to str, optional
        Prior by term, such as ``Normal(0, .25)``.
    headers : mapping of str to str, optional
        Header by name, for the terms of `priors`.
    """
    made = default_priors(study, outline.measures, family=family, varying=outline.varying)
    content = {
        "name": "formula",
        "description": f"Made of the formula {outline.formula}",
        "formula": outline.formula,
        "family": family,
        "scaling": scaling,
        "priors": made | _own_priors(priors or {}, made, headers or {}),
    }
    if outline.sigma_by:
        content["sigma_by"] = outline.sigma_by
    elif family == "gaussian" and not outline.varying:
        content["variants"] = default_variants(study, outline.measures)
    # what is wrong with a formula names it
    return validated(ModelSpec, content, "")


def _own_priors(given: Mapping[str, str], known: Priors, headers: Mapping[str, str]) -> Priors:
    """Read priors that a person sets: ``{"group:x": "Normal(0, .25)"}``; in the place of an exchangeable one it is so.

    Only a Normal prior with mean 0 can be.
    """
    by_parts = {term_parts(name): name for name in known}
    found = {}
    for term, text in given.items():
        name = by_parts.get(term_parts(_spelt(term, headers)))
        if name is None:
            raise InputError(unknown_name("term", term, by_parts.values()), key="--set-prior")
        prior = _distribution(text, term)
        found[name] = {**prior, "reason": "Set by hand."}
        if known[name].get("exchangeable"):
            if prior["dist"] == "Normal" and prior["mu"] == 0:
                found[name] |= {"exchangeable": True, "reason": "Set by hand. The same for every pair of levels."}
            else:
                found[name] |= {"reason": "Set by hand. Of each level against the reference, not of every pair."}
    return found


def _distribution(text: str, term: str) -> dict[str, Any]:
    match = re.fullmatch(r"\s*(\w+)\s*\(([^()]*)\)\s*", text)
    if match is None or match.group(1) not in PARAMETERS:
        raise InputError(
            f"{text!r} is no prior; write it as Normal(0, .25), with one of {', '.join(PARAMETERS)}",
            key=f"--set-prior {term}",
        )
    family, names = match.group(1), PARAMETERS[match.group(1)]
    parts = [part.partition("=") for part in match.group(2).split(",")]
    given = {(name.strip() if equals else names[i] if i < len(names) else f"number {i + 1}"): value if equals else name
             for i, (name, equals, value) in enumerate(parts)}  # fmt: skip
    try:
        numbers = {name: float(value) for name, value in given.items()}
    except ValueError:
        raise InputError(
            f"{text!r}: {family} takes the numbers {', '.join(names)}", key=f"--set-prior {term}"
        ) from None
    if set(numbers) != set(names):
        raise InputError(f"{text!r}: {family} takes {', '.join(names)}", key=f"--set-prior {term}")
    return {"dist": family, **numbers}
