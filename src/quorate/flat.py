"""A training set as one flat Arrow table, which most file formats start from."""

from __future__ import annotations

import pyarrow as pa

from quorate.values import TrainingSet

OWN_COLUMNS = ("row_id", "label", "probability", "weight", "split", "provenance")


def flat_table(training_set: TrainingSet) -> pa.Table:
    """The rows' columns, then ours: row_id, label, probability, weight, split, provenance and `p_LABEL` per label.

    A column of the data that has one of these names is written as `data_NAME`.
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
    renamed = [f"data_{name}" if name in ours else name for name in table.column_names]
    return pa.table({**dict(zip(renamed, table.columns, strict=True)), **ours})
