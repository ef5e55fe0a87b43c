"""A sheet for the owner of the labels: the pairs of labels that are confused most, and the question to decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from quorate.comparing.candidates import Candidates
from quorate.comparing.disagreements import LabelPair
from quorate.comparing.wins import Wins

_PAIRS = 5
_EXAMPLES = 4
_NONE = Wins(0, 0, 0, 0, None, 0.0, 1.0)


def guideline(
    candidates: Candidates, found: Sequence[LabelPair], wins: Mapping[tuple[int, int], Wins]
) -> list[dict[str, Any]]:
    """The worst pairs of labels, whichever source says which; with boundary examples and a question to answer."""
    space = candidates.votes.space
    together: dict[tuple[str, str], list[LabelPair]] = {}
    for pair in found:
        if pair.a is not None and pair.b is not None:
            key = (min(pair.a, pair.b), max(pair.a, pair.b))
            together.setdefault(key, []).append(pair)
    worst = sorted(together.items(), key=lambda item: -sum(pair.rows for pair in item[1]))[:_PAIRS]
    sheet = []
    for (one, other), pairs in worst:
        examples = [example for pair in pairs for cluster in pair.clusters for example in cluster.examples]
        i, j = space.index(one), space.index(other)
        forth, back = (wins.get(key, _NONE) for key in ((i, j), (j, i)))
        sheet.append(
            {
                "labels": [one, other],
                "rows": sum(pair.rows for pair in pairs),
                "meanings": {name: space.descriptions.get(name, "") for name in (one, other)},
                "settled": {
                    one: forth.a + back.b,
                    other: forth.b + back.a,
                    "both": forth.both + back.both,
                    "neither": forth.neither + back.neither,
                },
                "question": _question(one, other),
                "examples": sorted(examples, key=lambda e: e["gold"] is None)[:_EXAMPLES],
            }
        )
    return sheet


def _question(one: str, other: str) -> str:
    return (
        f"When a row could be {one} and could be {other}, which of them is it, and by what would two people who have "
        "never spoken with each other decide it the same way?"
    )
