"""faults: which rule to fix: one whose wrong votes decide labels, and the rows where it is most surely wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.belief.confusion import Floats
from quorate.estimating.intervals import wilson
from quorate.steps.outlook import Outlook
from quorate.steps.step import FIX_RULE_MIN, Step
from quorate.steps.unheard import not_voting
from quorate.values import ABSTAIN

# One look at a rule's mistakes is taken to mend this part of them.
_MENDED = 0.5
# Gold on a rule's votes corrects what is believed of it, which counts as so many rows.
_STRENGTH = 5.0


def rules_to_fix(outlook: Outlook) -> Iterator[Step]:
    """A step for each rule whose wrong votes decide labels.

    Where a rule's vote is the label and would not be without it, the vote is wrong with the probability of the other
    labels, and a rule that abstained there would leave the label the others give.
    """
    for j, (name, family) in enumerate(zip(outlook.votes.sources, outlook.votes.families, strict=True)):
        if family == "rule" and (outlook.votes.matrix[:, j] != ABSTAIN).any():
            step = _step(outlook, j, name)
            if step.gain > 0:
                yield step


def _step(outlook: Outlook, j: int, name: str) -> Step:
    decided, gains = _decisive(outlook, j)
    gains = gains * _correction(outlook, j)
    gain, wrong = _MENDED * float(gains.sum()), _wrong_votes(outlook, j)
    low, high = _interval(outlook, j)
    shown = wrong if len(wrong) else decided
    return Step(
        "fix",
        f"fix {name}: it votes {_labels(outlook, j)}, right on about {outlook.accuracy[j]:.0%} of its votes",
        gain,
        f"{len(decided)} labels hang on this rule, {gains.sum():.1f} of them are expected to be wrong and right "
        f"without it; half of these are taken to be mended",
        FIX_RULE_MIN + float(outlook.reading.minutes[shown[:3]].sum()),
        evidence={
            "source": name,
            "votes": int((outlook.votes.matrix[:, j] != ABSTAIN).sum()),
            "accuracy": float(outlook.accuracy[j]),
            "accuracy_low": low,
            "accuracy_high": high,
            **_on_gold(outlook, j),
            "labels_decided": len(decided),
            "examples": outlook.examples(shown),
        },
        code=f"# in {name}: abstain on rows like these\n",
    )


def _decisive(outlook: Outlook, j: int) -> tuple[NDArray[np.intp], Floats]:
    """The rows whose label is the vote of source j and would not be without it, the least sure first, and by each
    the expected labels put right if the vote were withdrawn where it is wrong."""
    vote, k = outlook.votes.matrix[:, j], len(outlook.labels.space)
    others = not_voting(outlook, j)
    alone = (np.delete(outlook.votes.matrix, j, axis=1) == ABSTAIN).all(axis=1)
    best = others.argmax(axis=1)
    at = np.flatnonzero((vote != ABSTAIN) & (outlook.labels.hard == vote) & (outlook.settled < 0))
    at = at[alone[at] | (best[at] != vote[at])]
    probs = outlook.believed[at]
    wrong = 1 - probs[np.arange(len(at)), vote[at]]
    # Without any vote left one guesses among the labels, and a guess is right as often as any.
    mended = np.where(alone[at], wrong / k, probs[np.arange(len(at)), best[at]])
    order = np.argsort(-wrong, kind="stable")
    return at[order], mended[order]


def _correction(outlook: Outlook, j: int) -> float:
    """By what gold multiplies the chance that a vote of source j is wrong."""
    believed, told = max(1 - float(outlook.accuracy[j]), 1e-3), _on_gold(outlook, j)
    rows = told["gold_rows"]
    wrong = rows * (1 - (told["gold_accuracy"] or 0.0))
    return float((_STRENGTH * believed + wrong) / (_STRENGTH + rows) / believed)


def _wrong_votes(outlook: Outlook, j: int) -> NDArray[np.intp]:
    """The rows where the vote differs from gold, then those where it is probably wrong, most surely first."""
    vote = outlook.votes.matrix[:, j]
    voted = np.flatnonzero(vote != ABSTAIN)
    chance = outlook.believed[voted, vote[voted]]
    known = outlook.settled[voted]
    order = np.lexsort((chance, ~((known != ABSTAIN) & (known != vote[voted]))))
    is_wrong = np.where(known != ABSTAIN, known != vote[voted], chance < 0.5)
    return np.asarray(voted[order][is_wrong[order]], np.intp)


def _interval(outlook: Outlook, j: int) -> tuple[float, float]:
    """What sampling alone leaves open of the believed accuracy."""
    votes = int((outlook.votes.matrix[:, j] != ABSTAIN).sum())
    return wilson(float(outlook.accuracy[j]) * votes, votes)


def _on_gold(outlook: Outlook, j: int) -> dict[str, Any]:
    vote, known = outlook.votes.matrix[:, j], outlook.settled
    both = (vote != ABSTAIN) & (known != ABSTAIN)
    total, right = int(both.sum()), int((both & (vote == known)).sum())
    low, high = wilson(right, total)
    accuracy = right / total if total else None
    return {"gold_rows": total, "gold_accuracy": accuracy, "gold_low": low, "gold_high": high}


def _labels(outlook: Outlook, j: int) -> str:
    votes = outlook.votes.matrix[:, j]
    return " or ".join(outlook.labels.space.names[y] for y in np.unique(votes[votes != ABSTAIN]))
