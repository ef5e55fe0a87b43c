"""estimate: how many labels are wrong in all, and how far that is to be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from quorate.estimating.intervals import wilson
from quorate.suspects.noise import Floats, Given, Noise, confident_counts
from quorate.values import ABSTAIN

Trust = Literal["good", "fair", "none"]
# Landis and Koch (1977) call agreement beyond chance above .8 almost perfect and below .4 fair at most.
_GOOD, _FAIR = 0.8, 0.4


@dataclass(frozen=True, slots=True)
class Estimate:
    """So many of the labels are wrong: `rows`, between `low` and `high`.

    `agreement` is the share of rows of which the models, out of fold, say the given label, `kappa` the same beyond
    chance: where they hardly do, wrong labels cannot be told from mistakes of the models, and `trust` is "none".
    """

    rows: float
    low: float
    high: float
    agreement: float
    kappa: float
    trust: Trust


def estimate(
    probs: Floats,
    given: Given,
    seen: Noise,
    suspicion: NDArray[np.float64],
    own_doubt: NDArray[np.float64] | None = None,
) -> Estimate:
    """The number of wrong labels: the mean of two counts, one of which takes mistakes of the models for wrong labels,
    while the other takes some wrong labels for mistakes of the models.

    The first is the share of wrong labels among the anchors of each label, the second the sum of all suspicion. The
    range spans both, the sampling error of the first, and the joint count of confident learning.

    Models that learned from labels of votes share the mistakes of these, so of such labels the sum of all suspicion
    is the estimate, `own_doubt` (1 - P(given label | votes)) widens the range, and the trust is never "good".
    """
    known = given != ABSTAIN
    rows = int(known.sum())
    if not rows:
        return Estimate(0.0, 0.0, 0.0, 0.0, 0.0, "none")
    said = probs[known].argmax(axis=1)
    share = np.bincount(said, minlength=probs.shape[1]) / rows
    by_anchors = float(share @ (1 - np.diag(seen.transition)))
    by_suspicion = float(suspicion[known].mean())
    total = int(seen.counts.sum())
    low, high = wilson(total - int(np.trace(seen.counts)), total)
    ends: tuple[float, ...] = (0.0, 1.0)
    if total:
        ends = (by_anchors, by_suspicion, low, high, _joint_share(probs, given))
    agreement, kappa = _agreement(said, given[known], probs.shape[1])
    trust: Trust = "good" if kappa >= _GOOD else "fair" if kappa >= _FAIR else "none"
    middle = (by_anchors + by_suspicion) / 2
    if own_doubt is not None:
        middle, ends = by_suspicion, (*ends, by_suspicion, float(own_doubt[known].mean()))
        trust = "fair" if trust == "good" else trust
    return Estimate(middle * rows, min(ends) * rows, max(ends) * rows, agreement, kappa, trust)


def _joint_share(probs: Floats, given: Given) -> float:
    """The share of wrong labels by the confident joint, its rows calibrated to how often each label was given."""
    counts = confident_counts(probs, given).astype(np.float64)
    many = np.bincount(given[given != ABSTAIN], minlength=len(counts)).astype(np.float64)
    sums = counts.sum(axis=1)
    right = np.divide(np.diag(counts), sums, out=np.ones(len(counts)), where=sums > 0)
    return float(many @ (1 - right) / many.sum())


def _agreement(said: NDArray[np.intp], given: NDArray[np.int16], k: int) -> tuple[float, float]:
    """How often two columns of labels are the same, and the same beyond chance (Cohen's kappa)."""
    same = float((said == given).mean())
    by_chance = float((np.bincount(said, minlength=k) / len(said)) @ (np.bincount(given, minlength=k) / len(given)))
    return same, (same - by_chance) / (1 - by_chance) if by_chance < 1 else 0.0
