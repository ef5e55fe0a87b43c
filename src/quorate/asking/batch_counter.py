"""The counter of an endpoint that takes its questions in batches."""

from __future__ import annotations

from dataclasses import dataclass, field

from quorate.asking.batches import BatchDesk
from quorate.asking.bill import Bill
from quorate.asking.budget import Budget, Cost
from quorate.asking.counter import stopped
from quorate.asking.journal import Journal
from quorate.asking.letters import Letter
from quorate.asking.verdicts import unanswered
from quorate.protocols import BatchPost
from quorate.wire import Answer, BatchLine, NotAsked, Said, Unanswered, Verdict

_FREE = Cost(0.0, 0)


@dataclass(eq=False)
class BatchCounter:
    """Asks one endpoint by batches; the worst case of every question in a batch is set aside until it is home."""

    bill: Bill
    post: BatchPost
    poll_s: float
    journal: Journal
    budget: Budget
    _aside: dict[bytes, Cost] = field(default_factory=dict)
    _letters: dict[bytes, Letter] = field(default_factory=dict)

    def __post_init__(self) -> None:
        endpoint = self.bill.endpoint
        name = f"{endpoint.account} {endpoint.wire} {endpoint.model}"
        self._batches = BatchDesk(self.journal, self.post, name, self.poll_s, self._keep)

    def open(self) -> None:
        """Takes up what an earlier process handed in."""
        self._batches.resume()

    async def close(self) -> None:
        """Ends the waiting; batches that are under way stay so."""
        await self._batches.close()

    async def answer(self, letter: Letter) -> Answer:
        """
        Raises:
            NotAsked: nothing left to spend.
            EndpointStopped: the batch was not taken.
            JournalError: the answer could not be kept.
        """
        answer = await self._answer(letter)
        # The process before died in between: the batch was noted and never reached the vendor.
        return await self._answer(letter) if answer.said.reason == "not_handed_in" else answer

    async def _answer(self, letter: Letter) -> Answer:
        if not self._batches.is_under_way(letter.key):
            worst = self.bill.worst_case(letter)
            if not await self.budget.set_aside(worst):
                raise NotAsked("budget")
            self._aside[letter.key] = worst
            self._letters[letter.key] = letter
        try:
            line = await self._batches.ask(letter.key, letter.body)
        except Unanswered as fault:
            if fault.verdict is Verdict.RUN:
                advice = "mend the key, the model name or the account"
                raise stopped(self.bill.endpoint, f"takes no batch: {fault}", advice) from fault
            return Answer(Said(reason=fault.reason), str(fault), 1)
        finally:
            self._letters.pop(letter.key, None)
            self._settle(letter.key, _FREE)
        if line.status == 200:
            return Answer(self.bill.endpoint.read(line.raw), attempts=1)
        refused = _fault(line)
        return Answer(Said(reason=refused.reason), str(refused), 1)

    async def _keep(self, line: BatchLine) -> None:
        if line.key not in self._letters and self.journal.answer(line.key) is not None:
            return  # kept by the process before, which died before it could close the batch
        # What an earlier process handed in came back without its letter.
        letter = self._letters.get(line.key) or Letter(line.key, {}, 0)
        if line.status == 200:
            said = self.bill.endpoint.read(line.raw)
            cost = self.bill.of(said, self._aside.get(line.key, _FREE))
            note = self.bill.answered(letter, 1, line.raw, said=said, cost=cost)
        else:
            cost = _FREE
            note = self.bill.failed(letter, 1, _fault(line), cost=cost)
        await self.journal.add(note)
        self._settle(line.key, cost)

    def _settle(self, key: bytes, cost: Cost) -> None:
        worst = self._aside.pop(key, None)
        if worst is not None:
            self.budget.settle(worst, cost)
        elif cost.tokens:
            self.budget.book(cost)


def _fault(line: BatchLine) -> Unanswered:
    if not line.status:
        return Unanswered(
            line.reason or "no_answer", f"the batch came back without an answer: {line.error}", Verdict.ROW
        )
    return unanswered(line.status, {}, line.error)
