"""Splits in which no near-duplicate of a row to train on is a row to test on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

SHARES = (("train", 0.8), ("valid", 0.1), ("test", 0.1))
LEAST = 5
"""A label in at least so many clusters has a row in every split."""
MANY, TOO_MUCH = 10, 0.05


def split_rows(
    ids: Sequence[str], clusters: NDArray[np.intp], labels: NDArray[np.int16], tested: Collection[int] = ()
) -> tuple[str, ...]:
    """The split of each row: a cluster (named by the position of its first row) is in one split as a whole.

    It follows a hash of the id of the cluster's first row: it stays the same when rows are added behind, and every
    label has its share by chance. A cluster of ten rows or more that is a twentieth of its label would upset the
    shares and is in `train`; a label that chance leaves out of a split gets the cluster there that was nearest.
    Rows with the label -1 count for nothing; the clusters `tested` are in the test split whatever their hash.
    """
    places = {c: place_of(ids[c]) for c in np.unique(clusters).tolist()}
    large = _large(clusters, labels)
    split = {c: "test" if c in tested else "train" if c in large else split_at(p) for c, p in places.items()}
    for y in np.unique(labels[labels >= 0]).tolist():
        of_label = sorted(set(clusters[labels == y].tolist()), key=places.__getitem__)
        if len(of_label) < LEAST:
            continue
        for name, _ in SHARES:
            lend(name, [c for c in of_label if c not in tested or name == "test"], places, split)
    return tuple(split[c] for c in clusters.tolist())


def _large(clusters: NDArray[np.intp], labels: NDArray[np.int16]) -> set[int]:
    """The clusters that are too large a part of some label to test on."""
    found: set[int] = set()
    for y in np.unique(labels[labels >= 0]).tolist():
        names, sizes = np.unique(clusters[labels == y], return_counts=True)
        found |= set(names[(sizes >= MANY) & (sizes >= TOO_MUCH * sizes.sum())].tolist())
    return found


def lend(name: str, clusters: Sequence[int], places: dict[int, float], split: dict[int, str]) -> None:
    """Moves the nearest of a label's clusters into a split that holds none of them."""
    held = [split[c] for c in clusters]
    if name in held:
        return
    low, high = _interval(name)
    spare = [c for c in clusters if held.count(split[c]) > 1]
    if not spare:
        return
    nearest = min(spare, key=lambda c: (max(low - places[c], places[c] - high), c))
    split[nearest] = name


def _interval(name: str) -> tuple[float, float]:
    low = 0.0
    for other, share in SHARES:
        if other == name:
            return low, low + share
        low += share
    raise KeyError(name)


def place_of(row_id: str) -> float:
    """A number in [0, 1) that the id alone decides."""
    return int.from_bytes(blake2b(row_id.encode(), digest_size=8, person=b"split").digest(), "big") / 2**64


def split_at(place: float) -> str:
    """The split of a place in [0, 1)."""
    for name, share in SHARES:
        if place < share:
            return name
        place -= share
    return SHARES[-1][0]
