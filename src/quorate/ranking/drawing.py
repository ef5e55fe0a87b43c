"""drawing: a random sample of rows, stratified by how far their sources agree, that stays put between runs.

Every row has a permanent random number, a hash of its id; a stratum's sample are the rows with the smallest ones
(K. Brewer, L. Early and S. Joyce, "Selecting several samples from a single population", Australian Journal of
Statistics 14, 1972). Ranking anew therefore keeps nearly all of the sample.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quorate.values import Votes

_LEAST_DEVIATION = 0.2
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class Stratum(IntEnum):
    """How far the sources of a row agree."""

    SILENT = 0
    ALONE = 1
    AGREEING = 2
    DISAGREEING = 3


def strata(votes: Votes) -> NDArray[np.int8]:
    """The `Stratum` of each row, int8[n]."""
    return strata_of(votes.counts())


def strata_of(counts: NDArray[np.int64]) -> NDArray[np.int8]:
    """The `Stratum` of rows with so many votes for each label, int8[n] of int64[n, k]."""
    cast, differ = counts.sum(axis=1), (counts > 0).sum(axis=1) > 1
    return np.where(differ, Stratum.DISAGREEING, np.minimum(cast, Stratum.AGREEING)).astype(np.int8)


def lottery(ids: pa.StringArray) -> NDArray[np.uint64]:
    """The permanent random number of each row id, uint64[n].

    Eight bytes of all ids at a time go through the finalizer of SplitMix64 (G. Steele, D. Lea and C. Flood, "Fast
    splittable pseudorandom number generators", OOPSLA 2014).
    """
    given = ids.cast(pa.large_binary())
    if not len(given):
        return np.zeros(0, np.uint64)
    offsets = np.frombuffer(given.buffers()[1], np.int64)[given.offset : given.offset + len(given) + 1]
    letters = np.frombuffer(given.buffers()[2] or b"", np.uint8)
    length = np.diff(offsets)
    state = _mixed(length.astype(np.uint64) + _GOLDEN)
    for begin in range(0, int(length.max()), 8):
        longer = np.flatnonzero(length > begin)
        place = offsets[longer, None] + begin + np.arange(8)
        inside = place < offsets[longer + 1, None]
        eight = np.where(inside, letters[np.where(inside, place, 0)], 0).astype(np.uint8)
        state[longer] = _mixed((state[longer] ^ eight.view("<u8")[:, 0]) + _GOLDEN)
    return state


def _mixed(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        state = (state ^ (state >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(state ^ (state >> np.uint64(31)))


def allocated(total: int, sizes: NDArray[np.int64], doubt: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many of `total` rows each stratum gets, int64[h]: more where labels are in doubt, two each where it can be.

    Neyman's optimum, stratum size times the standard deviation expected of being right; no stratum is taken for sure.

    Args:
        sizes: int64[h], rows that can be drawn; together at least `total`.
        doubt: float64[h], the mean probability of a wrong label.
    """
    given = np.zeros(len(sizes), np.int64)
    # In turns, largest claim per row first, so that the sum is exact and a full stratum passes its share on.
    claim = sizes * np.maximum(np.sqrt(doubt * (1 - doubt)), _LEAST_DEVIATION)
    for _ in range(total):
        room = given < sizes
        urgent = room & (given < 2)
        asked = urgent if urgent.any() else room
        given[int(np.where(asked, claim / (given + 1), -1.0).argmax())] += 1
    return given


def draw(
    candidates: NDArray[np.intp],
    stratum: NDArray[np.int8],
    tickets: NDArray[np.uint64],
    doubt: NDArray[np.float64],
    total: int,
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The rows drawn, in the order of their tickets, and the probability with which each was.

    Args:
        candidates: places of the rows that may be drawn, intp[c].
        stratum, tickets, doubt: of every row.
    """
    here = stratum[candidates]
    sizes = np.bincount(here, minlength=len(Stratum)).astype(np.int64)
    mean = np.bincount(here, doubt[candidates], len(sizes)) / np.maximum(sizes, 1)
    first, chance = drawn(here, tickets[candidates], sizes, mean, total)
    return candidates[first], chance


def drawn(
    stratum: NDArray[np.int8],
    tickets: NDArray[np.uint64],
    sizes: NDArray[np.int64],
    doubt: NDArray[np.float64],
    total: int,
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The places of the rows drawn, in the order of their tickets, and the probability with which each was.

    Args:
        stratum, tickets: of rows that may be drawn, those with the smallest tickets of each stratum among them.
        sizes, doubt: of all rows that may be drawn: how many by stratum, and the mean probability of a wrong label.
    """
    given = allocated(min(total, int(sizes.sum())), sizes, doubt)
    rows, chance = [np.zeros(0, np.intp)], [np.zeros(0)]
    for kind in np.flatnonzero(given):
        among = np.flatnonzero(stratum == kind)
        rows.append(among[np.argsort(tickets[among], kind="stable")[: given[kind]]])
        chance.append(np.full(given[kind], given[kind] / sizes[kind]))
    found = np.concatenate(rows)
    order = np.argsort(tickets[found], kind="stable")
    return found[order], np.concatenate(chance)[order]


def spread(kind: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The order in which both kinds are spread evenly among each other, each in its own order, intp[n]."""
    turn = np.empty(len(kind))
    for those in (kind, ~kind):
        many = int(those.sum())
        turn[those] = (np.arange(many) + 0.5) / max(many, 1)
    return np.argsort(turn, kind="stable")
