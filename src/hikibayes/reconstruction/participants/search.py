"""One table's whole search: from first rows to rows that meet every fact, or come as near as was found.

Narrow records, whose moments are few, may be printed so fully that hardly any whole-number moments meet every fact:
first real rows that do, then the nearest whole-number moments that do, then rows that have them. In wide records single
steps do as well, and sooner.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np

from ...arrays import BoolArray, FloatArray
from ...study.study import Study
from .columns import Columns
from .exact import exact_rows
from .least_change import change_least
from .moves import Aim, move
from .numbers import HAIR, Numbers
from .program import cross_products, moments_of, places_of, whole_moments
from .recolour import recolour
from .space import Space, moments
from .start import bent, first_rows, freeze_extremes
from .targets import Targets

NARROW = 64
"""Most whole-number moments that a program chooses."""
ROUNDS = 40
INSIDE, BEYOND = 0.3, 3.0
"""How far inside a bound a number is pulled, in widths: as far as it began, on either side, up to these."""
KEPT = 0.75
SIDES = 3
"""How often statistics whose sign nothing printed tells are put on the other side of zero."""


class Search:
    """Finds rows for the measures of a study that have to be searched together.

    Parameters
    ----------
    study : Study
        Without open readings.
    columns : Columns
    """

    def __init__(self, study: Study, columns: Columns) -> None:
        self.study, self.columns = study, columns
        products = [f"{columns.names[one]}:{columns.names[other]}" for one, other in columns.products]
        self.numbers = Numbers(study, (*columns.names, *products), columns.origin.tolist())

    def rows(self, targets: Targets, rng: np.random.Generator, *, reflect: bool = True) -> FloatArray:
        """Return rows near the targets that meet every fact, or miss as little as was found.

        Parameters
        ----------
        targets : Targets
        rng : numpy.random.Generator
        reflect : bool
            Whether a number that begins beyond a bound is pulled as far inside: if every one stopped at the bound
            itself, tables would pile up there.

        Returns
        -------
        ndarray, shape (n, m)
            In counts.
        """
        rows = bent(self.columns, targets, first_rows(self.columns, targets, rng))
        space = self._space(targets, freeze_extremes(self.study, self.columns, rows))
        if self._is_narrow(space) and not space.capped.any():
            return self._narrow(space, rows, targets, rng, reflect)
        aim = self._aim(self.numbers.values(*moments(space, rows)), reflect)
        outside = np.ones(1)
        if not space.fine.all():
            rows, outside = move(space, self.numbers, rows, aim, rng, ROUNDS)
        if outside.any() and space.fine.any():
            rows, outside = change_least(space, self.numbers, rows, aim, space.fine)
        if outside.any() and self._is_narrow(space):
            return self._narrow(space, rows, targets, rng, reflect=False)
        return rows

    def _space(self, targets: Targets, frozen: BoolArray) -> Space:
        columns = self.columns
        group = np.repeat(np.arange(len(columns.sizes)), columns.sizes)
        return Space(
            group=group,
            origin=columns.origin,
            grain=columns.grain,
            lowest=columns.lowest[group].astype(float),
            highest=columns.highest[group].astype(float),
            fine=columns.fine,
            binary=columns.binary,
            odd_cap=np.floor(targets.odd_share * sum(columns.sizes)).astype(np.int64),
            frozen=frozen,
            products=columns.products,
        )

    def _is_narrow(self, space: Space) -> bool:
        # a program of moments does not know the products'
        return not space.products and len(places_of(space)[0]) <= NARROW

    def _aim(self, value: FloatArray, reflect: bool) -> Aim:
        """Return the intervals of one table."""
        width = self.numbers.width
        low, high = self.numbers.signed(value)
        inside = np.where(np.isinf(high), value - low, high - value) / width
        margin = np.where(inside > 0, np.minimum(inside, INSIDE), np.minimum(-inside, BEYOND)) * reflect
        margin = KEPT * np.maximum(margin, 2 * HAIR) * width
        one_sided = np.isinf(low) != np.isinf(high)
        return Aim(np.where(one_sided, low + margin, low), np.where(one_sided, high - margin, high), width)

    # -- narrow records ----------------------------------------------------------------------------------------------

    @cached_property
    def _measures(self) -> tuple[frozenset[str], ...]:
        return tuple(self.numbers.measures(goal) for goal in self.numbers.goals)

    def _only(self, aim: Aim, columns: BoolArray) -> Aim:
        """Leave out the goals that other columns have a part in."""
        names = {name for name, chosen in zip(self.columns.names, columns, strict=True) if chosen}
        kept = np.array([found <= names for found in self._measures], dtype=bool)
        return Aim(np.where(kept, aim.low, -np.inf), np.where(kept, aim.high, np.inf), aim.width)

    def _narrow(
        self, space: Space, rows: FloatArray, targets: Targets, rng: np.random.Generator, reflect: bool
    ) -> FloatArray:
        numbers, scores = self.numbers, ~space.binary
        rows = self._categories(space, rows, rng)
        rows = recolour(space, rows, targets.mean, targets.cov, scores)
        aim = self._aim(numbers.values(*moments(space, rows)), reflect)
        rows, outside, aim = self._changed(space, rows, aim, scores)
        whole = scores & ~space.fine
        if not whole.any():
            return rows
        if not outside.any():
            products, missed = whole_moments(space, numbers, aim, cross_products(space, rows))
            if not missed.any() and (found := self._with_products(space, rows, products, rng)) is not None:
                return self._fine(space, found, aim)
        rows = np.where(whole, np.rint(rows), rows)
        aimed = self._only(aim, ~space.fine)
        return self._fine(space, move(space, numbers, rows, aimed, rng, ROUNDS)[0], aim)

    def _changed(
        self, space: Space, rows: FloatArray, aim: Aim, scores: BoolArray
    ) -> tuple[FloatArray, FloatArray, Aim]:
        """Change scores until every number is inside, if need be with statistics on the other side of zero."""
        start = rows
        for _ in range(SIDES):
            rows, outside = change_least(space, self.numbers, start, aim, scores)
            open_ones = self.numbers.absolute & (self.numbers.signs == 0) & (outside > 0)
            if not open_ones.any():
                break
            low, high = (np.where(open_ones, -b, a) for a, b in ((aim.low, aim.high), (aim.high, aim.low)))
            aim = Aim(low, high, aim.width)
        return rows, outside, aim

    def _categories(self, space: Space, rows: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Let people trade categories until the facts about categories alone are met."""
        if not space.binary.any():
            return rows
        low, high = self.numbers.signed(self.numbers.values(*moments(space, rows)))
        aim = self._only(Aim(low, high, self.numbers.width), space.binary)
        held = replace(space, frozen=space.frozen | ~space.binary)
        return move(held, self.numbers, rows, aim, rng, ROUNDS)[0]

    def _with_products(
        self, space: Space, rows: FloatArray, products: FloatArray, rng: np.random.Generator
    ) -> FloatArray | None:
        counts = replace(space, origin=0 * space.origin, grain=np.ones_like(space.grain))
        rows = recolour(space, rows, *moments_of(counts, products), ~space.binary)
        found = exact_rows(space, rows, np.rint(products).astype(np.int64), rng)
        if found is None or not space.fine.any():
            return found
        return recolour(counts, found, *moments_of(counts, products), space.fine)

    def _fine(self, space: Space, rows: FloatArray, aim: Aim) -> FloatArray:
        """Change continuous scores until the facts that they have a part in are met."""
        if not space.fine.any():
            return rows
        return change_least(space, self.numbers, rows, aim, space.fine)[0]
