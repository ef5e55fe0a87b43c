"""Laws of decisions: append-only, sent twice is once, undo without limit, kill -9, two processes."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from projects import write_project

from quorate.decisions import Decision, Decisions, Sheet, last_decision, read_decisions
from quorate.errors import DecisionsError
from quorate.project import open_project
from quorate.run import compute, run
from quorate.standing import by_row, content_keys, of_these_rows, refused, reviewed_gold, standing
from quorate.values import LabelSpace

SPACE = LabelSpace(("HAM", "SPAM"))


def decision(row: str = "a", label: str | None = "SPAM", reviewer: str = "eva", **more: Any) -> Decision:
    verdict = more.pop("verdict", "label" if label else "none")
    once = more.pop("once", f"{random.random()}")
    return Decision(once=once, row_id=row, content=b"k", reviewer=reviewer, verdict=verdict, label=label, **more)


def stands(path: Path, row: str = "a") -> Any:
    return standing(by_row(read_decisions(path)).get(row, []))


def test_a_decision_is_read_back_as_it_was_made(tmp_path: Path) -> None:
    path = tmp_path / "decisions.sqlite"
    given_ = decision(
        note="half \ud83d of a pair", dwell_ms=312, saw_votes=False, fused="HAM", inclusion=0.25, at_s=12.5
    )
    with Decisions(path) as decisions:
        decisions.add([given_])
        (kept,) = decisions.since()
        assert decisions.since(kept.number) == []
    assert (kept.dwell_ms, kept.saw_votes, kept.inclusion, kept.fused, kept.at_s) == (312, False, 0.25, "HAM", 12.5)
    assert kept.note == "half \\ud83d of a pair"
    assert read_decisions(tmp_path / "none.sqlite") == []


def test_sent_twice_counts_once(tmp_path: Path) -> None:
    path = tmp_path / "decisions.sqlite"
    with Decisions(path) as decisions:
        decisions.add([decision(once="x"), decision(once="y")])
        before = last_decision(path)
        decisions.add([decision(once="x", label="HAM")])
        assert last_decision(path) == before
    assert [made.label for made in read_decisions(path)] == ["SPAM", "SPAM"]


def test_undo_goes_back_one_key_press_at_a_time_and_never_takes_anothers_answer(tmp_path: Path) -> None:
    path = tmp_path / "decisions.sqlite"
    with Decisions(path) as decisions:
        decisions.add([decision(label="HAM")])
        decisions.add([decision(label="SPAM", together="t"), decision("b", together="t")])
        decisions.add([decision(label="HAM", reviewer="max")])
        assert {made.row_id for made in decisions.undo("eva", "u1")} == {"a", "b"}
        assert {made.row_id for made in decisions.undo("eva", "u1")} == {"a", "b"}, "sent again: nothing more"
        assert stands(path).answers["eva"].label == "HAM"
        assert [made.label for made in decisions.undo("eva", "u2")] == ["HAM"]
        assert decisions.undo("eva", "u3") == []
    assert set(stands(path).answers) == {"max"}


STEPS = st.lists(
    st.tuples(st.sampled_from(["HAM", "SPAM", "none", "skip", "undo"]), st.sampled_from("ab")), max_size=14
)


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_any_course_of_answers_and_undos_stands_like_a_stack(
    tmp_path_factory: Any, steps: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.mktemp("d") / "decisions.sqlite"
    stack: list[tuple[str, str]] = []
    with Decisions(path) as decisions:
        for place, (what, row) in enumerate(steps):
            if what == "undo":
                decisions.undo("eva", f"u{place}")
                stack = stack[:-1]
            else:
                verdict = "label" if what in ("HAM", "SPAM") else what
                label = what if verdict == "label" else None
                decisions.add([decision(row, label, verdict=verdict, once=f"{place}")])
                stack.append((what, row))
    for row in "ab":
        answers = [what for what, of in stack if of == row and what != "skip"]
        settled = stands(path, row).settled
        assert (settled and (settled.label or "none")) == (answers[-1] if answers else None)


def test_people_who_differ_settle_nothing_until_somebody_rules(tmp_path: Path) -> None:
    path = tmp_path / "decisions.sqlite"
    with Decisions(path) as decisions:
        decisions.add([decision(), decision(label="HAM", reviewer="max"), decision("b", None)])
        assert stands(path).is_disputed
        assert len(reviewed_gold(decisions.since(), SPACE)) == 0
        decisions.add([decision(label="HAM", adjudicates=True)])
        gold = reviewed_gold(decisions.since(), SPACE)
        assert (gold.ids, gold.labels.tolist()) == (("a",), [0])
        assert set(refused(decisions.since())) == {"b"}
        decisions.undo("eva", "u")
    assert stands(path).is_disputed


def test_a_flag_is_beside_the_answer_and_a_skip_settles_nothing() -> None:
    flagged = standing([decision(number=1), decision(verdict="flag", label=None, note="?", number=2)])
    assert flagged.settled is not None
    assert [flag.note for flag in flagged.flags] == ["?"]
    assert standing([decision(verdict="skip", label=None, number=1)]).settled is None


def test_guidelines_keep_every_version(tmp_path: Path) -> None:
    with Decisions(tmp_path / "d.sqlite") as decisions:
        decisions.write_sheet(Sheet("HAM | SPAM", "one", "eva", 0.0))
        decisions.write_sheet(Sheet("HAM | SPAM", "two", "max", 0.0))
        assert [(sheet.text, sheet.reviewer) for sheet in decisions.sheets()] == [("one", "eva"), ("two", "max")]


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "decisions.sqlite"
    path.write_text("this is no database" * 100)
    with pytest.raises(DecisionsError, match="cannot be used"):
        read_decisions(path)
    with pytest.raises(DecisionsError, match="cannot be used"):
        last_decision(path)


WRITER = """
import sys
from pathlib import Path
from quorate.decisions import Decision, Decisions
name, many = sys.argv[2], int(sys.argv[3])
with Decisions(Path(sys.argv[1])) as decisions:
    for i in range(many):
        row = Decision(once=f"{name}{i}", row_id=str(i), content=b"", reviewer=name, verdict="label", label="HAM")
        decisions.add([row])
        print(i, flush=True)
"""


def writer(path: Path, name: str, many: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), name, str(many)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "decisions.sqlite"
    for go in range(5):
        process = writer(path, f"w{go}-", 100_000)
        assert process.stdout
        told = [process.stdout.readline() for _ in range(20 + 13 * go)]
        process.send_signal(signal.SIGKILL)
        process.wait()
        told += process.stdout.readlines()
        process.stdout.close()
        kept = {made.once for made in read_decisions(path)}
        assert {f"w{go}-{line.strip()}" for line in told if line.endswith("\n")} <= kept
    with sqlite3.connect(path) as rows:
        assert rows.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    rows.close()


def test_two_processes_write_at_once_and_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "decisions.sqlite"
    writers = [writer(path, name, 60) for name in ("eva", "max")]
    for process in writers:
        process.communicate(timeout=120)
        assert process.returncode == 0
    assert len(read_decisions(path)) == 120


def test_an_answer_anchors_the_next_run_and_its_undoing_takes_that_back(tmp_path: Path) -> None:
    project = open_project(write_project(tmp_path / "spam"))
    before = run(project)
    rows = project.read().rows
    key = content_keys(rows, "text").tolist()[2]
    with Decisions(project.decisions) as decisions:
        answer = Decision(once="1", row_id="c", content=key, reviewer="eva", verdict="label", label="HAM")
        stale = Decision(once="2", row_id="a", content=b"before it was edited", reviewer="eva", verdict="none")
        decisions.add([answer, stale])
        after = run(project)
        assert after.id != before.id
        assert after.report["reviewed"] == {"rows": 1, "none": 0}
        outcome = compute(project)
        assert outcome.labels.probs[2].tolist() == [1.0, 0.0]
        assert "c" not in outcome.queue.ids.to_pylist()
        assert len(of_these_rows(decisions.since(), rows, "text")) == 1
        refusal = Decision(once="3", row_id="c", content=key, reviewer="eva", verdict="none")
        decisions.add([refusal])
        assert compute(project).labels.names[2] is None
        decisions.undo("eva", "u")
        decisions.undo("eva", "v")
        decisions.undo("eva", "w")
    assert "reviewed" not in run(project).report or run(project).report["reviewed"]["rows"] == 0


def test_use_off_leaves_answers_out(tmp_path: Path) -> None:
    toml = (write_project(tmp_path / "spam") / "quorate.toml").read_text() + '\n[review]\nuse = "off"\n'
    project = open_project(write_project(tmp_path / "spam", toml=toml))
    key = content_keys(project.read().rows, "text").tolist()[2]
    with Decisions(project.decisions) as decisions:
        decisions.add([Decision(once="1", row_id="c", content=key, reviewer="e", verdict="label", label="HAM")])
    assert project.read().anchors is None
