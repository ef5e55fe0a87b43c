"""The counter of one endpoint: each question is attempted until there is an answer, or a reason to stop."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass, field
from typing import Any, NoReturn

from quorate.asking.bill import Bill
from quorate.asking.budget import Budget, Cost
from quorate.asking.journal import Journal
from quorate.asking.letters import Letter
from quorate.asking.limiter import Limiter
from quorate.errors import EndpointStopped
from quorate.protocols import Endpoint
from quorate.wire import Answer, NotAsked, Reply, Said, Send, Unanswered, Verdict

_ATTEMPTS = 5
_PAID_ATTEMPTS = 3
"""Of those that the vendor may charge for although nothing of use came back."""
_PATIENCE_S = 900.0
"""A question that met nothing but 429 for so long is given up; a run does not wait longer than this."""
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
    _out: set[asyncio.Task[Said]] = field(default_factory=set)
    _dice: random.Random = field(default_factory=random.Random)

    async def answer(self, letter: Letter) -> Answer:
        """
        Raises:
            NotAsked: nothing left to spend.
            EndpointStopped: it answers no question of this run.
            JournalError: the answer could not be kept.
        """
        began_s, faults, paid, attempts = time.monotonic(), 0, 0, 0
        while True:
            attempts += 1
            try:
                said = await self._attempt(letter, attempts)
            except Unanswered as fault:
                if fault.verdict is Verdict.RUN:
                    self._close(f"will answer nothing: {fault}", "mend the key, the model name or the account")
                faults += fault.verdict is Verdict.AGAIN
                paid += fault.billed
                if (fault.after_s or 0.0) > _PATIENCE_S:
                    self._close(f"asks to wait {fault.after_s:,.0f} s: {fault}", "wait")
                late = time.monotonic() - began_s > _PATIENCE_S
                if fault.verdict is Verdict.ROW or faults >= _ATTEMPTS or paid >= _PAID_ATTEMPTS or late:
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

    async def _attempt(self, letter: Letter, number: int) -> Said:
        await self.limiter.enter(self.bill.likely_tokens(letter))
        try:
            if self.closed:
                raise self.closed
            worst = self.bill.worst_case(letter)
            if not await self.budget.set_aside(worst):
                raise NotAsked("budget")
            return await self._to_the_end(self._sent(letter, number, worst))
        finally:
            self.limiter.leave()

    async def _to_the_end(self, sending: Coroutine[Any, Any, Said]) -> Said:
        """What comes of a request; it is awaited and written down even when nobody waits for it any more."""
        task = asyncio.ensure_future(sending)
        self._out.add(task)
        try:
            return await asyncio.shield(task)
        finally:
            if task.done():
                self._out.discard(task)

    async def drain(self) -> None:
        """Waits for the requests that are out: what is asked is paid for."""
        await asyncio.gather(*self._out, return_exceptions=True)

    async def _sent(self, letter: Letter, number: int, worst: Cost) -> Said:
        actual, start_s = worst, time.monotonic()
        try:
            reply = await _timely(self.send(letter.body), self.bill.endpoint.timeout_s)
            said = self.bill.endpoint.read(reply.raw)
            self.limiter.succeeded(reply.room)
            actual = self.bill.of(said, worst)
            took_s = time.monotonic() - start_s
            await self.journal.add(self.bill.answered(letter, number, reply.raw, said=said, cost=actual, took_s=took_s))
        except Unanswered as fault:
            actual = worst if fault.billed else Cost(0.0, 0)
            self._heed(fault)
            took_s = time.monotonic() - start_s
            await self.journal.add(self.bill.failed(letter, number, fault, cost=actual, took_s=took_s))
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
    return EndpointStopped(f"{who} {what.rstrip('.')}. Answers that came before are kept; {advice}, then run again")
