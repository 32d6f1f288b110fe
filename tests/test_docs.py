"""What the documentation lists is what there is."""

import ast
import inspect
import re
import shlex
import tomllib
from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import hikibayes
from hikibayes.cli import main
from hikibayes.planning.designs.simulation import load_simulation
from hikibayes.quantities import KINDS
from hikibayes.runs.verbs import VERBS
from hikibayes.study.study import Study
from hikibayes.study.study_file import load_study

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def study_format():
    return (ROOT / "docs" / "study-format.md").read_text(encoding="utf-8")


def test_every_quantity_is_documented_with_its_keys(study_format):
    for name, quantity in KINDS.items():
        keys = ", ".join(" or ".join(f"`{part}`" for part in key.split("|")) for key in quantity.needs) or "–"
        more = ", ".join(f"`{key}`" for key in quantity.may) or "–"
        assert f"| `{name}` | {keys} | {more} |" in study_format


def test_every_table_of_a_study_file_is_documented(study_format):
    for field, info in Study.model_fields.items():
        assert f"{info.alias or field}]" in study_format or f"`{info.alias or field}`" in study_format, field


# -- snippets ----------------------------------------------------------------------------------------------------------

PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
SNIPPETS = [
    pytest.param(language, body, id=f"{page.stem}-{number}-{language}")
    for page in PAGES
    for number, (language, body) in enumerate(
        re.findall(r"^```([^\n]*)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    )
]
CHECKED = ("sh", "console", "python", "toml", "diff", "markdown")
NAMED = re.compile(r"^```\w+ (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""A snippet that is a file of a worked example: the commands of its page need it."""
WORKED = ROOT / "docs" / "enter-a-paper.md"


@pytest.mark.parametrize(("language", "body"), SNIPPETS)
def test_every_snippet_is_one_that_something_checks(language, body):
    language, _, name = language.partition(" ")
    assert language in CHECKED
    assert bool(name) == (language == "markdown") or language == "toml"
    if language == "toml":
        tomllib.loads(body)
    if language in ("sh", "console"):
        for words in commands_in(body):
            # options and arguments as click takes them; the verbs themselves run in their own tests
            main.commands[words[0]].make_context(words[0], words[1:])


def commands_in(body):
    lines = (line.removeprefix("$ ") for line in body.splitlines())
    calls = (line.partition("hikibayes ")[2] for line in lines if re.search(r"(^|uv run )hikibayes ", line))
    return [shlex.split(call, comments=True) for call in calls]


NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.md"))
CELL = re.compile(r"^```\{code-cell\} ipython3\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WHOLE = [pytest.param("\n".join(CELL.findall(page.read_text(encoding="utf-8"))), id=page.stem) for page in NOTEBOOKS]


@pytest.mark.parametrize("body", [*WHOLE, *(s.values[1] for s in SNIPPETS if s.values[0] == "python")])
def test_python_snippets_run(body, monkeypatch, tmp_path):
    assert body, "a notebook without cells"
    # what a page saves stays out of the results that it reads
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "nonaka2021").symlink_to(ROOT / "results" / "nonaka2021")
    monkeypatch.chdir(tmp_path)
    brief = load_simulation("followup").brief(20)
    monkeypatch.setattr("hikibayes.planning.after_fit.load_simulation", lambda _: brief)
    exec(compile(body, "snippet", "exec"), {})


QUICK = ("studies", "models", "simulations", "audit")
ORCHARD = ROOT / "tests" / "studies" / "orchard.toml"


SHELL = [s for s in SNIPPETS if s.values[0] in ("sh", "console") and not s.id.startswith(WORKED.stem)]


@pytest.mark.parametrize("body", [s.values[1] for s in SHELL])
def test_quick_commands_run_in_the_order_of_the_page(body, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for words in commands_in(body):
        if words[0] in QUICK:
            if words[0] == "audit" and len(words) > 1:
                Path(words[1]).write_text(ORCHARD.read_text(encoding="utf-8"), encoding="utf-8")  # as if filled in
            result = CliRunner().invoke(main, words)
            assert result.exit_code == 0, f"{words}: {result.output}"


@pytest.mark.parametrize("long", [False, pytest.param(True, marks=pytest.mark.long)])
def test_the_worked_paper_goes_from_its_tables_to_a_report(tmp_path, monkeypatch, long):
    page = WORKED.read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name, body in NAMED.findall(page):
        Path(name).write_text(body, encoding="utf-8")
    bodies = [s.values[1] for s in SNIPPETS if s.values[0] == "sh" and s.id.startswith(WORKED.stem)]
    for words in (words for body in bodies for words in commands_in(body)):
        if words[0] in QUICK or long:
            result = CliRunner().invoke(main, words)
            assert result.exit_code == 0, f"{words}: {result.output}"
            assert words[0] != "audit" or "inconsistent" not in result.stdout
    assert len(load_study("draft.toml").facts) == 48
    assert not long or Path("results/draft/reanalyze/report.html").is_file()


def test_the_site_has_every_page_and_every_public_name():
    listed = re.findall(r"^[\w/-]+$", (ROOT / "docs" / "index.md").read_text(encoding="utf-8"), re.MULTILINE)
    pages = [page.stem for page in (ROOT / "docs").iterdir() if page.suffix in (".md", ".rst")]
    pages += [f"notebooks/{page.stem}" for page in NOTEBOOKS]
    assert sorted(listed) == sorted({*pages} - {"index"})
    told = re.findall(
        r"^\.\. auto\w+:: ([\w.]+)$", (ROOT / "docs" / "api.rst").read_text(encoding="utf-8"), re.MULTILINE
    )
    homes = {getattr(import_module(home), name) for home, _, name in (each.rpartition(".") for each in told)}
    public = (getattr(hikibayes, name) for name in hikibayes.__all__)
    assert {each if callable(each) else type(each) for each in public} == homes


def test_the_gallery_and_the_glossary_name_what_there_is():
    gallery = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    assert set(re.findall(r"hb\.figures\.(\w+)", gallery)) <= set(dir(hikibayes.figures))
    terms = re.findall(r"^- \*\*(.+?)\*\*", (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert terms == sorted(terms, key=str.lower)


def test_a_command_that_does_not_exist_any_more_would_be_seen():
    assert commands_in("$ hikibayes audit x.toml  # a remark\nuv run hikibayes fit a b") == [
        ["audit", "x.toml"],
        ["fit", "a", "b"],
    ]
    with pytest.raises(click.NoSuchOption):
        main.commands["audit"].make_context("audit", ["--none"])


def test_the_table_of_verbs_is_what_the_verbs_declare():
    page = (ROOT / "docs" / "verbs.md").read_text(encoding="utf-8")
    for verb in VERBS:
        usage = main.commands[verb.name].get_short_help_str(200)
        files = ", ".join(f"`{name}`" for name in verb.files)
        assert f"| `{verb.name}` | {usage} | {files} |\n" in page


# -- what Python's functions take --------------------------------------------------------------------------------------

FUNCTIONS = [name for name in hikibayes.__all__ if inspect.isfunction(getattr(hikibayes, name))]
CALLS = re.compile(r"\b(?:hb|hikibayes)\.(\w+)(\()")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_argument_of_a_public_function_is_documented(name):
    function = getattr(hikibayes, name)
    lines = inspect.getdoc(function).partition("Parameters\n")[2].splitlines()
    documented = {part.strip("* ") for line in lines if line[:1].strip() for part in line.partition(" :")[0].split(",")}
    assert set(inspect.signature(function).parameters) - documented == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_call_in_the_documents_has_arguments_that_there_are(page):
    text = page.read_text(encoding="utf-8")
    for match in CALLS.finditer(text):
        function = getattr(hikibayes, match[1])
        ends = (i for i, sign in enumerate(text[match.end() :], match.end() + 1) if sign == ")")
        parsed = (_call(text[match.start() : end]) for end in ends)
        call = next(filter(None, parsed))
        if not any(isinstance(each, ast.Constant) and each.value is ... for each in call.args):
            given = {word.arg: None for word in call.keywords}
            inspect.signature(function).bind(*call.args, **given)


def _call(text):
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        return None
