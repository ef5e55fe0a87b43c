"""ask: rows in, votes of models out. One loop asks for all sources, since limits and money belong to accounts."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from quorate.asking.batches import rows_ahead
from quorate.asking.desk import Desk, DeskSettings, open_desk
from quorate.asking.together import in_turn, together
from quorate.filing import Found, Tally, file_away, look_up
from quorate.protocols import Asking, Source, VoteStore
from quorate.rows import Rows
from quorate.values import LabelSpace, VoteColumn

Progress = Callable[[int, int], None]
"""Called with the rows done and the rows in all."""

_LOCK_POLL_S = 0.2


@dataclass(frozen=True)
class Office:
    """What asking needs beside sources and rows."""

    settings: DeskSettings | None
    space: LabelSpace
    store: VoteStore | None
    tally: Tally
    partition_rows: int | None
    progress: Progress | None = None


def ask_endpoints(office: Office, sources: Sequence[Source], rows: Rows) -> dict[str, list[VoteColumn]]:
    """The columns of each source, by name, one a partition in row order; votes made before are not asked for again.

    Raises:
        TooManyFailures, EndpointStopped, JournalError: answers that came before stay in the journal.
    """
    if not sources:
        return {}
    return _in_a_loop(_asked_all(office, sources, rows))


async def _asked_all(office: Office, sources: Sequence[Any], rows: Rows) -> dict[str, list[VoteColumn]]:
    settings = office.settings or DeskSettings()
    async with _only_asker(None if settings.rules.is_offline else settings.journal), open_desk(settings) as desk:
        round_ = _Round(office, desk, len(sources) * len(rows))
        columns = await together([round_.source(source, rows) for source in sources])
    return {source.name: parts for source, parts in zip(sources, columns, strict=True)}


@dataclass
class _Round:
    """One round of all asking sources over all rows."""

    office: Office
    desk: Desk
    total: int
    done: int = 0

    async def source(self, source: Any, rows: Rows) -> list[VoteColumn]:
        partitions = list(rows.partitions(self.office.partition_rows))
        columns: dict[int, VoteColumn] = {}

        async def one(at: int) -> None:
            columns[at] = await self._partition(source, partitions[at])

        ahead = rows_ahead(source.endpoint) // max(len(partitions[0]), 1) + 1 if partitions else 1
        await in_turn(range(len(partitions)), one, min(ahead + 1, len(partitions)))
        return [columns[at] for at in range(len(partitions))]

    async def _partition(self, source: Any, rows: Rows) -> VoteColumn:
        space, store = self.office.space, self.office.store
        if store is None:
            column = await self._asked(source, rows)
        else:
            found = await asyncio.to_thread(look_up, store, source, rows, space)
            column = await self._filed(source, rows, store, found)
        self.office.tally.add(source.name, column)
        self.done += len(rows)
        if self.office.progress:
            self.office.progress(self.done, self.total)
        return column

    async def _filed(self, source: Any, rows: Rows, store: VoteStore, found: Found) -> VoteColumn:
        fresh = None
        if found.is_lacking:
            fresh = await self._asked(source, rows if found.missing is None else rows.take(found.missing))
        return await asyncio.to_thread(file_away, store, found, fresh)

    async def _asked(self, source: Asking, rows: Rows) -> VoteColumn:
        return await source.ask(rows, self.office.space, self.desk)


def _in_a_loop(work: Coroutine[Any, Any, Mapping[str, Any]]) -> dict[str, Any]:
    """Runs the coroutine in a loop of its own: a notebook has one running in the main thread already."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(work)

    def run() -> Mapping[str, Any]:
        try:
            return loop.run_until_complete(task)
        finally:
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    with ThreadPoolExecutor(1, "quorate-ask") as thread:
        outcome = thread.submit(run)
        try:
            return dict(outcome.result())
        except KeyboardInterrupt:
            # Answers that are being written are written; nothing more is sent.
            loop.call_soon_threadsafe(task.cancel)
            raise


@asynccontextmanager
async def _only_asker(journal: Path | None) -> AsyncIterator[None]:
    """Waits until no other process asks for this project: two would pay twice, and spend past the cap together.

    The lock is SQLite's own, which the system frees however a process ends.
    """
    if journal is None:
        yield
        return
    journal.parent.mkdir(parents=True, exist_ok=True)
    lock = sqlite3.connect(journal.with_name("asking.lock"), timeout=0, isolation_level=None, check_same_thread=False)
    try:
        while not _locked(lock):
            await asyncio.sleep(_LOCK_POLL_S)
        yield
    finally:
        await asyncio.to_thread(partial(lock.close))


def _locked(lock: sqlite3.Connection) -> bool:
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            return False
        raise
    return True
