"""The contracts of the six kinds of plug-in, and of what they are handed.

A plug-in is one file in the folder of its kind that names its class `plugin`; the class is a frozen dataclass whose
fields are the options that quorate.toml takes for it, and its `example()` builds one that works offline on
`example_rows()` and `EXAMPLE_SPACE`, so that the contract tests can run the laws of the kind over it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol, Self, TypeVar, runtime_checkable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quorate.endpoint_contract import Batching, BatchPost, Capable, Endpoint, Keyed
from quorate.patterns import VotePatterns
from quorate.rows import Derives, Rows
from quorate.training_sets.bounds import Findings
from quorate.training_sets.examples import Example
from quorate.values import Failure, Gold, Labels, LabelSpace, TrainingSet, VoteColumn, Votes
from quorate.wire import Answer, Question

T = TypeVar("T")
R = TypeVar("R")

Tell = Callable[[str], object]
"""Called with what is being done now, in a few words."""

EXAMPLE_SPACE = LabelSpace(("HAM", "SPAM"))


def example_rows() -> Rows:
    """Six small comments with a text and a number, for `example()` and the contract tests."""
    texts = ["check out my channel", "what a lovely song", "free money at my channel", "", None, "Love love LOVE it"]
    return Rows(
        pa.table({"text": pa.array(texts, pa.string()), "stars": pa.array([1, 5, 1, 3, 4, 5])}),
        pa.array(list("abcdef"), pa.string()),
    )


def unheard(doing: str) -> None:
    """Tells nobody."""


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
class Pointing(Protocol):
    """A source that can tell where in the text of its column it found what it votes for: starts and ends."""

    @property
    def column(self) -> str: ...
    def spans(self, text: str) -> list[tuple[int, int]]: ...


@runtime_checkable
class Particular(Protocol):
    """A source that wants more of the rows than that its columns are there; it raises a TableError."""

    def check(self, rows: Rows) -> None: ...


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


@runtime_checkable
class Doubts(Protocol):
    """A fitted label model that knows its own uncertainty: how far its members differ on each pattern int16[p, m],
    float64[p] in [0, 1] (0 where all give the same probabilities)."""

    def spread(self, matrix: NDArray[np.int16]) -> NDArray[np.float64]: ...


@runtime_checkable
class HearsConfidence(Protocol):
    """A fitted label model that wants it to count how sure the sources were; `sharpness` is what a nat of it counts."""

    @property
    def sharpness(self) -> float: ...


class LabelModel(Protocol):
    """How votes become label probabilities; gold counts travel inside the patterns."""

    def fit(self, patterns: VotePatterns) -> FittedLabelModel: ...


class Signal(Protocol):
    """One reason for a person to look at a row: float32[n] in [0, 1], 0 where the reason is absent."""

    def score(self, votes: Votes, labels: Labels) -> NDArray[np.float32]: ...


@runtime_checkable
class ReadingSignal(Protocol):
    """A signal that can also read the rows, where there are rows to read: their content tells it more."""

    def score(self, votes: Votes, labels: Labels) -> NDArray[np.float32]: ...
    def score_reading(self, rows: Rows, votes: Votes, labels: Labels) -> NDArray[np.float32]: ...


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


@runtime_checkable
class Grows(Protocol):
    """An exporter of one file for rows of any number, whose limits are those of label names alone: `growing` takes the
    training set in parts and writes the bytes that `write` writes of the whole; `reading` is `read`, row by row.
    `like` is a training set of the same columns and labels, with or without rows."""

    def parts(self, training_set: TrainingSet) -> Mapping[str, Sequence[Example]]: ...
    def growing(self, like: TrainingSet, path: Path) -> AbstractContextManager[Callable[[TrainingSet], None]]: ...
    def reading(self, path: Path) -> Iterator[tuple[str, str]]: ...


@dataclass(frozen=True, slots=True)
class WorkerDied:
    """In place of a result: the process that worked on the item died, twice."""

    message: str


class Executor(Protocol):
    """Where work runs. `map` yields results in the order of the items, `fold` reduces them in that order."""

    def map(self, fn: Callable[[T], R], items: Iterable[T]) -> Iterator[R | WorkerDied]: ...
    def fold(self, fn: Callable[[T], R], merge: Callable[[R, R], R], items: Iterable[T]) -> R | WorkerDied: ...


class VoteStore(Protocol):
    """Votes that were made before, by source and by the content of the cells that the source read.

    `read` may know no more than what was there when the store was `opened`.
    """

    def opened(self) -> VoteStore: ...
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
    "Doubts",
    "Endpoint",
    "Executor",
    "Exporter",
    "Failure",
    "FittedLabelModel",
    "Grows",
    "HearsConfidence",
    "Keyed",
    "LabelModel",
    "Learner",
    "Limited",
    "Particular",
    "PluginClass",
    "Pointing",
    "ReadingSignal",
    "Rereads",
    "SelfTesting",
    "Signal",
    "Source",
    "VoteStore",
    "WorkerDied",
    "example_rows",
]
