"""Rare label: the label given is one that few rows have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from quorate.values import ABSTAIN, Labels, Votes


@dataclass(frozen=True)
class RareLabel:
    """1 less the rows with this label over those an even share would have; 0 for frequent labels and without label."""

    kind: ClassVar[str] = "signals"

    @classmethod
    def example(cls) -> RareLabel:
        return cls()

    def score(self, votes: Votes, labels: Labels) -> NDArray[np.float32]:
        hard, k = labels.hard, len(labels.space)
        given = hard != ABSTAIN
        rows = np.bincount(hard[given], minlength=k)
        scarce = np.clip(1 - rows * k / max(int(given.sum()), 1), 0, 1)
        return np.where(given, scarce[hard], 0).astype(np.float32)


plugin = RareLabel
