"""foresight: how well a label model foresees votes that it has not seen, and how much its labels hang on the draw.

Both need no gold. A model that finds the truth foresees each vote from the other votes on the row better than one
that does not; sources that err together can mislead it, and everything else that has no gold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quorate.belief.confusion import Floats
from quorate.patterns import VotePatterns
from quorate.protocols import LabelModel
from quorate.values import ABSTAIN, TIE_TOLERANCE

_SEED = 20_112
_MOST_SOURCES = 24
_MOST_ROWS = 2000
_RESAMPLES = 4
_STRENGTH = 1.0

Halves = tuple[VotePatterns, VotePatterns]


@dataclass(frozen=True, eq=False)
class Foresight:
    """Of each row the mean log-probability of its sources' answers, given what the model makes of the others' votes:
    of `probabilities`, and of `labels` alone (ties shared), which says nothing of calibration; `rows` is how many rows
    each stands for. All float64[r], the same rows whatever the model. An abstention is an answer.
    """

    labels: Floats
    probabilities: Floats
    rows: Floats


def foresight(patterns: VotePatterns, model: LabelModel) -> Foresight:
    """How well the model foresees votes of rows that it was not fitted on.

    It is fitted on the other half of the rows, where each source's answers by label are counted too, with the source
    itself unheard.
    """
    halves, asked = _halves(patterns), _asked(patterns)
    labels, probabilities, rows = [], [], []
    for seen, unseen in (halves, halves[::-1]):
        fitted = model.fit(seen)
        some, other = _sample(seen), _sample(unseen)
        by_labels, by_probabilities = np.zeros(len(other)), np.zeros(len(other))
        for j in asked:
            here, there = (fitted.probabilities(_unheard(p.matrix, j)) for p in (some, other))
            by_probabilities += _foreseen(here, there, some, other, j)
            by_labels += _foreseen(_label_shares(here), _label_shares(there), some, other, j)
        labels.append(by_labels / max(len(asked), 1))
        probabilities.append(by_probabilities / max(len(asked), 1))
        rows.append(other.counts.astype(np.float64))
    return Foresight(np.concatenate(labels), np.concatenate(probabilities), np.concatenate(rows))


def stability(patterns: VotePatterns, model: LabelModel) -> float:
    """The share of rows with votes that keep their label when the model is fitted on rows drawn anew."""
    generator = np.random.default_rng(_SEED)
    covered = patterns.counts * (patterns.matrix != ABSTAIN).any(axis=1)
    before, kept = _label_shares(model.fit(patterns).probabilities(patterns.matrix)), []
    for _ in range(_RESAMPLES):
        drawn = _kept(patterns, generator.poisson(patterns.counts))
        if drawn.rows:
            after = _label_shares(model.fit(drawn).probabilities(patterns.matrix))
            # A label that ties with another is kept as far as they share it.
            kept.append(float(np.minimum(before, after).sum(axis=1) @ covered))
    return float(np.mean(kept)) / max(int(covered.sum()), 1) if kept else 1.0


def _halves(patterns: VotePatterns) -> Halves:
    """The rows dealt into two."""
    first = np.random.default_rng(_SEED).binomial(patterns.counts, 0.5)
    return _kept(patterns, first), _kept(patterns, patterns.counts - first)


def _kept(patterns: VotePatterns, counts: NDArray[np.int64]) -> VotePatterns:
    at = np.flatnonzero(counts)
    gold = np.zeros((len(at), len(patterns.space)), np.int64)
    return VotePatterns(patterns.space, patterns.sources, patterns.matrix[at], counts[at], gold)


def _sample(patterns: VotePatterns) -> VotePatterns:
    """At most so many rows, drawn by their counts."""
    if patterns.rows <= _MOST_ROWS:
        return patterns
    drawn = np.random.default_rng(_SEED).multinomial(_MOST_ROWS, patterns.counts / patterns.rows)
    return _kept(patterns, drawn)


def _asked(patterns: VotePatterns) -> list[int]:
    """The sources whose votes are to be foreseen: those with the most."""
    cast = ((patterns.matrix != ABSTAIN) * patterns.counts[:, None]).sum(axis=0)
    order = np.argsort(-cast, kind="stable")[:_MOST_SOURCES]
    return [int(j) for j in order if cast[j]]


def _unheard(matrix: NDArray[np.int16], j: int) -> NDArray[np.int16]:
    without = matrix.copy()
    without[:, j] = ABSTAIN
    return without


def _foreseen(here: Floats, there: Floats, some: VotePatterns, other: VotePatterns, j: int) -> Floats:
    """The log-probability of each answer of a source in `other`, by its answers given the label in `some`."""
    k = here.shape[1]
    counts = (here * some.counts[:, None]).T @ np.eye(k + 1)[some.matrix[:, j] + 1]
    pooled = (counts.sum(axis=0) + 1 / (k + 1)) / (counts.sum() + 1)
    answers = (counts + _STRENGTH * pooled) / (counts.sum(axis=1, keepdims=True) + _STRENGTH)
    return np.asarray(np.log((there * answers[:, other.matrix[:, j] + 1].T).sum(axis=1)))


def _label_shares(probs: Floats) -> Floats:
    """The label of each, float64[p, k]; labels that tie share it."""
    best = probs >= probs.max(axis=1, keepdims=True, initial=0.0) - TIE_TOLERANCE
    return np.asarray(best / best.sum(axis=1, keepdims=True))
