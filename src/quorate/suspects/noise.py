"""noise: which labels are given in place of which, counted where a model of the rows is surest.

Confident learning (C. Northcutt, L. Jiang and I. Chuang, Journal of Artificial Intelligence Research 70, 2021) counts
the rows that a model holds for a label with confidence against the labels they were given. At the mean confidence that
it takes as the threshold, a model's own mistakes are counted as wrong labels. Mistakes get rarer as a model gets surer
and wrong labels do not, so here the surest tenth of each label counts (anchors, as in G. Patrini et al., CVPR 2017),
and what so few rows say is drawn to what all labels have in common, as far as they do (empirical Bayes).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.frozen import freeze
from quorate.values import ABSTAIN

Floats = NDArray[np.float64]
Given = NDArray[np.int16]

_SUREST = 0.9
# Bounds of the logarithm of a pseudo-count: from one that counts for nothing to one that outweighs every row.
_WEAKEST, _STRONGEST = -5.0, 10.0
_LEAST_RATE, _LARGEST_RATE = 1e-4, 0.9


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """How labels are mistaken for one another.

    `transition` float64[k, k]: P(label i is given | label j is right), columns sum to 1. `counts` int64[k, k]: the
    anchors of label j that were given label i.
    """

    transition: Floats
    counts: NDArray[np.int64]

    def __post_init__(self) -> None:
        freeze(self, transition=np.float64, counts=np.int64)


def noise(probs: Floats, given: Given) -> Noise:
    """The noise that a model of the rows sees in the labels they were given.

    Args:
        probs: P(label | row) float64[n, k] by models that did not see the row.
        given: int16[n], -1 without a label.
    """
    k = probs.shape[1]
    counts = confident_counts(probs, given, _SUREST)
    off = counts * (1.0 - np.eye(k))
    rate = _rates(off.sum(axis=0), counts.sum(axis=0).astype(np.float64))
    transition = rate * _targets(off)
    transition[np.diag_indices(k)] = 1 - rate
    return Noise(transition, counts)


def confident_counts(probs: Floats, given: Given, surest: float | None = None) -> NDArray[np.int64]:
    """The rows that are held for label j with confidence and were given label i, int64[k, k].

    A label is held with confidence where its probability reaches its mean over the rows that were given it, or with
    `surest` this quantile of it; where several are, the most probable counts.
    """
    k = probs.shape[1]
    least = np.full(k, np.inf)
    for y in range(k):
        own = probs[given == y, y]
        if len(own):
            least[y] = own.mean() if surest is None else np.quantile(own, surest)
    held = np.where(probs >= least, probs, -1.0)
    sure = (held.max(axis=1, initial=-1.0) >= 0) & (given != ABSTAIN)
    counts = np.zeros((k, k), np.int64)
    np.add.at(counts, (given[sure], held[sure].argmax(axis=1)), 1)
    return counts


def _rates(wrong: Floats, total: Floats) -> Floats:
    """The share of wrong labels among the rows of each label, drawn to their common share (beta-binomial), [k]."""
    from scipy.special import betaln

    share = float(np.clip(wrong.sum() / max(total.sum(), 1.0), _LEAST_RATE, _LARGEST_RATE))

    def surprise(log_strength: float) -> float:
        a, b = np.exp(log_strength) * share, np.exp(log_strength) * (1 - share)
        return -float((betaln(a + wrong, b + total - wrong) - betaln(a, b)).sum())

    strength = _most_likely(surprise)
    return np.asarray((wrong + strength * share) / (total + strength))


def _targets(off: Floats) -> Floats:
    """P(label i | label j is right and another is given), float64[k, k], drawn to all being alike
    (Dirichlet-multinomial); the diagonal is 0."""
    from scipy.special import gammaln

    k = len(off)
    alike = (1.0 - np.eye(k)) / (k - 1)
    others, total = ~np.eye(k, dtype=bool), off.sum(axis=0)

    def surprise(log_strength: float) -> float:
        strength = np.exp(log_strength)
        each = gammaln(off + strength / (k - 1)) - gammaln(strength / (k - 1))
        return -float((gammaln(strength) - gammaln(total + strength)).sum() + each[others].sum())

    strength = _most_likely(surprise) if k > 2 else 1.0
    return np.asarray((off + strength * alike) / (total + strength))


def _most_likely(surprise: Any) -> float:
    from scipy.optimize import minimize_scalar

    return float(np.exp(minimize_scalar(surprise, bounds=(_WEAKEST, _STRONGEST), method="bounded").x))
