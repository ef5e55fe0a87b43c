"""Label error: a model that reads the rows, out of fold, is confident of another label than the votes gave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from quorate.content_model import out_of_fold, text_features
from quorate.rows import Rows
from quorate.suspects.suspicion import suspicion
from quorate.values import Labels, Votes


@dataclass(frozen=True)
class LabelError:
    """P(the label is wrong), as a model of the texts sees it (`quorate.suspects.suspicion`); unread rows score 0."""

    kind: ClassVar[str] = "signals"

    @classmethod
    def example(cls) -> LabelError:
        return cls()

    def score(self, votes: Votes, labels: Labels) -> NDArray[np.float32]:
        return np.zeros(len(votes), np.float32)

    def score_reading(self, rows: Rows, votes: Votes, labels: Labels) -> NDArray[np.float32]:
        given, features = labels.hard, text_features(rows)
        if features is None:
            return self.score(votes, labels)
        return suspicion(out_of_fold(features, given, len(labels.space)), given).astype(np.float32)


plugin = LabelError
