"""A published study as one value: groups, measures, steps of its analysis, facts, assumptions, readings, estimands.

A *reading* is a place where the paper can be understood in more than one way. It is a named switch with a default;
choosing an option edits the few facts or steps that it is about, and nothing else in the house knows of it.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import product
from math import prod
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from ..estimands import KINDS as KINDS_OF_ESTIMANDS
from ..estimands import Outline
from ..kept import kept
from ..quantities import KINDS
from ..spec import Count, InputError, Number, Positive, Spec, Whole, unknown_name, validated
from .facts import Assumption, Fact
from .implied import in_full
from .intervals import Interval
from .measures import Identifier, Measure, Source, Text, term_parts
from .tables import Table

MOST_MEASURES, MOST_GROUPS, MOST_STEPS, MOST_COLUMNS = 500, 1000, 50, 1000
"""Far more than any paper prints; what is computed grows by the squares of these."""


class Citation(Spec):
    """Where the study was published, and which part of the publication was read."""

    authors: tuple[Text, ...]
    year: Whole
    title: Text
    journal: Text
    volume: str | None = None
    issue: str | None = None
    pages: str | None = None
    read: Text
    """What the transcription was made from, and what was not to be had."""


class Group(Spec):
    """One of the compared groups; the first in a study is the reference."""

    id: Text
    label: Text
    source: Source | None = None


class Statement(Spec):
    """Something the paper says in words that a reader of the record needs: screening, recruitment, limitations."""

    id: Identifier
    about: Text
    source: Source


class Limitation(Spec):
    """Something that may limit what the study found, as a question that can be run.

    Notes
    -----
    ``kind`` is the question (`hikibayes.robustness.limitations`), ``of`` the measures that it is about, and
    ``numbers`` what it is told. ``statement`` names the paper's own words on it.
    """

    kind: Identifier
    of: tuple[Identifier, ...] = ()
    numbers: dict[Identifier, Number] = Field(default_factory=dict)
    statement: Identifier | None = None
    rationale: Text | None = None


class Evidence(Spec):
    """A number of another sample that informs an assumption.

    Notes
    -----
    It is kept beside the study: no draw follows it. `hikibayes assumptions` says what it does to the answers.
    """

    id: Identifier
    assumption: Identifier
    about: Identifier
    """The measure, and ``group`` the group, of which the assumption's number is."""
    group: Identifier | None = None
    value: Number
    """On the assumption's scale: a share, a difference in SD."""
    se: Positive | None = None
    n: Annotated[Count, Field(ge=2)] | None = None
    """People behind a share, in place of ``se``."""
    discount: Annotated[Number, Field(ge=0)]
    """SD by which this study's people may differ from that sample, beyond sampling error."""
    sample: Text
    citation: Text
    locator: Text
    reason: Annotated[Text, Field(min_length=20)]
    """Why this discount: instrument, population, time."""

    @model_validator(mode="after")
    def _one_error(self) -> Self:
        if (self.se is None) == (self.n is None):
            raise ValueError("give 'se', or of a share 'n', the people behind it; one of them")
        if self.n and not 0 < self.value < 1:
            raise ValueError(f"'n' goes with a share between 0 and 1; found {self.value:g}")
        return self

    @property
    def spread(self) -> float:
        """SD of sampling error and discount together."""
        error = self.value * (1 - self.value) / self.n if self.n else float(self.se or 0) ** 2
        return float((error + self.discount**2) ** 0.5)


class Analysis(Spec):
    """How the published regressions were set up."""

    outcome: Identifier | Literal[""] = ""
    group: Identifier | Literal[""] = ""
    """The categorical measure that holds the groups; its levels are theirs. Own data may have none."""
    focal: Identifier | Literal[""] = ""
    """The measure whose slope differs between the groups. Own data may have none."""
    standardised: bool = True
    coding: Literal["dummy", "effect", "half", "sum", "helmert"] = "dummy"
    products: Literal["z", "z_again", "raw", "centred", "centred_both", "centred_scores"] = "z"
    software: str | None = None
    source: tuple[Source, ...] = ()


class Step(Spec):
    """One regression; ``adds`` lists what it has beyond the step it comes ``after``.

    Notes
    -----
    A term is a measure's id, or a product: ``group:measure``, ``x:z``.
    """

    id: Identifier
    label: Text
    after: Identifier | None = None
    adds: tuple[str, ...]
    group: Identifier | None = None
    """The one group whose people the regression is of."""
    outcome: Identifier | None = None
    """What it explains, where that is not the analysis's outcome."""
    source: Source | None = None


class Option(Spec):
    """One way to read an ambiguous place: what it means, and which facts, steps or settings it changes."""

    meaning: Text
    facts: dict[Identifier, dict[str, Any]] = Field(default_factory=dict, alias="fact")
    steps: dict[Identifier, dict[str, Any]] = Field(default_factory=dict, alias="step")
    analysis: dict[str, Any] = Field(default_factory=dict)


class Reading(Spec):
    """A named switch for an ambiguous place in the paper."""

    id: Identifier
    question: Text
    default: Identifier
    options: dict[Identifier, Option] = Field(alias="option")
    settled_by: Text
    """What would settle it, for example a table's row."""

    @model_validator(mode="after")
    def _default_exists(self) -> Self:
        if self.default not in self.options:
            raise ValueError(unknown_name("option", self.default, self.options))
        return self


FORMER_KINDS = {"group_gap": "adjusted_difference"}
"""Names that kinds of estimands had in the version before this one; they are still read."""


class Estimand(Spec):
    """What the study is about, free of any coding of the variables.

    Notes
    -----
    The kinds stand in `hikibayes.estimands`, one file each. ``step`` is the regression that an estimand is of; a study
    of one's own data, whose models say that, leaves it out. ``at`` holds other measures at a level, or at a number of
    SD from their mean; ``by`` names what ``between`` compares, where it is not the study's groups; ``by`` and
    ``and_by`` the numbers that a slope changes with.
    """

    name: Identifier
    kind: Annotated[str, AfterValidator(lambda kind: FORMER_KINDS.get(kind, kind))]
    meaning: Text
    of: Identifier | None = None
    group: Text | None = None
    by: Identifier | None = None
    and_by: Identifier | None = Field(default=None, exclude_if=operator.not_)
    between: tuple[Text, Text] | None = None
    pairs: dict[Identifier, tuple[Text, Text]] = Field(default_factory=dict, exclude_if=operator.not_)
    """The two levels of each category whose differences differ: ``{sex = ["f", "m"], arm = ["new", "usual"]}``."""
    at: dict[Identifier, Text | Number] = Field(default_factory=dict)
    said: dict[Identifier, Text] = Field(default_factory=dict, exclude_if=operator.not_)
    """What a number of `at` is called, where a person wrote it in the measure's own unit: ``at 40``.

    Where nothing is, it stands in no record: digests, and with them the seeds of plans, stay what they were.
    """
    step: Identifier | Literal[""] = ""

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def about(self) -> frozenset[str]:
        """The measures whose effect, or whose effects' differences, it is."""
        return frozenset(name for name in (self.of, self.by, self.and_by, *self.pairs) if name)

    @property
    def spoken_of(self) -> frozenset[str]:
        """The measures without which, and without whose products, a model has another answer: `at` is among them."""
        return self.about | frozenset(self.at)

    @property
    def unit(self) -> str:
        """The standardised unit: SD of the outcome per SD of the measure, SD of the outcome, or none."""
        kind = KINDS_OF_ESTIMANDS[self.kind]
        return "_per_".join(["sd", *("sd" for key in kind.per if getattr(self, key))]) if kind.scenarios else ""

    @model_validator(mode="after")
    def _fields_fit_kind(self) -> Self:
        if self.kind not in KINDS_OF_ESTIMANDS:
            raise ValueError(unknown_name("kind of estimand", self.kind, KINDS_OF_ESTIMANDS))
        kind = KINDS_OF_ESTIMANDS[self.kind]
        given = {name for name in ("of", "group", "by", "and_by", "between", "pairs", "at") if getattr(self, name)}
        if not set(kind.needs) <= given <= {*kind.needs, *kind.may}:
            accepted = ", ".join(sorted(kind.needs)) or "only 'step'"
            found = ", ".join(sorted(given)) or "none"
            raise ValueError(f"estimand {self.name!r}: a {self.kind} takes {accepted}; found {found}")
        if kind.scenarios is None and not self.step:
            raise ValueError(f"estimand {self.name!r}: a {self.kind} needs 'step', the regression that it is of")
        return self


def _not_alone(groups: tuple[Group, ...]) -> tuple[Group, ...]:
    if len(groups) == 1:
        raise ValueError(f"found one group, {groups[0].id!r}; a study has two or more, or none where it is one sample")
    return groups


class Study(Spec):
    """A published study, complete enough to be questioned.

    Raises
    ------
    pydantic.ValidationError
        A name is used twice, or something refers to a measure, group, step, fact or level that does not exist.
    """

    BESIDE: ClassVar[frozenset[str]] = frozenset({"limitations", "evidence", "question"})
    """What its digest leaves out: a question that is added changes no draw, no plan's seeds, and no stored fit."""

    id: Identifier
    description: Text
    citation: Citation | None = None
    groups: Annotated[tuple[Group, ...], AfterValidator(_not_alone)] = Field(
        default=(), alias="group", max_length=MOST_GROUPS
    )
    """Two in a publication; none, two or more in one's own data."""
    measures: tuple[Measure, ...] = Field(alias="measure", max_length=MOST_MEASURES)
    analysis: Analysis
    steps: tuple[Step, ...] = Field(default=(), alias="step", max_length=MOST_STEPS)
    facts: tuple[Fact, ...] = Field(default=(), alias="fact")
    tables: tuple[Table, ...] = Field(default=(), alias="table")
    """Facts in a compact form; a study that was read has them among its facts."""
    assumptions: tuple[Assumption, ...] = Field(default=(), alias="assumption")
    readings: tuple[Reading, ...] = Field(default=(), alias="reading")
    estimands: tuple[Estimand, ...] = Field(default=(), alias="estimand")
    question: Identifier | Literal[""] = Field(default="", exclude_if=operator.not_)
    """The estimand that it is about, where that is not the difference of the focal measure's slopes or the first."""
    statements: tuple[Statement, ...] = Field(default=(), alias="statement")
    limitations: tuple[Limitation, ...] = Field(default=(), alias="limitation")
    """One of a kind at most; kinds that need nothing said run without."""
    evidence: tuple[Evidence, ...] = ()
    """Of other samples, on what is assumed."""

    # -- looking things up ------------------------------------------------------------------------------------------

    def measure(self, name: str) -> Measure:
        """Return a measure by id; raises `InputError` with the ids there are."""
        return _find("measure", name, self.measures)

    def step(self, name: str) -> Step:
        """Return a step by id; raises `InputError` with the ids there are."""
        if not name:
            raise InputError(f"study {self.id!r} has an [[estimand]] without 'step', the regression that it is of")
        return _find("step", name, self.steps)

    def fact(self, name: str) -> Fact:
        """Return a fact by id; raises `InputError` with the ids there are."""
        return _find("fact", name, self.facts)

    def estimand(self, name: str) -> Estimand:
        """Return an estimand by name; raises `InputError` with the names there are."""
        return _find("estimand", name, self.estimands)

    def assumed(self, quantity: str, about: str | None = None, group: str | None = None) -> Assumption | None:
        """Return what is assumed of a measure in a group, else of it in all, else of all measures."""
        fits = [each for each in self.assumptions if each.quantity == quantity and each.group in (None, group)]
        own = sorted((each for each in fits if about in each.about), key=lambda each: each.group is None)
        return next(iter((*own, *(each for each in fits if not each.about))), None)

    def assumption(self, name: str) -> Assumption:
        """Return an assumption by id; raises `InputError` with the ids there are."""
        return _find("assumption", name, self.assumptions)

    @property
    def focal_estimand(self) -> Estimand:
        """What the study is about: its question, else the difference of the focal measure's slopes, else the first.

        Raises
        ------
        InputError
            The study has no estimand.
        """
        if not self.estimands:
            raise InputError(f"study {self.id!r} has no estimand; add an [[estimand]] that says what it is about")
        if self.question:
            return self.estimand(self.question)
        focal = [e for e in self.estimands if e.kind == "slope_difference" and e.of == self.analysis.focal]
        return (focal or list(self.estimands))[0]

    def asking(self, estimand: str) -> Study:
        """Return the study with another estimand as its question, or as it is for an empty name.

        Raises
        ------
        InputError
            It has no such estimand; the message lists those it has, and the nearest.
        """
        return self.replace(question=self.estimand(estimand).name) if estimand else self

    def outline(self, curved: Iterable[str] = ()) -> Outline:
        """Return what of the study its estimands depend on; `curved` are the measures inside a formula's functions."""
        return Outline(
            group=self.analysis.group,
            groups=tuple(group.id for group in self.groups),
            levels={each.id: tuple(level.id for level in each.levels) for each in self.measures if each.levels},
            curved=frozenset(curved),
        )

    @property
    def group_ids(self) -> tuple[str, str]:
        """The two groups' ids, reference first; raises `InputError` where there are not two."""
        if len(self.groups) != 2:
            found = f"{len(self.groups)} groups, {', '.join(self.group_names)}" if self.groups else "no groups"
            raise InputError(f"there are {found}; this compares two (of one's own table, fit two with --rows)")
        return self.groups[0].id, self.groups[1].id

    @property
    def group_names(self) -> tuple[str, ...]:
        """The ids of all groups, reference first; none for one sample."""
        return tuple(group.id for group in self.groups)

    @kept
    def columns(self, step: str) -> tuple[str, ...]:
        """Return the columns of a step's terms: ``x[level]`` for further levels of a category with three or more."""
        return tuple(column for term in self.terms(step) for column in self.columns_of(term))

    def columns_of(self, term: str) -> Iterator[str]:
        """Yield the columns of a term: one, unless a factor has three levels or more."""
        parts = [term] if "(" in term else term.split(":")
        levels = [[] if "(" in part else [level.id for level in self.measure(part).levels] for part in parts]
        each = [
            [f"{part}[{level}]" for level in of[1:]] if len(of) > 2 else [part]
            for part, of in zip(parts, levels, strict=True)
        ]
        if (count := prod(map(len, each))) > MOST_COLUMNS:
            raise InputError(f"term {term!r} has {count:,} columns; at most {MOST_COLUMNS:,} are accepted")
        yield from (":".join(choice) for choice in product(*each))

    def terms(self, step: str) -> tuple[str, ...]:
        """Return every term of a step, those of the steps before it first."""
        here = self.step(step)
        return (self.terms(here.after) if here.after else ()) + here.adds

    @property
    def products(self) -> tuple[str, ...]:
        """Products of two measures in its steps (``x:z``): their moments do not follow from the measures' own."""
        found: dict[frozenset[str], str] = {}
        for term in (term for step in self.steps for term in step.adds if "(" not in term):
            parts = [part for part in term.split(":") if part != self.analysis.group]
            if len(parts) == 2:
                found.setdefault(frozenset(parts), ":".join(parts))
        return tuple(found.values())

    def outcome(self, step: str) -> str:
        """Return what a step explains: its own outcome, or that of the steps before it, or the analysis's."""
        here = self.step(step)
        return here.outcome or (self.outcome(here.after) if here.after else self.analysis.outcome)

    def facts_of(self, quantity: str, **address: object) -> tuple[Fact, ...]:
        """Return the facts of a quantity whose address has all the given entries; None means "not given"."""
        wanted = {"with" if key == "with_" else key: value for key, value in address.items()}
        return tuple(
            fact
            for fact in self.facts
            if fact.quantity == quantity and all(fact.address.get(key) == value for key, value in wanted.items())
        )

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Number of participants by group, from the facts of quantity ``n``; raises `InputError` where one lacks."""
        if not self.facts:
            raise InputError(
                f"study {self.id!r} prints no number of participants; add a [[fact]] of quantity 'n' for each group"
                " (only a fit of your own table needs none)"
            )
        if missing := [name for name in self.group_names if not self.n_of(name)]:
            raise InputError(
                f"study {self.id!r}: there is no fact of quantity 'n' for group {missing[0]!r}; each group needs one"
                " here (the audit takes a study without)"
            )
        return {name: self.n_of(name) for name in self.group_names}

    @cached_property
    def samples(self) -> dict[str, int]:
        """Number of participants by group; of one sample by an empty name. Raises `InputError` where one lacks."""
        if self.groups:
            return self.sizes
        if not (n := self.n_of()):
            raise InputError(f"study {self.id!r} prints no number of participants; add a [[fact]] of quantity 'n'")
        return {"": n}

    def n_of(self, group: str | None = None) -> int:
        """Return the number of participants of a group, or of all, as printed or left by the others; 0 for neither."""
        n = {fact.group: int(fact.value) for fact in reversed(self.facts_of("n", step=None))}
        missing = [name for name in self.group_names if name not in n]
        if None in n and len(missing) == 1:
            n[missing.pop()] = max(n[None] - sum(size for name, size in n.items() if name), 0)
        if self.groups and not missing:
            # each group's own numbers are the more basic ones
            n[None] = sum(n[name] for name in self.group_names)
        return n.get(group, 0)

    @property
    def title(self) -> str:
        """The publication's title; where nothing is published, what the study is about."""
        return self.citation.title if self.citation else self.description

    # -- readings ---------------------------------------------------------------------------------------------------

    def settle(self, **choices: str) -> Study:
        """Return the study with the named readings decided; the others stay open.

        Parameters
        ----------
        **choices : str
            Option by reading id.

        Returns
        -------
        Study
            Its facts, steps and analysis edited as the chosen options say, without the decided readings.

        Raises
        ------
        InputError
            No such reading, or no such option.
        """
        content = self.model_dump(exclude_unset=True)
        for name, choice in choices.items():
            reading = _find("reading", name, self.readings)
            if choice not in reading.options:
                raise InputError(unknown_name(f"option of reading {name!r},", choice, reading.options))
            option = reading.options[choice]
            content["fact"] = _edited(content.get("fact", ()), option.facts)
            content["step"] = _edited(content.get("step", ()), option.steps)
            content["analysis"] = {**content["analysis"], **option.analysis}
        content["reading"] = [reading for reading in content.get("reading", ()) if reading["id"] not in choices]
        return validated(Study, content, f"study {self.id}")

    def read(self, **choices: str) -> Study:
        """Return the study with every reading decided: as named, or by its default; raises like `settle`."""
        return self.settle(**{reading.id: reading.default for reading in self.readings} | choices)

    # -- consistency of names ---------------------------------------------------------------------------------------

    @model_validator(mode="after")
    def _names_unique(self) -> Self:
        kinds: dict[str, Iterable[Spec]] = {
            "measure": self.measures,
            "step": self.steps,
            "fact": self.facts,
            "assumption": self.assumptions,
            "reading": self.readings,
            "estimand": self.estimands,
            "limitation": self.limitations,
            "evidence": self.evidence,
        }
        for kind, parts in kinds.items():
            if twice := [name for name, count in Counter(map(_name_of, parts)).items() if count > 1]:
                raise ValueError(f"{kind} {twice[0]!r} is defined twice; a name belongs to one thing")
        return self

    @model_validator(mode="before")
    @classmethod
    def _one_spelling(cls, content: Any) -> Any:
        """Write a short file in full, and products with the group first: ``age:group`` is ``group:age``."""
        content = in_full(content) if isinstance(content, dict) else content
        analysis = content.get("analysis") if isinstance(content, dict) else None
        group = analysis.get("group") if isinstance(analysis, dict) else getattr(analysis, "group", None)
        return _group_first(content, str(group)) if group else content

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        for owner, kind, name in self._references():
            known = self._ids_of(kind)
            if name not in known:
                raise ValueError(f"{owner}: {unknown_name(kind, name, known)}")
        self._check_groups()
        if empty := [fact for fact in self.facts_of("n") if fact.value < 1]:
            who = f"group {empty[0].group!r}" if empty[0].group else f"fact {empty[0].id!r}"
            raise ValueError(f"{who} has n = {empty[0].value}; at least 1 is accepted")
        return self

    def _ids_of(self, kind: str) -> set[str]:
        if kind == "level":
            return {level.id for measure in self.measures for level in measure.levels}
        return set(map(_name_of, getattr(self, f"{kind}s")))

    def _check_groups(self) -> None:
        ids = [group.id for group in self.groups]
        own = [level.id for level in self.measure(self.analysis.group).levels] if self.analysis.group else []
        if own != ids:
            raise ValueError(
                f"measure {self.analysis.group!r}: its levels must be the groups {', '.join(ids)}, in order"
            )
        codings = {self.analysis.coding, *(fact.coding for fact in self.facts)}
        if "helmert" in codings and len(ids) < 3:
            raise ValueError(f"'helmert' codes three groups or more, and there are {len(ids)}; accepted: dummy, effect")

    @model_validator(mode="after")
    def _steps_end(self) -> Self:
        before = {step.id: step.after for step in self.steps}
        for step, here in before.items():
            seen = {step}
            while here:
                if here in seen:
                    raise ValueError(f"step {step!r} comes after itself; 'after' must lead to a first step")
                seen.add(here)
                here = before[here]  # noqa: PLW2901
        return self

    @model_validator(mode="after")
    def _terms_stand_once(self) -> Self:
        for step in self.steps:
            seen = Counter(frozenset(term.split(":")) for term in self.terms(step.id))
            if twice := [term for term in step.adds if seen[frozenset(term.split(":"))] > 1]:
                raise ValueError(
                    f"step {step.id!r}: term {twice[0]!r} stands twice, in it or in a step before it; once is accepted"
                )
        return self

    @model_validator(mode="after")
    def _terms_are_in_their_steps(self) -> Self:
        for fact in self.facts:
            known = self._fact_terms(fact.step) if fact.step in {step.id for step in self.steps} else ()
            if fact.term and known and fact.term not in known:
                raise ValueError(f"fact {fact.id!r}: {unknown_name(f'term in {fact.step},', fact.term, known)}")
        return self

    def _fact_terms(self, step: str) -> tuple[str, ...]:
        """Return what a step prints a row of: its columns, and terms of several columns as a whole."""
        return tuple(dict.fromkeys((*self.terms(step), *self.columns(step))))

    @model_validator(mode="after")
    def _facts_fit_measures(self) -> Self:
        for fact in self.facts:
            if fact.of is None:
                continue
            measure = self.measure(fact.of)
            if fact.unit and KINDS[fact.quantity].unit == "measure" and fact.unit != measure.unit:
                accepted = repr(measure.unit) if measure.unit else "none"
                raise ValueError(f"fact {fact.id!r}: unit {fact.unit!r} is not the unit of {fact.of!r}, {accepted}")
            if fact.level and fact.level not in (levels := [level.id for level in measure.levels]):
                raise ValueError(f"fact {fact.id!r}: {unknown_name(f'level of {fact.of!r},', fact.level, levels)}")
            if fact.quantity in ("mean", "minimum", "maximum"):
                self._refuse_outside(fact, measure)
        return self

    def _refuse_outside(self, fact: Fact, measure: Measure) -> None:
        if measure.kind == "category":
            raise ValueError(f"fact {fact.id!r}: a category such as {measure.id!r} has no {fact.quantity}")
        low, high = measure.possible
        if not fact.interval.meets(Interval(low, high)):
            raise ValueError(
                f"fact {fact.id!r}: {fact.quantity} {fact.printed} lies outside the range of {measure.id!r}, "
                f"[{low:g}, {high:g}]"
            )

    def _references(self) -> Iterator[tuple[str, str, str]]:
        """Yield who names what: the owner in words, the kind of thing, and its name."""
        yield from _names("analysis", self.analysis, outcome="measure", group="measure", focal="measure")
        yield from (("question", "estimand", name) for name in (self.question,) if name)
        for step in self.steps:
            yield from _names(f"step {step.id!r}", step, adds="measure", after="step", group="group", outcome="measure")
        for fact in self.facts:
            measures = dict.fromkeys(("of", "with_", "term", "at"), "measure")
            yield from _names(
                f"fact {fact.id!r}", fact, **measures, group="group", between="group", step="step", level="level"
            )
        for estimand in self.estimands:
            owner, compared = f"estimand {estimand.name!r}", "level" if estimand.by else "group"
            measures = dict.fromkeys(("of", "by", "and_by", "pairs", "at"), "measure")
            yield from _names(owner, estimand, **measures, group="group", step="step", between=compared)
            levels = (*estimand.at.values(), *(name for pair in estimand.pairs.values() for name in pair))
            yield from ((owner, "level", value) for value in levels if isinstance(value, str))
        for limit in self.limitations:
            yield from _names(f"limitation {limit.kind!r}", limit, of="measure", statement="statement")
        for piece in self.evidence:
            yield from _names(f"evidence {piece.id!r}", piece, assumption="assumption", about="measure", group="group")
        for reading in self.readings:
            for option in reading.options.values():
                yield from _names(f"reading {reading.id!r}", option, facts="fact", steps="step")


def _group_first(content: dict[str, Any], group: str) -> dict[str, Any]:
    """Return a study's content with the group first in every product of two."""

    def spelt(term: Any) -> Any:
        first, colon, second = str(term).partition(":")
        return f"{group}:{first.strip()}" if colon and second.strip() == group else term

    def entry(item: Any) -> Any:
        if not isinstance(item, dict):
            return item
        changed = {"term": spelt(item["term"])} if item.get("term") else {}
        if isinstance(item.get("adds"), list | tuple):
            changed["adds"] = [spelt(term) for term in item["adds"]]
        return {**item, **changed}

    kinds = [key for key in ("step", "steps", "fact", "facts") if isinstance(content.get(key), list | tuple)]
    return {**content, **{key: [entry(item) for item in content[key]] for key in kinds}}


def _names(owner: str, item: Spec, **kinds: str) -> Iterator[tuple[str, str, str]]:
    """Yield what some fields of an item name, given the kind of thing that each names."""
    for key, kind in kinds.items():
        value = getattr(item, key)
        for each in ((value,) if isinstance(value, str) else value) if value else ():
            name = each if isinstance(each, str) else each[0]
            # a function of a measure is the model's to check; x[level] is a column of x
            parts = [part.partition("[")[0] for part in sorted(term_parts(name)) if "(" not in part]
            yield from ((owner, kind, part) for part in (parts if kind == "measure" else [name]))


def _name_of(part: Any) -> str:
    own: dict[type, str] = {Estimand: "name", Limitation: "kind"}
    return str(getattr(part, own.get(type(part), "id")))


def _find[T: Spec](kind: str, name: str, parts: Iterable[T]) -> T:
    for part in parts:
        if _name_of(part) == name:
            return part
    raise InputError(unknown_name(kind, name, map(_name_of, parts)))


def _edited(items: Iterable[dict[str, Any]], changes: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{**item, **changes.get(item["id"], {})} for item in items]
