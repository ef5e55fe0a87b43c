"""What a trained model looks like in the terminal: who reached what, what the labels are worth, what would help."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.text import Text

from quorate.reporting.terminal import plain_table

_LABELS = 12


def training_view(found: Mapping[str, Any]) -> RenderableType:
    """The scores of the contenders, the labels of the kept model, the verdict and what would help."""
    return Group(*_parts(found))


def _parts(found: Mapping[str, Any]) -> Iterator[RenderableType]:
    learner, trained = found["model"]["learner"], found["model"]["trained"]
    yield Text(
        f"{learner['estimator']} on {', '.join(found['model']['columns'])} ({learner['reads']}), "
        f"{trained['rows']:,} rows: {trained['from']}"
    )
    if found["contenders"]:
        yield _scores(found)
        yield _labels(found)
    if found["verdict"]:
        yield Text(_sentence(found["verdict"]), style="bold")
    for help_ in found["help"]:
        yield Text(f"  would help: {help_}")
    for warning in found["warnings"]:
        yield Text(f"warning: {warning}", style="yellow")
    if found["files"]:
        yield Text(f"kept: {', '.join(found['files'])}")


def _scores(found: Mapping[str, Any]) -> RenderableType:
    title = f"on the same {found['judged_rows']:,} gold rows, each judged by a model that did not see it"
    columns = ["learned from", "accuracy", "95 %", "mean F1", "95 %", "labels' lead"]
    table = plain_table(title, ["who"], columns)
    for entry in found["contenders"]:
        over = found["weak_over"].get(entry["name"])
        table.add_row(
            escape(entry["what"]),
            f"{entry['rows']:,}" if entry["rows"] else "",
            *_interval(entry["accuracy"]),
            *_interval(entry["macro_f1"]),
            "" if over is None else f"{100 * over['value']:+.1f} [{100 * over['low']:.1f}, {100 * over['high']:.1f}]",
        )
    return table


def _interval(estimate: Mapping[str, Any]) -> tuple[str, str]:
    return f"{estimate['value']:.1%}", f"{estimate['low']:.1%} to {estimate['high']:.1%}"


def _labels(found: Mapping[str, Any]) -> RenderableType:
    """Precision and recall of the kept model, the labels that it finds worst first."""
    kept = next(entry for entry in found["contenders"] if entry["name"] == found["model"]["trained"]["on"])
    every = sorted(kept["labels"].items(), key=lambda pair: (pair[1]["f1"], pair[0]))
    shown = every[:_LABELS]
    rest = f", the {_LABELS} worst of {len(every)}" if len(every) > _LABELS else ""
    table = plain_table(f"{kept['what']}, by label{rest}", ["label"], ["gold rows", "precision", "recall", "F1"])
    for name, of in shown:
        cells = ("" if of[key] is None else f"{of[key]:.1%}" for key in ("precision", "recall", "f1"))
        table.add_row(escape(name), f"{of['rows']:,}", *cells)
    return table


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
