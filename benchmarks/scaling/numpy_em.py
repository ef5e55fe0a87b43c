"""The floor: Dawid-Skene as one writes it in an afternoon, numpy alone, a source that abstains says nothing.

Expectation and maximisation run over the distinct rows with their counts, a gather and a bincount for each source.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_ITERATIONS, _CONVERGED, _SMOOTHING = 50, 1e-3, 0.01


def folded(matrix: Any, labels: int) -> tuple[Any, Any, Any]:
    """The distinct rows, the place of each row among them, and how often each occurs."""
    if matrix.shape[1] * np.log2(labels + 1) < 63:
        code = np.zeros(len(matrix), np.int64)
        for column in matrix.T:
            code = code * (labels + 1) + (column + 1)
    else:
        code = np.ascontiguousarray(matrix).view(f"V{matrix.shape[1] * matrix.itemsize}").reshape(-1)
    _, first, where = np.unique(code, return_index=True, return_inverse=True)
    return matrix[first], where, np.bincount(where)


def fitted(patterns: Any, counts: Any, labels: int) -> tuple[Any, Any]:
    """Log probabilities of what each source says, given the label (0 where it abstains), [m, k+1, k]; log prior [k]."""
    shares = np.stack([(patterns == y).sum(axis=1) for y in range(labels)], axis=1)
    probs = shares / shares.sum(axis=1, keepdims=True)
    for _ in range(_ITERATIONS):
        weights, prior = _maximised(patterns, probs * counts[:, None], labels)
        before, probs = probs, posterior(patterns, weights, prior)
        if np.abs(probs - before).max() < _CONVERGED:
            break
    return weights, prior


def posterior(patterns: Any, weights: Any, prior: Any) -> Any:
    """P(label | what the sources said), [p, k]."""
    score = np.tile(prior, (len(patterns), 1))
    for said, weight in zip(patterns.T, weights, strict=True):
        score += weight[said]
    score = np.exp(score - score.max(axis=1, keepdims=True))
    return score / score.sum(axis=1, keepdims=True)


def _maximised(patterns: Any, mass: Any, labels: int) -> tuple[Any, Any]:
    weights = np.zeros((patterns.shape[1], labels + 1, labels))
    for said, weight in zip(patterns.T, weights, strict=True):
        for y in range(labels):
            # A vote of -1 indexes the last place, which stays 0: silence tells nothing.
            weight[:labels, y] = np.bincount(said + 1, mass[:, y], labels + 1)[1:] + _SMOOTHING
        weight[:labels] = np.log(weight[:labels] / weight[:labels].sum(axis=0))
    prior = mass.sum(axis=0) + _SMOOTHING
    return weights, np.log(prior / prior.sum())
