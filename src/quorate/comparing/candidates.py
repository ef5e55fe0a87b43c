"""What is compared: sources, their votes on the same rows, and the rows that people settled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.comparing.grouped import Groups
from quorate.errors import LabelError, did_you_mean, listed
from quorate.frozen import freeze
from quorate.rows import Rows
from quorate.values import ABSTAIN, Gold, Votes

SAMPLES = ("random", "strata")
"""How settled rows were chosen: at random among all rows, or at random among those that agree and those that differ."""


@dataclass(frozen=True, eq=False)
class Settled:
    """The rows that people settled: `position` intp[s] in the votes, `fits` bool[s, k]: the labels that they accept.

    A row whose `fits` are all False has no label that fits. `in_order` says that the rows stand in the order in which
    they were answered; `sampled` how they were chosen, empty where nobody said.
    """

    position: NDArray[np.intp]
    fits: NDArray[np.bool_]
    in_order: bool = False
    sampled: str = ""

    def __post_init__(self) -> None:
        freeze(self, position=np.intp, fits=np.bool_)
        if self.sampled and self.sampled not in SAMPLES:
            raise ValueError(f"settled rows are sampled at {' or '.join(SAMPLES)}, not {self.sampled!r}")

    def __len__(self) -> int:
        return len(self.position)

    @staticmethod
    def of_gold(gold: Gold | None, votes: Votes, *, in_order: bool = False, sampled: str = "") -> Settled:
        """The gold of these rows, in the order in which it was given; a later answer wins."""
        if gold is None:
            return Settled(np.zeros(0, np.intp), np.zeros((0, len(votes.space)), bool))
        aligned = gold.aligned(votes.ids)
        at = np.flatnonzero(aligned != ABSTAIN)
        if in_order:
            last = {row_id: place for place, row_id in enumerate(gold.ids)}
            at = at[np.argsort([last[row_id] for row_id in votes.ids.take(at).to_pylist()], kind="stable")]
        fits = aligned[at][:, None] == np.arange(len(votes.space))
        return Settled(at, fits, in_order, sampled)

    def then(self, later: Settled, tickets: NDArray[np.uint64]) -> Settled:
        """These rows, and those that were settled after them, in their order; a later answer wins.

        Args:
            tickets: a random number of each row, uint64[n]: in the order of a table, rows may tell their label.
        """
        kept = np.flatnonzero(~np.isin(self.position, later.position))
        kept = kept[np.argsort(tickets[self.position[kept]], kind="stable")]
        position = np.concatenate([self.position[kept], later.position])
        return Settled(position, np.vstack([self.fits[kept], later.fits]), in_order=True, sampled=self.sampled)

    def right(self, labels: NDArray[np.int16]) -> NDArray[np.bool_]:
        """Which of the settled rows these labels (int16[n], -1 none) get right, bool[s]."""
        given = labels[self.position]
        return np.asarray((given != ABSTAIN) & self.fits[np.arange(len(self)), np.maximum(given, 0)])


@dataclass(frozen=True, eq=False)
class Asked:
    """What is known of a source beside its votes; None where it is not.

    `wording` is all that a model is told but the row; `usd` and the token counts are of the whole table; latencies in
    seconds. `shared_with` names sources whose requests cannot be told from its own.
    """

    fingerprint: str = ""
    model: str = ""
    wording: str = ""
    reasons: Mapping[str, int] = field(default_factory=dict)
    requests: int | None = None
    retries: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    usd: float | None = None
    latency_p50_s: float | None = None
    latency_p95_s: float | None = None
    shared_with: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Candidates:
    """Sources over the same rows. `names` are those compared, in order; `votes` may hold more, which help.

    `again` names, for a source, another that asks the same once more; `text` is the column that people read; `second`
    int16[n] is what a second person said, -1 where nobody did; `groups` which rows belong together, if any do;
    `settle` are the commands by which people settle the next rows, none where there is no command for it.
    """

    title: str
    rows: Rows
    votes: Votes
    names: tuple[str, ...]
    settled: Settled
    text: str | None = None
    again: Mapping[str, str] = field(default_factory=dict)
    asked: Mapping[str, Asked] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    second: NDArray[np.int16] | None = None
    groups: Groups | None = None
    settle: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_names(self.names, self.votes.sources)
        if self.groups is not None and len(self.groups.of) != len(self.votes):
            raise ValueError(
                f"there are {len(self.groups.of)} groups for {len(self.votes)} rows; give one for each row"
            )

    def __len__(self) -> int:
        return len(self.votes)

    def column(self, name: str) -> NDArray[np.int16]:
        """The votes of a source, int16[n], -1 where it has none."""
        return self.votes.matrix[:, self.votes.sources.index(name)]

    def confidence(self, name: str) -> NDArray[np.float32] | None:
        """What a source says of its own certainty, float32[n], or None where it says nothing."""
        if self.votes.confidence is None:
            return None
        said = self.votes.confidence[:, self.votes.sources.index(name)]
        return None if np.isnan(said).all() else said

    @property
    def others(self) -> tuple[str, ...]:
        """The sources that are not compared and no second asking of one that is."""
        left = {*self.names, *self.again.values()}
        return tuple(name for name in self.votes.sources if name not in left)


def check_names(names: Sequence[str], known: Sequence[str]) -> None:
    """
    Raises:
        LabelError: fewer than two names, a name given twice, or one that no source has.
    """
    for name in names:
        if name not in known:
            raise LabelError(f"there is no source {name!r}; there are {listed(known)}.{did_you_mean(name, known)}")
    if len(set(names)) < 2 or len(set(names)) < len(names):
        raise LabelError(f"a comparison is of two or more different sources, got {listed(names) or 'none'}")
