"""Parquet: one flat table, types kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pyarrow import parquet

from quorate.cells import file_name
from quorate.row_groups import row_groups
from quorate.training_sets.bounds import Findings
from quorate.training_sets.examples import Example
from quorate.training_sets.flat import as_ids, flat_table
from quorate.training_sets.writing import label_faults
from quorate.values import TrainingSet


@dataclass(frozen=True)
class Parquet:
    """`NAME.parquet`."""

    kind: ClassVar[str] = "exporters"

    @classmethod
    def example(cls) -> Parquet:
        return cls()

    def problems(self, training_set: TrainingSet) -> Findings:
        return Findings(warnings=tuple(label_faults(training_set.space.names)))

    def parts(self, training_set: TrainingSet) -> Mapping[str, Sequence[Example]]:
        return {f"{file_name(training_set.name)}.parquet": as_ids(training_set)}

    def write(self, training_set: TrainingSet, folder: Path) -> list[Path]:
        path = folder / f"{file_name(training_set.name)}.parquet"
        with self.growing(training_set, path) as add:
            add(training_set)
        return [path]

    @contextmanager
    def growing(self, like: TrainingSet, path: Path) -> Iterator[Callable[[TrainingSet], None]]:
        with row_groups(path, flat_table(like).schema) as add:
            yield lambda part: add(flat_table(part))

    def reading(self, path: Path) -> Iterator[tuple[str, str]]:
        with parquet.ParquetFile(path) as opened:
            for batch in opened.iter_batches(columns=["row_id", "label"]):
                yield from zip(batch.column("row_id").to_pylist(), batch.column("label").to_pylist(), strict=True)

    def read(self, path: Path) -> list[tuple[str, str]]:
        return list(self.reading(path))


plugin = Parquet
