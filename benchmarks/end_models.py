"""Sets of texts with votes and gold, on which end models are trained and judged as `quorate train` does it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.measurement import PROJECTS
from benchmarks.vote_sets import VoteSet, bundled_sets, whole_sets
from quorate import Votes, fuse, open_project
from quorate.training.inputs import Inputs, Texts
from quorate.training.judging import Judges, Trained, better_elsewhere, folds, left_out
from quorate.training.learner import Learner, Lesson
from quorate.training.lessons import Lessons
from quorate.training.worth import Worth, accuracy, learning_curve, measured, worth
from quorate.training_sets.duplicates import near_duplicates

LEARNER = Learner()
_SEED = 77
_FEWEST = 200
_AROUND = (0.33, 0.5, 0.7, 0.85, 1.0, 1.2, 1.45, 2.0, 3.0)


@dataclass(frozen=True, eq=False)
class Bench:
    """One set: texts, votes int16[n, m] and gold int[n] of some of its rows."""

    case: str
    texts: list[str]
    matrix: NDArray[np.int16]
    gold: NDArray[np.int64]
    k: int

    @cached_property
    def inputs(self) -> Inputs:
        return Texts.of(self.texts)

    @cached_property
    def judges(self) -> Judges:
        clusters = near_duplicates(self.texts)
        fold = folds([str(i) for i in range(len(self.texts))], clusters)
        known = (self.gold >= 0).astype(np.float64)
        return Judges(self.gold.astype(np.int16), known, clusters, fold, self.k)

    @cached_property
    def lessons(self) -> Lessons:
        votes = Votes.of(self.matrix, [f"label_{y}" for y in range(self.k)])
        none = np.full(len(self.texts), -1, np.int16)
        everywhere = np.ones(len(self.texts), bool)
        return Lessons(votes, fuse(votes), lambda gold: fuse(votes, gold=gold), self.judges.truth, none, everywhere)

    def given(self) -> dict[str, NDArray[np.int64]]:
        """What each model says of the rows that it did not learn from, and what the labels say."""
        trained = {name: self._trained(name) for name in ("hard", "soft", "majority")}
        trained["ours"] = better_elsewhere(self.judges, trained["hard"], trained["soft"])[0]
        trained["same_rows_gold"] = self._trained("gold", self.lessons.labels.covered)
        said = {name: found.probs.argmax(axis=1) for name, found in trained.items()}
        return {"ours": said.pop("ours"), **said, "labels_themselves": self.lessons.labels.probs.argmax(axis=1)}

    def _trained(self, name: str, rows: NDArray[np.bool_] | None = None) -> Trained:
        def lesson(seen: NDArray[np.bool_]) -> Lesson:
            taught: Lesson = getattr(self.lessons, name)(seen)
            return taught if rows is None else taught.only(rows)

        found = left_out(LEARNER, self.inputs, self.judges.fold, lesson)
        assert found is not None, f"{self.case} has rows with votes"
        return found

    def estimate(self, given: NDArray[np.int64]) -> Worth | None:
        """The worth as it looks to those who have half of the gold rows to teach with."""
        half = np.random.default_rng(_SEED).random(len(self.texts)) < 0.5
        right = (given == self.judges.truth)[None, self.judges.at]
        curve = learning_curve(LEARNER, self.inputs, self.judges, accuracy(right, self.judges), half)
        return worth(curve, self.judges, given) if curve else None

    def gap(self, given: NDArray[np.int64], size: int) -> float:
        """By how much models on so many gold rows, drawn anew, are more often right."""
        target = accuracy((given == self.judges.truth)[None, self.judges.at], self.judges)
        return accuracy(measured(LEARNER, self.inputs, self.judges, size, seed=_SEED), self.judges) - target

    def met(self, given: NDArray[np.int64], about: int) -> float | None:
        """Where models on that many gold rows or so are as often right, measured anew; None where they never are."""
        target = accuracy((given == self.judges.truth)[None, self.judges.at], self.judges)
        most = min(int((self.judges.fold != f).sum()) for f in np.unique(self.judges.fold))
        sizes = [size for size in dict.fromkeys(round(about * factor) for factor in _AROUND) if 5 <= size <= most]
        reached = [
            accuracy(measured(LEARNER, self.inputs, self.judges, size, seed=_SEED), self.judges) for size in sizes
        ]
        rising = np.maximum.accumulate(reached) if reached else np.zeros(0)
        if not len(rising) or not rising[0] <= target <= rising[-1]:
            return None
        return float(np.exp(np.interp(target, rising, np.log(sizes))))


def bundled_benches(rows: int) -> Iterator[Bench]:
    """The bundled projects that ask no model."""
    for votes in bundled_sets():
        project = open_project(PROJECTS / votes.name)
        texts = project.read().rows.values(project.settings.data.text or "text")
        yield _bench(votes, texts, rows)


def open_benches(data: Path, rows: int) -> Iterator[Bench]:
    """The open sets with texts, gold and a few hundred rows."""
    for votes in whole_sets(data):
        if votes.group != "crowd" and isinstance(votes.content, list) and len(votes.gold) >= _FEWEST:
            yield _bench(votes, votes.content, rows)


def _bench(votes: VoteSet, texts: list[str | None], rows: int) -> Bench:
    at = np.sort(np.random.default_rng(_SEED).permutation(len(texts))[:rows])
    kept = [texts[i] or "" for i in at.tolist()]
    return Bench(f"{votes.group}/{votes.name}", kept, votes.matrix[at], votes.gold[at], votes.k)
