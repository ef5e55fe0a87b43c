"""Decisions: what people said of rows, append-only, on the disk before anybody is told so.

`decisions.sqlite` (WAL, synchronous FULL) has one row per decision, in the order they were made. Nothing is changed or
taken away: an undo is a decision that names the one it takes back. A client gives each decision an id of its own, so
that one sent twice counts once. Several processes may write at the same time.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from quorate.durable import opened, storable, transaction
from quorate.errors import DecisionsError

Verdict = Literal["label", "none", "skip", "flag", "undo"]

_TABLES = """
CREATE TABLE IF NOT EXISTS decisions (
    number INTEGER PRIMARY KEY AUTOINCREMENT, once TEXT NOT NULL UNIQUE, row_id TEXT NOT NULL, content BLOB NOT NULL,
    reviewer TEXT NOT NULL, verdict TEXT NOT NULL, label TEXT, note TEXT NOT NULL, at_s REAL NOT NULL,
    dwell_ms INTEGER NOT NULL, saw_votes INTEGER NOT NULL, undoes INTEGER REFERENCES decisions (number),
    adjudicates INTEGER NOT NULL, together TEXT NOT NULL, fused TEXT, inclusion REAL
);
CREATE INDEX IF NOT EXISTS by_reviewer ON decisions (reviewer, number);
CREATE UNIQUE INDEX IF NOT EXISTS undone ON decisions (undoes) WHERE undoes IS NOT NULL;
CREATE TABLE IF NOT EXISTS guidelines (
    number INTEGER PRIMARY KEY AUTOINCREMENT, pair TEXT NOT NULL, text TEXT NOT NULL, reviewer TEXT NOT NULL,
    at_s REAL NOT NULL
);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What one person said of one row.

    `content` is the hash of the cells that were judged: of a row that changed since, the decision says nothing.
    `fused` and `inclusion` are the label that the votes gave when the card was shown (None: none), and the
    probability with which the design of the queue put it there (None: it was not the design that did).
    `together` joins the decisions of one key press; `number` and `at_s` (Unix time) are given when it is kept.
    """

    once: str
    row_id: str
    content: bytes
    reviewer: str
    verdict: Verdict
    label: str | None = None
    note: str = ""
    dwell_ms: int = 0
    saw_votes: bool = True
    undoes: int | None = None
    adjudicates: bool = False
    together: str = ""
    fused: str | None = None
    inclusion: float | None = None
    at_s: float = 0.0
    number: int = 0


_COLUMNS = tuple(field.name for field in fields(Decision) if field.name != "number")
_INSERT = (
    f"INSERT INTO decisions ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) "
    "ON CONFLICT (once) DO NOTHING"
)
_SELECT = f"SELECT {', '.join(_COLUMNS)}, number FROM decisions"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One version of the guidelines for a pair of labels ("A | B"), or for all of them ("")."""

    pair: str
    text: str
    reviewer: str
    at_s: float


class Decisions:
    """The decisions of a project. Threads may share it, processes may share the file.

    Raises:
        DecisionsError: the file cannot be opened, read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._using = threading.Lock()
        with self._told():
            self._rows = opened(path, _TABLES)

    def __enter__(self) -> Decisions:
        return self

    def __exit__(self, *_: object) -> None:
        self._rows.close()

    def add(self, decisions: Iterable[Decision]) -> None:
        """Keeps decisions, all or none; durable when this returns. Those that were sent before are left out."""
        with self._writing() as rows:
            rows.executemany(_INSERT, [_row(decision) for decision in decisions])

    def undo(self, reviewer: str, once: str, at_s: float | None = None) -> list[Decision]:
        """Takes back what this reviewer decided last and did not take back yet; the decisions it was, newest first.

        `once` names the undoing: sent again, it undoes nothing more and tells the same.
        """
        with self._writing() as rows:
            before = "SELECT undoes FROM decisions WHERE together = ? AND verdict = 'undo'"
            known = rows.execute(f"{_SELECT} WHERE number IN ({before}) ORDER BY number DESC", (once,))
            undone = [_decision(found) for found in known]
            if not undone:
                undone = _last_standing(rows, reviewer)
                taken = [_undoing(decision, once, place, at_s) for place, decision in enumerate(undone)]
                rows.executemany(_INSERT, [_row(decision) for decision in taken])
        return undone

    def since(self, number: int = 0) -> list[Decision]:
        """The decisions after this number, in the order they were made."""
        with self._told(), self._using:
            found = self._rows.execute(f"{_SELECT} WHERE number > ? ORDER BY number", (number,)).fetchall()
        return [_decision(row) for row in found]

    def write_sheet(self, sheet: Sheet) -> None:
        """Keeps a version of the guidelines; durable when this returns."""
        with self._writing() as rows:
            values = (sheet.pair, sheet.text, sheet.reviewer, sheet.at_s or time.time())
            rows.execute("INSERT INTO guidelines (pair, text, reviewer, at_s) VALUES (?, ?, ?, ?)", values)

    def sheets(self) -> list[Sheet]:
        """Every version of every sheet, oldest first."""
        with self._told(), self._using:
            found = self._rows.execute("SELECT pair, text, reviewer, at_s FROM guidelines ORDER BY number")
            return [Sheet(*row) for row in found.fetchall()]

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._told(), self._using, transaction(self._rows):
            yield self._rows

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise _failed(self._path, error) from error


def read_decisions(path: Path) -> list[Decision]:
    """Every decision in the file, in order; none where there is no file.

    Raises:
        DecisionsError: the file cannot be read.
    """
    if not path.exists():
        return []
    with Decisions(path) as decisions:
        return decisions.since()


def last_decision(path: Path) -> str:
    """What changes with every decision that is made: the number and the id of the last, "" without any.

    Raises:
        DecisionsError: the file cannot be read.
    """
    if not path.exists():
        return ""
    try:
        with closing(opened(path, _TABLES)) as rows:
            found = rows.execute("SELECT number, once FROM decisions ORDER BY number DESC LIMIT 1").fetchone()
    except sqlite3.Error as error:
        raise _failed(path, error) from error
    return f"{found[0]} {found[1]}" if found else ""


def _last_standing(rows: sqlite3.Connection, reviewer: str) -> list[Decision]:
    """The last decision of a reviewer that was not undone, with those of the same key press, newest first."""
    standing = "reviewer = ? AND verdict <> 'undo' AND number NOT IN (SELECT undoes FROM decisions WHERE undoes > 0)"
    last = rows.execute(f"{_SELECT} WHERE {standing} ORDER BY number DESC LIMIT 1", (reviewer,)).fetchone()
    if last is None:
        return []
    newest = _decision(last)
    if not newest.together:
        return [newest]
    pressed = f"{_SELECT} WHERE {standing} AND together = ? ORDER BY number DESC"
    return [_decision(row) for row in rows.execute(pressed, (reviewer, newest.together))]


def _undoing(decision: Decision, once: str, place: int, at_s: float | None) -> Decision:
    return Decision(
        once=f"{once}:{place}",
        row_id=decision.row_id,
        content=decision.content,
        reviewer=decision.reviewer,
        verdict="undo",
        undoes=decision.number,
        together=once,
        at_s=at_s or 0.0,
    )


def _row(decision: Decision) -> tuple[Any, ...]:
    values = {name: getattr(decision, name) for name in _COLUMNS} | {"at_s": decision.at_s or time.time()}
    return tuple(storable(value) if isinstance(value, str) else value for value in values.values())


def _decision(row: Sequence[Any]) -> Decision:
    values = dict(zip((*_COLUMNS, "number"), row, strict=True))
    return Decision(**values | {name: bool(values[name]) for name in ("saw_votes", "adjudicates")})


def _failed(path: Path, error: Exception) -> DecisionsError:
    return DecisionsError(
        f"the decisions in {path} cannot be used: {error}; what was saved before is safe. Make room or mend the "
        "file's rights, then start again"
    )
