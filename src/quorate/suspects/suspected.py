"""suspected: every label of some rows held against what the rows say, and against votes where there are any."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quorate.frozen import freeze
from quorate.ranking.drawing import lottery
from quorate.suspects.estimate import Estimate, estimate
from quorate.suspects.held_out import held_out
from quorate.suspects.noise import Floats, Given, Noise, noise
from quorate.suspects.suspicion import believed, doubted
from quorate.suspects.views import Views
from quorate.values import ABSTAIN

_DECIMALS = 9


@dataclass(frozen=True, slots=True, eq=False)
class Suspects:
    """How far each given label is to be doubted.

    Shapes: `given` int16[n], -1 where there is no label to doubt; `probs` float64[n, k], what models say that did not
    see the row; `believed` float64[n, k], what is believed of it in all; `suspicion` float64[n], P(given is wrong);
    `alike` intp[n], the position of the first row that says nearly the same and was given the same label.
    """

    ids: pa.StringArray
    given: Given
    probs: Floats
    believed: Floats
    suspicion: NDArray[np.float64]
    alike: NDArray[np.intp]
    noise: Noise = field(repr=False)
    estimate: Estimate

    def __post_init__(self) -> None:
        freeze(self, given=np.int16, probs=np.float64, believed=np.float64, suspicion=np.float64, alike=np.intp)

    @property
    def suggested(self) -> NDArray[np.int16]:
        """The label that is believed most beside the given one, int16[n]."""
        others = self.believed.copy()
        known = np.flatnonzero(self.given != ABSTAIN)
        others[known, self.given[known]] = -1.0
        return np.asarray(others.argmax(axis=1), np.int16)

    def ranked(self) -> NDArray[np.intp]:
        """The rows with a label, the most suspicious first; of rows that are alike one stands for all."""
        known = np.flatnonzero(self.given != ABSTAIN)
        doubt = np.round(self.suspicion[known], _DECIMALS)
        order = known[np.lexsort((lottery(self.ids)[known], -doubt))]
        first = np.unique(self.alike[order], return_index=True)[1]
        return np.asarray(order[np.sort(first)])


def suspects(
    views: Views,
    given: Given,
    k: int,
    ids: pa.StringArray,
    *,
    votes: Floats | None = None,
    votes_gave: bool = False,
    model: str = "",
    turns: int = 1,
) -> Suspects:
    """Every given label held against models of the rows, out of fold, and against votes.

    Args:
        given: int16[n], -1 without a label; rows that say nothing are not doubted.
        votes: P(label | votes) float64[n, k], even where nobody voted.
        votes_gave: whether the given labels are what these votes say, rather than what somebody else said.
        model: see `held_out`.
    """
    judged = np.where(views.speaks, given, ABSTAIN).astype(np.int16)
    probs = held_out(views, judged, k, model, turns)
    seen = noise(probs, judged)
    trusted = believed(probs, judged, None if votes_gave else seen, votes)
    doubt = doubted(trusted, judged)
    own_doubt = doubted(votes, judged) if votes_gave and votes is not None else None
    many = estimate(probs, judged, seen, doubt, own_doubt)
    return Suspects(ids, judged, probs, trusted, doubt, _same_label(views.alike, judged), seen, many)


def _same_label(alike: NDArray[np.intp], given: Given) -> NDArray[np.intp]:
    """Groups of rows that are alike and have the same label, each named by its first row."""
    pairs = np.stack([alike, given.astype(np.intp)], axis=1)
    _, first, inverse = np.unique(pairs, axis=0, return_index=True, return_inverse=True)
    return np.asarray(first[inverse.reshape(-1)], np.intp)
