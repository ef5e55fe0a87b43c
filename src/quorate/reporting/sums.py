"""sums: what a report counts of rows. `a + b` stands for the rows of both; all are integers, so no cut can matter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quorate.values import ABSTAIN, Failure, Gold, Labels, Status, Votes

Counts = NDArray[np.int64]

_BINS = 20
_EXAMPLES = 5
# Messages that hold what is in the row are as many as rows; who reads them has seen enough by then.
_MOST_GROUPS = 1_000
_OTHERS = "(other messages)"


def status_counts(votes: Votes) -> Counts:
    """On how many rows each source did what, int64[m, 4] by `Status`."""
    return np.stack([(votes.status == status).sum(axis=0) for status in Status], axis=1).astype(np.int64)


@dataclass(frozen=True, eq=False)
class LabelSums:
    """Rows by what their label is: `given` int64[k + 1], undecided ones last; `certainty` int64[k, bins] by the
    probability of the label; `ties` among covered rows."""

    given: Counts
    certainty: Counts
    ties: int

    @staticmethod
    def of(labels: Labels) -> LabelSums:
        """The sums over these rows."""
        k, hard, top = len(labels.space), labels.hard, labels.probs.max(axis=1, initial=0)
        edges = certainty_edges(k)
        counts = [np.histogram(top[hard == y], edges)[0] for y in range(k)]
        given = np.bincount(np.where(hard == ABSTAIN, k, hard), minlength=k + 1)
        ties = int((labels.covered & labels.tied).sum())
        return LabelSums(given.astype(np.int64), np.stack(counts).astype(np.int64), ties)

    def __add__(self, other: LabelSums) -> LabelSums:
        return LabelSums(self.given + other.given, self.certainty + other.certainty, self.ties + other.ties)


def certainty_edges(k: int) -> NDArray[np.float64]:
    """Where the bins of `LabelSums.certainty` begin and end, float64[bins + 1]."""
    return np.linspace(1 / k, 1, _BINS + 1)


@dataclass(frozen=True, eq=False)
class Settled:
    """The rows that gold settles, in row order: their votes, and their labels as given, by majority, and before
    content was asked."""

    votes: Votes
    labels: Labels
    majority: Labels
    alone: Labels | None = None

    @staticmethod
    def among(gold: Gold, votes: Votes, labels: Labels, majority: Labels, alone: Labels | None = None) -> Settled:
        """Those of these rows."""
        at = np.flatnonzero(gold.aligned(votes.ids) != ABSTAIN)
        return Settled(
            rows_of(votes, at), labels_of(labels, at), labels_of(majority, at), alone and labels_of(alone, at)
        )


def rows_of(votes: Votes, at: NDArray[np.intp]) -> Votes:
    """What sources voted on the rows at these places; without failures and what sources said beside."""
    ids = votes.ids.take(pa.array(at, pa.int64()))
    return Votes(votes.space, ids, votes.sources, votes.families, votes.matrix[at], votes.status[at])


def labels_of(labels: Labels, at: NDArray[np.intp]) -> Labels:
    """The labels of the rows at these places."""
    ids = labels.ids.take(pa.array(at, pa.int64()))
    return Labels(labels.space, ids, labels.probs[at], labels.covered[at], labels.model)


@dataclass
class _Group:
    rows: int = 0
    examples: list[str] = field(default_factory=list)
    traceback: str = ""


@dataclass
class FailureGroups:
    """Failures with one cause together, as they come in row order."""

    groups: dict[str, dict[tuple[str, str], _Group]] = field(default_factory=dict)

    def add(self, failures: Iterable[Failure]) -> None:
        """Counts these; a few rows of each group are remembered."""
        for failure in failures:
            known = self.groups.setdefault(failure.source, {})
            cause = failure.reason, failure.message
            if cause not in known and len(known) >= _MOST_GROUPS:
                cause = failure.reason, _OTHERS
            group = known.setdefault(cause, _Group(traceback=failure.traceback))
            group.rows += 1
            if len(group.examples) < _EXAMPLES:
                group.examples.append(failure.row_id)

    @property
    def total(self) -> int:
        return sum(group.rows for known in self.groups.values() for group in known.values())

    def entries(self, sources: Sequence[str]) -> list[dict[str, Any]]:
        """The groups, the largest first; those of one size by source and row."""
        entries = [
            {
                "source": source,
                "reason": reason,
                "message": message,
                "rows": group.rows,
                "examples": group.examples,
                "traceback": group.traceback,
            }
            for source in sources
            for (reason, message), group in self.groups.get(source, {}).items()
        ]
        return sorted(entries, key=lambda entry: -int(str(entry["rows"])))
