"""Endpoints differ: models that were asked about the row voted for different labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from quorate.values import Labels, Votes


@dataclass(frozen=True)
class EndpointsDiffer:
    """The share of pairs of voting models that disagree; 0 where fewer than two voted."""

    kind: ClassVar[str] = "signals"

    @classmethod
    def example(cls) -> EndpointsDiffer:
        return cls()

    def score(self, votes: Votes, labels: Labels) -> NDArray[np.float32]:
        model = np.array([family == "model" for family in votes.families], dtype=bool)
        said = votes.matrix[:, model]
        counts = np.stack([(said == y).sum(axis=1) for y in range(len(votes.space))], axis=1).astype(np.float64)
        total = counts.sum(axis=1)
        pairs = total * (total - 1)
        agreeing = (counts * (counts - 1)).sum(axis=1)
        return np.where(pairs > 0, 1 - agreeing / np.maximum(pairs, 1), 0).astype(np.float32)


plugin = EndpointsDiffer
