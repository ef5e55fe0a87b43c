"""Intervals for shares."""

from __future__ import annotations

from math import sqrt

Z95 = 1.959963984540054


def wilson(right: float, total: float) -> tuple[float, float]:
    """The 95 % Wilson score interval of a share; (0, 1) without observations.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    if total <= 0:
        return 0.0, 1.0
    share, z2 = right / total, Z95 * Z95
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = Z95 * sqrt(share * (1 - share) / total + z2 / (4 * total * total)) / (1 + z2 / total)
    return max(middle - half, 0.0), min(middle + half, 1.0)
