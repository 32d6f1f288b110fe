"""A report as a Word document: the words, tables and figures of the page."""

import io
import sys

import docx
import pytest
from tests.studies import orchard_run

import hikibayes
from hikibayes.folders import write_run
from hikibayes.reporting import html
from hikibayes.reporting.topics import FIGURES
from hikibayes.reporting.word import word
from hikibayes.spec import InputError

FEW = ("published.csv", "study.json", "models.json", "estimates.csv", "tipping.csv")
"""A run of these tables has a first page, the main table and what follows from the record alone."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    write_run(folder, {name: orchard_run.files()[name] for name in FEW}, orchard_run.record())
    return folder


@pytest.fixture(scope="module")
def document(folder):
    return docx.Document(io.BytesIO(word(folder)))


def test_every_table_of_the_page_is_one_with_its_cells(folder, document):
    page = html.report(folder)
    assert len(document.tables) == page.count("<table") > 3
    published = next(table for table in document.tables if "Posterior mean" in table.rows[0].cells[3].text)
    rows = orchard_run.result().published
    assert [row.cells[1].text for row in published.rows[1:]][:2] == [
        str(text).replace("-", "−") for text in rows["printed"][:2]
    ]


def test_headings_and_figures_are_there_in_order(folder, document):
    headings = [each.text for each in document.paragraphs if each.style.name in ("Title", "Heading 1")]
    assert headings[0] == "A Bayesian reanalysis of Bramley & Cox (2020)"
    assert headings.index("Published against posterior") < headings.index("Reporting checklist")
    assert len(document.inline_shapes) == html.report(folder).count("<figure")


def test_without_the_library_it_is_one_message(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "docx", None)
    with pytest.raises(InputError, match="needs python-docx: install hikibayes with the extra 'docx'"):
        word(folder)


def test_a_figure_is_a_function_that_returns_axes(folder):
    ax = hikibayes.figures.published(folder)
    assert ax.get_xlabel() == "SD of the outcome per SD (per group)"
    assert set(dir(hikibayes.figures)) == set(FIGURES)
    with pytest.raises(InputError, match="has not what the figure 'curves' shows"):
        hikibayes.figures.curves(str(folder))
    with pytest.raises(AttributeError, match="there is no figure 'curvs'"):
        hikibayes.figures.curvs  # noqa: B018
