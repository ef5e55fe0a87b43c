"""Leases: which session has which row before it, so that no row is handed to two people by accident."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from quorate.durable import opened

LEASE_S = 600.0

_TABLES = """
CREATE TABLE IF NOT EXISTS leases (row_id TEXT PRIMARY KEY, session TEXT NOT NULL, until_s REAL NOT NULL);
CREATE INDEX IF NOT EXISTS by_session ON leases (session);
"""
_TAKE = """
INSERT INTO leases VALUES (?, ?, ?) ON CONFLICT (row_id) DO UPDATE SET session = excluded.session,
until_s = excluded.until_s WHERE leases.session = excluded.session OR leases.until_s < ?
"""


class Leases:
    """Leases of a project, shared by all its processes; one that ran out may be taken by anybody."""

    def __init__(self, path: Path, lease_s: float = LEASE_S, clock: Callable[[], float] = time.time) -> None:
        # A lease that a crash loses is taken anew.
        self._rows = opened(path, _TABLES, is_durable=False)
        self._using = threading.Lock()
        self._lease_s, self._clock = lease_s, clock

    def close(self) -> None:
        self._rows.close()

    def mine(self, session: str) -> list[str]:
        """The rows that a session has, the longest held first; they are renewed."""
        until = self._clock() + self._lease_s
        with self._using:
            self._rows.execute("UPDATE leases SET until_s = ? WHERE session = ?", (until, session))
            found = self._rows.execute("SELECT row_id FROM leases WHERE session = ? ORDER BY rowid", (session,))
            return [row_id for (row_id,) in found]

    def take(self, session: str, wanted: Iterable[str], most: int) -> list[str]:
        """Leases the first rows that nobody else has, at most so many; those that were granted."""
        granted: list[str] = []
        now = self._clock()
        with self._using:
            for row_id in wanted:
                if len(granted) == most:
                    break
                if self._rows.execute(_TAKE, (row_id, session, now + self._lease_s, now)).rowcount:
                    granted.append(row_id)
        return granted

    def keep(self, session: str, rows: Collection[str]) -> None:
        """Gives back what a session has beside these rows."""
        with self._using:
            found = self._rows.execute("SELECT row_id FROM leases WHERE session = ?", (session,)).fetchall()
        self.give_back(session, [row_id for (row_id,) in found if row_id not in rows])

    def give_back(self, session: str, rows: Iterable[str]) -> None:
        """Ends the leases of a session on these rows."""
        with self._using:
            self._rows.executemany(
                "DELETE FROM leases WHERE row_id = ? AND session = ?", [(row_id, session) for row_id in rows]
            )
