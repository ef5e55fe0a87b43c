"""Rules against models: the rules of a row say one thing, its models another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from quorate.belief.confusion import vote_shares
from quorate.values import ABSTAIN, Labels, Votes


@dataclass(frozen=True)
class RulesVersusModels:
    """Half the L1 distance between the vote shares of rules and of models; 0 unless both voted."""

    kind: ClassVar[str] = "signals"

    @classmethod
    def example(cls) -> RulesVersusModels:
        return cls()

    def score(self, votes: Votes, labels: Labels) -> NDArray[np.float32]:
        model = np.array([family == "model" for family in votes.families], dtype=bool)
        sides = votes.matrix[:, ~model], votes.matrix[:, model]
        both = np.logical_and(*((side != ABSTAIN).any(axis=1) for side in sides))
        rules, models = (vote_shares(side, len(votes.space)) for side in sides)
        return np.where(both, np.abs(rules - models).sum(axis=1) / 2, 0).astype(np.float32)


plugin = RulesVersusModels
