"""The values that flow through quorate: frozen, with read-only arrays and their row ids inside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quorate.errors import LabelError, did_you_mean, listed
from quorate.frozen import freeze, freeze_each, frozen_array, parts
from quorate.rows import Rows, numbered_ids

TIE_TOLERANCE = 1e-9
ABSTAIN = -1
"""The vote of a source that does not vote, whether it abstained, failed or was skipped."""


class Status(IntEnum):
    """What became of one source on one row; VOTED and ABSTAINED are as numbers what `votes == ABSTAIN` is."""

    VOTED = 0
    ABSTAINED = 1
    FAILED = 2
    SKIPPED = 3


@dataclass(frozen=True)
class LabelSpace:
    """The ordered label names of a task: the one place where names meet ints (index = int).

    Names and aliases are matched without regard to case and spaces, and must stay unique that way.
    """

    names: tuple[str, ...]
    descriptions: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.names) < 2:
            raise LabelError(f"a label space needs at least two labels, got {list(self.names)}")
        meant = {_normal(name): name for name in self.names}
        if len(meant) < len(self.names) or "" in meant:
            raise LabelError(f"label names must not be empty and differ by more than case: {listed(self.names)}")
        for word, label in self.aliases.items():
            if label not in self.names:
                raise LabelError(f"alias {word!r} stands for {label!r}, which is not a label")
            known = meant.setdefault(_normal(word), label)
            if known != label or not _normal(word):
                raise LabelError(f"alias {word!r} is empty or stands for two labels: {known!r} and {label!r}")

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def _exact(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.names)}

    @cached_property
    def _loose(self) -> dict[str, int]:
        known = {_normal(alias): self._exact[name] for alias, name in self.aliases.items()}
        return known | {_normal(name): i for i, name in enumerate(self.names)}

    def index(self, name: str) -> int:
        """The int of a label name or alias.

        Raises:
            LabelError: not a label; the message holds the nearest one.
        """
        found = self._exact.get(name)
        if found is None:
            found = self._loose.get(_normal(name))
        if found is None:
            hint = did_you_mean(name, [*self.names, *self.aliases])
            raise LabelError(f"{name!r} is not a label; the labels are {listed(self.names)}.{hint}")
        return found


def _normal(word: str) -> str:
    return " ".join(word.split()).casefold()


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one source has no vote on one row: a reason code, the message, and the traceback if there was one."""

    row_id: str
    source: str
    reason: str
    message: str
    traceback: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class VoteColumn:
    """One source's votes on some rows: labels int16[n], status uint8[n], and what it said of its certainty.

    `confidence` float32[n] and `distribution` float32[n, k] are NaN where it gave none; `failures`: the failed rows.
    """

    labels: NDArray[np.int16]
    status: NDArray[np.uint8]
    confidence: NDArray[np.float32] | None = None
    distribution: NDArray[np.float32] | None = None
    failures: tuple[Failure, ...] = ()

    def __post_init__(self) -> None:
        freeze(self, labels=np.int16, status=np.uint8, confidence=np.float32, distribution=np.float32)
        _check_votes(self.labels, self.status)
        if len(self.failures) != (self.status == Status.FAILED).sum():
            raise ValueError(f"{len(self.failures)} failures for {(self.status == Status.FAILED).sum()} failed rows")

    @staticmethod
    def hard(labels: Any) -> VoteColumn:
        """Votes from ints alone: -1 abstains."""
        return VoteColumn(array := frozen_array(labels, np.int16), np.equal(array, ABSTAIN).view(np.uint8))


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """The label matrix: who voted what on which row.

    Shapes: `matrix` int16[n, m] of label ints or -1; `status` uint8[n, m] of `Status`; `confidence` float32[n, m],
    NaN where a source gives none; `distributions` float32[n, k] by source name, NaN rows where it gave none.
    Law: `matrix == -1` exactly where `status != VOTED`.
    """

    space: LabelSpace
    ids: pa.StringArray
    sources: tuple[str, ...]
    families: tuple[str, ...]
    matrix: NDArray[np.int16]
    status: NDArray[np.uint8]
    confidence: NDArray[np.float32] | None = None
    distributions: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()

    def __post_init__(self) -> None:
        freeze(self, matrix=np.int16, status=np.uint8, confidence=np.float32)
        freeze_each(self, "distributions", np.float32)
        shape = (len(self.ids), len(self.sources))
        if self.matrix.shape != shape or self.status.shape != shape or len(self.families) != len(self.sources):
            raise ValueError(f"votes of shape {self.matrix.shape} do not fit {shape[0]} ids and {shape[1]} sources")
        if self.matrix.size and self.matrix.max() >= len(self.space):
            raise LabelError(f"a vote is {self.matrix.max()}, but there are {len(self.space)} labels")
        _check_votes(self.matrix, self.status)

    @staticmethod
    def of(matrix: Any, labels: Sequence[str] | LabelSpace, sources: Sequence[str] = (), ids: Any = None) -> Votes:
        """Votes from a label matrix made elsewhere: int[n, m], -1 abstains; every source counts as a rule."""
        array = frozen_array(matrix, np.int16)
        names = tuple(sources) or tuple(f"source_{j}" for j in range(array.shape[1]))
        space = labels if isinstance(labels, LabelSpace) else LabelSpace(tuple(labels))
        row_ids = numbered_ids(len(array)) if ids is None else pa.array([str(i) for i in ids], pa.string())
        return Votes(space, row_ids, names, ("rule",) * len(names), array, np.equal(array, ABSTAIN).view(np.uint8))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def covered(self) -> NDArray[np.bool_]:
        """Which rows have at least one vote, bool[n]."""
        return np.asarray((self.matrix != ABSTAIN).any(axis=1))

    def counts(self) -> NDArray[np.int64]:
        """The votes for each label on each row, int64[n, k]."""
        return np.stack([(self.matrix == y).sum(axis=1) for y in range(len(self.space))], axis=1)


def _check_votes(labels: NDArray[np.int16], status: NDArray[np.uint8]) -> None:
    both = zip(parts(labels), parts(status), strict=True)
    if labels.shape != status.shape or any(((some != ABSTAIN) != (said == Status.VOTED)).any() for some, said in both):
        raise ValueError("a vote is -1 exactly where its status is not 'voted'; these labels and status differ")
    if labels.size and labels.min() < ABSTAIN:
        raise ValueError(f"votes are label ints or -1, got {labels.min()}")


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """What a label model believes of each row.

    `probs` float64[n, k], rows sum to 1. `covered` bool[n]: a source voted on the row, a person settled it, or its
    content was asked; elsewhere `probs` is the model's class prior, which is no evidence about the row.
    """

    space: LabelSpace
    ids: pa.StringArray
    probs: NDArray[np.float64]
    covered: NDArray[np.bool_]
    model: str

    def __post_init__(self) -> None:
        freeze(self, probs=np.float64, covered=np.bool_)
        if self.probs.shape != (len(self.ids), len(self.space)) or self.covered.shape != (len(self.ids),):
            raise ValueError(f"probs {self.probs.shape} do not fit {len(self.ids)} ids and {len(self.space)} labels")
        if not all(np.abs(some @ np.ones(len(self.space)) - 1.0).max() <= 1e-6 for some in parts(self.probs)):
            raise ValueError("label probabilities must sum to 1 in every row")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def tied(self) -> NDArray[np.bool_]:
        """Whether another label is within 1e-9 of the most probable one, bool[n]."""
        top = self.probs.max(axis=1, keepdims=True, initial=0.0)
        return np.asarray((self.probs >= top - TIE_TOLERANCE).sum(axis=1) > 1)

    @property
    def hard(self) -> NDArray[np.int16]:
        """The label int of each row, -1 where nobody voted or the best labels tie."""
        return np.where(self.covered & ~self.tied, self.probs.argmax(axis=1), ABSTAIN).astype(np.int16)

    @property
    def names(self) -> list[str | None]:
        """The label name of each row, None where there is none."""
        return [None if y == ABSTAIN else self.space.names[y] for y in self.hard]


@dataclass(frozen=True, slots=True, eq=False)
class Queue:
    """Rows in review order.

    `score` float32[q] in [0, 1], highest first among the targeted; `reasons` float32[q] by signal name, in [0, 1];
    `inclusion` float64[q]: the probability with which the design put the row here (1 for targeted rows), which
    keeps estimates from reviews unbiased; `position` intp[q]: the row's place in the votes.
    """

    ids: pa.StringArray
    position: NDArray[np.intp]
    score: NDArray[np.float32]
    reasons: Mapping[str, NDArray[np.float32]]
    inclusion: NDArray[np.float64]

    def __post_init__(self) -> None:
        freeze(self, position=np.intp, score=np.float32, inclusion=np.float64)
        freeze_each(self, "reasons", np.float32)

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True, eq=False)
class Gold:
    """Labels people gave: row id, label int, who, when, votes seen or not, the queue's inclusion. Append-only."""

    ids: tuple[str, ...]
    labels: NDArray[np.int16]
    reviewers: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    saw_votes: tuple[bool, ...] = ()
    inclusion: tuple[float, ...] = ()

    @staticmethod
    def of(ids: Iterable[Any], labels: Iterable[str | None], space: LabelSpace) -> Gold:
        """Gold from names; rows whose label is None are left out.

        Raises:
            LabelError: a name that is not in the space.
        """
        known = [(str(i), space.index(name)) for i, name in zip(ids, labels, strict=True) if name is not None]
        return Gold(tuple(i for i, _ in known), frozen_array([y for _, y in known], np.int16))

    def __len__(self) -> int:
        return len(self.ids)

    def aligned(self, ids: pa.StringArray) -> NDArray[np.int16]:
        """The gold label of each of these rows, int16[n], -1 where there is none; a later answer wins."""
        import pyarrow.compute as pc

        by_id = dict(zip(self.ids, self.labels.tolist(), strict=True))
        place = np.asarray(pc.index_in(ids, pa.array(by_id, ids.type)).fill_null(len(by_id)), np.intp)
        return np.array([*by_id.values(), ABSTAIN], np.int16).take(place)


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSet:
    """What an exporter gets, and nothing else: rows with a label each, and what the card tells of them.

    `labels` int16[n]; `probs` float64[n, k]; `weights` float64[n]; `provenance` "votes" or "gold"; `voters` by name.
    """

    space: LabelSpace
    rows: Rows
    labels: NDArray[np.int16]
    probs: NDArray[np.float64]
    weights: NDArray[np.float64]
    split: tuple[str, ...]
    provenance: tuple[str, ...]
    name: str = "training_set"
    text: str = ""
    voters: tuple[tuple[str, ...], ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        freeze(self, labels=np.int16, probs=np.float64, weights=np.float64)
