"""Evidence: what a label model is fitted on, and beliefs that are linear in the votes.

`p` patterns, `m` sources, `k` labels; a belief has `c = k * g` hidden classes, `g` kinds of rows for each label.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.belief.confusion import Floats, indicators, softmax_in_place, vote_shares
from quorate.belief.copies import copy_weights
from quorate.patterns import VotePatterns
from quorate.values import ABSTAIN

# Beliefs are rounded between steps, so that rounding errors do not decide between labels that the votes leave equal.
DECIMALS = 12
_CONVERGED = 1e-5
# The last digits of what a sample teaches are chance.
_STEPS_ON_A_SAMPLE, _CONVERGED_ON_A_SAMPLE = 15, 1e-3


@dataclass(frozen=True, eq=False)
class Evidence:
    """Votes as they count.

    `votes` CSR float64[p, m·k] holds the weight of each vote, less than 1 for copies; `weights` float64[m] these
    weights; `counts` float64[p] the rows of each pattern, none for the pattern without votes; `start` float64[p, k]
    majority vote. `is_sample`: patterns stand for others that were left out.
    """

    votes: Any
    weights: Floats
    counts: Floats
    start: Floats
    is_sample: bool = False

    @staticmethod
    def of(patterns: VotePatterns, *, is_sample: bool = False) -> Evidence:
        k = len(patterns.space)
        covered = (patterns.matrix != ABSTAIN).any(axis=1)
        counts = np.where(covered, patterns.counts, 0).astype(np.float64)
        weights = copy_weights(patterns.matrix, counts)
        votes = weighted_votes(patterns.matrix, k, weights)
        return Evidence(votes, weights, counts, weighted_shares(patterns.matrix, k, weights), is_sample)

    @cached_property
    def _by_vote(self) -> Any:
        """The votes turned over, CSC float64[m·k, p]; no copy, but at every step it would be looked at again."""
        return self.votes.T

    @property
    def k(self) -> int:
        return int(self.start.shape[1])

    @property
    def rows(self) -> float:
        return float(self.counts.sum())

    def pace(self, steps: int) -> tuple[int, float]:
        """Of an iteration that takes so many steps: how many it takes here, and the change at which it stops."""
        if self.is_sample:
            return min(steps, _STEPS_ON_A_SAMPLE), _CONVERGED_ON_A_SAMPLE
        return steps, _CONVERGED

    def mass(self, probs: Floats) -> Floats:
        """How many rows of each pattern are of each class, float64[p, c]."""
        return probs * self.counts[:, None]

    def confusion(self, mass: Floats) -> Floats:
        """Expected votes by source, hidden class and vote, float64[m, c, k]."""
        by_vote = np.asarray(self._by_vote @ mass)
        return by_vote.reshape(-1, self.k, mass.shape[1]).transpose(0, 2, 1)

    def cast(self) -> Floats:
        """How many votes each source gave each label, float64[m, k]."""
        return np.asarray(self._by_vote @ self.counts).reshape(-1, self.k)


@dataclass(frozen=True, eq=False)
class Belief:
    """log-odds that add up over votes: `weights` float64[m·k, c], dense or sparse, `bias` float64[c]."""

    weights: Any
    bias: Floats

    @staticmethod
    def of(log_likelihood: Floats, bias: Floats) -> Belief:
        """From log P(vote | hidden class), float64[m, c, k]."""
        return Belief(log_likelihood.transpose(0, 2, 1).reshape(-1, len(bias)), bias)

    def classes(self, votes: Any) -> Floats:
        """P(hidden class | votes), float64[p, c]."""
        product = votes @ self.weights
        logits: Floats = product if isinstance(product, np.ndarray) else product.toarray()
        logits += self.bias
        return softmax_in_place(logits)

    def labels(self, votes: Any, k: int) -> Floats:
        """P(label | votes), float64[p, k]."""
        classes = self.classes(votes)
        return classes if classes.shape[1] == k else classes.reshape(len(classes), k, -1).sum(axis=2)


def farthest(after: Floats, before: Floats) -> float:
    """The largest change of any belief; `before` is used up."""
    np.subtract(after, before, out=before)
    return float(np.abs(before, out=before).max(initial=0.0))


def weighted_votes(matrix: NDArray[np.int16], k: int, weights: Floats) -> Any:
    """`indicators` with the votes of each source scaled by its weight."""
    votes = indicators(matrix, k)
    return votes.multiply(np.repeat(weights, k)).tocsr() if (weights != 1).any() else votes


def weighted_shares(matrix: NDArray[np.int16], k: int, weights: Floats) -> Floats:
    """`vote_shares` with the votes of each source scaled by its weight."""
    if not (weights != 1).any():
        return vote_shares(matrix, k)
    rows, sources = np.nonzero(matrix != ABSTAIN)
    counts = np.bincount(rows * k + matrix[rows, sources], weights[sources], len(matrix) * k).reshape(-1, k)
    total = counts.sum(axis=1, keepdims=True)
    return np.where(total > 0, counts / np.maximum(total, 1e-12), 1.0 / k)
