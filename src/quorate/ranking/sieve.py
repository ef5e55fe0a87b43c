"""sieve: few rows of a table of any size among which the queue can be ranked as if all of them were there.

Open rows with the same votes and the same probabilities differ in nothing but their ticket, and in what they hold. So
what asking about the first, the second, … of them is worth is known before any row is seen; it says how many of each
kind to keep, and one pass keeps those with the smallest tickets. Rows of each stratum with the smallest tickets are
kept too: the random share is drawn among them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from quorate.patterns import VotePatterns
from quorate.ranking.drawing import Stratum, strata_of

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Kinds:
    """Open rows by what the queue knows of them: `pattern` intp[c], `probs` float64[c, k], `rows` int64[c]; in order
    of pattern and probabilities, whatever the order of the rows was."""

    patterns: VotePatterns
    pattern: Ints
    probs: Floats
    rows: NDArray[np.int64]

    @staticmethod
    def of(patterns: VotePatterns, where: Ints, probs: Floats, rows: NDArray[np.int64]) -> tuple[Kinds, Ints]:
        """The kinds of so many rows each with these patterns and probabilities, and the kind of each entry, intp[n]."""
        order = np.lexsort((*probs.T[::-1], where))
        fresh = np.ones(len(order), bool)
        fresh[1:] = (where[order[1:]] != where[order[:-1]]) | (probs[order[1:]] != probs[order[:-1]]).any(axis=1)
        kind = np.empty(len(order), np.intp)
        kind[order] = np.cumsum(fresh) - 1
        first = order[fresh]
        counts = np.zeros(len(first), np.int64)
        np.add.at(counts, kind, rows)
        return Kinds(patterns, where[first], probs[first], counts), kind

    def __len__(self) -> int:
        return len(self.pattern)

    @property
    def belief(self) -> Floats:
        """The mean probabilities over the open rows of each pattern, float64[p, k]; even where none is open."""
        p, k = len(self.patterns), len(self.patterns.space)
        rows = self.open[:, None]
        total = np.stack([np.bincount(self.pattern, self.probs[:, y] * self.rows, p) for y in range(k)], axis=1)
        return np.asarray(np.where(rows > 0, total / np.maximum(rows, 1), 1 / k))

    @property
    def open(self) -> NDArray[np.int64]:
        """The open rows of each pattern, int64[p]."""
        return np.bincount(self.pattern, self.rows, len(self.patterns)).astype(np.int64)

    @property
    def stratum(self) -> NDArray[np.int8]:
        """The `Stratum` of each kind, int8[c]."""
        k = len(self.patterns.space)
        matrix = self.patterns.matrix[self.pattern]
        return strata_of(np.stack([(matrix == y).sum(axis=1) for y in range(k)], axis=1))


def quotas(kinds: Kinds, worth: Callable[[Ints, Ints], Floats], most: int) -> Ints:
    """How many rows of each kind to keep, intp[c], together at most `most`: those whose asking is worth most.

    Args:
        worth: of kinds intp[s], after so many rows of the same kind were asked, intp[s].
    """
    kind, begin, end, gain = [], [], [], []
    first, step = 0, 1
    while (at := np.flatnonzero(kinds.rows > first)).size:
        kind.append(at)
        begin.append(np.full(len(at), first))
        end.append(np.minimum(first + step, kinds.rows[at]))
        gain.append(worth(at, begin[-1]))
        first, step = first + step, first + step
    if not kind:
        return np.zeros(len(kinds), np.intp)
    kinds_at, begins, ends = (np.concatenate(part) for part in (kind, begin, end))
    order = np.lexsort((begins, kinds_at, -np.round(np.concatenate(gain), 9)))
    room = most - np.concatenate([[0], np.cumsum((ends - begins)[order])[:-1]])
    taken = np.clip(room, 0, (ends - begins)[order])
    return np.bincount(kinds_at[order], taken, len(kinds)).astype(np.intp)


@dataclass(slots=True)
class _Pool:
    """The rows with the smallest keys of each group, so many of each as `quota` says."""

    quota: Ints
    kept: NDArray[np.uint64] = field(default_factory=lambda: np.zeros((0, 4), np.uint64))
    bar: NDArray[np.uint64] = field(init=False)

    def __post_init__(self) -> None:
        self.bar = np.where(self.quota > 0, np.iinfo(np.uint64).max, 0).astype(np.uint64)

    def offer(self, group: Ints, key: NDArray[np.uint64], position: Ints, kind: Ints) -> None:
        able = np.flatnonzero((key <= self.bar[group]) & (self.quota[group] > 0))
        fresh = np.stack([c[able].astype(np.uint64) for c in (group, key, position, kind)], axis=1)
        every = np.concatenate([self.kept, fresh])
        every = every[np.lexsort((every[:, 2], every[:, 1], every[:, 0]))]
        groups = every[:, 0].astype(np.intp)
        rank = np.arange(len(every)) - np.searchsorted(groups, groups)
        self.kept = every[rank < self.quota[groups]]
        full = every[rank == self.quota[groups] - 1]
        self.bar[full[:, 0].astype(np.intp)] = full[:, 1]


class Sieve:
    """Takes all rows in turn and keeps the candidates: of each kind its quota, of each stratum `drawn`."""

    def __init__(self, kinds: Kinds, quota: Ints, drawn: int) -> None:
        self._stratum = kinds.stratum
        self._by_kind = _Pool(quota)
        self._by_stratum = _Pool(np.full(len(Stratum), drawn, np.intp))

    def offer(self, kind: Ints, position: Ints, tickets: NDArray[np.uint64], keys: NDArray[np.uint64]) -> None:
        """Open rows: their kinds, places in the table and tickets; `keys` say which of a kind come first."""
        self._by_kind.offer(kind, keys, position, kind)
        self._by_stratum.offer(self._stratum[kind].astype(np.intp), tickets, position, kind)

    def candidates(self) -> tuple[Ints, Ints]:
        """The places of the rows kept, ascending, and their kinds."""
        both = np.concatenate([self._by_kind.kept, self._by_stratum.kept])
        position, first = np.unique(both[:, 2], return_index=True)
        return position.astype(np.intp), both[first, 3].astype(np.intp)
