"""Prediction-powered estimates: what is predicted for every row sharpens what people settled on some.

A. N. Angelopoulos, J. C. Duchi and T. Zrnic, "PPI++: Efficient Prediction-Powered Inference" (2023), within strata as
in A. Fisch et al., "Stratified Prediction-Powered Inference" (2024). With the whole table known this is the regression
estimator of W. G. Cochran, "Sampling Techniques" (1977), chapter 7; the settled rows count as part of the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from quorate.comparing.population import SILENT, Population
from quorate.estimating.estimates import Floats
from quorate.estimating.intervals import Z95

_ENOUGH = 30
"""Settled rows in a stratum from which on the normal approximation is trusted."""
_FEWEST = 5


@dataclass(frozen=True)
class Powered:
    """A prediction-powered estimate with its 95 % interval.

    `tuning` is how far the prediction was followed, by stratum (0: not at all, 1: in full); `is_trusted`: every stratum
    has enough settled rows, and of each kind, for the normal approximation; `plain_width` is the width without it.
    """

    value: float
    low: float
    high: float
    tuning: tuple[float, ...]
    is_trusted: bool
    plain_width: float


def powered(population: Population, truth: Floats, predicted: Floats) -> Powered | None:
    """The mean of `truth` over all rows; None where a stratum has fewer than two settled rows.

    Args:
        truth: float64[s], of the settled rows.
        predicted: float64[n], of every row; 0 where no source answers, where truth is 0 too.
    """
    at, n = population.settled.position, len(population.side)
    parts: list[_Part] = []
    value, variance, plain = 0.0, 0.0, 0.0
    for side in np.flatnonzero(population.sizes).tolist():
        if side == SILENT:
            continue
        mine, whole = population.side[at] == side, predicted[population.side == side]
        if mine.sum() < 2:
            return None
        part = _part(truth[mine], predicted[at[mine]], whole)
        effect = population.design_effect(
            (truth - part.follow * predicted[at])[:, None], population.side[at].astype(np.int64)
        )
        # Rows that come as these came are without end; of this table the settled ones are known.
        unseen = 1.0 if population.is_sample else 1 - float(mine.sum()) / len(whole)
        share = len(whole) / n
        value += share * part.value
        variance += share**2 * unseen * part.variance * effect
        plain += share**2 * unseen * part.plain * effect
        parts.append(part)
    half = Z95 * sqrt(variance)
    tuning = tuple(part.follow for part in parts)
    trusted = all(part.is_trusted for part in parts)
    return Powered(value, value - half, value + half, tuning, trusted, 2 * Z95 * sqrt(plain))


@dataclass(frozen=True)
class _Part:
    """The estimate of one stratum: its variance with the prediction, and without."""

    value: float
    variance: float
    plain: float
    follow: float
    is_trusted: bool


def _part(y: Floats, f: Floats, whole: Floats) -> _Part:
    n = len(y)
    if (y == y[0]).all() and (whole == y[0]).all():
        # Known without asking: where both say the same, their difference is none.
        return _Part(float(y[0]), 0.0, 0.0, 0.0, is_trusted=True)
    if not _varies(y):
        # So few unlike the rest tell nothing of a slope, and their spread looks like none: half a row is added to each.
        lean = 0.5 if y.min() >= 0 else 0.0
        mean = (float(y.sum()) + lean) / (n + 1)
        spread = (float((y**2).sum()) + 0.5) / (n + 1) - mean**2
        return _Part(mean, spread / n, spread / n, 0.0, is_trusted=False)
    follow = _tuned(y, f)
    value = float(y.mean()) + follow * (float(whole.mean()) - float(f.mean()))
    errors = float((y - follow * f).var(ddof=1)) / n
    return _Part(value, errors, float(y.var(ddof=1)) / n, follow, n >= _ENOUGH)


def _varies(y: Floats) -> bool:
    """Whether enough rows are unlike most: without any, the spread looks like none."""
    return len(y) - int(np.unique(y, return_counts=True)[1].max()) >= _FEWEST


def _tuned(y: Floats, f: Floats) -> float:
    """The share of the prediction to follow that makes the variance smallest, held within 0 and 1."""
    spread = float(f.var(ddof=1))
    return min(max(float(np.cov(y, f)[0, 1]) / spread, 0.0), 1.0) if spread > 1e-12 else 0.0
