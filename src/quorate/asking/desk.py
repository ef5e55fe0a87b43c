"""The desk: the one place from which endpoints are asked, since their limits, their bill and their answers are one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from quorate.asking.batch_counter import BatchCounter
from quorate.asking.bill import Bill
from quorate.asking.budget import Budget
from quorate.asking.counter import Counter
from quorate.asking.journal import Journal
from quorate.asking.letters import Letter, letter
from quorate.asking.limiter import Limiter
from quorate.asking.prices import price_of
from quorate.protocols import Batching, Endpoint
from quorate.wire import Answer, NotAsked, Question

_BATCH = "batch"

Witness = Callable[[Letter], None]
"""Sees a letter that was not sent."""


@dataclass(frozen=True, slots=True)
class HouseRules:
    """What holds for every question of a project.

    `redact` is applied to what a question holds of rows, before anything is made of it; `is_offline` sends nothing,
    and tells the `witness` of each question that would have been sent; `asks_again` sends questions whose kept answers
    could not be used (`--retry-failed`).
    """

    redact: Callable[[str], str] | None = None
    is_offline: bool = False
    asks_again: bool = False
    witness: Witness | None = None


@dataclass(frozen=True, slots=True)
class DeskSettings:
    """Where answers are kept (None: in memory), what may be spent over the life of a project, and what else holds."""

    journal: Path | None = None
    max_usd: float | None = None
    max_tokens: int | None = None
    rules: HouseRules = field(default_factory=HouseRules)


@asynccontextmanager
async def open_desk(settings: DeskSettings) -> AsyncIterator[Desk]:
    """A desk for one event loop.

    Raises:
        JournalError: the journal cannot be opened.
    """
    with Journal(settings.journal) as journal:
        budget = Budget(settings.max_usd, settings.max_tokens, journal.spent())
        async with AsyncExitStack() as ways:
            yield Desk(journal, budget, ways, settings.rules)


class Answers(Protocol):
    """A counter: gets the answer to a question, and keeps it before it gives it."""

    async def answer(self, letter: Letter) -> Answer: ...


@dataclass(eq=False)
class Desk:
    """Asks each question once: from the journal, from a twin in flight, or at the endpoint's counter.

    It belongs to one event loop; `ways` holds the connections open.
    """

    journal: Journal
    budget: Budget
    ways: AsyncExitStack
    rules: HouseRules = field(default_factory=HouseRules)
    _counters: dict[str, asyncio.Task[Answers]] = field(default_factory=dict)
    _limiters: dict[str, Limiter] = field(default_factory=dict)
    _flying: dict[bytes, asyncio.Future[Answer]] = field(default_factory=dict)

    @property
    def asks_again(self) -> bool:
        return self.rules.asks_again

    async def ask(self, endpoint: Endpoint, question: Question, again: bool = False) -> Answer:
        """What the model says; `again` passes over a kept answer.

        Raises:
            NotAsked: offline, or nothing left to spend.
            EndpointStopped: the endpoint answers no question of this run.
            JournalError: the answer could not be kept.
        """
        body = endpoint.body(_redacted(question, self.rules.redact))
        asked = letter(endpoint.wire, endpoint.base_url, body, question.sample, question.answers)
        kept = None if again else self.journal.answer(asked.key)
        if kept is not None:
            return Answer(endpoint.read(kept), is_kept=True)
        if asked.key in self._flying:
            return replace(await asyncio.shield(self._flying[asked.key]), is_kept=True)
        if self.rules.is_offline:
            if self.rules.witness:
                self.rules.witness(asked)
            raise NotAsked("offline")
        return await self._flown(asked.key, self._asked(endpoint, asked))

    async def _flown(self, key: bytes, asking: Coroutine[Any, Any, Answer]) -> Answer:
        """Runs the coroutine; whoever asks the same meanwhile waits for its outcome."""
        flight = asyncio.ensure_future(asking)
        self._flying[key] = flight
        try:
            return await flight
        finally:
            del self._flying[key]
            if flight.done() and not flight.cancelled():
                flight.exception()  # so that a fault that a twin did not wait for is not reported as lost

    async def _asked(self, endpoint: Endpoint, asked: Letter) -> Answer:
        # By what is sent where, not by account: an unknown model closes one endpoint of an account, not the others.
        name = f"{endpoint.account} {endpoint.wire} {endpoint.model} {id(endpoint)}"
        if name not in self._counters:
            self._counters[name] = asyncio.ensure_future(self._opened(endpoint))
        counter = await asyncio.shield(self._counters[name])
        return await counter.answer(asked)

    async def _opened(self, endpoint: Endpoint) -> Answers:
        price = price_of(endpoint)
        if isinstance(endpoint, Batching) and endpoint.batch:
            post = await self.ways.enter_async_context(endpoint.connect_batches())
            counter = BatchCounter(Bill(endpoint, price, _BATCH), post, endpoint.poll_s, self.journal, self.budget)
            self.ways.push_async_callback(counter.close)
            counter.open()
            return counter
        limiter = self._limiters.setdefault(endpoint.account, Limiter(endpoint.limits))
        send = await self.ways.enter_async_context(endpoint.connect())
        asks = Counter(Bill(endpoint, price), send, limiter, self.journal, self.budget)
        self.ways.push_async_callback(asks.drain)
        return asks


def _redacted(question: Question, redact: Callable[[str], str] | None) -> Question:
    """The question without what must not leave; instructions are the project's own words, and stay as they are."""
    if redact is None:
        return question
    turns = tuple((role, redact(text)) for role, text in question.turns)
    return replace(question, prompt=redact(question.prompt), turns=turns)
