"""CSV: one flat table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
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

_BLOCK = 2**22
"""Bytes that are read at a time; no row may have more."""


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
        with self.growing(training_set, path) as add:
            add(training_set)
        return [path]

    @contextmanager
    def growing(self, like: TrainingSet, path: Path) -> Iterator[Callable[[TrainingSet], None]]:
        with csv.CSVWriter(path, _plain_table(like).schema) as writer:
            yield lambda part: writer.write_table(_plain_table(part))

    def reading(self, path: Path) -> Iterator[tuple[str, str]]:
        names = ["row_id", "label"]
        options = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), include_columns=names)
        with csv.open_csv(
            path,
            read_options=csv.ReadOptions(block_size=_BLOCK, use_threads=False),
            parse_options=csv.ParseOptions(newlines_in_values=True),
            convert_options=options,
        ) as batches:
            for batch in batches:
                yield from zip(batch.column("row_id").to_pylist(), batch.column("label").to_pylist(), strict=True)

    def read(self, path: Path) -> list[tuple[str, str]]:
        return list(self.reading(path))


def _plain_table(part: TrainingSet) -> pa.Table:
    """The flat table, with what CSV cannot hold as its text."""
    table = flat_table(part)
    for i, column in enumerate(table.schema):
        if pa.types.is_nested(column.type) or pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
            cells = [None if cell is None else str(cell) for cell in table.column(i).to_pylist()]
            table = table.set_column(i, column.name, pa.array(cells, pa.string()))
    return table


plugin = Csv
