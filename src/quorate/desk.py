"""The desk: the one place from which endpoints are asked, since their limits, their bill and their answers are one."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from quorate.budget import Budget, Cost
from quorate.errors import EndpointStopped
from quorate.journal import Attempt, Journal, question_key
from quorate.limiter import Limiter
from quorate.prices import cost_usd, price_of
from quorate.protocols import Endpoint
from quorate.wire import Answer, NotAsked, Price, Question, Reply, Said, Send, Unanswered, Usage, Verdict

_ATTEMPTS = 5
_PATIENCE_S = 900.0
"""A question that met nothing but 429 for so long is given up."""
_BACKOFF_S = 0.5
_BACKOFF_MOST_S = 20.0
_TOKENS_PER_MESSAGE = 16
"""What vendors add around each message; a token of text has at least one byte, so bytes bound the rest."""


@dataclass(frozen=True, slots=True)
class HouseRules:
    """What holds for every question of a project.

    `redact` is applied to what a question holds of rows, before anything is made of it; `is_offline` sends nothing;
    `asks_again` sends questions whose kept answers could not be used (`--retry-failed`).
    """

    redact: Callable[[str], str] | None = None
    is_offline: bool = False
    asks_again: bool = False


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


@dataclass(eq=False)
class _Counter:
    """The account behind an endpoint: its way out, its limiter, and the fault that closed it."""

    send: Send
    limiter: Limiter
    closed: EndpointStopped | None = None


@dataclass(eq=False)
class Desk:
    """Asks each question once: from the journal, from a twin in flight, or over the wire.

    It belongs to one event loop; `ways` holds the connections open.
    """

    journal: Journal
    budget: Budget
    ways: AsyncExitStack
    rules: HouseRules = field(default_factory=HouseRules)
    _counters: dict[str, asyncio.Task[_Counter]] = field(default_factory=dict)
    _limiters: dict[str, Limiter] = field(default_factory=dict)
    _flying: dict[bytes, asyncio.Future[Answer]] = field(default_factory=dict)
    _prices: dict[int, Price | None] = field(default_factory=dict)
    _dice: random.Random = field(default_factory=random.Random)

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
        asked = _redacted(question, self.rules.redact)
        body = endpoint.body(asked)
        key = question_key(endpoint.wire, endpoint.base_url, body, question.sample)
        kept = None if again else self.journal.answer(key)
        if kept is not None:
            return Answer(endpoint.read(kept), is_kept=True)
        if key in self._flying:
            return replace(await asyncio.shield(self._flying[key]), is_kept=True)
        if self.rules.is_offline:
            raise NotAsked("offline")
        asking = self._batched if isinstance(endpoint, Batching) and endpoint.batch else self._settled
        return await self._flown(key, asking(endpoint, key, body))

    async def _flown(self, key: bytes, asking: Any) -> Answer:
        """Runs the coroutine; whoever asks the same meanwhile waits for its outcome."""
        flight = asyncio.ensure_future(asking)
        self._flying[key] = flight
        try:
            return await flight
        finally:
            del self._flying[key]
            if not flight.cancelled():
                flight.exception()  # so that a fault that a twin did not wait for is not reported as lost

    async def _settled(self, endpoint: Endpoint, key: bytes, body: Mapping[str, Any]) -> Answer:
        """Attempts until there is an answer, or a reason to stop."""
        counter = await self._counter(endpoint)
        began_s, faults, attempts = time.monotonic(), 0, 0
        while True:
            attempts += 1
            try:
                said = await self._attempt(counter, endpoint, key, body, attempts)
            except Unanswered as fault:
                if fault.verdict is Verdict.RUN:
                    counter.closed = _stopped(endpoint, fault)
                    raise counter.closed from fault
                faults += fault.verdict is Verdict.AGAIN
                late = time.monotonic() - began_s > _PATIENCE_S
                if fault.verdict is Verdict.ROW or faults >= _ATTEMPTS or late:
                    return Answer(Said(reason=fault.reason), str(fault), attempts)
                await asyncio.sleep(self._pause_s(fault, faults))
            else:
                return Answer(said, attempts=attempts)

    def _pause_s(self, fault: Unanswered, faults: int) -> float:
        # Jitter, or all that failed together come back together.
        most = min(_BACKOFF_S * 2 ** max(faults - 1, 0), _BACKOFF_MOST_S)
        return (fault.after_s or 0.0) + self._dice.uniform(0.1, 1.0) * most

    async def _attempt(
        self, counter: _Counter, endpoint: Endpoint, key: bytes, body: Mapping[str, Any], number: int
    ) -> Said:
        worst = _worst_case(endpoint, body, self._price(endpoint))
        await counter.limiter.enter(worst.tokens)
        try:
            if counter.closed:
                raise counter.closed
            if not await self.budget.set_aside(worst):
                raise NotAsked("budget")
            actual = worst
            note = Attempt(key, number, endpoint.wire, endpoint.model)
            start_s = time.monotonic()
            try:
                reply = await _timely(counter.send(body), endpoint.timeout_s)
            except Unanswered as fault:
                actual = worst if fault.billed else Cost(0.0, 0)
                self._heed(counter, fault)
                await self.journal.add(_failed(note, fault, start_s, actual))
                raise
            else:
                said = endpoint.read(reply.raw)
                counter.limiter.succeeded(reply.room)
                actual = self._actual(endpoint, said, worst)
                await self.journal.add(_answered(note, reply, said, start_s, actual))
                return said
            finally:
                # Also when cancelled: what may have been billed counts as billed.
                self.budget.settle(worst, actual)
        finally:
            counter.limiter.leave()

    def _heed(self, counter: _Counter, fault: Unanswered) -> None:
        if fault.verdict is Verdict.SHRINK:
            counter.limiter.refused(fault.after_s)
        elif fault.verdict is Verdict.AGAIN:
            counter.limiter.faulted()

    def _actual(self, endpoint: Endpoint, said: Said, worst: Cost) -> Cost:
        """What the reply cost; the worst case where it does not tell."""
        if said.usage is None:
            return worst
        usd = cost_usd(self._price(endpoint), said.usage, said.tier)
        return Cost(usd, said.usage.input + said.usage.output)

    def _price(self, endpoint: Endpoint) -> Price | None:
        if id(endpoint) not in self._prices:
            self._prices[id(endpoint)] = price_of(endpoint)
        return self._prices[id(endpoint)]

    async def _counter(self, endpoint: Endpoint) -> _Counter:
        # By what is sent where, not by account: an unknown model closes one endpoint of an account, not the others.
        name = f"{endpoint.account} {endpoint.wire} {endpoint.model} {id(endpoint)}"
        if name not in self._counters:
            self._counters[name] = asyncio.ensure_future(self._opened(endpoint))
        return await asyncio.shield(self._counters[name])

    async def _opened(self, endpoint: Endpoint) -> _Counter:
        limiter = self._limiters.setdefault(endpoint.account, Limiter(endpoint.limits))
        return _Counter(await self.ways.enter_async_context(endpoint.connect()), limiter)


async def _timely(sending: Any, limit_s: float) -> Reply:
    """The reply within a total time: a body that drips in is no more of an answer than none."""
    try:
        async with asyncio.timeout(limit_s):
            reply: Reply = await sending
            return reply
    except TimeoutError:
        message = f"no whole answer within {limit_s:g} s"
        raise Unanswered("timeout", message, Verdict.AGAIN, billed=True) from None


def _worst_case(endpoint: Endpoint, body: Mapping[str, Any], price: Price | None) -> Cost:
    """What a request costs at most: a token is at least a byte of the body, and the answer is as long as allowed."""
    messages = body.get("messages")
    extra = _TOKENS_PER_MESSAGE * (len(messages) if isinstance(messages, list) else 2)
    most = len(json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")) + extra
    # Writing to a cache is the dearest that input can be.
    usage = Usage(most, endpoint.max_output_tokens)
    dearest = price and replace(price, input=max(price.input, price.cache_write or 0.0))
    return Cost(cost_usd(dearest, usage), usage.input + usage.output)


def _answered(note: Attempt, reply: Reply, said: Said, start_s: float, actual: Cost) -> Attempt:
    usage = said.usage or Usage(actual.tokens)
    took_s = time.monotonic() - start_s
    return replace(note, raw=reply.raw, reason=said.reason, latency_s=took_s, cost_usd=actual.usd, usage=usage)


def _failed(note: Attempt, fault: Unanswered, start_s: float, actual: Cost) -> Attempt:
    took_s = time.monotonic() - start_s
    usage = Usage(actual.tokens)
    return replace(note, reason=fault.reason, message=str(fault), latency_s=took_s, cost_usd=actual.usd, usage=usage)


def _stopped(endpoint: Endpoint, fault: Unanswered) -> EndpointStopped:
    what = f"{endpoint.wire} at {endpoint.base_url}, model {endpoint.model!r}"
    return EndpointStopped(
        f"{what} will answer nothing: {fault}. Answers that came before are kept; mend the key, the model name or "
        "the account, then run again"
    )


def _redacted(question: Question, redact: Callable[[str], str] | None) -> Question:
    """The question without what must not leave; instructions are the project's own words, and stay as they are."""
    if redact is None:
        return question
    turns = tuple((role, redact(text)) for role, text in question.turns)
    return replace(question, prompt=redact(question.prompt), turns=turns)
