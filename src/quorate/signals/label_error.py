"""Label error: a model that reads the rows, out of fold, is confident of another label than the votes gave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from quorate.content_model import confident_errors, out_of_fold, text_features
from quorate.rows import Rows
from quorate.values import Labels, Votes


@dataclass(frozen=True)
class LabelError:
    """By how much another label is more probable than the given one, where that label is held confidently; else 0.

    Confident learning: C. Northcutt, L. Jiang and I. Chuang, "Confident learning: estimating uncertainty in dataset
    labels", Journal of Artificial Intelligence Research 70 (2021). Unread rows score 0.
    """

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
        return confident_errors(out_of_fold(features, given, len(labels.space)), given)


plugin = LabelError
