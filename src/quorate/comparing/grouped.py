"""Rows that come in groups (a document, a conversation, a day): as how many rows of their own do they count?

Rows of one group are right or wrong together more often than rows of several. L. Kish, "Survey Sampling" (1965),
calls the ratio of the variance among groups to that of as many rows of their own the design effect; J. N. K. Rao and
A. J. Scott, "A simple method for the analysis of clustered binary data", Biometrics 48 (1992), divide counts by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute
from scipy.stats import t

from quorate.estimating.estimates import Floats
from quorate.estimating.intervals import Z95
from quorate.rows import Rows


@dataclass(frozen=True, eq=False)
class Groups:
    """The group of each row, `of` int64[n], and by which column they were told."""

    name: str
    of: NDArray[np.int64]

    def __len__(self) -> int:
        return len(np.unique(self.of))


def groups_of(rows: Rows, column: str) -> Groups:
    """The groups of rows with the same cell; a row without one is a group of its own.

    Raises:
        TableError: there is no such column.
    """
    cells = rows.arrow(column)
    encoded = cells if pa.types.is_dictionary(cells.type) else cells.dictionary_encode()
    words = encoded.dictionary.to_pylist()
    code = compute.fill_null(encoded.indices, len(words)).to_numpy(zero_copy_only=False).astype(np.int64)
    alone = np.array([word is None or word == "" for word in words] + [True])[code]
    return Groups(column, np.where(alone, len(words) + 1 + np.arange(len(code)), code))


def groups_given(values: Any) -> Groups:
    """The groups of rows with the same value, where somebody has them at hand: one for each row."""
    _, code = np.unique(np.asarray(values), return_inverse=True)
    return Groups("the given groups", code.ravel().astype(np.int64))


def design_effect(outcomes: Floats, stratum: NDArray[np.int64], weights: Floats, group: NDArray[np.int64]) -> float:
    """As how many rows of groups one row of its own counts, at least 1: the greatest over the columns of `outcomes`.

    Args:
        outcomes: float64[s, q]: what is averaged, of each settled row.
        stratum, weights: of each settled row; means are taken within strata.
        group: int64[s].
    """
    names, place, sizes = np.unique(group, return_inverse=True, return_counts=True)
    rows, number = len(group), len(names)
    if number < 2:
        return float(max(rows, 1))
    error = (outcomes - _means(outcomes, stratum)) * weights[:, None]
    together = np.zeros((number, outcomes.shape[1]))
    np.add.at(together, place.ravel(), error)
    apart = (error**2).sum(axis=0) * rows / (rows - 1)
    ratio = np.divide(
        (together**2).sum(axis=0) * number / (number - 1),
        apart,
        # Where all came out the same nothing tells how alike a group is: it may be one row told often.
        out=np.full(len(apart), float((sizes**2).sum() / rows)),
        where=apart > 1e-12,
    )
    few = (float(t.ppf(0.975, number - 1)) / Z95) ** 2 if sizes.max() > 1 else 1.0
    return max(float(ratio.max()) * few, 1.0)


def _means(outcomes: Floats, stratum: NDArray[np.int64]) -> Floats:
    """The mean of each settled row's stratum, float64[s, q]."""
    _, place, rows = np.unique(stratum, return_inverse=True, return_counts=True)
    total = np.zeros((len(rows), outcomes.shape[1]))
    np.add.at(total, place.ravel(), outcomes)
    return np.asarray((total / rows[:, None])[place.ravel()])
