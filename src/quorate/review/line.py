"""line: in which order rows are put before people, and why each is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quorate.rank import rank
from quorate.settings import QueueSettings
from quorate.values import Gold, Labels, Queue, Votes


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """All open rows in review order: the queue of the design first, then the others by their score.

    Shapes: `order` intp[q], places in the votes; `inclusion` float64[n], NaN where the design did not choose;
    `reasons` float32[n] by signal, 0 for rows that are not in line.
    """

    order: NDArray[np.intp]
    inclusion: NDArray[np.float64]
    reasons: Mapping[str, NDArray[np.float32]]


def line_up(votes: Votes, labels: Labels, settings: QueueSettings, gold: Gold | None) -> Line:
    """The line as `rank` sees it now."""
    chosen = rank(votes, labels, settings.signals, size=settings.size, random_share=settings.random_share, gold=gold)
    every = rank(votes, labels, settings.signals, size=None, gold=gold)
    first = spread(chosen)
    is_first = np.zeros(len(votes), np.bool_)
    is_first[first] = True
    inclusion = np.full(len(votes), np.nan)
    inclusion[chosen.position] = chosen.inclusion
    reasons = {name: np.zeros(len(votes), np.float32) for name in every.reasons}
    for name, values in every.reasons.items():
        reasons[name][every.position] = values
    return Line(np.concatenate([first, every.position[~is_first[every.position]]]), inclusion, reasons)


def spread(queue: Queue) -> NDArray[np.intp]:
    """The places of a queue with its random rows spread evenly between the targeted ones, each kind in its order.

    Whoever stops half way has then answered some of both, and estimates need both.
    """
    drawn = queue.inclusion < 1
    turn = np.empty(len(queue))
    for kind in (drawn, ~drawn):
        many = int(kind.sum())
        turn[kind] = (np.arange(many) + 0.5) / max(many, 1)
    return np.asarray(queue.position[np.argsort(turn, kind="stable")])
