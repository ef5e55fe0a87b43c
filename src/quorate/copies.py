"""Copies: sources that say the same as another on all but a few rows, and so are heard once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.confusion import Floats, indicators
from quorate.values import ABSTAIN

_ALIKE = 0.98
_FEWEST_ROWS = 30
# Comparing every pair takes m² numbers; beyond, only exact copies are looked for.
_MANY_SOURCES = 3000
_MANY_LABELS = 50


def copied_sources(matrix: NDArray[np.int16], counts: NDArray[Any]) -> list[list[int]]:
    """The groups of sources that copy each other, two or more each.

    Two sources are copies when their votes agree on 98 % of the rows where either voted (the Jaccard index of their
    votes), and these are 30 or more. A copy of a copy belongs to the group.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    m = matrix.shape[1]
    first, second = _pairs(matrix, counts)
    graph = coo_matrix((np.ones(len(first)), (first, second)), shape=(m, m))
    _, group = connected_components(graph, directed=False)
    return [np.flatnonzero(group == g).tolist() for g in np.flatnonzero(np.bincount(group, minlength=1) > 1)]


def copy_weights(matrix: NDArray[np.int16], counts: NDArray[Any]) -> Floats:
    """How much each vote of a source counts, float64[m]: a group of copies counts as one source."""
    weights = np.ones(matrix.shape[1])
    for group in copied_sources(matrix, counts):
        weights[group] = 1 / len(group)
    return weights


def _pairs(matrix: NDArray[np.int16], counts: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    voted = matrix != ABSTAIN
    rows = np.asarray(counts @ voted, np.float64)
    often = np.flatnonzero(rows >= _FEWEST_ROWS)
    if len(often) < 2:
        return often[:0], often[:0]
    if len(often) > _MANY_SOURCES:
        _, place = np.unique(matrix[:, often].T, axis=0, return_inverse=True)
        leader = np.full(int(place.max()) + 1, -1)
        leader[place.reshape(-1)[::-1]] = often[::-1]
        return often, leader[place.reshape(-1)]
    same = _agreements(matrix[:, often], counts)
    either = rows[often][:, None] + rows[often][None] - _both(voted[:, often], counts)
    first, second = np.nonzero(np.triu(same >= _ALIKE * np.maximum(either, _FEWEST_ROWS), 1))
    return often[first], often[second]


def _agreements(matrix: NDArray[np.int16], counts: NDArray[Any]) -> Floats:
    """On how many rows each two sources gave the same label, float64[m, m]."""
    labels = np.unique(matrix[matrix != ABSTAIN])
    if len(labels) <= _MANY_LABELS:
        return np.asarray(sum((_both(matrix == y, counts) for y in labels), np.zeros(1)))
    k = int(labels.max()) + 1
    votes, same = indicators(matrix, k).tocsc(), np.zeros((matrix.shape[1], matrix.shape[1]))
    for y in labels:
        said = votes[:, y::k]
        same += (said.T @ said.multiply(np.asarray(counts)[:, None]).tocsc()).toarray()
    return same


def _both(chosen: NDArray[np.bool_], counts: NDArray[Any]) -> Floats:
    from scipy.sparse import csr_matrix

    if chosen.mean() < 0.1:
        sparse = csr_matrix(chosen.astype(np.float64))
        return np.asarray((sparse.T @ sparse.multiply(np.asarray(counts)[:, None]).tocsr()).toarray())
    dense = chosen.astype(np.float64)
    return np.asarray(dense.T @ (dense * np.asarray(counts)[:, None]))
