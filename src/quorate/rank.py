"""rank: the rows a person should look at, most telling first, and why each is there."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quorate.protocols import Signal
from quorate.registry import build, names
from quorate.values import ABSTAIN, Gold, Labels, Queue, Votes


def rank(
    votes: Votes,
    labels: Labels,
    signals: Sequence[str | Signal] | None = None,
    *,
    size: int | None = 100,
    random_share: float = 0.1,
    gold: Gold | None = None,
) -> Queue:
    """The review queue: rows with the highest mean signal, and a random sample of the others behind them.

    Rows that people settled are left out. Equal scores keep row order. The sample is drawn by a hash of the row id,
    so it does not move between runs; its inclusion probability is recorded, that of targeted rows is 1.

    Args:
        signals: names or objects; None means every signal there is.
        size: rows in the queue; None means all open rows.
        random_share: the part of `size` that is drawn at random, 0 to 1.
    """
    chosen = _signals(signals)
    reasons = {name: signal.score(votes, labels) for name, signal in chosen.items()}
    score = np.stack([np.zeros(len(votes)), *reasons.values()]).sum(axis=0) / max(len(reasons), 1)
    score = score.astype(np.float32)
    settled = np.zeros(len(votes), bool) if gold is None else gold.aligned(votes.ids) != ABSTAIN
    still_open = np.flatnonzero(~settled)
    total = len(still_open) if size is None else min(size, len(still_open))
    drawn = 0 if total == len(still_open) else round(total * random_share)
    order = still_open[np.argsort(-score[still_open], kind="stable")]
    targeted, rest = order[: total - drawn], order[total - drawn :]
    sampled = _lottery(votes.ids, rest)[:drawn]
    position = np.concatenate([targeted, sampled]).astype(np.intp)
    return Queue(
        ids=votes.ids.take(pa.array(position, pa.int64())),
        position=position,
        score=score[position],
        reasons={name: values[position] for name, values in reasons.items()},
        inclusion=np.concatenate([np.ones(len(targeted)), np.full(drawn, drawn / max(len(rest), 1))]),
    )


def _signals(signals: Sequence[str | Signal] | None) -> dict[str, Signal]:
    chosen: Sequence[str | Signal] = names("signals") if signals is None else signals
    return dict((s, build("signals", s, {})) if isinstance(s, str) else (_name(s), s) for s in chosen)


def _name(signal: Signal) -> str:
    """The name of a plug-in is that of its file; other signals go by their class."""
    module = sys.modules[type(signal).__module__]
    by_file = getattr(module, "plugin", None) is type(signal)
    return module.__name__.rpartition(".")[2] if by_file else type(signal).__name__


def _lottery(ids: pa.StringArray, positions: NDArray[np.intp]) -> NDArray[np.intp]:
    """The positions in the order of a hash of their row ids."""
    drawn = [blake2b(row_id.encode(), digest_size=8).digest() for row_id in ids.take(pa.array(positions)).to_pylist()]
    return positions[sorted(range(len(drawn)), key=drawn.__getitem__)]
