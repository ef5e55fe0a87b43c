"""Ratios: what a vote says of each label, counted on majority vote, as class-balanced log likelihood ratios.

A rule that votes for one label only tells labels apart by *whether* it fires, which P(vote | label, voted) cannot
hold. P(label | vote) can: it is counted with every label given the same mass, shrunk to the pooled precision of the
vote's label, and never lets a vote speak for another label more than for its own.
"""

from __future__ import annotations

import numpy as np

from quorate.belief.confusion import Floats
from quorate.belief.evidence import DECIMALS, Belief, Evidence

# More steps of self-training hurt; a vote of a rule seen ten times is half believed.
_STEPS = 3
_SHRINKAGE = 10.0
# A source that votes for several labels is mostly judged as a whole: this share of what is said of its single votes.
_OF_EACH_VOTE = 0.3


def fit_ratios(evidence: Evidence, discounts: Floats | None = None, anchor: Floats | None = None) -> Floats:
    """log P(label | vote) / P(label), float64[m, k, k]: source, label, vote.

    Args:
        discounts: float64[m], how much each source's evidence counts beside the sources that it is correlated with.
        anchor: float64[p, k], the beliefs to start from and to stay near; majority vote if none.
    """
    anchor = evidence.start if anchor is None else anchor
    probs = anchor
    for _ in range(_STEPS):
        mass = evidence.mass((probs + anchor) / 2)
        ratios = _log_ratios(evidence.confusion(mass), mass.sum(axis=0))
        if discounts is not None:
            ratios = ratios * discounts[:, None, None]
        probs = np.round(Belief.of(ratios, np.zeros(evidence.k)).labels(evidence.votes, evidence.k), DECIMALS)
    return ratios


def _log_ratios(counts: Floats, mass: Floats) -> Floats:
    k = len(mass)
    right = np.eye(k, dtype=bool)
    cast = counts.sum(axis=1, keepdims=True)
    balanced = counts / np.maximum(mass, 1e-9)[:, None]
    share = balanced / np.maximum(balanced.sum(axis=1, keepdims=True), 1e-300)
    pooled = (share * cast).sum(axis=0) + 1e-9
    precision = np.diag(pooled) / pooled.sum(axis=0)
    expected = np.where(right, precision, (1 - precision) / max(k - 1, 1))
    shrunk = (share * cast + _SHRINKAGE * expected) / (cast + _SHRINKAGE)
    ratios = np.log(np.maximum(shrunk, 1e-12) * k)
    own = np.diagonal(ratios, axis1=1, axis2=2)
    ratios = np.minimum(ratios, own[:, None, :])
    weight = cast[:, 0, :] / np.maximum(cast[:, 0, :].sum(axis=1, keepdims=True), 1e-12)
    for_own = (own * weight).sum(axis=1)[:, None, None]
    for_others = ((ratios.sum(axis=1) - own) / max(k - 1, 1) * weight).sum(axis=1)[:, None, None]
    return np.asarray(_OF_EACH_VOTE * ratios + (1 - _OF_EACH_VOTE) * np.where(right, for_own, for_others))


def margin(log_ratios: Floats, cast: Floats) -> float:
    """How far the mean vote sets its own label above the others, in nats; `cast` float64[m, k] votes."""
    k = cast.shape[1]
    own = np.diagonal(log_ratios, axis1=1, axis2=2)
    return float(((own - (log_ratios.sum(axis=1) - own) / max(k - 1, 1)) * cast).sum() / max(cast.sum(), 1e-12))
