"""The conversation with a model about a row: question, answer, at most one repair, samples, packs of rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from quorate.asking.together import together
from quorate.prompts.answers import Heard, Reader, describe, frequencies
from quorate.prompts.shots import Shot
from quorate.protocols import AsksEndpoints, Endpoint
from quorate.wire import Answer, NotAsked, Question

SKIPPED = Heard(reason="skipped")
"""What is heard of a row that was not asked about."""

_ONE = 'Answer with JSON, {"label": "..."}, and nothing else.'
_SEVERAL = (
    'Each row stands between <row id="..."> and </row>. Answer with JSON, '
    '{"answers": [{"id": "...", "label": "..."}, ...]}, each id once, and nothing else.'
)


@dataclass(frozen=True)
class Talk:
    """What one source says to its model and hears of it; `instructions` come before the list of labels."""

    desk: AsksEndpoints
    endpoint: Endpoint
    reader: Reader
    instructions: str = ""
    samples: int = 1
    repairs: bool = True

    @cached_property
    def meanings(self) -> dict[str, str]:
        """What each allowed answer means, in the order of the labels."""
        return describe(self.reader.space, self.reader.cannot_tell)

    @cached_property
    def _task(self) -> str:
        listed = "\n".join(f"- {name}: {what}" if what else f"- {name}" for name, what in self.meanings.items())
        return "\n\n".join(filter(None, (self.instructions, f"Choose one of these labels:\n{listed}")))

    async def row(self, prompt: str, shots: Sequence[Shot] = ()) -> Heard:
        """What is heard about one row, of one sample or several."""
        turns = tuple(turn for shot in shots for turn in (("user", shot.prompt), ("assistant", _answer(shot))))
        question = Question(f"{self._task}\n\n{_ONE}", prompt, tuple(self.meanings), self.meanings, turns)
        heard = await together([self._sample(replace(question, sample=i)) for i in range(self.samples)])
        if SKIPPED in heard:
            return SKIPPED
        return heard[0] if len(heard) == 1 else frequencies(heard, len(self.reader.space))

    async def pack(self, prompts: Sequence[str]) -> list[Heard]:
        """What is heard about several rows in one request; one by one where the ids do not match."""
        rows = tuple(str(i + 1) for i in range(len(prompts)))
        text = "\n".join(f'<row id="{i}">\n{prompt}\n</row>' for i, prompt in zip(rows, prompts, strict=True))
        question = Question(f"{self._task}\n\n{_SEVERAL}", text, tuple(self.meanings), self.meanings, rows=rows)
        try:
            answer = await self.desk.ask(self.endpoint, question)
        except NotAsked:
            return [SKIPPED] * len(prompts)
        heard = self.reader.read_rows(answer.said, rows)
        if heard is None:
            return await together([self.row(prompt) for prompt in prompts])
        return [heard[i] for i in rows]

    async def _sample(self, question: Question) -> Heard:
        try:
            return await self._asked(question)
        except NotAsked:
            return SKIPPED

    async def _asked(self, question: Question) -> Heard:
        answer = await self.desk.ask(self.endpoint, question)
        heard = self._heard(answer)
        if heard.reason and answer.is_kept and self.desk.asks_again:
            answer = await self.desk.ask(self.endpoint, question, again=True)
            heard = self._heard(answer)
        if self.repairs and heard.reason in ("unknown_label", "unparsable") and answer.said.text:
            heard = self._heard(await self.desk.ask(self.endpoint, self._repair(question, answer)))
        return heard

    def _heard(self, answer: Answer) -> Heard:
        heard = self.reader.read(answer.said)
        return replace(heard, message=answer.message) if heard.reason and answer.message else heard

    def _repair(self, question: Question, answer: Answer) -> Question:
        names = ", ".join(question.choices)
        again = f'That is not one of the labels. Answer with JSON, {{"label": "..."}}, with one of: {names}.'
        turns = (*question.turns, ("user", question.prompt), ("assistant", answer.said.text[:2_000]))
        return replace(question, prompt=again, turns=turns)


def _answer(shot: Shot) -> str:
    return json.dumps({"label": shot.answer}, ensure_ascii=False)
