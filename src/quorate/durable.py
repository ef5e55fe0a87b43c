"""Databases on disk that lose nothing they said they keep: SQLite in WAL mode, shared by threads and processes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BUSY_S = 60.0


def opened(path: Path | None, tables: str, is_durable: bool = True) -> sqlite3.Connection:
    """A connection to the file with its tables made, for all threads; statements commit by themselves.

    Args:
        path: None keeps it in memory. Its folder is made where it is missing.
        tables: SQL that makes what is not there yet.
        is_durable: whether what is committed survives the machine, not the process alone; each commit waits for it.

    Raises:
        sqlite3.Error, OSError: the file cannot be opened or written.
    """
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    rows = sqlite3.connect(path or ":memory:", timeout=_BUSY_S, check_same_thread=False, isolation_level=None)
    try:
        rows.execute("PRAGMA journal_mode = WAL")
        rows.execute(f"PRAGMA synchronous = {'FULL' if is_durable else 'OFF'}")
        rows.executescript(tables)
    except sqlite3.Error:
        rows.close()
        raise
    return rows


@contextmanager
def transaction(rows: sqlite3.Connection) -> Iterator[None]:
    """All that is written within, or nothing of it."""
    # IMMEDIATE: what is read within is what is written upon, whatever other processes do.
    rows.execute("BEGIN IMMEDIATE")
    try:
        yield
        rows.execute("COMMIT")
    finally:
        if rows.in_transaction:
            rows.execute("ROLLBACK")


def storable(text: str) -> str:
    """The text with half surrogate pairs, which no UTF-8 holds, as the escapes that JSON has for them."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
