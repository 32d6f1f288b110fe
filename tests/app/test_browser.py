"""The planner in a real browser: it moves, is refined at rest, keeps its picture, fetches nothing from elsewhere."""

from __future__ import annotations

import re
import socket
from dataclasses import replace

import pandas as pd
import pytest
from click.testing import CliRunner

from hikibayes.cli import main


def test_a_port_in_use_and_a_plan_that_is_not_there_are_said():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = CliRunner().invoke(main, ["planner", "--no-browser", "--port", str(taken.getsockname()[1])])
    assert ran.exit_code == 2
    assert "--port" in ran.stderr
    ran = CliRunner().invoke(main, ["planner", "nothing_here"])
    assert ran.exit_code == 2
    assert "nothing_here" in ran.stderr


def test_the_curves_are_described_and_every_number_has_its_reason():
    from hikibayes.app.browser import drawn, settings_of, table
    from hikibayes.planning.planner import planner

    found = planner()
    made = found.sketch(found.defaults)
    svg, shown = drawn(found.defaults, made), str(table(made))
    assert re.search(r'role="img" aria-label="Probability[^"]*: power \.\d\d', svg)
    assert shown.count("<summary>why</summary>") == len(made.figures) == shown.count("<tr>")
    moved = {"n": 80, "effect": 0.3, "uncertainty": 0.1, "tau": 0, "dropout": 0.1, "rule": "bf3", "target": 0.9}
    moved |= {"states_width": True, "prior_width": 0.5, "states_reliability": False, "allocation": " 2:1 "}
    settings = settings_of(found, found.defaults, moved.__getitem__)
    assert (settings.n, settings.allocation, settings.reliability, settings.prior_width) == (80, "2:1", None, 0.5)


def test_impossible_settings_are_said_in_the_words_of_the_page():
    from hikibayes.app.browser import in_words
    from hikibayes.planning.planner import planner
    from hikibayes.spec import InputError

    found = planner()
    for change, said in (
        ({"allocation": "x"}, "Ratio of the groups, in their order: a ratio of two numbers is expected"),
        ({"n": 3, "dropout": 0.9}, "Participants in the smaller group: 0 of 6 participants are left"),
        ({"effect": None}, "The effect must be stated."),
    ):
        with pytest.raises(InputError) as raised:
            found.sketch(replace(found.defaults, **change))
        assert in_words(raised.value).startswith(said)
    assert in_words(InputError("no reliability (in the cell n 20)", key="axes")) == "No reliability."


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("width", [1280, 390])
def test_it_follows_a_slider_refines_and_keeps_its_picture(browser, address, width, tmp_path):
    page = browser.new_page(viewport={"width": width, "height": 900}, accept_downloads=True)
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address)
    page.wait_for_selector("#state:has-text('are refined')", timeout=60_000)
    before = page.inner_text(".answers tr:nth-child(2) td")
    page.evaluate("Shiny.setInputValue('n', 200)")
    page.wait_for_selector(".answers th:has-text('with 200 in')", timeout=20_000)
    assert page.inner_text(".answers tr:nth-child(2) td") != before
    page.screenshot(path=tmp_path / f"planner-{width}.png", full_page=True)
    page.evaluate("Shiny.setInputValue('allocation', '2:1:1')")
    page.wait_for_selector("#problem .alert", timeout=20_000)
    assert "2 groups" in page.inner_text("#problem")
    assert page.locator(".curves svg[role=img]").count() == 1
    page.evaluate("Shiny.setInputValue('allocation', '1:1')")
    page.wait_for_selector("#problem .alert", state="detached", timeout=20_000)
    page.evaluate("Shiny.setInputValue('uncertainty', 0.13)")
    page.wait_for_selector(".answers th:has-text('Assurance')", timeout=20_000)
    with page.expect_download() as taken:  # while the page shows a sketch
        page.click("#simulation")
    page.wait_for_selector("#state:has-text('are refined')", timeout=60_000)
    shown = page.inner_text(".answers tr:nth-child(1) td").splitlines()[0]
    taken.value.save_as(path := tmp_path / "taken.toml")
    assert f": {shown}\n" in path.read_text(encoding="utf-8")
    ran = CliRunner().invoke(main, ["power", str(path), "-o", str(tmp_path / "run")])
    assert ran.exit_code == 0, ran.output
    found = pd.read_csv(tmp_path / "run" / "sample_size.csv").to_dict("records")[0]
    assert shown == "{n_per_group} in each group ({lower} to {upper}), {n_total} in all".format(**found)
    assert {url.split("/")[2] for url in asked if "://" in url} == {address.split("/")[2]}
    assert not errors
    assert page.evaluate("document.documentElement.scrollWidth") <= width
