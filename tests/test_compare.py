"""`quorate compare` from end to end: files and projects, every form, every refusal."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compared import frame, inside, simulated
from projects import REPOSITORY

import quorate
from quorate.errors import CannotTell, LabelError, TableError


@pytest.fixture(scope="module")
def report(labels: Path) -> dict[str, Any]:
    ended = inside("compare", labels, "a", "b", "--gold", "gold", "--text", "text", "--id", "id", "--json")
    assert ended.code == 0
    assert ended.out.count("\n") == 1
    found: dict[str, Any] = ended.json
    return found


def test_a_table_of_labels_needs_no_project(report: dict[str, Any]) -> None:
    assert report["schema"] == "quorate.compare/1"
    assert report["verdict"]["outcome"] == "a"
    assert re.match(r"a labels better than b by \d+\.\d points \[.*\]: 200 settled rows", report["verdict"]["sentence"])


def test_every_key_of_the_report_is_documented(report: dict[str, Any]) -> None:
    documented = (REPOSITORY / "docs" / "compare.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`(\w+)`", documented))
    assert set(report) <= told
    assert set(report["paired"]) <= told


def test_the_estimates_hold_the_truth(report: dict[str, Any]) -> None:
    table = frame()
    for side, name in (("a", "a"), ("b", "b")):
        estimate = report["paired"][side]
        assert estimate["low"] - 0.02 <= (table[name] == table["gold"]).mean() <= estimate["high"] + 0.02


def test_the_same_question_has_the_same_answer(labels: Path, report: dict[str, Any]) -> None:
    again = inside("compare", labels, "--columns", "a,b", "--gold", "gold", "--text", "text", "--id", "id", "--json")
    assert again.json == report


def test_without_gold_accuracy_is_refused_with_the_reason(labels: Path) -> None:
    told = inside("compare", labels, "a", "b", "--again", "a=c", "--json").json
    assert told["verdict"]["outcome"] == "unknown"
    assert told["paired"] is told["classes"] is told["frontier"] is None
    assert "no row is settled" in told["accuracy_refused"]
    assert told["agreement"]["coefficients"]["cohen_kappa"]["value"] > 0.3
    assert told["stability"][0]["flips"] > 0
    assert "Accuracy is not reported" in " ".join(told["caveats"])


def test_without_gold_the_page_and_markdown_say_so(labels: Path, tmp_path: Path) -> None:
    html, markdown = tmp_path / "r.html", tmp_path / "r.md"
    assert inside("compare", labels, "a", "b", "--html", html, "--markdown", markdown).code == 0
    assert "Accuracy is refused" in html.read_text(encoding="utf-8")
    assert "Accuracy is not reported" in markdown.read_text(encoding="utf-8")


def test_three_sources_make_a_leaderboard(labels: Path) -> None:
    told = inside("compare", labels, "a", "b", "c", "--gold", "gold", "--json").json["leaderboard"]
    assert [standing["name"] for standing in told["standings"]] == ["a", "b", "c"]
    assert told["standings"][0]["groups"] == "a"
    assert len(told["duels"]) == 3
    assert told["agreement"][0][0] == 1


def test_a_condition_that_holds_ends_with_six(labels: Path) -> None:
    common = ("compare", labels, "a", "b", "--gold", "gold", "--fail-if")
    failing = inside(*common, "B worse than A by 2 points")
    assert failing.code == 6
    assert "FAILS" in failing.out
    assert inside(*common, "A worse than B by 2 points").code == 0
    assert inside(*common, "A worse by 2").code == 2


def test_the_rows_to_settle_are_blind(labels: Path, tmp_path: Path) -> None:
    out = tmp_path / "next.csv"
    common = ("compare", labels, "a", "b", "--gold", "gold", "--id", "id", "--text", "text")
    assert inside(*common, "--to-review", out, "--review", 40).code == 0
    with out.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 40
    assert set(rows[0]) == {"id", "text", "inclusion", "gold"}
    assert not {row["id"] for row in rows} & {f"r{i}" for i in range(200)}


def test_a_frame_in_python() -> None:
    found = quorate.compare(frame(settled=150), "a", "b", gold="gold", usd_per_1000={"a": 3.0, "b": 1.0})
    assert "a costs 3.0x what b does" in found.verdict
    assert found.report["money"][0]["usd_per_1000_rows"] == 3.0
    assert len(found.to_review(20)) == 20
    assert json.dumps(found.report)


def test_votes_in_python() -> None:
    matrix, gold = simulated(300, 1)
    votes = quorate.Votes.of(matrix, ["no", "yes", "maybe"], ["a", "b"])
    known = quorate.Gold.of(range(100), [["no", "yes", "maybe"][y] for y in gold[:100]], votes.space)
    found = quorate.compare(votes, "a", "b", gold=known)
    assert found.report["settled"]["rows"] == 100


def test_a_gold_cell_may_hold_two_labels() -> None:
    table = frame(100)
    table.loc[0, ["a", "b", "gold"]] = ["yes", "no", "yes|no"]
    told = quorate.compare(table, "a", "b", gold="gold").report
    assert told["settled"]["several_labels"] == 1
    assert told["paired"]["counts"]["both_acceptable"] == 1


def test_two_people_are_the_ceiling() -> None:
    table = frame(200)
    table["second"] = table["gold"]
    table.loc[:19, "second"] = np.where(table.loc[:19, "gold"] == "yes", "no", "yes")
    table.loc[150:, "second"] = ""
    told = quorate.compare(table, "a", "b", gold="gold", second="second")
    assert told.report["ceiling"]["rows"] == 150
    assert told.report["ceiling"]["agree"] == pytest.approx(130 / 150, abs=1e-6)
    assert "two people agree" in told.html()


def test_languages_are_told_apart_by_their_common_words() -> None:
    table = frame(200)
    table["text"] = ["the parcel is late and you know"] * 100 + ["das ist nicht der Brief und ich"] * 100
    names = {each["name"]: each["rows"] for each in quorate.compare(table, "a", "b", text="text").report["slices"]}
    assert names["texts that look German"] == names["texts that look English"] == 100


def test_an_empty_cell_is_no_answer_and_what_is_no_label_is_told() -> None:
    table = frame(100)
    table.loc[:4, "a"] = ""
    table.loc[5:7, "a"] = "I cannot help with that"
    told = quorate.compare(table, "a", "b", gold="gold", labels=["no", "yes", "maybe"]).report
    entry = told["completion"][0]
    assert (entry["answered"], entry["abstained"]) == (92, 5)
    assert entry["attempts"] == {"unknown_label": 3}
    assert told["paired"]["a_answered"]["value"] > told["paired"]["a"]["value"]


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"names": ("a", "z")}, TableError, "no column 'z'"),
        ({"names": ("a",)}, LabelError, "two or more"),
        ({"gold": "golden"}, TableError, "Did you mean 'gold'"),
        ({"gold": "a"}, TableError, "cannot be gold"),
        ({"names": ("a", "id")}, TableError, "those are no labels"),
        ({"confidence": {"a": "text"}}, TableError, "does not hold numbers"),
        ({"fail_if": ["a worse"]}, CannotTell, "not understood"),
    ],
)
def test_what_cannot_be_compared_is_refused(change: dict[str, Any], error: type[Exception], said: str) -> None:
    names = change.pop("names", ("a", "b"))
    with pytest.raises(error, match=said):
        quorate.compare(frame(1_200), *names, **({"gold": "gold"} | change))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a",), "two sources or more"),
        (("a", "b", "--again", "a"), "NAME=VALUE"),
        (("a", "b", "--price", "a=cheap"), "no number"),
        (("a", "b", "--sampled", "well"), "random or strata"),
        (("a", "q"), "no column 'q'"),
    ],
)
def test_a_command_that_makes_no_sense_says_so(labels: Path, arguments: tuple[str, ...], said: str) -> None:
    ended = inside("compare", labels, *arguments)
    assert ended.code == 2
    assert said in ended.err


def test_two_sources_that_say_the_same_everywhere() -> None:
    table = frame(60)
    table["b"] = table["a"]
    told = quorate.compare(table, "a", "b", gold="gold")
    assert told.report["verdict"]["outcome"] == "level"
    assert told.report["disagreements"]["pairs"] == []
    assert "They differ on no row" in told.html()


def test_sources_that_answer_nothing_have_no_agreement_and_say_why() -> None:
    table = frame(60)
    table["a"] = ""
    told = quorate.compare(table, "a", "b", gold="gold")
    assert "no unit was rated twice" in told.report["agreement"]["coefficients"]["cohen_kappa"]["undefined"]
    assert told.html()
    assert told.markdown()
