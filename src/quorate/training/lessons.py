"""Lessons: what rows teach a model, by their labels, by majority vote, by gold alone, by labels that gold anchors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.fuse import fit, predict
from quorate.patterns import fold
from quorate.training.judging import Mask
from quorate.training.learner import Lesson
from quorate.values import ABSTAIN, Gold, Labels, Votes


@dataclass(frozen=True, eq=False)
class Lessons:
    """What may be learned where only some rows may be seen, bool[n]: no label knows of gold that is not.

    Args:
        labels: as they are with all the gold that anchors them.
        anew: the labels that this gold alone would anchor.
        truth: what people said, int16[n], -1 where nobody did; `anchors` is the part of it that anchors the labels.
        speaks: bool[n], whether there is anything to read in a row.
    """

    votes: Votes
    labels: Labels
    anew: Callable[[Gold], Labels]
    truth: NDArray[np.int16]
    anchors: NDArray[np.int16]
    speaks: Mask
    min_probability: float = 0.0
    _known: dict[bytes, Labels] = field(default_factory=dict)

    def labels_seeing(self, seen: Mask) -> Labels:
        """The labels, with nothing of gold outside."""
        return self._anchored(self.anchors, seen) if (self.anchors != ABSTAIN).any() else self.labels

    def soft(self, seen: Mask) -> Lesson:
        """Every label that a row may have, as probable as it is."""
        return self._soft(self.labels_seeing(seen), seen)

    def hard(self, seen: Mask) -> Lesson:
        """The most probable label, counting as much as it is probable: what an export holds."""
        labels = self.labels_seeing(seen)
        top = labels.probs.max(axis=1, initial=0.0)
        lesson = self._one_hot(np.where(top >= self.min_probability, labels.hard, ABSTAIN), seen)
        return replace(lesson, weight=top[lesson.at])

    def majority(self, seen: Mask) -> Lesson:
        """The label with most votes; rows whose best labels tie teach nothing."""
        return self._one_hot(self._by_majority.hard, seen)

    def gold(self, seen: Mask) -> Lesson:
        """What people said, and nothing else."""
        return self._one_hot(self.truth, seen)

    def together(self, seen: Mask) -> Lesson:
        """The labels as all the seen gold would anchor them."""
        return self._soft(self._anchored(self.truth, seen), seen)

    @cached_property
    def _by_majority(self) -> Labels:
        patterns, where = fold(self.votes)
        return predict(fit(patterns, "majority"), self.votes, patterns, where, gold=None, name="majority")

    def _anchored(self, known: NDArray[np.int16], seen: Mask) -> Labels:
        key = known.tobytes() + seen.tobytes()
        if key not in self._known:
            at = np.flatnonzero((known != ABSTAIN) & seen)
            self._known[key] = self.anew(Gold(tuple(self.labels.ids.take(at).to_pylist()), known[at]))
        return self._known[key]

    def _soft(self, labels: Labels, seen: Mask) -> Lesson:
        sure = labels.probs.max(axis=1, initial=0.0) >= self.min_probability
        return Lesson.of(labels.probs, labels.covered & sure & self.speaks & seen)

    def _one_hot(self, labels: NDArray[Any], seen: Mask) -> Lesson:
        certain = np.eye(len(self.labels.space))[np.maximum(labels, 0)]
        return Lesson.of(certain, (labels != ABSTAIN) & self.speaks & seen)
