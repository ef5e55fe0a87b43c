"""Reach: what people settled speaks for rows like those they settled, not for the rows nobody looked at.

Reviews come where rows are in doubt; a correction learnt there can be wrong where the votes are sure. Rows are cut
into tenths by how sure the belief is, and a correction counts on each tenth as far as gold came from there: by
reviews / (reviews to expect of rows drawn at random, less their standard deviation), at most 1. Gold that was drawn
at random therefore counts in full everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quorate.belief.confusion import Floats

_TENTHS = 10
_DECIMALS = 6


@dataclass(frozen=True, eq=False)
class Reach:
    """`edges` float64[9] of how sure the belief is, `trust` float64[10] between them."""

    edges: Floats
    trust: Floats

    def of(self, belief: Floats) -> Floats:
        """How much the correction counts, float64[p, 1]."""
        return np.asarray(self.trust[np.searchsorted(self.edges, _sureness(belief), side="right")][:, None])


def fit_reach(belief: Floats, counts: Floats, gold: NDArray[np.int64]) -> Reach:
    """From belief float64[p, k], rows float64[p] and gold int64[p, k] by pattern."""
    sure = _sureness(belief)
    levels, place = np.unique(sure, return_inverse=True)
    rows = np.bincount(place.reshape(-1), counts, len(levels))
    middle = (np.cumsum(rows) - rows / 2) / max(rows.sum(), 1e-12)
    first = np.minimum(np.searchsorted(middle, np.arange(1, _TENTHS) / _TENTHS), len(levels) - 1)
    edges = np.where(middle[first] >= np.arange(1, _TENTHS) / _TENTHS, levels[first], np.inf)
    tenth = np.searchsorted(edges, sure, side="right")
    reviews = np.bincount(tenth, gold.sum(axis=1), _TENTHS)
    expected = np.bincount(tenth, counts, _TENTHS) / max(counts.sum(), 1e-12) * reviews.sum()
    return Reach(edges, np.minimum(1.0, (reviews + 1) / np.maximum(expected - np.sqrt(expected), 1e-9)))


def _sureness(belief: Floats) -> Floats:
    return np.asarray(np.round(belief.max(axis=1, initial=0.0), _DECIMALS))
