"""How far a coefficient could be off: percentile bootstrap over units, or the delta method where units are too many."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan, sqrt

import numpy as np

from quorate.agreement.coefficients import Coefficient, Sums
from quorate.agreement.ratings import Floats, Ratings
from quorate.estimating.intervals import Z95

RESAMPLES = 2_000
_SEED = 20_110
# With more distinct units, drawing them costs seconds, and the delta method is as good.
_MOST_DISTINCT = 2_000
_DRAWS_AT_ONCE = 4_000_000
_STEP = 1e-20


@dataclass(frozen=True)
class Measured:
    """A coefficient with its 95 % interval and standard error; NaN and a reason where it is undefined.

    `undefined_draws` counts resamples in which it was undefined; they are left out of the interval.
    """

    name: str
    value: float
    low: float
    high: float
    standard_error: float
    undefined: str = ""
    undefined_draws: int = 0


def measure(coefficient: Coefficient, ratings: Ratings, resamples: int = RESAMPLES) -> Measured:
    """The coefficient of the ratings; the bootstrap draws units, or whole groups of them."""
    features = coefficient.features(ratings) if len(ratings.counts) else np.zeros((0, 2))
    weighted = features * ratings.counts[:, None]
    sums = weighted.sum(axis=0)
    value = float(coefficient.value(sums)) if len(features) else np.nan
    if isnan(value):
        return Measured(coefficient.name, value, np.nan, np.nan, np.nan, why_undefined(ratings))
    units, counts = _units(ratings, features, weighted)
    error = _standard_error(coefficient, units, counts)
    if len(units) > _MOST_DISTINCT:
        return Measured(coefficient.name, value, value - Z95 * error, min(value + Z95 * error, 1.0), error)
    drawn = _bootstrap(coefficient, units, counts, resamples)
    defined = drawn[~np.isnan(drawn)]
    low, high = np.percentile(defined, [2.5, 97.5]) if len(defined) else (np.nan, np.nan)
    return Measured(
        coefficient.name, value, min(low, value), max(high, value), error, undefined_draws=resamples - len(defined)
    )


def why_undefined(ratings: Ratings) -> str:
    """Why no chance-corrected agreement can be given."""
    if len(ratings.tallies) == 0:
        return "there are no units"
    pairable = ratings.tallies[ratings.tallies.sum(axis=1) >= 2]
    if len(pairable) == 0:
        return "no unit was rated twice: there is one rater, or none that overlap"
    if (pairable.sum(axis=0) > 0).sum() == 1:
        only = ratings.categories[int(pairable.sum(axis=0).argmax())]
        return f"every rating is {only!r}: what chance would do is all that was done"
    return "chance alone would agree on everything that was rated"


def _units(ratings: Ratings, features: Floats, weighted: Floats) -> tuple[Floats, Floats]:
    """What is drawn: distinct units with their counts, or groups, each once."""
    if ratings.groups is None:
        return _fold(features, ratings.counts)
    groups = np.zeros((int(ratings.groups.max()) + 1, features.shape[1]))
    np.add.at(groups, ratings.groups, weighted)
    return groups, np.ones(len(groups))


def _fold(features: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Units that no coefficient can tell apart are drawn as one, where that is cheap to find."""
    if features.shape[1] > 3:
        return features, counts
    # Of one label most units say nothing: they are one unit before anything is sorted.
    told = features.any(axis=1)
    distinct, inverse = np.unique(features[told], axis=0, return_inverse=True)
    rows = np.bincount(inverse.ravel(), weights=counts[told], minlength=len(distinct)).astype(np.float64)
    if told.all():
        return distinct, rows
    return np.vstack([np.zeros(features.shape[1]), distinct]), np.concatenate([[counts[~told].sum()], rows])


def _standard_error(coefficient: Coefficient, units: Floats, counts: Floats) -> float:
    """The delta method over units drawn independently (for Cohen's kappa that of Fleiss, Cohen and Everitt 1969)."""
    sums = counts @ units
    steps = sums.astype(np.complex128) + 1j * _STEP * np.eye(len(sums))
    gradient = coefficient.value(steps).imag / _STEP
    pull = units @ gradient
    total = counts.sum()
    return sqrt(max(float(counts @ pull**2) - float(counts @ pull) ** 2 / total, 0.0))


def _bootstrap(coefficient: Coefficient, units: Floats, counts: Floats, resamples: int) -> Sums:
    generator = np.random.default_rng(_SEED)
    total = round(counts.sum())
    share = counts / counts.sum()
    size = max(_DRAWS_AT_ONCE // len(units), 1)
    drawn = [
        coefficient.value(generator.multinomial(total, share, size=min(size, resamples - start)) @ units)
        for start in range(0, resamples, size)
    ]
    return np.concatenate(drawn)
