"""answers: what settling the first rows of the review queue is worth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from quorate.belief.confusion import Floats
from quorate.rank import expected_gains
from quorate.steps.outlook import Outlook
from quorate.steps.step import Step

_BATCH = 20


def rows_to_label(outlook: Outlook, folder: str) -> Iterator[Step]:
    """A step of the first twenty rows of the review queue."""
    gains = expected_gains(outlook.votes, outlook.labels, outlook.gold, outlook.reading)
    waiting = np.flatnonzero(outlook.settled < 0)
    order = np.argsort(-(gains / np.maximum(outlook.reading.minutes, 1e-9))[waiting], kind="stable")
    rows = waiting[order[:_BATCH]]
    if not len(rows):
        return
    alone, further = float((1 - outlook.right[rows]).sum()), float(_beyond(outlook)[rows].sum())
    yield Step(
        "label",
        f"label the first {len(rows)} rows of the review queue",
        alone + further,
        f"{alone:.1f} of their own labels are expected to be wrong, and {further:.1f} labels of rows with the same "
        "votes to change for the better",
        float(outlook.reading.minutes[rows].sum()),
        evidence={
            "ids": [outlook.votes.ids[i].as_py() for i in rows.tolist()],
            "chance_of_wrong": [round(float(1 - outlook.right[i]), 3) for i in rows.tolist()],
            "examples": outlook.examples(rows),
        },
        command=f"quorate review {folder}",
    )


def _beyond(outlook: Outlook) -> Floats:
    """The labels that an answer on each row is expected to put right in other rows, float64[n]."""
    believed = replace(outlook.labels, probs=outlook.believed)
    gains = expected_gains(outlook.votes, believed, outlook.gold, outlook.reading)
    return np.asarray(np.maximum(gains - (1 - outlook.believed.max(axis=1, initial=0)), 0))
