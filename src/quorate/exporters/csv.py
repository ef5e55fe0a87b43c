"""CSV: one flat table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
from pyarrow import csv

from quorate.cells import file_name
from quorate.training_sets.bounds import Findings
from quorate.training_sets.examples import Example
from quorate.training_sets.flat import as_ids, flat_table
from quorate.training_sets.writing import label_faults
from quorate.values import TrainingSet


@dataclass(frozen=True)
class Csv:
    """`NAME.csv`, UTF-8, quoted; nested and binary columns of the data as their text."""

    kind: ClassVar[str] = "exporters"

    @classmethod
    def example(cls) -> Csv:
        return cls()

    def problems(self, training_set: TrainingSet) -> Findings:
        return Findings(warnings=tuple(label_faults(training_set.space.names)))

    def parts(self, training_set: TrainingSet) -> Mapping[str, Sequence[Example]]:
        return {f"{file_name(training_set.name)}.csv": as_ids(training_set)}

    def write(self, training_set: TrainingSet, folder: Path) -> list[Path]:
        path = folder / f"{file_name(training_set.name)}.csv"
        table = flat_table(training_set)
        for i, column in enumerate(table.schema):
            if (
                pa.types.is_nested(column.type)
                or pa.types.is_binary(column.type)
                or pa.types.is_large_binary(column.type)
            ):
                cells = [None if cell is None else str(cell) for cell in table.column(i).to_pylist()]
                table = table.set_column(i, column.name, pa.array(cells, pa.string()))
        csv.write_csv(table, path)
        return [path]

    def read(self, path: Path) -> list[tuple[str, str]]:
        options = csv.ConvertOptions(column_types={"row_id": pa.string(), "label": pa.string()})
        table = csv.read_csv(path, parse_options=csv.ParseOptions(newlines_in_values=True), convert_options=options)
        return list(zip(table.column("row_id").to_pylist(), table.column("label").to_pylist(), strict=True))


plugin = Csv
