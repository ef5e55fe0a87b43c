"""Entropy: how undecided the label model is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from quorate.values import Labels, Votes


@dataclass(frozen=True)
class Entropy:
    """Entropy of the label probabilities over its maximum, log k."""

    kind: ClassVar[str] = "signals"

    @classmethod
    def example(cls) -> Entropy:
        return cls()

    def score(self, votes: Votes, labels: Labels) -> NDArray[np.float32]:
        probs = np.maximum(labels.probs, 1e-300)
        entropy = -(probs * np.log(probs)).sum(axis=1) / np.log(len(labels.space))
        return np.asarray(np.clip(entropy, 0, 1), np.float32)


plugin = Entropy
