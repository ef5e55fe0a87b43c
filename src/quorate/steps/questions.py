"""questions: which rows to ask an endpoint about: those where one more vote is expected to put most labels right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.belief.confusion import Floats
from quorate.steps.outlook import Outlook
from quorate.steps.step import ASK_MIN, Step
from quorate.steps.unheard import never_voted
from quorate.values import Status

# What a model that was never asked here is taken to be right on; another model of the project tells better.
_UNKNOWN_ACCURACY = 0.75
_LEAST_GAIN = 0.02
MOST_ROWS = 100


def rows_to_ask(
    outlook: Outlook, usd_a_row: Mapping[str, float | None], folder: str, most: int = MOST_ROWS
) -> Iterator[Step]:
    """A step for each source that asks an endpoint and has rows that it was not asked about.

    Args:
        usd_a_row: what a row costs by source, None where nobody knows the price.
        most: rows in a step.
    """
    for name, usd in usd_a_row.items():
        j = outlook.votes.sources.index(name)
        unasked = np.flatnonzero((outlook.votes.status[:, j] == Status.SKIPPED) & (outlook.settled < 0))
        accuracy, origin = _accuracy(outlook, j)
        gains = gain_of_a_vote(outlook.labels.probs[unasked], outlook.right[unasked], accuracy)
        order = np.argsort(-gains, kind="stable")
        order = order[gains[order] >= _LEAST_GAIN][:most]
        if len(order):
            evidence = _evidence(outlook, name, unasked[order], usd)
            yield Step(
                "ask",
                f"ask {name} about {len(order)} rows",
                float(gains[order].sum()),
                f"{evidence['without_votes']} of these rows have no vote, the others' labels are in doubt; an answer "
                f"is taken to be right on {accuracy:.0%}, {origin}",
                ASK_MIN,
                None if usd is None else usd * len(order),
                evidence,
                f"quorate next {folder} --ask {name}",
            )


def gain_of_a_vote(belief: Floats, right: Floats, accuracy: float) -> Floats:
    """By how much one more vote raises the chance that the label is right, float64[n].

    The vote is for the true label with probability `accuracy`, for each other with an equal share of the rest, and
    independent of the votes there are: the expected best posterior less the chance now.

    Args:
        belief: P(label), float64[n, k].
        right: the chance that the label given is right, float64[n].
    """
    k = belief.shape[1]
    chance = np.full((k, k), (1 - accuracy) / max(k - 1, 1))
    np.fill_diagonal(chance, accuracy)
    best = np.stack([(belief * chance[:, said]).max(axis=1) for said in range(k)], axis=1).sum(axis=1)
    return np.asarray(np.maximum(best - right, 0))


def _evidence(outlook: Outlook, name: str, rows: NDArray[np.intp], usd: float | None) -> dict[str, Any]:
    return {
        "source": name,
        "rows": len(rows),
        "without_votes": int((~outlook.labels.covered[rows]).sum()),
        "usd_a_row": usd,
        "ids": [outlook.votes.ids[i].as_py() for i in rows.tolist()],
        "examples": outlook.examples(rows),
    }


def _accuracy(outlook: Outlook, j: int) -> tuple[float, str]:
    """How often the source is expected to be right, and who says so."""
    if not never_voted(outlook, j):
        return float(outlook.accuracy[j]), "as the label model believes of its answers so far"
    models = [
        i
        for i, family in enumerate(outlook.votes.families)
        if family == outlook.votes.families[j] and not never_voted(outlook, i)
    ]
    if models:
        return float(outlook.accuracy[models].mean()), "as the project's other models are believed to be"
    return _UNKNOWN_ACCURACY, "a guess, since no model has answered here yet"
