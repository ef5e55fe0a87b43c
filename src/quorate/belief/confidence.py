"""Confidence: how sure a source said it was counts for what that turned out to be worth, never at face value.

The votes that a source gave one label are cut into three bins by its confidence. Given the vote, a bin says

    log P(bin | the vote is right) / P(bin | it is wrong),

learnt from the belief of all votes by EM. A source that is always sure, or whose confidence does not go with being
right, thus says nothing more than its vote.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.belief.confusion import Floats, softmax
from quorate.belief.evidence import DECIMALS
from quorate.values import ABSTAIN, Votes

_BINS = 3
_UNSAID = -1
_STEPS = 10
# Rows that stand for "says nothing more", against each bin of a source, and of a source and a label.
_SHRINKAGE = 10.0
# Chance alone makes a source's bins differ: at this chi-square or below they say nothing, above it the more the larger.
_CHANCE = 3.0
_LEAST = 1e-9

Bins = NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class _Said:
    """Votes that came with confidence, one entry each, of `sources` sources."""

    row: NDArray[np.intp]
    source: NDArray[np.intp]
    label: NDArray[np.intp]
    bin: NDArray[np.intp]
    sources: int

    @staticmethod
    def of(matrix: NDArray[np.int16], bins: Bins) -> _Said:
        row, source = np.nonzero(bins != _UNSAID)
        label, place = matrix[row, source].astype(np.intp), bins[row, source].astype(np.intp)
        return _Said(row, source, label, place, matrix.shape[1])


def hear_confidence(votes: Votes, probs: Floats, settled: NDArray[np.int16], sharpness: float) -> Floats:
    """P(label | votes, confidence) float64[n, k], from P(label | votes); the same where nobody said how sure it was.

    Args:
        settled: int16[n], the gold labels to learn from, -1 where there is none.
        sharpness: how much a nat of evidence counts.
    """
    bins = confidence_bins(votes)
    if bins is None:
        return probs
    rows, where, counts = _distinct(votes.matrix, bins, settled)
    said, start = _Said.of(votes.matrix[rows], bins[rows]), np.log(np.maximum(probs[rows], _LEAST))
    known = np.flatnonzero(settled[rows] != ABSTAIN)
    answers = np.eye(probs.shape[1])[settled[rows][known]]
    evidence = np.zeros_like(start)
    for _ in range(_STEPS):
        believed = np.round(softmax(start + sharpness * evidence), DECIMALS)
        believed[known] = answers
        evidence = np.zeros_like(start)
        np.add.at(evidence, (said.row, said.label), _evidence(said, believed * counts[:, None]))
    heard = evidence.any(axis=1, keepdims=True)
    return np.asarray(np.where(heard, softmax(start + sharpness * evidence), probs[rows])[where])


def confidence_bins(votes: Votes) -> Bins | None:
    """The bin of each vote, int8[n, m], -1 where there is no vote or it came without confidence; None: nowhere any.

    Where a source gave a distribution only, its confidence is the probability of its vote. Votes of equal confidence
    share a bin, by the middle of their ranks.
    """
    if votes.confidence is None and not votes.distributions:
        return None
    bins = np.full(votes.matrix.shape, _UNSAID, np.int8)
    for j, name in enumerate(votes.sources):
        labels, sure = votes.matrix[:, j], _confidence(votes, j, name)
        for y in np.unique(labels[(labels != ABSTAIN) & ~np.isnan(sure)]):
            rows = np.flatnonzero((labels == y) & ~np.isnan(sure))
            _, level, often = np.unique(np.round(sure[rows], 4), return_inverse=True, return_counts=True)
            middle = (np.cumsum(often) - often / 2) / len(rows)
            bins[rows, j] = np.minimum(middle * _BINS, _BINS - 1).astype(np.int8)[level.reshape(-1)]
    return bins if (bins != _UNSAID).any() else None


def _confidence(votes: Votes, j: int, name: str) -> NDArray[np.float32]:
    nothing = np.full(len(votes), np.nan, np.float32)
    said = nothing if votes.confidence is None else votes.confidence[:, j]
    if name not in votes.distributions:
        return said
    held = votes.distributions[name][np.arange(len(votes)), votes.matrix[:, j]]
    return np.where(np.isnan(said), held, said)


def _distinct(*columns: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """A row of each kind, which kind each row is, and how many rows it has; in an order that the rows do not set."""
    rows = np.hstack([column.reshape(len(column), -1).astype(np.int16) for column in columns])
    codes = np.ascontiguousarray(rows).view(f"V{2 * rows.shape[1]}").reshape(-1)
    _, first, where, counts = np.unique(codes, return_index=True, return_inverse=True, return_counts=True)
    return first, where.reshape(-1).astype(np.intp), counts.astype(np.float64)


def _evidence(said: _Said, mass: Floats) -> Floats:
    """What each entry's bin says for its label, in nats."""
    k, m = mass.shape[1], said.sources
    rows = mass.sum(axis=1)[said.row]
    right = mass[said.row, said.label]
    place = (said.source * k + said.label) * _BINS + said.bin
    counted = [np.bincount(place, weights, m * k * _BINS).reshape(m, k, _BINS) for weights in (right, rows - right)]
    cast = counted[0] + counted[1]
    share = cast / np.maximum(cast.sum(axis=2, keepdims=True), _LEAST)
    found, off = np.zeros((m, k, _BINS)), np.zeros(m)
    for sign, seen in zip((1, -1), counted, strict=True):
        expected = seen.sum(axis=2, keepdims=True) * share
        of_source = (seen.sum(axis=1) + _SHRINKAGE) / (expected.sum(axis=1) + _SHRINKAGE)
        lift = (seen + _SHRINKAGE * of_source[:, None]) / (expected + _SHRINKAGE)
        found += sign * np.log(lift)
        off += ((seen - expected).sum(axis=1) ** 2 / np.maximum(expected.sum(axis=1), _LEAST)).sum(axis=1)
    believed = np.maximum(0.0, 1 - _CHANCE / np.maximum(off, _LEAST))
    return np.asarray((found * believed[:, None, None]).ravel()[place])
