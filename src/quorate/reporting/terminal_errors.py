"""What suspects look like in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.text import Text

from quorate.reporting.terminal import plain_table

_SHOWN = 10
_CHARACTERS = 160
_TRUST = {
    "good": "the models agree with nearly all labels, so what they doubt counts",
    "fair": "to be taken as a rough count",
    "none": "not to be trusted: the models hardly agree with the labels, and their mistakes look like wrong labels",
}


def errors_view(report: Mapping[str, Any], shown: int = _SHOWN) -> RenderableType:
    """How many labels are estimated wrong, which are mistaken for which, and the first suspects with their evidence."""
    entries = report["suspects"]
    parts: list[RenderableType] = [_headline(report)]
    if report["mistaken"]:
        table = plain_table("mistaken most", ["given", "more likely"], ["rows"])
        for pair in report["mistaken"][:5]:
            table.add_row(escape(pair["given"]), escape(pair["meant"]), f"{pair['rows']:,.0f}")
        parts.append(table)
    parts += [_entry(entry) for entry in entries[:shown]]
    if len(entries) > shown:
        parts.append(Text(f"and {len(entries) - shown:,} more; --out suspects.csv writes them all", style="dim"))
    if not entries:
        parts.append(Text("No row is listed; --size 20 lists those that are doubted most all the same."))
    return Group(*parts)


def _headline(report: Mapping[str, Any]) -> Text:
    guess, total = report["estimate"], max(report["judged"], 1)
    text = Text()
    text.append(f"{report['title']}  ", style="bold")
    text.append(f"{report['judged']:,} labels held against what the rows say\nestimated wrong: ")
    text.append(f"{guess['wrong']:,} ({guess['wrong'] / total:.1%})", style="bold green")
    text.append(f", between {guess['low']:,} and {guess['high']:,}; {_TRUST[guess['trust']]}")
    text.append(f"\nmodels that did not see the row agree with {guess['agreement']:.1%} of labels", style="dim")
    if report["of"] == "labels":
        text.append(
            "; they learned from labels that votes gave, and share some of their mistakes: there may be more",
            style="dim",
        )
    return text


def _entry(entry: Mapping[str, Any]) -> Text:
    text = Text()
    text.append(f"\n{entry['id']}  ", style="bold")
    text.append(entry["given"], style="red")
    text.append(" → ")
    text.append(entry["suggested"], style="green")
    text.append(f"   wrong with {entry['probability_wrong']:.0%}")
    model = entry["model"]
    text.append(f" · models say {entry['given']} {model['given']:.0%}, {entry['suggested']} {model['suggested']:.0%}")
    if entry["text"]:
        text.append(f"\n  {_short(entry['text'])}")
    sides = [f"{side} {', '.join(entry['votes'][side])}" for side in ("for", "against") if entry["votes"][side]]
    if sides:
        text.append(f"\n  votes {'; '.join(sides)}", style="dim")
    for near in entry["neighbours"][:2]:
        text.append(f"\n  like {near['id']} ({near['label']}, {near['likeness']:.2f})", style="dim")
        text.append(f": {_short(near['text'])}" if near["text"] else "", style="dim")
    if entry["alike"]:
        text.append(f"\n  so do {len(entry['alike']):,} rows that say nearly the same", style="dim")
    return text


def _short(text: str) -> str:
    """One line without what would steer a terminal."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _CHARACTERS else f"{line[: _CHARACTERS - 1]}…"
