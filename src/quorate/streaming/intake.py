"""intake: a project's data a partition at a time, and what has to be known of all rows before any source votes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quorate.errors import TableError
from quorate.ranking.drawing import lottery
from quorate.rows import Derives, Rows
from quorate.scanning.scan import Scan

_MOST_PLACES = 10_000


@dataclass(frozen=True, eq=False)
class Intake:
    """The rows of a scan as sources see them: with ids and derived columns, without the gold column."""

    scan: Scan
    id: str | None
    hidden: str
    derived: tuple[Derives, ...]
    partition_rows: int

    @property
    def total(self) -> int:
        """How many rows there are."""
        return self.scan.rows

    def partitions(self, whole: bool = False) -> Iterator[tuple[int, Rows]]:
        """Each partition and how many rows stand before it; at least one. `whole` has the gold column too."""
        first = 0
        for table in self.scan.partitions(self.partition_rows):
            yield first, self.rows(table, first, whole)
            first += table.num_rows
        if not first:
            yield 0, self.rows(self.scan.schema.empty_table(), 0, whole)

    def rows(self, table: pa.Table, first: int, whole: bool = False) -> Rows:
        """This table, before which there are so many rows, as rows."""
        named = Rows(table, _ids(table, self.id, first))
        return named if whole else self.shown(named)

    def shown(self, rows: Rows) -> Rows:
        """The rows as sources see them."""
        table = rows.table.drop_columns([self.hidden]) if self.hidden in rows.columns else rows.table
        return Rows(table, rows.ids).deriving(*self.derived)

    def taken(self, places: NDArray[np.intp]) -> Rows:
        """The rows at these places, which ascend."""
        parts, ids = [self.rows(self.scan.schema.empty_table(), 0).table], [pa.array([], pa.string())]
        for first, rows in self.partitions():
            here = places[(places >= first) & (places < first + len(rows))] - first
            if len(here):
                parts.append(rows.table.take(pa.array(here)))
                ids.append(rows.ids.take(pa.array(here)))
        return Rows(pa.concat_tables(parts).combine_chunks(), pa.concat_arrays(ids)).deriving(*self.derived)


def _ids(table: pa.Table, id: str | None, first: int) -> pa.StringArray:
    if id is None:
        return pa.array([str(i) for i in range(first, first + table.num_rows)], pa.string())
    return _column(table, id).cast(pa.string())


def _column(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


@dataclass(slots=True)
class IdCheck:
    """Whether the ids of all `total` rows are there and unique, from eight bytes a row."""

    column: str
    total: int
    hashes: NDArray[np.uint64] = field(init=False)
    missing: int = 0
    first_missing: int = -1
    rows: int = 0

    def __post_init__(self) -> None:
        self.hashes = np.zeros(self.total, np.uint64)

    def add(self, ids: pa.StringArray) -> None:
        """The ids of the next partition."""
        empty = np.flatnonzero(np.asarray(pc.equal(pc.fill_null(ids, ""), "")))
        if len(empty) and not self.missing:
            self.first_missing = self.rows + int(empty[0])
        self.missing += len(empty)
        self.hashes[self.rows : self.rows + len(ids)] = lottery(pc.fill_null(ids, ""))
        self.rows += len(ids)

    def check(self, again: Callable[[], Iterator[tuple[int, Rows]]]) -> None:
        """
        Args:
            again: reads the partitions once more, where ids may be alike.

        Raises:
            TableError: ids that are missing or not unique; the message names the first places.
        """
        if self.missing:
            raise TableError(
                f"{self.missing} of {self.rows} rows have no {self.column!r} (first at row {self.first_missing}, "
                "counting from 0): every row needs an id, or leave `id` out and rows are named by their position"
            )
        self.hashes.sort()
        alike = np.unique(self.hashes[1:][self.hashes[1:] == self.hashes[:-1]])
        if len(alike):
            self._refuse_twice(alike, again)

    def _refuse_twice(self, alike: NDArray[np.uint64], again: Callable[[], Iterator[tuple[int, Rows]]]) -> None:
        places: dict[str, list[int]] = {}
        for first, rows in again():
            at = np.flatnonzero(np.isin(lottery(rows.ids), alike))
            for i, row_id in zip(at.tolist(), rows.ids.take(pa.array(at)).to_pylist(), strict=True):
                if row_id in places or len(places) < _MOST_PLACES:
                    places.setdefault(row_id, []).append(first + i)
        twice = {row_id: at for row_id, at in places.items() if len(at) > 1}
        if twice:
            odd = min(twice, key=lambda row_id: twice[row_id][0])
            raise TableError(
                f"ids must be unique: {len(alike)} value(s) of {self.column!r} occur more than once, for example "
                f"{odd!r} at rows {', '.join(map(str, twice[odd][:4]))} (counting from 0)"
            )
