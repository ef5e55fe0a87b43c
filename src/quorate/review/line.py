"""line: in which order rows are put before people, and why each is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quorate.protocols import ReadingSignal
from quorate.rank import Ranked, named, queued, ranked, reasons
from quorate.ranking.alike import Reading
from quorate.ranking.drawing import spread
from quorate.review.ration import Ration
from quorate.rows import Rows
from quorate.settings import QueueSettings
from quorate.values import Gold, Labels, Votes

_SHARE = 0.05
"""At most this part of the time goes into ranking anew."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """All open rows in review order: the queue of the design first, then the others by their score.

    Shapes: `order` intp[q], places in the votes; `inclusion` float64[n], NaN where the design did not choose;
    `reasons` float32[n] by signal.
    """

    order: NDArray[np.intp]
    inclusion: NDArray[np.float64]
    reasons: Mapping[str, NDArray[np.float32]]


class Usher:
    """Lines rows up anew, as often as that may be."""

    def __init__(self, rows: Rows, votes: Votes, settings: QueueSettings, reading: Reading) -> None:
        self._rows, self._votes, self._settings, self._reading = rows, votes, settings, reading
        self._signals = named(settings.signals)
        self.ranking = Ration(_SHARE)
        # A first card does not wait until a model has read all rows.
        self._read = {name: np.zeros(len(votes), np.float32) for name, _ in self._readers()}

    def line(self, labels: Labels, gold: Gold) -> Line:
        """The line as it is now; what signals read of the rows is what it was when they read them last."""
        with self.ranking:
            plain = [signal for name, signal in self._signals.items() if name not in self._read]
            scores = reasons(self._votes, labels, plain) | self._read
            by_gain = self._settings.signals is None
            rows = ranked(self._votes, labels, scores, by_gain, gold=gold, reading=self._reading)
            return line_up(rows, self._settings.size, self._settings.random_share)

    def reread(self, labels: Labels) -> None:
        """Has signals read the rows, for the lines to come."""
        self._read = {n: signal.score_reading(self._rows, self._votes, labels) for n, signal in self._readers()}

    def _readers(self) -> list[tuple[str, ReadingSignal]]:
        return [(name, signal) for name, signal in self._signals.items() if isinstance(signal, ReadingSignal)]


def line_up(rows: Ranked, size: int, random_share: float) -> Line:
    """The line of all open rows, of which so many are the queue."""
    queue = queued(rows, size, random_share)
    # Whoever stops half way has then answered some of both kinds, and estimates need both.
    first = queue.position[spread(queue.inclusion < 1)]
    inclusion = np.full(len(rows.ids), np.nan)
    inclusion[queue.position] = queue.inclusion
    rest = rows.order[np.isnan(inclusion[rows.order])]
    return Line(np.concatenate([first, rest]), inclusion, rows.reasons)
