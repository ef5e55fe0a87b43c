"""card: one row as a person sees it: its cells, the votes where they may be seen, and why it is there."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from quorate.protocols import Pointing
from quorate.reporting.page import cell_text
from quorate.review.room import Room, Shown
from quorate.standing import said
from quorate.values import ABSTAIN, Status

MOST_CHARACTERS = 50_000
MOST_ALIKE = 200
MOST_SPANS = 400
IMAGES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp"}


def card(room: Room, at: int, session: str, reviewer: str, hide: bool = False) -> dict[str, Any]:
    """The card of a row for a session; `hide` keeps the votes back even where the project would show them."""
    stands = room.ledger.standing(at)
    is_ruling = stands.is_disputed
    votes_hidden = (hide or room.hides_votes(at)) and not is_ruling
    before = room.show(session, at, not votes_hidden)
    is_blind = votes_hidden and not before.saw_votes
    text = room.project.settings.data.text
    cells = room.rows.table.slice(at, 1).to_pylist()[0]
    lead = cells.get(text or "")
    alike = [] if is_ruling else _alike(room, at, text)
    return {
        "id": room.ledger.ids[at],
        "content": room.ledger.contents[at].hex(),
        "lead": None if not isinstance(lead, str) else segments(room, at, lead, is_blind),
        "cut": max(len(lead) - MOST_CHARACTERS, 0) if isinstance(lead, str) else 0,
        "cells": [_cell(room, name, value) for name, value in cells.items() if _is_worth(room, at, name, value)],
        "blind": is_blind,
        "seen": None if is_blind else seen(room, at, before),
        "why": why(room, at),
        "alike": alike,
        "flags": [{"reviewer": flag.reviewer, "note": flag.note} for flag in stands.flags],
        "ruling": [{"reviewer": a.reviewer, "label": said(a)} for a in stands.answers.values()] if is_ruling else None,
        "mine": said(stands.answers[reviewer]) or "none of these" if reviewer in stands.answers else None,
    }


def seen(room: Room, at: int, shown: Shown) -> dict[str, Any]:
    """The votes on a row, and the label they give."""
    votes, belief, names = room.votes, room.belief, room.space.names
    row, status = votes.matrix[at].tolist(), votes.status[at]
    confidence = np.full(len(row), np.nan) if votes.confidence is None else votes.confidence[at]
    voted = [
        {
            "source": votes.sources[j],
            "label": names[vote],
            "confidence": _number(confidence[j]),
            "accuracy": _number(belief.accuracy[j]),
            "differs": shown.fused is not None and names[vote] != shown.fused,
        }
        for j, vote in enumerate(row)
        if vote != ABSTAIN
    ]
    probs = belief.labels.probs[at]
    return {
        "fused": shown.fused,
        "probability": float(probs.max()) if shown.fused else None,
        "votes": sorted(voted, key=lambda vote: names.index(str(vote["label"]))),
        "abstained": int((status == Status.ABSTAINED).sum()),
        "failed": int((status == Status.FAILED).sum()),
        "skipped": int((status == Status.SKIPPED).sum()),
    }


def why(room: Room, at: int) -> dict[str, Any]:
    """Why a row is there: signals that speak for it, whether it was drawn at random, whether two people read it."""
    belief = room.belief
    line = belief.line
    signals = {name: float(values[at]) for name, values in line.reasons.items() if values[at] > 0.005}
    return {
        "signals": dict(sorted(signals.items(), key=lambda item: -item[1])[:4]),
        "drawn": bool(line.inclusion[at] < 1),
        "two": bool(room.ledger.needs_two[at]),
        "covered": bool(belief.labels.covered[at]),
        "doubt": room.charges.by_place.get(at),
    }


def segments(room: Room, at: int, text: str, is_blind: bool) -> list[dict[str, Any]]:
    """The text in pieces; those that sources matched hold the places of these sources and their label."""
    text = text[:MOST_CHARACTERS]
    spans = [] if is_blind else _spans(room, at, text)
    cuts = sorted({0, len(text), *(end for span in spans for end in span[:2])})
    pieces: list[dict[str, Any]] = []
    for start, end in pairwise(cuts):
        by = [(name, label) for a, b, name, label in spans if a <= start and end <= b]
        pieces.append({"t": text[start:end]} | ({"by": [name for name, _ in by], "label": by[0][1]} if by else {}))
    return pieces


def _spans(room: Room, at: int, text: str) -> list[tuple[int, int, str, str]]:
    column, names = room.project.settings.data.text, room.space.names
    found: list[tuple[int, int, str, str]] = []
    for j, vote in enumerate(room.votes.matrix[at].tolist()):
        source = room.project.sources[j]
        if vote != ABSTAIN and isinstance(source, Pointing) and source.column == column:
            found += [(start, end, room.votes.sources[j], names[vote]) for start, end in source.spans(text)]
    return found[:MOST_SPANS]


def _alike(room: Room, at: int, text: str | None) -> list[dict[str, str]]:
    """The rows that read the same and that nobody answered yet."""
    others = room.similar.others(at)
    places = others[room.ledger.people[others] == 0][:MOST_ALIKE].tolist()
    cells = room.rows.table.column(text) if text else None
    return [{"id": room.ledger.ids[p], "text": cell_text(cells[p].as_py())[:300] if cells else ""} for p in places]


def _is_worth(room: Room, at: int, name: str, value: Any) -> bool:
    is_lead = name == room.project.settings.data.text and isinstance(value, str)
    return value is not None and not is_lead and str(value) != room.ledger.ids[at]


def _cell(room: Room, name: str, value: Any) -> dict[str, str]:
    text = cell_text(value)[:MOST_CHARACTERS]
    if isinstance(value, str) and value.startswith(("https://", "http://")) and not any(map(str.isspace, value)):
        return {"name": name, "kind": "link", "value": text}
    if isinstance(value, str) and image(room.project.folder, value):
        return {"name": name, "kind": "image", "value": value}
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return {"name": name, "kind": "number" if is_number else "text", "value": text}


def image(folder: Path, name: str) -> Path | None:
    """The image file of this name within the project's folder, None where there is none or it lies elsewhere."""
    if Path(name).suffix.lower() not in IMAGES or "\0" in name:
        return None
    home = folder.resolve()
    path = (home / name).resolve()
    hidden = any(part.startswith(".") for part in path.relative_to(home).parts) if path.is_relative_to(home) else True
    return path if not hidden and path.is_file() else None


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 4)
