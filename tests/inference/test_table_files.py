"""Whatever stands in a table or a mapping file: a table of participants, or one message that names the file."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.inference.own_table import Names

from hikibayes.inference.data.tables import Participants, participants
from hikibayes.spec import InputError

OWN = Names()
STUDY = OWN.study()
GOOD = OWN.table(n=12).assign(id=range(12)).to_csv(index=False)


def outcome(folder, content, mapping=None):
    """Read a file; the message where it is refused."""
    path, stated = folder / "mine.csv", folder / "mapping.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    if mapping is not None:
        stated.write_text(mapping, encoding="utf-8")
    try:
        return participants(path, STUDY, OWN.measures, mapping=stated if mapping is not None else None)
    except InputError as error:
        return str(error)


def column(name, cells):
    table = OWN.table(n=12).astype(object)
    table[name] = (cells * 12)[:12]
    return table.to_csv(index=False)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("PK\x03\x04 and so on", "is a workbook .*save the sheet as CSV"),
        ("y,arm,x,dose\n", "has a header line and no row below it"),
        (column("x", [""]), "none of the 12 rows has all of"),
        (column("y", ["good", "bad"]), "column 'y': row 1: found 'good'; y runs from"),
        (column("x", ["1", "inf"]), "column 'x': row 2: found 'inf'; x runs from"),
        (column("x", ["1", "1e308"]), "column 'x': row 2: found '1e308'"),
        (column("x", ["1", "9" * 400]), r"column 'x': row 2: found '9{57}\.\.\.'; x runs from -1e\+06 to 1e\+06$"),
        (column("x", ["1", "99999999"]), r"if it means no answer, .* under \[missing_in\], x = \[99999999\]"),
        (column("x", ["5"]), "x: has the same value in every row"),
        (column("arm", ["usual"]), "group 'extra' has no complete row"),
        (GOOD.replace("y,arm", "x,arm", 1), "there is no column 'y'|column 'x' occurs 2 times"),
        (GOOD.replace("y,arm,x", "y,arm,y", 1), "column 'y' occurs 2 times"),
        (GOOD.replace("y,arm,x", "y,arm,名前", 1), "there is no column 'x'; there are: .*名前"),
        (GOOD.replace("y,arm,x", "y,arm,lambda", 1), "there is no column 'x'; there are: .*lambda"),
        (GOOD.replace(",usual,", ',"usual,', 1), "is not a table with one header line|row 1 has|there is no label"),
        (GOOD + "1,usual,2,some,3,4,5\n", "row 13 has 7 cells under 5 headers"),
        (GOOD.encode()[:40] + b"\xff" + GOOD.encode()[40:], "is not UTF-8 text"),
        (GOOD.replace("usual", "us\x00ual", 1), r"there is no label 'us ual'"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_ends_in_one_message(tmp_path, content, message):
    found = outcome(tmp_path, content)
    assert isinstance(found, str)
    assert len(found.splitlines()) == 1
    assert "mine.csv" in found
    with pytest.raises(InputError, match=message):
        participants(tmp_path / "mine.csv", STUDY, OWN.measures)


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r"),
        GOOD.replace(",", ";").replace(".", ","),
        GOOD.replace("-", "\N{MINUS SIGN}"),
        "\n".join(f"{line},,," for line in GOOD.splitlines()),
        GOOD.replace("id", "class").replace("usual", " usual "),
    ],
    ids=["bom", "cr", "decimal commas", "minus signs", "empty columns", "a keyword beside"],
)
def test_what_only_looks_odd_is_read(tmp_path, content):
    found, plain = outcome(tmp_path, content), outcome(tmp_path, GOOD)
    assert isinstance(found, Participants)
    assert found.frame.equals(plain.frame)


PIECES = [b'"', b"\x00", b"\n", b"\r", b",", b";", b"\t", b"\xff", b"\xef\xbb\xbf", b"NA", b"inf", b"-"]


@settings(max_examples=100, deadline=None)
@given(where=st.lists(st.tuples(st.integers(0, len(GOOD)), st.sampled_from(PIECES), st.integers(0, 9)), max_size=4))
@example(where=[(63, b'"', 9), (2, b'"', 0)])  # a header of several lines
@example(where=[(143, b'"', 3), (13, b'"', 0), (249, b"\x00", 5)])  # a label that ends in a null character
def test_a_damaged_file_is_read_or_refused(tmp_path_factory, where):
    content = GOOD.encode()
    for at, piece, gone in where:
        content = content[:at] + piece + content[at + gone :]
    found = outcome(tmp_path_factory.getbasetemp(), content)
    assert isinstance(found, Participants) or ("mine.csv" in found and len(found.splitlines()) == 1)


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ("missing = 99", "mapping.toml: missing: a list of texts is expected; found 99"),
        ("missing = [[1]]", "mapping.toml: missing[0]: a code is a number or a text"),
        ("missing = [inf]", ""),
        ("missing = ['']", ""),
        ("[columns]\nx = ''", "there is no column for 'x', ''"),
        ("[columns]\nx = 1", "mapping.toml: columns.x"),
        ("[columns]\nx = 'y'", "column 'y' is mapped to y and x; a column holds one measure"),
        ("[labels.arm]\nusual = 'nobody'", "labels.arm: there is no label 'nobody'"),
        ("[labels.x]\n1 = 'usual'", "labels.x: there is no label 'usual'; there are: none"),
        ("[labels]\narm = 1", "mapping.toml: labels.arm"),
        ("[missing_in]\nx = [true]", "mapping.toml: missing_in.x[0]: a code is a number or a text"),
        ("missing = ['usual']", "group 'usual' has no complete row"),
        ("x =", "mapping.toml: is not valid TOML"),
        ("", "mapping.toml: is empty"),
    ],
)
def test_a_mapping_is_followed_or_refused(tmp_path, mapping, message):
    found = outcome(tmp_path, GOOD, mapping)
    if not message:
        assert isinstance(found, Participants)
    else:
        assert message in found
