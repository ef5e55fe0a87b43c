"""The arithmetic that label models share: votes as indicators, confusion counts, posteriors.

`k` labels, `m` sources, `p` patterns. A confusion array is float64[m, k, k]: source, true label, vote.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.values import ABSTAIN

Floats = NDArray[np.float64]

_FEW_COLUMNS = 16


def indicators(matrix: NDArray[np.int16], k: int) -> Any:
    """Votes as a sparse 0/1 matrix, CSR float64[p, m·k]: column j·k + l is "source j voted l"."""
    from scipy.sparse import csr_matrix

    voted = matrix != ABSTAIN
    columns = (matrix + k * np.arange(matrix.shape[1], dtype=np.int32))[voted]
    ends = np.concatenate([[0], np.cumsum(np.count_nonzero(voted, axis=1))])
    return csr_matrix((np.ones(len(columns)), columns, ends), shape=(len(matrix), matrix.shape[1] * k))


def vote_shares(matrix: NDArray[np.int16], k: int) -> Floats:
    """Each label's share of the votes, float64[p, k]; uniform where nobody voted."""
    rows, sources = np.nonzero(matrix != ABSTAIN)
    counts = np.bincount(rows * k + matrix[rows, sources], minlength=len(matrix) * k).reshape(-1, k).astype(np.float64)
    total = counts.sum(axis=1, keepdims=True)
    return np.where(total > 0, counts / np.maximum(total, 1), 1.0 / k)


def confusion_counts(votes: Any, mass: Floats) -> Floats:
    """Expected vote counts by source, true label and vote, from the label mass float64[p, k] of each pattern."""
    k = mass.shape[1]
    by_vote: Floats = np.asarray(votes.T @ mass)
    return by_vote.reshape(-1, k, k).transpose(0, 2, 1)


def posterior(votes: Any, log_likelihood: Floats, log_prior: Floats) -> Floats:
    """P(label | votes) float64[p, k], from log P(vote | label) float64[m, k, k] and log P(label) float64[k].

    Linear in the votes, and each pattern on its own: the answer for a row does not depend on the rows beside it.
    """
    k = len(log_prior)
    weights = log_likelihood.transpose(0, 2, 1).reshape(-1, k)
    return softmax(np.asarray(votes @ weights) + log_prior)


def softmax(logits: Floats) -> Floats:
    """Row-wise softmax without overflow."""
    return softmax_in_place(np.array(logits, np.float64))


def softmax_in_place(logits: Floats) -> Floats:
    """The same, in the array that was given: memory that is fresh at every step takes longer than the arithmetic."""
    columns = logits.shape[1]
    if not logits.size or columns > _FEW_COLUMNS:
        logits -= logits.max(axis=1, keepdims=True, initial=-np.inf)
        np.exp(logits, out=logits)
        logits /= logits.sum(axis=1, keepdims=True)
        return logits
    # Column by column: NumPy takes several times as long to reduce many short rows.
    top = logits[:, 0].copy()
    for j in range(1, columns):
        np.maximum(top, logits[:, j], out=top)
    logits -= top[:, None]
    np.exp(logits, out=logits)
    total = logits[:, 0].copy()
    for j in range(1, columns):
        total += logits[:, j]
    logits /= total[:, None]
    return logits


def label_mass(probs: Floats, counts: NDArray[np.int64], gold: NDArray[np.int64]) -> Floats:
    """How many rows of each pattern have each label, float64[p, k]: settled rows count as settled."""
    unsettled = counts - gold.sum(axis=1)
    return np.asarray(probs * unsettled[:, None] + gold)
