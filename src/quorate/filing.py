"""Filing: finds the votes that a source gave before, and files those it gives now."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quorate.columns import filled
from quorate.errors import TooManyFailures
from quorate.fingerprint import fingerprint
from quorate.protocols import Source, VoteStore
from quorate.rows import Rows
from quorate.values import Failure, LabelSpace, Status, VoteColumn


@dataclass(frozen=True)
class Found:
    """What the store knew of one source and some rows: their content keys, the column, and which rows it knew."""

    source: Any
    keys: NDArray[np.void]
    column: VoteColumn
    hit: NDArray[np.bool_]
    k: int

    @property
    def is_lacking(self) -> bool:
        return not self.hit.all()

    @property
    def missing(self) -> NDArray[np.intp] | None:
        """The positions that it did not know; None is all of them."""
        return np.flatnonzero(~self.hit) if self.hit.any() else None


def look_up(store: VoteStore, source: Source, rows: Rows, space: LabelSpace) -> Found:
    """The stored votes of a source on these rows; rows without one are *skipped*."""
    keyed: Any = _Keyed.of(source, rows, space)
    keys = rows.keys(source.columns)
    column, hit = store.read(keyed, keys, len(space))
    return Found(keyed, keys, _named(column, source.name, rows.ids), hit, len(space))


def file_away(store: VoteStore, found: Found, fresh: VoteColumn | None) -> VoteColumn:
    """The whole column, kept for the next run; `fresh` has the votes of the missing rows, None where none miss."""
    if fresh is None:
        return found.column
    column = filled(found.column, np.flatnonzero(~found.hit), fresh, found.k)
    # The whole partition, with what was found elsewhere: the next run finds it in one file.
    store.write(found.source, found.keys, column)
    return column


@dataclass
class Tally:
    """Counts the failed votes of each source.

    Raises:
        TooManyFailures: a source failed on more than the allowed share of `total` rows.
    """

    total: int
    max_share: float
    failed: Counter[str] = field(default_factory=Counter)
    first: dict[str, Failure] = field(default_factory=dict)

    def add(self, source: str, column: VoteColumn) -> None:
        """Counts one more partition of a source."""
        if not column.failures:
            return
        self.failed[source] += len(column.failures)
        first = self.first.setdefault(source, column.failures[0])
        if self.failed[source] > self.max_share * self.total:
            raise TooManyFailures(
                f"source {source!r} failed on {self.failed[source]} of {self.total} rows, more than the allowed "
                f"{self.max_share:.0%}. First: row {first.row_id!r}: {first.message}\n{first.traceback}".rstrip()
            )


@dataclass(frozen=True)
class _Keyed:
    """A source as the store knows it: its own fingerprint, those of derived columns it reads, and what labels mean."""

    name: str
    key: str

    @staticmethod
    def of(source: Source, rows: Rows, space: LabelSpace) -> _Keyed:
        read = [rows.derived[name].fingerprint() for name in source.columns or () if name in rows.derived]
        meant = (space.names, dict(space.aliases), dict(space.descriptions) if source.family == "model" else {})
        return _Keyed(source.name, fingerprint(source.fingerprint(), read, *meant))

    def fingerprint(self) -> str:
        return self.key


def _named(column: VoteColumn, source: str, ids: pa.StringArray) -> VoteColumn:
    """The column with the ids of these rows in its failures: the store knows cells, not rows."""
    failed = ids.take(pa.array(np.flatnonzero(column.status == Status.FAILED))).to_pylist()
    named = (replace(fault, row_id=i, source=source) for fault, i in zip(column.failures, failed, strict=True))
    return replace(column, failures=tuple(named))
