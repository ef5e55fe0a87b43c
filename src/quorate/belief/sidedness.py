"""Sidedness: whether sources vote for every label, as people and models do, or for one only, as keyword rules do."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.belief.confusion import Floats

TWO_SIDED = 0.5
"""From this share of the pooled entropy on, a source, or all of them together, count as voting for every label."""


def sidedness_by_source(votes: Any, counts: NDArray[Any], k: int) -> Floats:
    """How far each source emits all labels: the entropy of its votes over that of all votes, float64[m]."""
    by_source = _cast(votes, counts, k)
    pooled = _entropy(by_source.sum(axis=0))
    # Rounded: the last bits follow the order of labels and sources, and a threshold is ahead.
    return np.round([_entropy(row) / pooled if pooled else 0.0 for row in by_source], 9)


def sidedness(votes: Any, counts: NDArray[Any], k: int) -> float:
    """The same of all sources together, weighted by their votes."""
    cast = _cast(votes, counts, k).sum(axis=1)
    return round(float(sidedness_by_source(votes, counts, k) @ cast / max(cast.sum(), 1e-12)), 9)


def _cast(votes: Any, counts: NDArray[Any], k: int) -> Floats:
    return np.asarray(votes.T @ counts, np.float64).reshape(-1, k)


def _entropy(counts: Floats) -> float:
    shares = counts[counts > 0] / max(counts.sum(), 1e-12)
    return float(-(shares * np.log(shares)).sum())
