"""Conflict: sources that voted for different labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from quorate.values import Labels, Votes


@dataclass(frozen=True)
class Conflict:
    """The share of pairs of voting sources that disagree; 0 where fewer than two voted."""

    kind: ClassVar[str] = "signals"

    @classmethod
    def example(cls) -> Conflict:
        return cls()

    def score(self, votes: Votes, labels: Labels) -> NDArray[np.float32]:
        counts = votes.counts().astype(np.float64)
        total = counts.sum(axis=1)
        pairs = total * (total - 1)
        agreeing = (counts * (counts - 1)).sum(axis=1)
        return np.where(pairs > 0, 1 - agreeing / np.maximum(pairs, 1), 0).astype(np.float32)


plugin = Conflict
