"""The review page in a real browser: a person, a keyboard, reloads, crashes, small screens, strange texts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import chromium
from projects import needs
from reviewing import Served, answered, decided, review_project, reviewed, start_review

TIMES = """() => {
  // From the key to the frame after the next card stands.
  window.times = [];
  let pressed = 0;
  let before = "";
  const row = () => document.querySelector("#row code")?.textContent;
  addEventListener("keydown", (event) => { pressed = event.timeStamp; before = row(); }, true);
  new MutationObserver(() => {
    if (!pressed || !row() || row() === before) return;
    const since = pressed;
    pressed = 0;
    requestAnimationFrame(() => requestAnimationFrame(() => window.times.push(performance.now() - since)));
  }).observe(document.querySelector("#card"), { childList: true });
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    needs("starlette")
    with chromium() as opened:
        yield opened


def entered(browser: Any, served: Served, name: str = "Ada", **options: Any) -> Any:
    """A page of a browser of its own, in which somebody gave a name."""
    page = browser.new_context(**options).new_page()
    page.faults = []
    page.on("pageerror", lambda fault: page.faults.append(str(fault)))
    page.on("console", lambda said: page.faults.append(said.text) if said.type == "error" else None)
    page.goto(served.url)
    page.wait_for_selector("#name")
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    page.wait_for_selector("#row code")
    return page


def row_of(page: Any) -> str:
    return str(page.locator("#row code").inner_text())


def saved(page: Any) -> None:
    """Waits until the page says that everything is saved."""
    page.wait_for_function("() => !state.outbox.length && !state.sending && !state.undoing")


def escape(page: Any) -> None:
    page.keyboard.press("Escape")
    page.wait_for_function("() => !document.querySelector('#dialog').open")


def answer(page: Any, key: str) -> str:
    """Presses a key on a card and waits for the next; the row that was answered."""
    row = row_of(page)
    page.keyboard.press(key)
    page.wait_for_function("(row) => document.querySelector('#row').textContent !== 'Row ' + row", arg=row)
    return row


def test_a_person_settles_a_hundred_rows_by_keyboard_alone(browser: Any, tmp_path: Path) -> None:
    folder = review_project(tmp_path / "p", 150)
    with reviewed(folder) as served:
        page = entered(browser, served)
        page.evaluate(TIMES)
        said = {answer(page, key): key for key in "12x12" * 20}
        saved(page)
        times = np.array(page.evaluate("window.times"))
        assert page.faults == []
        assert page.locator("#way").inner_text().startswith("100 of")
        page.context.close()
    kept = answered(folder)
    assert len(said) == 100
    assert {i: a.label or "none" for i, a in kept.items()} == {
        i: {"1": "HAM", "2": "SPAM", "x": "none"}[key] for i, key in said.items()
    }
    assert {a.reviewer for a in kept.values()} == {"Ada"}
    assert all(a.dwell_ms > 0 for a in kept.values())
    assert len(times) == 100
    assert np.percentile(times, 95) <= 50, np.percentile(times, [50, 95, 100])


def test_keys_accept_skip_flag_and_undo(browser: Any, tmp_path: Path) -> None:
    folder = review_project(tmp_path / "p", 40, blind="never")
    with reviewed(folder) as served:
        page = entered(browser, served)
        accepted = row_of(page)
        together = page.locator("caption .tag").inner_text()
        answer(page, "a")
        skipped = answer(page, "Space")
        page.keyboard.press("f")
        page.keyboard.type("what is this? 1 2 x")
        page.keyboard.press("Enter")
        page.get_by_text("what is this").first.wait_for()
        flagged = answer(page, "1")
        page.keyboard.press("u")
        saved(page)
        assert row_of(page) == flagged
        page.context.close()
    made = decided(folder)
    assert [(d.row_id, d.verdict) for d in made] == [
        (accepted, "label"), (skipped, "skip"), (flagged, "flag"), (flagged, "label"), (flagged, "undo")
    ]  # fmt: skip
    assert made[0].label == together
    assert made[2].note == "what is this? 1 2 x"
    assert made[4].undoes == made[3].number


def test_undo_goes_on_after_a_reload_without_limit(browser: Any, tmp_path: Path) -> None:
    folder = review_project(tmp_path / "p", 60)
    with reviewed(folder) as served:
        page = entered(browser, served)
        rows = [answer(page, "1") for _ in range(25)]
        saved(page)
        page.reload()
        page.wait_for_selector("#row code")
        for row in reversed(rows):
            page.keyboard.press("u")
            saved(page)
            assert row_of(page) == row
        page.keyboard.press("u")
        page.wait_for_function("() => document.querySelector('#said').textContent.includes('nothing to undo')")
        # A key that comes before the undo is done waits for it.
        answer(page, "2")
        page.evaluate("() => { act('undo'); act('label1'); }")
        saved(page)
        page.context.close()
    assert {i: a.label for i, a in answered(folder).items()} == {rows[0]: "HAM"}


def test_two_people_are_never_handed_the_same_row(browser: Any, tmp_path: Path) -> None:
    folder = review_project(tmp_path / "p", 80)
    with reviewed(folder) as served:
        ada, bo = entered(browser, served, "Ada"), entered(browser, served, "Bo")
        rows: dict[str, list[str]] = {"Ada": [], "Bo": []}
        for _ in range(20):
            rows["Ada"].append(answer(ada, "1"))
            rows["Bo"].append(answer(bo, "2"))
            assert row_of(ada) != row_of(bo)
        saved(ada)
        saved(bo)
        ada.context.close()
        bo.context.close()
    assert len({*rows["Ada"], *rows["Bo"]}) == 40
    assert {i: a.reviewer for i, a in answered(folder).items()} == {i: who for who in rows for i in rows[who]}


def test_what_the_page_calls_saved_outlives_a_killed_server_and_the_rest_is_sent_again(
    browser: Any, tmp_path: Path
) -> None:
    folder = review_project(tmp_path / "p", 120)
    served = start_review(folder)
    page = entered(browser, served)
    said: dict[str, str] = {}
    for round_ in range(3):
        for key in "1212121":
            said[answer(page, key)] = key
        saved(page)
        served.kill()
        assert served.process.stdout
        served.process.stdout.close()
        assert {i: {"HAM": "1", "SPAM": "2"}[str(a.label)] for i, a in answered(folder).items()} == said
        said[answer(page, "1")] = "1"
        said[answer(page, "2")] = "2"
        page.get_by_text("Not saved yet").wait_for()
        if round_ == 1:
            # Not even closing the page loses what the server has not got; there is none to load it from, though.
            assert len(page.evaluate("JSON.parse(sessionStorage.getItem('quorate-outbox'))")) == 2
        served = start_review(folder, port=int(served.home.rpartition(":")[2]))
        saved(page)
        assert not page.locator("#banner").is_visible()
    page.context.close()
    served.stop()
    assert served.process.stdout
    served.process.stdout.close()
    kept = [d for d in decided(folder) if d.verdict != "undo"]
    assert len(kept) == len(said) == 27
    assert {d.row_id: d.label for d in kept} == {i: {"1": "HAM", "2": "SPAM"}[key] for i, key in said.items()}


STRANGE = [
    "<script>window.pwned = 1</script><img src=x onerror='window.pwned=1'><b>bold</b> free &amp; &lt;",
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645 free \u0648\u0634\u0643 \U0001f600 123",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 free \U0001f1eb\U0001f1f7 \U0001f44d\U0001f3fd e\u0301",
    "a very long text " * 3_000,
    "x" * 5_000,
    "line\nbreak\ttab  two spaces",
    "{{ 7*7 }} ${7*7} %s </body></html>",
    "\u202eevil\u202c free",
]  # fmt: skip


def test_strange_texts_are_shown_as_they_are(browser: Any, tmp_path: Path) -> None:
    folder = review_project(tmp_path / "p", STRANGE, blind="never")
    with reviewed(folder) as served:
        page = entered(browser, served)
        shown = {}
        for _ in STRANGE:
            lead = page.locator(".lead")
            shown[row_of(page)] = lead.evaluate(
                "(node) => [...node.childNodes].filter(n => n.className !== 'key').map(n => n.textContent).join('')"
            )
            direction = lead.evaluate("(node) => getComputedStyle(node).direction")
            assert direction == ("rtl" if row_of(page) == "r1" else "ltr")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), row_of(page)
            row = row_of(page)
            page.keyboard.press("1")
            page.wait_for_function("(row) => !document.querySelector('#row').textContent.endsWith(row)", arg=row)
        assert page.evaluate("window.pwned") is None
        assert page.faults == []
        page.context.close()
    assert shown == {f"r{n}": text[:50_000] for n, text in enumerate(STRANGE)}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Any, tmp_path: Path, scheme: str) -> None:
    needs("axe_playwright_python")
    from axe_playwright_python.sync_playwright import Axe

    texts = ["free song", "Free, song!", "old music", "lovely music video", "win win win free"] + [
        "a long text " * 200
    ] * 3
    folder = review_project(tmp_path / "p", texts, blind="never", overlap=1.0)
    with reviewed(folder) as served:
        for name in ("Bo", "Ada"):
            page = entered(browser, served, name, color_scheme=scheme, bypass_csp=True)
            found: dict[str, list[str]] = {}

            def look(where: str, page: Any = page, found: dict[str, list[str]] = found) -> None:
                page.wait_for_timeout(200)
                found[where] = [fault["id"] for fault in Axe().run(page).response["violations"]]

            look("card")
            for key, where in (("/", "filter"), ("?", "help"), ("g", "guidelines"), ("f", "flag"), ("0", "find")):
                page.wait_for_function("() => state.cards.length")
                page.keyboard.press(key)
                page.wait_for_selector("dialog[open]")
                look(where)
                escape(page)
            page.keyboard.press("1" if name == "Bo" else "2")
            page.keyboard.press("x")
            page.keyboard.press("1")
            saved(page)
            page.click("#open-agreement")
            page.wait_for_selector("dialog[open]")
            look("agreement")
            escape(page)
            page.keyboard.press("b")
            look("group")
            page.evaluate("() => { state.wish = { text: 'nowhere' }; restart(); }")
            page.get_by_text("No more rows like these").wait_for()
            look("nothing")
            assert {where: ids for where, ids in found.items() if ids} == {}
            page.context.close()


@pytest.mark.parametrize(("width", "height", "scale"), [(360, 740, 1), (640, 450, 2), (320, 256, 4), (1280, 900, 1)])
def test_small_screens_and_large_zoom(browser: Any, tmp_path: Path, width: int, height: int, scale: int) -> None:
    texts = ["x" * 400, "free " * 300, "short song"]
    folder = review_project(tmp_path / "p", texts, blind="never")
    with reviewed(folder) as served:
        # 200 % zoom is half as many CSS pixels, each twice as large.
        page = entered(browser, served, viewport={"width": width, "height": height}, device_scale_factor=scale)
        for _ in texts[1:]:
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            button = page.locator("#labels button").first
            button.scroll_into_view_if_needed()
            box = button.bounding_box()
            assert box is not None
            assert box["height"] >= 44
            assert box["x"] + box["width"] <= width
            row = row_of(page)
            button.click()
            page.wait_for_function("(row) => document.querySelector('#row').textContent !== 'Row ' + row", arg=row)
        page.context.close()


def test_single_keys_can_be_switched_off_and_moved(browser: Any, tmp_path: Path) -> None:
    folder = review_project(tmp_path / "p", 30)
    with reviewed(folder) as served:
        page = entered(browser, served)
        row = row_of(page)
        page.keyboard.press("?")
        page.get_by_label("Single-key shortcuts").uncheck()
        escape(page)
        page.keyboard.press("1")
        page.wait_for_timeout(150)
        assert row_of(page) == row
        page.reload()
        page.wait_for_selector("#row code")
        page.keyboard.press("1")
        page.wait_for_timeout(150)
        assert row_of(page) == row
        page.click("#open-help")
        page.get_by_label("Single-key shortcuts").check()
        page.get_by_label("Change the key for: Label SPAM").click()
        page.keyboard.press("s")
        escape(page)
        page.keyboard.press("2")
        page.wait_for_timeout(150)
        assert row_of(page) == row
        answer(page, "s")
        # What is typed into a field is no answer, and space presses the button that has the focus.
        page.keyboard.press("/")
        page.keyboard.type("s1x song")
        escape(page)
        here = row_of(page)
        page.locator("[data-action=label1]").focus()
        page.keyboard.press("Space")
        page.wait_for_function("(row) => document.querySelector('#row').textContent !== 'Row ' + row", arg=here)
        saved(page)
        page.context.close()
    assert {i: a.label for i, a in answered(folder).items()} == {row: "SPAM", here: "HAM"}


def test_votes_are_hidden_until_the_reviewer_chose(browser: Any, tmp_path: Path) -> None:
    folder = review_project(tmp_path / "p", 30, blind="always")
    with reviewed(folder) as served:
        page = entered(browser, served)
        row = row_of(page)
        assert page.locator("mark").count() == 0
        assert page.locator("table").count() == 0
        assert "word_free" not in page.locator("main").inner_text()
        page.keyboard.press("a")
        page.wait_for_timeout(100)
        assert row_of(page) == row
        answer(page, "1")
        page.get_by_text("the votes say").first.wait_for()
        page.keyboard.press("u")
        saved(page)
        # They were told; hiding them again would be a lie.
        assert page.locator("table").count() == 1
        page.context.close()
    assert [d.saw_votes for d in decided(folder)][:1] == [False]


def test_one_key_answers_all_rows_that_read_the_same(browser: Any, tmp_path: Path) -> None:
    texts = ["Win a FREE song!!", "old music", "win a free song", "win a free song 7", "Win, a free song."]
    folder = review_project(tmp_path / "p", texts, blind="never")
    with reviewed(folder) as served:
        page = entered(browser, served)
        while not page.locator(".alike").count():
            answer(page, "Space")
        group = page.locator(".alike li").all_inner_texts()
        assert len(group) == 2
        page.keyboard.press("b")
        page.keyboard.press("2")
        saved(page)
        assert {i: a.label for i, a in answered(folder).items()} == dict.fromkeys(answered(folder), "SPAM")
        many = len(answered(folder))
        assert many == len(group) + 1
        page.keyboard.press("u")
        saved(page)
        assert answered(folder) == {}
        page.context.close()


def test_the_page_fetches_nothing_from_elsewhere(browser: Any, tmp_path: Path) -> None:
    folder = review_project(tmp_path / "p", ["see http://example.com/a.png", "https://example.com free"])
    asked: list[str] = []
    with reviewed(folder) as served:
        page = browser.new_context().new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto(served.url)
        page.wait_for_selector("#name")
        page.keyboard.type("Ada")
        page.keyboard.press("Enter")
        page.wait_for_selector("#row code")
        time.sleep(0.3)
        page.context.close()
    assert asked
    assert all(url.startswith((served.home, "data:")) for url in asked)
