"""Files as people spoil them: small, seeded changes to a study, a model, a plan, a mapping and a table that work.

A mutant is a function of (seed, index) alone, so that a failure of a campaign is one line to make again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "inputs"
SOUND = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.iterdir())}
NUMBERS = (
    *("0", "1", "-1", "2", "0.0", "-0.0", "1.5", "0.5", "64", "1000000", "10000001", "1e308", "-1e308", "1e-308"),
    *("1e400", "99999999999999999999999", "nan", "inf", "-inf", "true", "false", '"7"', '""', "[]", "{}", "[1, 2, 3]"),
    *("2020-01-01", "0.30000000000000004", "1e-12", "100.5", '"nan"', '"1:0"', "[0.5]"),
)
TEXTS = (
    *("", " ", "wild", "farmed", "food", "leap", "age", "water", "sex", "water:food", "food:water", "main", "product"),
    *("n", "mean", "sd", "slope", "coefficient", "Normal", "Cauchy", "Uniform", "flat", "raw", "effect", "frogs"),
    *(
        "na\u00efve",
        "\u6c34",
        "a b",
        "a.b",
        "class",
        "lambda",
        "../up",
        "x" * 300,
        "1:0",
        "0:1",
        "-1:2",
        "1:1:1",
        "a\\u0000b",
    ),
    *("leap ~ age", "leap ~ water * food * age", "leap ~ I(food**2)", "leap ~ (1|sex)", "leap ~ 1", "water ~ food"),
    *("leap ~ food + food", "leap ~ nothing", "leap ~ ((((food))))", "leap ~ exit()", "leap ~ food - 1", "student"),
)
CELLS = (
    *(
        "",
        " ",
        "NA",
        "nan",
        "inf",
        "-inf",
        "1e308",
        "99",
        "-9",
        "999",
        "1,5",
        "1.234,5",
        "12%",
        "wild",
        "Wild",
        "WILD ",
    ),
    *(
        "farm",
        "male",
        "x",
        "\u2014",
        "0",
        "-1",
        "101",
        "1e-300",
        '"',
        "'",
        "=1+1",
        "9" * 40,
        "\u0661\u0662",
        "true",
        "2020-01-01",
    ),
)


POSSIBLE = {
    "formula": (
        *('"leap ~ age"', '"leap ~ water"', '"leap ~ water * food"', '"leap ~ food * water"', '"leap ~ water / food"'),
        *('"leap ~ age + sex + water * food"', '"leap ~ I(food**2) + water * food"', '"leap ~ (1|sex) + water * food"'),
        *(
            '"leap ~ age + water * food * sex"',
            '"leap ~ 0 + water"',
            '"food ~ leap * water"',
            '"leap ~ age:food + water"',
        ),
        *('"leap ~ np.log(food + 1) * water"', '"leap ~ scale(food) + water"', '"leap ~ leap + water * food"'),
    ),
    "quantity": (
        *('"n"', '"mean"', '"sd"', '"minimum"', '"maximum"', '"t"', '"df"', '"p"', '"d"', '"alpha"', '"correlation"'),
        *('"r2"', '"adjusted_r2"', '"delta_r2"', '"coefficient"', '"slope"', '"slope_p"', '"vif"', '"mean_difference"'),
    ),
    "kind": ('"number"', '"category"', '"scale"', '"slope"', '"group_gap"', '"r2"', '"delta_r2"', '"slope_difference"'),
    "relation": ('"="', '"<"', '"<="', '">"', '">="', '"about"'),
    "dist": (
        '"Normal"',
        '"StudentT"',
        '"Cauchy"',
        '"Uniform"',
        '"HalfNormal"',
        '"Exponential"',
        '"Beta"',
        '"LogNormal"',
    ),
    "family": ('"gaussian"', '"t"'),
    "scaling": ('"raw"', '"sample"'),
    "coding": ('"dummy"', '"effect"'),
    "products": ('"z"', '"raw"', '"centred"'),
    "source": ('["fixed"]', '["printed"]', '["posterior", "fixed"]'),
    "allocation": ('["1:9"]', '["3:1", "1:3"]', '["1:1", "1:1"]', '["0:1"]'),
    "n_per_group": ("[1]", "[2]", "[3, 4]", "[5]", "[60, 30]", "[30, 30]", "[]", "[8, 2000]"),
    "prior": ('["flat"]', '["sceptical", "weakly_informative"]'),
    "attrition": ("[0.0]", "[0.5, 0.9]", "[0.99]", "[1.0]"),
    "rule": ("{interval = 0.5, below = 0}",),
    "value": ("0", "1", "0.001", "0.99", "-0.5", "12", "64", "100.0"),
}
"""What a key may hold, so that a mutant gets past the reader and into the arithmetic."""


def mutant(seed: int, index: int) -> tuple[str, str]:
    """Return the name of the file that is spoilt, and its text."""
    rng = np.random.default_rng([seed, index])
    name = str(rng.choice(sorted(SOUND)))
    changes = TABLE if name.endswith(".csv") else TOML
    text = SOUND[name]
    for _ in range(int(rng.choice([1, 1, 1, 2, 4]))):
        text = changes[int(rng.integers(len(changes)))](text, rng)
    return name, text


def _one_of(pool: tuple[str, ...], rng: np.random.Generator) -> str:
    return pool[int(rng.integers(len(pool)))]


def _replace(pattern: str, new: Callable[[np.random.Generator], str]) -> Callable[[str, np.random.Generator], str]:
    """Make a change that puts something else in the place of one match of a pattern."""

    def change(text: str, rng: np.random.Generator) -> str:
        found = list(re.finditer(pattern, text, re.MULTILINE))
        if not found:
            return text
        match = found[int(rng.integers(len(found)))]
        return text[: match.start()] + new(rng) + text[match.end() :]

    return change


def _lines(edit: Callable[[list[str], int, np.random.Generator], None]) -> Callable[[str, np.random.Generator], str]:
    """Make a change to the lines of a text at a random place."""

    def change(text: str, rng: np.random.Generator) -> str:
        lines = text.splitlines() or [""]
        edit(lines, int(rng.integers(len(lines))), rng)
        return "\n".join(lines) + "\n"

    return change


def _swap(lines: list[str], place: int, rng: np.random.Generator) -> None:
    other = int(rng.integers(len(lines)))
    lines[place], lines[other] = lines[other], lines[place]


def _drop_block(lines: list[str], place: int, rng: np.random.Generator) -> None:
    del lines[place : place + int(rng.integers(2, 9))]


def _swap_values(lines: list[str], place: int, rng: np.random.Generator) -> None:
    """Give one key the value of another, as a slip of the clipboard does."""
    keyed = [i for i, line in enumerate(lines) if " = " in line]
    if len(keyed) > 1:
        one, other = rng.choice(keyed, 2, replace=False)
        lines[one] = lines[one].split(" = ")[0] + " = " + lines[other].split(" = ", 1)[1]


def _same_key(text: str, rng: np.random.Generator) -> str:
    """Give a key a value that it could have: another entry's, or one of those in `POSSIBLE`."""
    found = list(re.finditer(r"(\w+) = (\"[^\"\n]*\"|\[[^\[\]{}\n]*\]|[-\d.]+)", text))
    if not found:
        return text
    match = found[int(rng.integers(len(found)))]
    values = [each[2] for each in found if each[1] == match[1]] + list(POSSIBLE.get(match[1], ()))
    return text[: match.start(2)] + _one_of(tuple(values), rng) + text[match.end(2) :]


def _drop_table(text: str, rng: np.random.Generator) -> str:
    """Leave out one table with all its keys: a fact, a measure, a step, an estimand."""
    tables = re.split(r"^(?=\[)", text, flags=re.MULTILINE)
    del tables[int(rng.integers(len(tables)))]
    return "".join(tables)


def _columns(
    edit: Callable[[list[list[str]], int, np.random.Generator], None],
) -> Callable[[str, np.random.Generator], str]:
    """Make a change to the columns of a table."""

    def change(text: str, rng: np.random.Generator) -> str:
        rows = [line.split(",") for line in text.splitlines()]
        edit(rows, int(rng.integers(max(1, min(map(len, rows), default=1)))), rng)
        return "\n".join(",".join(row) for row in rows) + "\n"

    return change


def _drop_column(rows: list[list[str]], column: int, rng: np.random.Generator) -> None:
    for row in rows:
        del row[column : column + 1]


def _fill_column(rows: list[list[str]], column: int, rng: np.random.Generator) -> None:
    cell = _one_of(CELLS, rng)
    for row in rows[1 : None if rng.random() < 0.5 else int(rng.integers(2, max(3, len(rows))))]:
        row[column : column + 1] = [cell]


def _copy_column(rows: list[list[str]], column: int, rng: np.random.Generator) -> None:
    other = int(rng.integers(max(1, min(map(len, rows)))))
    for row in rows[1:]:
        row[column : column + 1] = row[other : other + 1]


def _keep_few(lines: list[str], place: int, rng: np.random.Generator) -> None:
    del lines[1 + int(rng.integers(12)) :]


NUMBER = r"(?<=[\s=\[,])-?\d+\.?\d*(?=[\s,\]\n}])"
PLAUSIBLE = (
    *(_same_key,) * 6,
    *(_drop_table,) * 2,
    *(_replace(NUMBER, lambda rng: f"{rng.normal(0, 10 ** rng.uniform(-2, 2)):.2f}"),) * 3,
    *(_replace(NUMBER, lambda rng: str(int(rng.integers(0, 80)))),) * 3,
    _replace(NUMBER, lambda rng: f"{rng.random():.2f}"),
)
TOML = (
    *PLAUSIBLE,
    _replace(NUMBER, lambda rng: _one_of(NUMBERS, rng)),
    _replace(NUMBER, lambda rng: _one_of(NUMBERS, rng)),
    _replace(r'(?<=")[^"\n]*(?=")', lambda rng: _one_of(TEXTS, rng)),
    _replace(r"^[\w.\"]+(?= =)", lambda rng: _one_of(("value", "of", "group", "id", "sigma", "mu", "vaule", "x"), rng)),
    _lines(lambda lines, place, rng: lines.pop(place)),
    _lines(lambda lines, place, rng: lines.insert(place, lines[int(rng.integers(len(lines)))])),
    _lines(_swap),
    _lines(_drop_block),
    _lines(_swap_values),
    _replace(r".", lambda rng: _one_of(("", "\t", "\u00a0", '"', "[", "]", "#", "=", "\ufeff"), rng)),
)
TABLE = (
    *(_replace(r"(?<=[,\n])[^,\n]*(?=[,\n])", lambda rng: _one_of(CELLS, rng)),) * 3,
    *(_replace(r"(?<=,)\d+(?=,)", lambda rng: str(int(rng.integers(0, 61)))),) * 2,
    *(_replace(r"(?<=,)(wild|farmed)(?=,)", lambda rng: _one_of(("wild", "farmed", "WILD", "tame"), rng)),) * 2,
    _replace(r"\A[^\n]*", lambda rng: _one_of(("a,b,c,d,e,f", "", "id;Water;Sex;Age;Food;Leap", "Leap,Leap"), rng)),
    _replace(r"[A-Z]\w+(?=[,\n])", lambda rng: _one_of(("Water", "water", " LEAP ", "le-ap", "class", ""), rng)),
    _lines(lambda lines, place, rng: lines.pop(place)),
    _lines(lambda lines, place, rng: lines.insert(place, lines[int(rng.integers(len(lines)))])),
    *(_lines(_keep_few),) * 2,
    _columns(_drop_column),
    *(_columns(_fill_column),) * 2,
    *(_columns(_copy_column),) * 2,
    _replace(",", lambda rng: _one_of((";", "\t", ",,", "", '"'), rng)),
)
