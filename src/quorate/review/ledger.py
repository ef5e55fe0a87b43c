"""Ledger: the decisions of a project as they bear on its rows, kept up to date as people decide."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from quorate.decisions import Decision, Decisions
from quorate.rows import Rows
from quorate.standing import Standing, content_keys, standing
from quorate.values import ABSTAIN, LabelSpace

_RULED = 100
_NOTHING = Standing()


class Ledger:
    """Who decided what, by row; decisions of other processes are read when it is refreshed.

    `people` int8[n]: how many answered (100 where somebody ruled); `settled` int16[n]: the label they settled, -1
    without one; `disputed` and `flagged` bool[n]. Decisions about rows that changed since do not count.
    """

    def __init__(self, decisions: Decisions, rows: Rows, space: LabelSpace, text: str | None, overlap: float) -> None:
        self._decisions, self._space = decisions, space
        self.ids: list[str] = rows.ids.to_pylist()
        self.place = {row_id: at for at, row_id in enumerate(self.ids)}
        self.contents: list[bytes] = content_keys(rows, text).tolist()
        self.needs_two = _lottery(self.ids, overlap)
        n = len(self.ids)
        self.people, self.settled = np.zeros(n, np.int8), np.full(n, ABSTAIN, np.int16)
        self.disputed, self.flagged = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        self.number = 0
        self._made: dict[int, list[Decision]] = {}
        self._standing: dict[int, Standing] = {}
        self._seen: dict[str, NDArray[np.bool_]] = {}
        self.refresh()

    def refresh(self) -> bool:
        """Reads what was decided since; whether there was anything."""
        fresh = self._decisions.since(self.number)
        touched = set()
        for decision in fresh:
            at = self.place.get(decision.row_id, -1)
            if at >= 0 and self.contents[at] == decision.content:
                self._made.setdefault(at, []).append(decision)
                touched.add(at)
        for at in touched:
            self._stand(at)
        self.number = fresh[-1].number if fresh else self.number
        return bool(fresh)

    def standing(self, at: int) -> Standing:
        """How the row at a place stands."""
        return self._standing.get(at, _NOTHING)

    def open_to(self, reviewer: str) -> NDArray[np.bool_]:
        """The rows that this person may be asked about: not by them before, and not yet by as many as they need."""
        return (self.people < 1 + self.needs_two) & ~self._seen_by(reviewer)

    def second_readings(self, reviewer: str) -> NDArray[np.intp]:
        """The rows that somebody else answered and that wait for a second reader."""
        return np.flatnonzero((self.people == 1) & self.needs_two & ~self._seen_by(reviewer))

    def answered_by(self, reviewer: str) -> list[int]:
        """The places of the rows that a person answered, the newest first."""
        theirs = ((s.answers[reviewer].number, at) for at, s in self._standing.items() if reviewer in s.answers)
        return [at for _, at in sorted(theirs, reverse=True)]

    def skipped_by(self, reviewer: str) -> list[int]:
        """The places of the rows that a person skipped and did not answer since, in the order of the rows."""
        return sorted(at for at, s in self._standing.items() if reviewer in s.skips and reviewer not in s.answers)

    def answers(self) -> Iterable[tuple[int, Standing]]:
        """Every row about which something stands."""
        return list(self._standing.items())

    def _seen_by(self, reviewer: str) -> NDArray[np.bool_]:
        if reviewer not in self._seen:
            seen = np.zeros(len(self.ids), np.bool_)
            seen[[at for at, s in self._standing.items() if reviewer in s.answers or reviewer in s.skips]] = True
            self._seen[reviewer] = seen
        return self._seen[reviewer]

    def _stand(self, at: int) -> None:
        now = self._standing[at] = standing(self._made[at])
        self.people[at] = _RULED if now.ruling else min(len(now.answers), _RULED)
        settled = now.settled
        known = settled is not None and settled.label in self._space.names
        self.settled[at] = self._space.index(settled.label or "") if known and settled else ABSTAIN
        self.disputed[at], self.flagged[at] = now.is_disputed, bool(now.flags)
        for reviewer, seen in self._seen.items():
            seen[at] = reviewer in now.answers or reviewer in now.skips


def _lottery(ids: list[str], share: float) -> NDArray[np.bool_]:
    """The rows that two people read: by a hash of the row id, so that it stays the same everywhere."""
    if not share:
        return np.zeros(len(ids), np.bool_)
    drawn = b"".join(blake2b(i.encode(), digest_size=8, person=b"overlap").digest() for i in ids)
    return np.frombuffer(drawn, ">u8") < share * 2**64 if ids else np.zeros(0, np.bool_)
