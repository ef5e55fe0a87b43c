"""A vendor of batches on the clock that jumps, and processes that ask it and die."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clockwork import now_s, standing_still

from quorate.asking.batches import BatchDesk
from quorate.asking.journal import Attempt, Journal, OpenBatch
from quorate.wire import BatchLine, BatchState, Unanswered, Verdict

Lines = list[tuple[bytes, Mapping[str, Any]]]
AWAY = Unanswered("connection", "nobody there", Verdict.AGAIN)
BAD_KEY = Unanswered("http_401", "HTTP 401", Verdict.RUN)


def key(i: int) -> bytes:
    return bytes([i % 256, i // 256]) * 16


def answers_to(lines: Lines) -> list[BatchLine]:
    return [BatchLine(key, 200, {"i": body["i"]}) for key, body in lines]


@dataclass
class Vendor:
    """Takes batches, and has them done so long after.

    `faults` are raised by a call of that name, one each; "late" ones once the batch is there. A call that `hangs` never
    returns, as when the process dies meanwhile.
    """

    takes_s: float = 3_600.0
    comes_back: Callable[[Lines], Sequence[BatchLine]] = answers_to
    word: str = "completed"
    faults: dict[str, list[Unanswered]] = field(default_factory=dict)
    hangs: str = ""
    named: dict[str, Lines] = field(default_factory=dict)

    @property
    def sizes(self) -> list[int]:
        return [len(lines) for lines in self.named.values()]

    @property
    def asked(self) -> Counter[bytes]:
        """How often each question was handed in."""
        return Counter(key for lines in self.named.values() for key, _ in lines)

    async def hand_in(self, name: str, lines: Sequence[tuple[bytes, Mapping[str, Any]]]) -> str:
        await self._happens("hand_in")
        while name in self.named:
            name += "'"  # a vendor does not mind the same name twice
        self.named[name] = list(lines)
        await self._happens("late hand_in")
        return f"id of {name}"

    async def find(self, name: str) -> str:
        await self._happens("find")
        return f"id of {name}" if name in self.named else ""

    async def look(self, id: str) -> BatchState:
        await self._happens("look")
        if now_s() < self.takes_s:
            return BatchState(False, "in_progress")
        return BatchState(True, self.word, tuple(self.comes_back(self.named[id.removeprefix("id of ")])))

    async def _happens(self, call: str) -> None:
        await asyncio.sleep(0.01)
        if self.hangs == call:
            await asyncio.Event().wait()
        if self.faults.get(call):
            raise self.faults[call].pop(0)


async def process(
    journal: Journal, vendor: Vendor, *questions: int, dies_s: float | None = None
) -> dict[int, BatchLine | BaseException]:
    """One process that asks; what each question brought, without those that it did not live to see."""

    async def keep(line: BatchLine) -> None:
        reason = "" if line.status == 200 else "failed"
        await journal.add(Attempt(line.key, 1, "test", "m", reason, raw=line.raw, cost_usd=1.0))

    async def ask(i: int) -> BatchLine:
        line = await desk.ask(key(i), {"i": i})
        assert journal.answer(key(i)) == line.raw, "it is in the journal when it is told"
        return line

    desk = BatchDesk(journal, vendor, "account", 30.0, keep)
    desk.resume()
    asking = {i: asyncio.ensure_future(ask(i)) for i in questions}
    await asyncio.wait(asking.values(), timeout=dies_s)
    told = {i: task.exception() or task.result() for i, task in asking.items() if task.done()}
    for task in asking.values():
        task.cancel()
    await asyncio.gather(*asking.values(), return_exceptions=True)
    await desk.close()
    return told


def is_answered(told: Mapping[int, Any], *questions: int) -> bool:
    return [getattr(told[i], "raw", told[i]) for i in questions] == [{"i": i} for i in questions]


def reasons(told: Mapping[int, Any]) -> dict[int, str]:
    return {i: outcome.reason for i, outcome in told.items() if isinstance(outcome, Unanswered)}


class Held(Journal):
    """A journal in memory for which the clock of the loop stands still: its thread writes in real time."""

    async def add(self, attempt: Attempt) -> None:
        with standing_still():
            await super().add(attempt)

    async def put_batch(self, batch: OpenBatch, is_open: bool = True) -> None:
        with standing_still():
            await super().put_batch(batch, is_open)
