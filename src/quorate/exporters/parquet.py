"""Parquet: one flat table, types kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pyarrow import parquet

from quorate.cells import file_name
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
        parquet.write_table(flat_table(training_set), path)
        return [path]

    def read(self, path: Path) -> list[tuple[str, str]]:
        table = parquet.read_table(path, columns=["row_id", "label"])
        return list(zip(table.column("row_id").to_pylist(), table.column("label").to_pylist(), strict=True))


plugin = Parquet
