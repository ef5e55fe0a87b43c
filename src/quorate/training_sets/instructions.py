"""The instruction that goes with every example where a chat model is tuned."""

from __future__ import annotations

from quorate.values import LabelSpace


def instruction(space: LabelSpace) -> str:
    """What the model is to do, with the labels and what they mean."""
    asked = f"Classify the text. Answer with exactly one of: {', '.join(space.names)}."
    meanings = [f"{name}: {space.descriptions[name]}" for name in space.names if space.descriptions.get(name)]
    return "\n".join([asked, *meanings])
