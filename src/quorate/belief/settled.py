"""Settled: a vote pattern that people answered often has its own answer, whatever the sources' independence implies.

    P(label | pattern) = (reviews of the label + strength · P(label | votes)) / (reviews + strength)

The mean of a Dirichlet whose centre is what the votes and all gold imply. Its strength is averaged over a few, each
counting by its log-loss on gold held out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quorate.belief.confusion import Floats, softmax

_STRENGTHS = (3.0, 10.0, 30.0, 100.0)
# Patterns have no answer of their own unless gold shows it.
_HEAD_START = 1.0


@dataclass(frozen=True, eq=False)
class Settled:
    """`patterns`: the place of each reviewed vote row by its bytes; `reviews` float64[q, k]; `shares` of strengths."""

    patterns: dict[bytes, int]
    reviews: Floats
    shares: Floats

    def answer(self, matrix: NDArray[np.int16], probs: Floats) -> Floats:
        """`probs` float64[p, k], with the answers of the patterns that were reviewed blended in."""
        if not self.patterns:
            return probs
        place = np.array([self.patterns.get(row.tobytes(), -1) for row in np.ascontiguousarray(matrix)], np.intp)
        known = np.flatnonzero(place >= 0)
        answered = probs.copy()
        answered[known] = _mixed(self.reviews[place[known]], probs[known], self.shares)
        return answered


def settle(matrix: NDArray[np.int16], reviews: Floats, shares: Floats) -> Settled:
    """The answers of the reviewed patterns int16[q, m]."""
    if shares[-1] > 1 - 1e-3:
        return Settled({}, reviews[:0], shares)
    rows = np.ascontiguousarray(matrix)
    return Settled({row.tobytes(): i for i, row in enumerate(rows)}, reviews, shares)


def clamp_shares(held_out: Floats, target: Floats, believed: Floats) -> Floats:
    """What each strength counts, last that of no answer of its own; from gold held out float64[f, q, k]."""
    rest = target - held_out
    found = []
    for share in np.eye(len(_STRENGTHS) + 1):
        probs = _mixed(rest, believed, share)
        found.append(-(held_out * np.log(np.maximum(probs, 1e-12))).sum())
    found[-1] -= _HEAD_START
    return np.asarray(softmax(-np.array(found)[None])[0])


def _mixed(reviews: Floats, probs: Floats, shares: Floats) -> Floats:
    total = reviews.sum(axis=-1, keepdims=True)
    mixed = shares[-1] * probs
    for share, strength in zip(shares, _STRENGTHS, strict=False):
        mixed = mixed + share * (reviews + strength * probs) / (total + strength)
    return np.asarray(mixed)
