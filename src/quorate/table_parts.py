"""Reads some columns of a data file a part at a time, so that no file is too large for the memory."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow import csv, parquet

from quorate.errors import TableError, did_you_mean, listed
from quorate.tables import BLOCK_BYTES, check_file, check_names, first_line, kind_of_file


@dataclass(frozen=True)
class Wanted:
    """The columns to read; `texts` are those that are text whatever they look like."""

    columns: tuple[str, ...]
    texts: tuple[str, ...]

    def check(self, path: Path, there: Sequence[str]) -> None:
        """
        Raises:
            TableError: a column is not there.
        """
        for name in self.columns:
            if name not in there:
                raise TableError(
                    f"{path.name} has no column {name!r}, which is to be read; it has {listed(there)}."
                    f"{did_you_mean(name, there)}"
                )


def table_parts(path: Path, wanted: Wanted, rows: int) -> Iterator[pa.Table]:
    """The wanted columns of at most so many rows at a time, in their order; none of a file without rows.

    CSV, TSV and JSONL (also gzipped) and Parquet, as `read_table` reads them whole.

    Raises:
        TableError: the file is absent, empty or damaged, rows are ragged, or a column is not there.
    """
    check_file(path)
    forms: dict[str, Callable[[Path, Wanted, int], Iterator[pa.Table]]] = {".parquet": _of_parquet}
    forms |= dict.fromkeys((".csv", ".tsv"), _of_csv) | dict.fromkeys((".jsonl", ".ndjson"), _of_json_lines)
    return forms[kind_of_file(path)](path, wanted, rows)


def rows_of(path: Path) -> int | None:
    """How many rows the file says it has; None where only reading it would tell."""
    try:
        return int(parquet.read_metadata(path).num_rows) if kind_of_file(path) == ".parquet" else None
    except (pa.ArrowException, OSError):
        return None


def _of_parquet(path: Path, wanted: Wanted, rows: int) -> Iterator[pa.Table]:
    try:
        with parquet.ParquetFile(path) as file:
            check_names(path, file.schema_arrow.names)
            wanted.check(path, file.schema_arrow.names)
            for batch in file.iter_batches(rows, columns=list(wanted.columns)):
                yield pa.Table.from_batches([batch])
    except (pa.ArrowException, OSError) as error:
        raise TableError(f"{path.name} is not a readable Parquet file: {first_line(error)}") from None


def _of_csv(path: Path, wanted: Wanted, rows: int) -> Iterator[pa.Table]:
    read = 0
    try:
        kinds = _kinds(path, wanted)
        with _csv_reader(path, csv.ConvertOptions(column_types=kinds, include_columns=list(wanted.columns))) as reader:
            for batch in reader:
                table = pa.Table.from_batches([batch])
                for start in range(0, len(table), rows):
                    yield table.slice(start, rows)
                read += len(table)
    except (pa.ArrowException, OSError) as error:
        after = f", after {read:,} rows" if read else ""
        hint = "; quote values that contain the delimiter or a line break" if "Expected" in str(error) else ""
        raise TableError(f"{path.name}{after} is not a readable CSV file: {first_line(error)}{hint}") from None


def _kinds(path: Path, wanted: Wanted) -> dict[str, pa.DataType]:
    """The type of each wanted column: a number anywhere may have a fraction, though none has one at the beginning."""
    with _csv_reader(path, csv.ConvertOptions()) as reader:
        check_names(path, reader.schema.names)
        wanted.check(path, reader.schema.names)
        found = {name: reader.schema.field(name).type for name in wanted.columns}
    wider = {name: pa.float64() for name, kind in found.items() if pa.types.is_integer(kind) or pa.types.is_null(kind)}
    return found | wider | dict.fromkeys(wanted.texts, pa.string())


def _csv_reader(path: Path, convert: csv.ConvertOptions) -> csv.CSVStreamingReader:
    packed = "gzip" if path.suffix.lower() == ".gz" else None
    return csv.open_csv(
        pa.input_stream(path, compression=packed),
        # One thread, because only then does Arrow know which row is wrong.
        read_options=csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
        parse_options=csv.ParseOptions(
            delimiter="\t" if kind_of_file(path) == ".tsv" else ",",
            newlines_in_values=True,
        ),
        convert_options=convert,
    )


def _of_json_lines(path: Path, wanted: Wanted, rows: int) -> Iterator[pa.Table]:
    part: list[tuple[int, dict[str, Any]]] = []
    is_first = True
    for entry in _records(path):
        part.append(entry)
        if len(part) == rows:
            yield _table(path, wanted, part, is_first)
            part, is_first = [], False
    if part:
        yield _table(path, wanted, part, is_first)


def _records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each object with the number of its line."""
    number = 0
    try:
        with _opened(path) as lines:
            for number, line in enumerate(lines, 1):
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                if not text:
                    continue
                record = json.loads(text)
                if not isinstance(record, dict):
                    raise TableError(f"{path.name}, line {number} is not a JSON object: {text[:80]!r}")
                yield number, record
    except (OSError, EOFError, zlib.error) as error:
        raise TableError(f"{path.name} cannot be read: {first_line(error)}") from None
    except UnicodeDecodeError as error:
        raise TableError(f"{path.name}, line {number}: {error.reason}; save the file as UTF-8") from None
    except json.JSONDecodeError as error:
        raise TableError(f"{path.name}, line {number} is not JSON ({error.msg}): {error.doc[:80]!r}") from None
    if number == 0:
        raise TableError(f"{path.name} is empty")


def _opened(path: Path) -> BinaryIO:
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")  # type: ignore[return-value]


def _table(path: Path, wanted: Wanted, part: list[tuple[int, dict[str, Any]]], is_first: bool) -> pa.Table:
    if is_first:
        wanted.check(path, list(dict.fromkeys(name for _, record in part for name in record)))
    columns = {}
    for name in wanted.columns:
        cells = [record.get(name) for _, record in part]
        kind = pa.string() if name in wanted.texts else None
        try:
            columns[name] = pa.array(map(_text, cells) if kind else cells, kind)
        except (pa.ArrowException, UnicodeEncodeError) as error:
            wrong = (line for (line, _), cell in zip(part, cells, strict=True) if kind and not _is_text(cell))
            where = f"line {next(wrong, part[0][0])}{'' if kind else ' or after'}"
            raise TableError(f"{path.name}, {where}: column {name!r}: {first_line(error)}") from None
    return pa.table(columns)


def _text(cell: Any) -> Any:
    """A number is as good as its text; what is neither is left for Arrow to refuse."""
    return str(cell) if isinstance(cell, int | float) else cell


def _is_text(cell: Any) -> bool:
    try:
        pa.array([_text(cell)], pa.string())
    except (pa.ArrowException, UnicodeEncodeError):
        return False
    return True
