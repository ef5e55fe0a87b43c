"""A question as the list of messages that chat-like wires take."""

from __future__ import annotations

from typing import Any

from quorate.wire import Question


def messages(question: Question) -> list[dict[str, Any]]:
    """System instructions, earlier turns, then the row: what repeats goes first, for vendors cache by prefix."""
    system = [("system", question.instructions)] if question.instructions else []
    said = [*system, *question.turns, ("user", question.prompt)]
    return [{"role": role, "content": text} for role, text in said]
