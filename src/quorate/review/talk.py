"""talk: a review line by line, for terminals and notebooks: a card is shown, an answer is read."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unicodedata import category

from rich.console import Console, Group
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from quorate.reporting.pair_plots import percent
from quorate.review.answers import Answer, Refused, keep, undo
from quorate.review.card import card
from quorate.review.progress import status
from quorate.review.room import Room
from quorate.review.wish import Wish
from quorate.standing import ANSWERS

Card = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Talk:
    """A talk with one reviewer: `show` takes what is to be seen, `ask` brings an answer and raises EOFError to end."""

    room: Room
    reviewer: str
    show: Callable[[Any], Any]
    ask: Callable[[str], str]
    session: str

    def go_on(self, most: int | None = None) -> int:
        """Talks until nothing is left, `most` rows are answered or the reviewer quits; how many were answered."""
        self.show(Text(_help(self.room), style="dim"))
        answered, again = 0, self._dealt()
        while again and (most is None or answered < most):
            shown = card(self.room, again[0], self.session, self.reviewer)
            self.show(view(shown, self.room, status(self.room, self.reviewer)))
            began = time.monotonic()
            try:
                said = self.ask("> ").strip()
            except (EOFError, KeyboardInterrupt):
                break
            if said in ("q", "quit"):
                break
            step, again = self._heard(said, shown, again[0], int(1000 * (time.monotonic() - began)))
            answered += step
            again = again or self._dealt()
        if not again:
            self.show("No row waits for you.")
        self.room.leases.keep(self.session, ())
        return answered

    def _dealt(self) -> list[int]:
        self.room.refresh()
        doubted = self.room.deal(self.session, self.reviewer, Wish(kind="suspect"))
        return doubted or self.room.deal(self.session, self.reviewer, Wish())

    def _heard(self, said: str, shown: Card, at: int, dwell_ms: int) -> tuple[int, list[int]]:
        """Does what was said; how many answers that is, and the place of the row that comes next if it is known."""
        if said == "u":
            undone = undo(self.room, secrets.token_hex(12), self.reviewer)
            self.show(f"took back {undone[-1].label or undone[-1].verdict}" if undone else "there is nothing to undo")
            was_answer = bool(undone) and undone[-1].verdict in ANSWERS
            return -int(was_answer), [self.room.ledger.place.get(d.row_id, at) for d in undone[-1:]] or [at]
        meant = _meant(said, shown, self.room)
        if meant is None:
            self.show(Text(_help(self.room), style="dim"))
            return 0, [at]
        verdict, label, note = meant
        given = {"once": secrets.token_hex(12), "id": shown["id"], "content": shown["content"], "verdict": verdict}
        try:
            answer = Answer.of({**given, "label": label, "note": note, "dwell_ms": dwell_ms})
            keep(self.room, answer, self.session, self.reviewer)
        except Refused as error:
            self.show(str(error))
            return 0, [at]
        return (0, [at]) if verdict == "flag" else (int(verdict != "skip"), [])


def talk_in_terminal(room: Room, reviewer: str) -> None:
    """The review in this terminal, until it is left."""
    console = Console(highlight=False)
    name = reviewer or console.input("Your name: ").strip() or "terminal"
    # Row texts are no markup, whatever brackets they hold.
    Talk(room, name, lambda what: console.print(what, markup=False), console.input, f"terminal-{os.getpid()}").go_on()


def view(shown: Card, room: Room, stands: Card) -> Group:
    """A card as text."""
    parts: list[Any] = [
        Rule(f"{stands['answered']} of {stands['goal']} · row {shown['id']}", align="left", style="dim")
    ]
    if stands["outlook"]:
        parts.append(Text(stands["outlook"], style="dim"))
    if shown["lead"] is not None:
        parts.append(
            Text.assemble(
                *((_harmless(piece["t"]), "bold underline" if "by" in piece else "") for piece in shown["lead"])
            )
        )
    parts += [Text(_harmless(f"{cell['name']}: {cell['value']}"), style="dim") for cell in shown["cells"]]
    if doubt := shown["why"]["doubt"]:
        wrong = percent(doubt["probability_wrong"])
        said = f"{doubt['given']} is in doubt (wrong with {wrong}), {doubt['suggested']} is more likely"
        parts.append(Text("Its label is in doubt." if shown["blind"] else said, style="yellow"))
    if shown["ruling"]:
        told = ", ".join(f"{one['reviewer']} says {one['label'] or 'none of these'}" for one in shown["ruling"])
        parts.append(Text(f"People differ ({told}); your answer settles it."))
    parts.append(_votes(shown["seen"]) if shown["seen"] else Text("votes hidden until you chose", style="dim"))
    parts.append(Text("   ".join(f"{at} {name}" for at, name in enumerate(room.space.names, 1)), style="bold"))
    return Group(*parts)


def _harmless(text: str) -> str:
    """The text without what would steer a terminal."""
    return "".join(c if c in "\n\t" or category(c) not in ("Cc", "Cf") or c == "\u200d" else "\ufffd" for c in text)


def _votes(seen: Card) -> Any:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for head in ("source", "vote", "confidence", "est. accuracy"):
        table.add_column(head)
    for vote in seen["votes"]:
        sure = "" if vote["confidence"] is None else f"{vote['confidence']:.2f}"
        row = (
            vote["source"],
            vote["label"] + (" (differs)" if vote["differs"] else ""),
            sure,
            percent(vote["accuracy"]),
        )
        table.add_row(*(Text(cell) for cell in row))
    together = f"together {seen['fused']} {seen['probability']:.2f}" if seen["fused"] else "no label together"
    return Group(table, Text(together, style="dim")) if seen["votes"] else Text("no source voted", style="dim")


def _meant(said: str, shown: Card, room: Room) -> tuple[str, str | None, str] | None:
    names = room.space.names
    if said.isdecimal() and 1 <= int(said) <= len(names):
        return "label", names[int(said) - 1], ""
    if said in names:
        return "label", said, ""
    if said == "a" and shown["seen"] and shown["seen"]["fused"]:
        return "label", shown["seen"]["fused"], ""
    if said == "f" or said.startswith("f "):
        return "flag", None, said[2:].strip()
    verdict = {"x": "none", "s": "skip"}.get(said)
    return (verdict, None, "") if verdict else None


def _help(room: Room) -> str:
    return f"1-{len(room.space)} label · a accept · x none of these · s skip · f NOTE flag · u undo · q quit"
