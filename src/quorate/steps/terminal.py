"""What the list of next steps looks like in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from quorate.reporting.report import shortened
from quorate.reporting.terminal import plain_table

_DETAILED = 3


def steps_view(found: Mapping[str, Any]) -> RenderableType:
    """The list, then how to do the first three, with the evidence."""
    steps = found["steps"]
    if not steps:
        return Text(f"{found['project']}: nothing stands out; every row has a label and no source is in doubt")
    table = plain_table(f"{found['project']}: what to do next", ["", "what"], ["labels", "takes", "a minute"])
    for step in steps:
        table.add_row(
            str(step["place"]), Text(step["what"]), _gain(step), _cost(step), f"{step['gain_per_minute']:.1f}"
        )
    table.caption = (
        "labels: how many are expected to be put right; an hour of a person counts as "
        f"${found['hour_usd']:,.0f}. Do the first, then ask again: each step changes what the others are worth."
    )
    table.caption_justify = "left"
    return Group(table, *(line for step in steps[:_DETAILED] for line in _detail(step)), *_about_gold(found))


def _gain(step: Mapping[str, Any]) -> str:
    return f"{step['gain']:+.1f}"


def _cost(step: Mapping[str, Any]) -> str:
    if step["usd"] is None:
        return "price unknown"
    return f"{step['minutes']:.1f} min" + (f" + ${step['usd']:,.4f}" if step["usd"] else "")


def _detail(step: Mapping[str, Any]) -> Sequence[RenderableType]:
    lines = [Text(f"\n{step['place']}. {step['what']}", style="bold"), Text(f"   {step['basis']}", style="dim")]
    lines += [Text(f"   {e['id']}: {shortened(e['text'])}") for e in step["evidence"].get("examples", ())]
    lines += [Text(f"   {line}", style="green") for line in (step["command"] or step["code"].rstrip()).splitlines()]
    return lines


def _about_gold(found: Mapping[str, Any]) -> list[RenderableType]:
    if found["gold"] != "evaluate":
        return []
    said = "The gold column only evaluates and was not looked at; --learn-from-gold uses it, and then it measures less."
    return [Text(f"\n{said}", style="dim")]
