"""rank: the rows a person should look at, those first whose answer is worth most, and why each is there."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quorate.patterns import fold
from quorate.protocols import ReadingSignal, Signal
from quorate.ranking.alike import Reading
from quorate.ranking.drawing import draw, lottery, strata
from quorate.ranking.gain import STRENGTH, answered, gain, pattern_belief
from quorate.registry import build, names
from quorate.rows import Rows
from quorate.values import ABSTAIN, TIE_TOLERANCE, Gold, Labels, Queue, Votes

Floats = NDArray[np.float64]
# A row that reads like one ahead of it, beside a row that does not.
_FOLDED = 1e-3
# Two gains that differ by less are the same: sums over rows depend on their order in the last digits.
_DECIMALS = 9


def rank(
    votes: Votes,
    labels: Labels,
    signals: Sequence[str | Signal] | None = None,
    *,
    size: int | None = 100,
    random_share: float = 0.1,
    gold: Gold | None = None,
    rows: Rows | None = None,
) -> Queue:
    """The review queue: the rows whose answer is worth most, and a random sample of the others behind them.

    Without `signals`, rows stand in order of the expected gain of asking (`quorate.ranking.gain`), which counts every
    answer in `gold` and every row ahead in the queue; their score is gain / (1 + gain). With `signals`, their score is
    the mean signal, and equal scores keep row order. Rows that people settled are left out. The sample is stratified
    by how far sources agree and drawn by a hash of the row id, so it hardly moves between runs; its inclusion
    probability is recorded, that of targeted rows is 1.

    Args:
        signals: names or objects to rank by, in place of the gain of asking.
        size: rows in the queue; None means all open rows.
        random_share: the part of `size` that is drawn at random, 0 to 1.
        gold: what people answered so far. `labels` may know of it or not.
        rows: what the rows hold, in the order of `votes`: rows that read alike are then folded, the gain is counted
            per second of reading, and signals that read rows have something to read.
    """
    scores = reasons(votes, labels, signals, rows)
    reading = None if rows is None else Reading.of(rows)
    return queued(ranked(votes, labels, scores, signals is None, gold=gold, reading=reading), size, random_share)


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """All open rows, best first.

    Shapes: `order` intp[o], places in the votes; of every row: `score` float32[n], `reasons` float32[n] by signal, and
    what a sample is drawn by: `stratum` int8[n], `tickets` uint64[n], `doubt` float64[n].
    """

    ids: pa.StringArray
    order: NDArray[np.intp]
    score: NDArray[np.float32]
    reasons: Mapping[str, NDArray[np.float32]]
    stratum: NDArray[np.int8]
    tickets: NDArray[np.uint64]
    doubt: Floats


def reasons(
    votes: Votes, labels: Labels, signals: Sequence[str | Signal] | None = None, rows: Rows | None = None
) -> dict[str, NDArray[np.float32]]:
    """What each signal says of each row, float32[n] by name; of all signals there are by default."""
    return {name: _scored(signal, votes, labels, rows) for name, signal in named(signals).items()}


def ranked(
    votes: Votes,
    labels: Labels,
    scores: Mapping[str, NDArray[np.float32]],
    by_gain: bool = True,
    *,
    gold: Gold | None = None,
    reading: Reading | None = None,
) -> Ranked:
    """The open rows in order of the gain of asking, or of the mean of the signals' scores."""
    settled = np.zeros(len(votes), bool) if gold is None else gold.aligned(votes.ids) != ABSTAIN
    tickets = lottery(votes.ids)
    if by_gain:
        worth = worth_asking(Field.of(votes, labels, gold, ~settled), labels, ~settled, tickets, reading)
        score, ties = worth / (1 + worth), tickets
    else:
        score = worth = np.stack([np.zeros(len(votes)), *scores.values()]).sum(axis=0) / max(len(scores), 1)
        ties = np.arange(len(votes), dtype=np.uint64)
    still_open = np.flatnonzero(~settled)
    order = still_open[np.lexsort((ties[still_open], -worth[still_open]))]
    doubt = 1 - labels.probs.max(axis=1, initial=0)
    return Ranked(votes.ids, order, score.astype(np.float32), scores, strata(votes), tickets, doubt)


def queued(rows: Ranked, size: int | None, random_share: float) -> Queue:
    """The queue of so many rows (None: all), that part of them drawn at random from those that are not targeted."""
    total = len(rows.order) if size is None else min(size, len(rows.order))
    drawn = 0 if total == len(rows.order) else round(total * random_share)
    targeted, rest = rows.order[: total - drawn], rows.order[total - drawn :]
    sampled, chance = draw(rest, rows.stratum, rows.tickets, rows.doubt, drawn)
    position = np.concatenate([targeted, sampled]).astype(np.intp)
    return Queue(
        ids=rows.ids.take(pa.array(position, pa.int64())),
        position=position,
        score=rows.score[position],
        reasons={name: values[position] for name, values in rows.reasons.items()},
        inclusion=np.concatenate([np.ones(len(targeted)), chance]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """What is known of all rows with the same votes as those that are ranked.

    `where` intp[n], the pattern of each ranked row, and `ahead` intp[n], how many rows of its pattern stand ahead of it
    that are not among the ranked. By pattern: `reviews` float64[p, k] answers, `belief` float64[p, k] the mean
    probabilities of its open rows, `rows` int64[p] that are open, `speaks` bool[p] whether it holds a vote.
    """

    where: NDArray[np.intp]
    ahead: NDArray[np.intp]
    reviews: Floats
    belief: Floats
    rows: NDArray[np.int64]
    speaks: NDArray[np.bool_]

    @staticmethod
    def of(votes: Votes, labels: Labels, gold: Gold | None, is_open: NDArray[np.bool_]) -> Field:
        """Where all rows are ranked."""
        patterns, where = fold(votes, gold)
        return Field(
            where=where,
            ahead=np.zeros(len(where), np.intp),
            reviews=patterns.gold.astype(np.float64),
            belief=pattern_belief(patterns, where, labels, is_open),
            rows=np.bincount(where[is_open], minlength=len(patterns)),
            speaks=(patterns.matrix != ABSTAIN).any(axis=1),
        )


def worth_asking(
    field: Field,
    labels: Labels,
    is_open: NDArray[np.bool_],
    tickets: NDArray[np.uint64],
    reading: Reading | None,
) -> Floats:
    """The expected gain of asking about each row per reading time, given that those ahead of it are asked, float64[n].

    Rows that read like a better one stand behind all others.
    """
    worth, followers = _gains(field, labels, is_open, tickets, reading)
    if reading is not None and len(reading.seconds):
        worth = worth * (reading.seconds.mean() / reading.seconds)
    return np.asarray(np.round(np.where(followers, worth * _FOLDED, worth), _DECIMALS))


def expected_gains(votes: Votes, labels: Labels, gold: Gold | None = None, reading: Reading | None = None) -> Floats:
    """The labels expected to be put right by asking about each row after those ahead of it in the queue, float64[n].

    0 where people settled the row, and for rows that read like a better one (where `reading` tells).
    """
    is_open = np.ones(len(votes), bool) if gold is None else gold.aligned(votes.ids) == ABSTAIN
    field = Field.of(votes, labels, gold, is_open)
    gains, followers = _gains(field, labels, is_open, lottery(votes.ids), reading)
    return np.asarray(np.where(is_open & ~followers, gains, 0.0))


def _gains(
    field: Field,
    labels: Labels,
    is_open: NDArray[np.bool_],
    tickets: NDArray[np.uint64],
    reading: Reading | None,
) -> tuple[Floats, NDArray[np.bool_]]:
    """The expected gain of asking about each row, float64[n], and which rows read like a better one, bool[n]."""
    where = field.where
    wrong = chance_wrong(labels.probs, answered(labels.probs, field.reviews[where]))
    followers, alike = _folded(None if reading is None else reading.groups, is_open, wrong, tickets)
    turn = _turns(where, is_open & ~followers, wrong, tickets) + field.ahead
    return gain_in_turn(field, where, wrong, turn, alike), followers


def gain_in_turn(
    field: Field, where: NDArray[np.intp], wrong: Floats, turn: NDArray[np.intp], alike: Floats | float = 1.0
) -> Floats:
    """The expected gain of asking about a row of each of these patterns, float64[n].

    Args:
        where: intp[n], the pattern.
        wrong: float64[n], P(the label given is wrong).
        turn: intp[n], how many rows of the pattern are asked before.
        alike: for how many rows it speaks.
    """
    share = np.sort(answered(field.belief, field.reviews), axis=1)[:, :-3:-1]
    spoken = field.reviews.sum(axis=1)[where] + turn
    left = field.rows[where] - turn
    worth = gain(wrong * alike, share[where], STRENGTH + spoken, np.maximum(left, 1))
    # Rows without votes have no label to put right, and what they hold the first few tell.
    return np.where(field.speaks[where], worth, wrong / (1 + spoken))


def chance_wrong(probs: Floats, believed: Floats) -> Floats:
    """P(the label given is wrong), float64[n]; where labels tie, that of one of them taken at random."""
    # Label by label: with few labels, sums along rows are slow.
    by_label = probs.T
    best = np.max(by_label, axis=0) - TIE_TOLERANCE
    right, tied = np.zeros(len(probs)), np.zeros(len(probs))
    for probability, chance in zip(by_label, believed.T, strict=True):
        top = probability >= best
        right += top * chance
        tied += top
    return np.asarray(np.clip(1 - right / tied, 0, 1))


def _folded(
    groups: NDArray[np.intp] | None, is_open: NDArray[np.bool_], wrong: Floats, tickets: NDArray[np.uint64]
) -> tuple[NDArray[np.bool_], Floats]:
    """Which open rows read like a better one, and for how many open rows each speaks, float64[n]."""
    if groups is None:
        return np.zeros(len(wrong), bool), np.ones(len(wrong))
    open_rows = np.flatnonzero(is_open)
    order = open_rows[np.lexsort((tickets[open_rows], -np.round(wrong[open_rows], _DECIMALS), groups[open_rows]))]
    first = np.ones(len(order), bool)
    first[1:] = groups[order[1:]] != groups[order[:-1]]
    followers = np.zeros(len(wrong), bool)
    followers[order[~first]] = True
    return followers, np.maximum(np.bincount(groups, is_open)[groups], 1.0)


def _turns(
    where: NDArray[np.intp], asked: NDArray[np.bool_], wrong: Floats, tickets: NDArray[np.uint64]
) -> NDArray[np.intp]:
    """How many rows with the same votes stand ahead of each row, intp[n]: the most doubtful first, else by ticket."""
    order = np.lexsort((tickets, -np.round(wrong, _DECIMALS), ~asked, where))
    begin = np.searchsorted(where[order], np.arange(where.max(initial=-1) + 1))
    turn = np.empty(len(where), np.intp)
    turn[order] = np.arange(len(where)) - begin[where[order]]
    return turn


def _scored(signal: Signal, votes: Votes, labels: Labels, rows: Rows | None) -> NDArray[np.float32]:
    if rows is not None and isinstance(signal, ReadingSignal):
        return signal.score_reading(rows, votes, labels)
    return signal.score(votes, labels)


def named(chosen: Sequence[str | Signal] | None) -> dict[str, Signal]:
    """The signals by name; all there are by default."""
    every: Sequence[str | Signal] = names("signals") if chosen is None else chosen
    return dict((s, build("signals", s, {})) if isinstance(s, str) else (_name(s), s) for s in every)


def _name(signal: Signal) -> str:
    """The name of a plug-in is that of its file; other signals go by their class."""
    module = sys.modules[type(signal).__module__]
    by_file = getattr(module, "plugin", None) is type(signal)
    return module.__name__.rpartition(".")[2] if by_file else type(signal).__name__
