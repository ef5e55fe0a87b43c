"""A reviewer who answers row after row, and what the labels are worth meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.vote_sets import VoteSet
from quorate import Gold, Labels, Votes, fuse, rank
from quorate.content import with_content
from quorate.features import Features
from quorate.patterns import fold
from quorate.ranking.gain import count_answers

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
FOUND_AT = (0.01, 0.05, 0.10, 0.20)
ANSWERS = (25, 50, 100, 200)
# After how many answers the label model is fitted anew and the rows that are left are ranked anew.
REFITS = (10, 20, 25, 30, 40, *range(50, 201, 25))
_BATCHES_OF_A_QUEUE = 40


@dataclass(frozen=True, eq=False)
class Table:
    """The covered rows of a vote set whose truth is known, as one reviewer would answer them.

    `truth` and `said` int16[n]; `given` are the labels before anybody was asked; `content` is None where rows say
    nothing.
    """

    votes: Votes
    truth: NDArray[np.int16]
    said: NDArray[np.int16]
    given: Labels
    content: Features | None = None

    @staticmethod
    def of(found: VoteSet, wrong_share: float, seed: int) -> Table:
        """The reviewer is wrong on that share of rows, at random; row ids differ between seeds, so ties do."""
        generator = np.random.default_rng(seed)
        kept = np.flatnonzero((found.gold >= 0) & found.covered)
        truth = found.gold[kept].astype(np.int16)
        other = (truth + 1 + generator.integers(0, found.k - 1, len(kept))) % found.k
        said = np.where(generator.random(len(kept)) < wrong_share, other, truth).astype(np.int16)
        ids = [f"{seed}-{i}" for i in range(len(kept))]
        votes = Votes.of(found.matrix[kept], [f"label_{y}" for y in range(found.k)], ids=ids)
        content = None if found.content is None else Features.of([found.content[at] for at in kept])
        return Table(votes, truth, said, fuse(votes), content)

    def gold(self, asked: Places) -> Gold:
        """The answers on these rows."""
        ids = self.votes.ids.to_pylist()
        return Gold(tuple(ids[at] for at in asked.tolist()), self.said[asked])

    def accuracy(self, labels: Labels, asked: Places) -> float:
        """Percent of all rows that are right; asked rows have the reviewer's answer, ties share a row."""
        right = right_share(labels.probs, self.truth)
        right[asked] = self.said[asked] == self.truth[asked]
        return 100 * float(right.mean())


Order = Callable[[Table, Labels, Places], Places]
"""The rows still to be asked, in order, given the labels as they are now and who was asked."""


def right_share(probs: Floats, truth: NDArray[np.int16]) -> Floats:
    """1 where the most probable label is true, less where others tie with it, float64[n]."""
    top = probs >= probs.max(axis=1, keepdims=True) - 1e-9
    return np.asarray(top[np.arange(len(truth)), truth] / top.sum(axis=1))


def settled(table: Table, labels: Labels, asked: Places) -> Labels:
    """The labels with the answers counted in on rows with the same votes, as a run has them."""
    gold = table.gold(asked)
    return count_answers(labels, *fold(table.votes, gold), gold)


def by_gain(table: Table, labels: Labels, asked: Places) -> Places:
    """The default queue, without a random share."""
    return rank(table.votes, labels, size=None, gold=table.gold(asked)).position


def by_entropy(table: Table, labels: Labels, asked: Places) -> Places:
    """Entropy of the labels as they are now."""
    probs = np.maximum(labels.probs, 1e-12)
    return by_score(-(probs * np.log(probs)).sum(axis=1))(table, labels, asked)


def by_score(score: Floats) -> Order:
    """Highest first, the rows of equal score in random order."""

    def order(_table: Table, _labels: Labels, asked: Places) -> Places:
        still = np.setdiff1d(np.arange(len(score)), asked)
        still = np.random.default_rng(0).permutation(still)
        return still[np.argsort(-np.round(score[still], 9), kind="stable")]

    return order


def at_random(table: Table, labels: Labels, asked: Places) -> Places:
    """Rows in one random order."""
    return by_score(np.random.default_rng(1).permutation(len(labels)).astype(np.float64))(table, labels, asked)


def found_errors(table: Table, order: Order, *, rerank: bool) -> Floats:
    """The share of wrong labels that the first rows of the queue hold, in percent: at `FOUND_AT`, then the mean
    height of the curve up to the last of them. A wrong answer finds nothing.
    """
    n, end = len(table.truth), max(1, round(FOUND_AT[-1] * len(table.truth)))
    is_wrong = 1 - right_share(table.given.probs, table.truth)
    asked = np.zeros(0, np.intp)
    stops = np.unique(np.geomspace(1, end, _BATCHES_OF_A_QUEUE).round().astype(int)) if rerank else [end]
    for stop in stops:
        # The gain of asking counts the answers in by itself.
        again = rerank and order is not by_gain
        labels = settled(table, table.given, asked) if again else table.given
        asked = np.concatenate([asked, order(table, labels, asked)[: stop - len(asked)]])
    found = (is_wrong * (table.said == table.truth))[asked]
    curve = 100 * np.concatenate([[0.0], np.cumsum(found)]) / max(float(is_wrong.sum()), 1e-9)
    share = np.arange(len(curve)) / n
    at = [float(np.interp(stop, share, curve)) for stop in FOUND_AT]
    return np.array([*at, float(curve.mean())])


def accuracies(table: Table, order: Order, *, refit: bool = True) -> Floats:
    """The accuracy of all labels after each number of `ANSWERS`: counting answers in on rows with the same votes,
    without that, and with content; float64[3, a]. The order follows the first.

    Args:
        refit: the label model is fitted anew and content heard; else labels stay as given where nobody answered.
    """
    asked, labels, fused = np.zeros(0, np.intp), table.given, table.given
    reached = []
    for stop in REFITS:
        asked = np.concatenate([asked, order(table, labels, asked)[: stop - len(asked)]])
        if refit:
            fused = fuse(table.votes, gold=table.gold(asked))
            labels = settled(table, fused, asked)
        if stop in ANSWERS:
            hears = refit and table.content is not None
            read = with_content(labels, table.content, table.gold(asked)) if hears else labels
            reached.append([table.accuracy(one, asked) for one in (labels, fused, read)])
    return np.array(reached).T


def with_probs(table: Table, probs: Floats) -> Table:
    """The same rows with another label model's labels."""
    return replace(table, given=replace(table.given, probs=probs))
