"""Which rows a person should settle when two or more sources are compared."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quorate.comparing.candidates import Candidates
from quorate.comparing.population import AGREE, DIFFER, Population
from quorate.ranking.drawing import lottery
from quorate.values import Queue

AGREEING_SHARE = 0.1
"""Of the rows to settle, how many are drawn where all agree: they tell nothing of A - B, and all of "both wrong"."""


def review_queue(candidates: Candidates, size: int = 100, agreeing_share: float = AGREEING_SHARE) -> Queue:
    """The rows to settle next: disagreements in random order, with a random share of agreements among them.

    The order is that of a hash of the row id, so it does not move when rows are settled or the queue is longer, and
    every beginning of it is a random sample of each side. `inclusion` is the chance of a row of that side to be drawn,
    settled ones included; rows on which no source answers are left out.
    """
    population = Population.of(candidates)
    is_open = np.ones(len(candidates), bool)
    is_open[population.settled.position] = False
    position = next_rows(population.side, is_open, lottery(candidates.votes.ids), size, agreeing_share)
    drawn = population.seen + np.bincount(population.side[position], minlength=3)
    inclusion = drawn / np.maximum(population.sizes, 1)
    differs = (population.side[position] == DIFFER).astype(np.float32)
    return Queue(
        ids=candidates.votes.ids.take(pa.array(position, pa.int64())),
        position=position,
        score=differs,
        reasons={"they_differ": differs},
        inclusion=inclusion[population.side[position]],
    )


def next_rows(
    side: NDArray[np.int8],
    is_open: NDArray[np.bool_],
    tickets: NDArray[np.uint64],
    size: int,
    agreeing_share: float = AGREEING_SHARE,
) -> NDArray[np.intp]:
    """Places of the rows to settle, in order: of each side those with the smallest tickets first.

    While both last, every beginning has its share of agreements; then come what is left of either.

    Args:
        side: int8[n], whether the sources agree or differ there.
        tickets: a random number of each row.
    """
    sides = ((AGREE, agreeing_share), (DIFFER, 1 - agreeing_share))
    open_rows = [np.flatnonzero((side == kind) & is_open) for kind, _ in sides]
    drawn = [places[np.argsort(tickets[places], kind="stable")] for places in open_rows]
    turn = [(np.arange(len(rows)) + 0.5) / max(share, 1e-12) for rows, (_, share) in zip(drawn, sides, strict=True)]
    return np.concatenate(drawn)[np.argsort(np.concatenate(turn), kind="stable")][:size]
