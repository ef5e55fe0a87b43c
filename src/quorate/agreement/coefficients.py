"""Coefficients of agreement, each as a smooth function of sums over units.

Written so, one function gives the value, its bootstrap (sums of resampled units, all at once) and its standard error
(the delta method, with the exact derivative by a complex step). Sums over units have the shape [..., f].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.agreement.ratings import Floats, Ratings
from quorate.values import ABSTAIN

Sums = NDArray[Any]
"""float64[..., f], or complex128 where a derivative is taken."""
LEVELS = ("nominal", "ordinal", "interval", "ratio")
_TINY = 1e-12


@dataclass(frozen=True, eq=False)
class Coefficient:
    """`features(ratings)` gives float64[p, f], one row for each distinct unit; `value(sums)` is the coefficient."""

    name: str
    features: Callable[[Ratings], Floats]
    value: Callable[[Sums], Sums]


def raw_agreement(weights: Floats) -> Coefficient:
    """The share of pairs of raters that agree, a mean over units that at least two rated."""
    return Coefficient("agreement", lambda r: _shares(r, weights), lambda s: _ratio(s[..., 0], s[..., 1]))


def cohen(weights: Floats) -> Coefficient:
    """Cohen's kappa of two raters (1960; weighted 1968): chance is each rater's own distribution.

    Units that only one of the two rated are left out.
    """
    q = len(weights)

    def features(ratings: Ratings) -> Floats:
        if len(ratings.raters) != 2:
            raise ValueError("Cohen's kappa is of two raters; for more, use Conger's")
        both = (ratings.matrix != ABSTAIN).all(axis=1)
        return np.hstack([_shares(ratings, weights), _one_hot(ratings) * both[:, None]])

    def value(sums: Sums) -> Sums:
        a, b = _over_total(sums[..., 2 : 2 + q]), _over_total(sums[..., 2 + q :])
        return _corrected(sums, _form(a, weights, b))

    return Coefficient("cohen_kappa", features, value)


def conger(weights: Floats, raters: int) -> Coefficient:
    """Conger's kappa (1980), Cohen's for any number of raters, with missing ratings as in Gwet (2014, chapter 2)."""
    q = len(weights)

    def value(sums: Sums) -> Sums:
        each = _over_total(sums[..., 2:].reshape(*sums.shape[:-1], raters, q))
        mean = each.mean(axis=-2)
        spread = np.einsum("...gk,...gl->...kl", each, each) / raters - mean[..., :, None] * mean[..., None, :]
        chance = _form(mean, weights, mean)
        return _corrected(sums, chance - np.einsum("...kl,kl->...", spread, weights) / (raters - 1))

    return Coefficient("conger_kappa", lambda r: np.hstack([_shares(r, weights), _one_hot(r)]), value)


def fleiss(weights: Floats) -> Coefficient:
    """Fleiss' kappa (1971), which for two raters is Scott's pi (1955); units may have any number of ratings."""

    def value(sums: Sums) -> Sums:
        prevalence = _ratio(sums[..., 2:-1], sums[..., -1:])
        return _corrected(sums, _form(prevalence, weights, prevalence))

    return Coefficient("fleiss_kappa", lambda r: np.hstack([_shares(r, weights), _prevalence(r)]), value)


def gwet(weights: Floats) -> Coefficient:
    """Gwet's AC1 (2008), and AC2 where weights are given: chance is what raters do who do not know the unit.

    The number of categories is that of the scheme, chosen or not.
    """
    q = len(weights)

    def value(sums: Sums) -> Sums:
        prevalence = _ratio(sums[..., 2:-1], sums[..., -1:])
        chance = (prevalence * (1 - prevalence)).sum(axis=-1) * weights.sum() / (q * (q - 1)) if q > 1 else np.nan
        return _corrected(sums, chance)

    name = "gwet_ac1" if _is_identity(weights) else "gwet_ac2"
    return Coefficient(name, lambda r: np.hstack([_shares(r, weights), _prevalence(r)]), value)


def brennan_prediger(weights: Floats) -> Coefficient:
    """Brennan and Prediger's coefficient (1981), also Randolph's free-marginal kappa: chance is one over categories."""
    chance = weights.sum() / len(weights) ** 2
    return Coefficient("brennan_prediger", lambda r: _shares(r, weights), lambda s: _corrected(s, chance))


def krippendorff(weights: Floats) -> Coefficient:
    """Krippendorff's alpha (2011) with the distance 1 - weight: nominal for identity weights."""
    distance = 1 - weights

    def features(ratings: Ratings) -> Floats:
        tallies, share = _pairable(ratings)
        apart = _form(tallies, distance, tallies) * share
        return np.column_stack([apart, tallies * (share > 0)[:, None]])

    def value(sums: Sums) -> Sums:
        chosen = sums[..., 1:]
        expected = _form(chosen, distance, chosen)
        return np.asarray(1 - (chosen.sum(axis=-1) - 1) * _ratio(sums[..., 0], expected))

    return Coefficient("krippendorff_alpha", features, value)


def krippendorff_ordinal(categories: int) -> Coefficient:
    """Krippendorff's alpha with his ordinal distance, which counts the ratings that lie between two categories."""
    q = categories

    def features(ratings: Ratings) -> Floats:
        tallies, share = _pairable(ratings)
        together = np.einsum("pc,pk->pck", tallies, tallies) - np.einsum("pc,ck->pck", tallies, np.eye(q))
        return np.asarray((together * share[:, None, None]).reshape(len(tallies), q * q))

    def value(sums: Sums) -> Sums:
        observed = sums.reshape(*sums.shape[:-1], q, q)
        chosen = observed.sum(axis=-1)
        # Half-way through each category's own ratings, counted from the lowest one.
        rank = np.cumsum(chosen, axis=-1) - chosen / 2
        distance = (rank[..., :, None] - rank[..., None, :]) ** 2
        expected = np.einsum("...c,...k,...ck->...", chosen, chosen, distance)
        return np.asarray(1 - (chosen.sum(axis=-1) - 1) * _ratio((observed * distance).sum(axis=(-2, -1)), expected))

    return Coefficient("krippendorff_alpha", features, value)


def specific(category: int) -> Coefficient:
    """Given that one rater chose the category, how often another did too (Cicchetti and Feinstein 1990)."""

    def features(ratings: Ratings) -> Floats:
        tallies, share = _pairable(ratings)
        chosen = tallies[:, category]
        return np.column_stack([chosen * (chosen - 1) * share, chosen * (share > 0)])

    return Coefficient("specific_agreement", features, lambda s: _ratio(s[..., 0], s[..., 1]))


def weights_of(level: str, values: Floats) -> Floats:
    """How far each pair of categories counts as agreeing, float64[q, q], 1 on the diagonal.

    `nominal` is identity; `ordinal` is 1 - C(|i - j| + 1, 2) / max (Gwet 2014); `interval` is quadratic in the values;
    `ratio` is 1 - ((a - b) / (a + b))² / max.
    """
    if level not in LEVELS:
        raise ValueError(f"the level of measurement is one of {', '.join(LEVELS)}, not {level!r}")
    if level == "nominal":
        return np.eye(len(values))
    a, b = values[:, None], values[None, :]
    if level == "ordinal":
        steps = np.abs(np.subtract.outer(np.arange(len(values)), np.arange(len(values)))) + 1
        distance = steps * (steps - 1) / 2.0
    elif level == "interval":
        distance = (a - b) ** 2
    else:
        distance = np.divide(a - b, a + b, out=np.zeros((len(values), len(values))), where=(a + b) != 0) ** 2
    return np.asarray(1 - distance / max(distance.max(initial=0), _TINY))


def _shares(ratings: Ratings, weights: Floats) -> Floats:
    """The share of agreeing pairs in each unit, and whether it has a pair, float64[p, 2]."""
    tallies = ratings.tallies
    total = tallies.sum(axis=1)
    pairs = total * (total - 1)
    agreeing = _form(tallies, weights, tallies) - total
    rated_twice = total >= 2
    share = np.divide(agreeing, pairs, out=np.zeros(len(total)), where=rated_twice)
    return np.column_stack([share, rated_twice])


def _prevalence(ratings: Ratings) -> Floats:
    """Each unit's distribution of ratings, and whether it has any, float64[p, q + 1]."""
    total = ratings.tallies.sum(axis=1, keepdims=True)
    share = np.divide(ratings.tallies, total, out=np.zeros_like(ratings.tallies), where=total > 0)
    return np.hstack([share, total > 0])


def _one_hot(ratings: Ratings) -> Floats:
    """What each rater said, float64[p, m * q]."""
    chosen = ratings.matrix[:, :, None] == np.arange(len(ratings.categories))
    return np.asarray(chosen.reshape(len(ratings.matrix), -1), dtype=np.float64)


def _pairable(ratings: Ratings) -> tuple[Floats, Floats]:
    """The tallies, and one over the ratings less one, 0 where a unit has no pair."""
    total = ratings.tallies.sum(axis=1)
    return ratings.tallies, np.divide(1, total - 1, out=np.zeros(len(total)), where=total >= 2)


def _form(a: Sums, weights: Floats, b: Sums) -> Sums:
    """`a W b`, summed over the categories."""
    return np.asarray(((a @ weights) * b).sum(axis=-1))


def _corrected(sums: Sums, chance: Sums | float) -> Sums:
    return _ratio(_ratio(sums[..., 0], sums[..., 1]) - chance, 1 - np.asarray(chance))


def _over_total(sums: Sums) -> Sums:
    return _ratio(sums, sums.sum(axis=-1, keepdims=True))


def _ratio(above: Sums, below: Sums) -> Sums:
    """`above / below`, NaN where nothing is below."""
    above, below = np.broadcast_arrays(above, below)
    out = np.full(below.shape, np.nan, dtype=np.result_type(above, below))
    return np.divide(above, below, out=out, where=np.abs(below) > _TINY)


def _is_identity(weights: Floats) -> bool:
    return bool((weights == np.eye(len(weights))).all())
