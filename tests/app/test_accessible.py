"""What people look at, put to axe in a real browser: three widths, light and dark screens, every fold open."""

from __future__ import annotations

from importlib.util import find_spec
from itertools import product
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REPORTS = sorted(ROOT.glob("results/*/reanalyze/report.html"))
SCREENS = [*product((1280, 768, 390), ("light", "dark"))]
OPEN = "document.querySelectorAll('details').forEach(fold => fold.open = true)"

pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore")]


def refuse_violations(browser, url, ready=None):
    """Open a page on each screen, and refuse what axe does or what is wider than the screen."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for width, scheme in SCREENS:
        # a report's own rules let no script in; axe is one
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True)
        page = context.new_page()
        page.goto(url)
        if ready:
            page.wait_for_selector(ready, timeout=60_000)
        page.evaluate(OPEN)
        found = axe.run(page).response
        assert not [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]], width
        assert found["passes"]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        context.close()


@pytest.mark.parametrize("report", REPORTS, ids=lambda path: path.parts[-3])
def test_a_report(browser, report):
    refuse_violations(browser, report.as_uri())


def test_the_planner(browser, address):
    refuse_violations(browser, address, "#state:has-text('are refined')")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    if not find_spec("furo"):
        pytest.skip("the site needs the extra docs")
    from sphinx.cmd.build import main

    folder = tmp_path_factory.mktemp("site")
    assert main(["-qW", str(ROOT / "docs"), str(folder)]) == 0
    return folder


@pytest.mark.parametrize("name", ["index", "own-data", "gallery", "glossary", "planning", "api"])
def test_a_page_of_the_site(browser, site, name):
    refuse_violations(browser, (site / f"{name}.html").as_uri())
