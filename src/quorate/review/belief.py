"""belief: what the label model makes of the votes and of people's answers so far, and how far that may be trusted."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from quorate.decisions import Decision
from quorate.estimating.estimates import Estimated
from quorate.estimating.survey import accuracy_now
from quorate.fuse import fit, predict
from quorate.patterns import fold
from quorate.project import Data, Project
from quorate.protocols import FittedLabelModel
from quorate.ranking.alike import Reading, reading_s
from quorate.ranking.drawing import strata
from quorate.ranking.gain import count_answers
from quorate.review.gist import Gist
from quorate.review.ledger import Ledger
from quorate.review.line import Line, Usher
from quorate.review.similar import groups
from quorate.standing import said
from quorate.trust.doubt import believed_accuracy
from quorate.values import ABSTAIN, Gold, Labels, Votes

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

    `labels` are those of the votes and the content, with what people answered on other rows; `hard` int16[n] (-1: none
    or a tie); `accuracy` float64[m] by source; the line of rows; `changed` is how many labels of rows that nobody was
    asked about are not what they were without answers.
    """

    labels: Labels
    hard: NDArray[np.int16]
    accuracy: Floats
    line: Line
    measured: Measured
    changed: int
    number: int


class Thinker:
    """Fits the label model anew on what people answered, in a thread of its own; `belief` is the newest.

    The labels are those that a run would give, `rows` in the order of the votes.
    """

    def __init__(self, project: Project, votes: Votes, data: Data, ledger: Ledger) -> None:
        self._project, self._votes, self._ledger = project, votes, ledger
        self._patterns, self._where = fold(votes)
        gold, review = project.settings.gold, project.settings.review
        # What people answered comes from the ledger, where it can be taken back.
        taught = data.gold if gold and gold.use == "anchor" else None
        self._anchors = np.full(len(votes), ABSTAIN, np.int16) if taught is None else taught.aligned(votes.ids)
        self._learns, self._stratum = review.use == "anchor", strata(votes)
        self.groups = groups(data.rows, project.settings.data.text)
        self._usher = Usher(data.rows, votes, project.settings.queue, Reading(self.groups, reading_s(data.rows)))
        self._gist = Gist(data.content if project.settings.content else None)
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
            if self._usher.rereading.is_due:
                self._usher.reread(self.belief.labels)
                self._is_line_old = True
            if self._gist.is_due:
                self._reread()
                self._is_line_old = True
            self._news.wait(self._usher.ranking.wait_s() if self._is_line_old else None)
            self._news.clear()
            self.belief = self._believed(self.belief)

    def _reread(self) -> None:
        """Has the content read, told what people settled."""
        settled = self._settled() if self._learns else self._anchors
        labels, known = self._fitted(settled)[0], np.flatnonzero(settled != ABSTAIN)
        probs, covered = labels.probs.copy(), labels.covered.copy()
        probs[known], covered[known] = np.eye(len(self._votes.space))[settled[known]], True
        self._gist.reread(replace(labels, probs=probs, covered=covered), self._gold(settled))

    def _believed(self, before: Belief | None) -> Belief:
        number, settled = self._ledger.number, self._settled()
        by_votes, fitted = self._fitted(settled if self._learns else self._anchors)
        labels = self._gist.heard(by_votes)
        self._is_line_old = before is not None and not self._usher.ranking.is_due
        # By the votes alone: what content is sure of hides from the queue where votes err alike.
        line = before.line if before and self._is_line_old else self._usher.line(by_votes, self._gold(settled))
        hard, accuracy = labels.hard, believed_accuracy(self._patterns, fitted)
        unasked = self._gist.heard(self._unasked).hard
        changed = int(((settled == ABSTAIN) & (hard != unasked) & (hard != ABSTAIN)).sum())
        return Belief(labels, hard, accuracy, line, self._measured(labels, hard, settled), changed, number)

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

    def _measured(self, labels: Labels, hard: NDArray[np.int16], settled: NDArray[np.int16]) -> Measured:
        """How many labels are right, as far as rows drawn at random tell."""
        known = settled != ABSTAIN
        labelled = (hard != ABSTAIN) | known
        sure = np.where(known, 1.0, labels.probs.max(axis=1, initial=0.0))[labelled]
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


def measured(estimate: Estimated | None, believed: float) -> Measured:
    """The estimate as people are told it: without one, the share is not known and may be anything."""
    if estimate is None:
        return Measured(None, 0.0, 1.0, 0, believed)
    return Measured(estimate.value, estimate.low, estimate.high, estimate.rows, believed)
