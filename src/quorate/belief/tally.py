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
    """`weights` [m·k, c], dense or sparse; `tables` [(k + 1)^g, c] for each group of g sources, or none.

    `places` float32[groups, m]: what a vote adds to the place of its row in the table of each group.
    """

    k: int
    weights: Any
    tables: tuple[Floats, ...] = ()
    places: NDArray[np.float32] | None = None

    @staticmethod
    def of(weights: Any, k: int) -> Tally:
        """Of weights [m·k, c]: row j·k + l is what the vote of source j for label l counts in each column."""
        m = weights.shape[0] // k
        if not isinstance(weights, np.ndarray) or not 0 < m <= _MOST_SOURCES:
            return Tally(k, weights)
        group = 1
        while group < m and (k + 1) ** (group + 1) * weights.shape[1] <= _TABLE_NUMBERS:
            group += 1
        if group < min(_FEWEST_SOURCES, m):
            return Tally(k, weights)
        by_source = weights.reshape(m, k, weights.shape[1])
        tables = tuple(_table(by_source[j : j + group]) for j in range(0, m, group))
        return Tally(k, weights, tables, _places(m, group, k + 1))

    def sums(self, matrix: NDArray[np.int16]) -> Floats:
        """What the votes int16[p, m] add up to, [c, p] in the precision of the weights."""
        if self.places is None:
            found = indicators(matrix, self.k) @ self.weights
            return np.ascontiguousarray((found if isinstance(found, np.ndarray) else found.toarray()).T)
        codes = (self.places @ matrix.astype(np.float32).T + self.places.sum(axis=1)[:, None]).astype(np.intp)
        total = self.tables[0].take(codes[0], axis=0)
        row = np.empty_like(total)
        for table, places in zip(self.tables[1:], codes[1:], strict=True):
            total += table.take(places, axis=0, out=row, mode="clip")
        return np.ascontiguousarray(total.T)


def _places(sources: int, group: int, base: int) -> NDArray[np.float32]:
    """A row of votes as a number, its digits the votes, the last the least: integers that float32 holds exactly."""
    places = np.zeros((-(-sources // group), sources), np.float32)
    for j in range(sources):
        first = j - j % group
        places[j // group, j] = base ** (min(first + group, sources) - 1 - j)
    return places


def _table(weights: Floats) -> Floats:
    """What every row of votes of a few sources adds up to, from weights float64[g, k, c]."""
    table = silent = np.zeros((1, weights.shape[2]), weights.dtype)
    for own in weights:
        table = (table[:, None] + np.concatenate([silent, own])).reshape(-1, own.shape[1])
    return table
