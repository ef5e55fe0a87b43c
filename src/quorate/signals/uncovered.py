"""Uncovered: rows that no source speaks of, the more the larger the cluster of such rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from quorate.content_model import clusters, text_features
from quorate.rows import Rows
from quorate.values import ABSTAIN, Labels, Votes


@dataclass(frozen=True)
class Uncovered:
    """The share of all rows that lie in the row's never-covered cluster; 0 where a source voted.

    Clusters are of like texts; unread, all rows without votes are one.
    """

    kind: ClassVar[str] = "signals"

    @classmethod
    def example(cls) -> Uncovered:
        return cls()

    def score(self, votes: Votes, labels: Labels) -> NDArray[np.float32]:
        silent = ~(votes.matrix != ABSTAIN).any(axis=1)
        return np.where(silent, silent.mean() if len(silent) else 0, 0).astype(np.float32)

    def score_reading(self, rows: Rows, votes: Votes, labels: Labels) -> NDArray[np.float32]:
        silent = np.flatnonzero(~(votes.matrix != ABSTAIN).any(axis=1))
        features = text_features(rows.take(silent))
        if features is None:
            return self.score(votes, labels)
        cluster = clusters(features)
        score = np.zeros(len(votes), np.float32)
        score[silent] = np.bincount(cluster)[cluster] / len(votes)
        return score


plugin = Uncovered
