"""What a platform takes: its limits as one value, and what a training set breaks of them, in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from quorate.errors import listed
from quorate.training_sets.examples import Example
from quorate.training_sets.writing import control_in, label_faults, on_one_line
from quorate.values import TrainingSet

Span = tuple[int, int | None]
ANY: Span = (0, None)


@dataclass(frozen=True, slots=True)
class Findings:
    """`errors`: the service would refuse, or a row would not come back as it is; `warnings`: below its advice."""

    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __add__(self, other: Findings) -> Findings:
        return Findings(self.errors + other.errors, self.warnings + other.warnings)


@dataclass(frozen=True)
class Bounds:
    """Limits and advice; a span is (least, most), None where there is no most. Texts are counted in characters.

    `rows` are all rows, `train` those of the train split, `per_label` those of a label in the train split.
    """

    rows: Span = ANY
    train: Span = ANY
    valid: Span = ANY
    labels: Span = ANY
    per_label: int = 1
    advised_rows: int = 0
    advised_per_label: int = 0
    label_chars: int | None = None
    label_without: str = ""
    text_chars: Span = ANY
    takes_control: bool = True
    takes_line_ends: bool = True
    reads_missing: bool = False
    most_to_least: float | None = None
    also: tuple[Callable[[Example], str], ...] = field(default=())
    """Further checks of one example: what is wrong with it, "" where nothing is."""


def findings(bounds: Bounds, training_set: TrainingSet, found: Sequence[Example]) -> Findings:
    """What the training set breaks of the bounds; each sentence about rows names the first of them."""
    names = training_set.space.names
    train = [example for example in found if example.split == "train"]
    errors = [*label_faults(names), *_labels(bounds, names), *_counts(bounds, found, train), *_rows(bounds, found)]
    return Findings(tuple(errors), tuple(_advice(bounds, names, found, train)))


def _labels(bounds: Bounds, names: Sequence[str]) -> Iterator[str]:
    yield from _outside("labels", len(names), bounds.labels)
    for name in names:
        if bounds.label_chars and len(name) > bounds.label_chars:
            yield f"label {name[:40]!r}… has {len(name)} characters, more than {bounds.label_chars}"
        bad = sorted(set(name) & set(bounds.label_without))
        if bad:
            yield f"label {name!r} holds {listed(bad)}, which the service does not take in a label"


def _counts(bounds: Bounds, found: Sequence[Example], train: Sequence[Example]) -> Iterator[str]:
    yield from _outside("rows", len(found), bounds.rows)
    yield from _outside("rows in the train split", len(train), bounds.train)
    valid = sum(example.split == "valid" for example in found)
    yield from _outside("rows in the valid split", valid, bounds.valid)
    # A label that no row has is not in the files, and no service asks for it.
    counts = Counter(example.label for example in train)
    for name, count in sorted(counts.items()):
        if count < bounds.per_label:
            yield f"label {name!r} has {count} rows to train on; the service wants at least {bounds.per_label}"


def _outside(what: str, count: int, span: Span) -> Iterator[str]:
    least, most = span
    if count < least:
        yield f"there are {count:,} {what}; the service wants at least {least:,}"
    if most is not None and count > most:
        yield f"there are {count:,} {what}; the service takes at most {most:,}"


def _rows(bounds: Bounds, found: Sequence[Example]) -> Iterator[str]:
    least, most = bounds.text_chars
    yield from named("whose text is empty", (e.id for e in found if least and not e.text.strip()))
    if most:
        yield from named(f"whose text has more than {most:,} characters", (e.id for e in found if len(e.text) > most))
    if not bounds.takes_control:
        held = ((e.id, control_in(e.text)) for e in found)
        yield from named(
            "whose text holds control characters (--clean-text takes them out)",
            (f"{id} ({mark})" for id, mark in held if mark),
        )
    for check in bounds.also:
        faults = [(check(example), example.id) for example in found]
        for fault in sorted({fault for fault, _ in faults if fault}):
            yield from named(fault, (id for said, id in faults if said == fault))


def _advice(bounds: Bounds, names: Sequence[str], found: Sequence[Example], train: Sequence[Example]) -> Iterator[str]:
    counts = Counter(example.label for example in train)
    absent = [name for name in names if not counts[name]]
    if absent:
        yield f"no row to train on has the label {listed(absent)}"
    if len(train) < bounds.advised_rows:
        yield f"there are {len(train):,} rows to train on; the service advises at least {bounds.advised_rows:,}"
    for name, count in sorted(counts.items()):
        if count < bounds.advised_per_label:
            yield f"label {name!r} has {count} rows to train on; the service advises {bounds.advised_per_label}"
    if bounds.most_to_least and counts and max(counts.values()) > bounds.most_to_least * min(counts.values()):
        yield f"the most common label is more than {bounds.most_to_least:g} times as common as the least"
    if not bounds.takes_line_ends:
        changed = (e.id for e in found if on_one_line(e.text) != e.text)
        yield from named("whose line ends become spaces", changed)
    if bounds.reads_missing:
        yield from named(
            "whose text CSV readers take for a missing value (read with keep_default_na=False)",
            (e.id for e in found if is_missing(e.text)),
        )
    if not bounds.text_chars[0]:
        yield from named("whose text is empty", (e.id for e in found if not e.text.strip()))


_MISSING = {"", "NA", "N/A", "#N/A", "#N/A N/A", "#NA", "n/a", "<NA>", "null", "NULL", "None"}
_MISSING |= {"nan", "NaN", "-nan", "-NaN", "1.#IND", "1.#QNAN", "-1.#IND", "-1.#QNAN"}


def is_missing(text: str) -> bool:
    """Whether pandas and what builds on it read this CSV cell as no value at all."""
    return text in _MISSING


def named(what: str, ids: Iterable[str]) -> list[str]:
    """One sentence about rows, with the first of them; none where there are none."""
    every = list(ids)
    return [f"{len(every):,} row{'s' * (len(every) > 1)} {what}: {listed(every, 5)}"] if every else []
