"""Parquet that grows: tables come one after another, and the bytes do not tell how the rows were cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

# A row group of a table with a thousand columns must not be larger than one of a few.
_GROUP_CELLS, _MOST_ROWS, _FEWEST_ROWS = 2**21, 2**16, 2**10


@contextmanager
def row_groups(path: Path, schema: pa.Schema) -> Iterator[Callable[[pa.Table], None]]:
    """Takes tables and writes them into one file, in row groups of one size."""
    rows = min(max(_GROUP_CELLS // len(schema), _FEWEST_ROWS), _MOST_ROWS)
    held: list[pa.Table] = []

    with parquet.ParquetWriter(path, schema) as writer:

        def add(table: pa.Table) -> None:
            held.append(table)
            while sum(part.num_rows for part in held) >= rows:
                whole = pa.concat_tables(held)
                writer.write_table(whole.slice(0, rows).combine_chunks())
                held[:] = [whole.slice(rows)]

        yield add
        writer.write_table(pa.concat_tables([schema.empty_table(), *held]).combine_chunks())
