"""Votes in Parquet files: a column for each source, a row for each row, read a bounded number of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import parquet

from quorate.errors import LabelError, TableError, listed
from quorate.scanning.places import format_of, found
from quorate.values import ABSTAIN, LabelSpace

# Votes that are held at a time, and rows where sources are many.
_CELLS_AT_A_TIME, _FEWEST_ROWS = 1 << 23, 1 << 12
# A column of a row group is read as far as it is needed, not whole.
_BUFFER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class VotePart:
    """Some rows of a file: `first` is the number of the first, `matrix` int16[n, m], `gold` int16[n] or None."""

    first: int
    matrix: NDArray[np.int16]
    gold: NDArray[np.int16] | None
    ids: pa.Array | None

    def __len__(self) -> int:
        return len(self.matrix)


@dataclass(frozen=True, slots=True)
class VoteFile:
    """One Parquet file of votes, or a folder of parts in the order of their names.

    A vote is a label's name or alias (as a string, dictionary-encoded or not), or its int; null, "" and -1 abstain.
    """

    paths: tuple[Path, ...]
    space: LabelSpace
    sources: tuple[str, ...]
    id: str | None
    gold: str | None
    rows: int

    @staticmethod
    def open(path: Path | str, labels: Sequence[str] | LabelSpace, id: str | None, gold: str | None) -> VoteFile:
        """Every column but those of the ids and of gold is a source.

        Raises:
            TableError: there is no such file, column or source, or a part has other columns.
        """
        space = labels if isinstance(labels, LabelSpace) else LabelSpace(tuple(labels))
        paths = _parts(Path(path))
        heads = [_head(part) for part in paths]
        names = heads[0].schema.names
        for wanted in (id, gold):
            if wanted is not None and wanted not in names:
                raise TableError(f"{paths[0].name} has no column {wanted!r}; its columns are {listed(names)}")
        odd = [part.name for part, head in zip(paths, heads, strict=True) if head.schema.names != names]
        if odd:
            raise TableError(f"{odd[0]} has other columns than {paths[0].name}; the parts of a table share theirs")
        sources = tuple(name for name in names if name not in (id, gold))
        if not sources:
            raise TableError(f"{paths[0].name} has no column of votes: {listed(names)}")
        return VoteFile(paths, space, sources, id, gold, sum(head.num_rows for head in heads))

    def parts(self, ids: bool = False) -> Iterator[VotePart]:
        """All rows, in order; the same rows however many of them are read at a time.

        Raises:
            LabelError: a vote or gold is no label; the message holds the file, the column and what is there.
        """
        columns = [*self.sources, *filter(None, [self.gold, self.id if ids else None])]
        at_a_time, first = max(_CELLS_AT_A_TIME // len(self.sources), _FEWEST_ROWS), 0
        for path in self.paths:
            with _damage_told(path), parquet.ParquetFile(path, buffer_size=_BUFFER_BYTES) as file:
                for batch in file.iter_batches(at_a_time, columns=columns, use_threads=False):
                    yield self._part(path, batch, first)
                    first += batch.num_rows

    def _part(self, path: Path, batch: pa.RecordBatch, first: int) -> VotePart:
        matrix = np.empty((batch.num_rows, len(self.sources)), np.int16)
        for j, name in enumerate(self.sources):
            matrix[:, j] = self._labels(path, name, batch.column(name))
        gold = None if self.gold is None else self._labels(path, self.gold, batch.column(self.gold))
        return VotePart(first, matrix, gold, batch.column(self.id) if self.id in batch.schema.names else None)

    def _labels(self, path: Path, name: str, column: pa.Array) -> NDArray[np.int16]:
        if pa.types.is_null(column.type):
            return np.full(len(column), ABSTAIN, np.int16)
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            column = column.dictionary_encode()
        if pa.types.is_dictionary(column.type):
            meant = [self._label(path, name, word) for word in column.dictionary.to_pylist()]
            place = np.asarray(column.indices.fill_null(len(meant)), np.intp)
            return np.array([*meant, ABSTAIN], np.int16).take(place)
        if not pa.types.is_integer(column.type):
            raise TableError(f"{path.name}, column {name!r}: votes are label names or ints, not {column.type}")
        least, most = pc.min_max(column).as_py().values()
        if least is not None and not ABSTAIN <= least <= most < len(self.space):
            wrong = most if most >= len(self.space) else least
            raise LabelError(
                f"{path.name}, column {name!r}: a vote is {wrong}, but labels are 0 to {len(self.space) - 1}"
            )
        return np.asarray(column.cast(pa.int16()).fill_null(ABSTAIN), np.int16)

    def _label(self, path: Path, name: str, word: Any) -> int:
        if not word:
            return ABSTAIN
        try:
            return self.space.index(str(word))
        except LabelError as error:
            raise LabelError(f"{path.name}, column {name!r}: {error}") from None


def _parts(path: Path) -> tuple[Path, ...]:
    files = found(str(path))
    if format_of(files, str(path)) != "parquet" or any(file.store for file in files):
        raise TableError(f"{path}: votes are read from Parquet files of this machine")
    return tuple(Path(file.url) for file in files)


@dataclass(frozen=True, slots=True)
class _Head:
    schema: pa.Schema
    num_rows: int


def _head(path: Path) -> _Head:
    with _damage_told(path), parquet.ParquetFile(path) as file:
        return _Head(file.schema_arrow, file.metadata.num_rows)


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise TableError(f"{path.name} is not a readable Parquet file: {str(error).splitlines()[0]}") from None
