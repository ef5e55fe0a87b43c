"""Votes of known truth, as large as wanted: made in blocks, the same for the same shape, one file for everyone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int16]
ROW_GROUP = 1_000_000
_BLOCK_CELLS = 10_000_000
_TITLE = re.compile(r"([\d,]+) rows x ([\d,]+), ([\d,]+) labels")
_FULL_SOURCES = 50
_COPIED = 0.5


@dataclass(frozen=True, slots=True)
class Shape:
    """So many rows, on which so many sources vote for so many labels."""

    rows: int
    sources: int = 10
    labels: int = 2

    @property
    def title(self) -> str:
        """As tables have it."""
        return f"{self.rows:,} rows x {self.sources:,}, {self.labels:,} labels"

    @staticmethod
    def of(title: str) -> Shape:
        """The shape that a title begins with; a shape of nothing where it tells of something else."""
        found = _TITLE.match(title)
        return Shape(*(int(number.replace(",", "")) for number in found.groups())) if found else Shape(0, 0, 0)

    @property
    def names(self) -> list[str]:
        """The names of the labels."""
        return [f"label_{y}" for y in range(self.labels)]

    @property
    def columns(self) -> list[str]:
        """The names of the sources; none begins or ends like another, which tells skweak that they are kin."""
        return [f"source_{j:04d}" for j in range(self.sources)]


def blocks(shape: Shape, seed: int = 0) -> Iterator[tuple[Ints, Ints]]:
    """Votes int16[b, m] (-1 is none) and truth int16[b], block by block.

    Labels are equally frequent. A source is right on .55 to .9 of the rows on which it votes and errs alike towards all
    other labels; it votes on .2 to .7 of the rows, and beyond 50 sources on fewer, so that a row has as many votes as
    with 50. The second source says on half of its rows what the first one says. Every row has a vote.
    """
    skill, coverage = _sources(shape, seed)
    rows = max(_BLOCK_CELLS // shape.sources, 1)
    for number, first in enumerate(range(0, shape.rows, rows)):
        generator = np.random.default_rng([seed, shape.sources, shape.labels, number])
        yield _block(generator, min(rows, shape.rows - first), shape.labels, skill, coverage)


def write_arrays(folder: Path, shape: Shape) -> None:
    """Writes `votes.npy` int16[n, m] and `truth.npy` int16[n]."""
    from numpy.lib.format import open_memmap

    votes = open_memmap(folder / "votes.npy", "w+", np.int16, (shape.rows, shape.sources))
    truth = open_memmap(folder / "truth.npy", "w+", np.int16, (shape.rows,))
    first = 0
    for matrix, right in blocks(shape):
        votes[first : first + len(right)], truth[first : first + len(right)] = matrix, right
        first += len(right)


def write_parquet(path: Path, shape: Shape) -> None:
    """Writes a column of label names for each source (null: no vote), and beside it the truth, int16[n] in `.npy`."""
    from numpy.lib.format import open_memmap
    from pyarrow import parquet

    truth, first = open_memmap(path.with_suffix(".npy"), "w+", np.int16, (shape.rows,)), 0
    empty = table_of(np.zeros((0, shape.sources), np.int16), shape.names)
    with parquet.ParquetWriter(path, empty.schema) as writer:
        for matrix, right in blocks(shape):
            writer.write_table(table_of(matrix, shape.names), row_group_size=ROW_GROUP)
            truth[first : first + len(right)] = right
            first += len(right)


def table_of(matrix: Ints, labels: Sequence[str]) -> Any:
    """Votes as an Arrow table of label names."""
    import pyarrow as pa

    names = pa.array(labels, pa.string())
    columns = Shape(len(matrix), matrix.shape[1]).columns
    return pa.table({name: _named(matrix[:, j], names) for j, name in enumerate(columns)})


def _named(codes: Ints, names: Any) -> Any:
    import pyarrow as pa

    narrow = codes.astype(np.int8 if len(names) < 128 else np.int16)
    return pa.DictionaryArray.from_arrays(pa.array(narrow, mask=codes < 0), names)


def _sources(shape: Shape, seed: int) -> tuple[Any, Any]:
    generator = np.random.default_rng([seed, shape.sources])
    skill = generator.permutation(np.linspace(0.55, 0.9, shape.sources, dtype=np.float32))
    coverage = generator.permutation(np.linspace(0.2, 0.7, shape.sources, dtype=np.float32))
    return skill, coverage * min(1.0, _FULL_SOURCES / shape.sources)


def _block(generator: Any, rows: int, labels: int, skill: Any, coverage: Any) -> tuple[Ints, Ints]:
    cells = (rows, len(skill))
    truth = generator.integers(0, labels, rows).astype(np.int16)
    other = generator.integers(1, labels, cells, np.int16)
    wrong = np.where(truth[:, None] + other >= labels, truth[:, None] + other - labels, truth[:, None] + other)
    said = np.where(generator.random(cells, np.float32) < skill, truth[:, None], wrong).astype(np.int16)
    if len(skill) > 1:
        copied = generator.random(rows, np.float32) < _COPIED
        said[copied, 1] = said[copied, 0]
    votes = np.where(generator.random(cells, np.float32) < coverage, said, np.int16(-1))
    mute = np.flatnonzero((votes < 0).all(axis=1))
    votes[mute, 0] = said[mute, 0]
    return votes, truth
