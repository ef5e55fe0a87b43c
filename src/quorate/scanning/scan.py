"""scan: data of any size as partitions, or as pieces that other processes read."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path

import pyarrow as pa

from quorate.fingerprint import fingerprint
from quorate.scanning.csv import csv_scan
from quorate.scanning.files import File, shown
from quorate.scanning.jsonl import jsonl_scan
from quorate.scanning.lines import BLOCK_BYTES
from quorate.scanning.parquet import parquet_scan
from quorate.scanning.places import format_of, found
from quorate.scanning.stretches import Form, Stretch, regrouped, skipped

# Up to here a lone file is known by its content; above by its size and the time of its last change.
_HASHED_BYTES = 256 * 2**20


Settle = Callable[[Sequence[File], Sequence[str], int], tuple[Form, tuple[Stretch, ...]]]
_SETTLES: dict[str, Settle] = {"csv": csv_scan, "jsonl": jsonl_scan, "parquet": parquet_scan}


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
        tables = list(skipped(self.form.batches(self.stretches), self.skip, self.rows))
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

    @cached_property
    def _settled(self) -> tuple[Form, tuple[Stretch, ...]]:
        settle = _SETTLES[format_of(self.files, self.place)]
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

    def fingerprint(self) -> str:
        """Changes when the data does: by content for one small local file, else by names, sizes and stamps."""
        if len(self.files) == 1 and self.files[0].size <= _HASHED_BYTES and Path(self.files[0].url).is_file():
            return fingerprint(Path(self.files[0].url))
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


def scan(place: str | Path, text_columns: Iterable[str] = (), block_bytes: int = BLOCK_BYTES) -> Scan:
    """The data at a path, a folder, a glob or a URL.

    Args:
        text_columns: columns that are text whatever they look like (ids such as 007).
        block_bytes: of text formats, how much is read at a time.

    Raises:
        TableError: there is no data at this place; the message holds the nearest name.
    """
    return Scan(shown(str(place)), found(str(place)), tuple(text_columns), block_bytes)
