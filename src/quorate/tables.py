"""Reads data as one Arrow table; what is wrong with it is said with the line it is on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from quorate.scanning.files import shown
from quorate.scanning.places import format_of, found
from quorate.scanning.scan import scan


def read_table(place: Path | str, text_columns: Iterable[str] = ()) -> pa.Table:
    """The table at a path, a folder, a glob or a URL of CSV, JSONL or Parquet (CSV and JSONL also gzipped).

    Args:
        text_columns: columns that are text whatever they look like (ids such as 007).

    Raises:
        TableError: there is nothing, or it is empty or damaged; rows are ragged; bytes are not UTF-8.
    """
    return scan(place, text_columns).table()


def check_file(path: Path | str) -> None:
    """
    Raises:
        TableError: there is no such data; the message holds the nearest name in its folder.
    """
    format_of(found(str(path)), shown(str(path)))
