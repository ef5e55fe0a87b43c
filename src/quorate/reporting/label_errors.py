"""label_errors: what there is to say of suspects, as one documented object (schema `quorate.errors/1`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quorate.reporting.report import shortened
from quorate.rows import Rows
from quorate.suspects.neighbours import nearest_others
from quorate.suspects.suspected import Suspects
from quorate.suspects.views import Views
from quorate.values import ABSTAIN, LabelSpace, Votes

_TEXT = 300
_PAIRS = 10
_FEWEST_OF_A_PAIR = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What suspects are told with: the rows, where neighbours are looked for, the column to show, the votes."""

    rows: Rows
    views: Views
    space: LabelSpace
    text: str | None = None
    votes: Votes | None = None


def errors_report(found: Suspects, seen: Evidence, listed: NDArray[np.intp]) -> dict[str, Any]:
    """The estimate, which labels are mistaken for which, and the listed rows with their evidence."""
    names, guess = seen.space.names, found.estimate
    known = found.given != ABSTAIN
    return {
        "rows": len(found.given),
        "judged": int(known.sum()),
        "labels": {name: int((found.given == y).sum()) for y, name in enumerate(names)},
        "estimate": {
            "wrong": round(guess.rows),
            "low": round(guess.low),
            "high": round(guess.high),
            "trust": guess.trust,
            "agreement": guess.agreement,
            "kappa": guess.kappa,
        },
        "mistaken": _mistaken(found, names),
        "suspects": _entries(found, seen, listed),
    }


def errors_table(entries: Sequence[dict[str, Any]]) -> pa.Table:
    """The listed rows as a flat table, one a row."""

    def column(make: Any, kind: Any = None) -> pa.Array:
        return pa.array([make(entry) for entry in entries], kind or pa.string())

    return pa.table(
        {
            "id": column(lambda e: e["id"]),
            "given": column(lambda e: e["given"]),
            "suggested": column(lambda e: e["suggested"]),
            "probability_wrong": column(lambda e: e["probability_wrong"], pa.float64()),
            "model_given": column(lambda e: e["model"]["given"], pa.float64()),
            "model_suggested": column(lambda e: e["model"]["suggested"], pa.float64()),
            "votes_for": column(lambda e: " ".join(e["votes"]["for"])),
            "votes_against": column(lambda e: " ".join(e["votes"]["against"])),
            "nearest_other": column(lambda e: e["neighbours"][0]["id"] if e["neighbours"] else None),
            "nearest_label": column(lambda e: e["neighbours"][0]["label"] if e["neighbours"] else None),
            "alike": column(lambda e: " ".join(e["alike"])),
            "text": column(lambda e: e["text"]),
        }
    )


def _mistaken(found: Suspects, names: Sequence[str]) -> list[dict[str, Any]]:
    """The pairs of labels that are mistaken most, by the sum of what is believed of the rows."""
    k, known = len(names), np.flatnonzero(found.given != ABSTAIN)
    joint = np.zeros((k, k))
    np.add.at(joint, found.given[known], found.believed[known])
    np.fill_diagonal(joint, 0.0)
    order = np.argsort(-joint, axis=None, kind="stable")[:_PAIRS]
    pairs = zip(*np.unravel_index(order, joint.shape), strict=True)
    return [
        {"given": names[i], "meant": names[j], "rows": round(float(joint[i, j]), 1)}
        for i, j in pairs
        if joint[i, j] >= _FEWEST_OF_A_PAIR
    ]


def _entries(found: Suspects, seen: Evidence, listed: NDArray[np.intp]) -> list[dict[str, Any]]:
    names, ids, suggested = seen.space.names, found.ids, found.suggested
    near = nearest_others(seen.views.near, found.given, listed)
    texts = seen.rows.values(seen.text) if seen.text else [None] * len(found.given)
    groups = _groups(found)
    entries = []
    for at, others in zip(listed.tolist(), near, strict=True):
        y, other = int(found.given[at]), int(suggested[at])
        entries.append(
            {
                "id": ids[at].as_py(),
                "given": names[y],
                "suggested": names[other],
                "probability_wrong": round(float(found.suspicion[at]), 6),
                "model": {
                    "given": round(float(found.probs[at, y]), 6),
                    "suggested": round(float(found.probs[at, other]), 6),
                },
                "text": None if texts[at] is None else shortened(str(texts[at]), _TEXT),
                "neighbours": [
                    {
                        "id": ids[place].as_py(),
                        "label": names[int(found.given[place])],
                        "likeness": round(cosine, 4),
                        "text": None if texts[place] is None else shortened(str(texts[place]), _TEXT),
                    }
                    for place, cosine in others
                ],
                "votes": _votes(seen.votes, at, y),
                "alike": [ids[place].as_py() for place in groups.get(int(found.alike[at]), []) if place != at],
            }
        )
    return entries


def _groups(found: Suspects) -> dict[int, list[int]]:
    groups: dict[int, list[int]] = {}
    for place in np.flatnonzero(found.given != ABSTAIN).tolist():
        groups.setdefault(int(found.alike[place]), []).append(place)
    return groups


def _votes(votes: Votes | None, at: int, given: int) -> dict[str, list[str]]:
    if votes is None:
        return {"for": [], "against": []}
    row = votes.matrix[at].tolist()
    return {
        "for": [name for name, vote in zip(votes.sources, row, strict=True) if vote == given],
        "against": [name for name, vote in zip(votes.sources, row, strict=True) if vote not in (given, ABSTAIN)],
    }
