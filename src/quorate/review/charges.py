"""charges: the rows whose labels a review was opened to doubt, and what is held against each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.frozen import freeze
from quorate.label_errors import LabelErrors
from quorate.review.ledger import Ledger


@dataclass(frozen=True, slots=True, eq=False)
class Charges:
    """The places of doubted rows, the most suspicious first, and what is said of each by its place.

    `since` is the number of the last decision that was known: whoever answers later has answered the charge, and
    what was decided before stays as it was.
    """

    order: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, np.intp))
    by_place: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    since: int = 0

    def __post_init__(self) -> None:
        freeze(self, order=np.intp)

    @staticmethod
    def of(found: LabelErrors, ledger: Ledger) -> Charges:
        """The listed rows, settled before or not."""
        told = ("given", "suggested", "probability_wrong")
        entries = zip(found.listed.tolist(), found.report["suspects"], strict=True)
        return Charges(found.listed, {at: {key: e[key] for key in told} for at, e in entries}, ledger.number)

    def open_to(self, ledger: Ledger, reviewer: str) -> NDArray[np.intp]:
        """The places that nobody answered since, and that this person did not skip since, in order."""
        return np.array([at for at in self.order.tolist() if not self._heard(ledger, at, reviewer)], np.intp)

    def _heard(self, ledger: Ledger, at: int, reviewer: str) -> bool:
        stands = ledger.standing(at)
        said = [answer.number for answer in stands.answers.values()]
        said += [stands.skips[reviewer].number] if reviewer in stands.skips else []
        said += [stands.ruling.number] if stands.ruling else []
        return max(said, default=0) > self.since
