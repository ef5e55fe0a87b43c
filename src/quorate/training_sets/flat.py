"""A training set as one flat Arrow table, which most file formats start from."""

from __future__ import annotations

import pyarrow as pa

from quorate.training_sets.examples import Example
from quorate.values import TrainingSet

OWN_COLUMNS = ("row_id", "label", "probability", "weight", "split", "provenance")


def flat_table(training_set: TrainingSet) -> pa.Table:
    """The rows' columns, then ours: row_id, label, probability, weight, split, provenance and `p_LABEL` per label.

    A column of the data whose name is taken is written as `data_NAME`.
    """
    space = training_set.space
    ours: dict[str, pa.Array] = {
        "row_id": training_set.rows.ids,
        "label": pa.array([space.names[y] for y in training_set.labels], pa.string()),
        "probability": pa.array(training_set.probs.max(axis=1, initial=0.0)),
        "weight": pa.array(training_set.weights),
        "split": pa.array(list(training_set.split), pa.string()),
        "provenance": pa.array(list(training_set.provenance), pa.string()),
        **{f"p_{name}": pa.array(training_set.probs[:, y]) for y, name in enumerate(space.names)},
    }
    table = training_set.rows.table
    cells: dict[str, pa.ChunkedArray] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        written = name
        while written in ours or written in cells:
            written = f"data_{written}"
        cells[written] = column
    return pa.table({**cells, **ours})


def as_ids(training_set: TrainingSet) -> list[Example]:
    """The rows as examples whose text is their id: it stands for the row where a format holds all of its columns."""
    ids, names = training_set.rows.ids.to_pylist(), training_set.space.names
    parts = zip(ids, training_set.split, training_set.labels.tolist(), training_set.provenance, strict=True)
    return [
        Example(id, split, id, names[y], y, (), 1.0, provenance == "gold", ()) for id, split, y, provenance in parts
    ]
