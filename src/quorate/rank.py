"""rank: the rows a person should look at, those first whose answer is worth most, and why each is there."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quorate.patterns import fold
from quorate.protocols import ReadingSignal, Signal
from quorate.ranking.alike import reading_s, same_reading
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
    named = _signals(signals)
    reasons = {name: _scored(signal, votes, labels, rows) for name, signal in named.items()}
    settled = np.zeros(len(votes), bool) if gold is None else gold.aligned(votes.ids) != ABSTAIN
    tickets = lottery(votes.ids)
    if signals is None:
        worth = _worth(votes, labels, gold, ~settled, tickets, rows=rows)
        score, ties = worth / (1 + worth), tickets
    else:
        score = np.stack([np.zeros(len(votes)), *reasons.values()]).sum(axis=0) / max(len(reasons), 1)
        worth, ties = score, np.arange(len(votes), dtype=np.uint64)
    still_open = np.flatnonzero(~settled)
    total = len(still_open) if size is None else min(size, len(still_open))
    drawn = 0 if total == len(still_open) else round(total * random_share)
    order = still_open[np.lexsort((ties[still_open], -worth[still_open]))]
    targeted = order[: total - drawn]
    rest = order[total - drawn :]
    sampled, chance = draw(rest, strata(votes), tickets, 1 - labels.probs.max(axis=1, initial=0), drawn)
    position = np.concatenate([targeted, sampled]).astype(np.intp)
    return Queue(
        ids=votes.ids.take(pa.array(position, pa.int64())),
        position=position,
        score=score[position].astype(np.float32),
        reasons={name: values[position] for name, values in reasons.items()},
        inclusion=np.concatenate([np.ones(len(targeted)), chance]),
    )


def _worth(
    votes: Votes,
    labels: Labels,
    gold: Gold | None,
    is_open: NDArray[np.bool_],
    tickets: NDArray[np.uint64],
    *,
    rows: Rows | None,
) -> Floats:
    """The expected gain of asking about each row per reading time, given that those ahead of it are asked, float64[n].

    Rows that read like a better one stand behind all others.
    """
    worth, followers = _gains(votes, labels, gold, is_open, tickets, rows=rows)
    if rows is not None:
        seconds = reading_s(rows)
        worth = worth * (seconds.mean() / seconds if len(seconds) else 1.0)
    return np.asarray(np.round(np.where(followers, worth * _FOLDED, worth), _DECIMALS))


def expected_gains(votes: Votes, labels: Labels, gold: Gold | None = None, rows: Rows | None = None) -> Floats:
    """The labels expected to be put right by asking about each row after those ahead of it in the queue, float64[n].

    0 where people settled the row, and for rows that read like a better one (where `rows` tell).
    """
    is_open = np.ones(len(votes), bool) if gold is None else gold.aligned(votes.ids) == ABSTAIN
    gains, followers = _gains(votes, labels, gold, is_open, lottery(votes.ids), rows=rows)
    return np.asarray(np.where(is_open & ~followers, gains, 0.0))


def _gains(
    votes: Votes,
    labels: Labels,
    gold: Gold | None,
    is_open: NDArray[np.bool_],
    tickets: NDArray[np.uint64],
    *,
    rows: Rows | None,
) -> tuple[Floats, NDArray[np.bool_]]:
    """The expected gain of asking about each row, float64[n], and which rows read like a better one, bool[n]."""
    patterns, where = fold(votes, gold)
    reviews = patterns.gold.astype(np.float64)
    wrong = _wrong(labels, answered(labels.probs, reviews[where]))
    groups = same_reading(rows) if rows is not None else None
    followers, alike = _folded(groups, is_open, wrong, tickets)
    turn = _turns(where, is_open & ~followers, wrong, tickets)
    share = np.sort(answered(pattern_belief(patterns, where, labels, is_open), reviews), axis=1)[:, :-3:-1]
    spoken = reviews.sum(axis=1)[where] + turn
    left = np.bincount(where[is_open], minlength=len(patterns))[where] - turn
    worth = gain(wrong * alike, share[where], STRENGTH + spoken, np.maximum(left, 1))
    # Rows without votes have no label to put right, and what they hold the first few tell.
    return np.where((votes.matrix != ABSTAIN).any(axis=1), worth, wrong / (1 + spoken)), followers


def _wrong(labels: Labels, believed: Floats) -> Floats:
    """P(the label given is wrong), float64[n]; where labels tie, that of one of them taken at random."""
    # Label by label: with few labels, sums along rows are slow.
    by_label = labels.probs.T
    best = np.max(by_label, axis=0) - TIE_TOLERANCE
    right, tied = np.zeros(len(labels)), np.zeros(len(labels))
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
    many = np.bincount(np.unique(groups, return_inverse=True)[1].reshape(-1), is_open)
    return followers, np.maximum(many[np.unique(groups, return_inverse=True)[1].reshape(-1)], 1.0)


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


def _signals(signals: Sequence[str | Signal] | None) -> dict[str, Signal]:
    chosen: Sequence[str | Signal] = names("signals") if signals is None else signals
    return dict((s, build("signals", s, {})) if isinstance(s, str) else (_name(s), s) for s in chosen)


def _name(signal: Signal) -> str:
    """The name of a plug-in is that of its file; other signals go by their class."""
    module = sys.modules[type(signal).__module__]
    by_file = getattr(module, "plugin", None) is type(signal)
    return module.__name__.rpartition(".")[2] if by_file else type(signal).__name__
