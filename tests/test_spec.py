"""Files of people's choices: one message for whatever is wrong, and digests that know content only."""

import json
from decimal import Decimal

import pytest

from hikibayes.distributions import PARAMETERS, Distribution
from hikibayes.spec import InputError, Spec, digest, json_schema, read_spec, read_toml, unknown_name, validated


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
    ],
)
def test_unusable_files(tmp_path, raw, message):
    path = tmp_path / "bad.toml"
    path.write_bytes(raw)
    with pytest.raises(InputError) as caught:
        read_toml(path)
    assert str(caught.value).startswith(f"{path}: {message}")


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


@pytest.mark.parametrize("family", [name for name in PARAMETERS if name not in ("LKJ", "Constant", "HalfStudentT")])
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
