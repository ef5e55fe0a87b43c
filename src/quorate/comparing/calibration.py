"""Does a source know how sure it may be? Its own certainty against what people settled, every row by its weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.comparing.population import Population
from quorate.estimating.estimates import Floats
from quorate.estimating.intervals import wilson
from quorate.values import ABSTAIN

BINS = 10
TARGETS = (0.9, 0.95, 0.99)
_RESAMPLES = 1_000
_FOLDS = 5
_ENOUGH = 50
_SEED = 20_110


@dataclass(frozen=True)
class Bin:
    """Rows of like certainty: the ends, settled rows, mean certainty, and the share that is right with its interval."""

    low: float
    high: float
    rows: int
    certainty: float
    accuracy: float
    accuracy_low: float
    accuracy_high: float


@dataclass(frozen=True)
class Calibration:
    """How far certainty and accuracy part: expected calibration error with its 95 % interval, and the Brier score.

    `coverage` is the share of rows that could be taken on trust at each target accuracy, `thresholds` the certainty
    from which on. `after` has ECE and Brier once the certainty is mapped by rows of other folds (Platt, isotonic).
    """

    rows: int
    bins: list[Bin]
    ece: float
    ece_low: float
    ece_high: float
    brier: float
    coverage: dict[str, float]
    thresholds: dict[str, float | None]
    after: dict[str, dict[str, float]]


def calibrate(population: Population, labels: NDArray[np.int16], certainty: NDArray[np.float32]) -> Calibration | None:
    """The calibration of a source on settled rows with a certainty; None where there are fewer than 50 of them."""
    at = population.settled.position
    known = ~np.isnan(certainty[at]) & (labels[at] != ABSTAIN)
    if known.sum() < _ENOUGH:
        return None
    sure = np.clip(certainty[at][known].astype(np.float64), 0, 1)
    right = population.settled.right(labels)[known].astype(np.float64)
    weight, side = population.weights[known], population.side[at][known]
    edges = _edges(sure)
    coverage, thresholds = _trusted(sure, right, weight)
    low, high = _ece_interval(sure, right, weight, side)
    return Calibration(
        int(known.sum()),
        _bins(sure, right, weight, edges),
        _ece(sure, right, weight, edges),
        low,
        high,
        _brier(sure, right, weight),
        coverage,
        thresholds,
        _after(sure, right, weight),
    )


def _edges(sure: Floats) -> Floats:
    """Bins of about equally many rows: certainties crowd near one."""
    return np.unique(np.quantile(sure, np.linspace(0, 1, BINS + 1)[1:-1], method="inverted_cdf"))


def _bin_sums(sure: Floats, right: Floats, weight: Floats, edges: Floats) -> tuple[Floats, Floats, Floats]:
    place, count = np.searchsorted(edges, sure), len(edges) + 1
    sums = (np.bincount(place, values, minlength=count) for values in (weight, weight * sure, weight * right))
    total, certainty, correct = (np.asarray(each, np.float64) for each in sums)
    return total, certainty, correct


def _bins(sure: Floats, right: Floats, weight: Floats, edges: Floats) -> list[Bin]:
    place = np.searchsorted(edges, sure)
    found = []
    for b in np.unique(place).tolist():
        mine = place == b
        w, accuracy = weight[mine], float(np.average(right[mine], weights=weight[mine]))
        # Unequal weights tell as much as this many equal ones (Kish).
        effective = float(w.sum() ** 2 / (w**2).sum())
        low, high = wilson(accuracy * effective, effective)
        mean = float(np.average(sure[mine], weights=w))
        ends = float(sure[mine].min()), float(sure[mine].max())
        found.append(Bin(*ends, int(mine.sum()), mean, accuracy, low, high))
    return found


def _ece(sure: Floats, right: Floats, weight: Floats, edges: Floats) -> float:
    total, certainty, correct = _bin_sums(sure, right, weight, edges)
    return float(np.abs(certainty - correct).sum() / total.sum())


def _ece_interval(sure: Floats, right: Floats, weight: Floats, side: NDArray[np.int8]) -> tuple[float, float]:
    """A bootstrap over settled rows within each side, shifted by its bias: resampling alone makes the error larger."""
    generator = np.random.default_rng(_SEED)
    groups = [np.flatnonzero(side == s) for s in np.unique(side)]
    edges = _edges(sure)
    drawn = np.empty(_RESAMPLES)
    for i in range(_RESAMPLES):
        at = np.concatenate([generator.choice(group, len(group)) for group in groups])
        drawn[i] = _ece(sure[at], right[at], weight[at], edges)
    middle = _ece(sure, right, weight, edges)
    low, high = np.percentile(drawn, [2.5, 97.5]) - (drawn.mean() - middle)
    return max(float(min(low, middle)), 0.0), float(max(high, middle))


def _brier(sure: Floats, right: Floats, weight: Floats) -> float:
    return float(np.average((sure - right) ** 2, weights=weight))


def _trusted(sure: Floats, right: Floats, weight: Floats) -> tuple[dict[str, float], dict[str, float | None]]:
    """The largest share of rows, the surest first, that is right as often as asked for; ties are taken whole."""
    order = np.argsort(-sure, kind="stable")
    total, correct = np.cumsum(weight[order]), np.cumsum((weight * right)[order])
    last_of_tie = np.append(sure[order][1:] != sure[order][:-1], True)
    coverage: dict[str, float] = {}
    thresholds: dict[str, float | None] = {}
    for target in TARGETS:
        enough = np.flatnonzero((correct / total >= target) & last_of_tie)
        coverage[f"{target:g}"] = float(total[enough[-1]] / total[-1]) if len(enough) else 0.0
        thresholds[f"{target:g}"] = float(sure[order][enough[-1]]) if len(enough) else None
    return coverage, thresholds


def _after(sure: Floats, right: Floats, weight: Floats) -> dict[str, dict[str, float]]:
    """ECE and Brier of certainties that were mapped by what other rows taught, out of fold."""
    from sklearn.model_selection import StratifiedKFold

    if min(right.sum(), len(right) - right.sum()) < _FOLDS:
        return {}
    mapped: dict[str, Floats] = {"platt": np.zeros(len(sure)), "isotonic": np.zeros(len(sure))}
    for learn, test in StratifiedKFold(_FOLDS, shuffle=True, random_state=_SEED).split(sure[:, None], right):
        mapped["platt"][test] = _platt(sure[learn], right[learn], weight[learn], sure[test])
        mapped["isotonic"][test] = _isotonic(sure[learn], right[learn], weight[learn], sure[test])
    return {
        name: {"ece": _ece(p, right, weight, _edges(p)), "brier": _brier(p, right, weight)}
        for name, p in mapped.items()
    }


def _platt(sure: Floats, right: Floats, weight: Floats, asked: Floats) -> Any:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=100.0, max_iter=1_000)
    model.fit(_logit(sure), right, sample_weight=weight / weight.mean())
    return model.predict_proba(_logit(asked))[:, 1]


def _isotonic(sure: Floats, right: Floats, weight: Floats, asked: Floats) -> Any:
    from sklearn.isotonic import IsotonicRegression

    return IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(sure, right, weight).predict(asked)


def _logit(share: Floats) -> Floats:
    inside = np.clip(share, 1e-4, 1 - 1e-4)
    return np.log(inside / (1 - inside))[:, None]
