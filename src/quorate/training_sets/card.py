"""The dataset card: what a training set is made of, for those who will learn from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from quorate.training_sets.examples import SPLITS
from quorate.values import TrainingSet


@dataclass(frozen=True)
class Counted:
    """What a card counts of a training set: how many rows people reviewed, and rows by label int and split."""

    name: str
    labels: tuple[str, ...]
    reviewed: int
    rows: Mapping[tuple[int, str], int]


def card(training_set: TrainingSet, front: str = "") -> str:
    """README.md: counts, sources, label model, estimated accuracy with its interval, licence; `front` goes first."""
    rows = Counter(zip(training_set.labels.tolist(), training_set.split, strict=True))
    reviewed = training_set.provenance.count("gold")
    return front + card_of(Counted(training_set.name, training_set.space.names, reviewed, rows), training_set.facts)


def card_of(counted: Counted, facts: Mapping[str, Any]) -> str:
    """The same of a training set that was counted."""
    lines = [
        f"# {_line(counted.name)}",
        "",
        f"{sum(counted.rows.values()):,} rows with one of {len(counted.labels)} labels each, made by quorate by weak "
        f"supervision: sources voted, a label model fused the votes. People reviewed {counted.reviewed:,} of the rows.",
        "",
        *_counts(counted),
        "",
        "## How the labels came about",
        "",
        f"- Label model: {_line(facts.get('label_model', 'not known'))}",
        f"- Accuracy: {_accuracy(facts.get('accuracy'))}",
        f"- Kept: {_line(facts.get('policy', 'every row with a label'))}",
        *_left_out(facts.get("left_out", {})),
        f"- Weights: {_line(facts.get('weights', 'the probability of the label'))}",
        f"- Splits: {_line(facts.get('splits', 'by a hash of the row id'))}; a row keeps its split when rows are added",
        *_sources(facts.get("sources", ())),
        "",
        "## Licence",
        "",
        f"{_line(facts.get('licence', 'Not stated: that of the data the rows come from.'))}",
        "",
    ]
    return "\n".join(lines)


def _line(value: Any) -> str:
    return " ".join(str(value).split())


def _counts(counted: Counted) -> list[str]:
    total: Counter[str] = Counter()
    for (_, split), count in counted.rows.items():
        total[split] += count
    rows = [
        (_cell(name), *(counted.rows.get((y, split), 0) for split in SPLITS)) for y, name in enumerate(counted.labels)
    ]
    return _table(("label", *SPLITS), [*rows, ("all", *(total[split] for split in SPLITS))])


def _cell(text: str) -> str:
    return _line(text).replace("|", "\\|")


def _table(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> list[str]:
    names = list(header)
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    return lines + [f"| {' | '.join(f'{c:,}' if isinstance(c, int) else str(c) for c in row)} |" for row in rows]


def _accuracy(known: Mapping[str, Any] | None) -> str:
    if not known:
        return "not estimated"
    return f"{known['value']:.1%} (95 %: {known['low']:.1%} to {known['high']:.1%}), {_line(known['by'])}"


def _left_out(counts: Mapping[str, int]) -> Iterator[str]:
    if any(counts.values()):
        yield "- Left out: " + ", ".join(f"{count:,} {_line(why)}" for why, count in counts.items() if count)


def _sources(known: Iterable[Mapping[str, Any]]) -> list[str]:
    rows = [(_cell(s["name"]), s["family"], s["votes"], s["agreed"]) for s in known]
    header = ("source", "kind", "votes", "agreed with the label")
    return ["", "## Sources", "", *_table(header, rows)] if rows else []
