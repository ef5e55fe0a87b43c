"""Splits of a table whose rows come in parts: those that `split_rows` gives of the whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from quorate.training_sets.splits import LEAST, MANY, SHARES, TOO_MUCH, lend, split_at
from quorate.training_sets.twins import Part

Ints = NDArray[np.intp]
_HELD = 500
"""A label in more clusters than these has some in every split: chance would have to leave a tenth out 500 times."""
_NAMES = np.array([name for name, _ in SHARES])


@dataclass(frozen=True, eq=False)
class Spread:
    """The split of every cluster: `tested` and `trained` whatever their place, `lent` as it was moved."""

    tested: Ints
    trained: Ints
    lent: Mapping[int, str]

    def splits(self, part: Part) -> tuple[str, ...]:
        """The split of each row."""
        low = part.places < SHARES[0][1]
        which = np.where(low, 0, np.where(part.places - SHARES[0][1] < SHARES[1][1], 1, 2))
        which[np.isin(part.cluster, self.trained)] = 0
        which[np.isin(part.cluster, self.tested)] = 2
        found: list[str] = _NAMES[which].tolist()
        moved = np.flatnonzero(np.isin(part.cluster, np.fromiter(self.lent, np.intp, len(self.lent))))
        for i in moved.tolist():
            found[i] = self.lent[int(part.cluster[i])]
        return tuple(found)


@dataclass(slots=True)
class Spreading:
    """What decides the splits, from rows that have a label: k labels, the clusters `tested` in order.

    `open` are the clusters of each label that are not tested, with their places, up to one more than are looked at;
    of the tested ones it matters whether there are some.
    """

    k: int
    tested: Ints
    rows: NDArray[np.int64] = field(init=False)
    open: list[dict[int, float]] = field(init=False)
    settled: list[dict[int, float]] = field(init=False)
    large: dict[tuple[int, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rows = np.zeros(self.k, np.int64)
        self.open, self.settled = [{} for _ in range(self.k)], [{} for _ in range(self.k)]

    def add(self, part: Part, labels: NDArray[np.int16]) -> None:
        """Rows with their label ints, none of them -1."""
        self.rows += np.bincount(labels, minlength=self.k)
        many = part.sizes >= MANY
        pairs, counts = np.unique(np.stack([part.cluster[many], labels[many]], axis=1), axis=0, return_counts=True)
        for (cluster, y), count in zip(pairs.tolist(), counts.tolist(), strict=True):
            self.large[cluster, y] = self.large.get((cluster, y), 0) + count
        is_tested = np.isin(part.cluster, self.tested)
        for y in np.unique(labels).tolist():
            _hold(self.open[y], part, (labels == y) & ~is_tested, _HELD + 1)
            _hold(self.settled[y], part, (labels == y) & is_tested, LEAST)

    def spread(self) -> Spread:
        """The splits, once all rows came."""
        large = self.large.items()
        trained = {c for (c, y), count in large if count >= MANY and count >= TOO_MUCH * int(self.rows[y])}
        places = {c: place for held in (*self.open, *self.settled) for c, place in held.items()}
        tested = {c for held in self.settled for c in held}
        split = {c: "test" if c in tested else "train" if c in trained else split_at(p) for c, p in places.items()}
        before = dict(split)
        for opened, settled in zip(self.open, self.settled, strict=True):
            if len(opened) <= _HELD and len(opened) + len(settled) >= LEAST:
                for name, _ in SHARES:
                    lend(name, [*opened, *(settled if name == "test" else ())], places, split)
        lent = {cluster: name for cluster, name in split.items() if name != before[cluster]}
        return Spread(self.tested, np.array(sorted(trained), np.intp), lent)


def _hold(held: dict[int, float], part: Part, wanted: NDArray[np.bool_], most: int) -> None:
    if len(held) >= most:
        return
    at = np.flatnonzero(wanted)
    for cluster, place in zip(part.cluster[at].tolist(), part.places[at].tolist(), strict=True):
        if len(held) >= most:
            return
        held.setdefault(cluster, place)
