"""The verb: measures how far raters agree, with every coefficient, on all labels and on each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quorate.agreement import coefficients
from quorate.agreement.coefficients import Coefficient
from quorate.agreement.ratings import Ratings
from quorate.agreement.resampling import RESAMPLES, Measured, measure


@dataclass(frozen=True)
class Agreement:
    """How far raters agree: `units` rated at least twice, of them `pairs` of ratings, each coefficient by its name.

    `by_category`: given that one rater chose the label, how often another did too.
    """

    raters: tuple[str, ...]
    units: float
    pairs: float
    coefficients: dict[str, Measured]
    by_category: dict[str, Measured]


def measure_agreement(ratings: Ratings, level: str = "nominal", resamples: int = RESAMPLES) -> Agreement:
    """Every coefficient of the ratings, with 95 % intervals over units (or groups of units).

    Args:
        level: `nominal`, or `ordinal`, `interval`, `ratio` where the order or the values of the categories matter.
        resamples: draws of the bootstrap; the same draws at every call.
    """
    total = ratings.tallies.sum(axis=1)
    measured = [measure(coefficient, ratings, resamples) for coefficient in _coefficients(ratings, level)]
    return Agreement(
        ratings.raters,
        float(ratings.counts[total >= 2].sum()),
        float((ratings.counts * total * (total - 1) / 2).sum()),
        {one.name: one for one in measured},
        {
            name: measure(coefficients.specific(k), ratings, resamples)
            for k, name in enumerate(ratings.categories)
            if ratings.tallies[:, k].any()
        },
    )


def _coefficients(ratings: Ratings, level: str) -> list[Coefficient]:
    weights = coefficients.weights_of(level, ratings.values)
    ordinal = level == "ordinal"
    alpha = coefficients.krippendorff_ordinal(len(weights)) if ordinal else coefficients.krippendorff(weights)
    m = len(ratings.raters)
    kappa = [coefficients.cohen(weights)] if m == 2 else [coefficients.conger(weights, m)] if m > 2 else []
    return [
        coefficients.raw_agreement(np.eye(len(weights))),
        *kappa,
        coefficients.fleiss(weights),
        alpha,
        coefficients.gwet(weights),
        coefficients.brennan_prediger(weights),
    ]
