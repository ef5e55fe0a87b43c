"""doctor: asks each endpoint a few short questions, and keeps what it learns of the model behind it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from quorate.asking.bill import Bill
from quorate.asking.budget import Budget
from quorate.asking.capabilities import FILE, finding_name, read_findings
from quorate.asking.counter import Counter
from quorate.asking.journal import Journal
from quorate.asking.letters import letter
from quorate.asking.limiter import Limiter
from quorate.asking.prices import price_of
from quorate.connections import check_keys
from quorate.errors import EndpointStopped, Problem, ProjectError
from quorate.project import Project
from quorate.prompts.answers import Reader
from quorate.protocols import Capable, Endpoint
from quorate.store import write_json
from quorate.values import ABSTAIN, LabelSpace
from quorate.wire import Answer, NotAsked, Question, RateRoom, Reply

_SPACE = LabelSpace(("APPLE", "PEBBLE"))
_EASY = Question(
    'Choose one of these labels:\n- APPLE\n- PEBBLE\n\nAnswer with JSON, {"label": "..."}, and nothing else.',
    "It is red, it grows on a tree and you can eat it.",
    _SPACE.names,
)
# What the question asks for is no choice: only a schema that is enforced brings one.
_TEMPTING = replace(_EASY, instructions="Answer with the single word BANANA and nothing else.", prompt="Say BANANA.")
_REFUSALS = ("http_400", "http_422")


def examine(project: Project) -> dict[str, Any]:
    """What every endpoint does, as a documented object (schema `quorate.doctor/1`); it is kept beside the project.

    Raises:
        ProjectError: an endpoint's key is missing, or the project asks no endpoint.
        JournalError: what was paid cannot be kept.
    """
    if not project.endpoints:
        raise ProjectError([Problem("endpoints", "there are none; [endpoints.NAME] declares one")])
    check_keys(project.endpoints)
    findings = asyncio.run(_examined(project))
    known = {finding_name(project.endpoints[name]): found for name, found in findings.items()}
    write_json(project.state / FILE, {**read_findings(project.folder), **known})
    return {"schema": "quorate.doctor/1", "project": project.name, "endpoints": findings}


async def _examined(project: Project) -> dict[str, dict[str, Any]]:
    desk = project.desk
    with Journal(desk.journal) as journal:
        budget = Budget(desk.max_usd, desk.max_tokens, journal.spent())
        return {
            name: await _Patient(endpoint, journal, budget).examined() for name, endpoint in project.endpoints.items()
        }


@dataclass(frozen=True)
class _Patient:
    """One endpoint, and who pays for its examination."""

    endpoint: Endpoint
    journal: Journal
    budget: Budget

    async def examined(self) -> dict[str, Any]:
        plain = self.endpoint.using() if isinstance(self.endpoint, Capable) else self.endpoint
        start_s = time.monotonic()
        try:
            answer, room = await self._asked(plain, _EASY)
        except (EndpointStopped, NotAsked) as error:
            return self._silent(str(error))
        if answer.message:
            return self._silent(answer.message)
        took_s, said = time.monotonic() - start_s, answer.said
        is_right = Reader(_SPACE).read(said).label == 0
        found = await self._found()
        return {
            "model": self.endpoint.model,
            "answers": True,
            "problem": "" if is_right else f"an easy question was answered with {said.text[:80]!r}",
            "latency_s": round(took_s, 3),
            "tells_usage": said.usage is not None,
            "tells_probabilities": said.distribution is not None,
            "limits": _limits(room),
            "found": found,
            "supports": {what: word != "refused" for what, word in found.items() if word != "unknown"},
        }

    def _silent(self, problem: str) -> dict[str, Any]:
        return {"model": self.endpoint.model, "answers": False, "problem": problem, "found": {}, "supports": {}}

    async def _found(self) -> dict[str, str]:
        """`yes`, `ignored`, `refused` or `unknown`, by what a request may hold."""
        endpoint = self.endpoint
        if not isinstance(endpoint, Capable):
            return {}
        return {what: await self._word(endpoint.using(what), what) for what in endpoint.optional}

    async def _word(self, endpoint: Endpoint, what: str) -> str:
        try:
            answer, _ = await self._asked(endpoint, _TEMPTING if what == "schema" else _EASY)
        except (EndpointStopped, NotAsked):
            return "unknown"
        if answer.message:
            return "refused" if answer.said.reason in _REFUSALS else "unknown"
        if what == "schema":
            return "yes" if Reader(_SPACE).read(answer.said).label != ABSTAIN else "ignored"
        return "ignored" if what == "logprobs" and not answer.said.tokens else "yes"

    async def _asked(self, endpoint: Endpoint, question: Question) -> tuple[Answer, RateRoom]:
        body = endpoint.body(question)
        room = RateRoom()
        async with endpoint.connect() as send:

            async def noted(body: Mapping[str, Any]) -> Reply:
                nonlocal room
                reply = await send(body)
                room = reply.room
                return reply

            bill = Bill(endpoint, price_of(endpoint))
            counter = Counter(bill, noted, Limiter(endpoint.limits), self.journal, self.budget)
            return await counter.answer(letter(endpoint.wire, endpoint.base_url, body)), room


def _limits(room: RateRoom) -> dict[str, Any]:
    return {
        "requests": room.requests_limit,
        "requests_left": room.requests_left,
        "tokens_left": room.tokens_left,
        "reset_s": room.reset_s,
    }
