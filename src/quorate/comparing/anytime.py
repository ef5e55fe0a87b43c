"""A mean of rows drawn one after another without replacement, with an interval that holds however often one looks.

I. Waudby-Smith and A. Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86 (2024), section 5
and appendix on sampling without replacement: for every candidate mean a gambler bets on the next row; the candidates
that made nobody rich (a factor of 40 on either side) are the interval. Its chance of ever missing is at most 5 %.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_LEVEL = 0.05
_CANDIDATES = 1_001
# A bet may lose at most this share of what there is.
_BOLDEST = 0.75


def anytime_interval(outcomes: Floats, population: int) -> tuple[Floats, Floats]:
    """After each row, the interval of the mean of all `population` rows: (low, high), float64[n] each.

    Args:
        outcomes: float64[n] in [-1, 1], in the order in which rows were drawn at random.
        population: how many rows there are to draw from.

    Raises:
        ValueError: more rows were drawn than there are.
    """
    n = len(outcomes)
    if n > population:
        raise ValueError(f"{n} rows were drawn from {population}")
    unit = (np.asarray(outcomes, np.float64) + 1) / 2
    step = 1 / (_CANDIDATES - 1)
    # Candidates that are still possible, and what the gamblers on either side of each won, as logarithms.
    left, above, below = np.linspace(0, 1, _CANDIDATES), np.zeros(_CANDIDATES), np.zeros(_CANDIDATES)
    low, high, seen = np.zeros(n), np.ones(n), 0.0
    for t, (outcome, bet) in enumerate(zip(unit, _bets(unit), strict=True)):
        # What the rows not yet drawn must average if the candidate is the mean of all.
        rest = (population * left - seen) / (population - t)
        inside = np.clip(rest, 1e-9, 1 - 1e-9)
        above = above + np.log1p(np.minimum(bet, _BOLDEST / inside) * (outcome - inside))
        below = below + np.log1p(-np.minimum(bet, _BOLDEST / (1 - inside)) * (outcome - inside))
        kept = (rest >= 0) & (rest <= 1) & (np.maximum(above, below) < np.log(2 / _LEVEL))
        seen += outcome
        if not kept.any():
            # The last interval stands: nothing is left to narrow it with.
            low[t:], high[t:] = (low[t - 1], high[t - 1]) if t else (0.0, 1.0)
            break
        left, above, below = left[kept], above[kept], below[kept]
        # One step of the grid wider: the mean may lie between two candidates.
        low[t], high[t] = max(left[0] - step, 0.0), min(left[-1] + step, 1.0)
    return 2 * low - 1, 2 * high - 1


def _bets(unit: Floats) -> Floats:
    """The predictable plug-in bets: bold where few rows were seen and they vary little."""
    t = np.arange(1, len(unit) + 1)
    mean = (0.5 + np.cumsum(unit)) / (t + 1)
    variance = (0.25 + np.cumsum((unit - mean) ** 2)) / (t + 1)
    before = np.concatenate([[0.25], variance[:-1]])
    bets: Floats = np.sqrt(2 * np.log(2 / _LEVEL) / (before * t * np.log(t + 1)))
    return bets
