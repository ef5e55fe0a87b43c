"""gain: what a person's answer is worth, by vote pattern.

An answer settles its own row, and it tells of the rows with the same votes. Their labels follow a Dirichlet whose
centre is what the label model believes, worth `STRENGTH` answers, and which answers add to. Looking `m` answers ahead,
the gain of an answer is, in labels put right,

    [ min(m, rows) · P(the given label is wrong) + (rows - m) · E(rise of the best label's share after m) ] / m

at the `m` where it is largest: one answer seldom turns a label, several may (the knowledge gradient with look-ahead:
P. Frazier and W. Powell, "Paradoxes in learning and the marginal value of information", Decision Analysis 7, 2010).
The more answers a pattern has, the less the next one tells: a batch spreads by itself, because each row that is ahead
in the queue counts as an answer to come.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from quorate.patterns import VotePatterns
from quorate.values import ABSTAIN, Gold, Labels

Floats = NDArray[np.float64]

STRENGTH = 5.0
_AHEAD = (1, 2, 3, 5, 8, 12, 20, 30)


def answered(belief: Floats, reviews: Floats) -> Floats:
    """P(label | votes) of each pattern, float64[p, k], once the answers on rows with the same votes are counted in.

    Args:
        belief: float64[p, k].
        reviews: float64[p, k], how many rows of the pattern people settled as each label.
    """
    return np.asarray((STRENGTH * belief + reviews) / (STRENGTH + reviews.sum(axis=1, keepdims=True)))


def count_answers(labels: Labels, patterns: VotePatterns, where: NDArray[np.intp], gold: Gold | None = None) -> Labels:
    """The labels, where rows take into account what people answered on rows with the same votes.

    Args:
        labels: of the rows whose patterns are `patterns[where]`; `patterns` hold the answers as gold.
        gold: the rows that keep what `labels` say of them, for it is what people answered.
    """
    heard = answered(labels.probs, patterns.gold[where].astype(np.float64))
    if gold is not None:
        heard = np.where((gold.aligned(labels.ids) == ABSTAIN)[:, None], heard, labels.probs)
    return replace(labels, probs=heard)


def pattern_belief(
    patterns: VotePatterns, where: NDArray[np.intp], labels: Labels, is_open: NDArray[np.bool_]
) -> Floats:
    """The mean probabilities over the open rows of each pattern, float64[p, k]; even where none is open."""
    k = len(patterns.space)
    rows = np.bincount(where[is_open], minlength=len(patterns)).astype(np.float64)[:, None]
    total = np.stack([np.bincount(where[is_open], labels.probs[is_open, y], len(patterns)) for y in range(k)], axis=1)
    return np.asarray(np.where(rows > 0, total / np.maximum(rows, 1), 1 / k))


def learning(share: Floats, answers: Floats, ahead: float) -> Floats:
    """By how much the best label's share is expected to rise after `ahead` more answers, float64[n].

    Normal approximation of the lead of the best label over the second; `share` float64[n, 2] are these two.
    """
    from scipy.special import ndtr

    lead = share[:, 0] - share[:, 1]
    variance = np.maximum(share.sum(axis=1) - lead**2, 1e-9) / (answers + 1)
    spread = np.sqrt(variance * ahead / (ahead + answers))
    z = lead / spread
    return np.asarray(spread * (np.exp(-z * z / 2) / np.sqrt(2 * np.pi) - z * ndtr(-z)))


def gain(wrong: Floats, share: Floats, answers: Floats, left: Floats) -> Floats:
    """The expected labels put right by asking one row, float64[n].

    Args:
        wrong: P(the given label is wrong), float64[n].
        share: of the best and the second label among the rows with the same votes, float64[n, 2].
        answers: the strength of that belief in answers, float64[n].
        left: open rows with the same votes that no answer is on its way for, float64[n].
    """
    best = np.zeros(len(wrong))
    for ahead in _AHEAD:
        rest = np.maximum(left - ahead, 0)
        at = (np.minimum(ahead, left) * wrong + rest * learning(share, answers, float(ahead))) / ahead
        np.maximum(best, at, out=best)
    return best
