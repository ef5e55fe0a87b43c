"""Diagonal: Bayesian Dawid-Skene (Kim and Ghahramani 2012) that expects any source to be right more often than not."""

from __future__ import annotations

import numpy as np

from quorate.belief.confusion import Floats
from quorate.belief.evidence import DECIMALS, Belief, Evidence

_ITERATIONS = 60
# Dirichlet pseudo-counts of a confusion row: 1 for each vote, 4 for the right one.
_ANY, _RIGHT = 1.0, 3.0


def fit_diagonal(evidence: Evidence) -> Floats:
    """Expected log P(vote | label), float64[m, k, k], after mean-field updates from majority vote, balance uniform.

    Each label that a source votes for counts as a source of its own, which says that label or nothing. So
    P(vote | label) is near 1 for all labels; what is left, about 3 / (votes that the others contradict), still ranks
    them well, and a source of many labels does not outweigh the rules beside it.
    """
    from scipy.special import digamma

    probs, pseudo = evidence.start, _ANY + _RIGHT * np.eye(evidence.k)
    steps, converged = evidence.pace(_ITERATIONS)
    for _ in range(steps):
        counts = evidence.confusion(evidence.mass(probs))
        expected: Floats = digamma(counts + pseudo) - digamma(counts + evidence.k * _ANY + _RIGHT)
        belief = Belief.of(expected, np.zeros(evidence.k))
        before, probs = probs, np.round(belief.labels(evidence.votes, evidence.k), DECIMALS)
        if np.abs(probs - before).max(initial=0.0) < converged:
            break
    return expected
