"""Margin: how close the second label comes to the first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from quorate.values import Labels, Votes


@dataclass(frozen=True)
class Margin:
    """1 less the distance between the two largest probabilities."""

    kind: ClassVar[str] = "signals"

    @classmethod
    def example(cls) -> Margin:
        return cls()

    def score(self, votes: Votes, labels: Labels) -> NDArray[np.float32]:
        ordered = np.sort(labels.probs, axis=1)
        return np.asarray(np.clip(1 - ordered[:, -1] + ordered[:, -2], 0, 1), np.float32)


plugin = Margin
