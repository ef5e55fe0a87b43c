"""A review without a browser: who is handed what, what answers are worth, what others see of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from projects import needs, quorate
from reviewing import Client, answered, decided, review_project, reviewed

from quorate import open_project, review_in_notebook, run
from quorate.review.answers import Answer, Refused, keep, undo
from quorate.review.card import card
from quorate.review.concord import concord
from quorate.review.leases import Leases
from quorate.review.ledger import _lottery
from quorate.review.progress import pace, status
from quorate.review.room import AHEAD, Room
from quorate.review.sheets import sheets, write_sheet
from quorate.review.wish import Wish

Enter = Callable[..., Room]


@pytest.fixture
def enter(tmp_path: Path) -> Iterator[Enter]:
    """Opens a review of the project in `p`, made of what is given unless it is there."""
    rooms: list[Room] = []

    def enter(rows: Any = 40, **options: Any) -> Room:
        folder = tmp_path / "p"
        if not folder.exists():
            review_project(folder, rows, **options)
        rooms.append(Room(open_project(folder)))
        return rooms[-1]

    yield enter
    for room in rooms:
        room.close()


def say(room: Room, row: str, who: str, label: str | None, **more: Any) -> list[str]:
    """One answer; the rows that it settled."""
    content = room.ledger.contents[room.ledger.place[row]].hex()
    verdict = "none" if label is None else label if label in ("skip", "flag") else "label"
    told = {"once": f"{who}-{row}-{label}-{time.monotonic_ns()}", "id": row, "content": content, "verdict": verdict}
    return keep(room, Answer.of({**told, "label": label, **more}), who, who)


def dealt(room: Room, who: str, wish: Wish | None = None, **more: Any) -> list[str]:
    places = room.deal(who, who, wish or Wish(), **more)
    return [room.ledger.ids[at] for at in places]


def thought(room: Room) -> None:
    """Waits until the label model has heard every answer."""
    room.thinker.tell()
    for _ in range(400):
        if room.belief.number >= room.ledger.number:
            return
        time.sleep(0.02)
    raise AssertionError("the label model thinks too long")


def test_sessions_are_handed_different_rows_and_keep_theirs(enter: Enter) -> None:
    room = enter()
    ada, bo = dealt(room, "Ada"), dealt(room, "Bo")
    assert len(ada) == len(bo) == AHEAD
    assert not set(ada) & set(bo)
    assert dealt(room, "Ada") == ada, "after a reload"
    say(room, ada[0], "Ada", "HAM")
    more = dealt(room, "Ada", have=ada[1:])
    assert len(more) == 1
    assert not set(more) & {*ada, *bo}


def test_another_process_hands_out_other_rows_and_sees_the_answers(enter: Enter) -> None:
    one, other = enter(), enter()
    mine = dealt(one, "Ada")
    assert not set(mine) & set(dealt(other, "Bo"))
    say(one, mine[0], "Ada", "HAM")
    other.refresh()
    assert other.ledger.people[other.ledger.place[mine[0]]] == 1


def test_a_lease_that_ran_out_may_be_taken_by_anybody(tmp_path: Path) -> None:
    now = [0.0]
    leases = Leases(tmp_path / "l.sqlite", 10, lambda: now[0])
    assert leases.take("a", ["x", "y"], 2) == ["x", "y"]
    assert leases.take("b", ["x", "y", "z"], 2) == ["z"]
    now[0] = 9
    assert leases.mine("a") == ["x", "y"]
    now[0] = 18
    assert leases.take("b", ["x"], 1) == []
    now[0] = 30
    assert leases.take("b", ["x"], 1) == ["x"]
    leases.keep("a", ["x"])
    assert (leases.mine("a"), sorted(leases.mine("b"))) == ([], ["x", "z"])
    leases.close()


def test_what_was_taken_back_is_asked_again_after_a_restart_too(enter: Enter) -> None:
    room = enter()
    row = dealt(room, "Ada")[0]
    say(room, row, "Ada", "HAM")
    thought(room)
    room.leases.keep("Ada", [])
    later = enter()
    assert row not in dealt(later, "Bo")
    undo(later, "once", "Ada")
    for _ in range(400):
        if dealt(later, "Ada")[0] == row:
            break
        later.leases.keep("Ada", [])
        time.sleep(0.02)
    assert dealt(later, "Ada")[0] == row
    assert undo(later, "once", "Ada")[0].row_id == row, "sent twice, done once"


def test_a_share_of_the_rows_is_read_by_two_and_disputes_are_settled(enter: Enter, tmp_path: Path) -> None:
    room = enter(overlap=1.0)
    row, same = dealt(room, "Ada")[:2]
    say(room, row, "Ada", "HAM")
    say(room, same, "Ada", "SPAM")
    assert {row, same} <= set(dealt(room, "Bo"))
    assert row not in dealt(room, "Ada")
    shown = card(room, room.ledger.place[row], "Bo", "Bo")
    assert shown["blind"]
    assert shown["seen"] is None
    say(room, row, "Bo", "SPAM")
    say(room, same, "Bo", "SPAM")
    assert dealt(room, "Cy", Wish("disputed")) == [row]
    assert row not in answered(tmp_path / "p")
    ruling = card(room, room.ledger.place[row], "Cy", "Cy")
    assert {(one["reviewer"], one["label"]) for one in ruling["ruling"]} == {("Ada", "HAM"), ("Bo", "SPAM")}
    say(room, row, "Cy", "HAM")
    assert dealt(room, "Cy", Wish("disputed")) == []
    assert answered(tmp_path / "p")[row].label == "HAM"
    found = concord(room)
    assert (found["rows"], found["overall"]["same"]["value"]) == (2, 0.5)
    assert found["differ"] == [{"labels": ["HAM", "SPAM"], "rows": 1}]


@given(st.sets(st.text(max_size=8), min_size=1, max_size=50), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_overlap_holds_the_smaller_one(ids: set[str], a: float, b: float) -> None:
    small, large = (_lottery(sorted(ids), share) for share in sorted((a, b)))
    assert (small <= large).all()
    assert _lottery(sorted(ids), 1.0).all()
    assert not _lottery(sorted(ids), 0.0).any()


def test_filters(enter: Enter) -> None:
    room = enter(64, blind="never")
    votes, ids = room.votes, np.array(room.ledger.ids)
    a, b = (votes.matrix[:, votes.sources.index(name)] for name in ("song", "channel"))
    differ = set(ids[(a >= 0) & (b >= 0) & (a != b)])
    assert set(dealt(room, "1", Wish(sources=("song", "channel")))) <= differ
    assert differ
    both = dealt(room, "2", Wish(labels=("HAM", "SPAM"), text="SONG"))
    assert both
    assert all("song" in room.rows.values("text")[room.ledger.place[i]] for i in both)
    strength = room.belief.line.reasons["conflict"]
    room.leases.keep("1", [])
    room.leases.keep("2", [])
    by_signal = [float(strength[room.ledger.place[i]]) for i in dealt(room, "3", Wish(signal="conflict"))]
    assert by_signal == sorted(by_signal, reverse=True)
    assert min(by_signal) > 0
    for wish in (
        Wish(sources=("song", "nobody")),
        Wish(labels=("HAM", "EGGS")),
        Wish(text="no such word"),
        Wish("mine"),
    ):
        assert dealt(room, "4", wish) == []
    first, second = dealt(room, "Ada")[:2]
    say(room, first, "Ada", "HAM")
    say(room, second, "Ada", "skip")
    say(room, second, "Ada", "flag", note="odd")
    assert dealt(room, "Ada", Wish("mine")) == [first]
    assert dealt(room, "Ada", Wish("skipped")) == [second]
    assert dealt(room, "Bo", Wish("mine")) == []
    room.leases.keep("Ada", [])
    assert dealt(room, "Bo", Wish("flagged")) == [second]
    assert second in dealt(room, "Bo", Wish(text=room.rows.values("text")[room.ledger.place[second]]))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
    )
)
def test_any_wish_is_understood_or_left_out(given: Any) -> None:
    assert isinstance(Wish.of(given), Wish)
    assert isinstance(Wish.of({"kind": given, "sources": given, "labels": given, "signal": given, "text": given}), Wish)


def test_rows_that_others_have_before_them_are_left_out_of_an_answer_for_many(enter: Enter, tmp_path: Path) -> None:
    room = enter(["Win it", "win it!", "WIN IT", "old song"])
    room.leases.take("Bo", ["r1"], 1)
    assert say(room, "r0", "Ada", "SPAM", alike=["r1", "r2", "r3", "nobody"]) == ["r0", "r2"]
    assert set(answered(tmp_path / "p")) == {"r0", "r2"}
    assert {d.row_id for d in undo(room, "u", "Ada")} == {"r0", "r2"}
    assert answered(tmp_path / "p") == {}


def test_an_answer_is_kept_once_however_often_it_is_sent(enter: Enter, tmp_path: Path) -> None:
    room = enter()
    content = room.ledger.contents[0].hex()
    answer = Answer.of({"once": "x", "id": "r0", "content": content, "verdict": "label", "label": "HAM"})
    for _ in range(3):
        keep(room, answer, "Ada", "Ada")
    assert len(decided(tmp_path / "p")) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "r999"},
        {"content": "00"},
        {"verdict": "undo"},
        {"verdict": "x"},
        {"label": "EGGS"},
        {"once": ""},
        {"once": "x" * 65},
    ],
)
def test_an_answer_that_makes_no_sense_is_refused(enter: Enter, tmp_path: Path, wrong: dict[str, str]) -> None:
    room = enter(3)
    content = room.ledger.contents[0].hex()
    right = {"once": "x", "id": "r0", "content": content, "verdict": "label", "label": "HAM"}
    with pytest.raises(Refused):
        keep(room, Answer.of(right | wrong), "Ada", "Ada")
    assert decided(tmp_path / "p") == []


def test_answers_move_the_label_model_and_the_next_run(enter: Enter, tmp_path: Path) -> None:
    room = enter(120)
    before = room.belief
    for row in dealt(room, "Ada") + dealt(room, "Bo"):
        say(room, row, "Ada", "SPAM")
    thought(room)
    assert room.belief is not before
    assert not np.allclose(room.belief.labels.probs, before.labels.probs)
    stands = status(room, "Ada")
    assert (stands["answered"], stands["mine"], stands["waits"]) == (20, 20, False)
    assert stands["accuracy"]["believed"] > 0
    done = run(open_project(tmp_path / "p"))
    assert done.report["reviewed"]["rows"] == 20


def test_the_accuracy_on_the_page_comes_of_rows_drawn_at_random_alone(enter: Enter) -> None:
    room = enter(120)
    assert status(room, "Ada")["accuracy"]["share"] is None
    drawn = [at for at in range(120) if room.belief.line.inclusion[at] < 1 and room.fused(at)]
    aimed = [at for at in range(120) if room.belief.line.inclusion[at] == 1]
    for at in [*drawn[:3], *aimed[:5]]:
        say(room, f"r{at}", "Ada", "SPAM")
    thought(room)
    assert status(room, "Ada")["accuracy"]["sampled"] == len(drawn[:3]) > 0


def test_the_pace_leaves_breaks_out() -> None:
    assert pace([0, 1, 2]) is None
    assert pace([0, 2, 4, 6, 8]) == pytest.approx(30)
    assert pace([0, 2, 4, 1000, 1002, 1004]) == pytest.approx(30)


def test_guidelines_are_files_of_the_project_with_every_version_kept(enter: Enter, tmp_path: Path) -> None:
    room = enter(overlap=1.0)
    assert sheets(room) == {"sheets": {}}
    write_sheet(room, ["SPAM", "HAM"], "# First", "Ada")
    write_sheet(room, ["HAM", "SPAM"], "# Second", "Bo")
    write_sheet(room, [], "All", "Bo")
    path = tmp_path / "p" / "guidelines" / "HAM__SPAM.md"
    assert path.read_text() == "# Second"
    path.write_text("by hand")
    found = sheets(room)["sheets"]
    assert found["HAM | SPAM"]["text"] == "by hand"
    assert [one["by"] for one in found["HAM | SPAM"]["versions"]] == ["Bo", "Ada"]
    assert (tmp_path / "p" / "guidelines" / "all.md").read_text() == "All"
    for labels in (["HAM"], ["HAM", "HAM"], ["HAM", "../../x"]):
        with pytest.raises(Refused):
            write_sheet(room, labels, "x", "Ada")


def test_agreement_before_and_after_a_guideline(enter: Enter) -> None:
    room = enter(overlap=1.0)
    first, second = room.ledger.ids[:2]
    say(room, first, "Ada", "HAM")
    say(room, first, "Bo", "SPAM")
    write_sheet(room, ["HAM", "SPAM"], "clear now", "Ada")
    say(room, second, "Ada", "SPAM")
    say(room, second, "Bo", "SPAM")
    (sheet,) = concord(room)["sheets"]
    assert (sheet["before"], sheet["after"]) == ({"rows": 1, "same": 0}, {"rows": 1, "same": 1})


def test_a_review_in_a_notebook(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = review_project(tmp_path / "p", ["free \x1b[31m[red]song[/red]", "old music", "win"], blind="never")
    said = iter(["nonsense", "f odd", "u", "1", "u", "2", "x", "q"])
    assert review_in_notebook(folder, "Ada", ask=lambda _: next(said)) == 2
    shown = capsys.readouterr().out
    assert "[red]song[/red]" in shown
    assert "\x1b[31m" not in shown
    assert sorted(str(a.label) for a in answered(folder).values()) == ["None", "SPAM"]


def test_a_review_in_a_terminal(tmp_path: Path) -> None:
    folder = review_project(tmp_path / "p", 10)
    ended = quorate("review", folder, "--terminal", "--reviewer", "Ada")
    assert ended.code == 0, ended.err
    assert "1-2 label" in ended.out


FORMS = ("csv", "label-studio", "argilla", "prodigy")


@pytest.mark.parametrize("form", FORMS)
def test_gold_goes_out_and_comes_back(enter: Enter, tmp_path: Path, form: str) -> None:
    room = enter(['free, "quoted"\nsong', "=1+1", "win", "old"], overlap=1.0)
    for row, who, label in (
        ("r0", "Ada", "HAM"),
        ("r1", "Bo \u2603", "SPAM"),
        ("r2", "Ada", None),
        ("r2", "Bo", "HAM"),
    ):
        say(room, row, who, label)
    file = tmp_path / "gold"
    out = quorate("gold", "export", tmp_path / "p", file, "--format", form, "--json")
    assert (out.code, out.json["answers"], out.json["rows"]) == (0, 4, 3), out.out + out.err
    other = review_project(tmp_path / "other", ['free, "quoted"\nsong', "=1+1", "win", "old"])
    for kept in (4, 0):
        came = quorate("gold", "import", other, file, "--format", form, "--json")
        assert (came.code, came.json.get("kept")) == (0, kept), came.out + came.err
    told = {(d.row_id, d.reviewer, d.verdict, d.label) for d in decided(other)}
    assert told == {(d.row_id, d.reviewer, d.verdict, d.label) for d in decided(tmp_path / "p")}


@pytest.mark.parametrize(
    ("form", "content", "told"),
    [
        ("csv", "id,label\nr0,EGGS\n", "line 2: 'EGGS' is not a label"),
        ("csv", "id,label\nr9,HAM\n", "1 of 1 answers are about rows that are not there: 'r9'"),
        ("csv", "row,label\nr0,HAM\n", "cannot be read as csv: KeyError: 'id'"),
        ("argilla", "{", "cannot be read as argilla"),
        ("prodigy", "[1]", "cannot be read as prodigy"),
        ("excel", "", "there is no form 'excel'; known are 'csv', 'label-studio', 'argilla', 'prodigy'"),
    ],
)
def test_what_cannot_be_taken_in_is_told(tmp_path: Path, form: str, content: str, told: str) -> None:
    folder = review_project(tmp_path / "p", 3)
    (tmp_path / "gold").write_text(content)
    ended = quorate("gold", "import", folder, tmp_path / "gold", "--format", form)
    assert ended.code == 2
    assert told in " ".join(ended.err.split())


def test_a_line_separator_within_a_text_ends_no_line(tmp_path: Path) -> None:
    folder = review_project(tmp_path / "p", 3)
    task = {"text": "a\u2028b", "meta": {"id": "r2"}, "label": "SPAM", "answer": "accept"}
    (tmp_path / "gold").write_text(json.dumps(task, ensure_ascii=False) + "\n", "utf-8")
    ended = quorate("gold", "import", folder, tmp_path / "gold", "--format", "prodigy")
    assert ended.code == 0, ended.err
    assert {i: a.label for i, a in answered(folder).items()} == {"r2": "SPAM"}


def test_what_label_studio_argilla_and_prodigy_write_themselves_is_read(tmp_path: Path) -> None:
    folder = review_project(tmp_path / "p", 6)
    choice = {"type": "choices", "from_name": "c", "to_name": "t", "value": {"choices": ["spam"]}}
    files = {
        "label-studio": [{"id": 7, "data": {"id": "r0", "text": "x"}, "annotations": [
            {"completed_by": {"email": "a@b.org"}, "result": [choice]}, {"was_cancelled": True, "result": []}]}],
        "argilla": [{"id": "r1", "fields": {}, "responses": {"label": [
            {"value": "HAM", "user_id": "u1"}, {"value": "SPAM", "user_id": "u2", "status": "discarded"}]}}],
        "prodigy": [{"text": "x", "meta": {"id": "r2"}, "label": "SPAM", "answer": "accept"},
                    {"text": "x", "meta": {"id": "r3"}, "accept": ["HAM"], "answer": "accept", "_session_id": "s"},
                    {"text": "x", "meta": {"id": "r4"}, "answer": "ignore"}],
    }  # fmt: skip
    for form, content in files.items():
        (tmp_path / form).write_text(json.dumps(content))
        ended = quorate("gold", "import", folder, tmp_path / form, "--format", form)
        assert ended.code == 0, ended.err
    assert {i: (a.label, a.reviewer) for i, a in answered(folder).items()} == {
        "r0": ("SPAM", "a@b.org"), "r1": ("HAM", "u1"), "r2": ("SPAM", "import"), "r3": ("HAM", "s")
    }  # fmt: skip


def test_two_hundred_thousand_rows(tmp_path: Path) -> None:
    needs("starlette")
    words = ("free", "song", "channel", "lovely", "win", "video", "old", "music", "great", "click", "money", "view")
    texts = [" ".join(words[(n // 12**p) % 12] for p in range(5)) + f" {'x' * (n % 5)}" for n in range(200_000)]
    with reviewed(review_project(tmp_path / "p", texts)) as served:
        client = Client(served)
        times: list[float] = []
        have: list[Any] = []
        for n in range(120):
            began = time.monotonic()
            have += client.post("cards", tab="a", have=[one["id"] for one in have])["cards"]
            times.append(time.monotonic() - began)
            one = have.pop(0)
            told = {"once": str(n), "id": one["id"], "content": one["content"], "verdict": "label", "label": "HAM"}
            client.post("decide", tab="a", **told)
        peak = Path(f"/proc/{served.process.pid}/status")
        peak_kb = int(peak.read_text().partition("VmHWM:")[2].split()[0]) if peak.exists() else 0
    assert times[0] < 2
    assert np.percentile(times, 95) < 0.5
    assert peak_kb < 2_000_000
