"""Data files as people have them: every format gives the same rows, and ids and texts stay as they were written."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from projects import write_project
from pyarrow import parquet

import quorate
from quorate.errors import ProjectError, TableError
from quorate.tables import read_table

RECORDS = [
    {"id": "007", "text": "first line\nsecond line", "stars": 1},
    {"id": "008", "text": 'she said "stop", twice', "stars": 2},
    {"id": "1e5", "text": "naïve 東京 🎬, tab\there", "stars": 3},
]


def delimited(mark: str) -> bytes:
    def quoted(cell: Any) -> str:
        return '"' + cell.replace('"', '""') + '"' if isinstance(cell, str) else str(cell)

    lines = [mark.join(RECORDS[0]), *(mark.join(map(quoted, record.values())) for record in RECORDS)]
    return "\n".join(lines).encode() + b"\n"


def json_lines() -> bytes:
    return b"".join(json.dumps(record, ensure_ascii=False).encode() + b"\n" for record in RECORDS)


def parquet_bytes() -> bytes:
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_pylist(RECORDS), sink)
    return bytes(sink.getvalue().to_pybytes())


FILES: dict[str, Callable[[], bytes]] = {
    "rows.csv": lambda: delimited(","),
    "rows.tsv": lambda: delimited("\t"),
    "rows.jsonl": json_lines,
    "rows.ndjson": json_lines,
    "rows.csv.gz": lambda: gzip.compress(delimited(","), mtime=0),
    "rows.tsv.gz": lambda: gzip.compress(delimited("\t"), mtime=0),
    "rows.jsonl.gz": lambda: gzip.compress(json_lines(), mtime=0),
    "rows.parquet": parquet_bytes,
    "ROWS.CSV": lambda: delimited(","),
    "bom.csv": lambda: b"\xef\xbb\xbf" + delimited(","),
    "bom.jsonl": lambda: b"\xef\xbb\xbf" + json_lines(),
    "windows.csv": lambda: delimited(",").replace(b"\n", b"\r\n").replace(b"line\r\n", b"line\n"),
}


@pytest.mark.parametrize("name", FILES)
def test_every_format_gives_the_same_rows(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(FILES[name]())
    assert read_table(tmp_path / name, ["id", "text"]).to_pylist() == RECORDS


def test_columns_that_are_not_said_to_be_text_hold_what_they_look_like(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("id,count,share\n007,007,0.5\n")
    assert read_table(tmp_path / "rows.csv", ["id"]).to_pylist() == [{"id": "007", "count": 7, "share": 0.5}]


@pytest.mark.parametrize("cell", ["007", "1e5", "true", "2020-01-01", "12:30:00", "-0", "0x10", " padded "])
@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv", "rows.jsonl"])
def test_ids_and_texts_that_look_like_something_else_stay_text(name: str, cell: str, tmp_path: Path) -> None:
    mark = "\t" if name.endswith("tsv") else ","
    lines = f"id{mark}text\n{cell}{mark}{cell}\n" if name != "rows.jsonl" else json.dumps({"id": cell, "text": cell})
    (tmp_path / name).write_text(lines)
    assert read_table(tmp_path / name, ["id", "text"]).to_pylist() == [{"id": cell, "text": cell}]


@pytest.mark.parametrize("word", ["NULL", "NA", "nan", "None", "null", "N/A"])
def test_a_text_that_says_null_is_a_text(word: str, tmp_path: Path) -> None:
    """A comment may be the word "null", and a row may be called "NA" (Namibia)."""
    (tmp_path / "rows.csv").write_text(f"id,text\n{word},{word}\n")
    assert read_table(tmp_path / "rows.csv", ["id", "text"]).to_pylist() == [{"id": word, "text": word}]


def test_numbers_as_ids_become_text_in_every_format(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"id": 1, "text": "a"}\n{"id": 20, "text": "b"}\n')
    parquet.write_table(pa.table({"id": [1, 20], "text": ["a", "b"]}), tmp_path / "rows.parquet")
    for name in ("rows.jsonl", "rows.parquet"):
        table = read_table(tmp_path / name, ["id", "text"])
        assert quorate.Rows.of(table, "id").ids.to_pylist() == ["1", "20"]


def test_a_project_names_its_rows_as_the_file_does(tmp_path: Path) -> None:
    write_project(tmp_path, rows="id,text,stars\n007,my channel,1\n010,a song,2\n")
    quorate.run(quorate.open_project(tmp_path))
    found = parquet.read_table(next((tmp_path / ".quorate" / "runs").glob("*/labels.parquet")))
    assert found.column("row_id").to_pylist() == ["007", "010"]


def test_an_empty_cell_of_a_text_column_reaches_a_function_as_it_does_from_json(tmp_path: Path) -> None:
    """A rule that handles a missing text must not depend on the format that the data came in."""
    (tmp_path / "rows.csv").write_text("id,text\na,\nb,x\n")
    (tmp_path / "rows.jsonl").write_text('{"id": "a", "text": ""}\n{"id": "b", "text": "x"}\n')
    first, second = (read_table(tmp_path / name, ["id", "text"]).to_pylist() for name in ("rows.csv", "rows.jsonl"))
    assert first == second == [{"id": "a", "text": ""}, {"id": "b", "text": "x"}]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.csv", b"id,text\na,one,two\nb,x\n", r"row 2 .*3 values where the header has 2 columns"),
        ("rows.csv", b"id,text\na,caf\xe9\n", r"rows.csv, line 2: byte 0xe9 is not UTF-8"),
        ("rows.csv", b"", "rows.csv is empty"),
        ("rows.jsonl", b'{"id": "a"}\n{"id": \n', r"line 2 is not JSON"),
        ("rows.jsonl", b'{"id": "a"}\n[1]\n', r"line 2 is not a JSON object"),
        ("rows.csv.gz", b"id,text\na,b\n", r"rows.csv.gz: cannot be read"),
        ("rows.jsonl.gz", gzip.compress(b'{"id": "a"}\n', mtime=0)[:-9], r"rows.jsonl.gz: cannot be read"),
        ("rows.parquet", b"PAR1 no", r"rows.parquet is not a readable Parquet file"),
        ("rows.xlsx", b"x", r"cannot tell the format; use .csv"),
    ],
)
def test_a_damaged_file_is_refused_with_the_place(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TableError, match=message):
        read_table(tmp_path / name, ["id"])


@pytest.mark.parametrize("name", ["rows.csv.gz", "rows.jsonl.gz"])
def test_a_gzip_file_with_a_flipped_byte_is_refused_by_name(name: str, tmp_path: Path) -> None:
    whole = bytearray(FILES[name]())
    whole[10] ^= 0xFF
    (tmp_path / name).write_bytes(bytes(whole))
    with pytest.raises(TableError, match=f"{name}: cannot be read"):
        read_table(tmp_path / name)


def test_a_column_whose_name_occurs_twice_is_refused_by_name(tmp_path: Path) -> None:
    write_project(tmp_path, rows="id,text,text\na,one,two\n")
    with pytest.raises(ProjectError, match=r"'text' .*twice"):
        quorate.run(quorate.open_project(tmp_path))


def test_a_mistyped_file_name_is_answered_with_the_nearest_one(tmp_path: Path) -> None:
    (tmp_path / "comments.csv").write_text("id\na\n")
    with pytest.raises(TableError, match=r"there is no file .*coments.csv. Did you mean 'comments.csv'\?"):
        read_table(tmp_path / "coments.csv")
