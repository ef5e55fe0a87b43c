"""What content is worth: labels from votes and from votes with content, on all rows of a set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.vote_sets import VoteSet

Floats = NDArray[np.float64]


class Gain(NamedTuple):
    """P(label) of the rows with gold: with content, from the votes alone with rows without votes guessed, and with
    these given the class balance that the votes show."""

    votes: VoteSet
    gold: NDArray[np.int64]
    with_content: Floats
    guessed: Floats
    balance: Floats


def gains(sets: Iterator[VoteSet]) -> Iterator[Gain]:
    """Every set that has content."""
    from quorate import Votes, fuse
    from quorate.content import with_content

    for found in sets:
        if found.content is None:
            continue
        alone = fuse(Votes.of(found.matrix, [f"label_{y}" for y in range(found.k)]))
        after = with_content(alone, found.content)
        guessed = np.where(alone.covered[:, None], alone.probs, 1 / found.k)
        known = found.gold >= 0
        yield Gain(found, found.gold[known], after.probs[known], guessed[known], alone.probs[known])
