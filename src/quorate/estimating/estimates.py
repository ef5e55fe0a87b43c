"""What a whole table holds, from the few rows that people settled: a posterior over the rows that nobody has seen.

Rows fall into strata whose sizes are known; within a stratum the settled rows are a random sample. Each stratum's
unseen rows follow a Dirichlet-multinomial posterior, so that an estimate is design-weighted, an interval knows that
the table is finite (with every row settled it has no width), and a share of 10 in 10 is not taken for certainty.

J. M. Bernardo and A. F. M. Smith, "Bayesian Theory" (1994), sections 3.2 and 5.4; the Jeffreys prior as in L. D. Brown,
T. T. Cai and A. DasGupta, "Interval estimation for a binomial proportion", Statistical Science 16 (2001).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
DRAWS = 4_000
_JEFFREYS = 0.5
_SEED = 20_110


@dataclass(frozen=True)
class Estimated:
    """An estimate with its 95 % interval, and from how many settled rows it comes."""

    value: float
    low: float
    high: float
    rows: int

    def __sub__(self, other: float) -> Estimated:
        return Estimated(self.value - other, self.low - other, self.high - other, self.rows)


def posterior_totals(
    settled: Floats,
    sizes: Floats,
    draws: int = DRAWS,
    *,
    prior: Floats | float = _JEFFREYS,
    counts_as: float = 1.0,
    seed: int = _SEED,
) -> NDArray[np.int64]:
    """How many rows of each outcome the whole table has, drawn from the posterior: int64[draws, h, c].

    Args:
        settled: float64[h, c], the settled rows of each stratum by outcome.
        sizes: float64[h], the rows of each stratum, settled ones included.
        prior: float64[h, c], what the Dirichlet prior counts for each outcome; 0 where it cannot be.
        counts_as: as how many rows of their own a settled row counts; below 1 where rows come in groups.

    Raises:
        ValueError: more rows are settled in a stratum than it has.
    """
    seen = settled.sum(axis=1)
    if (seen > sizes).any():
        raise ValueError("a stratum has fewer rows than were settled in it")
    generator = np.random.default_rng(seed)
    unseen = generator.multinomial(
        (sizes - seen).astype(np.int64), _shares(generator, settled * counts_as + prior, draws)
    )
    return settled.astype(np.int64) + unseen


def posterior_shares(
    settled: Floats,
    sizes: Floats,
    draws: int = DRAWS,
    *,
    prior: Floats | float = _JEFFREYS,
    counts_as: float = 1.0,
    seed: int = _SEED,
) -> Floats:
    """The share of each outcome among rows that come as these came, drawn from the posterior: float64[draws, h, c].

    The table itself is taken for a sample then: also the sizes of the strata could have been others.
    """
    generator = np.random.default_rng(seed)
    strata = _shares(generator, np.asarray(sizes, np.float64)[None, :] * counts_as, draws)[:, 0, :]
    return np.asarray(strata[:, :, None] * _shares(generator, settled * counts_as + prior, draws))


def _shares(generator: np.random.Generator, counts: Floats, draws: int) -> Floats:
    share: Floats = generator.standard_gamma(counts, size=(draws, *counts.shape))
    total = share.sum(axis=2, keepdims=True)
    # A stratum without rows, settled or not, has no share of anything.
    return np.asarray(np.divide(share, total, out=np.zeros_like(share), where=total > 0))


def estimated(drawn: Floats, rows: int) -> Estimated:
    """The mean and the central 95 % of draws of one quantity; NaN where it is undefined in all of them."""
    defined = drawn[~np.isnan(drawn)]
    if not len(defined):
        return Estimated(np.nan, np.nan, np.nan, rows)
    low, high = np.percentile(defined, [2.5, 97.5])
    return Estimated(float(defined.mean()), float(low), float(high), rows)
