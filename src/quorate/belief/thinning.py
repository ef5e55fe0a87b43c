"""Thinning: of a great many votes, as many as teach all there is to learn, each counted for those left out.

Threshold sampling (Duffield, Lund and Thorup 2007): a pattern of `c` rows stays with probability c / t and then counts
for t rows, or c if that is more, so that what is counted is right on average and frequent patterns are counted exactly.
`t` is less where a pattern holds a vote that is seldom cast, so that some hundred rows of each vote stay; patterns that
people settled all stay. Chance is a hash of the pattern: the order of the rows, or how they were cut, changes nothing.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from quorate.belief.confusion import Floats
from quorate.frozen import parts
from quorate.packing import scrambled, words
from quorate.patterns import VotePatterns
from quorate.values import ABSTAIN

_MOST_VOTES = 1 << 18
"""Up to so many votes are all heard; real sources have errors in common, which more votes do not take away."""
_HEARD_VOTES = 1 << 17
_OF_EACH_VOTE = 250


def thinned(patterns: VotePatterns) -> VotePatterns:
    """The patterns to learn from, in their order: all of them, or fewer with larger counts."""
    votes = _cast(patterns)
    if votes <= _MOST_VOTES:
        return patterns
    chance = scrambled(words(patterns.matrix, len(patterns.space)))
    rows_each = np.full(len(patterns), max(int(votes / _HEARD_VOTES), 1))
    first = _thinned(patterns, chance, rows_each)
    for j in _rarely_heard(first):
        cast = patterns.matrix[:, j] + 1
        rows = np.bincount(cast, patterns.counts, len(patterns.space) + 1)
        bearable = np.maximum(rows // _OF_EACH_VOTE, 1).astype(np.int64)
        bearable[0] = rows_each.max()
        np.minimum(rows_each, bearable[cast], out=rows_each)
    return _thinned(patterns, chance, rows_each)


def _cast(patterns: VotePatterns) -> float:
    """How many votes all rows have; by products in the cache, for NumPy is slow to count in many short rows."""
    one = np.ones(len(patterns.sources), np.float32)
    both = zip(parts(patterns.matrix), parts(patterns.counts), strict=True)
    return float(sum(counts @ ((some != ABSTAIN).astype(np.float32) @ one) for some, counts in both))


def _thinned(patterns: VotePatterns, chance: Floats, rows_each: NDArray[np.int64]) -> VotePatterns:
    """The patterns whose chance, float64[p] in [0, 1), is below their rows over `rows_each` int64[p]."""
    settled = np.zeros(len(patterns), bool)
    settled[np.flatnonzero(patterns.gold) // len(patterns.space)] = True
    kept = np.flatnonzero((chance * rows_each < patterns.counts) | settled)
    if len(kept) == len(patterns) and (rows_each <= 1).all():
        return patterns
    counts = np.where(settled, patterns.counts, np.maximum(patterns.counts, rows_each))[kept]
    return replace(patterns, matrix=patterns.matrix.take(kept, axis=0), counts=counts, gold=patterns.gold[kept])


def _rarely_heard(patterns: VotePatterns) -> NDArray[np.intp]:
    """The sources with a vote that is on fewer patterns than each vote should be on."""
    seen = np.stack([(patterns.matrix == y).sum(axis=0) for y in range(len(patterns.space))])
    return np.flatnonzero((seen < _OF_EACH_VOTE).any(axis=0))
