"""spill: what has to be known of every row until the end of a run, kept on the disk and not in memory."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_PREFIX = ".spill-"


@dataclass(frozen=True, slots=True, eq=False)
class Passed:
    """A partition after its rows voted.

    `ids`; `matrix` int16[q, m], its distinct votes, and `where` intp[n], which of them each row has; `settled`
    int16[n], what people said or -1; `sure` float32[n, m], how sure sources were, None where none said it.
    """

    ids: pa.StringArray
    matrix: NDArray[np.int16]
    where: NDArray[np.intp]
    settled: NDArray[np.int16]
    sure: NDArray[np.float32] | None

    def __len__(self) -> int:
        return len(self.ids)


class Spill:
    """Partitions in a file, to be read in the order in which they came, as often as needed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] = path.open("wb")

    def add(self, passed: Passed) -> None:
        """Keeps a partition."""
        arrays = (passed.matrix, passed.where.astype(np.uint32), passed.settled, *_some(passed.sure))
        ids = pa.table({"id": passed.ids})
        with pa.ipc.new_stream(self._file, ids.schema) as stream:
            stream.write_table(ids)
        np.save(self._file, np.array(len(arrays)))
        for array in arrays:
            np.save(self._file, array)

    def close(self) -> None:
        """No more comes."""
        self._file.close()

    def __iter__(self) -> Iterator[Passed]:
        with self._path.open("rb") as file:
            end = self._path.stat().st_size
            while file.tell() < end:
                ids = pa.ipc.open_stream(file).read_all().column("id").combine_chunks()
                arrays = [np.load(file) for _ in range(int(np.load(file)))]
                sure = arrays[3] if len(arrays) > 3 else None
                yield Passed(ids, arrays[0], arrays[1].astype(np.intp), arrays[2], sure)

    def __enter__(self) -> Spill:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _some(sure: Any) -> list[Any]:
    return [] if sure is None else [sure]


@contextmanager
def spilling(folder: Path) -> Iterator[Path]:
    """A folder in this one for what is needed until the end of a run; it is gone when this ends.

    What runs that were killed left there goes too. Who is at work holds a lock, SQLite's own, which the system frees
    however a process ends.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{_PREFIX}*"):
        with closing(_lock(left)) as lock:
            abandoned = _locked(lock)
        if abandoned:
            shutil.rmtree(left, ignore_errors=True)
    here = TemporaryDirectory(dir=folder, prefix=_PREFIX, ignore_cleanup_errors=True)
    with here as beside, closing(_lock(Path(beside))) as lock:
        _locked(lock)
        yield Path(beside)


def _lock(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(folder / "lock", timeout=0, isolation_level=None, check_same_thread=False)


def _locked(lock: sqlite3.Connection) -> bool:
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        return False
    return True
