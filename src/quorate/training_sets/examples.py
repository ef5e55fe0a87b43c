"""A training set as examples: one text with one label each, which is what most platforms learn from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from quorate.errors import TableError, did_you_mean, listed
from quorate.rows import Rows
from quorate.values import TrainingSet

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True, slots=True)
class Example:
    """One row to learn from. `probs` has one entry per label; `sources` voted for `label`."""

    id: str
    split: str
    text: str
    label: str
    y: int
    probs: tuple[float, ...]
    weight: float
    is_reviewed: bool
    sources: tuple[str, ...]

    @property
    def confidence(self) -> float:
        """The probability of the label; 1 where a person gave it."""
        return self.probs[self.y]


def examples(training_set: TrainingSet) -> list[Example]:
    """Every row as an example, in row order; a cell that is no text becomes its text, a missing one "".

    Raises:
        TableError: which column holds the text cannot be told.
    """
    column = text_column(training_set)
    rows, names = training_set.rows, training_set.space.names
    texts = ["" if cell is None else str(cell) for cell in rows.stored(column)]
    voters = training_set.voters or ((),) * len(rows)
    probs = training_set.probs.tolist()
    return [
        Example(id, split, text, names[y], y, tuple(of_row), weight, provenance == "gold", sources)
        for id, split, text, y, of_row, weight, provenance, sources in zip(
            rows.ids.to_pylist(),
            training_set.split,
            texts,
            training_set.labels.tolist(),
            probs,
            training_set.weights.tolist(),
            training_set.provenance,
            voters,
            strict=True,
        )
    ]


def text_column(training_set: TrainingSet) -> str:
    """The column to learn from: the one that was named, else `text`, else the only column of text.

    Raises:
        TableError: there is no such column, or several could be meant.
    """
    columns = training_set.rows.columns
    if training_set.text:
        if training_set.text in columns:
            return training_set.text
        hint = did_you_mean(training_set.text, columns)
        raise TableError(f"there is no column {training_set.text!r}; the columns are {listed(columns)}.{hint}")
    column = column_of_text(training_set.rows)
    if not column:
        raise TableError(f"which column holds the text? Name one of {listed(columns)} with --text-column")
    return column


def column_of_text(rows: Rows) -> str:
    """`text`, else the only column of text that is not the row id, else ""."""
    schema = rows.table.schema
    of_text = [name for name in rows.columns if pa.types.is_string(schema.field(name).type)]
    if "text" in rows.columns:
        return "text"
    told = [name for name in of_text if not rows.arrow(name).equals(rows.ids)]
    return told[0] if len(told) == 1 else ""


def by_split(found: Iterable[Example]) -> dict[str, list[Example]]:
    """The examples of each split, all three named; a row of a foreign split is in `train`."""
    parts: dict[str, list[Example]] = {split: [] for split in SPLITS}
    for example in found:
        parts.get(example.split, parts["train"]).append(example)
    return parts


def filled_splits(found: Iterable[Example]) -> dict[str, list[Example]]:
    """The splits that hold anything; `train` always."""
    return {split: part for split, part in by_split(found).items() if part or split == "train"}
