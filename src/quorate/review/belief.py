"""belief: what the label model makes of the votes and of people's answers so far, and how far that may be trusted."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from quorate.decisions import Decision
from quorate.estimating.intervals import wilson
from quorate.fuse import fit
from quorate.patterns import VotePatterns, fold
from quorate.project import Project
from quorate.protocols import FittedLabelModel, LabelModel
from quorate.review.contest import Contest
from quorate.review.ledger import Ledger
from quorate.review.line import Line, line_up
from quorate.standing import said
from quorate.trust.doubt import believed_accuracy
from quorate.values import ABSTAIN, TIE_TOLERANCE, Gold, Labels, Votes

Floats = NDArray[np.float64]
_RANKING_SHARE = 0.05
"""At most this part of the time goes into ranking anew; fitting on patterns is quick."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The accuracy of the labels: `share` None until a row that was drawn at random is answered.

    `believed` is the mean probability of the labels, which is what the label model thinks of itself.
    """

    share: float | None
    low: float
    high: float
    sampled: int
    believed: float


@dataclass(frozen=True, slots=True, eq=False)
class Belief:
    """One state of mind.

    `probs` float64[p, k] and `hard` int16[p] (-1 on a tie) by pattern, `accuracy` float64[m] by source, the line of
    rows; `changed` is how many labels of rows that nobody was asked about are not what they were without answers.
    """

    probs: Floats
    hard: NDArray[np.int16]
    accuracy: Floats
    line: Line
    measured: Measured
    changed: int
    number: int


def refit(patterns: VotePatterns, model: LabelModel) -> FittedLabelModel:
    """The label model fitted on the patterns with the gold of people in them; called after every answer."""
    return fit(patterns, model)


class Thinker:
    """Fits the label model anew on what people answered, in a thread of its own; `belief` is the newest."""

    def __init__(
        self, project: Project, votes: Votes, anchors: Gold | None, ledger: Ledger, contest: Contest | None = None
    ) -> None:
        self._project, self._votes, self._ledger, self._contest = project, votes, ledger, contest
        self._patterns, self.where = fold(votes)
        self._anchors = np.full(len(votes), ABSTAIN, np.int16) if anchors is None else anchors.aligned(votes.ids)
        self.covered = votes.covered
        self._ranked_s, self._took_s, self._is_line_old = 0.0, 0.0, False
        self._unasked = hard_labels(self._fitted(self._anchors).probabilities(self._patterns.matrix))
        self.belief = self._believed(None)
        self._news, self._stopped = threading.Event(), False
        self._thread = threading.Thread(target=self._think, name="quorate-review", daemon=True)
        self._thread.start()

    def tell(self) -> None:
        """There are new answers."""
        self._news.set()

    def stop(self) -> None:
        self._stopped = True
        self._news.set()
        self._thread.join()

    def _think(self) -> None:
        while True:
            self._news.wait(self._until_ranking_s() if self._is_line_old else None)
            self._news.clear()
            if self._stopped:
                return
            self.belief = self._believed(self.belief)

    def _believed(self, before: Belief | None) -> Belief:
        number = self._ledger.number
        settled = self._ledger.settled.copy()
        settled[settled == ABSTAIN] = self._anchors[settled == ABSTAIN]
        fitted = self._fitted(settled if self._project.settings.review.use == "anchor" else self._anchors)
        probs = fitted.probabilities(self._patterns.matrix)
        hard = hard_labels(probs)
        self._is_line_old = before is not None and self._until_ranking_s() > 0
        line = before.line if before and self._is_line_old else self._lined_up(probs, settled)
        accuracy = believed_accuracy(self._patterns, fitted)
        is_open = self.covered & (settled == ABSTAIN)
        changed = int((is_open & (hard != self._unasked)[self.where]).sum())
        return Belief(probs, hard, accuracy, line, self._measured(probs, hard, settled), changed, number)

    def _until_ranking_s(self) -> float:
        return max(self._ranked_s + self._took_s / _RANKING_SHARE - time.monotonic(), 0.0)

    def _fitted(self, settled: NDArray[np.int16]) -> FittedLabelModel:
        known = np.flatnonzero(settled != ABSTAIN)
        gold = np.zeros((len(self._patterns), len(self._votes.space)), np.int64)
        np.add.at(gold, (self.where[known], settled[known]), 1)
        return refit(replace(self._patterns, gold=gold), self._project.label_model)

    def _measured(self, probs: Floats, hard: NDArray[np.int16], settled: NDArray[np.int16]) -> Measured:
        """How many labels are right, as far as rows drawn at random tell."""
        known = settled != ABSTAIN
        labelled = (self.covered & (hard != ABSTAIN)[self.where]) | known
        sure = np.where(known, 1.0, probs.max(axis=1, initial=0.0)[self.where])[labelled]
        drawn = [(d.fused, said(d)) for _, s in self._ledger.answers() if (d := s.settled) and _is_sampled(d)]
        return measured(drawn, int(known.sum()), int(labelled.sum()), float(sure.mean()) if len(sure) else 0.0)

    def _lined_up(self, probs: Floats, settled: NDArray[np.int16]) -> Line:
        if self._contest is not None:
            return self._contest.line(settled)
        started = time.monotonic()
        votes, known = self._votes, np.flatnonzero(settled != ABSTAIN)
        labels = Labels(votes.space, votes.ids, probs[self.where], self.covered, "review")
        gold = Gold(tuple(self._ledger.ids[at] for at in known.tolist()), settled[known])
        line = line_up(votes, labels, self._project.settings.queue, gold)
        self._ranked_s = time.monotonic()
        self._took_s = self._ranked_s - started
        return line


def hard_labels(probs: Floats) -> NDArray[np.int16]:
    """The label int of each pattern, int16[p], -1 where the best labels tie."""
    top = probs.max(axis=1, keepdims=True, initial=0.0)
    tied = (probs >= top - TIE_TOLERANCE).sum(axis=1) > 1
    return np.where(tied, ABSTAIN, probs.argmax(axis=1)).astype(np.int16)


def measured(drawn: Iterable[tuple[str | None, str | None]], settled: int, labelled: int, believed: float) -> Measured:
    """The accuracy over `labelled` rows of which `settled` are right, for people settled them.

    `drawn` holds, for each answered row of the random share, the label it had and the one people gave. The share of
    right ones among them stands for all rows that are not settled, with its Wilson interval.
    """
    pairs = [(label, truth) for label, truth in drawn if label is not None]
    right = sum(label == truth for label, truth in pairs)
    if not pairs or not labelled:
        return Measured(None, 0.0, 1.0, 0, believed)
    rest = max(labelled - settled, 0)
    low, high = wilson(right, len(pairs))
    share, low, high = ((min(settled, labelled) + rest * part) / labelled for part in (right / len(pairs), low, high))
    return Measured(share, low, high, len(pairs), believed)


def _is_sampled(answer: Decision) -> bool:
    return answer.inclusion is not None and answer.inclusion < 1
