"""The tables of a run as files: votes, labels and queue in Parquet, the same bytes however the rows came."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from quorate.row_groups import row_groups
from quorate.store import being_written
from quorate.values import ABSTAIN, Labels, LabelSpace, Queue, Status, Votes


@contextmanager
def growing(path: Path, schema: pa.Schema) -> Iterator[Callable[[pa.Table], None]]:
    """Takes tables one after another and writes them as one file, which is in its place when this ends."""
    with being_written(path) as beside, row_groups(beside, schema) as add:
        yield add


def write_whole(path: Path, table: pa.Table) -> None:
    """Writes a table as if it had come in parts."""
    with growing(path, table.schema) as add:
        add(table)


def votes_table(votes: Votes) -> pa.Table:
    """The row id, then one column of label names per source (null where it did not vote)."""
    names = pa.array(votes.space.names, pa.string())
    columns = {"row_id": votes.ids}
    for j, source in enumerate(votes.sources):
        codes = pa.array(votes.matrix[:, j].astype("int32"), mask=votes.status[:, j] != Status.VOTED)
        columns[source] = names.take(codes)
    return pa.table(columns)


def votes_schema(sources: tuple[str, ...]) -> pa.Schema:
    """The columns of `votes_table`."""
    return pa.schema([("row_id", pa.string()), *((name, pa.string()) for name in sources)])


def labels_table(labels: Labels) -> pa.Table:
    """The row id, its label (null without one), whether anything was known of the row, and all probabilities."""
    probs = {f"p_{name}": labels.probs[:, y] for y, name in enumerate(labels.space.names)}
    hard = labels.hard
    return pa.table(
        {
            "row_id": labels.ids,
            "label": pa.array(labels.space.names, pa.string()).take(pa.array(hard, mask=hard == ABSTAIN)),
            "covered": labels.covered,
            **probs,
        }
    )


def labels_schema(space: LabelSpace) -> pa.Schema:
    """The columns of `labels_table`."""
    probs = [(f"p_{name}", pa.float64()) for name in space.names]
    return pa.schema([("row_id", pa.string()), ("label", pa.string()), ("covered", pa.bool_()), *probs])


def queue_table(queue: Queue) -> pa.Table:
    """The rows of the queue in its order."""
    return pa.table({"row_id": queue.ids, "score": queue.score, "inclusion": queue.inclusion, **queue.reasons})
