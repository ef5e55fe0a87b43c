"""What a run, a row and a problem look like in the terminal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

_QUEUE_SHOWN = 5
_PAIRS_SHOWN = 6
_CELL_WIDTH = 160


def run_view(report: Mapping[str, Any]) -> RenderableType:
    """A run: headline, sources, conflicts, labels, failures, warnings, the top of the queue."""
    parts: list[RenderableType] = [_headline(report), _sources(report), _distribution(report)]
    maybe = (_pairs(report), _failures(report), _warnings(report), _queue(report))
    return Group(*parts, *(view for view in maybe if view is not None))


def row_view(row: Mapping[str, Any]) -> RenderableType:
    """One row: its cells, its label, who voted what, who failed and how."""
    cells = Table.grid(padding=(0, 2))
    for name, cell in row["cells"].items():
        cells.add_row(Text(name, style="dim"), Text(str(cell)))
    said: list[RenderableType] = [cells, _label_line(row), *_votes(row["votes"])]
    if row["abstained"]:
        said.append(Text(f"abstained: {', '.join(row['abstained'])}", style="dim"))
    for failure in row["failures"]:
        said.append(Text(f"failed: {failure['source']} ({failure['reason']}): {failure['message']}", style="red"))
        said.append(Text(failure["traceback"].rstrip(), style="dim"))
    return Panel(Group(*said), title=escape(f"row {row['id']}"), title_align="left")


def print_error(console: Console, message: str) -> None:
    """An error, one problem a line."""
    for line in message.splitlines():
        console.print(Text(line, style="red" if not line.startswith(" ") else "dim"))


def _headline(report: Mapping[str, Any]) -> RenderableType:
    text = Text()
    text.append(f"{report['project']}  ", style="bold")
    text.append(
        f"{report['rows']:,} rows, {len(report['sources'])} sources: coverage {report['coverage']:.1%}, "
        f"overlap {report['overlap']:.1%}, conflict {report['conflict']:.1%}"
    )
    if report["accuracy"] is not None:
        text.append(f"\naccuracy on {report['gold']['rows']:,} gold rows: ")
        text.append(f"{report['label_model']['name']} {report['accuracy']:.1%}", style="bold green")
        text.append(f", majority vote {report['majority_accuracy']:.1%} (rows without a label count as a guess)")
    return text


def _sources(report: Mapping[str, Any]) -> RenderableType:
    gold = any(entry["gold_accuracy"] is not None for entry in report["sources"])
    table = Table(title="sources", title_justify="left", header_style="dim", box=None, padding=(0, 1))
    for heading in ("source", "votes for", "coverage", "overlaps", "conflicts", "est. accuracy [95 %]"):
        table.add_column(
            heading,
            justify="left" if heading in ("source", "votes for") else "right",
            no_wrap=heading != "votes for",
        )
    if gold:
        table.add_column("on gold [95 %]", justify="right", no_wrap=True)
    table.add_column("failed", justify="right")
    for entry in report["sources"]:
        cells = [
            escape(entry["name"]),
            escape(" ".join(entry["polarity"])) or "[dim]never[/]",
            f"{entry['coverage']:.1%}",
            f"{entry['overlaps']:.1%}",
            f"{entry['conflicts']:.1%}",
            _share(entry, "accuracy", "accuracy"),
        ]
        if gold:
            cells.append(_share(entry, "gold_accuracy", "gold"))
        table.add_row(*cells, f"[red]{entry['failed']:,}[/]" if entry["failed"] else "")
    return table


def _share(entry: Mapping[str, Any], name: str, interval: str) -> str:
    if entry[name] is None:
        return ""
    low, high = entry[f"{interval}_low"], entry[f"{interval}_high"]
    return f"{entry[name]:.3f} [dim]\\[{low:.2f}, {high:.2f}][/]"


def _distribution(report: Mapping[str, Any]) -> RenderableType:
    table = Table(title="labels", title_justify="left", header_style="dim", box=None, padding=(0, 1))
    for heading, side in (
        ("label", "left"),
        ("rows", "right"),
        ("share", "right"),
        ("estimated balance", "right"),
        ("", "left"),
    ):
        table.add_column(heading, justify=side)  # type: ignore[arg-type]
    total = max(report["rows"], 1)
    for name, count in report["distribution"].items():
        balance = report["label_model"]["prior"].get(name)
        table.add_row(
            escape(name),
            f"{count:,}",
            f"{count / total:.1%}",
            "" if balance is None else f"{balance:.1%}",
            "█" * round(30 * count / total),
        )
    return table


def _pairs(report: Mapping[str, Any]) -> RenderableType | None:
    names = [entry["name"] for entry in report["sources"]]
    overlap, conflict = report["pairs"]["overlap"], report["pairs"]["conflict"]
    pairs = sorted(
        ((conflict[i][j], overlap[i][j], names[i], names[j]) for i in range(len(names)) for j in range(i)),
        key=lambda pair: (-pair[0], pair[2], pair[3]),
    )
    worst = [pair for pair in pairs if pair[0]][:_PAIRS_SHOWN]
    if not worst:
        return None
    table = Table(title="pairs that differ most", title_justify="left", header_style="dim", box=None, padding=(0, 1))
    for heading in ("differ", "of both voting", "", ""):
        table.add_column(heading, justify="right" if heading else "left")
    for differ, both, one, other in worst:
        table.add_row(f"{differ:,}", f"{both:,}", escape(one), escape(other))
    return table


def _failures(report: Mapping[str, Any]) -> RenderableType | None:
    if not report["failures"]:
        return None
    text = Text("failures\n", style="bold red")
    for group in report["failures"]:
        text.append(
            f"  {group['source']}: {group['rows']:,} row(s), {group['reason']}: {group['message']}",
            style="red",
        )
        text.append(f"  (rows {', '.join(group['examples'])})\n", style="dim")
        text.append("".join(f"    {line}\n" for line in group["traceback"].splitlines()[-4:]), style="dim")
    return text


def _warnings(report: Mapping[str, Any]) -> RenderableType | None:
    if not report["warnings"]:
        return None
    return Text("\n".join(f"note: {sentence}" for sentence in report["warnings"]), style="yellow")


def _queue(report: Mapping[str, Any]) -> RenderableType | None:
    if not report["queue"]:
        return None
    cards: list[RenderableType] = [Text("top of the review queue", style="italic")]
    for entry in report["queue"][:_QUEUE_SHOWN]:
        cells = " | ".join(f"{name}: {_cut(str(cell))}" for name, cell in entry["cells"].items())
        why = Text(f"why: {entry['why']}", style="dim")
        cards.append(
            Panel(
                Group(Text(cells), *_votes(entry["votes"]), why),
                title_align="left",
                title=escape(f"{entry['id']}  score {entry['score']:.2f}"),
            )
        )
    return Group(*cards)


def _label_line(row: Mapping[str, Any]) -> Text:
    probs = ", ".join(f"{name} {p:.3f}" for name, p in row["probabilities"].items())
    return Text(f"label: {row['label'] or 'undecided'}  ({probs})", style="bold")


def _votes(votes: Mapping[str, str]) -> list[RenderableType]:
    by_label: dict[str, list[str]] = defaultdict(list)
    for source, label in votes.items():
        by_label[label].append(source)
    if not by_label:
        return [Text("no source voted", style="dim")]
    return [
        Text(f"{label}: {', '.join(sources)}") for label, sources in sorted(by_label.items(), key=lambda i: -len(i[1]))
    ]


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _CELL_WIDTH else flat[: _CELL_WIDTH - 1] + "…"
