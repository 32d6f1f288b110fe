"""Files of people's choices: one message for whatever is wrong, and digests that know content only."""

import importlib
import json
import typing
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError, model_validator

import hikibayes
from hikibayes import spec
from hikibayes.distributions import PARAMETERS, Distribution
from hikibayes.spec import (
    InputError,
    Number,
    ProblemsError,
    Spec,
    digest,
    json_schema,
    read_object,
    read_spec,
    read_toml,
    unknown_name,
    validated,
)
from hikibayes.study.measures import Identifier


class Named(Spec):
    """Something with a name."""

    id: Identifier


class Inner(Spec):
    """An entry of a list."""

    id: str
    number: Decimal


class Outer(Spec):
    """A file."""

    title: str
    entries: tuple[Inner, ...] = ()


def test_printed_decimals_survive_reading(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text('title = "x"\n[[entries]]\nid = "a"\nnumber = 0.40\n')
    assert str(read_spec(Outer, path).entries[0].number) == "0.40"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"titel": "x"}, "x.toml: titel: there is no key 'titel'; there are: entries, title (did you mean 'title'?)"),
        ({}, "x.toml: title: is missing"),
        ({"title": "x", "entries": [{"id": "a", "number": "b"}]}, "x.toml: entries['a'].number: "),
        ({"title": "x", "entries": [{"id": "a", "nmber": 1}]}, "entries['a'].nmber: there is no key 'nmber'; there"),
    ],
)
def test_one_message_names_file_key_found_and_accepted(content, message):
    with pytest.raises(InputError) as caught:
        validated(Outer, content, "x.toml")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "is empty; a TOML file is expected"),
        (b"  \n", "is empty; a TOML file is expected"),
        (b"title = \xff\xfe", "is not UTF-8 text (byte 8); save it as UTF-8"),
        (b"title = ", "is not valid TOML: "),
        (b"title = 'a\x00'", "is not valid TOML: "),
        (b"a = " + b"[" * 3000 + b"]" * 3000, "has more than 20 tables or lists inside each other"),
        (b".".join([b"a"] * 1500) + b" = 1", "has more than 20 tables or lists inside each other"),
        (b".".join([b"'='"] * 100_000) + b" = 1", "has more than 2,000 dots in line 1; so many are not read"),
        (b"a = [" + b"1, " * 100_001 + b"]", "has 100,003 entries; at most 100,000 are accepted"),
        (b"[" + b".".join([b"a"] * 22) + b"]", "has more than 20 tables or lists inside each other"),
        (b"a = " + b"1" * 5000, "is not valid TOML: a number has too many digits"),
        (b"a = 1e99999999999999999999", "is not valid TOML: a number has too many digits"),
        (b"#" * (spec.LARGEST_FILE + 1), "is larger than 5,000,000 bytes, which no file of this kind is"),
    ],
)
def test_unusable_files(tmp_path, raw, message):
    path = tmp_path / "bad.toml"
    path.write_bytes(raw)
    with pytest.raises(InputError) as caught:
        read_toml(path)
    assert str(caught.value).startswith(f"{path}: {message}")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a": ' * 30 + "1" + "}" * 30, "1" * 5000, "[1]", "{"])
def test_unusable_json(text):
    with pytest.raises(InputError) as caught:
        read_object(text, "saved.json")
    assert str(caught.value).startswith("saved.json: ")


def test_a_path_may_hold_no_nul_byte():
    with pytest.raises(InputError, match="NUL bytes"):
        read_toml(Path("a\0b.toml"))


class Many(Spec):
    """Some of everything that can be wrong with a file."""

    title: str
    one: Number | tuple[Number, Number] = 0
    by_name: dict[str, Number] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _named(self):
        if wrong := [f"{name!r} is no name" for name in self.by_name if " " in name]:
            raise ProblemsError(wrong)
        return self


def problems_of(content):
    with pytest.raises(InputError) as caught:
        validated(Many, content, "x.toml")
    return str(caught.value).splitlines()


@pytest.mark.parametrize("name", ["Two-sided p", "1st", "_", ""])
def test_an_unusable_name_is_told_in_words_what_names_are(name):
    """And not in the language of regular expressions."""
    with pytest.raises(InputError, match=f"letters, digits and underscores.*found '{name}'") as caught:
        validated(Named, {"id": name}, "x.toml")
    assert "pattern" not in str(caught.value)


def test_every_problem_of_a_file_has_a_line_and_more_than_ten_are_counted():
    assert problems_of({"titel": "x", "by_name": {f"n{i}": "?" for i in range(12)}})[0].startswith("x.toml: titel: ")
    lines = problems_of({"title": "x", "by_name": {f"n{i}": "?" for i in range(12)}})
    assert [line.split(": ")[1] for line in lines[:10]] == [f"by_name.n{i}" for i in range(10)]
    assert lines[10:] == ["and 2 more"]


def test_a_misspelt_key_and_the_missing_one_it_stands_for_are_one_problem():
    assert len(problems_of({"titel": "x"})) == 1
    assert [line.split(": ")[1] for line in problems_of({"titel": "x", "one": "?"})] == ["titel", "one"]


def test_a_value_of_several_types_has_one_problem_under_its_own_key():
    (line,) = problems_of({"title": "x", "one": "?"})
    assert line == "x.toml: one: a number, or a list of 2 numbers is expected; found '?'"


def test_a_validator_may_find_several_problems():
    assert problems_of({"title": "x", "by_name": {"a b": 1, "c d": 2}}) == [
        "x.toml: 'a b' is no name",
        "x.toml: 'c d' is no name",
    ]


NUMBERS = {name: value for name, value in vars(spec).items() if typing.get_origin(value) is typing.Annotated}
NONSENSE = [True, False, "nan", "inf", float("nan"), float("inf"), -1e308, 1e308, Decimal("1e13"), 10**400, [1], None]


@pytest.mark.parametrize("name", [name for name in NUMBERS if name != "Code"])
@pytest.mark.parametrize("value", NONSENSE, ids=lambda value: repr(value)[:14])
def test_a_number_is_finite_no_boolean_and_bounded(name, value):
    with pytest.raises(ValidationError):
        TypeAdapter(NUMBERS[name]).validate_python(value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Count", 0),
        ("Count", 10**7 + 1),
        ("Count", 1.5),
        ("Items", 501),
        ("Positive", 0),
        ("Positive", 1e-300),
        ("Probability", 0),
        ("Probability", 1),
        ("Share", 1.001),
        ("Seed", -1),
        ("Seed", 2**32),
        ("Printed", "1e-400"),
        ("Printed", "0." + "1" * 40),
        ("Code", True),
    ],
)
def test_numbers_beyond_their_type(name, value):
    with pytest.raises(ValidationError):
        TypeAdapter(NUMBERS[name]).validate_python(value)


def every_spec(base=Spec):
    root = Path(hikibayes.__file__).parent
    for path in root.rglob("*.py"):
        # only what declares a file's format: importing everything would start three compilers
        if "(Spec)" in path.read_text(encoding="utf-8"):
            importlib.import_module(".".join(("hikibayes", *path.relative_to(root).with_suffix("").parts)))
    found, left = set(), [base]
    while left:
        found |= (below := set(left.pop().__subclasses__()))
        left.extend(below)
    return sorted((one for one in found if one.__module__.startswith("hikibayes.")), key=lambda one: one.__name__)


def naked_numbers(annotation, metadata=()):
    """Yield the number types of an annotation that take booleans, or have no limits."""
    if isinstance(annotation, typing.TypeAliasType):
        yield from naked_numbers(annotation.__value__, metadata)
    elif typing.get_origin(annotation) is typing.Annotated:
        yield from naked_numbers(annotation.__origin__, annotation.__metadata__)
    elif annotation in (int, float, Decimal):
        parts = [part for one in metadata for part in getattr(one, "metadata", ())]
        limits = {name for part in parts for name in ("ge", "gt", "le", "lt") if hasattr(part, name)}
        refuses = any(isinstance(one, BeforeValidator) for one in metadata)
        if not refuses or not limits & {"ge", "gt"} or not limits & {"le", "lt"}:
            yield annotation
    else:
        for part in typing.get_args(annotation):
            yield from naked_numbers(part)


@pytest.mark.parametrize("model", every_spec(), ids=lambda model: model.__name__)
def test_every_number_of_every_spec_has_one_of_the_house_types(model):
    hints = typing.get_type_hints(model, include_extras=True)
    naked = {name: list(naked_numbers(hints[name])) for name in model.model_fields}
    assert {name: found for name, found in naked.items() if found} == {}


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_toml(tmp_path / "none.toml")


def test_equal_content_has_equal_digest_and_a_changed_decimal_another():
    one = Outer.model_validate({"title": "x", "entries": [{"number": Decimal("0.40"), "id": "a"}]})
    same = Outer.model_validate({"entries": [{"id": "a", "number": Decimal("0.40")}], "title": "x"})
    other = Outer.model_validate({"title": "x", "entries": [{"id": "a", "number": Decimal("0.4")}]})
    assert digest(one) == digest(same) != digest(other)


def test_schema_is_json_with_every_field():
    assert set(json.loads(json_schema(Outer))["properties"]) == {"title", "entries"}


def test_unknown_name_suggests_nothing_far_off():
    assert unknown_name("study", "zzz", ["nonaka2021"]) == "there is no study 'zzz'; there are: nonaka2021"


def some_value(name):
    return {"lower": 0.0, "upper": 2.0, "mu": 1.0}.get(name, 0.7)


@pytest.mark.parametrize("family", [name for name in PARAMETERS if name not in ("LKJ", "Constant")])
def test_families_have_pymcs_meaning(family):
    """SciPy's and PyMC's parametrisations differ; the density must be PyMC's."""
    pymc = pytest.importorskip("pymc")
    given = {name: some_value(name) for name in PARAMETERS[family]}
    distribution = Distribution(dist=family, **given)
    expected = pymc.logp(getattr(pymc, family).dist(**given), 0.6).eval(mode="FAST_COMPILE")
    # PyMC keeps small constants in float32
    assert distribution.frozen().logpdf(0.6) == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"dist": "Normal", "mu": 0}, "Normal takes mu, sigma; found mu"),
        ({"dist": "Normal", "mu": 0, "sigma": 0}, "Normal needs sigma > 0; found 0"),
        ({"dist": "Uniform", "lower": 2, "upper": 1}, "lower must be below upper; found 2 and 1"),
        ({"dist": "Normal", "mu": 0, "sigma": 1, "nu": 3}, "Normal takes mu, sigma; found mu, nu, sigma"),
        ({"dist": "Beta", "alpha": -1, "beta": 1}, "Beta needs alpha > 0; found -1"),
        ({"dist": "Cauchy", "alpha": 0, "beta": 0}, "Cauchy needs beta > 0; found 0"),
    ],
)
def test_impossible_distributions(content, message):
    with pytest.raises(InputError, match=message):
        validated(Distribution, content, "x.toml")


def test_a_distribution_reads_like_a_formula():
    assert str(Distribution(dist="Normal", mu=0, sigma=0.25)) == "Normal(mu=0, sigma=0.25)"
