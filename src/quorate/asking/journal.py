"""The journal: every attempt to ask a model, on the disk before anything is made of it.

`answers.sqlite` (WAL) has one row per attempt. Its key is the hash of the wire format, the server and the canonical
body: how an answer is read is no part of it, so a new parser, alias or label reads old answers for nothing. A reply
with an empty `reason` is whole and is used again; everything else is kept for the record and for the bill.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from quorate.durable import opened, storable, transaction
from quorate.errors import JournalError
from quorate.wire import Usage

_PER_COMMIT = 1_000
_MEASURED = 1_000
_MOST_TOKENS = 2**40
"""A greater count is the server's mistake, and the sum of all of them must fit into 64 bits."""

_TABLES = """
CREATE TABLE IF NOT EXISTS attempts (
    key BLOB NOT NULL, number INTEGER NOT NULL, at_s REAL NOT NULL, endpoint TEXT NOT NULL, model TEXT NOT NULL,
    reason TEXT NOT NULL, message TEXT NOT NULL, raw TEXT, latency_s REAL NOT NULL, cost_usd REAL,
    input INTEGER NOT NULL, output INTEGER NOT NULL, cached INTEGER NOT NULL, cache_write INTEGER NOT NULL,
    reasoning INTEGER NOT NULL, sent_bytes INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS whole ON attempts (key) WHERE reason = '';
CREATE TABLE IF NOT EXISTS batches (
    name TEXT PRIMARY KEY, id TEXT NOT NULL, account TEXT NOT NULL, at_s REAL NOT NULL, keys TEXT NOT NULL,
    open INTEGER NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: an empty `reason` means that `raw` is a whole answer. `cost_usd` is None where no price is known."""

    key: bytes
    number: int
    endpoint: str
    model: str
    reason: str = ""
    message: str = ""
    raw: Any = None
    latency_s: float = 0.0
    cost_usd: float | None = None
    usage: Usage = field(default_factory=Usage)
    sent_bytes: int = 0

    def _row(self) -> tuple[Any, ...]:
        raw = None if self.raw is None else json.dumps(self.raw, ensure_ascii=False, separators=(",", ":"))
        use = self.usage
        told = (self.endpoint, self.model, self.reason, self.message, raw)
        words = (None if word is None else storable(word) for word in told)
        tokens = (use.input, use.output, use.cached, use.cache_write, use.reasoning)
        counts = (min(count, _MOST_TOKENS) for count in tokens)
        return (self.key, self.number, time.time(), *words, self.latency_s, self.cost_usd, *counts, self.sent_bytes)


@dataclass(frozen=True, slots=True)
class Spent:
    """What attempts cost so far: US dollars where prices are known, tokens, attempts, and those of unknown price."""

    usd: float = 0.0
    tokens: int = 0
    attempts: int = 0
    unpriced: int = 0


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """A batch of questions that was handed in and not yet taken home; `id` is empty until the vendor gave one."""

    name: str
    id: str
    account: str
    keys: tuple[bytes, ...]


class Journal:
    """The journal of a project; `path` None keeps it in memory. Use it as a context manager.

    Writes of many askers share one commit, made by a thread of its own; each returns when its row is on the disk.

    Raises:
        JournalError: the file cannot be opened or written (no room, no right); nothing more must be asked then.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._inbox: SimpleQueue[tuple[str, tuple[Any, ...], _Waiting] | None] = SimpleQueue()
        try:
            self._rows = opened(path, _TABLES)
        except (sqlite3.Error, OSError) as error:
            raise _failed(self._path, error) from error
        # One connection for the reader's loop and the writer's thread: `_using` keeps their statements apart.
        self._using = threading.Lock()
        self._writer = threading.Thread(target=self._write, name="quorate-journal", daemon=True)
        self._writer.start()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self._inbox.put(None)
        self._writer.join()
        self._rows.close()

    def answer(self, key: bytes) -> Any:
        """The newest whole answer to a question as it came, or None."""
        whole = "key = ? AND reason = '' AND raw IS NOT NULL"
        found = self._select(f"SELECT raw FROM attempts WHERE {whole} ORDER BY rowid DESC LIMIT 1", key)
        return json.loads(found[0][0]) if found else None

    async def add(self, attempt: Attempt) -> None:
        """Keeps an attempt; durable when this returns."""
        await self._put(f"INSERT INTO attempts VALUES ({', '.join('?' * 16)})", attempt._row())

    def spent(self) -> Spent:
        """What every attempt of this project cost together."""
        sums = (
            "total(cost_usd), coalesce(sum(input + output), 0), count(*), sum(cost_usd IS NULL AND input + output > 0)"
        )
        ((usd, tokens, attempts, unpriced),) = self._select(f"SELECT {sums} FROM attempts")
        return Spent(usd, tokens, attempts, unpriced or 0)

    def measured(self, endpoint: str, model: str) -> list[tuple[int, int, int]]:
        """Bytes sent, input and output tokens of the last whole answers of a model, newest first."""
        told = "reason = '' AND sent_bytes > 0 AND input > 0 AND endpoint = ? AND model = ?"
        return self._select(
            f"SELECT sent_bytes, input, output FROM attempts WHERE {told} ORDER BY rowid DESC LIMIT {_MEASURED}",
            endpoint,
            model,
        )

    def open_batches(self, account: str) -> list[OpenBatch]:
        """The batches of an account that were not taken home, oldest first."""
        found = self._select(
            "SELECT name, id, account, keys FROM batches WHERE open AND account = ? ORDER BY at_s", account
        )
        return [OpenBatch(name, id, owner, _keys(keys)) for name, id, owner, keys in found]

    async def put_batch(self, batch: OpenBatch, is_open: bool = True) -> None:
        """Notes a batch, or what became of it."""
        keys = "".join(key.hex() for key in batch.keys)
        row = (batch.name, batch.id, batch.account, time.time(), keys, is_open)
        await self._put("INSERT OR REPLACE INTO batches VALUES (?, ?, ?, ?, ?, ?)", row)

    def _select(self, statement: str, *values: Any) -> list[Any]:
        try:
            with self._using:
                return self._rows.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise _failed(self._path, error) from error

    async def _put(self, statement: str, row: tuple[Any, ...]) -> None:
        waiting = _Waiting(asyncio.get_running_loop())
        self._inbox.put((statement, row, waiting))
        await waiting.done

    def _write(self) -> None:
        while (first := self._inbox.get()) is not None:
            together = [first]
            ended = False
            while len(together) < _PER_COMMIT and not self._inbox.empty():
                more = self._inbox.get()
                if more is None:
                    ended = True
                    break
                together.append(more)
            _tell([waiting for _, _, waiting in together], self._committed(together))
            if ended:
                return

    def _committed(self, together: Iterable[tuple[str, tuple[Any, ...], Any]]) -> JournalError | None:
        try:
            with self._using, transaction(self._rows):
                for statement, row, _ in together:
                    self._rows.execute(statement, row)
        except (sqlite3.Error, ValueError, OverflowError) as error:
            # Also what SQLite cannot hold: were the thread to die of it, everybody would wait for ever.
            return _failed(self._path, error)
        return None


def _failed(path: Path | None, error: Exception) -> JournalError:
    return JournalError(
        f"the journal of answers {path or 'in memory'} cannot be used: {error}; nothing more is asked, and what was "
        "kept before is safe. Make room or mend the file's rights, then run again"
    )


class _Waiting:
    """Somebody who waits for a commit, in an event loop."""

    __slots__ = ("done", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop, self.done = loop, loop.create_future()


def _tell(waiting: list[_Waiting], error: JournalError | None) -> None:
    """Wakes everybody; one call into a loop for all of it, since each such call costs a system call."""

    def wake(those: list[_Waiting]) -> None:
        for one in those:
            if not one.done.done():
                one.done.set_exception(error) if error else one.done.set_result(None)

    for loop in {one.loop for one in waiting}:
        # A loop that was closed has nobody left who waits.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(wake, [one for one in waiting if one.loop is loop])


def _keys(text: str) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(text[i : i + 64]) for i in range(0, len(text), 64))
