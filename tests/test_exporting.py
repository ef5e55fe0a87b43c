"""`quorate export` and `quorate replay`: what is refused, what goes with the files, and what a replay notices."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from shutil import rmtree
from typing import Any

import model_projects
import pyarrow as pa
import pytest
from asked_rows import answer
from projects import TOML, Ended, write_project
from pyarrow import parquet
from typer.testing import CliRunner

from quorate.cli import app
from quorate.errors import ExportBroken
from quorate.exporters.jsonl import Jsonl
from quorate.exporting import Wanted, export
from quorate.loopback.server import Loopback
from quorate.project import open_project
from quorate.run import run

GOLD = TOML + '\n[gold]\ncolumn = "label"\nuse = "evaluate"\n'


def rows(n: int = 120) -> str:
    """Comments about channels and songs; every third row has gold, and every tenth piece of it contradicts."""
    lines = []
    for i in range(n):
        text, label = ("my channel", "SPAM") if i % 2 else ("a song", "HAM")
        gold = "" if i % 3 else ("HAM" if label == "SPAM" else "SPAM") if i % 30 == 0 else label
        lines.append(f'r{i},"{text} {"abcdefghij"[i % 10] * 7} {i * 7919}",{i % 5},{gold}\n')
    return "id,text,stars,label\n" + "".join(lines)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "reviews", toml=GOLD, rows=rows())


def inside(*arguments: str | Path) -> Ended:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return Ended(done.exit_code, done.stdout, done.stderr)


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_an_export_brings_card_provenance_and_lock(project: Path) -> None:
    found = inside("export", project, "--to", "openai-chat", "--licence", "CC0-1.0", "--json").json
    folder = project / ".quorate" / "export" / "openai-chat"
    assert {"train.jsonl", "README.md", "provenance.jsonl", "export.lock.json"} <= set(files(folder))
    card = (folder / "README.md").read_text("utf-8")
    for words in ("# reviews", "Label model: quorum", "measured on 40 gold rows", "| channel | rule |", "CC0-1.0"):
        assert words in card
    told = [json.loads(line) for line in (folder / "provenance.jsonl").read_text("utf-8").splitlines()]
    assert len(told) == found["rows"] == 120
    assert told[1]["sources"] == ["channel"]
    assert told[1]["reviewed"] is False
    for entry in told:
        ((file, at),) = entry["at"].items()
        line = json.loads((folder / file).read_text("utf-8").split("\n")[at])
        assert line["messages"][-1]["content"] == entry["label"]


def test_exporting_twice_gives_identical_bytes(project: Path, tmp_path: Path) -> None:
    for place in ("one", "two"):
        assert inside("export", project, "--to", "hf", "--out", tmp_path / place).code == 0
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_a_file_of_an_earlier_export_does_not_stay(project: Path, tmp_path: Path) -> None:
    inside("export", project, "--to", "cohere", "--out", tmp_path / "out")
    (tmp_path / "out" / "mine.txt").write_text("mine")
    inside("export", project, "--to", "fasttext", "--out", tmp_path / "out")
    there = set(files(tmp_path / "out"))
    assert {"mine.txt", "train.txt", "labels.json"} <= there
    assert "train.jsonl" not in there


def test_what_a_platform_would_refuse_is_told_at_once_and_nothing_is_written(tmp_path: Path) -> None:
    project = write_project(tmp_path / "p", rows='id,text,stars\na,my channel,1\nb,"a song \0",5\n')
    ended = inside("export", project, "--to", "comprehend", "--out", tmp_path / "out", "--json")
    assert ended.code == 2
    problems = ended.json["problems"]
    assert any("'b (U+0000)'" in problem for problem in problems)
    assert any("label 'HAM' has 1 rows to train on; the service wants at least 10" in problem for problem in problems)
    assert files(tmp_path / "out") == {}
    assert "nothing was written" in inside("export", project, "--to", "comprehend").err


def test_check_tells_and_writes_nothing(project: Path) -> None:
    found = inside("export", project, "--to", "vertex", "--check", "--json").json
    assert found["schema"] == "quorate.export.check/1"
    assert any("advises at least 100" in warning for warning in found["warnings"])
    assert inside("export", project, "--to", "azureml", "--check").code == 0
    assert not (project / ".quorate" / "export").exists()


def test_control_characters_can_be_taken_out(tmp_path: Path) -> None:
    project = write_project(tmp_path / "p", toml=GOLD, rows=rows().replace('r3,"my', 'r3,"my\0'))
    assert inside("export", project, "--to", "sagemaker").code == 2
    found = inside("export", project, "--to", "sagemaker", "--clean-text", "--json")
    assert found.code == 0
    assert "my channel ddddddd 23757" in (project / ".quorate/export/sagemaker/autopilot/train/train.csv").read_text()


def test_a_format_takes_options_and_names_those_it_has(project: Path) -> None:
    assert inside("export", project, "--to", "vertex", "--option", "form=automl", "--json").json["rows"] == 120
    wrong = inside("export", project, "--to", "vertex", "--option", "shape=automl")
    assert wrong.code == 2
    assert "it takes 'form', 'system'" in wrong.err
    assert "is not KEY=VALUE" in inside("export", project, "--option", "shape").err


def test_the_text_column_is_the_one_that_is_named(project: Path, tmp_path: Path) -> None:
    assert inside("export", project, "--to", "cohere", "--text-column", "stars", "--out", tmp_path / "o").code == 0
    assert json.loads((tmp_path / "o/train.jsonl").read_text().split("\n")[0])["text"] in "01234"
    wrong = inside("export", project, "--to", "cohere", "--text-column", "txt")
    assert wrong.code == 2
    assert "Did you mean 'text'?" in wrong.err


def test_a_target_precision_is_measured_on_gold(project: Path, tmp_path: Path) -> None:
    inside("export", project, "--target-precision", "0.85", "--out", tmp_path / "o")
    assert "precision 85.0% on gold: 90.0%" in (tmp_path / "o/README.md").read_text("utf-8")
    assert "the best is 90.0%" in inside("export", project, "--target-precision", "0.99").err
    without = write_project(tmp_path / "without")
    assert "needs gold" in inside("export", without, "--target-precision", "0.9").err


def test_a_row_that_would_not_come_back_stops_the_export(project: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(Jsonl, "read", lambda self, path: [("r0", "HAM")] * 120)
    with pytest.raises(ExportBroken, match="row 'r1' does not read back"):
        export(open_project(project), Wanted(), tmp_path / "out")
    assert files(tmp_path / "out") == {}


def test_a_replay_is_the_same_byte_for_byte(project: Path) -> None:
    for to in ("jsonl", "hf", "comprehend"):
        assert inside("export", project, "--to", to).code == 0
    ended = inside("replay", project)
    assert ended.code == 0, ended.err
    assert ended.out.count("the same byte for byte") == 3


def test_a_replay_works_where_the_run_is_gone_and_the_votes_are_kept(project: Path) -> None:
    inside("run", project)
    inside("export", project)
    rmtree(project / ".quorate" / "runs")
    assert inside("replay", project, "--export", project / ".quorate/export/jsonl", "--json").json["same"] is True


def tampered(project: Path) -> None:
    """One kept vote of one source becomes another."""
    (path,) = (project / ".quorate" / "votes" / "channel").rglob("*.parquet")
    table = parquet.read_table(path)
    labels = table.column("label").to_pylist()
    labels[labels.index(1)] = 0
    changed = pa.array(labels, pa.int16())
    parquet.write_table(table.set_column(table.column_names.index("label"), "label", changed), path)


def test_a_changed_vote_is_caught_and_named(project: Path) -> None:
    inside("export", project)
    tampered(project)
    ended = inside("replay", project, "--json")
    assert ended.code == 1
    problems = ended.json["problems"]
    folder = project / ".quorate/export/jsonl"
    assert f"{folder}: vote of 'channel' on row 'r1' was SPAM, is HAM" in problems
    assert f"{folder}: votes channel has changed" in problems
    assert any("provenance.jsonl comes out different" in problem for problem in problems)


def test_a_changed_rule_is_caught_with_its_votes(project: Path) -> None:
    inside("export", project)
    rules = project / "rules.py"
    rules.write_text(rules.read_text().replace('"song" in', '"a song aaaaaaa" in'))
    said = inside("replay", project).err
    for words in ("file rules.py has changed", "source song has changed", "'r2' was HAM, is (abstained)", "votes more"):
        assert words in said


def test_a_changed_file_is_caught(project: Path) -> None:
    inside("export", project)
    file = project / ".quorate/export/jsonl/reviews.jsonl"
    file.write_bytes(file.read_bytes().replace(b"HAM", b"SPAM", 1))
    said = inside("replay", project)
    assert (said.code, "reviews.jsonl was changed after it was exported" in said.err) == (1, True)


def test_a_replay_without_an_export_says_so(project: Path) -> None:
    assert "there is no export.lock.json" in inside("replay", project).err


MODELS = {f"m{i}": f"{'my channel' if i % 2 else 'lovely song'} number {i * 7919}" for i in range(20)}


def asked(folder: Path) -> Path:
    """A project that a model was asked about and that was exported; its server is gone, and so are its kept votes."""
    with Loopback({"model": answer}) as server:
        run(model_projects.opened(folder, server, texts=MODELS))
        assert inside("export", folder).code == 0
    rmtree(folder / ".quorate" / "votes")
    return folder


def test_a_replay_makes_the_set_of_the_journal_with_no_network(tmp_path: Path) -> None:
    ended = inside("replay", asked(tmp_path / "asked"))
    assert ended.code == 0, ended.err


def test_a_changed_answer_is_caught_as_the_vote_that_it_changes(tmp_path: Path) -> None:
    folder = asked(tmp_path / "asked")
    with closing(sqlite3.connect(folder / ".quorate" / "answers.sqlite")) as journal, journal:
        of_label = "SELECT rowid, raw FROM attempts WHERE raw LIKE ?"
        (rowid, _), *_ = journal.execute(of_label, ('%"label":"SPAM"%',))
        (_, other), *_ = journal.execute(of_label, ('%"label":"HAM"%',))
        journal.execute("UPDATE attempts SET raw = ? WHERE rowid = ?", (other, rowid))
    ended = inside("replay", folder)
    assert ended.code == 1
    assert re.search(r"vote of 'asks' on row 'm\d+' was SPAM, is HAM", ended.err), ended.err


def test_a_lost_answer_is_caught_as_a_vote_that_is_no_more(tmp_path: Path) -> None:
    folder = asked(tmp_path / "asked")
    with closing(sqlite3.connect(folder / ".quorate" / "answers.sqlite")) as journal, journal:
        journal.execute("DELETE FROM attempts WHERE rowid = (SELECT min(rowid) FROM attempts)")
    said = inside("replay", folder).err
    assert re.search(r"vote of 'asks' on row 'm\d+' was \w+, is \(skipped\)", said), said
