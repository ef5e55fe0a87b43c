"""What suggested rules look like in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.text import Text

from quorate.reporting.report import shortened
from quorate.reporting.terminal import plain_table


def suggestions_view(found: Mapping[str, Any]) -> RenderableType:
    """The rules, one a line, and what was accepted."""
    if not found["suggestions"]:
        return Text(
            f"{found['project']}: none of {found['candidates']:,} words, phrases and shapes would add to the rules"
        )
    table = plain_table(
        f"{found['project']}: rules that its labels suggest",
        ["", "where a row holds", "label"],
        ["right", "of rows", "rows", "without a label", "put right"],
    )
    for each in found["suggestions"]:
        table.add_row(
            str(each["place"]),
            Text(each["says"]),
            escape(each["label"]),
            _share(each, "precision"),
            _share(each, "coverage"),
            f"{each['rows']:,}",
            f"{each['new_rows']:,}",
            f"{each['gain']:+.1f}",
        )
    table.caption = (
        f"chosen among {found['candidates']:,} on one half of the rows; right and of rows are of the other half, with "
        "95 % intervals each: of twenty shown, one is expected to miss. Labels by gold where it may be learned from, "
        "else fused."
    )
    table.caption_justify = "left"
    accepted = [Text(f"{one['name']} is in {one['file']}", style="green") for one in found["accepted"]]
    return Group(table, *accepted)


def suggestion_view(each: Mapping[str, Any], place: int, of: int) -> RenderableType:
    """One suggestion with rows for and against it."""
    lines = [
        Text.assemble((f"\n{place} of {of}  ", "dim"), (each["says"], "bold"), " → ", (each["label"], "bold green")),
        Text(
            f"right on {each['precision']:.0%} ({each['precision_low']:.0%} to {each['precision_high']:.0%}) of "
            f"{each['held_out']} held-out rows; {each['rows']:,} rows hold it, {each['new_rows']:,} of them have no "
            f"label; {each['gain']:+.1f} labels expected to be put right"
        ),
    ]
    if each["on_gold"][1]:
        lines.append(Text(f"on gold: {each['on_gold'][0]} of {each['on_gold'][1]} rows right"))
    lines += [Text(f"  + {shortened(row['text'])}", style="dim") for row in each["examples"]]
    lines += [Text(f"  - {shortened(row['text'])}", style="dim red") for row in each["against"]]
    return Group(*lines)


def _share(each: Mapping[str, Any], name: str) -> str:
    return f"{each[name]:.1%} [dim]{100 * each[f'{name}_low']:.0f}-{100 * each[f'{name}_high']:.0f}[/]"
