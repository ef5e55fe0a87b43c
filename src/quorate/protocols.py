"""The contracts of the six kinds of plug-in, and of what they are handed.

A plug-in is one file in the folder of its kind that names its class `plugin`; the class is a frozen dataclass whose
fields are the options that quorate.toml takes for it, and its `example()` builds one that works offline on
`example_rows()` and `EXAMPLE_SPACE`, so that the contract tests can run the laws of the kind over it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeVar, runtime_checkable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quorate.bounds import Findings
from quorate.examples import Example
from quorate.patterns import VotePatterns
from quorate.rows import Derives, Rows
from quorate.values import Failure, Gold, Labels, LabelSpace, TrainingSet, VoteColumn, Votes
from quorate.wire import Answer, BatchState, Limits, Price, Question, Said, Send

T = TypeVar("T")
R = TypeVar("R")

EXAMPLE_SPACE = LabelSpace(("HAM", "SPAM"))


def example_rows() -> Rows:
    """Six small comments with a text and a number, for `example()` and the contract tests."""
    texts = [
        "check out my channel",
        "what a lovely song",
        "free money at my channel",
        "",
        None,
        "Love love LOVE it",
    ]
    return Rows(
        pa.table({"text": pa.array(texts, pa.string()), "stars": pa.array([1, 5, 1, 3, 4, 5])}),
        pa.array(list("abcdef"), pa.string()),
    )


class Source(Protocol):
    """How a thing becomes a voter.

    `columns` are the columns it reads (None: the whole row) and `labels` those it says it may vote for (empty: any);
    both are checked before anything runs. `family` is "rule" or "model". `fingerprint` changes whenever the votes
    might. `vote` gives one vote per row in row order and depends on nothing but the cells of that row.
    """

    @property
    def name(self) -> str: ...
    @property
    def family(self) -> str: ...
    @property
    def columns(self) -> tuple[str, ...] | None: ...
    @property
    def labels(self) -> tuple[str, ...]: ...
    def fingerprint(self) -> str: ...
    def vote(self, rows: Rows, space: LabelSpace) -> VoteColumn: ...


@runtime_checkable
class Learner(Protocol):
    """A source that learns from gold rows before it votes; rows it learned from get out-of-fold votes."""

    def learn(self, rows: Rows, gold: Gold, space: LabelSpace) -> Source: ...


@runtime_checkable
class SelfTesting(Protocol):
    """A source that carries its own examples."""

    def broken_examples(self, space: LabelSpace, derived: Sequence[Derives] = ()) -> list[str]: ...


@runtime_checkable
class Particular(Protocol):
    """A source that wants more of the rows than that its columns are there; it raises a TableError."""

    def check(self, rows: Rows) -> None: ...


@runtime_checkable
class Keyed(Protocol):
    """An endpoint that needs a key; `check` raises a PluginError where it is missing, without a word of it."""

    def check(self) -> None: ...


@runtime_checkable
class Capable(Protocol):
    """An endpoint whose requests may hold things that not every model takes: `schema`, `temperature`, `logprobs`.

    `supports` says which it does (all that it leaves out are taken to be), `optional` which its wire has, and
    `using` is the endpoint with just these in its requests.
    """

    @property
    def supports(self) -> Mapping[str, bool]: ...
    @property
    def optional(self) -> tuple[str, ...]: ...
    def using(self, *what: str) -> Endpoint: ...


class BatchPost(Protocol):
    """The way to a vendor's batches.

    `hand_in` uploads the lines (key, body) under a name of ours and gives the vendor's id; `find` gives the id of a
    batch that was handed in under the name, "" where none was; `look` says how it stands. All raise Unanswered.
    """

    async def hand_in(self, name: str, lines: Sequence[tuple[bytes, Mapping[str, Any]]]) -> str: ...
    async def find(self, name: str) -> str: ...
    async def look(self, id: str) -> BatchState: ...


@runtime_checkable
class Batching(Protocol):
    """An endpoint that can take questions in batches; `batch` says whether it should, `poll_s` how often to look."""

    @property
    def batch(self) -> bool: ...
    @property
    def poll_s(self) -> float: ...
    def connect_batches(self) -> AbstractAsyncContextManager[BatchPost]: ...


class AsksEndpoints(Protocol):
    """Asks an endpoint one question, or finds that it was asked before; it alone sends anything.

    Raises:
        NotAsked: offline, or nothing left to spend.
    """

    @property
    def asks_again(self) -> bool: ...
    async def ask(self, endpoint: Endpoint, question: Question, again: bool = False) -> Answer: ...


@runtime_checkable
class Asking(Protocol):
    """A source that asks an endpoint: it makes questions of rows and votes of answers. A row that was not asked is
    *skipped*."""

    @property
    def endpoint(self) -> Endpoint: ...
    async def ask(self, rows: Rows, space: LabelSpace, desk: AsksEndpoints) -> VoteColumn: ...


class FittedLabelModel(Protocol):
    """A complete fitted label model.

    `prior` float64[k] is the class balance it estimated; `probabilities` maps vote patterns int16[p, m] to
    float64[p, k], each row on its own.
    """

    @property
    def prior(self) -> NDArray[np.float64]: ...
    def probabilities(self, matrix: NDArray[np.int16]) -> NDArray[np.float64]: ...


class LabelModel(Protocol):
    """How votes become label probabilities; gold counts travel inside the patterns."""

    def fit(self, patterns: VotePatterns) -> FittedLabelModel: ...


class Signal(Protocol):
    """One reason for a person to look at a row: float32[n] in [0, 1], 0 where the reason is absent."""

    def score(self, votes: Votes, labels: Labels) -> NDArray[np.float32]: ...


class Exporter(Protocol):
    """A file format: writes the training set into a folder and names the files it wrote."""

    def write(self, training_set: TrainingSet, folder: Path) -> list[Path]: ...


@runtime_checkable
class Limited(Protocol):
    """An exporter that knows what its platform takes: errors it would refuse for, and warnings."""

    def problems(self, training_set: TrainingSet) -> Findings: ...


@runtime_checkable
class Rereads(Protocol):
    """An exporter that reads its own files: `parts` are the examples by file, with text and label as they are meant
    to be read back; `read` is the text (or the row id, where the format holds whole rows) and label of each."""

    def parts(self, training_set: TrainingSet) -> Mapping[str, Sequence[Example]]: ...
    def read(self, path: Path) -> list[tuple[str, str]]: ...


class Endpoint(Protocol):
    """How a model is asked over the wire.

    `wire` names the wire format ("openai.chat"), `base_url` the server; `account` says whose limits apply, and never
    holds the key itself. `body` is the canonical JSON body of a question, `read` says what a raw reply means, and
    `connect` opens the way to send bodies, at most `limits.at_once` at a time; one attempt may take `timeout_s`,
    and the answer about one row `max_output_tokens`.
    """

    @property
    def wire(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def base_url(self) -> str: ...
    @property
    def account(self) -> str: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def price(self) -> Price | None: ...
    @property
    def timeout_s(self) -> float: ...
    @property
    def max_output_tokens(self) -> int: ...
    def body(self, question: Question) -> dict[str, Any]: ...
    def read(self, raw: Any) -> Said: ...
    def connect(self) -> AbstractAsyncContextManager[Send]: ...


@dataclass(frozen=True, slots=True)
class WorkerDied:
    """In place of a result: the process that worked on the item died, twice."""

    message: str


class Executor(Protocol):
    """Where work runs. `map` yields results in the order of the items, `fold` reduces them in that order."""

    def map(self, fn: Callable[[T], R], items: Iterable[T]) -> Iterator[R | WorkerDied]: ...
    def fold(self, fn: Callable[[T], R], merge: Callable[[R, R], R], items: Iterable[T]) -> R | WorkerDied: ...


class VoteStore(Protocol):
    """Votes that were made before, by source and by the content of the cells that the source read."""

    def read(self, source: Source, keys: NDArray[np.void], k: int) -> tuple[VoteColumn, NDArray[np.bool_]]: ...
    def write(self, source: Source, keys: NDArray[np.void], column: VoteColumn) -> None: ...


class PluginClass(Protocol):
    """What a plug-in file names `plugin`: `kind` is the name of its folder."""

    kind: ClassVar[str]

    @classmethod
    def example(cls) -> Self: ...


__all__ = [
    "EXAMPLE_SPACE",
    "Asking",
    "AsksEndpoints",
    "BatchPost",
    "Batching",
    "Capable",
    "Derives",
    "Endpoint",
    "Executor",
    "Exporter",
    "Failure",
    "FittedLabelModel",
    "Keyed",
    "LabelModel",
    "Learner",
    "Limited",
    "Particular",
    "PluginClass",
    "Rereads",
    "SelfTesting",
    "Signal",
    "Source",
    "VoteStore",
    "WorkerDied",
    "example_rows",
]
