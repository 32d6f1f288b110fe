"""A population that a person writes down where nothing was published: a formula, its groups, the size of an effect."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, Field, model_validator

from ...inference.models.specs import formula_alone
from ...spec import Number, Positive, Spec
from ...study.measures import Identifier, Text, term_parts
from ..populations.fixed import FixedWorld, InSD, Spreads

PLAN = "plan"
"""What the study and the model are called that are made of a population."""
USUAL = "y ~ group"
USUAL_LEVELS: dict[str, tuple[str, ...]] = {"group": ("control", "treated")}

Levels = Annotated[tuple[Text, ...], Field(min_length=2)]


class Effect(Spec):
    """How large an effect is, in one of the usual units.

    Notes
    -----
    ``d``: in residual SD (of several, their root mean square). ``beta``: in SD of the outcome, all groups together, per
    SD of the score. ``f2``: variance that the term explains beyond the others, over residual variance; groups count
    alike. ``raw``: in the units in which the population is written.
    """

    d: InSD | None = None
    beta: Annotated[Number, Field(gt=-1, lt=1)] | None = None
    f2: Positive | None = None
    raw: InSD | None = None

    @model_validator(mode="after")
    def _one_unit(self) -> Self:
        if len(given := [name for name in UNITS if getattr(self, name) is not None]) != 1:
            raise ValueError(
                f"an effect has exactly one of the units {', '.join(UNITS)}; found {', '.join(given) or 'none'}"
            )
        return self

    @property
    def unit(self) -> str:
        """The unit that it is written in."""
        return next(name for name in UNITS if getattr(self, name) is not None)

    @property
    def size(self) -> float:
        """Its number in that unit."""
        return float(getattr(self, self.unit))

    def __str__(self) -> str:
        return f"{self.unit} = {self.size:g}"


UNITS = tuple(Effect.model_fields)


def _short(value: Any) -> Any:
    """Take a number for d, in residual SD."""
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return {"d": value}
    if isinstance(value, str | bool | list | tuple):
        raise ValueError(  # noqa: TRY004 - a validator's error
            f"a number is expected, which is d, or one with its unit such as {{f2 = 0.1}}; found {value!r}"
        )
    return value


class Population(FixedWorld):
    """One population, without a study: everything of ``[worlds.fixed]``, and what is otherwise the study's.

    Notes
    -----
    What is not mentioned is 0 (means, slopes, correlations, gap), 1 (SDs, the residual SD too) or one half (shares).
    """

    where: ClassVar[str] = "population"

    residual_sd: Spreads = 1.0
    formula: Text = USUAL
    """Of the analysis: the outcome, categories, and numeric scores."""
    levels: dict[Identifier, Levels] = Field(default=USUAL_LEVELS)
    """Levels of each category, reference first; the first category of the formula holds the groups, whose sizes are
    planned, and the others have `shares`."""
    effect: Annotated[Effect, BeforeValidator(_short)] | None = None
    """Size of the effect that is planned for; without it, slopes and gap are as written."""
    of: Text | Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
    """The term whose effect that is, such as ``group``, ``x`` or ``group:x``; by default the formula's last. Of a list
    it is the variance that these terms explain together beyond the others."""

    @property
    def taken_as_scores(self) -> tuple[str, ...]:
        """Predictors of which nothing is said: scores with SD 1."""
        correlated = [name for pair in self.correlations for name in (pair.of, pair.with_)]
        moderated = [name for term in self.slopes for name in term_parts(term)]
        said = {*self.levels, *self.means, *self.sds, *self.reliabilities, *correlated, *moderated}
        return tuple(name for name in formula_alone(self.formula).predictors if name not in said)
