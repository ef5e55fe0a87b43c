"""A mean of rows drawn one after another without replacement, with an interval that holds however often one looks.

I. Waudby-Smith and A. Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86 (2024), section 5
and appendix on sampling without replacement: for every candidate mean a gambler bets on the next row; the candidates
that made nobody rich (a factor of 40 on either side) are the interval. Its chance of ever missing is at most 5 %.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quorate.comparing.outlook import needed, spread, steadied
from quorate.estimating.estimates import Floats

_LEVEL = 0.05
_CANDIDATES = 1_001
_FEWEST = 5
"""Answers from which on a guess is ventured of how many more it takes."""
# A bet may lose at most this share of what there is.
_BOLDEST = 0.75


@dataclass(frozen=True)
class Anytime:
    """What holds however often one looked: the interval of A - B now, and after how many reviews it left out zero.

    `more`: about how many more disagreements to settle until it does; 0 once it has, None where no number will do.
    """

    low: float
    high: float
    reviews: int
    settled_after: int | None
    is_a_better: bool | None
    more: int | None


def anytime(scores: Floats, disagreements: int, rows: int) -> Anytime:
    """The interval of A - B over all rows that is valid under peeking.

    Args:
        scores: float64[n], 1 where A won, -1 where B did, 0 else: disagreements in the order of being settled.
    """
    share = disagreements / max(rows, 1)
    if not len(scores):
        return Anytime(-share, share, 0, None, None, None)
    low, high = anytime_interval(scores, disagreements)
    apart = np.flatnonzero((low > 0) | (high < 0))
    after = int(apart[0]) if len(apart) else None
    return Anytime(
        float(low[-1]) * share,
        float(high[-1]) * share,
        len(scores),
        None if after is None else after + 1,
        None if after is None else bool(low[after] > 0),
        _more(scores, disagreements, float(high[-1] - low[-1]) / 2) if after is None else 0,
    )


def _more(scores: Floats, disagreements: int, half: float) -> int | None:
    """As many as would do if the interval narrows from here on as the usual one does, and the mean stays."""
    n, mean = len(scores), abs(float(steadied(scores).mean()))
    variance = spread(scores)
    unseen = (disagreements - n) / max(disagreements - 1, 1)
    if n < _FEWEST or mean < 1 / disagreements or unseen <= 0:
        return None
    more = needed(mean, variance, disagreements, n, half / (variance / n * unseen) ** 0.5)
    return None if more is None else max(more, 1)


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
    # Candidates that are still possible, and what a gambler on either side of each has made of 1.
    left, above, below = np.linspace(0, 1, _CANDIDATES), np.ones(_CANDIDATES), np.ones(_CANDIDATES)
    low, high, seen = np.zeros(n), np.ones(n), 0.0
    for t, (outcome, bet) in enumerate(zip(unit, _bets(unit), strict=True)):
        # What the rows not yet drawn must average if the candidate is the mean of all.
        rest = (population * left - seen) / (population - t)
        inside = np.minimum(np.maximum(rest, 1e-9), 1 - 1e-9)
        above = above * (1 + np.minimum(bet, _BOLDEST / inside) * (outcome - inside))
        below = below * (1 - np.minimum(bet, _BOLDEST / (1 - inside)) * (outcome - inside))
        # Who has next to nothing never wins again; numbers any smaller are slow to reckon with.
        above, below = np.maximum(above, 1e-200), np.maximum(below, 1e-200)
        kept = (rest >= 0) & (rest <= 1) & (np.maximum(above, below) < 2 / _LEVEL)
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
