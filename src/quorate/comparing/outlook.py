"""How many more disagreements a person must settle until a difference is known well enough."""

from __future__ import annotations

from math import ceil

import numpy as np
from numpy.typing import NDArray

from quorate.estimating.estimates import Floats
from quorate.estimating.intervals import Z95


def needed(half: float, variance: float, total: int, settled: int, factor: float = Z95) -> int | None:
    """About how many more of `total` disagreements to settle until their mean score is known to `half`; None: never.

    The normal approximation of a mean without replacement: `z² v / n (D - n) / (D - 1) = half²`, solved for n.

    Args:
        factor: half the width of the interval in standard errors, z.
    """
    if total == 0 or half <= 0:
        return None
    c = factor**2 * variance / half**2
    return max(ceil(c * total / (total - 1 + c)) - settled, 0)


def steadied(score: Floats) -> Floats:
    """The scores and two imagined rows, one won by each, which keep a run of luck from looking like certainty."""
    return np.concatenate([score, [1.0, -1.0]])


def spread(score: Floats, part: NDArray[np.int8] | None = None) -> float:
    """The variance of the scores of settled disagreements, within parts of the rows where they are told apart."""
    whole = float(steadied(score).var())
    if part is None:
        return whole
    rows, total = np.bincount(part), np.bincount(part, score)
    left = score - (total / np.maximum(rows, 1))[part]
    return min(whole, (float((left**2).sum()) + 2) / (len(score) + 3 - np.count_nonzero(rows)))
