"""agreement: how far people who read the same rows say the same, with intervals.

Cohen's kappa for two raters, Fleiss' kappa for more; Krippendorff's alpha (nominal); Gwet's AC1, which holds where
one label is rare. Intervals are percentile bootstraps over rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
_RESAMPLES = 2_000
_SEED = 20_261_121


@dataclass(frozen=True, slots=True)
class Coefficient:
    """One coefficient and its 95 % interval; None where it is not defined, as where everybody always says the same."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far raters agree on `rows` that two or more of them rated; `same` is the mean share of pairs that agree."""

    rows: int
    same: Coefficient
    kappa: Coefficient
    alpha: Coefficient
    ac1: Coefficient


def agreement(ratings: ArrayLike, categories: int) -> Agreement:
    """The agreement of ratings int[n, r] in 0..categories-1, -1 where a rater did not rate.

    `categories` counts all there are, whether used or not: AC1 depends on it.
    """
    given = np.asarray(ratings, np.int64)
    given = given[(given >= 0).sum(axis=1) >= 2] if given.size else given.reshape(0, 2)
    if not len(given):
        nothing = Coefficient(None, None, None)
        return Agreement(0, nothing, nothing, nothing, nothing)
    # All coefficients are functions of sums over rows, so that rows of the same ratings are drawn together.
    distinct, counts = np.unique(given, axis=0, return_counts=True)
    drawn = np.random.default_rng(_SEED).multinomial(len(given), counts / len(given), size=_RESAMPLES)
    weights = np.vstack([counts, drawn]).astype(np.float64)
    tallies = np.stack([(distinct == y).sum(axis=1) for y in range(categories)], axis=1).astype(np.float64)
    kappa = _cohen(distinct, categories) if given.shape[1] == 2 else _fleiss(tallies)
    measures = (_same(tallies), kappa, _alpha(tallies), _ac1(tallies))
    return Agreement(len(given), *(_coefficient(measure(weights)) for measure in measures))


Measure = Callable[[Floats], Floats]


def _same(tallies: Floats) -> Measure:
    raters = tallies.sum(axis=1)
    agree = (tallies * (tallies - 1)).sum(axis=1) / (raters * (raters - 1))
    return lambda weights: weights @ agree / weights.sum(axis=1)


def _cohen(ratings: NDArray[np.int64], categories: int) -> Measure:
    first, second = (np.eye(categories)[ratings[:, rater]] for rater in (0, 1))
    agree = (ratings[:, 0] == ratings[:, 1]).astype(np.float64)

    def measure(weights: Floats) -> Floats:
        rows = weights.sum(axis=1)
        chance = ((weights @ first) * (weights @ second)).sum(axis=1) / rows**2
        return _beyond(weights @ agree / rows, chance)

    return measure


def _fleiss(tallies: Floats) -> Measure:
    same, share = _same(tallies), tallies / tallies.sum(axis=1, keepdims=True)

    def measure(weights: Floats) -> Floats:
        used = weights @ share / weights.sum(axis=1, keepdims=True)
        return _beyond(same(weights), (used**2).sum(axis=1))

    return measure


def _ac1(tallies: Floats) -> Measure:
    same, share = _same(tallies), tallies / tallies.sum(axis=1, keepdims=True)

    def measure(weights: Floats) -> Floats:
        used = weights @ share / weights.sum(axis=1, keepdims=True)
        chance = (used * (1 - used)).sum(axis=1) / max(tallies.shape[1] - 1, 1)
        return _beyond(same(weights), chance)

    return measure


def _alpha(tallies: Floats) -> Measure:
    coincide = (tallies * (tallies - 1)).sum(axis=1) / (tallies.sum(axis=1) - 1)

    def measure(weights: Floats) -> Floats:
        used = weights @ tallies
        every = used.sum(axis=1)
        differ, expected = every - weights @ coincide, every**2 - (used**2).sum(axis=1)
        defined = expected > 0
        ratio = np.divide((every - 1) * differ, expected, out=np.full(len(weights), np.nan), where=defined)
        return np.asarray(1 - ratio)

    return measure


def _beyond(agreed: Floats, chance: Floats) -> Floats:
    """The agreement beyond chance as a share of what was possible; NaN where chance explains everything."""
    possible = 1 - chance
    found: Floats = np.full(len(agreed), np.nan)
    np.divide(agreed - chance, possible, out=found, where=possible > 1e-12)
    return found


def _coefficient(values: Floats) -> Coefficient:
    """The first value, and the interval of the others; resamples in which it is not defined are left out."""
    if np.isnan(values[0]):
        return Coefficient(None, None, None)
    drawn = values[~np.isnan(values)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Coefficient(float(values[0]), float(low), float(high))
