"""Reads data as one Arrow table; what is wrong with it is said with the line it is on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from quorate.scanning.scan import scan


def read_table(place: Path | str, text_columns: Iterable[str] = ()) -> pa.Table:
    """The table at a path, a folder, a glob or a URL of CSV, JSONL or Parquet (CSV and JSONL also gzipped), or Delta.

    Args:
        text_columns: columns that are text whatever they look like (ids such as 007).

    Raises:
        TableError: there is nothing, or it is empty or damaged; rows are ragged; bytes are not UTF-8.
    """
    return scan(place, text_columns).table()
