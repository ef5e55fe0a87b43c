"""Dawid-Skene: one confusion matrix per source, by expectation-maximisation.

A. P. Dawid and A. M. Skene, "Maximum likelihood estimation of observer error-rates using the EM algorithm",
Applied Statistics 28 (1979). Abstentions count as missing answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from quorate.belief.confusion import confusion_counts, indicators, label_mass, posterior, vote_shares
from quorate.patterns import VotePatterns
from quorate.values import ABSTAIN

_CONVERGED = 1e-6


@dataclass(frozen=True)
class DawidSkene:
    """EM from majority vote; `smoothing` is the pseudo-count of every cell of a confusion matrix."""

    kind: ClassVar[str] = "label_models"

    iterations: int = 100
    smoothing: float = 0.01

    @classmethod
    def example(cls) -> DawidSkene:
        return cls()

    def fit(self, patterns: VotePatterns) -> FittedDawidSkene:
        k = len(patterns.space)
        votes = indicators(patterns.matrix, k)
        covered = (patterns.matrix != ABSTAIN).any(axis=1)
        probs = vote_shares(patterns.matrix, k)
        for _ in range(self.iterations):
            # Rows without votes say nothing of the sources or the balance; only their gold counts.
            mass = label_mass(probs * covered[:, None], patterns.counts, patterns.gold)
            counts = confusion_counts(votes, mass) + self.smoothing
            log_likelihood = np.log(counts / counts.sum(axis=2, keepdims=True))
            prior = (mass.sum(axis=0) + self.smoothing) / (mass.sum() + k * self.smoothing)
            # Rounded, so that rounding errors do not decide between labels that the votes leave equal.
            before, probs = probs, np.round(posterior(votes, log_likelihood, np.log(prior)), 12)
            if np.abs(probs - before).max(initial=0.0) < _CONVERGED:
                break
        return FittedDawidSkene(prior, log_likelihood)


@dataclass(frozen=True, eq=False)
class FittedDawidSkene:
    """`prior` float64[k]; `log_likelihood` float64[m, k, k]: source, true label, vote."""

    prior: NDArray[np.float64]
    log_likelihood: NDArray[np.float64]

    def probabilities(self, matrix: NDArray[np.int16]) -> NDArray[np.float64]:
        return posterior(indicators(matrix, len(self.prior)), self.log_likelihood, np.log(self.prior))


plugin = DawidSkene
