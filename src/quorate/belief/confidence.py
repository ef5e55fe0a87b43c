"""Confidence: how sure a source said it was counts for what that turned out to be worth, never at face value.

The votes that a source gave one label are cut into three bins by its confidence. Given the vote, a bin says

    log P(bin | the vote is right) / P(bin | it is wrong),

learnt from the belief of all votes by EM. A source that is always sure, or whose confidence does not go with being
right, thus says nothing more than its vote.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    kinds, first, where = Heard.of(votes.matrix, bins, settled)
    return np.asarray(kinds.probabilities(probs[first], sharpness)[where])


@dataclass(frozen=True, eq=False)
class Heard:
    """Rows by their votes int16[c, m], the bins of these int8[c, m] and what settles them int16[c], with how many rows
    there are of each, float64[c]; `a + b` are the rows of both, in an order that the rows do not set."""

    matrix: NDArray[np.int16]
    bins: Bins
    settled: NDArray[np.int16]
    counts: Floats

    @staticmethod
    def of(
        matrix: NDArray[np.int16], bins: Bins, settled: NDArray[np.int16], counts: Floats | None = None
    ) -> tuple[Heard, NDArray[np.intp], NDArray[np.intp]]:
        """The kinds, a row of each, intp[c], and the kind of each row, intp[n]; `counts` for rows that are several."""
        first, where = _distinct(matrix, bins, settled)
        rows = np.bincount(where, counts, len(first)).astype(np.float64)
        return Heard(matrix[first], bins[first], settled[first], rows), first, where

    def __add__(self, other: Heard) -> Heard:
        both = [np.concatenate([getattr(one, name) for one in (self, other)]) for name in _HEARD]
        return Heard.of(*both)[0]

    def probabilities(self, probs: Floats, sharpness: float) -> Floats:
        """P(label | votes, confidence) of each kind, float64[c, k], from P(label | votes)."""
        said, start = _Said.of(self.matrix, self.bins), np.log(np.maximum(probs, _LEAST))
        known = np.flatnonzero(self.settled != ABSTAIN)
        answers = np.eye(probs.shape[1])[self.settled[known]]
        evidence = np.zeros_like(start)
        for _ in range(_STEPS):
            believed = np.round(softmax(start + sharpness * evidence), DECIMALS)
            believed[known] = answers
            evidence = np.zeros_like(start)
            np.add.at(evidence, (said.row, said.label), _evidence(said, believed * self.counts[:, None]))
        heard = evidence.any(axis=1, keepdims=True)
        return np.asarray(np.where(heard, softmax(start + sharpness * evidence), probs))


_HEARD = ("matrix", "bins", "settled", "counts")


def confidence_bins(votes: Votes) -> Bins | None:
    """The bin of each vote, int8[n, m], -1 where there is no vote or it came without confidence; None: nowhere any.

    Where a source gave a distribution only, its confidence is the probability of its vote. Votes of equal confidence
    share a bin, by the middle of their ranks.
    """
    sure = sureness(votes)
    return None if sure is None else Levels.of(votes.matrix, sure).bins(votes.matrix, sure)


@dataclass(frozen=True, eq=False)
class Levels:
    """How often a source gave a label with how much confidence: by source and label the levels, ascending, and how
    often each was; `a + b` are those of all rows."""

    often: Mapping[tuple[int, int], tuple[NDArray[np.float32], NDArray[np.int64]]]

    @staticmethod
    def of(matrix: NDArray[np.int16], sure: NDArray[np.float32]) -> Levels:
        """Of votes int16[n, m] with this confidence float32[n, m], NaN where it was not said."""
        often = {}
        for j, y, rows in _voiced(matrix, sure):
            level, count = np.unique(np.round(sure[rows, j], 4), return_counts=True)
            often[j, y] = level, count.astype(np.int64)
        return Levels(often)

    def __add__(self, other: Levels) -> Levels:
        often = dict(self.often)
        for key, (level, count) in other.often.items():
            known = often.get(key, (level[:0], count[:0]))
            both, place = np.unique(np.concatenate([known[0], level]), return_inverse=True)
            counts = np.bincount(place.reshape(-1), np.concatenate([known[1], count]), len(both))
            often[key] = both, counts.astype(np.int64)
        return Levels(often)

    def bins(self, matrix: NDArray[np.int16], sure: NDArray[np.float32]) -> Bins | None:
        """The bin of each of these votes, which are among those counted; None: there is none in any."""
        bins = np.full(matrix.shape, _UNSAID, np.int8)
        for j, y, rows in _voiced(matrix, sure):
            level, often = self.often[j, y]
            middle = (np.cumsum(often) - often / 2) / often.sum()
            place = np.searchsorted(level, np.round(sure[rows, j], 4))
            bins[rows, j] = np.minimum(middle * _BINS, _BINS - 1).astype(np.int8)[place]
        return bins if self.often else None


def _voiced(matrix: NDArray[np.int16], sure: NDArray[np.float32]) -> Iterator[tuple[int, int, NDArray[np.intp]]]:
    """Each source and label with the rows where the one gave the other and said how sure it was."""
    for j in range(matrix.shape[1]):
        said = (matrix[:, j] != ABSTAIN) & ~np.isnan(sure[:, j])
        for y in np.unique(matrix[said, j]):
            yield j, int(y), np.flatnonzero(said & (matrix[:, j] == y))


def sureness(votes: Votes) -> NDArray[np.float32] | None:
    """How sure each source was of its vote, float32[n, m], NaN where it did not say; None: nowhere."""
    if votes.confidence is None and not votes.distributions:
        return None
    return np.stack([_confidence(votes, j, name) for j, name in enumerate(votes.sources)], axis=1)


def _confidence(votes: Votes, j: int, name: str) -> NDArray[np.float32]:
    nothing = np.full(len(votes), np.nan, np.float32)
    said = nothing if votes.confidence is None else votes.confidence[:, j]
    if name not in votes.distributions:
        return said
    held = votes.distributions[name][np.arange(len(votes)), votes.matrix[:, j]]
    return np.where(np.isnan(said), held, said)


def _distinct(*columns: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """A row of each kind and which kind each row is; in an order that the rows do not set."""
    rows = np.hstack([column.reshape(len(column), -1).astype(np.int16) for column in columns])
    codes = np.ascontiguousarray(rows).view(f"V{2 * rows.shape[1]}").reshape(-1)
    _, first, where = np.unique(codes, return_index=True, return_inverse=True)
    return first, where.reshape(-1).astype(np.intp)


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
