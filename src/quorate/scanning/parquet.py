"""Parquet files as one table: rows by row group, columns that the folders name, one schema."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from quorate.errors import TableError
from quorate.scanning.files import File, first_line
from quorate.scanning.given import check_names, check_same_columns, given_columns, with_given
from quorate.scanning.places import opened
from quorate.scanning.stretches import Stretch

# Decoded at a time; a row group may hold a million rows.
_BATCH_ROWS = 8192
_BUFFER_BYTES = 2**20


@dataclass(frozen=True)
class ParquetForm:
    """Parquet files of these columns, some of which their folders name."""

    schema: pa.Schema
    given: pa.Schema

    def batches(self, stretches: Sequence[Stretch]) -> Iterator[pa.Table]:
        for file, groups in _by_file(stretches):
            with _opened(file) as opened:
                # One by one: over several row groups Arrow holds what it read of all of them until the last.
                for group in groups:
                    for batch in opened.iter_batches(_BATCH_ROWS, row_groups=[group], use_threads=False):
                        yield self._formed(pa.Table.from_batches([batch]), file)

    def _formed(self, table: pa.Table, file: File) -> pa.Table:
        whole = with_given(table, file, self.given)
        for field in self.schema:
            if field.name not in whole.column_names:
                whole = whole.append_column(field, pa.nulls(whole.num_rows, field.type))
        return whole.select(self.schema.names).cast(self.schema)


def parquet_scan(files: Sequence[File], text_columns: Sequence[str]) -> tuple[ParquetForm, tuple[Stretch, ...]]:
    """How these files are read together, and their row groups.

    Raises:
        TableError: a file is damaged, or its columns are not those of the first.
    """
    schema, stretches = row_groups(files[0])
    for file in files[1:]:
        other, more = row_groups(file)
        schema = _joined(schema, other, files[0], file)
        stretches += more
    given = given_columns(files, text_columns, schema.names)
    return ParquetForm(pa.schema([*schema, *given], schema.metadata), given), stretches


def row_groups(file: File) -> tuple[pa.Schema, tuple[Stretch, ...]]:
    """The columns of a file and its row groups.

    Raises:
        TableError: the file is damaged, or has two columns of one name.
    """
    with _opened(file) as opened:
        schema: pa.Schema = opened.schema_arrow
        counts = [opened.metadata.row_group(i).num_rows for i in range(opened.num_row_groups)]
    check_names(file, schema.names)
    return schema, tuple(Stretch(file, rows, group) for group, rows in enumerate(counts))


def _joined(schema: pa.Schema, other: pa.Schema, first: File, file: File) -> pa.Schema:
    check_same_columns(schema.names, other.names, first, file)
    try:
        # Only a column without any value takes the type of another file.
        return pa.unify_schemas([schema, other])
    except pa.ArrowException:
        name = next(n for n in schema.names if schema.field(n).type != other.field(n).type)
        raise TableError(
            f"{name!r} is {schema.field(name).type} in {first.name} and {other.field(name).type} in {file.name}; "
            "the files of a table have the same types"
        ) from None


def _by_file(stretches: Sequence[Stretch]) -> Iterator[tuple[File, list[int]]]:
    for file, run in groupby(stretches, key=lambda stretch: stretch.file):
        yield file, [stretch.at for stretch in run]


@contextmanager
def _opened(file: File) -> Iterator[Any]:
    with opened(file) as raw:
        try:
            yield parquet.ParquetFile(raw, buffer_size=_BUFFER_BYTES)
        except (pa.ArrowException, OSError) as error:
            raise TableError(f"{file.name} is not a readable Parquet file: {first_line(error)}") from None
