"""Stretches: runs of rows as they lie in files, and how they are cut into pieces of a given number of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

import pyarrow as pa

from quorate.scanning.files import File


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows that are read together: a row group of a Parquet file, a block of lines.

    `at` and `length` say where it is, in the words of its format; `columns` are those of a file whose rows do not
    name them.
    """

    file: File
    rows: int
    at: int
    length: int = 0
    columns: tuple[str, ...] = ()


class Form(Protocol):
    """How a format is read: its columns are settled, whatever part of the data is looked at."""

    @property
    def schema(self) -> pa.Schema: ...
    def batches(self, stretches: Sequence[Stretch]) -> Iterator[pa.Table]:
        """The rows of these stretches, in order, some at a time."""
        ...


def regrouped(tables: Iterator[pa.Table], rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of exactly `rows` each, but the last; no more than that and one table are held."""
    held: list[pa.Table] = []
    count = 0
    for table in tables:
        held.append(table)
        count += table.num_rows
        while count >= rows:
            whole = pa.concat_tables(held)
            yield whole.slice(0, rows).combine_chunks()
            count -= rows
            held = [whole.slice(rows)] if count else []
    if count:
        yield pa.concat_tables(held).combine_chunks()


@dataclass(frozen=True, slots=True)
class _Left:
    """A stretch that was read up to a row."""

    form: Form
    row: int
    tables: Iterator[pa.Table]


_left: dict[Stretch, _Left] = {}
"""Where the last piece ended inside a stretch: a row group may hold a hundred pieces, and is read from its start."""


def rows_of(form: Form, stretches: Sequence[Stretch], skip: int, rows: int) -> Iterator[pa.Table]:
    """`rows` of the rows of these stretches, after `skip` of them, which lie in the first."""
    for stretch in stretches:
        # Taken out while it is used: no two threads read on in one.
        left = _left.pop(stretch, None)
        if left is None or left.row > skip or left.form != form:
            left = _Left(form, 0, form.batches([stretch]))
        row = left.row
        for table in left.tables:
            first = min(max(skip - row, 0), table.num_rows)
            part = table.slice(first, rows)
            rows -= part.num_rows
            if part.num_rows:
                yield part
            if not rows:
                _leave(form, stretch, row + first + part.num_rows, table.slice(first + part.num_rows), left.tables)
                return
            row += table.num_rows
        skip = 0


def _leave(form: Form, stretch: Stretch, row: int, rest: pa.Table, tables: Iterator[pa.Table]) -> None:
    _left.clear()
    if row < stretch.rows:
        _left[stretch] = _Left(form, row, chain([rest], tables))
