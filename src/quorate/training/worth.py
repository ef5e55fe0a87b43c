"""Worth: how many gold rows teach the same model as much as weak labels do.

The learning curve of the model is measured: it learns from growing samples of the gold rows, several times over, and
is judged on the same rows as ever. The error falls as an inverse power of the rows, a + b n^-c, which is fitted to the
curve and asked where it meets the error of the model on weak labels (C. Cortes et al., "Learning curves: asymptotic
values and rate of convergence", NIPS 1993). Beyond twice the gold rows there are it is not believed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from quorate.protocols import Tell, unheard
from quorate.training.inputs import Floats, Inputs
from quorate.training.judging import FOLDS, Judges, by_group, resampled
from quorate.training.learner import Learner, Lesson

_SMALLEST = 10
_SIZES = 9
_PAST = 2
# Of few rows the luck of the draw is large, and they are learned fast.
_DRAWN_ROWS, _MOST_DRAWS, _FEWEST_DRAWS = 4_000, 10, 4
_REACH = 2.0
_BOOTSTRAP = 300
_SEED = 20_110
_NEAR, _LEAST_ERROR = 0.15, 1e-4
Relation = Literal["about", "at least", "at most", "fewer than", "more than", "unknown"]
_EXPONENTS = np.linspace(0.05, 1.5, 59)


@dataclass(frozen=True, eq=False)
class Curve:
    """Whether the model was right: `right` has bool[draws, judged] for each of the sizes, which are numbers of gold
    rows."""

    sizes: NDArray[np.int64]
    right: tuple[NDArray[np.bool_], ...]


@dataclass(frozen=True)
class Worth:
    """What the 95 % interval allows to say. `relation` "about" so many gold `rows` where both of its ends are told;
    "at least" or "at most" as many, its other end, where one is past what can be told (a flat curve); "fewer than" or
    "more than" as many as were measured; "unknown" where neither end is told.

    `low` and `high` are the ends, None past what can be told; `is_extrapolated` beyond the gold rows that there are to
    learn from.
    """

    relation: Relation
    rows: int
    low: int | None
    high: int | None
    is_extrapolated: bool = False


def learning_curve(
    learner: Learner,
    inputs: Inputs,
    judges: Judges,
    target: float,
    pool: NDArray[np.bool_] | None = None,
    *,
    tell: Tell = unheard,
) -> Curve | None:
    """The curve of models on growing samples of the gold rows outside the fold that they judge; None where there are
    fewer than twice the smallest sample. It ends where two sizes have exceeded the accuracy that is looked for.

    Args:
        pool: the gold rows to draw from, bool[n]; all by default.
    """
    most = min(map(len, _pools(judges, pool)))
    if most < 2 * _SMALLEST:
        return None
    sizes = np.unique(np.geomspace(_SMALLEST, most, _SIZES).round().astype(np.int64)).tolist()
    right: list[NDArray[np.bool_]] = []
    for size in sizes:
        tell(f"learning curve: models on {size:,} gold rows, at most {sizes[-1]:,}")
        right.append(measured(learner, inputs, judges, size, pool))
        if sum(accuracy(r, judges) > target for r in right) >= _PAST:
            break
    return Curve(np.array(sizes[: len(right)]), tuple(right))


def _pools(judges: Judges, pool: NDArray[np.bool_] | None) -> list[NDArray[np.intp]]:
    known = judges.truth >= 0 if pool is None else (judges.truth >= 0) & pool
    return [np.flatnonzero(known & (judges.fold != held)) for held in range(FOLDS)]


def accuracy(right: NDArray[np.bool_], judges: Judges) -> float:
    """The mean over samples of what they got right, bool[draws, judged]."""
    return float(np.average(right.mean(axis=0), weights=judges.weight[judges.at]))


def measured(
    learner: Learner,
    inputs: Inputs,
    judges: Judges,
    size: int,
    pool: NDArray[np.bool_] | None = None,
    *,
    seed: int = _SEED,
) -> NDArray[np.bool_]:
    """Whether models on samples of so many gold rows are right, bool[draws, judged]."""
    draws = int(np.clip(_DRAWN_ROWS // size, _FEWEST_DRAWS, _MOST_DRAWS))
    right = np.zeros((draws, len(judges.truth)), bool)
    settled = np.eye(judges.k)[np.maximum(judges.truth, 0)]
    for draw in range(draws):
        for held, rows in enumerate(_pools(judges, pool)):
            # The same order for every size: a larger sample holds the smaller one.
            order = np.random.default_rng([seed, draw, held]).permutation(rows)
            model = learner.fit(inputs, Lesson.of(settled, np.sort(order[:size])))
            at = judges.at[judges.fold[judges.at] == held]
            if len(at):
                right[draw, at] = model.probabilities(at).argmax(axis=1) == judges.truth[at]
    return right[:, judges.at]


def worth(curve: Curve, judges: Judges, given: NDArray[Any]) -> Worth:
    """How many gold rows give the accuracy of labels int[n]."""
    at = judges.at
    right = (given[at] == judges.truth[at])[None, :]
    weight = judges.weight[at]
    sums = [by_group(judges, (r * weight).T) for r in (*curve.right, right)]
    size = by_group(judges, weight[:, None])
    found = float(_met(curve, *_errors(sums, size, np.ones((1, len(size))), None))[0])
    low, high = np.percentile(list(_redrawn(curve, judges, sums, size)), [2.5, 97.5], method="nearest")
    return _said(curve, found, float(low), float(high))


def _said(curve: Curve, found: float, low: float, high: float) -> Worth:
    """What can be said of a number between these ends: never more than they allow."""
    least, most = int(curve.sizes[0]), int(curve.sizes[-1])
    ends = _told(low, curve), _told(high, curve)
    match ends:
        case (int() as low_told, int() as high_told):
            rows = round(min(max(found, low_told), high_told))
            return Worth("about", rows, *ends, is_extrapolated=rows > most)
        case (_, None) if low > most:
            return Worth("more than", most, *ends)
        case (None, _) if high < least:
            return Worth("fewer than", least, *ends)
        case (int() as low_told, None):
            return Worth("at least", low_told, *ends)
        case (None, int() as high_told):
            return Worth("at most", high_told, *ends, is_extrapolated=high_told > most)
        case _:
            return Worth("unknown", most, *ends)


def _redrawn(curve: Curve, judges: Judges, sums: list[Floats], size: Floats) -> Iterator[float]:
    generator = np.random.default_rng(_SEED)
    for weights in resampled(judges, _BOOTSTRAP):
        yield from _met(curve, *_errors(sums, size, weights, generator))


def _errors(
    sums: list[Floats], size: Floats, weights: Floats, generator: np.random.Generator | None
) -> tuple[Floats, Floats]:
    """The errors of the curve float64[draws, sizes] and of the labels float64[draws]; samples drawn anew with a
    generator."""
    total = weights @ size
    errors = []
    for of_draws in sums:
        each = 1 - (weights @ of_draws) / total
        if generator is not None and each.shape[1] > 1:
            picked = generator.integers(each.shape[1], size=each.shape)
            each = np.take_along_axis(each, picked, axis=1)
        errors.append(each.mean(axis=1))
    return np.stack(errors[:-1], axis=1), errors[-1]


def _met(curve: Curve, errors: Floats, target: Floats) -> Floats:
    """Where the curve fitted to each row of errors meets its target: rows, infinite where it never does."""
    return np.array([_meets(curve.sizes, row, float(t)) for row, t in zip(errors, target, strict=True)])


def _meets(sizes: NDArray[np.int64], errors: Floats, target: float) -> float:
    limit, scale, exponent = _power_law(sizes, errors, target)
    if target <= limit or scale <= 0:
        return np.inf if target <= limit else 0.0
    return float((scale / (target - limit)) ** (1 / exponent))


def _power_law(sizes: NDArray[np.int64], errors: Floats, target: float) -> tuple[float, float, float]:
    """Least squares of error = a + b n^-c with a, b >= 0: for each exponent c it is linear in a and b.

    What counts are relative deviations, and those near the target most: over decades no power law holds exactly.
    """
    known = np.maximum(errors, _LEAST_ERROR)
    weight = 1 / (known * (np.abs(np.log(known / max(target, _LEAST_ERROR))) + _NEAR)) ** 2
    weight /= weight.sum()
    best = (np.inf, 0.0, 0.0, 1.0)
    for c in _EXPONENTS:
        x = sizes ** -float(c)
        off_x, off_y = x - weight @ x, errors - weight @ errors
        b = max(float(weight @ (off_x * off_y)) / float(weight @ off_x**2), 0.0)
        a = float(weight @ errors - b * (weight @ x))
        if a < 0:
            a, b = 0.0, float(weight @ (x * errors)) / float(weight @ x**2)
        loss = float(weight @ (a + b * x - errors) ** 2)
        best = min(best, (loss, a, b, float(c)))
    return best[1:]


def _told(rows: float, curve: Curve) -> int | None:
    """The number where it can be told: from the smallest sample to twice the largest."""
    return round(float(rows)) if curve.sizes[0] <= rows <= _REACH * curve.sizes[-1] else None
