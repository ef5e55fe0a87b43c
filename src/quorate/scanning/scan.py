"""scan: data of any size as partitions, or as pieces that other processes read."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path

import pyarrow as pa

from quorate.errors import TableError
from quorate.fingerprint import fingerprint
from quorate.scanning.csv import csv_scan
from quorate.scanning.delta import DeltaTable, delta_table, is_delta
from quorate.scanning.files import File, shown
from quorate.scanning.jsonl import jsonl_scan
from quorate.scanning.lines import BLOCK_BYTES
from quorate.scanning.parquet import parquet_scan
from quorate.scanning.places import format_of, found
from quorate.scanning.stretches import Form, Stretch, regrouped, rows_of

# Up to here a lone file is known by its content; above by its size and the time of its last change.
_HASHED_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of a scan, small enough to be sent to whoever reads them; `first` rows stand before it."""

    form: Form
    stretches: tuple[Stretch, ...]
    skip: int
    rows: int
    first: int

    def read(self) -> pa.Table:
        """The rows.

        Raises:
            TableError: a file has changed since it was scanned, or is gone.
        """
        tables = rows_of(self.form, self.stretches, self.skip, self.rows)
        return pa.concat_tables([self.form.schema.empty_table(), *tables]).combine_chunks()


@dataclass(frozen=True)
class Scan:
    """Data that is there, not yet read: its files and, once asked for, its columns and where its rows lie.

    Rows come in the order of the files' paths as texts, and of the rows in each.
    """

    place: str
    files: tuple[File, ...]
    text_columns: tuple[str, ...] = ()
    block_bytes: int = BLOCK_BYTES
    delta: DeltaTable | None = None

    @cached_property
    def _settled(self) -> tuple[Form, tuple[Stretch, ...]]:
        if self.delta is not None:
            return self.delta.settle()
        kind = format_of(self.files, self.place)
        if kind == "parquet":
            return parquet_scan(self.files, self.text_columns)
        settle = csv_scan if kind == "csv" else jsonl_scan
        return settle(self.files, self.text_columns, self.block_bytes)

    @property
    def schema(self) -> pa.Schema:
        """The columns with their types, the same for every partition.

        Raises:
            TableError: a file that is damaged or ragged, or does not go with the others.
        """
        return self._settled[0].schema

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.schema.names)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(stretch.rows for stretch in self._settled[1])

    def local_file(self) -> Path | None:
        """The one file of this machine that the data is, where it is one."""
        alone = len(self.files) == 1 and not (self.files[0].store or self.files[0].given or self.delta)
        return Path(self.files[0].url) if alone else None

    def fingerprint(self) -> str:
        """Changes when the data does: by content for one small local file, else by names, sizes and stamps."""
        if self.delta is not None:
            return fingerprint("delta", self.delta.id, self.delta.version)
        alone = self.local_file()
        if alone is not None and self.files[0].size <= _HASHED_BYTES:
            return fingerprint(alone)
        return fingerprint([(file.name, file.size, file.stamp) for file in self.files])

    def partitions(self, rows: int) -> Iterator[pa.Table]:
        """The rows in order, in tables of exactly `rows` each, but the last; none where there are no rows."""
        form, stretches = self._settled
        return regrouped(form.batches(stretches), rows)

    def table(self) -> pa.Table:
        """All rows at once."""
        form, stretches = self._settled
        return pa.concat_tables([form.schema.empty_table(), *form.batches(stretches)]).combine_chunks()

    def pieces(self, rows: int) -> list[Piece]:
        """The same partitions, each to be read by itself."""
        form, stretches = self._settled
        ends = list(accumulate(stretch.rows for stretch in stretches))
        made = []
        for first in range(0, self.rows, rows):
            last = min(first + rows, self.rows)
            start, stop = bisect_right(ends, first), bisect_right(ends, last - 1) + 1
            before = ends[start - 1] if start else 0
            made.append(Piece(form, stretches[start:stop], first - before, last - first, first))
        return made


def scan(
    place: str | Path,
    text_columns: Iterable[str] = (),
    version: int | None = None,
    block_bytes: int = BLOCK_BYTES,
) -> Scan:
    """The data at a path, a folder, a glob or a URL, or a Delta table.

    Args:
        text_columns: columns that are text whatever they look like (ids such as 007).
        version: of a Delta table; without one, the newest.
        block_bytes: of text formats, how much is read at a time.

    Raises:
        TableError: there is no data at this place; the message holds the nearest name.
        MissingExtra: a package that reads it is not installed.
    """
    there, text = str(place), tuple(text_columns)
    if is_delta(there):
        table = delta_table(there, version)
        return Scan(shown(there), table.files, text, block_bytes, table)
    if version is not None:
        raise TableError(f"{shown(there)} is no Delta table, and has no version {version}")
    return Scan(shown(there), found(there), text, block_bytes)
