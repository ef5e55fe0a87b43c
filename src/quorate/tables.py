"""Reads a data file as an Arrow table; what is wrong with it is said with the line it is on."""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv, json, parquet

from quorate.errors import TableError, did_you_mean

# One row must fit a block, and a cell may hold a book.
BLOCK_BYTES = 64 * 2**20


def read_table(path: Path, text_columns: Iterable[str] = ()) -> pa.Table:
    """The table of a CSV, JSONL or Parquet file (CSV and JSONL also gzipped, with or without a UTF-8 BOM).

    Args:
        text_columns: columns that are text whatever they look like (ids such as 007).

    Raises:
        TableError: the file is absent, empty or damaged; rows are ragged; bytes are not UTF-8.
    """
    check_file(path)
    table = _read(path, text_columns)
    check_names(path, table.column_names)
    return table


def check_names(path: Path, names: Iterable[str]) -> None:
    """
    Raises:
        TableError: two columns of the file have one name.
    """
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise TableError(f"{path.name} names the column {twice[0]!r} twice; every column needs a name of its own")


def kind_of_file(path: Path) -> str:
    """The suffix that tells the format, ".csv" of data.csv.gz.

    Raises:
        TableError: it tells none that can be read.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    kind = suffixes[-1] if suffixes else ""
    if kind not in (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"):
        raise TableError(f"{path.name}: cannot tell the format; use .csv, .tsv, .jsonl (also .gz) or .parquet")
    return kind


def check_file(path: Path) -> None:
    """
    Raises:
        TableError: there is no such file; the message holds the nearest name in its folder.
    """
    if path.is_dir():
        raise TableError(f"{path} is a folder; name a file in it")
    if not path.is_file():
        there = [p.name for p in path.parent.glob("*") if p.is_file()] if path.parent.is_dir() else []
        raise TableError(f"there is no file {path}.{did_you_mean(path.name, there)}")


def decoded(name: str, content: bytes) -> str:
    """The text of a file, without a byte order mark.

    Raises:
        TableError: it is not UTF-8; the message holds the line.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise TableError(f"{name} is UTF-16, not UTF-8 (for instance: iconv -f utf-16 -t utf-8)") from None
        line = content.count(b"\n", 0, error.start) + 1
        raise TableError(
            f"{name}, line {line}: byte 0x{content[error.start]:02x} is not UTF-8; save the file as UTF-8 "
            f"(for instance: iconv -f latin1 -t utf-8)"
        ) from None


def _read(path: Path, text_columns: Iterable[str]) -> pa.Table:
    kind = kind_of_file(path)
    if kind == ".parquet":
        return _read_parquet(path)
    content = _content(path)
    decoded(path.name, content)
    content = content.removeprefix(b"\xef\xbb\xbf")
    if not content.strip():
        raise TableError(f"{path.name} is empty")
    if kind in (".csv", ".tsv"):
        return _read_csv(path, content, "," if kind == ".csv" else "\t", text_columns)
    return _read_jsonl(path, content, text_columns)


def _content(path: Path) -> bytes:
    if path.suffix.lower() != ".gz":
        return path.read_bytes()
    try:
        return gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise TableError(f"{path.name}: cannot be read as gzip: {first_line(error)}") from None


def _read_parquet(path: Path) -> pa.Table:
    try:
        return parquet.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise TableError(f"{path.name} is not a readable Parquet file: {first_line(error)}") from None


def _read_csv(path: Path, content: bytes, delimiter: str, text_columns: Iterable[str]) -> pa.Table:
    ragged: list[Any] = []

    def refuse(row: Any) -> str:
        ragged.append(row)
        return "skip"

    try:
        table = csv.read_csv(
            pa.BufferReader(content),
            # One thread, because only then does Arrow know which row is ragged.
            read_options=csv.ReadOptions(use_threads=False, block_size=max(BLOCK_BYTES, len(content) + 1)),
            parse_options=csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=refuse),
            convert_options=csv.ConvertOptions(column_types=dict.fromkeys(text_columns, pa.string())),
        )
    except pa.ArrowException as error:
        raise TableError(f"{path.name} is not a readable CSV file: {first_line(error)}") from None
    if ragged:
        first = ragged[0]
        raise TableError(
            f"{path.name}, line {_line_of(first, content)} (row {first.number} with the header): found "
            f"{first.actual_columns} values where the header has {first.expected_columns} columns: "
            f"{first.text[:80]!r}. {len(ragged)} row(s) are ragged; "
            "quote values that contain the delimiter or a line break"
        )
    return table


def _line_of(ragged: Any, content: bytes) -> int:
    """Arrow counts rows; blank lines and line breaks in quotes put a row further down, never further up."""
    start = ragged.text.encode().splitlines()[:1]
    lines = enumerate(content.splitlines(), 1)
    return next((number for number, line in lines if number >= ragged.number and [line] == start), int(ragged.number))


def _read_jsonl(path: Path, content: bytes, text_columns: Iterable[str]) -> pa.Table:
    try:
        return json.read_json(
            pa.BufferReader(content),
            read_options=json.ReadOptions(block_size=max(BLOCK_BYTES, len(content) + 1)),
            parse_options=json.ParseOptions(explicit_schema=_text_schema(content, text_columns)),
        )
    except pa.ArrowException as error:
        raise TableError(f"{path.name}: {_bad_line(content) or first_line(error)}") from None


def _text_schema(content: bytes, text_columns: Iterable[str]) -> pa.Schema | None:
    """Text for the columns that hold text in the first row: a date in an id column stays the text it is."""
    from json import JSONDecodeError, loads

    try:
        first = loads(content.lstrip().split(b"\n", 1)[0])
    except JSONDecodeError:
        return None
    named = [name for name in text_columns if isinstance(first, dict) and isinstance(first.get(name), str)]
    return pa.schema([(name, pa.string()) for name in named]) if named else None


def _bad_line(content: bytes) -> str:
    """Which line is not a JSON object or does not go with those before it, found only after Arrow refused the file."""
    from json import JSONDecodeError, loads

    kinds: dict[str, str] = {}
    for number, line in enumerate(content.splitlines(), 1):
        try:
            record = loads(line) if line.strip() else {}
        except JSONDecodeError as error:
            return f"line {number} is not JSON ({error.msg}): {line[:80].decode('utf-8', 'replace')!r}"
        if not isinstance(record, dict):
            return f"line {number} is not a JSON object: {line[:80].decode('utf-8', 'replace')!r}"
        for name, cell in record.items():
            kind = _JSON_KINDS.get(type(cell), "null")
            if kind != "null" and kinds.setdefault(name, kind) != kind:
                return f"line {number}: {name!r} is {kind}, and was {kinds[name]} before"
    return ""


_JSON_KINDS = {
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
}


def first_line(error: BaseException) -> str:
    """What an error says, without the lines that say where in Arrow it was raised."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
