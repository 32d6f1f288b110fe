"""The report: one file, from saved files alone, saying what it must say and nothing about a study it does not have."""

import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from tests.studies import orchard_run

from hikibayes.folders import write_run
from hikibayes.reporting.drawing import ROLES
from hikibayes.reporting.html import page, report, with_report
from hikibayes.reporting.saved import SavedRun
from hikibayes.reporting.topics import TOPICS, figure_files
from hikibayes.spec import InputError

VOID = {"meta", "br", "link", "img", "hr", "input"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    write_run(folder, with_report(orchard_run.files(), orchard_run.record()), orchard_run.record())
    return folder


@pytest.fixture(scope="module")
def figures(folder):
    """What the folder's figures look like: drawing them again is for the tests of figures."""
    return {f"figures/{path.name}": path.read_text(encoding="utf-8") for path in (folder / "figures").iterdir()}


@pytest.fixture(scope="module")
def html(folder):
    return (folder / "report.html").read_text(encoding="utf-8")


NOT_READ = re.compile(r"<(style|code|pre|svg|q|blockquote)\b.*?</\1>|<[^>]+>", re.DOTALL)
"""Tags, and what is quoted or code."""


@pytest.fixture(scope="module")
def words(html):
    bare = re.sub(r"<style>.*?</style>|<svg.*?</svg>|<[^>]+>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(bare))


class Tags(HTMLParser):
    """Checks that tags are closed in order, and gathers ids and references."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.references = [], [], []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.references += [attributes[name] for name in ("href", "src", "xlink:href") if name in attributes]

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def tags(html):
    found = Tags()
    found.feed(html)
    assert found.open == []
    return found


def test_it_is_made_again_from_the_folder_byte_for_byte(folder, html):
    assert report(folder) == html


def test_ids_are_unique_and_every_reference_leads_to_them_or_to_a_table_beside_it(folder, tags):
    assert len(tags.ids) == len(set(tags.ids))
    inside = {reference[1:] for reference in tags.references if reference.startswith("#")}
    beside = {reference for reference in tags.references if not reference.startswith("#")}
    assert inside <= set(tags.ids)
    assert len(beside) > 10
    assert all(name.endswith(".csv") and (folder / name).is_file() for name in beside)


def test_the_first_page_has_the_answer_what_it_would_fall_by_and_the_next_study(html, words):
    first = html[html.index('id="summary"') : html.index('id="data"')]
    assert "A Bayesian reanalysis of Bramley &amp; Cox (2020)" in html[: html.index("<main>")]
    assert first.index("interval") < first.index("<svg") < first.index("It would fall if")
    for section in ("sensitivity", "imbalance", "confounding", "readings"):
        assert f'<li><a href="#{section}">' in first
    assert "people per group" in first or "more people than were simulated" in first
    assert "versions of the same" in first


def test_what_does_not_stand_cannot_fall(html, figures):
    files = dict(orchard_run.files())
    table = files["published.csv"]
    table = table.assign(p_positive=table["p_positive"].where(table["p_positive"].isna(), 0.9))
    page_ = page(SavedRun.of_contents({**files, "published.csv": table}, orchard_run.record()), figures)
    assert "It would fall if" not in page_
    assert "Its interval covers 0 as it is" in page_
    assert "as it is</h3>" not in html
    first = page_[page_.index("as it is</h3>") : page_.index("What is made up")]
    lines = re.findall(r"<li>(?:<a[^>]*>.*?</a>|<b>.*?</b>) (.*?)</li>", first)
    assert len(lines) >= 4
    assert all(line[0].isupper() for line in lines)


def test_a_kind_of_sensitivity_that_the_page_does_not_know_says_its_own_sentence(figures):
    files = dict(orchard_run.files())
    row = {"analysis": "weather", "what": "rain", "value": 2.0, "lower": None, "upper": None, "sentence": "It rains."}
    files["tipping.csv"] = pd.concat([files["tipping.csv"], pd.DataFrame([row])], ignore_index=True)
    assert "<b>weather</b> It rains." in page(SavedRun.of_contents(files, orchard_run.record()), figures)


def test_tables_scroll_by_keyboard_and_figures_say_what_they_show(html):
    assert html.count('<div class="table" role="region" tabindex="0" aria-label="Table') == html.count("<table")
    drawn = re.findall(r'<svg role="img" aria-label="([^"]+)"', html)
    assert len(drawn) == html.count("<svg")
    assert all(text.endswith((".", "]")) for text in drawn)
    assert len(set(drawn)) == len(drawn)


def test_print_opens_every_fold_and_a_dark_screen_has_its_colours(html):
    assert "details::details-content { content-visibility: visible" in html[html.index("@media print") :]
    assert "prefers-color-scheme: dark" in html
    # a figure takes the page's colours, whatever they are
    drawn = "".join(re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL))
    assert not re.findall("|".join(ROLES), drawn)
    assert set(re.findall(r"var\(--(\w+)\)", drawn)) <= set(ROLES.values())


def test_no_id_is_read(words):
    told = words[: words.index("Making it again hikibayes")]  # a command is typed as it is
    told = re.sub(r" ~ .+? under ", " ~ under ", told)  # and so is a model's formula
    assert re.findall(r"\b[a-z]\w*(?:_|[a-z]:)[a-z]\w*\b(?!\.csv|\.json|\w*\.csv)", told) == []


ESTIMATE = re.compile(r"(?<![\d.])([−-]?\d*\.\d+) \[([−-]?\d*\.\d+), ([−-]?\d*\.\d+)\]")


def uneven(text):
    """Return estimates whose own interval has its zeros otherwise, and standardised quantities with a leading zero."""
    below_one = [[part.lstrip("−-") for part in match.groups()] for match in ESTIMATE.finditer(text)]
    mixed = [each for each in below_one if len({part[0] == "." for part in each if float(part) < 1}) > 1]
    # a Bayes factor has two digits, wherever they stand
    bare = [each for each in below_one if each[0][0] == "."]
    decimals = [each for each in bare if len({len(part.partition(".")[2]) for part in each}) > 1]
    zero = re.findall(r"(?:prior SD of|prior SD|Normal\(0,|N\(0,|probability of|P\(> 0\) =) 0\.\d+", text)
    return mixed, decimals, zero


def test_numbers_are_rounded_one_way(words):
    assert len(ESTIMATE.findall(words)) > 20
    assert uneven(words) == ([], [], [])
    found = [[".28", ".10", "0.4"]]
    assert uneven(".28 [.10, 0.4] at N(0, 0.25²)") == (found, found, ["N(0, 0.25"])


@pytest.mark.long
def test_the_report_of_the_shipped_study_speaks_in_words_and_rounds_one_way():
    made = str(report(Path(__file__).parents[2] / "results" / "nonaka2021" / "reanalyze"))
    text = re.sub(r"\s+", " ", unescape(NOT_READ.sub(" ", made)))
    assert uneven(text) == ([], [], [])
    assert not re.findall(r"\b[a-z]\w*_\w+\b(?!\.csv|\w*\.csv)|\w\[[A-Za-z]\w*\]", re.sub(r"“[^”]*”", "", text))
    assert len(made.encode()) < 1e6


def test_every_section_is_there_in_order(tags):
    # a reanalysis has no table of one's own, to remark upon or to tell how it was understood, and no multiverse; this
    # record was drawn without assumptions
    topics = [topic.id for topic in TOPICS if not topic.plain and topic.id not in ("multiverse", "assumptions")]
    assert [name for name in tags.ids if name in {topic.id for topic in TOPICS}] == topics


def test_synthetic_data_are_called_so(html, words):
    assert "SYNTHETIC, calibrated to the printed record" in words
    for caption in re.findall(r"<figcaption>.*?</figcaption>", html, flags=re.DOTALL):
        assert "SYNTHETIC, calibrated to the printed record" in caption


def test_the_answer_is_the_table_s(words):
    row = orchard_run.result().published.set_index("estimand").loc["shade_slope_difference"]
    interval = f"[{row['lower']:.2f}, {row['upper']:.2f}]".replace("0.", ".").replace("-", "−")
    assert interval in words
    assert f"{row['mean']:.2f}, 95% interval {interval}".replace("0.", ".") in words


def test_it_says_what_a_reader_must_not_miss(words):
    assert "a higher score means more contentment" in words
    assert "They are not 9 studies" in words
    assert "not about what causes what" in words
    assert "± .10" in words or "±.10" in words


def test_nothing_in_it_is_of_another_study(words):
    for word in ("hikikomori ", "abs_h", "ABS-H", "instrumental", "Nonaka"):
        assert word not in words


def test_templates_and_sections_name_no_measure():
    from importlib.resources import files

    room = files("hikibayes.reporting")
    paths = [path for path in Path(str(room)).rglob("*") if path.suffix in (".py", ".j2")]
    assert len(paths) > 40
    for text in (path.read_text(encoding="utf-8") for path in paths):
        assert not re.search(r"abs_?h\b|srs18|instrumental|nonaka|organic|shade\b", text, flags=re.IGNORECASE)


def test_every_printed_number_used_has_its_place_and_words(words):
    facts = {fact.id: fact for fact in orchard_run.study().read().facts}
    for names in orchard_run.result().published["facts"].dropna():
        for name in filter(None, names.split(",")):
            assert facts[name].source.locator in words
            assert facts[name].source.quote in words


def test_the_checklist_answers_or_says_what_is_open(html):
    rows = re.findall(r'class="status (yes|no)">', html)
    assert len(rows) == 40
    assert rows.count("yes") >= 30


def test_without_nuts_the_points_about_chains_are_open(figures):
    kept = {
        name: table for name, table in orchard_run.files().items() if name not in ("diagnostics.csv", "agreement.csv")
    }
    estimates = kept["estimates.csv"]
    kept["estimates.csv"] = estimates[estimates["engine"] != "nuts"]
    made = page(SavedRun.of_contents(kept, orchard_run.record()), figures)
    assert "NUTS was left out of this run" in made
    assert "NUTS against the exact engine" not in made


def test_a_section_is_left_out_where_its_files_are_absent(figures):
    kept = {name: table for name, table in orchard_run.files().items() if name not in ("readings.csv", "audit.csv")}
    made = page(SavedRun.of_contents(kept, orchard_run.record()), figures)
    assert 'id="readings"' not in made
    assert 'id="audited"' not in made
    assert 'id="published"' in made


def test_a_study_without_a_share_of_variance_is_told_of_prediction_alone():
    files = dict(orchard_run.files())
    study = json.loads(files["study.json"])
    gone = {one["name"] for one in study["estimand"] if one["kind"] in ("r2", "delta_r2")}
    for name, table in files.items():
        if isinstance(table, pd.DataFrame) and "estimand" in table:
            files[name] = table[~table["estimand"].isin(gone)]
    study["estimand"] = [one for one in study["estimand"] if one["name"] not in gone]
    run = SavedRun.of_contents({**files, "study.json": json.dumps(study)}, orchard_run.record())
    made = page(run, figure_files(run))
    assert "Shares of variance" not in made
    assert "How well each step predicts a participant" in made


def test_a_name_with_markup_in_it_is_shown_and_not_obeyed(figures):
    files = dict(orchard_run.files())
    study = json.loads(files["study.json"])
    study["citation"]["title"] = "<script>alert(1)</script> & shade"
    made = page(SavedRun.of_contents({**files, "study.json": json.dumps(study)}, orchard_run.record()), figures)
    assert "<script>" not in made
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; shade" in made


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "there is no such folder; give one that a run has written"),
        (lambda path: path.mkdir(), "is empty; give a folder that a run has written"),
        (lambda path: (path.mkdir(), (path / "a.csv").write_text("a")), "has no run.json; give a folder"),
        (lambda path: (path.mkdir(), (path / "run.json").write_text("{}")), "is not the record of a run"),
    ],
)
def test_a_folder_of_no_run_is_one_message(tmp_path, make, message):
    make(tmp_path / "folder")
    with pytest.raises(InputError, match=message):
        report(tmp_path / "folder")


def test_a_run_without_sections_of_its_own_has_a_plain_page(tmp_path):
    record = orchard_run.record().replace(verb="audit")
    write_run(tmp_path, {"audit.csv": orchard_run.result().audit}, record)
    assert "group sizes add up" in report(tmp_path)


def test_columns_of_the_last_version_are_read_by_today_s_names():
    old = SavedRun.parse("doubt,what,value\nprior,its width,0.2\n")
    assert list(old.columns) == ["analysis", "what", "value"]
