"""Formulas: read whole, looked through before anything of them is evaluated, and evaluated where nothing else is known.

formulae looks names up in its caller's variables and calls whatever it finds, a module's functions included; and it
stops reading, without a word, at the first thing it does not expect. So a formula is taken apart by formulae's own
scanner and parser, every node of the tree is held against what is accepted, and only then do its calls get values:
of the columns, of numbers and of the functions in `FUNCTIONS`, and of nothing else.
"""

from __future__ import annotations

import io
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import lru_cache
from math import comb
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...spec import InputError, unknown_name

if TYPE_CHECKING:
    from formulae.matrices import DesignMatrices
    from formulae.terms.terms import Model as ParsedFormula

OF_NUMBERS = ("abs", "exp", "expm1", "log", "log10", "log1p", "log2", "sqrt")
"""Functions of one number, by NumPy's names; ``np.log`` is accepted for ``log``."""
OF_COLUMNS = ("I", "center", "scale", "standardize", "poly", "bs")
"""formulae's transformations of a numeric column; all but ``I`` remember the column that they were made on."""
OF_CATEGORIES = ("C", "S", "T")
"""formulae's codings of a category."""
CODINGS = ("Sum", "Treatment")
"""What the second argument of ``C`` may be, with a level in parentheses or without."""
BY_ROW = ("I", *OF_NUMBERS, *(f"np.{name}" for name in OF_NUMBERS), *OF_CATEGORIES, *CODINGS)
"""What makes of a row's cells alone what stands in the design."""
FUNCTIONS = (*OF_COLUMNS, *OF_NUMBERS, *(f"np.{name}" for name in OF_NUMBERS), *OF_CATEGORIES)
"""All that a formula may call."""

LENGTH, OPERATORS, NESTING, TERMS = 5_000, 250, 20, 500
"""Most characters, operators, parentheses inside each other, and terms once products are written out."""
WHOLE = 20
"""Largest number handed to a function: the degree of a polynomial, the columns of a spline."""
EXPONENT = 10
"""Largest exponent."""

BETWEEN_TERMS = {"PLUS": "+", "MINUS": "-", "STAR": "*", "COLON": ":", "SLASH": "/", "STAR_STAR": "**", "PIPE": "|"}
COMPARISONS = ("EQUAL_EQUAL", "BANG_EQUAL", "LESS_EQUAL", "LESS", "GREATER_EQUAL", "GREATER")
ARITHMETIC = ("PLUS", "MINUS", "STAR", "SLASH", "STAR_STAR")


@dataclass(frozen=True, kw_only=True)
class Formula:
    """A formula that may be evaluated.

    Parameters
    ----------
    text : str
        As written.
    parsed : formulae.terms.terms.Model
        Its terms.
    inside_calls : tuple of str
        Measures that a function is applied to.
    jumping : tuple of str
        Measures that are compared with something, ``I(age > 40)``: what they enter by has steps, and no slope.
    coded : tuple of str
        Measures that ``C``, ``S`` or ``T`` is applied to.
    """

    text: str
    parsed: ParsedFormula
    inside_calls: tuple[str, ...]
    jumping: tuple[str, ...]
    coded: tuple[str, ...]


@lru_cache(maxsize=256)
def read_formula(text: str) -> Formula:
    """Read a formula; nothing of it is evaluated.

    Raises
    ------
    ValueError
        It cannot be read to its end, is too long or too deep, has more than `TERMS` terms, calls a function that is not
        among `FUNCTIONS`, or hands one something that is neither a measure nor a number.
    """
    from formulae.resolver import Resolver
    from formulae.terms.terms import Model

    try:
        _refuse_shape(text)
        tree = _tree(text)
        seen = _Seen()
        _between_terms(tree, seen)
        _refuse_repeats(tree)
        _refuse_size(tree)
        with quiet_evaluation():
            description = Resolver(tree).resolve()
        parsed = description if isinstance(description, Model) else Model(description)
    except Exception as error:  # formulae's scanner, parser and resolver each raise their own, some of them bare
        shown = text if len(text) <= 200 else text[:200] + "..."
        ends = "Don't know how to parse ''" in str(error)  # what formulae says where its scanner finds no more
        why = "a term is missing at its end" if ends else error or type(error).__name__
        raise ValueError(f"formula {shown!r} cannot be read: {why}") from None
    return Formula(
        text=text,
        parsed=parsed,
        inside_calls=tuple(seen.inside),
        jumping=tuple(seen.jumping),
        coded=tuple(seen.coded),
    )


def evaluated(formula: Formula, frame: pd.DataFrame) -> DesignMatrices:
    """Evaluate a formula on complete rows.

    Parameters
    ----------
    formula : Formula
        Read by `read_formula`.
    frame : pandas.DataFrame
        Columns named by measure id; categories with their levels in order.

    Raises
    ------
    InputError
        A name is no column; or a function cannot take what it is handed: a category, or an argument that it lacks.
    """
    from formulae import model_description
    from formulae.environment import Environment
    from formulae.matrices import DesignMatrices

    # terms keep what they were evaluated on, so every frame gets terms of its own
    description = model_description(formula.text)
    for name in sorted(description.var_names - {"", *CODINGS}):
        if name not in frame:
            raise InputError(unknown_name("column", name, map(str, frame.columns)))
    for call in _coded_calls(description):
        _give_levels(call, frame)
    columns = [name for name in frame if name in description.var_names]
    try:
        with quiet_evaluation():
            return DesignMatrices(description, frame[columns], Environment([namespace()]))
    except Exception as error:  # whatever a transformation of formulae's or NumPy's makes of its arguments
        raise InputError(f"formula {formula.text!r} cannot be evaluated on these data: {error}") from None


@contextmanager
def quiet_evaluation() -> Iterator[None]:
    """Evaluate without formulae's own prints and without NumPy's warnings: what is not finite is found afterwards."""
    with np.errstate(all="ignore"), warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


def namespace() -> dict[str, Any]:
    """Return the functions that formulae does not bring itself, by name."""
    plain: dict[str, Callable[[Any], Any]] = {name: _of_one(getattr(np, name)) for name in OF_NUMBERS}
    return {**plain, "np": SimpleNamespace(**plain)}


def _of_one(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def of_one(x: Any) -> Any:
        return function(x)

    # NumPy's own would also take a place to write the result to
    return of_one


# -- the shape of the text ------------------------------------------------------------------------------------------


def _refuse_shape(text: str) -> None:
    if len(text) > LENGTH:
        raise ValueError(f"it has {len(text)} characters; at most {LENGTH} are accepted")
    if (operators := sum(map(text.count, "+-*/:|<>=!"))) > OPERATORS:
        raise ValueError(f"it has {operators} operators; at most {OPERATORS} are accepted")
    opened: list[str] = []
    closes, quoted = {")": "(", "]": "[", "}": "{"}, ""
    for position, char in enumerate(text, start=1):
        if quoted or char in "\"'":
            # formulae ends a text at either quotation mark
            quoted = "" if quoted and char in "\"'" else quoted or char
        elif char in "([{":
            opened.append(char)
        elif char in closes and (not opened or opened.pop() != closes[char]):
            raise ValueError(f"{char!r} at character {position} closes nothing")
        if len(opened) > NESTING:
            raise ValueError(f"its parentheses are {len(opened)} deep; at most {NESTING} are accepted")
    if opened or quoted:
        raise ValueError(f"{quoted or opened[-1]!r} is never closed")
    if "`" in text:
        raise ValueError("there is a '`'; measures are written by their ids")
    for name, part in zip(("left", "right"), text.split("~"), strict=False):
        if not part.strip():
            raise ValueError(f"nothing stands {name} of '~'")


def _tree(text: str) -> Any:
    """Parse all of a formula; formulae stops at the first token that it does not expect, and drops the rest."""
    from formulae.parser import Parser
    from formulae.scanner import Scanner

    parser = Parser(Scanner(text).scan())
    tree = parser.parse()
    if not parser.at_end():
        raise ValueError(f"{parser.peek().lexeme!r} is not expected where it stands")
    return tree


# -- what is accepted -----------------------------------------------------------------------------------------------


class _Seen:
    """What the calls of a formula have been seen to hold, in order and once each."""

    def __init__(self) -> None:
        self.inside: dict[str, None] = {}
        self.jumping: dict[str, None] = {}
        self.coded: dict[str, None] = {}


def _kind(node: Any) -> str:
    return type(node).__name__


def _between_terms(node: Any, seen: _Seen, depth: int = 0) -> None:
    """Go through what stands between terms, where an operator makes terms of terms."""
    _refuse_depth(depth, node)
    match _kind(node):
        case "Grouping":
            _between_terms(node.expression, seen, depth + 1)
        case "Unary":
            _between_terms(node.right, seen, depth + 1)
        case "Binary" if node.operator.kind == "TILDE" or node.operator.kind in BETWEEN_TERMS:
            # left-deep: a + b + c is no nesting
            _between_terms(node.left, seen, depth)
            if node.operator.kind == "STAR_STAR":
                _refuse_power(node)
            else:
                _between_terms(node.right, seen, depth)
        case "Binary":
            raise ValueError(f"{node.operator.lexeme!r} stands between terms; write it inside I(...)")
        case "Call":
            _call(node, seen, depth + 1)
        case "Variable":
            _measure(node)
        case "Literal" if not isinstance(node.value, bool | str) and node.value in {0, 1}:
            pass
        case other:
            raise ValueError(f"{_shown(node)} is no term ({other.lower()})")


def _refuse_power(node: Any) -> None:
    # of a single measure formulae would make the measure itself
    power = node.right.value if _kind(node.right) == "Literal" and _kind(node.left) != "Variable" else None
    if not isinstance(power, int) or not 1 <= power <= EXPONENT:
        raise ValueError(
            f"{_shown(node)}: between terms '**' makes products up to an order, (a + b)**2, from 1 to {EXPONENT};"
            " for a power write I(x**2)"
        )


def _measure(node: Any) -> str:
    name = str(node.name.lexeme)
    if node.level is not None:
        raise ValueError(f"{name}[...] picks a level; write the category alone")
    if not name.isidentifier():
        raise ValueError(f"{name!r} is no measure's id")
    return name


def _call(node: Any, seen: _Seen, depth: int) -> None:
    _refuse_depth(depth, node)
    name = str(node.callee.name.lexeme) if _kind(node.callee) == "Variable" else _shown(node.callee)
    if name not in FUNCTIONS:
        raise ValueError(unknown_name("function", name, FUNCTIONS))
    if not node.args:
        raise ValueError(f"{name}() has nothing to work on")
    if _kind(node.args[0]) == "Assign":
        raise ValueError(f"the first argument of {name} is a measure, without a name")
    if name in OF_CATEGORIES:
        _coding(name, node, seen)
        return
    if not _argument(node.args[0], seen, depth + 1):
        raise ValueError(f"{name}(...) has no measure in it")
    for extra in node.args[1:]:
        _setting(name, extra)


def _coding(name: str, node: Any, seen: _Seen) -> None:
    """Accept ``C(group)``, ``C(group, Sum)``, ``C(group, Treatment("x"))``, ``S(group)``, ``T(group, "x")``."""
    first, *rest = node.args
    if _kind(first) != "Variable":
        raise ValueError(f"{name} takes a category's id; found {_shown(first)}")
    measure = _measure(first)
    seen.inside[measure] = seen.coded[measure] = None
    if len(rest) > 1:
        raise ValueError(f"{name} takes a category and one thing more; found {len(rest) + 1} arguments")
    for extra in rest:
        value = extra.value if _kind(extra) == "Assign" else extra
        own = _kind(value) == "Call" and _kind(value.callee) == "Variable" and value.callee.name.lexeme in CODINGS
        level = value.args[0] if own and len(value.args) == 1 else value
        named = _kind(value) == "Variable" and value.name.lexeme in CODINGS
        if not (named or (_kind(level) == "Literal" and isinstance(level.value, str) and (own or name != "C"))):
            raise ValueError(f"{name} takes {', '.join(CODINGS)} or a level in quotation marks; found {_shown(value)}")


def _setting(name: str, node: Any) -> None:
    """Accept a further argument: a whole number, a truth value or nothing."""
    value = node.value if _kind(node) == "Assign" else node
    if _kind(value) != "Literal" or isinstance(value.value, str):
        raise ValueError(f"{name} takes a measure and numbers after it; found {_shown(value)}")
    number = value.value
    if number is not None and not isinstance(number, bool) and abs(number) > WHOLE:
        raise ValueError(f"{name} is handed {number}; at most {WHOLE} is accepted")


def _argument(node: Any, seen: _Seen, depth: int) -> bool:
    """Go through arithmetic on columns; tell whether a measure is in it."""
    _refuse_depth(depth, node)
    match _kind(node):
        case "Grouping":
            return _argument(node.expression, seen, depth + 1)
        case "Unary":
            return _argument(node.right, seen, depth + 1)
        case "Binary" if node.operator.kind in ARITHMETIC:
            left, right = (_argument(part, seen, depth) for part in (node.left, node.right))
            if node.operator.kind == "STAR_STAR":
                _refuse_tower(node, left=left, right=right)
            return left or right
        case "Binary" if node.operator.kind in COMPARISONS:
            return _comparison(node, seen, depth)
        case "Variable":
            seen.inside[_measure(node)] = None
            return True
        case "Literal" if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            return False
        case "Call":
            if node.callee.name.lexeme in OF_CATEGORIES:
                raise ValueError(f"{node.callee.name.lexeme} codes a category; nothing can be computed with it")
            _call(node, seen, depth + 1)
            return True
    raise ValueError(f"{_shown(node)} is neither a measure nor a number")


def _comparison(node: Any, seen: _Seen, depth: int) -> bool:
    inside = _Seen()
    label = _kind(node.right) == "Literal" and isinstance(node.right.value, str)
    sides = [_argument(part, inside, depth) for part in (node.left, *([] if label else [node.right]))]
    seen.inside |= inside.inside
    seen.jumping |= inside.inside
    return any(sides)


def _refuse_tower(node: Any, *, left: bool, right: bool) -> None:
    """Refuse powers of numbers alone, which Python would compute to the last digit."""
    exponent = node.right.right if _kind(node.right) == "Unary" else node.right
    plain = _kind(exponent) == "Literal" and abs(exponent.value) <= EXPONENT
    base = _kind(node.left) == "Literal"
    if not ((left and (plain or right)) or (base and right)):
        raise ValueError(f"a power is of a measure, with an exponent up to {EXPONENT}; found {_shown(node)}")


def _refuse_depth(depth: int, node: Any) -> None:
    if depth > 2 * NESTING:
        raise ValueError(f"{_shown(node)} is nested too deeply")


def _shown(node: Any) -> str:
    """Write a node as a message can show it."""
    match _kind(node):
        case "Literal":
            return repr(node.value)
        case "Variable":
            return repr(str(node.name.lexeme))
        case "Call" if _kind(node.callee) == "Variable":
            return f"{node.callee.name.lexeme}(...)"
        case "Binary":
            return f"{_shown(node.left)} {node.operator.lexeme} {_shown(node.right)}"
    return _kind(node).lower()


def _refuse_repeats(tree: Any) -> None:
    """Refuse ``age + age``, of which one is meant to be something else; formulae would drop one without a word."""
    names = Counter(_summands(tree.right))
    if twice := [name for name, count in names.items() if count > 1]:
        raise ValueError(f"{twice[0]} stands in it twice; write a term once")


def _summands(node: Any) -> Iterator[str]:
    """Yield the measures that are added to each other."""
    match _kind(node):
        case "Grouping":
            yield from _summands(node.expression)
        case "Binary" if node.operator.kind == "PLUS":
            yield from _summands(node.left)
            yield from _summands(node.right)
        case "Variable":
            yield _shown(node)


def _refuse_size(tree: Any) -> None:
    if (size := _size(tree)) > TERMS:
        raise ValueError(f"it has {size} terms once its products are written out; at most {TERMS} are accepted")


def _size(node: Any) -> int:
    """Bound how many terms a formula has once its products are written out."""
    match _kind(node):
        case "Grouping":
            return _size(node.expression)
        case "Unary":
            return _size(node.right)
        case "Binary" if node.operator.kind == "STAR_STAR":
            return sum(comb(_size(node.left), k) for k in range(1, int(node.right.value) + 1))
        case "Binary":
            left, right = _size(node.left), _size(node.right)
            products = left * right
            sums = left + right
            return {"STAR": sums + products, "SLASH": sums + products, "COLON": products}.get(node.operator.kind, sums)
    return 1


# -- levels ---------------------------------------------------------------------------------------------------------


def _coded_calls(description: ParsedFormula) -> Iterator[Any]:
    """Yield the calls of a formula that code a category."""
    for term in description.common_terms:
        for component in getattr(term, "components", ()):
            call = getattr(component, "call", None)
            if call is not None and call.callee in OF_CATEGORIES:
                yield call


def _give_levels(call: Any, frame: pd.DataFrame) -> None:
    """Hand a coding the levels in their order: left alone, formulae takes them by the alphabet."""
    name = call.args[0].name
    if not hasattr(frame[name], "cat"):
        raise InputError(f"{call} codes a category; {name} is a number")
    call.kwargs["levels"] = _Levels(name, frame[name].cat.categories.tolist())


class _Levels:
    """An argument of formulae's: the levels that a column has, in their order. It accepts no others."""

    def __init__(self, name: str, levels: list[str]) -> None:
        self.name, self.levels = name, levels

    def eval(self, data: pd.DataFrame, _: Any) -> list[str]:
        present = set(data[self.name])
        return [level for level in self.levels if level in present]

    def accept(self, _: Any) -> str:
        return ""
