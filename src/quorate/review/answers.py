"""answers: what a client sends about a row, checked and kept as decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

from quorate.decisions import Decision, Verdict
from quorate.errors import QuorateError
from quorate.review.room import Room

_LONGEST_NOTE = 4_000
_LONGEST_DWELL_MS = 24 * 3600 * 1000


class Refused(QuorateError):
    """An answer that cannot be kept, in words for the person who gave it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One key press: what a session says of a row, and of rows that read the same."""

    once: str
    row_id: str
    content: str
    verdict: Verdict
    label: str | None
    note: str
    dwell_ms: int
    alike: tuple[str, ...]

    @staticmethod
    def of(given: Any) -> Answer:
        """
        Raises:
            Refused: something is missing or has the wrong form.
        """
        said: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
        texts = {name: said.get(name) for name in ("once", "id", "content", "verdict")}
        if not all(isinstance(text, str) and text for text in texts.values()) or len(str(said["once"])) > 64:
            raise Refused("an answer needs `once`, `id`, `content` and `verdict`")
        if said["verdict"] not in get_args(Verdict) or said["verdict"] == "undo":
            raise Refused(f"there is no verdict {said['verdict']!r}")
        dwell, alike = said.get("dwell_ms"), said.get("alike")
        return Answer(
            said["once"],
            said["id"],
            said["content"],
            said["verdict"],
            said.get("label") if said["verdict"] == "label" else None,
            str(said.get("note") or "")[:_LONGEST_NOTE],
            min(max(dwell, 0), _LONGEST_DWELL_MS) if isinstance(dwell, int) else 0,
            tuple(i for i in alike if isinstance(i, str)) if isinstance(alike, list) else (),
        )


def keep(room: Room, answer: Answer, session: str, reviewer: str) -> list[str]:
    """Keeps an answer and tells the rows that it settled; durable when this returns.

    Raises:
        Refused: no such row or label, or the row has changed.
        DecisionsError: it cannot be written.
    """
    with room.lock:
        at = room.ledger.place.get(answer.row_id, -1)
        if at < 0:
            raise Refused(f"there is no row {answer.row_id!r}")
        if room.ledger.contents[at].hex() != answer.content:
            raise Refused(f"row {answer.row_id!r} has changed since the card was made; reload the page")
        if answer.verdict == "label" and answer.label not in room.space.names:
            raise Refused(f"{answer.label!r} is not a label of this project")
        shown = room.shown(session, at)
        first = Decision(
            once=answer.once,
            row_id=answer.row_id,
            content=room.ledger.contents[at],
            reviewer=reviewer,
            verdict=answer.verdict,
            label=answer.label,
            note=answer.note,
            dwell_ms=answer.dwell_ms,
            saw_votes=shown.saw_votes,
            adjudicates=room.ledger.standing(at).is_disputed and answer.verdict in ("label", "none"),
            together=answer.once if answer.alike else "",
            fused=shown.fused,
            inclusion=shown.inclusion,
        )
        made = [first, *_about_alike(room, first, answer, session)]
        room.decisions.add(made)
        room.refresh()
        if answer.verdict != "flag":
            room.forget(session, at)
            room.leases.give_back(session, [decision.row_id for decision in made])
        return [decision.row_id for decision in made]


def _about_alike(room: Room, first: Decision, answer: Answer, session: str) -> list[Decision]:
    """The same about the rows that read alike, as far as nobody else answered them or has them before him."""
    if not answer.alike or answer.verdict not in ("label", "none"):
        return []
    place, people = room.ledger.place, room.ledger.people
    group = set(room.similar.others(place[answer.row_id]).tolist())
    wanted = [i for i in dict.fromkeys(answer.alike) if i in place and place[i] in group and not people[place[i]]]
    granted = room.leases.take(session, wanted, len(wanted))
    return [
        replace(
            first,
            once=f"{first.once}:{row_id}",
            row_id=row_id,
            content=room.ledger.contents[place[row_id]],
            adjudicates=False,
            fused=room.fused(place[row_id]),
            inclusion=None,
        )
        for row_id in granted
    ]


def undo(room: Room, once: str, reviewer: str) -> list[Decision]:
    """Takes back what a reviewer decided last; durable when this returns. The decisions it was, newest first."""
    with room.lock:
        undone = room.decisions.undo(reviewer, once)
        room.refresh()
        return undone
