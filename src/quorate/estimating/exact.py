"""Sums of floats that no order and no cut can change."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

_HALF = 27


def exact_sum(values: NDArray[np.float64]) -> Fraction:
    """The sum of finite numbers as a fraction, nothing rounded."""
    mantissa, exponent = np.frexp(values)
    whole = (mantissa * 2.0**53).astype(np.int64)
    total = Fraction(0)
    for power in np.unique(exponent).tolist():
        of_power = whole[exponent == power]
        # In two halves, whose sums fit into 64 bits for a hundred billion numbers.
        high, low = int((of_power >> _HALF).sum()), int((of_power & (2**_HALF - 1)).sum())
        total += ((high << _HALF) + low) * Fraction(2) ** (power - 53)
    return total
