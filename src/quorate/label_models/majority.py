"""Majority vote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from quorate.belief.confusion import vote_shares
from quorate.patterns import VotePatterns


@dataclass(frozen=True)
class MajorityVote:
    """Each label's share of the votes; rows without votes get the uniform distribution."""

    kind: ClassVar[str] = "label_models"

    @classmethod
    def example(cls) -> MajorityVote:
        return cls()

    def fit(self, patterns: VotePatterns) -> FittedMajorityVote:
        return FittedMajorityVote(len(patterns.space))


@dataclass(frozen=True)
class FittedMajorityVote:
    """Nothing is learned but the number of labels."""

    k: int

    @property
    def prior(self) -> NDArray[np.float64]:
        return np.full(self.k, 1 / self.k)

    def probabilities(self, matrix: NDArray[np.int16]) -> NDArray[np.float64]:
        return vote_shares(matrix, self.k)


plugin = MajorityVote
