"""The HTML of a comparison in a real browser with the network cut: on screens, on a phone, on paper, for everybody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import chromium
from compared import frame
from projects import needs

import quorate

WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with every section: three sources, certainties, prices, one asked again, a second person, conditions."""
    table = frame(500, settled=240)
    generator = np.random.default_rng(0)
    for name in "ab":
        right = table[name] == table["gold"]
        table[f"{name}_sure"] = np.where(right, generator.uniform(0.6, 1, 500), generator.uniform(0.4, 0.9, 500))
    table["a_again"] = np.where(generator.random(500) < 0.1, "no", table["a"])
    table["second"] = np.where(generator.random(500) < 0.1, "no", table["gold"])
    table["a_label_with_a_name_that_is_as_long_as_they_come"] = np.where(generator.random(500) < 0.4, "mail", "chat")
    found = quorate.compare(
        table,
        *"abc",
        gold="gold",
        id="id",
        text="text",
        again={"a": "a_again"},
        second="second",
        confidence={"a": "a_sure", "b": "b_sure"},
        usd_per_1000={"a": 3, "b": 1, "c": 0.2},
        fail_if=["B worse than A by 2 points"],
    )
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(found.html(), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page without one settled row."""
    folder = tmp_path_factory.mktemp("page")
    frame(300).drop(columns="gold").to_csv(folder / "labels.csv", index=False)
    path = folder / "report.html"
    path.write_text(quorate.compare(folder / "labels.csv", "a", "b", text="text").html(), encoding="utf-8")
    return path


def opened(browser: Any, path: Path, **options: Any) -> Any:
    """The page in a browser without a network; `asked` is all that it asked for, `faults` what went wrong."""
    context = browser.new_context(**({"viewport": WIDE} | options))
    context.set_offline(True)
    page = context.new_page()
    page.faults, page.asked = [], []
    page.on("pageerror", lambda fault: page.faults.append(str(fault)))
    page.on("console", lambda said: page.faults.append(said.text) if said.type in ("error", "warning") else None)
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto(path.as_uri())
    return page


def closed(page: Any) -> None:
    page.context.close()


def test_the_page_is_complete_with_the_network_cut(browser: Any, report: Path) -> None:
    page = opened(browser, report)
    assert page.faults == []
    assert [url for url in page.asked if not url.startswith("data:")] == [report.as_uri()]
    headings = page.locator("h2").all_inner_texts()
    assert {"Leaderboard", "Who is right", "Agreement", "Calibration", "What to do with both"} <= set(headings)
    for link in page.locator("nav a").all():
        assert page.locator(link.get_attribute("href")).count() == 1
    assert page.locator("h1").evaluate("h => getComputedStyle(h).fontSize") != "32px", "the styles are in"
    closed(page)


def test_every_plot_says_what_it_shows(browser: Any, report: Path) -> None:
    page = opened(browser, report)
    plots = page.locator("svg.plot, svg.heat, .stack").all()
    assert len(plots) >= 6
    for plot in plots:
        assert plot.get_attribute("role") == "img"
        named = plot.get_attribute("aria-labelledby")
        name = page.locator(f"#{named}").text_content() if named else plot.get_attribute("aria-label")
        assert len(name.split()) > 3
    # Strips beside a number are ornament: what they show stands in the row.
    assert all(strip.get_attribute("aria-hidden") == "true" for strip in page.locator("svg.strip").all())
    for mark in page.locator("svg g:has(circle), svg g:has(rect)").all():
        assert mark.locator("title").count() >= 1
    closed(page)


@pytest.mark.parametrize("which", ["report", "refusing"])
def test_a_phone_scrolls_down_only(browser: Any, which: str, request: pytest.FixtureRequest) -> None:
    page = opened(browser, request.getfixturevalue(which), viewport=PHONE, is_mobile=True, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    wide = page.evaluate(
        """[...document.querySelectorAll("main *")].filter((e) => !e.closest(".scroll") && !e.closest("svg")
           && e.getBoundingClientRect().right > 361).map((e) => e.outerHTML.slice(0, 80))"""
    )
    assert wide == []
    small = page.evaluate(
        """[...document.querySelectorAll("main p, main td, main li")].filter((e) => e.innerText
           && parseFloat(getComputedStyle(e).fontSize) < 12).length"""
    )
    assert small == 0
    closed(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_paper_is_white_whatever_the_screen_is(browser: Any, report: Path, scheme: str) -> None:
    page = opened(browser, report, color_scheme=scheme)
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    ink = page.evaluate("getComputedStyle(document.body).color")
    assert max(int(part) for part in ink.removeprefix("rgb(").removesuffix(")").split(",")) < 80
    assert not page.locator("nav").is_visible()
    hidden = page.evaluate(
        """[...document.querySelectorAll("details:not([open]) > :not(summary)")]
           .filter((e) => !e.checkVisibility({ contentVisibilityAuto: true })).length"""
    )
    assert hidden == 0, "nothing is folded away on paper"
    pages = page.pdf(format="A4").count(b"/Type /Page\n")
    assert 3 <= pages <= 16
    closed(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("which", ["report", "refusing"])
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing(
    browser: Any, which: str, scheme: str, viewport: dict[str, int], request: pytest.FixtureRequest
) -> None:
    needs("axe_playwright_python")
    from axe_playwright_python.sync_playwright import Axe

    page = opened(browser, request.getfixturevalue(which), color_scheme=scheme, viewport=viewport, bypass_csp=True)
    found = Axe().run(page).response["violations"]
    assert [(each["id"], json.dumps([node["html"] for node in each["nodes"]])[:400]) for each in found] == []
    closed(page)
