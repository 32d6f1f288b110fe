"""A misspelt key is named, with the key that was probably meant, in every kind of file a person writes."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hikibayes.inference.data.mapping import TableMapping
from hikibayes.inference.models.specs import ModelSpec
from hikibayes.planning.designs.simulation import Simulation
from hikibayes.spec import InputError, Spec, shipped_files, validated
from hikibayes.study.study import Study

SHORT_STUDY = """
id = "mine"
[[group]]
id = "a"
[[group]]
id = "b"
[[fact]]
id = "n_a"
quantity = "n"
group = "a"
value = 20
source = {locator = "Table 1"}
[[table]]
of = "support"
source = {locator = "Table 2"}
columns = ["group", "n", "mean", "sd"]
rows = [["a", 20, 3.1, 1.0]]
"""
MAPPING = """
missing = [-9]
reversed = ["support"]
[columns]
support = "Support"
[labels.group]
1 = "a"
[missing_in]
support = [9]
"""


def _toml(text: str) -> dict[str, Any]:
    return tomllib.loads(text, parse_float=Decimal)


def _shipped(kind: str, name: str) -> dict[str, Any]:
    return _toml(shipped_files(kind)[name].read_text())


FILES: dict[str, tuple[type[Spec], dict[str, Any]]] = {
    "study": (Study, _toml(SHORT_STUDY)),
    "model": (ModelSpec, _shipped("models", "step3_support_only")),
    "simulation": (Simulation, _shipped("simulations", "power")),
    "mapping": (TableMapping, _toml(MAPPING)),
}
CHOSEN = {"priors", "variants", "columns", "labels", "missing_in"}
"""Tables whose keys are a person's own names."""


def _paths(content: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(content, Mapping):
        for key, value in content.items():
            if not CHOSEN.intersection(path[-1:]) and path[-2:-1] != ("labels",):
                yield (*path, key)
            yield from _paths(value, (*path, key))
    elif isinstance(content, list):
        for place, value in enumerate(content):
            yield from _paths(value, (*path, place))


CASES = [(kind, path) for kind, (_, content) in FILES.items() for path in _paths(content)]


@pytest.mark.parametrize(("kind", "path"), CASES, ids=[f"{kind}-{'.'.join(map(str, path))}" for kind, path in CASES])
def test_a_misspelt_key_is_named_first_and_nothing_that_follows_from_it(kind: str, path: tuple[str | int, ...]) -> None:
    spec, content = FILES[kind]
    changed = copy.deepcopy(content)
    entry: Any = changed
    for part in path[:-1]:
        entry = entry[part]
    key = str(path[-1])
    wrong = key + key[-1]
    entry[wrong] = entry.pop(key)
    with pytest.raises(InputError) as caught:
        validated(spec, changed, Path("mine.toml"))
    first = str(caught.value).splitlines()[0]
    assert f"there is no key {wrong!r}" in first
    assert f"did you mean {key!r}?" in first
    assert "is missing" not in str(caught.value)
