"""What is kept beside a project, in `.quorate/`: votes by source and content, and finished runs.

    keys/<digest>                        content keys, one after another; sources that read the same cells share them
    votes/<source>/<fingerprint>/<digest of the keys>.parquet
    runs/<run id>/                       manifest.json, report.json, report.html, and the tables of the run
    runs/latest                          the id of the newest run

Every file is written beside its place and moved there, so that a reader never meets half of one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from threading import get_ident
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from quorate.cells import file_name
from quorate.columns import taken
from quorate.protocols import Source
from quorate.rows import KEY_BYTES
from quorate.values import ABSTAIN, Failure, Status, VoteColumn

_RETRIED = ".retried"


@dataclass(slots=True)
class Store:
    """Votes that were made before. `retry_failed` treats failed votes as never made.

    A partition that was voted on before is found in one file. Rows that were in other company then are looked for
    among the votes that were there when the store was opened, as far as their keys have no more than `most_bytes`:
    past that, finding them would take more memory than asking again takes time.
    """

    folder: Path
    retry_failed: bool = False
    most_bytes: int = 2**26
    _spent_bytes: int = 0
    _indexes: dict[Path, tuple[pa.Table, dict[bytes, int]]] = field(default_factory=dict)
    _last: tuple[NDArray[np.void], str] | None = None

    def opened(self) -> Store:
        """The same store, to find what is there by now."""
        return Store(self.folder, self.retry_failed, self.most_bytes)

    def read(self, source: Source, keys: NDArray[np.void], k: int) -> tuple[VoteColumn, NDArray[np.bool_]]:
        """The column of a source for rows of these content keys, and which of them were found, bool[n].

        Rows not found are *skipped* in the column.
        """
        folder = self._votes(source)
        whole = _stored(folder / f"{self._digest(keys)}.parquet")
        # Where something failed, a newer file may hold the vote that a retry brought.
        if len(whole) == len(keys) and not (_has_failures(whole) and (folder / _RETRIED).exists()):
            return _column(whole, np.arange(len(keys)), source.name, k, self.retry_failed)
        table, place = self._index(folder)
        at = np.array([place.get(key, -1) for key in keys.tolist()] if place else np.full(len(keys), -1), np.intp)
        return _column(table, at, source.name, k, self.retry_failed)

    def write(self, source: Source, keys: NDArray[np.void], column: VoteColumn) -> None:
        """Keeps the votes of a source on rows of these content keys, whole or not at all.

        Rows that were skipped are left out: they have yet to be asked. What the power takes away while it is on its
        way to the disk is made again; what was paid for is in the journal.
        """
        made = column.status != Status.SKIPPED
        if not made.all():
            keys, column = keys[made], taken(column, np.flatnonzero(made))
        if not len(keys):
            return
        digest = self._digest(keys)
        shared, path = self.folder / "keys" / digest, self._votes(source) / f"{digest}.parquet"
        if not shared.exists():
            with being_written(shared, is_durable=False) as beside:
                beside.write_bytes(keys.tobytes())
        with being_written(path, is_durable=False) as beside:
            parquet.write_table(_to_arrow(column), beside, write_page_checksum=True)
        if self.retry_failed:
            (path.parent / _RETRIED).touch()

    def _digest(self, keys: NDArray[np.void]) -> str:
        # Sources that read the same cells come one after another with the same keys.
        last = self._last
        if last is None or last[0] is not keys:
            last = self._last = keys, _digest(keys)
        return last[1]

    def _votes(self, source: Source) -> Path:
        return self.folder / "votes" / file_name(source.name) / source.fingerprint()

    def _index(self, folder: Path) -> tuple[pa.Table, dict[bytes, int]]:
        """Every vote of a source that was there before, and the place of the newest by key."""
        if folder not in self._indexes:
            found = [(path, path.stat()) for path in folder.glob("*.parquet")]
            found.sort(key=lambda one: (one[1].st_mtime_ns, one[0].name))
            files = [path for path, _ in found if self._affords(path.stem)]
            tables, place, first = [_COLUMNS.empty_table()], dict[bytes, int](), 0
            for keys, table in ((_shared(self.folder / "keys" / path.stem), _stored(path)) for path in files):
                if len(keys) == len(table):
                    tables.append(table)
                    place.update(zip(keys.tolist(), range(first, first + len(keys)), strict=True))
                    first += len(keys)
            self._indexes[folder] = pa.concat_tables(tables, promote_options="permissive"), place
        return self._indexes[folder]

    def _affords(self, digest: str) -> bool:
        """Whether there is memory for the keys of one more file."""
        keys = self.folder / "keys" / digest
        self._spent_bytes += keys.stat().st_size if keys.exists() else 0
        return self._spent_bytes <= self.most_bytes


_COLUMNS = pa.schema(
    [
        ("label", pa.int16()),
        ("status", pa.uint8()),
        *((name, pa.string()) for name in ("reason", "message", "traceback")),
    ]
)


def _stored(file: Path) -> pa.Table:
    """The votes in a file; none where it is absent or damaged, for they can be made again."""
    try:
        with parquet.ParquetFile(file, page_checksum_verification=True) as opened:
            table = opened.read(use_threads=False)
    except (pa.ArrowException, OSError):
        return _COLUMNS.empty_table()
    return table if set(_COLUMNS) <= set(table.schema) else _COLUMNS.empty_table()


def _column(
    table: pa.Table, at: NDArray[np.intp], source: str, k: int, retry_failed: bool
) -> tuple[VoteColumn, NDArray[np.bool_]]:
    """The stored rows `at` (-1: none stored) as a column, and which were found."""
    n, hit = len(at), at >= 0
    labels, status = np.full(n, ABSTAIN, np.int16), np.full(n, Status.SKIPPED, np.uint8)
    if not hit.any():
        return VoteColumn(labels, status), hit
    is_whole = n == len(table) and bool((at == np.arange(n)).all())
    found = table if is_whole else table.take(pa.array(at[hit]))
    labels[hit], status[hit] = found.column("label").to_numpy(), found.column("status").to_numpy()
    if retry_failed:
        again = status == Status.FAILED
        found = found.filter(pa.array(~again[hit]))
        hit, status[again] = hit & ~again, Status.SKIPPED
    confidence, distribution = _soft(found, hit, k)
    return VoteColumn(labels, status, confidence, distribution, _failures(found, source)), hit


def _soft(found: pa.Table, hit: NDArray[np.bool_], k: int) -> tuple[Any, Any]:
    confidence = distribution = None
    if "confidence" in found.column_names:
        confidence = np.full(len(hit), np.nan, np.float32)
        confidence[hit] = found.column("confidence").to_numpy()
    if "distribution" in found.column_names:
        distribution = np.full((len(hit), k), np.nan, np.float32)
        nothing = [np.nan] * k
        cells = [cell if cell is not None else nothing for cell in found.column("distribution").to_pylist()]
        distribution[hit] = np.array(cells, np.float32).reshape(-1, k)
    return confidence, distribution


def _failures(found: pa.Table, source: str) -> tuple[Failure, ...]:
    failed = found.filter(pa.compute.equal(found.column("status"), int(Status.FAILED)))
    return tuple(
        Failure("", source, row["reason"], row["message"], row["traceback"])
        for row in failed.select(["reason", "message", "traceback"]).to_pylist()
    )


def _has_failures(votes: pa.Table) -> bool:
    return bool((votes.column("status").to_numpy() == Status.FAILED).any())


def _to_arrow(column: VoteColumn) -> pa.Table:
    columns: dict[str, Any] = {"label": column.labels, "status": column.status}
    if column.confidence is not None:
        columns["confidence"] = column.confidence
    if column.distribution is not None:
        columns["distribution"] = pa.array(column.distribution.tolist(), pa.list_(pa.float32()))
    return pa.table(columns | (_faults(column) if column.failures else dict.fromkeys(_TOLD, _nothing(column))))


_TOLD = ("reason", "message", "traceback")


def _nothing(column: VoteColumn) -> pa.Array:
    return pa.nulls(len(column.labels), pa.string())


def _faults(column: VoteColumn) -> dict[str, pa.Array]:
    by_row = iter(column.failures)
    faults = [next(by_row) if s == Status.FAILED else None for s in column.status.tolist()]
    return {name: pa.array([fault and getattr(fault, name) for fault in faults], pa.string()) for name in _TOLD}


def _shared(file: Path) -> NDArray[np.void]:
    """The keys in a file; none where it is absent or damaged."""
    content = file.read_bytes() if file.exists() else b""
    whole = len(content) % KEY_BYTES == 0 and blake2b(content, digest_size=16).hexdigest() == file.name
    return np.frombuffer(content if whole else b"", f"V{KEY_BYTES}")


def _digest(keys: NDArray[np.void]) -> str:
    return blake2b(keys.tobytes(), digest_size=16).hexdigest()


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """The file whole or not at all, and on the disk when this returns."""
    with being_written(path) as beside:
        write(beside)


@contextmanager
def being_written(path: Path, is_durable: bool = True) -> Iterator[Path]:
    """Where to write the file, from where it is moved into its place; a durable one is on the disk when this ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Threads of one process keep the same keys at a time: sources that ask about the same rows.
    beside = path.with_name(f".{path.name}.{os.getpid()}.{get_ident()}")
    try:
        yield beside
        if is_durable:
            with beside.open("rb") as handle:
                os.fsync(handle.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def keep_out_of_git(state: Path) -> None:
    """Makes git ignore the folder of a project's state; what somebody wrote there before stays."""
    ignore = state / ".gitignore"
    if not ignore.exists():
        write_atomically(ignore, lambda beside: beside.write_text("*\n"))


def write_json(path: Path, value: Any) -> None:
    """The value as JSON, atomically."""
    write_atomically(path, lambda beside: beside.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n"))
