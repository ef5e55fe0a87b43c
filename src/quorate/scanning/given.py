"""Columns that folders name (`year=2024/`), and which columns files of one table have."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from quorate.errors import TableError
from quorate.scanning.files import File


def given_columns(files: Sequence[File], text_columns: Sequence[str], stored: Sequence[str]) -> pa.Schema:
    """The columns that the files' folders name and that the files do not hold: numbers where all look so, else text."""
    names = [name for name, _ in files[0].given if name not in stored]
    cells = {name: {dict(file.given)[name] for file in files} - {None} for name in names}
    number = {n: n not in text_columns and bool(cells[n]) and all(_is_int(str(c)) for c in cells[n]) for n in names}
    return pa.schema([(name, pa.int64() if number[name] else pa.string()) for name in names])


def _is_int(cell: str) -> bool:
    # 007 is no number: it would not come back as it was written.
    return cell.removeprefix("-").isdecimal() and len(cell) < 19 and str(int(cell)) == cell


def with_given(table: pa.Table, file: File, given: pa.Schema) -> pa.Table:
    """The table with the columns that the file's folders name."""
    cells = dict(file.given)
    for field in given:
        cell = pa.scalar(cells[field.name], pa.string()).cast(field.type)
        table = table.append_column(field, pa.repeat(cell, table.num_rows))
    return table


def check_names(file: File, names: Sequence[str]) -> None:
    """
    Raises:
        TableError: two columns of the file have one name.
    """
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise TableError(f"{file.name} names the column {twice!r} twice; every column needs a name of its own")


def check_same_columns(names: Sequence[str], others: Sequence[str], first: File, file: File) -> None:
    """
    Raises:
        TableError: the columns of two files differ; the message names both, and a column that one lacks.
    """
    only = [(name, first, file) for name in names if name not in others]
    only += [(name, file, first) for name in others if name not in names]
    if only:
        name, has, lacks = only[0]
        raise TableError(
            f"{has.name} has a column {name!r}, {lacks.name} has none; the files of one table have the same columns"
        )
