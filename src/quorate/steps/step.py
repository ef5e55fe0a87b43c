"""step: one thing to do next, what it is expected to bring, what it takes, and the order of such things."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["write", "accept", "label", "fix", "drop", "ask", "hear"]

# What a person takes, beyond reading the rows shown. Guesses of ours: change them by what your people take.
WRITE_RULE_MIN = 3.0
FIX_RULE_MIN = 3.0
ACCEPT_RULE_MIN = 0.5
DROP_SOURCE_MIN = 1.0
ASK_MIN = 0.5
SETTING_MIN = 0.5
HOUR_USD = 30.0
"""What an hour of a person costs, so that minutes and money stand in one order."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do.

    `gain` is the expected number of labels put right, and `basis` says in words what it is computed from; `minutes` of
    a person, `usd` for an endpoint (None where nobody knows its price); `evidence` is plain values by name; `command`
    and `code` are what to run and what to write, empty where there is none.
    """

    kind: Kind
    what: str
    gain: float
    basis: str
    minutes: float
    usd: float | None = 0.0
    evidence: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    code: str = ""

    def gain_a_minute(self, hour_usd: float = HOUR_USD) -> float:
        """Labels put right per minute, money counted as the minutes that it buys; an unknown price counts as none."""
        return self.gain / max(self.minutes + 60 * (self.usd or 0.0) / hour_usd, 1e-6)


def in_order(steps: Iterable[Step], hour_usd: float = HOUR_USD) -> list[Step]:
    """The steps, most labels put right per minute first; equal ones by kind and name."""
    return sorted(steps, key=lambda step: (-step.gain_a_minute(hour_usd), step.kind, step.what))
