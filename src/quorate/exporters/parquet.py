"""Parquet: one flat table, types kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pyarrow import parquet

from quorate.cells import file_name
from quorate.flat import flat_table
from quorate.values import TrainingSet


@dataclass(frozen=True)
class Parquet:
    """`NAME.parquet`."""

    kind: ClassVar[str] = "exporters"

    @classmethod
    def example(cls) -> Parquet:
        return cls()

    def write(self, training_set: TrainingSet, folder: Path) -> list[Path]:
        path = folder / f"{file_name(training_set.name)}.parquet"
        parquet.write_table(flat_table(training_set), path)
        return [path]


plugin = Parquet
