"""From a comparison to the rows that decide it, and back: the review of a pair, and lists of rows filled in."""

from __future__ import annotations

import csv
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compared import LABELS, frame, inside, simulated
from projects import needs
from reviewing import review_project
from rich.console import Console

import quorate
from quorate.errors import CannotTell, LabelError, TableError
from quorate.project import Project, open_project
from quorate.review.answers import Answer, keep
from quorate.review.card import card
from quorate.review.progress import status
from quorate.review.room import Room
from quorate.review.talk import Talk

RULES = """\
from quorate import labeling_function

@labeling_function()
def strict(text):
    return "SPAM" if "free" in text else "HAM"

@labeling_function()
def lax(text):
    return "SPAM" if "free" in text or "song" in text else "HAM"

@labeling_function(label="SPAM")
def silent(text):
    return False
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = review_project(tmp_path / "p", 200, blind="never")
    (folder / "rules.py").write_text(RULES, encoding="utf-8")
    return folder


def answered(folder: Path, number: int, truth: str = "HAM") -> list[str]:
    """Answers the rows of the review of strict against lax as they come; what the review said after each."""
    room = Room(open_project(folder), between=("strict", "lax"))
    said = []
    try:
        for n in range(number):
            at = room.deal("s", "Ada", quorate_wish())[0]
            shown = card(room, at, "s", "Ada")
            assert shown["seen"] is None, "votes are hidden"
            given = {"once": f"{n:024d}", "id": shown["id"], "content": shown["content"], "verdict": "label"}
            keep(room, Answer.of({**given, "label": truth, "note": "", "dwell_ms": 1}), "s", "Ada")
            said.append(status(room, "Ada")["outlook"])
    finally:
        room.close()
    return said


def quorate_wish() -> Any:
    from quorate.review.wish import Wish

    return Wish()


def test_the_review_of_a_pair_says_when_to_stop_and_the_comparison_says_the_same(project: Path) -> None:
    needs("starlette")
    said = answered(project, 20)
    assert said[0].startswith("Go on")
    assert said[-1].startswith("You may stop: strict is better")
    told = inside("compare", project, "strict", "lax", "--json").json
    assert told["verdict"]["peeking"] == said[-1]
    assert told["paired"]["anytime"]["reviews"] == told["paired"]["counts"]["a_right"] == 18
    assert told["settled"]["strata"][0]["settled"] == 2


def test_an_open_comparison_names_the_command_that_goes_on(project: Path) -> None:
    told = inside("compare", project, "strict", "lax", "--json").json["next"]
    assert told["disagreements"] > 20
    (command,) = told["commands"]
    words = shlex.split(command)
    assert words[:3] == ["quorate", "review", str(project)]
    assert inside(*words[1:], "--terminal", "--reviewer", "Ada").code == 0


def test_none_of_these_is_an_answer_that_nobody_wins(project: Path) -> None:
    room = Room(open_project(project), between=("strict", "lax"))
    replies = iter(["x", "1", "x", "q"])
    shown: list[Any] = []
    try:
        assert Talk(room, "Ada", shown.append, lambda _: next(replies), "s").go_on() == 3
    finally:
        room.close()
    told = inside("compare", project, "strict", "lax", "--json").json
    assert told["settled"]["no_label"] == 2
    assert told["paired"]["anytime"]["reviews"] == 3
    text = Console(width=100, record=True)
    for each in shown:
        text.print(each)
    assert "Go on" in text.export_text()


@pytest.mark.parametrize(
    ("names", "error", "said"),
    [(("strikt", "lax"), LabelError, "Did you mean 'strict'"), (("strict", "silent"), CannotTell, "no vote yet")],
)
def test_a_review_between_sources_that_cannot_be_told_apart_is_refused(
    project: Path, names: tuple[str, str], error: type[Exception], said: str
) -> None:
    opened: Project = open_project(project)
    with pytest.raises(error, match=said):
        Room(opened, between=names)


def table(folder: Path) -> Path:
    path = folder / "labels.csv"
    frame(400).drop(columns="gold").to_csv(path, index=False)
    return path


def filled(path: Path, number: int) -> None:
    """Fills in the first rows of a list, as a person who knows would."""
    _, gold = simulated(400, 0, (0.95, 0.75, 0.6))
    truth = {f"r{i}": LABELS[y] for i, y in enumerate(gold)}
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    for row in rows[:number]:
        row["gold"] = truth[row["id"]]
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def test_following_what_a_comparison_of_a_file_says_ends_in_a_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    commands = inside("compare", table(tmp_path), "a", "b", "--id", "id", "--text", "text", "--json").json["next"]
    first, second = (shlex.split(command)[1:] for command in commands["commands"])
    assert inside(*first, "--review", 60).code == 0
    filled(tmp_path / "next.csv", 50)
    told = inside(*second, "--json").json
    assert told["settled"]["rows"] == 50
    assert told["verdict"]["outcome"] == "a"
    assert told["verdict"]["peeking"].startswith("You may stop: a is better")
    assert told["next"]["commands"] == []


def test_answers_come_after_gold_and_win() -> None:
    found = frame(100, settled=20)
    found.loc[[0, 1], "gold"] = "maybe"
    names = quorate.compare(found, "a", "b", gold="gold", id="id").candidates
    import pyarrow as pa

    from quorate.comparing.tabled import Columns, tabled

    answers = pa.table({"id": ["r50", "r0"], "gold": ["no", "yes"]})
    told = tabled(found, Columns(("a", "b"), "gold", id="id"), answers=answers).settled
    assert sorted(told.position[:-2].tolist()) == list(range(1, 20))
    assert told.position[:-2].tolist() != list(range(1, 20)), "the order of the table may tell the label"
    assert told.position[-2:].tolist() == [50, 0]
    assert told.in_order
    assert names.votes.space.names[int(np.flatnonzero(told.fits[-1])[0])] == "yes"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,label\nr1,yes\n", "columns 'id' and 'gold'"),
        ("id,gold\nq7,yes\n", "not there: 'q7'"),
        ("id,gold\nr1,\n", "holds no label"),
    ],
)
def test_a_list_that_cannot_be_joined_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "next.csv").write_text(text, encoding="utf-8")
    with pytest.raises(TableError, match=said):
        quorate.compare(frame(50), "a", "b", id="id", answers=tmp_path / "next.csv")
