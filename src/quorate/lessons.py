"""lessons: what the rows of a project teach a model: by its labels, by majority vote, by the gold rows, by both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.fuse import fit, predict
from quorate.patterns import fold
from quorate.project import Data, Project
from quorate.training.judging import Mask
from quorate.training.learner import Lesson
from quorate.values import ABSTAIN, Gold, Labels
from quorate.voting import Fused, fused_anew

Taught = Callable[[Mask], Lesson]
FEWEST_GOLD = 20


@dataclass(frozen=True, eq=False)
class Settled:
    """What people said: `truth` int16[n], -1 where nobody did; `weight` float64[n], how many rows each judged row
    stands for, 0 where it was picked for being doubtful; `caveat` says what scores on them cannot say."""

    truth: NDArray[np.int16]
    weight: NDArray[np.float64]
    caveat: str = ""


def settled(data: Data) -> Settled:
    """What people said of the rows, an answer of a review before the gold column."""
    truth = np.full(len(data.rows), ABSTAIN, np.int16)
    for gold in (data.gold, data.reviewed):
        if gold is not None:
            known = gold.aligned(data.rows.ids)
            truth = np.where(known != ABSTAIN, known, truth)
    if data.gold is not None:
        return Settled(truth, (data.gold.aligned(data.rows.ids) != ABSTAIN).astype(np.float64))
    if data.reviewed is None:
        return Settled(truth, np.zeros(len(truth)))
    chance = dict(zip(data.reviewed.ids, data.reviewed.inclusion, strict=False))
    of_row = np.array([chance.get(row_id, 1.0) for row_id in data.rows.ids.to_pylist()])
    if (of_row < 1).sum() >= FEWEST_GOLD:
        return Settled(truth, np.where(of_row < 1, 1 / of_row, 0.0))
    return Settled(
        truth,
        (truth != ABSTAIN).astype(np.float64),
        "the reviewed rows were picked for being doubtful, so scores are of such rows; review more of the rows that "
        "the queue draws at random, or set [gold]",
    )


@dataclass(frozen=True, eq=False)
class Lessons:
    """What may be learned where only some rows may be seen, bool[n]: no label knows of gold that is not."""

    project: Project
    made: Fused
    truth: NDArray[np.int16]
    speaks: Mask
    min_probability: float = 0.0
    _known: dict[bytes, Labels] = field(default_factory=dict)

    def labels(self, seen: Mask) -> Labels:
        """The labels of the project, with nothing of gold outside."""
        if self.made.data.anchors is None:
            return self.made.labels
        return self._anchored(self.made.data.anchors, seen)

    def soft(self, seen: Mask) -> Lesson:
        return self._of(self.labels(seen), seen)

    def majority(self, seen: Mask) -> Lesson:
        votes = self.made.votes
        patterns, where = fold(votes)
        labels = predict(fit(patterns, "majority"), votes, patterns, where, gold=None, name="majority")
        return self._hard(labels.hard, seen)

    def gold(self, seen: Mask) -> Lesson:
        return self._hard(self.truth, seen)

    def together(self, seen: Mask) -> Lesson:
        """The labels after the seen gold anchored the label model."""
        at = np.flatnonzero(self.truth != ABSTAIN)
        ids = self.made.data.rows.ids.take(at).to_pylist()
        return self._of(self._anchored(Gold(tuple(ids), self.truth[at]), seen), seen)

    def _anchored(self, gold: Gold, seen: Mask) -> Labels:
        key = seen.tobytes()
        if key not in self._known:
            known = gold.aligned(self.made.data.rows.ids)
            at = np.flatnonzero((known != ABSTAIN) & seen)
            anchors = Gold(tuple(self.made.data.rows.ids.take(at).to_pylist()), known[at])
            self._known[key] = fused_anew(self.project, self.made, anchors).labels
        return self._known[key]

    def _of(self, labels: Labels, seen: Mask) -> Lesson:
        sure = labels.probs.max(axis=1, initial=0.0) >= self.min_probability
        return Lesson.of(labels.probs, labels.covered & sure & self.speaks & seen)

    def _hard(self, labels: NDArray[Any], seen: Mask) -> Lesson:
        one_hot = np.eye(len(self.project.space))[np.maximum(labels, 0)]
        return Lesson.of(one_hot, (labels != ABSTAIN) & self.speaks & seen)
