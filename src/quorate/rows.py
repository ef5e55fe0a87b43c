"""Rows: one partition of a table, with an id for each row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import blake2b
from types import SimpleNamespace
from typing import Any, Protocol, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quorate.errors import TableError, did_you_mean, listed

KEY_BYTES = 16
# Nine digits each, less than 2^31 bytes in all.
_MOST_NUMBERED = 230_000_000
T = TypeVar("T")


class Row(SimpleNamespace):
    """One row as a labeling function sees it: `row.text` and `row["text"]` are the same cell."""

    def __getitem__(self, column: str) -> Any:
        return getattr(self, column)

    def __getattr__(self, column: str) -> Any:
        """Asked only where there is no such cell."""
        raise AttributeError(_no_column(column, tuple(vars(self))))


class Derives(Protocol):
    """A column computed from others: one cell per row, by nothing but the row's own cells of `columns`.

    A cell may be an `attempt.Fault` where the computation failed; sources that read it fail on that row.
    """

    @property
    def name(self) -> str: ...
    @property
    def columns(self) -> tuple[str, ...]: ...
    def fingerprint(self) -> str: ...
    def derive(self, rows: Rows) -> list[Any]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """A table and its row ids, in order; `take` and `slice` keep what was derived from the rows.

    `derived` are columns that are computed when first read (a parsed document, a preprocessed text). `memo` keeps
    their cells by input, so that every source of a partition shares them; it is never part of the value.
    """

    table: pa.Table
    ids: pa.StringArray
    derived: Mapping[str, Derives] = field(default_factory=dict)
    memo: dict[Any, Any] = field(default_factory=dict, repr=False)

    @staticmethod
    def of(frame: Any, id: str | None = None) -> Rows:
        """Rows of a pandas frame, an Arrow table, or anything that speaks the Arrow C stream.

        Args:
            id: the column that holds the row ids; without it, a row's id is its position.

        Raises:
            TableError: no such column; ids that are missing or not unique.
        """
        table = _as_table(frame)
        if id is None:
            return Rows(table, numbered_ids(table.num_rows))
        if id not in table.column_names:
            hint = did_you_mean(id, table.column_names)
            raise TableError(f"there is no id column {id!r}; the columns are {listed(table.column_names)}.{hint}")
        try:
            ids = table.column(id).cast(pa.string()).combine_chunks()
        except pa.ArrowException:
            raise TableError(f"id column {id!r} holds {table.column(id).type}; ids are texts or numbers") from None
        _check_ids(ids, id)
        return Rows(table, ids)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.table.column_names)

    def arrow(self, column: str) -> pa.Array:
        """One column as an Arrow array.

        Raises:
            TableError: the table has no such column.
        """
        if column not in self.table.column_names:
            raise TableError(_no_column(column, self.columns))
        chunked = self.table.column(column)
        return chunked.chunk(0) if chunked.num_chunks == 1 else chunked.combine_chunks()

    def values(self, column: str) -> list[Any]:
        """One column, derived or not, as Python objects (None where null), made once per partition."""
        if column in self.derived:
            return _derived(self, self.derived[column])
        return self.stored(column)

    def stored(self, column: str) -> list[Any]:
        """One column of the table, also where a derived column shadows it."""
        return _once(self.memo, ("values", column), lambda: self.arrow(column).to_pylist())

    def records(self) -> list[Row]:
        """Each row as a `Row`, made once per partition."""
        return _once(self.memo, "records", lambda: [Row(**cells) for cells in self.table.to_pylist()])

    def keys(self, columns: Sequence[str] | None) -> NDArray[np.void]:
        """128-bit content hashes of the named columns (None: every column), shape [n]; ids are not part of them."""
        wanted = self.columns if columns is None else columns
        # A derived column is a function of its inputs: their content stands for it.
        names = tuple(stored_columns(wanted, self.derived))
        # Who reads the whole row may read a name: two columns that trade names make another row.
        salt = repr(names).encode() if columns is None else b""
        return _once(self.memo, ("keys", salt, names), lambda: _hashed(self, names, salt))

    def deriving(self, *columns: Derives) -> Rows:
        """The same rows with more derived columns; they shadow stored columns of the same name."""
        return replace(self, derived={**self.derived, **{column.name: column for column in columns}})

    def take(self, positions: NDArray[np.intp]) -> Rows:
        """The rows at these positions, sharing what was derived."""
        # The same memory, not a copy of it: what is derived for some rows need not be derived again for others.
        shared: dict[Any, Any] = {"derived": _derived_cells(self.memo)}
        return Rows(self.table.take(positions), self.ids.take(pa.array(positions)), self.derived, shared)

    def partitions(self, size: int | None) -> Iterator[Rows]:
        """Consecutive slices of at most `size` rows (None: one slice); always at least one."""
        step = max(len(self) if size is None else size, 1)
        for start in range(0, max(len(self), 1), step):
            yield Rows(self.table.slice(start, step).combine_chunks(), self.ids.slice(start, step), self.derived)

    def __reduce__(self) -> tuple[Any, ...]:
        # A sliced Arrow table pickles the buffers of the whole table; an IPC stream holds the slice alone.
        sink = pa.BufferOutputStream()
        table = self.table.append_column("\0id", self.ids)
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return _from_ipc, (sink.getvalue().to_pybytes(), self.derived)


def _once(memo: dict[Any, Any], key: Any, make: Callable[[], T]) -> T:
    if key not in memo:
        memo[key] = make()
    kept: T = memo[key]
    return kept


def stored_columns(names: Sequence[str], derived: Mapping[str, Derives]) -> Iterator[str]:
    """The columns of the table that these columns are made of."""
    for name in names:
        if name in derived:
            yield from stored_columns(derived[name].columns, _without(derived, name))
        else:
            yield name


def _without(derived: Mapping[str, Derives], name: str) -> dict[str, Derives]:
    # A derived column that reads a column of its own name reads the one that it shadows.
    return {other: column for other, column in derived.items() if other != name}


def _derived(rows: Rows, column: Derives) -> list[Any]:
    rows = replace(rows, derived=_without(rows.derived, column.name))
    keys = rows.keys(column.columns).tolist()
    known = _derived_cells(rows.memo).setdefault(_lineage(column, rows.derived), {})
    fresh = {key: i for i, key in enumerate(keys) if key not in known}
    if fresh:
        cells = column.derive(rows.take(np.fromiter(fresh.values(), np.intp, len(fresh))))
        known.update(zip(fresh, cells, strict=True))
    return [known[key] for key in keys]


def _derived_cells(memo: dict[Any, Any]) -> dict[Any, dict[bytes, Any]]:
    """The cells of derived columns by lineage, and by the content that they are made of."""
    cells: dict[Any, dict[bytes, Any]] = memo.setdefault("derived", {})
    return cells


def _lineage(column: Derives, derived: Mapping[str, Derives]) -> tuple[Any, ...]:
    """What a derived column computes, from stored columns on: two pre-processors may have one name."""
    read = (name for name in column.columns if name in derived)
    return column.fingerprint(), *(_lineage(derived[name], _without(derived, name)) for name in read)


@lru_cache(maxsize=64)
def _no_column(column: str, columns: tuple[str, ...]) -> str:
    # Remembered: a function may ask every row for a column that may be there, getattr(row, "video", None).
    return f"there is no column {column!r}; the columns are {listed(columns)}.{did_you_mean(column, columns)}"


def _hashed(rows: Rows, names: tuple[str, ...], salt: bytes) -> NDArray[np.void]:
    if not names:
        return np.zeros(len(rows), f"V{KEY_BYTES}")
    contents: Iterable[bytes]
    if len(names) == 1:
        # The rules of a project mostly read one text, and every run hashes every row.
        contents = (
            cell.encode("utf-8", "surrogatepass") if type(cell) is str else _content((cell,))
            for cell in rows.stored(names[0])
        )
    else:
        contents = map(_content, zip(*(rows.stored(name) for name in names), strict=True))
    digests = b"".join([blake2b(salt + content, digest_size=KEY_BYTES).digest() for content in contents])
    return np.frombuffer(digests, dtype=f"V{KEY_BYTES}")


def _content(row: tuple[Any, ...]) -> bytes:
    # A lone text is hashed as it is; elsewhere repr keeps 1, "1" and None apart.
    if len(row) == 1 and isinstance(row[0], str):
        return row[0].encode("utf-8", "surrogatepass")
    return b"\0" + repr(row).encode("utf-8", "surrogatepass")


def _as_table(frame: Any) -> pa.Table:
    if isinstance(frame, Rows):
        return frame.table
    if isinstance(frame, pa.Table):
        return frame
    if hasattr(frame, "__arrow_c_stream__"):
        table = pa.table(frame)
        # pandas keeps its index as a column of its own; positions and row ids are ours.
        extra = [name for name in table.column_names if name.startswith("__index_level_")]
        return table.drop_columns(extra) if extra else table
    raise TableError(
        f"cannot read rows from {type(frame).__name__}: give a pandas or polars frame, an Arrow table, "
        "or any object with the Arrow C stream"
    )


def _check_ids(ids: pa.StringArray, column: str) -> None:
    # A CSV file has no null: its empty cell is the empty text.
    missing = [str(i) for i, value in enumerate(ids.to_pylist()) if not value] if _has_gaps(ids) else []
    if missing:
        raise TableError(
            f"{len(missing)} of {len(ids)} rows have no {column!r} (first at row {missing[0]}, counting from 0): "
            "every row needs an id, or leave `id` out and rows are named by their position"
        )
    counts = ids.value_counts()
    twice = counts.filter(pa.compute.greater(counts.field("counts"), 1)).field("values").to_pylist()
    if twice:
        first = twice[0]
        at = [i for i, value in enumerate(ids.to_pylist()) if value == first]
        raise TableError(
            f"ids must be unique: {len(twice)} value(s) of {column!r} occur more than once, for example {first!r} "
            f"at rows {', '.join(map(str, at[:4]))} (counting from 0)"
        )


def _has_gaps(ids: pa.StringArray) -> bool:
    return bool(ids.null_count) or bool(pa.compute.any(pa.compute.equal(ids, "")).as_py())


def _from_ipc(stream: bytes, derived: Mapping[str, Derives]) -> Rows:
    table = pa.ipc.open_stream(stream).read_all()
    ids = table.column("\0id").combine_chunks()
    return Rows(table.drop_columns(["\0id"]), ids, derived)


def numbered_ids(rows: int) -> pa.StringArray:
    """The numbers of so many rows as their ids; made of digits, for Arrow's own cast holds several times the memory.

    Raises:
        ValueError: more rows than an Arrow array of texts has room for.
    """
    if rows > _MOST_NUMBERED:
        raise ValueError(f"one array of ids has no room for {rows:,} rows; take at most {_MOST_NUMBERED:,} at a time")
    texts, ends, first = [], np.zeros(rows + 1, np.int32), 0
    for width in range(1, len(str(max(rows - 1, 0))) + 1):
        number = np.arange(first, min(10**width, rows), dtype=np.int32)
        text = np.empty((len(number), width), np.uint8)
        ends[first + 1 : first + 1 + len(number)] = width
        first += len(number)
        for place in range(width - 1, -1, -1):
            number, digit = np.divmod(number, 10)
            np.add(digit, ord("0"), out=text[:, place], casting="unsafe")
        texts.append(text.reshape(-1))
    np.cumsum(ends, out=ends)
    return pa.Array.from_buffers(pa.string(), rows, [None, pa.py_buffer(ends), pa.py_buffer(np.concatenate(texts))])
