"""Questions in batches: half the price, answers within a day, and a crash in between loses nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any
from uuid import uuid4

from quorate.asking.journal import Journal, OpenBatch
from quorate.protocols import Batching, BatchPost, Endpoint
from quorate.wire import BatchLine, BatchState, Unanswered, Verdict

MOST_LINES = 50_000
MOST_BYTES = 190_000_000
"""A little under the 200 MB of a file, for what each line adds to its body."""
_LINE_EXTRA_BYTES = 160
_AT_ONCE = 512
_LINGER_S = 0.3
"""A batch is handed in when nobody asked anything more for so long."""
_TRIES = 5
_PAUSE_S = 1.0
_SILENCE_S = 3_600.0
"""A vendor that cannot be reached for so long, while a batch is under way, is not waited for."""
_GIVEN_UP = ("expired", "cancelled", "failed")


def rows_ahead(endpoint: Endpoint) -> int:
    """The rows that a source should have under way: a batch full of them, or more than any limiter lets go."""
    return MOST_LINES if isinstance(endpoint, Batching) and endpoint.batch else _AT_ONCE


Keep = Callable[[BatchLine], Awaitable[None]]
"""Writes a line to the journal."""


@dataclass
class BatchDesk:
    """Gathers questions of one account into batches and brings their answers back.

    A batch is in the journal before it is handed in, under a name of ours that the vendor keeps too: after a crash it
    is found again, and its questions wait for it and are not asked a second time.
    """

    journal: Journal
    post: BatchPost
    account: str
    poll_s: float
    keep: Keep
    _awaited: dict[bytes, asyncio.Future[BatchLine]] = field(default_factory=dict)
    _gathered: dict[bytes, Mapping[str, Any]] = field(default_factory=dict)
    _bytes: int = 0
    _timer: asyncio.TimerHandle | None = None
    _work: set[asyncio.Task[None]] = field(default_factory=set)

    def resume(self) -> None:
        """Takes up the batches that an earlier process left."""
        for batch in self.journal.open_batches(self.account):
            for key in batch.keys:
                self._awaited[key] = asyncio.get_running_loop().create_future()
            self._start(self._taken_home(batch))

    def is_under_way(self, key: bytes) -> bool:
        """Whether a batch that was handed in holds the question."""
        return key in self._awaited and key not in self._gathered

    async def ask(self, key: bytes, body: Mapping[str, Any]) -> BatchLine:
        """What the batch with this question brought; it is in the journal when this returns.

        Raises:
            Unanswered: the batch could not be handed in, or ended without this line.
        """
        if key not in self._awaited:
            self._awaited[key] = asyncio.get_running_loop().create_future()
            self._gathered[key] = body
            self._bytes += len(json.dumps(body).encode()) + _LINE_EXTRA_BYTES
            self._linger()
        return await asyncio.shield(self._awaited[key])

    def _linger(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if len(self._gathered) >= MOST_LINES or self._bytes >= MOST_BYTES:
            self._hand_in()
        else:
            self._timer = asyncio.get_running_loop().call_later(_LINGER_S, self._hand_in)

    def _hand_in(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        lines, self._gathered, self._bytes = self._gathered, {}, 0
        if lines:
            batch = OpenBatch(f"quorate-{uuid4().hex}", "", self.account, tuple(lines))
            self._start(self._handed_in(batch, lines))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def close(self) -> None:
        """Ends the waiting; what was handed in is taken home by the next process that asks."""
        if self._timer is not None:
            self._timer.cancel()
        for task in list(self._work):
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)

    async def _handed_in(self, batch: OpenBatch, lines: Mapping[bytes, Mapping[str, Any]]) -> None:
        async with _told(self, batch):
            await self.journal.put_batch(batch)
            tries = count()

            async def hand_in() -> str:
                # Of a try that failed, the vendor may have the batch all the same, and would do its work twice.
                found = await self.post.find(batch.name) if next(tries) else ""
                return found or await self.post.hand_in(batch.name, list(lines.items()))

            await self._followed(replace(batch, id=await _tried(hand_in)))

    async def _taken_home(self, batch: OpenBatch) -> None:
        async with _told(self, batch):
            id = batch.id or await _tried(lambda: self.post.find(batch.name))
            if id:
                await self._followed(replace(batch, id=id))
            else:
                # The crash came before the vendor had it.
                await self.journal.put_batch(batch, is_open=False)
                raise Unanswered("not_handed_in", "the batch never reached the vendor", Verdict.AGAIN)

    async def _followed(self, batch: OpenBatch) -> None:
        """Looks at the batch until it is over; keeps every line, then closes it."""
        await self.journal.put_batch(batch)
        try:
            state = await _ended(self.post, batch.id, self.poll_s)
        except Unanswered as fault:
            if fault.reason == "http_404":
                # The vendor does not know it any more; the next run asks anew.
                await self.journal.put_batch(batch, is_open=False)
            raise
        asked = set(batch.keys)
        lines = {line.key: line for line in state.lines if line.key in asked}
        await asyncio.gather(*(self.keep(line) for line in lines.values()))
        await self.journal.put_batch(batch, is_open=False)
        reason = state.word if state.word in _GIVEN_UP else "no_answer"
        for key in batch.keys:
            lost = Unanswered(reason, f"the batch ended ({state.word or 'over'}) without it", Verdict.AGAIN)
            _tell(self._awaited.pop(key, None), lines.get(key), lost)


async def _ended(post: BatchPost, id: str, poll_s: float) -> BatchState:
    """How the batch stands once it is over; passing faults are waited out, for it goes on without us."""
    silent_s = 0.0
    while True:
        pause_s = poll_s
        try:
            state = await post.look(id)
            silent_s = 0.0
        except Unanswered as fault:
            if fault.verdict in (Verdict.ROW, Verdict.RUN) or silent_s >= _SILENCE_S:
                raise
            pause_s = max(pause_s, fault.after_s or _PAUSE_S)
            silent_s += pause_s
        else:
            if state.is_over:
                return state
        await asyncio.sleep(pause_s)


def _tell(waiting: asyncio.Future[BatchLine] | None, line: BatchLine | None, fault: BaseException) -> None:
    if waiting is None or waiting.done():
        return
    if line is not None:
        waiting.set_result(line)
    else:
        waiting.set_exception(fault)
        waiting.exception()  # a resumed question that nobody asks again is no lost error


class _told:
    """Tells everybody who waits for a batch of the error that ended it."""

    def __init__(self, desk: BatchDesk, batch: OpenBatch) -> None:
        self._desk, self._batch = desk, batch

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, kind: Any, error: BaseException | None, _: Any) -> bool:
        for key in self._batch.keys if error is not None else ():
            waiting = self._desk._awaited.pop(key, None)
            if isinstance(error, Exception):
                _tell(waiting, None, error)
            elif waiting is not None:
                waiting.cancel()
        return isinstance(error, Exception)


async def _tried(call: Callable[[], Awaitable[Any]]) -> Any:
    for tries in range(1, _TRIES + 1):
        try:
            return await call()
        except Unanswered as fault:
            if fault.verdict in (Verdict.ROW, Verdict.RUN) or tries == _TRIES:
                raise
            await asyncio.sleep(fault.after_s or _PAUSE_S * tries)
    raise AssertionError("the last try returns or raises")
