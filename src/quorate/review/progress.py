"""progress: how far the review is, how fast it goes, and what the answers changed."""

from __future__ import annotations

from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np

from quorate.review.room import Room

_PAUSE_S = 120.0
_LOOKED_AT = 40


def status(room: Room, reviewer: str) -> dict[str, Any]:
    """Where the review stands, for the page and the terminal; `waits` tells that newer answers are being thought of."""
    with room.lock:
        ledger, belief = room.ledger, room.belief
        people: dict[str, int] = {}
        times: list[float] = []
        for _, stands in ledger.answers():
            for name, answer in stands.answers.items():
                people[name] = people.get(name, 0) + 1
                if name == reviewer:
                    times.append(answer.at_s)
        answered = int((ledger.people > 0).sum())
        size = max(room.project.settings.queue.size, 1)
        goal = min((answered // size + 1) * size, len(ledger.ids))
        per_minute = pace(times)
        return {
            "answered": answered,
            "mine": people.get(reviewer, 0),
            "rows": len(ledger.ids),
            "goal": goal,
            "per_minute": per_minute,
            "left_s": (goal - answered) / per_minute * 60 if per_minute else None,
            "disputed": int(ledger.disputed.sum()),
            "flagged": int(ledger.flagged.sum()),
            "second": len(ledger.second_readings(reviewer)),
            "accuracy": asdict(belief.measured),
            "changed": belief.changed,
            "between": list(room.contest.names) if room.contest else [],
            "outlook": room.contest.outlook(ledger) if room.contest else "",
            "people": dict(sorted(people.items(), key=lambda item: -item[1])),
            "waits": belief.number < ledger.number,
        }


def pace(times: list[float]) -> float | None:
    """Answers a minute over the last ones, breaks left out; None before there are five."""
    latest = np.sort(times)[-_LOOKED_AT:].tolist()
    gaps = [later - earlier for earlier, later in pairwise(latest) if later - earlier < _PAUSE_S]
    return None if len(gaps) < 4 else 60 * len(gaps) / max(sum(gaps), 0.001)
