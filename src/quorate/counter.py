"""The counter of one endpoint: each question is attempted until there is an answer, or a reason to stop."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from quorate.bill import Bill, sent
from quorate.budget import Budget, Cost
from quorate.errors import EndpointStopped
from quorate.journal import Journal
from quorate.limiter import Limiter
from quorate.protocols import Endpoint
from quorate.wire import Answer, NotAsked, Reply, Said, Send, Unanswered, Verdict

_ATTEMPTS = 5
_PATIENCE_S = 900.0
"""A question that met nothing but 429 for so long is given up."""
_BACKOFF_S = 0.5
_BACKOFF_MOST_S = 20.0
_LOST_IN_A_ROW = 30
"""So many questions given up with no answer between them: the server is down, or takes no request of this form."""
_OF_THE_ROW = ("filtered",)


@dataclass(eq=False)
class Counter:
    """Asks one endpoint over the wire; `closed` is the fault after which it answers nothing."""

    bill: Bill
    send: Send
    limiter: Limiter
    journal: Journal
    budget: Budget
    closed: EndpointStopped | None = None
    _lost: int = 0
    _dice: random.Random = field(default_factory=random.Random)

    async def answer(self, key: bytes, body: Mapping[str, Any]) -> Answer:
        """
        Raises:
            NotAsked: nothing left to spend.
            EndpointStopped: it answers no question of this run.
            JournalError: the answer could not be kept.
        """
        began_s, faults, attempts = time.monotonic(), 0, 0
        while True:
            attempts += 1
            try:
                said = await self._attempt(key, body, attempts)
            except Unanswered as fault:
                if fault.verdict is Verdict.RUN:
                    self._close(f"will answer nothing: {fault}", "mend the key, the model name or the account")
                faults += fault.verdict is Verdict.AGAIN
                late = time.monotonic() - began_s > _PATIENCE_S
                if fault.verdict is Verdict.ROW or faults >= _ATTEMPTS or late:
                    return self._given_up(fault, attempts)
                await asyncio.sleep(self._pause_s(fault, faults))
            else:
                self._lost = 0
                return Answer(said, attempts=attempts)

    def _given_up(self, fault: Unanswered, attempts: int) -> Answer:
        if fault.reason not in _OF_THE_ROW:
            self._lost += 1
        if self._lost >= _LOST_IN_A_ROW:
            what = f"answered none of the last {self._lost} questions, the last with {fault.reason}: {fault}"
            self._close(what, "see to the server or the request's form")
        return Answer(Said(reason=fault.reason), str(fault), attempts)

    def _close(self, what: str, advice: str) -> NoReturn:
        self.closed = stopped(self.bill.endpoint, what, advice)
        raise self.closed

    def _pause_s(self, fault: Unanswered, faults: int) -> float:
        # Jitter, or all that failed together come back together.
        most = min(_BACKOFF_S * 2.0 ** max(faults - 1, 0), _BACKOFF_MOST_S)
        return (fault.after_s or 0.0) + self._dice.uniform(0.1, 1.0) * most

    async def _attempt(self, key: bytes, body: Mapping[str, Any], number: int) -> Said:
        await self.limiter.enter(self.bill.likely_tokens(body))
        try:
            if self.closed:
                raise self.closed
            worst = self.bill.worst_case(body)
            if not await self.budget.set_aside(worst):
                raise NotAsked("budget")
            return await self._sent(key, body, number, worst)
        finally:
            self.limiter.leave()

    async def _sent(self, key: bytes, body: Mapping[str, Any], number: int, worst: Cost) -> Said:
        actual, start_s = worst, time.monotonic()
        try:
            reply = await _timely(self.send(body), self.bill.endpoint.timeout_s)
            said = self.bill.endpoint.read(reply.raw)
            self.limiter.succeeded(reply.room)
            actual = self.bill.of(said, worst)
            await self.journal.add(sent(self.bill.answered(key, number, reply.raw, said, actual), body, start_s))
        except Unanswered as fault:
            actual = worst if fault.billed else Cost(0.0, 0)
            self._heed(fault)
            await self.journal.add(sent(self.bill.failed(key, number, fault, actual), body, start_s))
            raise
        finally:
            # Also when cancelled: what may have been billed counts as billed.
            self.budget.settle(worst, actual)
        return said

    def _heed(self, fault: Unanswered) -> None:
        if fault.verdict is Verdict.SHRINK:
            self.limiter.refused(fault.after_s)
        elif fault.verdict is Verdict.AGAIN:
            self.limiter.faulted()


async def _timely(sending: Awaitable[Reply], limit_s: float) -> Reply:
    """The reply within a total time: a body that drips in is no more of an answer than none."""
    try:
        async with asyncio.timeout(limit_s):
            return await sending
    except TimeoutError:
        message = f"no whole answer within {limit_s:g} s"
        raise Unanswered("timeout", message, Verdict.AGAIN, billed=True) from None


def stopped(endpoint: Endpoint, what: str, advice: str) -> EndpointStopped:
    """The error of an endpoint that answers nothing more."""
    who = f"{endpoint.wire} at {endpoint.base_url}, model {endpoint.model!r},"
    return EndpointStopped(f"{who} {what}. Answers that came before are kept; {advice}, then run again")
