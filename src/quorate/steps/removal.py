"""removal: which source to drop: the labels are better without it, or it knows no more than the class balance."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from quorate.belief.confusion import Floats
from quorate.estimating.intervals import wilson
from quorate.steps.outlook import Outlook
from quorate.steps.step import DROP_SOURCE_MIN, Step
from quorate.steps.unheard import dropped
from quorate.values import ABSTAIN

# A refit takes seconds on large tables: sources that are believed most are not asked about.
_MOST_REFITS = 25
# With fewer votes, hardly any source can be told from chance.
_FEWEST_VOTES = 30


def sources_to_drop(outlook: Outlook) -> Iterator[Step]:
    """A step for each source without which labels are expected to be better, or that may be no better than chance."""
    voted = (outlook.votes.matrix != ABSTAIN).sum(axis=0)
    lead = outlook.accuracy - np.array([_chance(outlook, j) for j in range(len(voted))])
    for j in np.argsort(lead, kind="stable")[:_MOST_REFITS].tolist():
        if voted[j] and len(voted) > 1:
            step = _step(outlook, j)
            if step.gain > 0 or step.evidence["may_be_chance"]:
                yield step


def _step(outlook: Outlook, j: int) -> Step:
    name, votes = outlook.votes.sources[j], int((outlook.votes.matrix[:, j] != ABSTAIN).sum())
    after = dropped(outlook, j)
    silenced = (np.delete(outlook.votes.matrix, j, axis=1) == ABSTAIN).all(axis=1) & (outlook.settled < 0)
    gain, basis, changed = _change(outlook, after, silenced)
    low, high = wilson(outlook.accuracy[j] * votes, votes)
    chance = _chance(outlook, j)
    return Step(
        "drop",
        f"drop {name}: right on about {outlook.accuracy[j]:.0%} of its {votes} votes, chance is {chance:.0%}",
        gain,
        basis,
        DROP_SOURCE_MIN,
        evidence={
            "source": name,
            "votes": votes,
            "accuracy": float(outlook.accuracy[j]),
            "accuracy_low": low,
            "accuracy_high": high,
            "chance": chance,
            "may_be_chance": low <= chance and votes >= _FEWEST_VOTES,
            "labels_changed": int(changed.sum()),
            "labels_lost": int((silenced & outlook.labels.covered).sum()),
            "examples": outlook.examples(np.flatnonzero(changed)),
        },
        code=f"# delete {name} from the rules or from quorate.toml\n",
    )


def _change(outlook: Outlook, after: Floats, silenced: NDArray[np.bool_]) -> tuple[float, str, NDArray[np.bool_]]:
    """Expected labels put right by the other labels, what that comes from, and the rows that change, bool[n].

    Votes and texts judge both labels. A row that nobody else votes on becomes a guess.
    """
    n, k = outlook.believed.shape
    place, judged = np.arange(n), outlook.labels.covered & (outlook.settled < 0)
    old, new = outlook.labels.probs.argmax(axis=1), after.argmax(axis=1)
    believed = outlook.believed if outlook.texts else (outlook.labels.probs + after) / 2
    chance = np.where(silenced, 1 / k, believed[place, new])
    changed = judged & ((old != new) | silenced)
    gain = float((chance - believed[place, old])[changed].sum())
    judge = "votes and texts together" if outlook.texts else "the mean of what is believed with it and without it"
    return gain, f"{int(changed.sum())} labels change without it; {judge} judge both", changed


def _chance(outlook: Outlook, j: int) -> float:
    """The mean share of the labels that the source votes for: how often it would be right knowing nothing of rows."""
    votes = outlook.votes.matrix[:, j]
    prior = np.asarray(outlook.fitted.prior)
    return float(prior[votes[votes != ABSTAIN]].mean()) if (votes != ABSTAIN).any() else 0.0
