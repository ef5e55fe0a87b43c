"""Copies: sources that say the same as another on all but a few rows, and so are heard once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.belief.confusion import Floats, indicators

_ALIKE = 0.98
_FEWEST_ROWS = 30
# Comparing every pair takes m² numbers; beyond, only exact copies are looked for.
_MANY_SOURCES = 3000
_SPARSE = 0.1


def copied_sources(matrix: NDArray[np.int16], counts: NDArray[Any]) -> list[list[int]]:
    """The groups of sources that copy each other, two or more each.

    Two sources are copies when their votes agree on 98 % of the rows where either voted (the Jaccard index of their
    votes), and these are 30 or more. A copy of a copy belongs to the group.
    """
    m = matrix.shape[1]
    first, second = _pairs(matrix, counts)
    if not len(first):
        return []
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

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
    k = int(matrix.max(initial=0)) + 1
    votes = indicators(matrix, k).tocsc()
    rows = np.asarray(votes.T @ np.asarray(counts, np.float64)).reshape(-1, k).sum(axis=1)
    often = _about_as_often(rows, np.flatnonzero(rows >= _FEWEST_ROWS))
    if len(often) < 2:
        return often[:0], often[:0]
    if len(often) > _MANY_SOURCES:
        _, place = np.unique(matrix[:, often].T, axis=0, return_inverse=True)
        leader = np.full(int(place.max()) + 1, -1)
        leader[place.reshape(-1)[::-1]] = often[::-1]
        return often, leader[place.reshape(-1)]
    by_label = [votes[:, often * k + y] for y in range(k)]
    same = sum((_both(said, counts) for said in by_label if said.nnz), np.zeros((len(often), len(often))))
    either = rows[often][:, None] + rows[often][None] - _both(sum(by_label[1:], by_label[0]), counts)
    first, second = np.nonzero(np.triu(same >= _ALIKE * np.maximum(either, _FEWEST_ROWS), 1))
    return often[first], often[second]


def _about_as_often(rows: Floats, often: NDArray[np.intp]) -> NDArray[np.intp]:
    """Those of some sources that vote on about as many rows as another of them does; a copy cannot but do so."""
    order = often[np.argsort(rows[often], kind="stable")]
    near = rows[order[:-1]] >= _ALIKE * rows[order[1:]]
    return np.sort(order[np.append(near, False) | np.append(False, near)]) if len(often) > 1 else often


def _both(said: Any, counts: NDArray[Any]) -> Floats:
    """On how many rows each two of some sources said this, float64[m, m]; from CSC float64[p, m] of 0 and 1."""
    if said.nnz < _SPARSE * said.shape[0] * said.shape[1]:
        return np.asarray((said.T @ said.multiply(np.asarray(counts)[:, None]).tocsc()).toarray())
    dense = said.toarray()
    return np.asarray(dense.T @ (dense * np.asarray(counts)[:, None]))
