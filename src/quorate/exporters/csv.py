"""CSV: one flat table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
from pyarrow import csv

from quorate.cells import file_name
from quorate.flat import flat_table
from quorate.values import TrainingSet


@dataclass(frozen=True)
class Csv:
    """`NAME.csv`, UTF-8, quoted; nested and binary columns of the data as their text."""

    kind: ClassVar[str] = "exporters"

    @classmethod
    def example(cls) -> Csv:
        return cls()

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


plugin = Csv
