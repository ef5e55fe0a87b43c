"""Data as it should not be: each fault is refused with the file, the line and the way out, or does no harm."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from projects import ROWS, TOML, write_project
from pyarrow import parquet
from typer.testing import CliRunner

from quorate.apply import apply
from quorate.cli import app
from quorate.project import open_project
from quorate.run import run
from quorate.store import Store
from quorate.values import Votes

GOLD = TOML + '\n[gold]\ncolumn = "label"\n'
KEYWORDS = TOML + '\n[[sources]]\nkind = "keywords"\nname = "shouts"\nlabel = "SPAM"\nany = ["free"]\n'
HUGE = "channel " * 1_310_720 + '\nand a second line that says "stop"'


@dataclass(frozen=True)
class Refused:
    """A data file that is not taken, and what the message must hold beside the file's name."""

    content: str | bytes
    said: list[str]
    file: str = "rows.csv"
    toml: str = TOML


def parquet_bytes(**columns: Any) -> bytes:
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.table(columns), sink)
    return bytes(sink.getvalue().to_pybytes())


def scrambled(content: bytes, start: int, stop: int) -> bytes:
    return content[:start] + bytes(byte ^ 0xFF for byte in content[start:stop]) + content[stop:]


def json_lines(*records: dict[str, Any]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


TABLE = parquet_bytes(id=["a", "b"], text=["my channel", "a song"])
SQUEEZED = gzip.compress(ROWS.encode() * 50)

UNREADABLE = {
    "nothing in it": Refused("", ["empty"]),
    "only blank lines": Refused("\n\n  \n", ["empty"]),
    "too many values": Refused("id,text,stars\na,x,1\nb,one,two,3\n", ["line 3", "found 4", "3 columns", "b,one,two"]),
    "too few values": Refused("id,text,stars\na,x,1\nb\n", ["line 3", "found 1", "3 columns"]),
    "ragged after a quoted line break": Refused('id,text,stars\na,"x\ny",1\nb,one,two,3\n', ["line 4", "found 4"]),
    "ragged after blank lines": Refused("id,text,stars\n\n\na,x,1\nb,one,two,3\n", ["line 5", "found 4"]),
    "a quote that never closes": Refused('id,text,stars\na,"x,1\nb,y,2\n', ["line 2", "quote"]),
    "one column name twice": Refused("id,text,text\na,x,y\n", ["'text'", "twice"]),
    "Latin-1": Refused("id,text\na,ok\nb,café\n".encode("latin1"), ["line 3", "0xe9", "UTF-8"]),
    "UTF-16": Refused(ROWS.encode("utf-16"), ["UTF-16", "UTF-8"]),
    "a line that is not JSON": Refused('{"id": "a"}\n{"id": "b", text: 1}\n', ["line 2", "text: 1"], "rows.jsonl"),
    "JSON cut off": Refused('{"id": "a", "text": "x"}\n{"id": "b", "te', ["line 2"], "rows.jsonl"),
    "a line that is no object": Refused('{"id": "a", "text": "x"}\n[1, 2]\n', ["line 2", "object"], "rows.jsonl"),
    "a JSON column of two types": Refused(
        json_lines({"id": "a", "text": "x", "stars": 1}, {"id": "b", "text": "y", "stars": "two"}),
        ["line 2", "stars"],
        "rows.jsonl",
    ),
    "no Parquet at all": Refused(b"PAR1 but no more", ["Parquet"], "rows.parquet"),
    "Parquet cut off": Refused(TABLE[:-30], ["Parquet"], "rows.parquet"),
    "Parquet with damaged pages": Refused(scrambled(TABLE, 4, 60), ["Parquet"], "rows.parquet"),
    "gzip cut off": Refused(SQUEEZED[: len(SQUEEZED) // 2], ["gzip"], "rows.csv.gz"),
    "gzip with damaged data": Refused(scrambled(SQUEEZED, 14, 40), ["gzip"], "rows.csv.gz"),
    "gzip with a wrong checksum": Refused(
        scrambled(SQUEEZED, len(SQUEEZED) - 8, len(SQUEEZED)), ["gzip"], "rows.csv.gz"
    ),
    "gzip by name only": Refused(ROWS, ["gzip"], "rows.csv.gz"),
    "an unknown extension": Refused("PK", ["format", ".csv", ".jsonl", ".parquet"], "rows.xlsx"),
    "no extension": Refused(ROWS, ["format", ".csv", ".jsonl", ".parquet"], "rows"),
}

MISFITS = {
    "a file that is not there": Refused(
        ROWS,
        ["quorate.toml:4", "data.path", "row.csv", "Did you mean 'rows.csv'?"],
        toml=TOML.replace("rows.csv", "row.csv"),
    ),
    "a folder in place of a file": Refused(ROWS, ["quorate.toml:4", "folder"], toml=TOML.replace("rows.csv", ".")),
    "a text column that is not there": Refused(
        ROWS,
        ["quorate.toml:6", "data.text", "'txt'", "'id', 'text', 'stars'", "Did you mean 'text'?"],
        toml=TOML.replace('"text"', '"txt"'),
    ),
    "an id column that is not there": Refused(
        ROWS,
        ["quorate.toml:5", "data.id", "'key'", "'id', 'text', 'stars'"],
        toml=TOML.replace('id = "id"', 'id = "key"'),
    ),
    "a column that a pattern lacks": Refused(
        ROWS,
        ["'shouts'", "'txt'", "'id', 'text', 'stars'", "Did you mean 'text'?"],
        toml=KEYWORDS + 'column = "txt"\n',
    ),
    "a column of numbers for a pattern": Refused(
        ROWS, ["'shouts'", "'stars'", "text", "int64"], toml=KEYWORDS + 'column = "stars"\n'
    ),
    "ids that occur twice": Refused("id,text\na,x\nb,y\na,z\nb,y\n", ["unique", "'id'", "'a'", "0, 2", "2 value(s)"]),
    "an empty id": Refused("id,text\na,x\n,y\nc,z\n", ["1 of 3 rows", "no 'id'", "row 1"]),
    "several empty ids": Refused("id,text\na,x\n,y\n,z\n", ["2 of 3 rows", "no 'id'", "row 1"]),
    "null and absent ids": Refused(
        json_lines({"id": "a", "text": "x"}, {"id": None, "text": "y"}, {"text": "z"}),
        ["2 of 3 rows", "no 'id'", "row 1"],
        "rows.jsonl",
    ),
    "JSON ids that are objects": Refused(json_lines({"id": {"n": 1}, "text": "x"}), ["'id'", "struct"], "rows.jsonl"),
    "Parquet ids that are lists": Refused(parquet_bytes(id=[[1]], text=["x"]), ["'id'", "list"], "rows.parquet"),
    "gold that is not a label": Refused(
        "id,text,label\na,x,HAM\nb,y,SPAMM\n", ["'label'", "'b'", "'SPAMM'", "Did you mean 'SPAM'?"], toml=GOLD
    ),
    "gold without a label": Refused("id,text,label\na,x,\nb,y,\n", ["'label'", "no label"], toml=GOLD),
    "a gold column that is not there": Refused(
        "id,text,label\na,x,HAM\n",
        ["quorate.toml:13", "gold.column", "'lable'", "Did you mean 'label'?"],
        toml=GOLD.replace("label", "lable").replace("[lables]", "[labels]"),
    ),
    "a gold file that is not there": Refused(
        ROWS, ["quorate.toml:14", "gold.path", "gold.csv"], toml=GOLD + 'path = "gold.csv"\n'
    ),
}


def problem_of(bad: Refused, folder: Path) -> str:
    """The one problem that `quorate check --json` ends with."""
    write_project(folder, toml=bad.toml.replace("rows.csv", bad.file))
    (folder / bad.file).write_bytes(bad.content if isinstance(bad.content, bytes) else bad.content.encode())
    ended = CliRunner().invoke(app, ["check", str(folder), "--json"])
    assert (ended.exit_code, ended.stderr) == (2, "")
    error = json.loads(ended.stdout)
    assert error["schema"] == "quorate.error/1"
    [problem] = error["problems"]
    return str(problem)


def votes_of(folder: Path) -> Votes:
    """The votes of a project, from its store where that has them."""
    project = open_project(folder)
    return apply(project.read().rows, project.sources, project.space, store=Store(project.state))


@pytest.mark.parametrize("bad", UNREADABLE.values(), ids=UNREADABLE)
def test_an_unreadable_file_is_refused_by_name_and_line(bad: Refused, tmp_path: Path) -> None:
    problem = problem_of(bad, tmp_path)

    assert [part for part in [bad.file, *bad.said] if part not in problem] == []


@pytest.mark.parametrize("bad", MISFITS.values(), ids=MISFITS)
def test_data_that_does_not_fit_is_refused_with_the_nearest_right_thing(bad: Refused, tmp_path: Path) -> None:
    problem = problem_of(bad, tmp_path)

    assert [part for part in bad.said if part not in problem] == []


@pytest.mark.parametrize("command", [["run"], ["show", "--", "a"], ["export"]], ids=lambda command: command[0])
def test_every_command_refuses_bad_data_as_check_does(command: list[str], tmp_path: Path) -> None:
    folder = write_project(tmp_path, rows="id,text\na,x\na,y\n")

    ended = CliRunner().invoke(app, [command[0], str(folder), *command[1:]])

    assert (ended.exit_code, ended.stdout) == (2, "")
    assert "unique" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_byte_order_mark_changes_nothing(tmp_path: Path) -> None:
    plain = open_project(write_project(tmp_path / "plain"))
    marked = open_project(write_project(tmp_path / "marked", rows=b"\xef\xbb\xbf" + ROWS.encode()))

    assert marked.read().rows.table == plain.read().rows.table
    assert marked.read().rows.ids == plain.read().rows.ids


@pytest.mark.parametrize("kind", ["quorum", "majority", "dawid_skene"])
def test_a_table_without_rows_gives_an_empty_report(kind: str, tmp_path: Path) -> None:
    toml = KEYWORDS + f'[label_model]\nkind = "{kind}"\n'
    folder = write_project(tmp_path, toml=toml, rows="id,text,stars\n")

    ended = CliRunner().invoke(app, ["run", str(folder), "--json"])

    assert ended.exit_code == 0
    report = json.loads(ended.stdout, parse_constant=pytest.fail)
    assert (report["rows"], report["coverage"], report["queue"], report["failures"]) == (0, 0, [], [])
    assert [source["votes"] for source in report["sources"]] == [0, 0, 0]


@pytest.mark.parametrize("kind", ["quorum", "majority", "dawid_skene"])
def test_a_table_of_one_row_gets_its_label(kind: str, tmp_path: Path) -> None:
    toml = TOML + f'\n[label_model]\nkind = "{kind}"\n'
    folder = write_project(tmp_path, toml=toml, rows="id,text,stars\na,my channel,1\n")

    ended = CliRunner().invoke(app, ["show", str(folder), "a", "--json"])

    assert ended.exit_code == 0
    assert json.loads(ended.stdout, parse_constant=pytest.fail)["label"] == "SPAM"


def test_a_table_without_rows_exports_an_empty_training_set(tmp_path: Path) -> None:
    folder = write_project(tmp_path, rows="id,text,stars\n")

    ended = CliRunner().invoke(app, ["export", str(folder), "--json"])

    assert ended.exit_code == 0
    assert json.loads(ended.stdout)["rows"] == 0


@pytest.mark.parametrize("file", ["rows.csv", "rows.jsonl"])
def test_a_cell_of_ten_megabytes_is_read_whole_and_voted_on(file: str, tmp_path: Path) -> None:
    quoted = '"' + HUGE.replace('"', '""') + '"'
    content = f"id,text\na,{quoted}\nb,free song\n"
    if file == "rows.jsonl":
        content = json_lines({"id": "a", "text": HUGE}, {"id": "b", "text": "free song"})
    write_project(tmp_path, toml=KEYWORDS.replace("rows.csv", file))
    (tmp_path / file).write_text(content, encoding="utf-8")

    assert open_project(tmp_path).read().rows.values("text") == [HUGE, "free song"]
    assert votes_of(tmp_path).matrix.tolist() == [[1, -1, -1], [-1, 0, 1]]


def test_a_huge_cell_is_cut_where_people_read_it(tmp_path: Path) -> None:
    folder = write_project(tmp_path, rows=f"id,text\na,{'channel ' * 2**17}\nb,song\n")

    page = run(open_project(folder)).folder / "report.html"
    shown = CliRunner().invoke(app, ["show", str(folder), "a"])

    assert page.stat().st_size < 500_000
    assert shown.exit_code == 0
    assert len(shown.stdout) < 100_000


def test_a_row_that_is_not_there_is_answered_with_the_nearest_id(tmp_path: Path) -> None:
    folder = write_project(tmp_path, rows="id,text\nrow-17,my channel\nrow-18,a song\n")

    ended = CliRunner().invoke(app, ["show", str(folder), "row-1", "--json"])

    assert ended.exit_code == 2
    error = json.loads(ended.stdout)
    assert (error["schema"], error["error"]) == ("quorate.error/1", "RowNotFound")
    assert "'row-1'" in error["message"]
    assert "Did you mean 'row-1" in error["message"]


def flip(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(scrambled(content, 60, len(content) // 3))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "emptied": lambda file: file.write_bytes(b""),
    "cut off": lambda file: file.write_bytes(file.read_bytes()[:-9]),
    "with other bytes": flip,
    "a table of something else": lambda file: parquet.write_table(pa.table({"x": [1]}), file),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("appended", ["", "e,a song,2\n"], ids=["same rows", "a row more"])
def test_damaged_votes_in_the_store_are_made_again(
    damage: Callable[[Path], object], appended: str, tmp_path: Path
) -> None:
    folder = write_project(tmp_path / "damaged")
    votes_of(folder)
    for file in (folder / ".quorate" / "votes").rglob("*.parquet"):
        damage(file)
    (folder / "rows.csv").write_text(ROWS + appended, encoding="utf-8")

    votes = votes_of(folder)

    fresh = votes_of(write_project(tmp_path / "fresh", rows=ROWS + appended))
    assert (votes.matrix.tolist(), votes.status.tolist()) == (fresh.matrix.tolist(), fresh.status.tolist())


def test_a_damaged_run_is_made_again(tmp_path: Path) -> None:
    folder = write_project(tmp_path)
    first = CliRunner().invoke(app, ["run", str(folder), "--json"])
    for file in (folder / ".quorate" / "runs").rglob("report.json"):
        file.write_text("{", encoding="utf-8")

    again = CliRunner().invoke(app, ["run", str(folder), "--json"])

    assert (again.exit_code, again.stdout) == (0, first.stdout)
