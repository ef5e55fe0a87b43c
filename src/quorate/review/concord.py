"""concord: how far the reviewers agree, by class and by pair of people, and before and after a guideline changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.agreement.measuring import measure_agreement
from quorate.agreement.ratings import Ratings
from quorate.agreement.resampling import Measured
from quorate.decisions import Decision
from quorate.review.room import Room
from quorate.standing import said
from quorate.values import ABSTAIN

_MOST_PAIRS = 10
NONE = "none of these"


def concord(room: Room) -> dict[str, Any]:
    """The agreement on the rows that two or more people answered: in all, per class, per pair of people."""
    read = [stands.answers for _, stands in room.ledger.answers() if len(stands.answers) >= 2]
    people = sorted({name for answers in read for name in answers})
    classes = [*room.space.names, NONE]
    place = {label: y for y, label in enumerate(classes)}
    ratings = np.full((len(read), max(len(people), 2)), -1, np.int64)
    for row, answers in enumerate(read):
        for name, answer in answers.items():
            ratings[row, people.index(name)] = place.get(said(answer) or NONE, -1)
    differ: Counter[tuple[str, str]] = Counter()
    for answers in read:
        labels = sorted({said(answer) or NONE for answer in answers.values()}, key=lambda y: place.get(y, -1))
        differ.update(combinations(labels, 2))
    return {
        "rows": len(read),
        "people": people,
        "overall": _agreement(ratings, classes),
        "classes": [{"label": label, **_of_class(ratings, y)} for y, label in enumerate(classes)],
        "pairs": [
            {"people": [a, b], **_agreement(ratings[:, [people.index(a), people.index(b)]], classes)}
            for a, b in combinations(people[:_MOST_PAIRS], 2)
        ],
        "differ": [{"labels": list(pair), "rows": rows} for pair, rows in differ.most_common(_MOST_PAIRS)],
        "sheets": _rewritings(room, [list(answers.values()) for answers in read]),
    }


def _of_class(ratings: NDArray[np.int64], label: int) -> dict[str, Any]:
    """One class against the others, on rows where somebody named it."""
    named = (ratings == label).any(axis=1)
    of_it = np.where(ratings < 0, -1, (ratings == label).astype(np.int64))
    return {**_agreement(of_it if named.any() else of_it[:0], ["other", "this"]), "rows": int(named.sum())}


def _agreement(ratings: NDArray[np.int64], classes: Sequence[str]) -> dict[str, Any]:
    """The coefficients of the rows that two or more people rated, kappa Cohen's for two people and Fleiss' for more."""
    found = measure_agreement(Ratings.of(ratings[(ratings != ABSTAIN).sum(axis=1) >= 2], classes))
    kappa = "cohen_kappa" if ratings.shape[1] == 2 else "fleiss_kappa"
    names = {"same": "agreement", "kappa": kappa, "alpha": "krippendorff_alpha", "ac1": "gwet_ac1"}
    return {"rows": int(found.units), **{short: _interval(found.coefficients[name]) for short, name in names.items()}}


def _interval(measured: Measured) -> dict[str, float | None]:
    if isnan(measured.value):
        return {"value": None, "low": None, "high": None}
    return {"value": measured.value, "low": measured.low, "high": measured.high}


def _rewritings(room: Room, read: Sequence[Sequence[Decision]]) -> list[dict[str, Any]]:
    """For the last version of each guideline sheet: on how many rows people agreed before it, and after."""
    last = {sheet.pair: sheet for sheet in room.decisions.sheets()}
    found = []
    for pair, sheet in last.items():
        labels = set(pair.split(" | ")) if pair else None
        about = [made for made in read if labels is None or labels & {said(answer) for answer in made}]
        before = [made for made in about if max(answer.at_s for answer in made) < sheet.at_s]
        after = [made for made in about if min(answer.at_s for answer in made) >= sheet.at_s]
        found.append(
            {"pair": pair, "by": sheet.reviewer, "at_s": sheet.at_s, "before": _same(before), "after": _same(after)}
        )
    return found


def _same(read: Sequence[Sequence[Decision]]) -> dict[str, int]:
    return {"rows": len(read), "same": sum(len({said(answer) for answer in made}) == 1 for made in read)}
