"""assemble: rows, labels and gold become a training set."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import pyarrow as pa

from quorate.rows import Rows
from quorate.values import ABSTAIN, Gold, Labels, TrainingSet

SPLITS = (("train", 0.8), ("valid", 0.1), ("test", 0.1))


def assemble(
    rows: Rows,
    labels: Labels,
    gold: Gold | None = None,
    min_probability: float = 0.0,
    name: str = "training_set",
) -> TrainingSet:
    """The rows with a hard label of at least `min_probability`; a person's label overrides the votes'.

    A row's weight is the probability of its label, 1 for gold. The split (80/10/10) follows a hash of the row id: it
    stays the same when rows are added.

    Raises:
        ValueError: the labels are of other rows.
    """
    if rows.ids.to_pylist() != labels.ids.to_pylist():
        raise ValueError("rows and labels do not have the same ids in the same order")
    settled = np.full(len(rows), ABSTAIN) if gold is None else gold.aligned(rows.ids)
    by_person = settled != ABSTAIN
    hard = np.where(by_person, settled, labels.hard)
    probs = np.where(by_person[:, None], np.eye(len(labels.space))[settled], labels.probs)
    keep = np.flatnonzero((hard != ABSTAIN) & (by_person | (probs.max(axis=1, initial=0) >= min_probability)))
    chosen = Rows(rows.table.take(pa.array(keep)), rows.ids.take(pa.array(keep)))
    return TrainingSet(
        space=labels.space,
        rows=chosen,
        labels=hard[keep].astype(np.int16),
        probs=probs[keep],
        weights=probs[keep, hard[keep]],
        split=tuple(_split(row_id) for row_id in chosen.ids.to_pylist()),
        provenance=tuple("gold" if person else "votes" for person in by_person[keep]),
        name=name,
    )


def _split(row_id: str) -> str:
    place = int.from_bytes(blake2b(row_id.encode(), digest_size=8, person=b"split").digest(), "big") / 2**64
    for name, share in SPLITS:
        if place < share:
            return name
        place -= share
    return SPLITS[-1][0]
