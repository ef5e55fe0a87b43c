"""What several raters said of the same units, folded into the distinct sets of answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.frozen import frozen_array
from quorate.values import ABSTAIN, Status, Votes

Floats = NDArray[np.float64]
ABSTAINED = "(abstained)"
"""The category that abstaining is when it counts as an answer."""


@dataclass(frozen=True, eq=False)
class Ratings:
    """The distinct rows of a table of units by raters, and how many units each stands for.

    Shapes: `matrix` int64[p, m] of category ints, -1 where a rater said nothing; `tallies` float64[p, q]: how many
    raters chose each category; `counts` float64[p]; `groups` int64[p]
    or None: units of one group (a document, a day) are drawn together by a bootstrap; `values` float64[q]: what the
    categories are worth where they are numbers, 0, 1, 2, … else.
    """

    matrix: NDArray[np.int64]
    tallies: Floats
    counts: Floats
    categories: tuple[str, ...]
    raters: tuple[str, ...]
    values: Floats
    groups: NDArray[np.int64] | None = None

    @staticmethod
    def of(
        matrix: Any,
        categories: Sequence[str],
        raters: Sequence[str] = (),
        *,
        values: Sequence[float] | None = None,
        groups: Any = None,
    ) -> Ratings:
        """The ratings of a table int[n, m] of category ints, -1 where a rater said nothing.

        Raises:
            ValueError: a rating is no category, or lengths differ.
        """
        table = np.asarray(matrix, dtype=np.int64)
        if table.ndim != 2 or (table.size and (table.min() < ABSTAIN or table.max() >= len(categories))):
            raise ValueError(f"ratings are a table of ints from -1 to {len(categories) - 1}, a row for each unit")
        names = tuple(raters) or tuple(f"rater_{j}" for j in range(table.shape[1]))
        if len(names) != table.shape[1] or (values is not None and len(values) != len(categories)):
            raise ValueError("every rater needs a name, and every category a value")
        numbers = np.arange(len(categories)) if values is None else values
        rows, counts, group = _fold(table, len(categories), groups)
        tallies = _tallies(rows, len(categories))
        return Ratings(rows, tallies, counts, tuple(categories), names, frozen_array(numbers, np.float64), group)

    @staticmethod
    def of_tallies(tallies: Any, categories: Sequence[str]) -> Ratings:
        """The ratings where only the number of raters for each category is known, float[n, q] (Fleiss' table)."""
        table = frozen_array(tallies, np.float64)
        nobody = np.zeros((len(table), 0), np.int64)
        return Ratings(
            nobody, table, np.ones(len(table)), tuple(categories), (), np.arange(len(categories), dtype=float)
        )

    @staticmethod
    def of_votes(votes: Votes, abstain: str = "missing", groups: Any = None) -> Ratings:
        """The ratings of sources; an abstention is `missing` or a `category` of its own, a failure always missing."""
        if abstain not in ("missing", "category"):
            raise ValueError(f"abstain is 'missing' or 'category', not {abstain!r}")
        if abstain == "missing":
            return Ratings.of(votes.matrix, votes.space.names, votes.sources, groups=groups)
        matrix = votes.matrix.astype(np.int64)
        matrix[votes.status == Status.ABSTAINED] = len(votes.space)
        return Ratings.of(matrix, (*votes.space.names, ABSTAINED), votes.sources, groups=groups)

    @property
    def units(self) -> float:
        return float(self.counts.sum())

    def among(self, raters: Sequence[int]) -> Ratings:
        """The ratings of some of the raters, folded again."""
        key, inverse = np.unique(_keys(self.matrix[:, raters], self.groups), axis=0, return_inverse=True)
        counts = np.bincount(inverse.ravel(), weights=self.counts, minlength=len(key)).astype(np.float64)
        group = None if self.groups is None else key[:, -1]
        names = tuple(self.raters[j] for j in raters)
        rows = key[:, : len(raters)]
        return Ratings(rows, _tallies(rows, len(self.categories)), counts, self.categories, names, self.values, group)

    def table(self) -> Floats:
        """The units by what the first two raters said, float64[q, q], rows the first rater's answers."""
        q = len(self.categories)
        a, b = self.matrix[:, 0], self.matrix[:, 1]
        both = (a != ABSTAIN) & (b != ABSTAIN)
        cells = np.bincount(a[both] * q + b[both], weights=self.counts[both], minlength=q * q)
        return cells.reshape(q, q).astype(np.float64)


def _tallies(matrix: NDArray[np.int64], categories: int) -> Floats:
    said = matrix != ABSTAIN
    at = np.nonzero(said)[0] * categories + matrix[said]
    return np.bincount(at, minlength=len(matrix) * categories).reshape(-1, categories).astype(np.float64)


def _fold(
    table: NDArray[np.int64], categories: int, groups: Any
) -> tuple[NDArray[np.int64], Floats, NDArray[np.int64] | None]:
    if groups is None and (categories + 1.0) ** table.shape[1] < 2**62:
        # One number a row sorts many times faster than rows do.
        base = np.int64(categories + 1) ** np.arange(table.shape[1], dtype=np.int64)
        _, first, counts = np.unique((table + 1) @ base, return_index=True, return_counts=True)
        return table[first], counts.astype(np.float64), None
    group = None if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1].ravel()
    if group is not None and len(group) != len(table):
        raise ValueError(f"{len(group)} groups for {len(table)} units")
    rows, counts = np.unique(_keys(table, group), axis=0, return_counts=True)
    m = table.shape[1]
    return rows[:, :m], counts.astype(np.float64), None if group is None else rows[:, m]


def _keys(table: NDArray[np.int64], group: NDArray[np.int64] | None) -> NDArray[np.int64]:
    return table if group is None else np.column_stack([table, group])
