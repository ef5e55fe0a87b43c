"""Votes that lie in a Parquet file: `quorate.fuse_file` reads them twice in partitions and writes the labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.contenders import resident
from benchmarks.measurement import Measurement, WrongAnswer
from benchmarks.scaling.synthetic import Shape, blocks, table_of, write_parquet
from benchmarks.watch import Limits
from benchmarks.worker import Took, Worker

PARQUET = ", Parquet"
_CORES, _WARM_UP = 2, 1_000


@dataclass(frozen=True, slots=True)
class Fused:
    """What a file took, the memory of its process at most, and in percent how many labels are right."""

    took: Took
    peak_mib: float
    accuracy: float


def fuse_file(path: str, to: str, labels: list[str]) -> Callable[[], float]:
    """Fuses the file; the memory of the process in MiB. A thousand rows are fused before."""
    from pyarrow import parquet

    from quorate import fuse_file as fuse

    for few in blocks(Shape(_WARM_UP, len(parquet.read_schema(path)), len(labels))):
        parquet.write_table(table_of(few[0], labels), f"{to}.few.parquet")
    fuse(f"{to}.few.parquet", f"{to}.few-labels.parquet", labels)

    def task() -> float:
        fuse(path, to, labels)
        return resident("VmHWM")

    return task


def fused(shape: Shape, limit_s: float) -> Fused:
    """What fusing a file of this shape took on two cores, in a process of its own.

    Raises:
        WrongAnswer: rows were lost, probabilities do not sum to 1, or labels are no better than guesses.
    """
    with TemporaryDirectory() as folder:
        path, to = Path(folder) / "votes.parquet", Path(folder) / "labels.parquet"
        write_parquet(path, shape)
        limits = Limits(limit_s, _CORES)
        with Worker(fuse_file, limits=limits, path=str(path), to=str(to), labels=shape.names) as worker:
            reply = worker.ask()
        found = Fused(reply.took, reply.answer, accuracy(path, to, shape))
    if found.accuracy <= 100 / shape.labels:
        raise WrongAnswer(f"{shape.title}{PARQUET}: {found.accuracy:.1f} % right, no better than a guess")
    return found


def lines(shape: Shape, found: Fused) -> Iterator[Measurement]:
    """Time, memory and accuracy of one file."""
    case = f"{shape.title}{PARQUET}"
    yield Measurement(case, "time", found.took.wall_s, unit="s")
    yield Measurement(case, "cpu_time", found.took.cpu_s, unit="s")
    yield Measurement(case, "peak_memory", found.peak_mib, unit="MiB")
    yield Measurement(case, "accuracy", found.accuracy, unit="%")


def accuracy(votes: Path, labels: Path, shape: Shape) -> float:
    """In percent, of all rows; the truth lies beside the votes.

    Raises:
        WrongAnswer: rows were lost, or probabilities do not sum to 1.
    """
    import numpy as np
    from pyarrow import parquet

    truth, first, right = np.load(votes.with_suffix(".npy"), mmap_mode="r"), 0, 0
    with parquet.ParquetFile(labels) as made:
        if made.metadata.num_rows != shape.rows:
            raise WrongAnswer(f"{made.metadata.num_rows:,} rows of {shape.rows:,} were labeled")
        for part in made.iter_batches(columns=[f"p_{name}" for name in shape.names]):
            probs: Any = np.stack([column.to_numpy() for column in part.columns], axis=1)
            if np.abs(probs.sum(axis=1) - 1).max() > 1e-5:
                raise WrongAnswer(f"{shape.title}{PARQUET}: probabilities do not sum to 1")
            right += int((probs.argmax(axis=1) == truth[first : first + len(probs)]).sum())
            first += len(probs)
    return 100 * right / shape.rows
