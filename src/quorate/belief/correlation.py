"""Correlation: rules that fire on the same rows more often than the labels explain say less than their number."""

from __future__ import annotations

from typing import Any

import numpy as np

from quorate.belief.confusion import Floats
from quorate.belief.evidence import Evidence

# A correlation is believed from 30 common rows on, and beyond four standard errors.
_FEWEST_ROWS = 30
_SURE = 4.0
_MANY_SOURCES = 1500


def discounts(evidence: Evidence, probs: Floats) -> Floats:
    """How much each vote of a source counts, float64[m, k] in (0, 1]: the mean of 1 / (1 + sum of correlations).

    The correlation of two sources that vote for label l is that of "votes l" given whether the row is l, by the
    beliefs `probs` float64[p, k]; the sum is over the sources that voted alike on the row.
    """
    m, k = len(evidence.weights), evidence.k
    counted = np.ones((m, k))
    if m > _MANY_SOURCES:
        return counted
    for y in range(k):
        said = evidence.votes[:, y::k].tocsr()
        correlations = _correlations(said, evidence.counts, probs[:, y])
        if correlations.any():
            at = said.tocoo()
            beside = np.asarray(said @ correlations)[at.row, at.col]
            rows = evidence.counts[at.row]
            total = np.bincount(at.col, rows, m)
            share = np.bincount(at.col, rows / (1 + beside), m) / np.maximum(total, 1e-12)
            counted[:, y] = np.where(total > 0, share, 1.0)
    return counted


def discounted_shares(evidence: Evidence, counted: Floats) -> Floats:
    """Majority vote with every vote counted as `counted` float64[m, k] says, float64[p, k]."""
    k = evidence.k
    counts = np.stack([evidence.votes[:, y::k] @ counted[:, y] for y in range(k)], axis=1)
    total = counts.sum(axis=1, keepdims=True)
    return np.where(total > 0, counts / np.maximum(total, 1e-12), 1 / k)


def _correlations(voted: Any, counts: Floats, probs: Floats) -> Floats:
    """Significant correlations of the sources' votes for one label given the label, float64[m, m], 0 elsewhere."""
    together = np.asarray((voted.T @ voted.multiply(counts[:, None]).tocsr()).toarray())
    covariance, variance, chance = np.zeros_like(together), np.zeros(len(together)), np.zeros_like(together)
    for rows in (counts * probs, counts * (1 - probs)):
        weighted = voted.multiply(rows[:, None]).tocsr()
        times, total = np.asarray(weighted.sum(axis=0)).ravel(), rows.sum() + 1e-9
        own = times * (1 - times / total)
        covariance += np.asarray((voted.T @ weighted).toarray()) - np.outer(times, times) / total
        variance += own
        chance += np.outer(own, own) / total
    correlation = covariance / np.sqrt(np.maximum(np.outer(variance, variance), 1e-12))
    sure = (together >= _FEWEST_ROWS) & (covariance > _SURE * np.sqrt(np.maximum(chance, 1e-12)))
    np.fill_diagonal(sure, val=False)
    return np.where(sure, np.clip(correlation, 0.0, 1.0), 0.0)
