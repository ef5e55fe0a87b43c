"""What fused votes and advice on label models look like in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.text import Text

from quorate.reporting.terminal import plain_table

_SHOWN = {
    "accuracy": "{:.1%}",
    "log_loss": "{:.3f}",
    "likelihood": "{:.4f}",
    "label_likelihood": "{:.4f}",
    "stability": "{:.1%}",
}


def fusion_view(fusion: Mapping[str, Any]) -> RenderableType:
    """How many rows got each label, and how common the label model takes each to be."""
    total = max(fusion["rows"], 1)
    said = f"{fusion['label_model']}: {fusion['covered']:,} of {fusion['rows']:,} rows have votes"
    if fusion.get("accuracy") is not None:
        said += f"; accuracy on gold {fusion['accuracy']:.1%} (rows without a label count as a guess)"
    table = plain_table("labels", ["label"], ["rows", "share", "estimated balance"])
    for name, count in fusion["distribution"].items():
        prior = fusion["prior"].get(name)
        table.add_row(escape(name), f"{count:,}", f"{count / total:.1%}", "" if prior is None else f"{prior:.1%}")
    written = [Text(f"the labels are in {fusion['file']}")] if "file" in fusion else []
    return Group(Text(said), table, *written)


def advice_view(advice: Mapping[str, Any]) -> RenderableType:
    """How each label model did, the pick and why."""
    shown = {key: form for key, form in _SHOWN.items() if any(c[key] is not None for c in advice["contenders"])}
    table = plain_table("label models", ["model"], [*(key.replace("_", " ") for key in shown), "seconds"])
    for entry in advice["contenders"]:
        name = (
            f"[bold green]{escape(entry['model'])}[/]" if entry["model"] == advice["model"] else escape(entry["model"])
        )
        if not entry["missing"]:
            table.add_row(name, *(form.format(entry[key]) for key, form in shown.items()), f"{entry['seconds']:.1f}")
    left_out = [Text(f"{c['model']}: {c['missing']}", style="dim") for c in advice["contenders"] if c["missing"]]
    basis = "gold rows" if advice["basis"] == "gold" else "rows with votes, and no gold to go by"
    pick = Text.assemble("take ", (advice["model"], "bold green"), f": {advice['because']}")
    return Group(table, *left_out, Text(f"by {advice['rows']:,} {basis}", style="dim"), pick, Text(_next(advice)))


def _next(advice: Mapping[str, Any]) -> str:
    if advice["model"] == advice["in_use"]:
        return "The project uses it."
    return f'The project uses {advice["in_use"]}; to change that: [label_model] kind = "{advice["model"]}"'
