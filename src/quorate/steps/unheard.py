"""unheard: the labels as they would be without a source."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from quorate.belief.confusion import Floats
from quorate.fuse import fit
from quorate.patterns import fold
from quorate.steps.outlook import Outlook
from quorate.values import ABSTAIN, Status, Votes


def not_voting(outlook: Outlook, j: int) -> Floats:
    """P(label) of each row where source j does not vote, float64[n, k]; the label model stays as it was fitted.

    Rows that j alone votes on have the class balance.
    """
    patterns, where = outlook.folded
    matrix = patterns.matrix.copy()
    matrix[:, j] = ABSTAIN
    return np.asarray(outlook.fitted.probabilities(matrix)[where])


def dropped(outlook: Outlook, j: int) -> Floats:
    """P(label) of each row by the label model fitted without source j, float64[n, k]."""
    patterns, where = fold(without(outlook.votes, j), outlook.gold)
    return np.asarray(fit(patterns, outlook.model).probabilities(patterns.matrix)[where])


def without(votes: Votes, j: int) -> Votes:
    """The votes of the other sources."""
    kept = [i for i in range(len(votes.sources)) if i != j]
    names = tuple(votes.sources[i] for i in kept)
    return replace(
        votes,
        sources=names,
        families=tuple(votes.families[i] for i in kept),
        matrix=votes.matrix[:, kept],
        status=votes.status[:, kept],
        confidence=None if votes.confidence is None else votes.confidence[:, kept],
        distributions={name: votes.distributions[name] for name in names if name in votes.distributions},
        failures=tuple(f for f in votes.failures if f.source in names),
    )


def never_voted(outlook: Outlook, j: int) -> bool:
    """Whether the source has no vote at all, asked or not."""
    return not (outlook.votes.status[:, j] == Status.VOTED).any()
