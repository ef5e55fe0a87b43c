"""Tally: what the votes of each row add up to, for many columns of weights at once.

The sources are cut into groups of a few; what every possible row of votes of a group adds up to stands in a table, so
that a row takes one addition for each group, not one for each vote. With many sources most are silent on a row: then
only the votes that there are count, as a sparse product. Either way the sums of a row do not depend on its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.belief.confusion import Floats, indicators

# The table of a group stays in the cache, and groups of fewer sources save nothing over adding up the votes.
_TABLE_NUMBERS = 1 << 14
_FEWEST_SOURCES = 3
# Beyond so many sources, most are taken to be silent.
_MOST_SOURCES = 256


@dataclass(frozen=True, eq=False)
class Tally:
    """`weights` [m·k, c], dense or sparse; `tables` float64[(k + 1)^g, c] for each group of g sources, or none."""

    k: int
    weights: Any
    tables: tuple[Floats, ...]
    group: int

    @staticmethod
    def of(weights: Any, k: int) -> Tally:
        """Of weights [m·k, c]: row j·k + l is what the vote of source j for label l counts in each column."""
        m = weights.shape[0] // k
        if not isinstance(weights, np.ndarray) or m > _MOST_SOURCES:
            return Tally(k, weights, (), 0)
        group = 1
        while group < m and (k + 1) ** (group + 1) * weights.shape[1] <= _TABLE_NUMBERS:
            group += 1
        if group < min(_FEWEST_SOURCES, m):
            return Tally(k, weights, (), 0)
        by_source = weights.reshape(m, k, weights.shape[1])
        return Tally(k, weights, tuple(_table(by_source[j : j + group]) for j in range(0, m, group)), group)

    def sums(self, matrix: NDArray[np.int16]) -> Floats:
        """What the votes int16[p, m] add up to, float64[c, p]."""
        if not self.tables:
            found = indicators(matrix, self.k) @ self.weights
            return np.ascontiguousarray((found if isinstance(found, np.ndarray) else found.toarray()).T)
        total = np.zeros((len(matrix), self.tables[0].shape[1]))
        row = np.empty_like(total)
        for i, table in enumerate(self.tables):
            votes = matrix[:, i * self.group : (i + 1) * self.group]
            total += table.take(_codes(votes, self.k + 1), axis=0, out=row, mode="clip")
        return np.ascontiguousarray(total.T)


def _codes(votes: NDArray[np.int16], base: int) -> NDArray[np.intp]:
    """The place of each row of a group's votes in the group's table."""
    powers = np.float32(base) ** np.arange(votes.shape[1] - 1, -1, -1, dtype=np.float32)
    return np.asarray(votes.astype(np.float32) @ powers + powers.sum()).astype(np.intp)


def _table(weights: Floats) -> Floats:
    """What every row of votes of a few sources adds up to, from weights float64[g, k, c]."""
    table = np.zeros((1, weights.shape[2]))
    for own in weights:
        silent = np.zeros((1, own.shape[1]))
        table = (table[:, None] + np.concatenate([silent, own])).reshape(-1, own.shape[1])
    return table
