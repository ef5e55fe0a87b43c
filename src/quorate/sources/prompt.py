"""A prompt on a model endpoint as a voter."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from quorate.asking.batches import rows_ahead
from quorate.asking.together import in_turn
from quorate.errors import PluginError
from quorate.fingerprint import fingerprint
from quorate.prompts.answers import Heard, Reader, describe
from quorate.prompts.shots import Shot, Shots
from quorate.prompts.talk import SKIPPED, Talk
from quorate.prompts.templates import PromptTemplate, TemplateError
from quorate.protocols import AsksEndpoints, Endpoint
from quorate.rows import Rows
from quorate.values import ABSTAIN, Failure, Gold, LabelSpace, Status, VoteColumn
from quorate.wire import Answer, Limits, Price, Question, Reply, Said, Usage


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """Asks a model about each row and votes what it answers; "cannot tell" abstains, and a bad answer is a failure.

    `endpoint` names a table of `[endpoints]`. `template` is a Jinja file over the row's columns, or `prompt` the
    template itself; without either the text column is asked about. `instructions` come before the list of labels.
    `shots` examples are taken from gold, the same for every row or the most `similar`. With `samples` a row is asked
    several times and votes what it hears most. `rows_per_request` rows share a request, and are asked one by one
    where the ids in the answer do not match. An answer that cannot be read is asked about once more (`repair`).
    """

    kind: ClassVar[str] = "sources"
    family: ClassVar[str] = "model"

    name: str
    endpoint: Any
    template: Path | None = None
    prompt: str = ""
    column: str = "text"
    instructions: str = ""
    cannot_tell: str = "CANNOT_TELL"
    shots: int = 0
    shot_choice: Literal["fixed", "similar"] = "fixed"
    samples: int = 1
    rows_per_request: int = 1
    repair: bool = True
    learned: Shots | None = None

    def __post_init__(self) -> None:
        if self.template and self.prompt:
            raise PluginError(f"{self.name!r}: give `template` (a file) or `prompt` (a text), not both")
        if min(self.samples, self.rows_per_request) < 1 or self.shots < 0:
            raise PluginError(f"{self.name!r}: `samples` and `rows_per_request` are at least 1, `shots` at least 0")
        if self.samples > 1 and self.rows_per_request > 1:
            raise PluginError(f"{self.name!r}: `samples` and `rows_per_request` do not go together")
        if self.shots and self.rows_per_request > 1:
            raise PluginError(f"{self.name!r}: `shots` and `rows_per_request` do not go together")

    @classmethod
    def example(cls) -> Prompt:
        return cls(name="asks", endpoint=_Parrot(), prompt="Comment: {{ text }}")

    @property
    def columns(self) -> tuple[str, ...]:
        return self._template.columns

    @property
    def labels(self) -> tuple[str, ...]:
        return ()

    @property
    def wording(self) -> str:
        """All that the model is told but the row and the labels: instructions and template."""
        return "\n".join(part for part in (self.instructions, self._template.text) if part)

    def fingerprint(self) -> str:
        told = (self.instructions, self.cannot_tell, self.samples, self.rows_per_request, self.repair, self.shots)
        wire = (self.endpoint.wire, self.endpoint.base_url, self.endpoint.body(Question("", "", ("a", "b"))))
        return fingerprint("prompt", self._template.text, told, wire, self.learned)

    def learn(self, rows: Rows, gold: Gold, space: LabelSpace) -> Prompt:
        """The source with examples from gold, where it shows any.

        Raises:
            PluginError: it shows examples, and there is no gold to take them from.
        """
        if not self.shots:
            return self
        labels = gold.aligned(rows.ids)
        known = rows.take(np.flatnonzero(labels != ABSTAIN))
        if not len(known):
            raise PluginError(f"{self.name!r} shows gold examples, and the project has no gold to anchor on")
        prompts = [self._rendered(cells, space) for cells in _cells(known, self.columns)]
        answers = [space.names[y] for y in labels[labels != ABSTAIN].tolist()]
        shots = [Shot(p, y, p) for p, y in zip(prompts, answers, strict=True) if isinstance(p, str)]
        return replace(self, learned=Shots(tuple(shots), self.shots, self.shot_choice))

    def vote(self, rows: Rows, space: LabelSpace) -> VoteColumn:
        """The votes, asked without a journal; `quorate.apply` asks through the project's."""
        return asyncio.run(self.ask(rows, space, _Unrecorded()))

    async def ask(self, rows: Rows, space: LabelSpace, desk: AsksEndpoints) -> VoteColumn:
        """The votes of the rows; rows that were not asked are skipped."""
        reader = Reader(space, self.cannot_tell)
        talk = Talk(
            desk,
            self.endpoint,
            reader,
            instructions=self.instructions,
            samples=self.samples,
            repairs=self.repair,
        )
        prompts = [self._rendered(cells, space) for cells in _cells(rows, self.columns)]
        asked = [i for i, prompt in enumerate(prompts) if isinstance(prompt, str)]
        shown = self.learned.of([str(prompts[i]) for i in asked]) if self.learned else [()] * len(asked)
        heard: list[Heard] = [p if isinstance(p, Heard) else SKIPPED for p in prompts]
        size = self.rows_per_request
        packs = [asked[start : start + size] for start in range(0, len(asked), size)]
        shots = dict(zip(asked, shown, strict=True))

        async def one(pack: list[int]) -> None:
            if len(pack) > 1:
                said = await talk.pack([str(prompts[i]) for i in pack])
                for i, what in zip(pack, said, strict=True):
                    heard[i] = what
            else:
                heard[pack[0]] = await talk.row(str(prompts[pack[0]]), shots[pack[0]])

        await in_turn(packs, one, min(rows_ahead(self.endpoint), len(packs)))
        return _column(self.name, rows, heard, len(space))

    def _rendered(self, cells: Mapping[str, Any], space: LabelSpace) -> str | Heard:
        meanings = [{"name": n, "description": d} for n, d in describe(space, "").items()]
        if self.columns and all(cell is None or cell == "" for cell in cells.values()):
            return Heard()  # there is nothing to ask about, and asking costs
        names = {"labels": meanings, "cannot_tell": self.cannot_tell, "examples": ()}
        try:
            return self._template.render({**names, **cells})
        except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
            return Heard(reason="template", message=f"the prompt cannot be made: {error}")

    @cached_property
    def _template(self) -> PromptTemplate:
        if self.template:
            return PromptTemplate.at(self.template)
        return PromptTemplate(self.prompt or "{{ " + self.column + " }}")


def _cells(rows: Rows, names: Sequence[str]) -> list[dict[str, Any]]:
    """The named cells of each row; none at all where the template reads no column."""
    columns = [rows.values(name) for name in names]
    return [dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True)] or [
        {} for _ in range(len(rows))
    ]


def _column(name: str, rows: Rows, heard: Sequence[Heard], k: int) -> VoteColumn:
    ids = rows.ids.to_pylist()
    n = len(heard)
    status = np.array([_status(one) for one in heard], np.uint8).reshape(n)
    soft = np.full((n, k), np.nan, np.float32)
    for i, one in enumerate(heard):
        if one.distribution is not None:
            soft[i] = one.distribution
    failures = tuple(
        Failure(ids[i], name, one.reason, one.message) for i, one in enumerate(heard) if status[i] == Status.FAILED
    )
    labels = np.array([one.label for one in heard], np.int16).reshape(n)
    if np.isnan(soft).all():
        return VoteColumn(labels, status, failures=failures)
    return VoteColumn(labels, status, soft.max(axis=1), soft, failures)


def _status(heard: Heard) -> Status:
    if heard is SKIPPED:
        return Status.SKIPPED
    if heard.reason:
        return Status.FAILED
    return Status.ABSTAINED if heard.label == ABSTAIN else Status.VOTED


@dataclass(frozen=True)
class _Unrecorded:
    """A desk without journal, limits or budget."""

    asks_again: bool = False

    async def ask(self, endpoint: Endpoint, question: Question, again: bool = False) -> Answer:  # noqa: ARG002
        async with endpoint.connect() as send:
            return Answer(endpoint.read((await send(endpoint.body(question))).raw))


@dataclass(frozen=True)
class _Parrot:
    """An offline endpoint for `example()`: says SPAM of what speaks of a channel, cannot tell what is empty."""

    wire: str = "parrot"
    model: str = "parrot"
    base_url: str = "http://127.0.0.1"
    account: str = "parrot"
    limits: Limits = field(default_factory=Limits)
    price: Price | None = field(default_factory=lambda: Price(1.0))
    timeout_s: float = 1.0
    max_output_tokens: int = 8

    def body(self, question: Question) -> dict[str, Any]:
        return {"messages": [question.prompt]}

    def read(self, raw: Any) -> Said:
        return Said(raw, usage=Usage(1, 1))

    @asynccontextmanager
    async def connect(self) -> Any:
        async def send(body: Mapping[str, Any]) -> Reply:
            text = str(body["messages"][0])
            label = "SPAM" if "channel" in text else "HAM" if len(text) > len("Comment: ") else "CANNOT_TELL"
            return Reply(f'{{"label": "{label}"}}')

        yield send


plugin = Prompt
