"""belief: what the label model makes of the votes and of people's answers so far, and how far that may be trusted."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from quorate.decisions import Decision
from quorate.estimating.estimates import Estimated
from quorate.estimating.survey import accuracy_now
from quorate.fuse import fit
from quorate.patterns import VotePatterns, fold
from quorate.project import Project
from quorate.protocols import FittedLabelModel, LabelModel
from quorate.ranking.alike import Reading, reading_s
from quorate.ranking.drawing import strata
from quorate.ranking.gain import answered
from quorate.review.ledger import Ledger
from quorate.review.line import Line, Usher
from quorate.review.similar import groups
from quorate.rows import Rows
from quorate.standing import said
from quorate.trust.doubt import believed_accuracy
from quorate.values import ABSTAIN, TIE_TOLERANCE, Gold, Labels, Votes

Floats = NDArray[np.float64]


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

    def __init__(self, project: Project, votes: Votes, rows: Rows, anchors: Gold | None, ledger: Ledger) -> None:
        self._project, self._votes, self._ledger = project, votes, ledger
        self._patterns, self.where = fold(votes)
        self._anchors = np.full(len(votes), ABSTAIN, np.int16) if anchors is None else anchors.aligned(votes.ids)
        self.covered, self._stratum = votes.covered, strata(votes)
        self.groups = groups(rows, project.settings.data.text)
        self._usher = Usher(rows, votes, project.settings.queue, Reading(self.groups, reading_s(rows)))
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
        while not self._stopped:
            if self._usher.rereading.is_due:
                self._usher.reread(self._labels(self.belief.probs))
                self._is_line_old = True
            self._news.wait(self._usher.ranking.wait_s() if self._is_line_old else None)
            self._news.clear()
            self.belief = self._believed(self.belief)

    def _believed(self, before: Belief | None) -> Belief:
        number = self._ledger.number
        settled = self._ledger.settled.copy()
        settled[settled == ABSTAIN] = self._anchors[settled == ABSTAIN]
        taught = settled if self._project.settings.review.use == "anchor" else self._anchors
        fitted = self._fitted(taught)
        probs = answered(fitted.probabilities(self._patterns.matrix), self._counted(taught).astype(np.float64))
        hard = hard_labels(probs)
        self._is_line_old = before is not None and not self._usher.ranking.is_due
        line = before.line if before and self._is_line_old else self._lined_up(probs, settled)
        accuracy = believed_accuracy(self._patterns, fitted)
        is_open = self.covered & (settled == ABSTAIN)
        changed = int((is_open & (hard != self._unasked)[self.where]).sum())
        return Belief(probs, hard, accuracy, line, self._measured(probs, hard, settled), changed, number)

    def _counted(self, settled: NDArray[np.int16]) -> NDArray[np.int64]:
        """How many rows of each pattern are settled as each label, int64[p, k]."""
        known = np.flatnonzero(settled != ABSTAIN)
        gold = np.zeros((len(self._patterns), len(self._votes.space)), np.int64)
        np.add.at(gold, (self.where[known], settled[known]), 1)
        return gold

    def _fitted(self, settled: NDArray[np.int16]) -> FittedLabelModel:
        return refit(replace(self._patterns, gold=self._counted(settled)), self._project.label_model)

    def _measured(self, probs: Floats, hard: NDArray[np.int16], settled: NDArray[np.int16]) -> Measured:
        """How many labels are right, as far as rows drawn at random tell."""
        known = settled != ABSTAIN
        labelled = (self.covered & (hard != ABSTAIN)[self.where]) | known
        sure = np.where(known, 1.0, probs.max(axis=1, initial=0.0)[self.where])[labelled]
        drawn = [(at, d.fused == said(d)) for at, d in self._drawn() if d.fused is not None]
        places = [at for at, _ in drawn]
        estimate = accuracy_now(
            np.array([right for _, right in drawn], np.bool_),
            self._stratum[places],
            self._stratum[labelled & ~known],
            int(known.sum()),
        )
        return measured(estimate, float(sure.mean()) if len(sure) else 0.0)

    def _drawn(self) -> list[tuple[int, Decision]]:
        """The rows that the design drew at random and that somebody settled, with what was decided."""
        made = ((at, stands.settled) for at, stands in self._ledger.answers())
        return [(at, d) for at, d in made if d and d.inclusion is not None and d.inclusion < 1]

    def _lined_up(self, probs: Floats, settled: NDArray[np.int16]) -> Line:
        known = np.flatnonzero(settled != ABSTAIN)
        gold = Gold(tuple(self._ledger.ids[at] for at in known.tolist()), settled[known])
        return self._usher.line(self._labels(probs), gold)

    def _labels(self, probs: Floats) -> Labels:
        return Labels(self._votes.space, self._votes.ids, probs[self.where], self.covered, "review")


def hard_labels(probs: Floats) -> NDArray[np.int16]:
    """The label int of each pattern, int16[p], -1 where the best labels tie."""
    top = probs.max(axis=1, keepdims=True, initial=0.0)
    tied = (probs >= top - TIE_TOLERANCE).sum(axis=1) > 1
    return np.where(tied, ABSTAIN, probs.argmax(axis=1)).astype(np.int16)


def measured(estimate: Estimated | None, believed: float) -> Measured:
    """The estimate as people are told it: without one, the share is not known and may be anything."""
    if estimate is None:
        return Measured(None, 0.0, 1.0, 0, believed)
    return Measured(estimate.value, estimate.low, estimate.high, estimate.rows, believed)
