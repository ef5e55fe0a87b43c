"""belief: what the label model makes of the votes and of people's answers so far, and how far that may be trusted."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from quorate.decisions import Decision
from quorate.estimating.survey import accuracy_now
from quorate.fuse import fit, predict
from quorate.patterns import fold
from quorate.project import Data, Project
from quorate.protocols import FittedLabelModel
from quorate.ranking.alike import Reading, reading_s
from quorate.ranking.drawing import strata
from quorate.ranking.gain import count_answers
from quorate.review.contest import Contest
from quorate.review.gist import Gist
from quorate.review.ledger import Ledger
from quorate.review.line import Line, Usher
from quorate.review.ration import Ration
from quorate.review.similar import groups
from quorate.standing import said
from quorate.trust.doubt import believed_accuracy
from quorate.values import ABSTAIN, Gold, Labels, Votes

Floats = NDArray[np.float64]
_SHARE = 0.25
"""At most this part of the time goes into reading all rows; fitting on patterns is quick."""


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

    `by_votes` are the labels of the votes, with what people answered on other rows; `labels` the same after content;
    `hard` int16[n] of these (-1: none or a tie); `accuracy` float64[m] by source; the line of rows; `changed` is how
    many labels of rows that nobody was asked about are not what they were without answers.
    """

    by_votes: Labels
    labels: Labels
    hard: NDArray[np.int16]
    accuracy: Floats
    line: Line
    measured: Measured
    changed: int
    number: int


class Thinker:
    """Fits the label model anew on what people answered, in a thread of its own; `belief` is the newest.

    The labels are those that a run would give; rows stand in line for them, or for a contest of sources.
    """

    def __init__(
        self, project: Project, votes: Votes, data: Data, ledger: Ledger, contest: Contest | None = None
    ) -> None:
        self._project, self._votes, self._ledger, self._contest = project, votes, ledger, contest
        self._patterns, self._where = fold(votes)
        gold, review = project.settings.gold, project.settings.review
        # What people answered comes from the ledger, where it can be taken back.
        taught = data.gold if gold and gold.use == "anchor" else None
        self._anchors = np.full(len(votes), ABSTAIN, np.int16) if taught is None else taught.aligned(votes.ids)
        self._learns, self._stratum = review.use == "anchor", strata(votes)
        self.groups = groups(data.rows, project.settings.data.text)
        self._usher = Usher(data.rows, votes, project.settings.queue, Reading(self.groups, reading_s(data.rows)))
        self._gist = Gist(data.content if project.settings.content else None)
        self._reading, self._read_of, self._is_line_old = Ration(_SHARE), -1, False
        self._unasked = self._fitted(self._anchors)[0]
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
            if self._reading.is_due and self._read_of != self.belief.number:
                self._read()
            self._news.wait(self._pause_s())
            self._news.clear()
            self.belief = self._believed(self.belief)

    def _pause_s(self) -> float | None:
        """How long there is nothing to do without news; None for ever."""
        waits = [self._usher.ranking.wait_s()] if self._is_line_old else []
        waits += [self._reading.wait_s()] if self._read_of != self.belief.number else []
        return min(waits, default=None)

    def _read(self) -> None:
        """Has all rows read, told what people settled: it is in the labels and lines to come."""
        self._read_of, settled = self.belief.number, self._settled() if self._learns else self._anchors
        labels, known = self.belief.by_votes, np.flatnonzero(settled != ABSTAIN)
        with self._reading:
            self._usher.reread(labels)
            if self._gist.is_asked:
                probs, covered = labels.probs.copy(), labels.covered.copy()
                probs[known], covered[known] = np.eye(len(self._votes.space))[settled[known]], True
                self._gist.reread(replace(labels, probs=probs, covered=covered), self._gold(settled))
        self._is_line_old = True

    def _believed(self, before: Belief | None) -> Belief:
        number, settled = self._ledger.number, self._settled()
        by_votes, fitted = self._fitted(settled if self._learns else self._anchors)
        labels = self._gist.heard(by_votes)
        self._is_line_old = before is not None and not self._usher.ranking.is_due
        line = before.line if before and self._is_line_old else self._line(by_votes, settled)
        hard, accuracy = labels.hard, believed_accuracy(self._patterns, fitted)
        unasked = self._gist.heard(self._unasked).hard
        changed = int(((settled == ABSTAIN) & (hard != unasked) & (hard != ABSTAIN)).sum())
        found = measured(labels, settled, self._stratum, self._ledger)
        return Belief(by_votes, labels, hard, accuracy, line, found, changed, number)

    def _line(self, by_votes: Labels, settled: NDArray[np.int16]) -> Line:
        if self._contest is not None:
            return self._contest.line(settled)
        # By the votes alone: what content is sure of hides from the queue where votes err alike.
        return self._usher.line(by_votes, self._gold(settled))

    def _settled(self) -> NDArray[np.int16]:
        """What people settled, in this review or before, int16[n]."""
        settled = self._ledger.settled.copy()
        settled[settled == ABSTAIN] = self._anchors[settled == ABSTAIN]
        return settled

    def _gold(self, settled: NDArray[np.int16]) -> Gold:
        known = np.flatnonzero(settled != ABSTAIN)
        return Gold(tuple(self._ledger.ids[at] for at in known.tolist()), settled[known])

    def _fitted(self, settled: NDArray[np.int16]) -> tuple[Labels, FittedLabelModel]:
        """The labels of the votes, by a model that knows what was settled; no row is told its own answer."""
        known = np.flatnonzero(settled != ABSTAIN)
        gold = np.zeros((len(self._patterns), len(self._votes.space)), np.int64)
        np.add.at(gold, (self._where[known], settled[known]), 1)
        patterns = replace(self._patterns, gold=gold)
        fitted = fit(patterns, self._project.label_model)
        labels = predict(fitted, self._votes, patterns, self._where, gold=None, name="review")
        has_answers = bool((self._ledger.settled != ABSTAIN).any()) and self._learns
        return (count_answers(labels, patterns, self._where) if has_answers else labels), fitted


def measured(labels: Labels, settled: NDArray[np.int16], stratum: NDArray[np.int8], ledger: Ledger) -> Measured:
    """How many labels are right, as far as rows tell that the design drew at random and somebody answered."""
    known, hard = settled != ABSTAIN, labels.hard
    labelled = (hard != ABSTAIN) | known
    sure = np.where(known, 1.0, labels.probs.max(axis=1, initial=0.0))[labelled]
    believed = float(sure.mean()) if len(sure) else 0.0
    made = ((at, stands.settled) for at, stands in ledger.answers())
    drawn = [(at, d.fused == said(d)) for at, d in made if d and d.fused is not None and _is_drawn(d)]
    places = [at for at, _ in drawn]
    right = np.array([is_right for _, is_right in drawn], np.bool_)
    estimate = accuracy_now(right, stratum[places], stratum[labelled & ~known], int(known.sum()))
    if estimate is None:
        return Measured(None, 0.0, 1.0, 0, believed)
    return Measured(estimate.value, estimate.low, estimate.high, estimate.rows, believed)


def _is_drawn(answer: Decision) -> bool:
    return answer.inclusion is not None and answer.inclusion < 1
