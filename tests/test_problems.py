"""Whatever is wrong with a file a person writes: a line for each fault, in words, with the key that it stands under."""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.test_misspelt import MAPPING

import hikibayes
from hikibayes.inference.data.mapping import TableMapping
from hikibayes.inference.models.specs import ModelSpec, formula_alone, shipped_models
from hikibayes.planning.designs.simulation import Simulation, shipped_simulations
from hikibayes.planning.power import power
from hikibayes.spec import InputError, Spec, validated
from hikibayes.study.study import Study
from hikibayes.study.study_file import shipped_studies

PLAN = """
description = "two groups"
[population]
residual_sd = [1, 1.5]
effect = {d = 0.4}
levels = {group = ["a", "b"]}
[worlds.heterogeneity]
tau = 0.1
[costs]
person = [2, 1]
[axes]
n_per_group = [20, 40]
reliability = ["as_printed", {y = 0.8}]
[looks]
at = [0.5, 1]
success = {predictive_above = 0.95}
futility = {p_positive_below = 0.1}
[[decision]]
name = "better"
rule = {all = [{interval = 0.95, above = 0}, {interval = 0.95, narrower_than = 1}]}
[targets]
power = [0.8]
"""
FILES: dict[str, tuple[type[Spec], str]] = {
    **{f"study {name}": (Study, path.read_text()) for name, path in shipped_studies().items()},
    **{f"model {name}": (ModelSpec, path.read_text()) for name, path in shipped_models().items()},
    **{f"simulation {name}": (Simulation, path.read_text()) for name, path in shipped_simulations().items()},
    "mapping": (TableMapping, MAPPING),
    "plan": (Simulation, PLAN),
}
DAMAGES: list[Any] = [
    *(Decimal("NaN"), Decimal("Infinity"), Decimal("-1E+300"), 10**400, -1, 0, Decimal("0.5"), True),
    *("", "?", "1", " ", [], [[]], {}, {"a": {}}, [1, "b"], ["", ""], {"dist": "Normal"}),
]
PYDANTIC = re.compile(
    r"Input should|valid (string|number|tuple|dict|int|list)|Tuple|String should|instance of|validation error|"
    r"Extra inputs|ctx|Value error|\[key\]|Decimal|NoneType|something else"
)


def classes(base: type = Spec) -> Iterator[str]:
    for one in base.__subclasses__():
        yield one.__name__
        yield from classes(one)


def places(content: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    inner = content.items() if isinstance(content, Mapping) else enumerate(content) if isinstance(content, list) else ()
    for part, value in inner:
        yield (*path, part)
        yield from places(value, (*path, part))


def damaged(content: dict[str, Any], path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    changed = copy.deepcopy(content)
    entry: Any = changed
    for part in path[:-1]:
        entry = entry[part]
    entry[path[-1]] = value
    return changed


def found_wrong(spec: type[Spec], content: dict[str, Any]) -> list[str]:
    try:
        validated(spec, content, Path("mine.toml"))
    except InputError as error:
        return str(error).splitlines()
    return []


@pytest.mark.parametrize("name", FILES)
def test_any_damage_to_a_file_is_one_line_in_words_under_its_key(name: str) -> None:
    """Of a table or a list that is replaced, what is wrong inside may have more lines."""
    spec, text = FILES[name]
    content = tomllib.loads(text, parse_float=Decimal)
    rng = np.random.default_rng(sum(map(ord, name)))
    everywhere = list(places(content))
    names = re.compile(rf"\b({'|'.join(sorted(one for one in classes() if one.istitle() and len(one) > 4))})\b")
    for _ in range(12):
        path = everywhere[rng.integers(len(everywhere))]
        value = DAMAGES[rng.integers(len(DAMAGES))]
        lines = found_wrong(spec, damaged(content, path, value))
        said = f"{path} = {value!r}: {lines}"
        # what a validator of a whole table says names things in its own way, such as "fact 'age_mean'"
        assert all(line.startswith("mine.toml: ") for line in lines), said
        assert not any(PYDANTIC.search(line) for line in lines), said
        schema_says = [line for line in lines if " is expected; found " in line]
        assert not any(names.search(re.sub("'.*?'", "", line.partition("; found ")[0])) for line in schema_says), said
        if not isinstance(value, list | dict):
            own = [line for line in schema_says if str(next(p for p in path[::-1] if isinstance(p, str))) in line]
            assert len(own) == len(schema_says) <= 1, said


WRONG = {
    ("costs", "person"): {
        0: "costs.person: a number above 0, or a list of numbers above 0 is expected; found 0",
        (0, 5): "costs.person[0]: a number above 0 is expected; found 0",
        Decimal("NaN"): "costs.person: a number above 0, or a list of numbers above 0 is expected; found nan",
    },
    ("population", "residual_sd"): {(-1, 1): "residual_sd[0]: a number from 0.001 to 1,000 is expected; found -1"},
    ("population", "levels", "group"): {
        ("a",): "population.levels.group: a list of 2 or more texts is expected; found ['a']",
        ("a", ""): "population.levels.group[1]: a text that is not empty is expected; found ''",
        ("a", 2): "population.levels.group[1]: a text is expected; found 2",
    },
    ("population", "effect"): {
        Decimal("Infinity"): "population.effect: a number from -1,000 to 1,000 is expected; found inf"
    },
    ("axes", "n_per_group"): {
        ("40",): "axes.n_per_group[0]: a whole number from 2 to 10,000,000 is expected; found '40'",
        (True,): "axes.n_per_group[0]: a whole number from 2 to 10,000,000 is expected; found true",
    },
    ("looks", "at"): {tuple(i / 11 for i in range(1, 12)): "looks.at: a list of 1 to 10 numbers above 0 and at most 1"},
    ("looks", "success", "predictive_above"): {1: "a number above 0 and below 1 is expected; found 1"},
    ("worlds", "heterogeneity", "tau"): {-1: "tau: a number from 0 to 1,000, or a table is expected; found -1"},
    ("axes", "reliability"): {("as_print",): "axes.reliability[0]: 'as_printed', or a table is expected; found"},
    ("rope",): {(0.1,): "rope: a list of 2 numbers is expected; found [0.1]"},
}


@pytest.mark.parametrize(
    ("path", "value", "said"), [(path, value, said) for path, wrong in WRONG.items() for value, said in wrong.items()]
)
def test_what_is_accepted_is_said_in_one_line(path: tuple[str, ...], value: Any, said: str) -> None:
    content = tomllib.loads(PLAN, parse_float=Decimal)
    (line,) = found_wrong(Simulation, damaged(content, path, list(value) if isinstance(value, tuple) else value))
    assert said in line


def test_a_damaged_record_of_a_run_names_its_key_and_no_class(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"verb": 3}')
    with pytest.raises(InputError, match=r"is not the record of a run \(run\.json: ") as caught:
        hikibayes.replay(tmp_path)
    assert "RunRecord" not in str(caught.value)


def test_several_faults_name_their_file_once_each(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text(PLAN.replace("person = [2, 1]", "person = [0, 0]"))
    with pytest.raises(InputError) as caught:
        power(tmp_path / "p.toml")
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert all(line.count("p.toml") == 1 for line in lines)


def test_a_formula_that_breaks_off_says_so() -> None:
    with pytest.raises(ValueError, match=r"'y ~ group \+' cannot be read: a term is missing at its end"):
        formula_alone("y ~ group +")
