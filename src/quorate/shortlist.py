"""shortlist: the queue of a table of any size, ranked among the few of its rows that a sieve kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quorate.patterns import VotePatterns
from quorate.protocols import ReadingSignal
from quorate.rank import Field, chance_wrong, gain_in_turn, named, rank, reasons, worth_asking
from quorate.ranking.alike import Reading
from quorate.ranking.drawing import Stratum, drawn, lottery
from quorate.ranking.gain import answered
from quorate.ranking.sieve import Kinds, Sieve, quotas
from quorate.reporting.sums import labels_of
from quorate.rows import Rows
from quorate.settings import QueueSettings
from quorate.values import ABSTAIN, Gold, Labels, Queue, Status, Votes

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """What is known of the queue before any row is seen: `wrong` float64[c] and `ahead` intp[c] by kind, the open rows
    of its pattern that stand before it; or `score` float64[c] where signals rank."""

    kinds: Kinds
    families: tuple[str, ...]
    wrong: Floats
    ahead: Ints
    score: Floats | None

    @staticmethod
    def of(kinds: Kinds, families: tuple[str, ...], signals: Sequence[str] | None) -> Outlook:
        reviews = kinds.patterns.gold.astype(np.float64)
        wrong = chance_wrong(kinds.probs, answered(kinds.probs, reviews[kinds.pattern]))
        order = np.lexsort((np.arange(len(kinds)), -np.round(wrong, 9), kinds.pattern))
        before = np.cumsum(kinds.rows[order]) - kinds.rows[order]
        begin = np.searchsorted(kinds.pattern[order], kinds.pattern[order])
        ahead = np.empty(len(kinds), np.intp)
        ahead[order] = before - before[begin] if len(kinds) else 0
        return Outlook(kinds, families, wrong, ahead, None if signals is None else _scores(kinds, families, signals))

    def sieve(self, settings: QueueSettings) -> Sieve:
        """What keeps the candidates of all rows that are offered to it."""
        quota = quotas(self.kinds, self._worth(), max(settings.candidates, 10 * settings.size))
        return Sieve(self.kinds, quota, settings.size)

    def keys(self, position: Ints, tickets: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """By what rows of a kind stand in order."""
        return tickets if self.score is None else position.astype(np.uint64)

    def field(self, kind: Ints) -> Field:
        """Around rows of these kinds, some of which are not among them."""
        kinds = self.kinds
        here = np.bincount(kind, minlength=len(kinds))
        # Of the rows ahead, those among these rows are counted where these are ranked.
        order = np.lexsort((self.ahead, kinds.pattern))
        before = np.cumsum(here[order]) - here[order]
        begin = np.searchsorted(kinds.pattern[order], kinds.pattern[order])
        there = np.empty(len(kinds), np.intp)
        there[order] = before - before[begin] if len(kinds) else 0
        return Field(
            where=kinds.pattern[kind],
            ahead=(self.ahead - there)[kind],
            reviews=kinds.patterns.gold.astype(np.float64),
            belief=kinds.belief,
            rows=kinds.open,
            speaks=(kinds.patterns.matrix != ABSTAIN).any(axis=1),
        )

    def _worth(self) -> Callable[[Ints, Ints], Floats]:
        """What asking about a row of each of these kinds is worth after so many others of them."""
        field, score = self.field(np.zeros(0, np.intp)), self.score

        def worth(kind: Ints, turn: Ints) -> Floats:
            if score is not None:
                return np.asarray(score[kind])
            return gain_in_turn(field, self.kinds.pattern[kind], self.wrong[kind], self.ahead[kind] + turn)

        return worth


def _scores(kinds: Kinds, families: tuple[str, ...], signals: Sequence[str]) -> Floats:
    """The mean of the signals that need not read rows, by kind."""
    ids = pa.array(map(str, range(len(kinds))), pa.string())
    votes, labels = told_of(kinds, np.arange(len(kinds)), ids, families, "")
    plain = [signal for signal in named(signals).values() if not isinstance(signal, ReadingSignal)]
    told = reasons(votes, labels, plain).values() if plain and len(kinds) else []
    return np.asarray(np.stack([np.zeros(len(kinds)), *told]).sum(axis=0) / max(len(plain), 1))


def told_of(
    kinds: Kinds, kind: Ints, ids: pa.StringArray, families: tuple[str, ...], model: str
) -> tuple[Votes, Labels]:
    """The votes and labels of rows of these kinds."""
    patterns = kinds.patterns
    matrix = patterns.matrix[kinds.pattern[kind]]
    status = np.where(matrix == ABSTAIN, Status.ABSTAINED, Status.VOTED).astype(np.uint8)
    votes = Votes(patterns.space, ids, patterns.sources, families, matrix, status)
    return votes, Labels(patterns.space, ids, kinds.probs[kind], votes.covered, model)


def queue_among(
    outlook: Outlook, position: Ints, kind: Ints, *, rows: Rows, labels: Labels, settings: QueueSettings
) -> Queue:
    """The queue, from the candidates of a sieve: their places, kinds, cells, and labels as the votes made them."""
    kinds = outlook.kinds
    votes, _ = told_of(kinds, kind, rows.ids, outlook.families, labels.model)
    scores = reasons(votes, labels, settings.signals, rows)
    tickets, n = lottery(rows.ids), len(rows)
    if outlook.score is None:
        reading = Reading.of(rows)
        worth = worth_asking(outlook.field(kind), labels, np.ones(n, bool), tickets, reading)
        score, ties = worth / (1 + worth), tickets
    else:
        score = worth = np.stack([np.zeros(n), *scores.values()]).sum(axis=0) / max(len(scores), 1)
        ties = position.astype(np.uint64)
    order = np.lexsort((ties, -worth))
    total = min(settings.size, int(kinds.rows.sum()))
    random = 0 if total == kinds.rows.sum() else round(total * settings.random_share)
    targeted = order[: total - random]
    sampled, chance = _sampled(kinds, kind, targeted, tickets, random)
    chosen = np.concatenate([targeted, sampled]).astype(np.intp)
    return Queue(
        ids=rows.ids.take(pa.array(chosen, pa.int64())),
        position=chosen,
        score=score.astype(np.float32)[chosen],
        reasons={name: values[chosen] for name, values in scores.items()},
        inclusion=np.concatenate([np.ones(len(targeted)), chance]),
    )


def _sampled(kinds: Kinds, kind: Ints, targeted: Ints, tickets: NDArray[np.uint64], total: int) -> tuple[Ints, Floats]:
    """The rows drawn at random from all that are not targeted, and the probability with which each was."""
    left = kinds.rows - np.bincount(kind[targeted], minlength=len(kinds))
    stratum, doubt = kinds.stratum, 1 - kinds.probs.max(axis=1, initial=0)
    sizes = np.bincount(stratum, left, len(Stratum)).astype(np.int64)
    mean = np.bincount(stratum, left * doubt, len(Stratum)) / np.maximum(sizes, 1)
    rest = np.setdiff1d(np.arange(len(kind)), targeted)
    found, chance = drawn(stratum[kind[rest]], tickets[rest], sizes, mean, total)
    return rest[found], chance


def queue_of(
    votes: Votes,
    labels: Labels,
    patterns: VotePatterns,
    where: Ints,
    gold: Gold | None,
    *,
    rows: Rows,
    settings: QueueSettings,
) -> Queue:
    """The queue of a table in memory; of a large one, among the rows that a sieve keeps.

    Args:
        labels: as the votes made them.
        where: the pattern of each row, intp[n]; `patterns` hold the gold.
    """
    if len(votes) <= settings.candidates:
        size, share = settings.size, settings.random_share
        return rank(votes, labels, settings.signals, size=size, random_share=share, gold=gold, rows=rows)
    settled = np.zeros(len(votes), bool) if gold is None else gold.aligned(votes.ids) != ABSTAIN
    at = np.flatnonzero(~settled)
    kinds, kind = Kinds.of(patterns, where[at], labels.probs[at], np.ones(len(at), np.int64))
    outlook = Outlook.of(kinds, votes.families, settings.signals)
    sieve, tickets = outlook.sieve(settings), lottery(votes.ids.take(pa.array(at)))
    sieve.offer(kind, at, tickets, outlook.keys(at, tickets))
    position, kind = sieve.candidates()
    found = queue_among(
        outlook, position, kind, rows=rows.take(position), labels=labels_of(labels, position), settings=settings
    )
    return replace(found, position=position[found.position])
