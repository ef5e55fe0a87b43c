"""room: everything a review needs in one place: the project's rows and votes, the decisions, and who sits at what."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quorate.ask import Progress
from quorate.decisions import Decisions
from quorate.label_errors import Of, find_errors
from quorate.project import Project
from quorate.review.belief import Belief, Thinker
from quorate.review.charges import Charges
from quorate.review.contest import Contest
from quorate.review.leases import Leases
from quorate.review.ledger import Ledger
from quorate.review.similar import Similar
from quorate.review.wish import Wish, Wishes
from quorate.store import keep_out_of_git
from quorate.values import ABSTAIN
from quorate.voting import vote

AHEAD = 10
"""At most so many cards are handed to one session at a time."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What stood on a card when it was dealt: the label of the votes, its inclusion, whether votes were to be seen."""

    fused: str | None
    inclusion: float | None
    saw_votes: bool


class Room:
    """One open review; `lock` guards what several requests touch at a time.

    `between` names sources that the review is to tell apart: their rows come by lottery, votes hidden. With `doubt`,
    rows whose labels of that kind are probably wrong come first, settled before or not.
    """

    def __init__(
        self,
        project: Project,
        progress: Progress | None = None,
        between: Sequence[str] = (),
        doubt: Of | None = None,
    ) -> None:
        data, votes, _ = vote(project, progress, offline=True)
        keep_out_of_git(project.state)
        text = project.settings.data.text
        self.project, self.space, self.rows, self.votes = project, project.space, data.rows, votes
        self.decisions = Decisions(project.decisions)
        self.leases = Leases(project.state / "leases.sqlite")
        self.ledger = Ledger(self.decisions, data.rows, project.space, text, project.settings.review.overlap)
        known = np.full(len(votes), ABSTAIN, np.int16) if data.gold is None else data.gold.aligned(votes.ids)
        self.contest = Contest.of(votes, between, known) if between else None
        self.thinker = Thinker(project, votes, data, self.ledger, self.contest)
        self.similar = Similar(self.thinker.groups)
        self.charges = Charges.of(find_errors(project, of=doubt), self.ledger) if doubt else Charges()
        self.wishes = Wishes(data.rows, votes, text, self.charges)
        self.lock = threading.RLock()
        self._shown: dict[tuple[str, int], Shown] = {}

    @property
    def belief(self) -> Belief:
        return self.thinker.belief

    def close(self) -> None:
        self.thinker.stop()
        self.leases.close()
        self.decisions.__exit__()

    def refresh(self) -> None:
        """Reads what other processes decided."""
        with self.lock:
            if self.ledger.refresh():
                self.thinker.tell()

    def fused(self, at: int) -> str | None:
        """The label that a row has now, but for answers about itself; None without one and where the best tie."""
        label = int(self.belief.hard[at])
        return None if label == ABSTAIN else self.space.names[label]

    def measures(self, at: int) -> bool:
        """Whether a row is there to measure: drawn at random, or read by two people."""
        return bool(self.belief.line.inclusion[at] < 1 or self.ledger.needs_two[at])

    def hides_votes(self, at: int) -> bool:
        """Whether the votes on a row stay hidden until the reviewer chose, by the settings of the project."""
        blind = self.project.settings.review.blind
        if self.contest is not None:
            return True
        return blind == "always" or (blind == "sample" and self.measures(at))

    def deal(
        self,
        session: str,
        reviewer: str,
        wish: Wish,
        have: Sequence[str] = (),
        *,
        waiting: Sequence[str] = (),
        seen: Sequence[str] = (),
    ) -> list[int]:
        """The places of the next rows for a session, leased to it, none that it saw.

        It keeps the rows that it has before it, and those whose answers wait to be sent.
        """
        with self.lock:
            ids, place = self.ledger.ids, self.ledger.place
            places = self.wishes.order(wish, self.belief.line, self.ledger, reviewer)
            is_wanted = np.zeros(len(ids), np.bool_)
            is_wanted[places] = True
            is_wanted[[place[row_id] for row_id in (*have, *waiting, *seen) if row_id in place]] = False
            again = [row_id for row_id in self.leases.mine(session) if row_id in place and is_wanted[place[row_id]]]
            self.leases.keep(session, {*have, *waiting, *again})
            is_wanted[[place[row_id] for row_id in again]] = False
            fresh = (ids[at] for at in places[is_wanted[places]])
            taken = self.leases.take(session, fresh, max(AHEAD - len(have) - len(again), 0))
            return [place[row_id] for row_id in (*again, *taken)]

    def show(self, session: str, at: int, saw_votes: bool) -> Shown:
        """Remembers what a card shows of a row; shown again before it is answered, votes once seen stay seen."""
        before = self._shown.get((session, at))
        inclusion = float(self.belief.line.inclusion[at])
        shown = Shown(
            self.fused(at),
            None if np.isnan(inclusion) else inclusion,
            saw_votes or (before is not None and before.saw_votes),
        )
        self._shown[session, at] = shown
        return shown

    def shown(self, session: str, at: int) -> Shown:
        """What the session's card of a row showed; as it would be now where that is not known any more."""
        return self._shown.get((session, at)) or self.show(session, at, not self.hides_votes(at))

    def forget(self, session: str, at: int) -> None:
        """The card was answered."""
        self._shown.pop((session, at), None)
