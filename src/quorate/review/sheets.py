"""sheets: what people agreed upon about labels, and about pairs of labels that are hard to tell apart.

A sheet is a Markdown file in the project, so that it travels with the rules; every version that is written in the page
is kept with the decisions.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from quorate.cells import file_name
from quorate.decisions import Sheet
from quorate.review.answers import Refused
from quorate.review.room import Room
from quorate.store import write_atomically

_LONGEST = 200_000


def sheets(room: Room) -> dict[str, Any]:
    """Every sheet there is, as its file says now, and the versions that were written in the page, newest first."""
    versions: dict[str, list[dict[str, Any]]] = {}
    for sheet in room.decisions.sheets():
        entry = {"text": sheet.text, "by": sheet.reviewer, "at_s": sheet.at_s}
        versions.setdefault(sheet.pair, []).insert(0, entry)
    names = room.space.names
    pairs = [f"{a} | {b}" for i, a in enumerate(names) for b in names[i + 1 :]] if len(names) <= 40 else []
    found = {}
    for pair in dict.fromkeys(["", *versions, *pairs]):
        path = _path(room, pair)
        if pair in versions or path.is_file():
            text = path.read_text("utf-8", "replace") if path.is_file() else str(versions[pair][0]["text"])
            found[pair] = {"text": text[:_LONGEST], "versions": versions.get(pair, [])[:20]}
    return {"sheets": found}


def write_sheet(room: Room, labels: Sequence[str], text: str, reviewer: str) -> None:
    """Keeps a sheet for no label in particular or for a pair of them; durable when this returns.

    Raises:
        Refused: labels that are not there, or a text without end.
    """
    names = room.space.names
    if len(labels) not in (0, 2) or len(set(labels)) != len(labels) or not all(label in names for label in labels):
        raise Refused("a guideline sheet is for all labels, or for two of them")
    if len(text) > _LONGEST:
        raise Refused(f"a guideline sheet has at most {_LONGEST:,} characters")
    pair = " | ".join(sorted(labels, key=names.index))
    room.decisions.write_sheet(Sheet(pair, text, reviewer, 0.0))
    write_atomically(_path(room, pair), lambda beside: beside.write_text(text, "utf-8", "backslashreplace"))


def _path(room: Room, pair: str) -> Path:
    name = "__".join(file_name(label) for label in pair.split(" | ")) if pair else "all"
    return room.project.folder / room.project.settings.review.guidelines / f"{name}.md"
