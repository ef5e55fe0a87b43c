"""What a run, a row and a problem look like in the terminal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from quorate.reporting.report import shortened

_QUEUE_SHOWN = 5
_PAIRS_SHOWN = 6
_CELL_WIDTH = 160
_WIDE = 100


def run_view(report: Mapping[str, Any], width: int) -> RenderableType:
    """A run: headline, sources, conflicts, labels, failures, warnings, the top of the queue; `width` in characters."""
    parts: list[RenderableType] = [_headline(report), _sources(report, width), _distribution(report)]
    maybe = (_pairs(report), _kin(report), _failures(report), _warnings(report), _queue(report))
    return Group(*parts, *(view for view in maybe if view is not None))


def row_view(row: Mapping[str, Any]) -> RenderableType:
    """One row: its cells, its label, who voted what, who failed and how."""
    cells = Table.grid(padding=(0, 2))
    for name, cell in row["cells"].items():
        cells.add_row(Text(name, style="dim"), Text(str(shortened(cell))))
    said: list[RenderableType] = [cells, _label_line(row), *_votes(row["votes"]), *_why(row)]
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
    if report["spend"]:
        text.append(f"\nmodels so far: {_spend(report['spend'])}")
    if report["accuracy"] is not None:
        text.append(f"\naccuracy on {report['gold']['rows']:,} gold rows: ")
        text.append(f"{report['label_model']['name']} {report['accuracy']:.1%}", style="bold green")
        if report["content"]:
            text.append(f", the votes alone {report['content']['accuracy_votes_only']:.1%}")
        text.append(f", majority vote {report['majority_accuracy']:.1%} (rows without a label count as a guess)")
    return text


def _spend(spend: Mapping[str, Any]) -> str:
    usd = f"${spend['usd']:,.4f}" if spend["usd"] or not spend["unpriced_attempts"] else "no known price"
    unpriced = f" and {spend['unpriced_attempts']:,} attempts of unknown price" if spend["unpriced_attempts"] else ""
    return f"{usd}{unpriced}, {spend['tokens']:,} tokens, {spend['attempts']:,} attempts"


def _sources(report: Mapping[str, Any], width: int) -> RenderableType:
    sources = report["sources"]
    shown: dict[str, Callable[[Any], str]] = {
        "labels": lambda entry: escape(" ".join(entry["polarity"])) or "[dim]never[/]",
        "coverage": lambda entry: f"{entry['coverage']:.1%}",
        "overlaps": lambda entry: f"{entry['overlaps']:.1%}",
        "conflicts": lambda entry: f"{entry['conflicts']:.1%}",
        "est. accuracy": lambda entry: _share(entry, "accuracy", "accuracy"),
        "on gold": lambda entry: _share(entry, "gold_accuracy", "gold"),
        "failed": lambda entry: f"[red]{entry['failed']:,}[/]" if entry["failed"] else "",
    }
    if width < _WIDE:
        del shown["overlaps"]
    if not any(entry["gold_rows"] for entry in sources):
        del shown["on gold"]
    if not any(entry["failed"] for entry in sources):
        del shown["failed"]
    table = plain_table("sources", ["source", "labels"], [name for name in shown if name != "labels"])
    for entry in sources:
        table.add_row(escape(entry["name"]), *(cell(entry) for cell in shown.values()))
    table.caption = (
        "est. accuracy: as the votes show it"
        if report["is_identified"]
        else "est. accuracy: what the label model believes"
    ) + ", with the 95 % interval that sampling leaves open"
    table.caption_justify = "left"
    return table


def _share(entry: Mapping[str, Any], name: str, interval: str) -> str:
    if entry[name] is None:
        return ""
    low, high = entry[f"{interval}_low"], entry[f"{interval}_high"]
    return f"{entry[name]:.1%} [dim]{100 * low:.0f}-{100 * high:.0f}[/]"


def plain_table(title: str, left: Sequence[str], right: Sequence[str]) -> Table:
    """A table without lines, its text columns to the left and its numbers to the right."""
    table = Table(title=title, title_justify="left", header_style="dim", box=None, padding=(0, 1))
    for place, heading in enumerate(left):
        table.add_column(heading, overflow="fold", no_wrap=place == 0)
    for heading in right:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _distribution(report: Mapping[str, Any]) -> RenderableType:
    table = plain_table("labels", ["label"], ["rows", "share", "estimated balance"])
    table.add_column("")
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
    table = plain_table("pairs that differ most", ["", " "], ["differ", "of both voting"])
    for differ, both, one, other in worst:
        table.add_row(escape(one), escape(other), f"{differ:,}", f"{both:,}")
    return table


def _kin(report: Mapping[str, Any]) -> RenderableType | None:
    if not report["kin"]:
        return None
    table = plain_table("sources that are not two witnesses", ["", " ", "are"], ["same vote", "expected", "strength"])
    for pair in report["kin"][:_PAIRS_SHOWN]:
        same = f"{pair['same']:,} of {pair['both']:,}"
        expected = "" if pair["expected"] is None else f"{pair['expected']:,.0f}"
        table.add_row(
            escape(pair["one"]), escape(pair["other"]), pair["relation"], same, expected, f"{pair['strength']:.0%}"
        )
    more = len(report["kin"]) - _PAIRS_SHOWN
    table.caption = f"and {more} more, see report.html" if more > 0 else None
    table.caption_justify = "left"
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


def _why(row: Mapping[str, Any]) -> list[RenderableType]:
    """What each vote on a row did to its label, and what would flip it."""
    odds, parts = row["log_odds"], list[RenderableType]()
    if row["settled"]:
        parts.append(Text(f"a person settled this row; by its votes alone it would be {odds['label']}", style="dim"))
    if not row["contributions"]:
        return parts
    table = plain_table("", ["vote", " "], [f"for {odds['label']} against {odds['against']}, log-odds"])
    for entry in row["contributions"]:
        table.add_row(escape(entry["source"]), escape(entry["vote"]), f"{entry['log_odds']:+.2f}")
    table.add_row("[dim]all votes[/]", "", f"{odds['log_odds']:+.2f}")
    table.add_row("[dim]no vote[/]", "", f"{odds['prior_log_odds']:+.2f}")
    return [*parts, table, Text(_flip(row["flip"]))]


def _flip(flip: Mapping[str, Any] | None) -> str:
    """The change that would give the row another label, in a sentence."""
    if flip is None:
        return "No change of these votes that was tried gives another label."
    changes = [
        f"{change['source']} did not vote"
        if change["becomes"] is None
        else f"{change['source']} said {change['becomes']}"
        for change in flip["changes"]
    ]
    sure = "" if flip["is_fewest"] else " (found step by step; fewer changes may do)"
    return f"It would be {flip['label']} if {' and '.join(changes)}{sure}."


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _CELL_WIDTH else flat[: _CELL_WIDTH - 1] + "…"


def export_view(found: dict[str, Any]) -> str:
    """What was exported, or would be, and what the platform's limits say of it."""
    warned = [f"warning: {warning}" for warning in found["warnings"]]
    if "files" not in found:
        return "\n".join([f"{found['format']} would take these {found['rows']:,} rows", *warned])
    files = found["files"]
    more = [f"and {len(files) - 8:,} files more"] if len(files) > 8 else []
    named = ", ".join([*files[:8], *more])
    return "\n".join([f"{found['rows']:,} rows ({found['left_out']:,} left out) in {named}", *warned])
