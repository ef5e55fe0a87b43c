"""Which rows a person should settle when two or more sources are compared, and when that is enough."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quorate.comparing.candidates import Candidates
from quorate.comparing.paired import Anytime, anytime
from quorate.comparing.population import AGREE, DIFFER, Population
from quorate.values import Queue

AGREEING_SHARE = 0.1
"""Of the rows to settle, how many are drawn where all agree: they tell nothing of A - B, and all of "both wrong"."""


def review_queue(candidates: Candidates, size: int = 100, agreeing_share: float = AGREEING_SHARE) -> Queue:
    """The rows to settle next: disagreements in random order, with a random share of agreements among them.

    The order is that of a hash of the row id, so it does not move when rows are settled or the queue is longer, and
    every beginning of it is a random sample of each side. `inclusion` is the chance of a row of that side to be drawn,
    settled ones included; rows on which no source answers are left out.
    """
    population = Population.of(candidates)
    left = np.ones(len(candidates), bool)
    left[population.settled.position] = False
    agree, differ = (np.flatnonzero((population.side == side) & left) for side in (AGREE, DIFFER))
    quota = min(round(size * agreeing_share), len(agree))
    from_differ = min(size - quota, len(differ))
    quota = min(size - from_differ, len(agree))
    chosen = {
        AGREE: _lottery(candidates.votes.ids, agree)[:quota],
        DIFFER: _lottery(candidates.votes.ids, differ)[:from_differ],
    }
    position = _interleaved(chosen[DIFFER], chosen[AGREE])
    drawn = population.seen + np.array([quota, from_differ, 0])
    inclusion = drawn / np.maximum(population.sizes, 1)
    differs = (population.side[position] == DIFFER).astype(np.float32)
    return Queue(
        ids=candidates.votes.ids.take(pa.array(position, pa.int64())),
        position=position,
        score=differs,
        reasons={"they_differ": differs},
        inclusion=inclusion[population.side[position]],
    )


@dataclass
class StopRule:
    """When to stop settling disagreements between A and B; valid however often one asks.

    `disagreements` of `rows` rows; `heard` is what was settled so far: 1 where A alone was right, -1 where B was, or 0.
    """

    disagreements: int
    rows: int
    heard: list[float] = field(default_factory=list)

    def hear(self, scores: Iterable[float]) -> Anytime:
        """What holds after these further answers; `settled_after` is None as long as one should go on."""
        self.heard.extend(scores)
        return anytime(np.array(self.heard, np.float64), self.disagreements, self.rows)


def _lottery(ids: pa.StringArray, positions: NDArray[np.intp]) -> NDArray[np.intp]:
    """The positions in the order of a hash of their row ids."""
    texts = ids.take(pa.array(positions, pa.int64())).to_pylist()
    drawn = [blake2b(b"compare" + row_id.encode("utf-8", "surrogatepass"), digest_size=8).digest() for row_id in texts]
    return positions[sorted(range(len(drawn)), key=drawn.__getitem__)]


def _interleaved(many: NDArray[np.intp], few: NDArray[np.intp]) -> NDArray[np.intp]:
    """Both in their order, the few spread evenly among the many."""
    place = np.concatenate([(np.arange(len(group)) + 0.5) / max(len(group), 1) for group in (many, few)])
    return np.concatenate([many, few])[np.argsort(place, kind="stable")].astype(np.intp)
