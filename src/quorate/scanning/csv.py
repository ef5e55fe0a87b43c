"""CSV and TSV files as one table: blocks of lines, and types that hold for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from pyarrow import csv

from quorate.errors import TableError
from quorate.scanning.files import File, first_line
from quorate.scanning.given import check_names, check_same_columns, given_columns, with_given
from quorate.scanning.lines import Block, blocks, stretches_read
from quorate.scanning.stretches import Stretch

Types = dict[str, pa.DataType]
_S, _NS = pa.timestamp("s"), pa.timestamp("ns")
_ZONED_S, _ZONED_NS = pa.timestamp("s", "UTC"), pa.timestamp("ns", "UTC")
# What cells of one column may be, if they differ from block to block, before they are but text; the last is tried.
_KINSHIPS = (
    (pa.int64(), pa.bool_()),
    (pa.int64(), pa.float64()),
    (pa.date32(), _S),
    (pa.date32(), _S, _NS),
    (_ZONED_S, _ZONED_NS),
)


@dataclass(frozen=True)
class CsvForm:
    """Files of values with a delimiter; `types` are those of the columns that the files hold."""

    types: Types
    given: pa.Schema

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([*self.types.items(), *self.given])

    def batches(self, stretches: Sequence[Stretch]) -> Iterator[pa.Table]:
        for stretch, content in stretches_read(stretches):
            table = _parsed(stretch.file, content, stretch.columns, self.types).select(list(self.types))
            yield with_given(table, stretch.file, self.given)


def csv_scan(files: Sequence[File], text_columns: Sequence[str], size: int) -> tuple[CsvForm, tuple[Stretch, ...]]:
    """How these files are read together, and their blocks.

    Every block is read once, for the types; where blocks differ in one, those that it may be are tried again.

    Raises:
        TableError: a file is ragged, empty or not UTF-8, or its columns are not those of the first.
    """
    text = dict.fromkeys(text_columns, pa.string())
    surveys = [survey for file in files if (survey := _survey(file, text, size)).names]
    if not surveys:
        raise TableError(f"{files[0].name} is empty")
    first = surveys[0]
    for other in surveys[1:]:
        check_same_columns(first.names, other.names, first.file, other.file)
    stretches = tuple(stretch for survey in surveys for stretch in survey.stretches)
    seen = {name: set().union(*(survey.types[name] for survey in surveys)) for name in first.names}
    types = {name: _joined(kinds - {pa.null()}) for name, kinds in seen.items()}
    given = given_columns(files, text_columns, first.names)
    doubtful = {n: t for n, t in types.items() if t != pa.string() and len(seen[n] - {pa.null()}) > 1}
    return CsvForm(types | _untrue(stretches, doubtful), given), stretches


@dataclass
class _Survey:
    """What one reading of a file tells: its columns, the types met in each, its blocks, its ragged rows."""

    file: File
    names: list[str] = field(default_factory=list)
    types: dict[str, set[pa.DataType]] = field(default_factory=dict)
    stretches: list[Stretch] = field(default_factory=list)
    rows: int = 0
    ragged: int = 0
    first_ragged: str = ""

    def add(self, block: Block, table: pa.Table, ragged: Sequence[Any]) -> None:
        if not self.names:
            self.names = table.column_names
            check_names(self.file, self.names)
            self.types = {name: set() for name in self.names}
        for name in self.names:
            self.types[name].add(table.schema.field(name).type)
        if ragged and not self.ragged:
            self.first_ragged = _told(ragged[0], block, self.rows)
        # The header is a row.
        self.rows += table.num_rows + len(ragged) + (not self.stretches)
        self.ragged += len(ragged)
        columns = tuple(self.names) if self.stretches else ()
        self.stretches.append(Stretch(self.file, table.num_rows, block.at, len(block.content), columns))


def _survey(file: File, text: Types, size: int) -> _Survey:
    made = _Survey(file)
    for block in blocks(file, _delimiter(file), size):
        ragged: list[Any] = []
        made.add(block, _parsed(file, block.content, made.names, text, ragged), ragged)
    if made.ragged:
        raise TableError(
            f"{file.name}, {made.first_ragged}. {made.ragged} row(s) are ragged; "
            "quote values that contain the delimiter or a line break"
        )
    return made


def _told(ragged: Any, block: Block, rows: int) -> str:
    return (
        f"line {block.lines + _line_of(ragged, block.content)} (row {rows + ragged.number} with the header): found "
        f"{ragged.actual_columns} values where the header has {ragged.expected_columns} columns: {ragged.text[:80]!r}"
    )


def _line_of(ragged: Any, content: bytes) -> int:
    """Arrow counts rows; blank lines and line breaks in quotes put a row further down, never further up."""
    start = ragged.text.encode().splitlines()[:1]
    lines = enumerate(content.splitlines(), 1)
    return next((number for number, line in lines if number >= ragged.number and [line] == start), int(ragged.number))


def _joined(kinds: set[pa.DataType]) -> pa.DataType:
    """The narrowest type that might hold cells of all of these."""
    if len(kinds) < 2:
        return next(iter(kinds), pa.null())
    return next((kin[-1] for kin in _KINSHIPS if kinds <= set(kin)), pa.string())


def _untrue(stretches: Sequence[Stretch], doubtful: Types) -> Types:
    """Those of the columns, as text, of which some cell is not of its type."""
    wrong: Types = {}
    for stretch, content in stretches_read(stretches) if doubtful else ():
        for name in doubtful.keys() - wrong.keys():
            try:
                _read(content, _delimiter(stretch.file), stretch.columns, doubtful, only=[name])
            except pa.ArrowException:
                wrong[name] = pa.string()
    return wrong


def _parsed(
    file: File, content: bytes, names: Sequence[str], types: Types, ragged: list[Any] | None = None
) -> pa.Table:
    try:
        return _read(content, _delimiter(file), names, types, ragged)
    except pa.ArrowException as error:
        raise TableError(f"{file.name} is not a readable CSV file: {first_line(error)}") from None


def _read(
    content: bytes,
    delimiter: str,
    names: Sequence[str],
    types: Types,
    ragged: list[Any] | None = None,
    *,
    only: Sequence[str] = (),
) -> pa.Table:
    """A block as a table; without names its first row is the header. Ragged rows are left out and noted."""
    if names and not content.strip(b"\r\n"):
        return pa.schema([(name, types.get(name, pa.null())) for name in names]).empty_table()

    def refuse(row: Any) -> str:
        if ragged is not None:
            ragged.append(row)
        return "skip"

    return csv.read_csv(
        pa.BufferReader(content),
        # One thread, because only then does Arrow know which row is ragged.
        read_options=csv.ReadOptions(use_threads=False, block_size=len(content) + 1, column_names=names or None),
        parse_options=csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=refuse),
        convert_options=csv.ConvertOptions(column_types=types, include_columns=only or None),
    )


def _delimiter(file: File) -> str:
    return "\t" if file.kind == ".tsv" else ","
