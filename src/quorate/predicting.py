"""predicting: what a kept model says of rows: of a table at once, of a file a part at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from quorate.classifiers import confident_votes
from quorate.errors import TableError, did_you_mean, listed
from quorate.kept_model import KeptModel, read_model
from quorate.rows import Rows
from quorate.scanning.scan import Scan, scan
from quorate.store import write_atomically
from quorate.training_sets.writing import write_json_lines, write_rows
from quorate.values import ABSTAIN

_Form = Callable[[Path, pa.Schema, Iterator[pa.Table]], None]


@dataclass(frozen=True)
class Asked:
    """What to predict: the rows at a path, a folder, a glob or a URL, written to a file.

    Without `id` a row's id is its position. A row whose best label is less probable than `min_probability` gets none.
    """

    data: Path | str
    to: Path
    id: str | None = None
    min_probability: float = 0.0
    rows_at_once: int = 5_000


def predict(model: Path | str, frame: Any, *, id: str | None = None, min_probability: float = 0.0) -> pa.Table:
    """What the model of a folder says of the rows of a table: `row_id`, `label`, its `probability`, and P(label) in a
    column `p_LABEL` for each.

    A row that the model learned from is judged by a model that did not see it. Rows without anything to read have
    neither label nor probabilities, and rows whose best label is less probable than `min_probability`, or no more
    probable than another, have no label. Reading the folder runs the code in it: it is a pickle.

    Args:
        frame: a pandas or polars frame, an Arrow table, or anything that speaks the Arrow C stream.
        id: the column of row ids; without it, a row's id is its position.

    Raises:
        PluginError: there is no model in the folder, or not the one that was described.
        TableError: the table lacks a column that the model reads; row ids are missing or not unique.
    """
    kept, rows = read_model(Path(model)), Rows.of(frame, id)
    for name in kept.columns:
        if name not in rows.columns:
            raise TableError(
                f"the model reads column {name!r}, and the columns are {listed(rows.columns)}."
                f"{did_you_mean(name, rows.columns)}"
            )
    return _said(kept, rows, min_probability)


def predict_file(
    model: Path, asked: Asked, progress: Callable[[int, int | None], None] | None = None
) -> dict[str, Any]:
    """What was written, as a documented object (schema `quorate.predict/1`); the file has the columns of `predict`.

    Rows are read, judged and written a few thousand at a time, and the file is whole or not there.

    Raises:
        PluginError: there is no model in the folder, or not the one that was described.
        TableError: the data cannot be read or lack a column; the name of the file to write tells no format.
    """
    write = _form(asked.to)
    if asked.to.exists() and Path(asked.data).exists() and asked.to.samefile(asked.data):
        raise TableError(f"{asked.to} holds the rows to read; write what is predicted to another file")
    kept = read_model(model)
    there = _scanned(kept, asked)
    given: Counter[str | None] = Counter()
    total = there.rows

    def told() -> Iterator[pa.Table]:
        if progress:
            progress(0, total)
        for table in _parts(kept, asked, there):
            given.update(table.column("label").to_pylist())
            if progress:
                progress(given.total(), total)
            yield table

    write_atomically(asked.to, lambda beside: write(beside, _schema(kept), told()))
    return {
        "schema": "quorate.predict/1",
        "model": kept.about.get("name", ""),
        "rows": given.total(),
        "labels": {name: given[name] for name in kept.labels},
        "without_label": given[None],
        "file": str(asked.to),
    }


def _scanned(kept: KeptModel, asked: Asked) -> Scan:
    texts = kept.columns if kept.about["reads"] == "texts" else ()
    there = scan(asked.data, (*([asked.id] if asked.id else []), *texts))
    for name in (*([asked.id] if asked.id else []), *kept.columns):
        if name not in there.columns:
            raise TableError(
                f"{there.place} has no column {name!r}, which is to be read; it has {listed(there.columns)}."
                f"{did_you_mean(name, there.columns)}"
            )
    return there


def _parts(kept: KeptModel, asked: Asked, there: Scan) -> Iterator[pa.Table]:
    start = 0
    for table in there.partitions(asked.rows_at_once):
        at = pa.array([str(i) for i in range(start, start + len(table))], pa.string())
        start += len(table)
        # Ids are carried, not looked up: they need not be unique, which could not be told without all of them.
        named = table.column(asked.id).cast(pa.string()).combine_chunks() if asked.id else at
        yield _said(kept, Rows(table, named), asked.min_probability)


def _said(kept: KeptModel, rows: Rows, min_probability: float) -> pa.Table:
    own, speaks = kept.probabilities(rows)
    voted = confident_votes(np.where(speaks[:, None], own, np.nan), min_probability)
    # As many digits as votes have: what is beyond differs with the rows judged at once.
    probs = np.asarray(voted.distribution, np.float64).round(5)
    names = [None if y == ABSTAIN else kept.labels[y] for y in voted.labels.tolist()]
    columns = [rows.ids, pa.array(names, pa.string()), _numbers(probs.max(axis=1)), *map(_numbers, probs.T)]
    return pa.Table.from_arrays(columns, schema=_schema(kept))


def _schema(kept: KeptModel) -> pa.Schema:
    numbers = [(name, pa.float64()) for name in ("probability", *(f"p_{label}" for label in kept.labels))]
    return pa.schema([("row_id", pa.string()), ("label", pa.string()), *numbers])


def _numbers(values: NDArray[np.float64]) -> pa.Array:
    return pa.array(values, pa.float64(), mask=np.isnan(values))


def _form(path: Path) -> _Form:
    forms: dict[str, _Form] = {".csv": _as_csv, ".jsonl": _as_json_lines, ".parquet": _as_parquet}
    if path.suffix.lower() not in forms:
        raise TableError(f"{path.name}: what is predicted is written as .csv, .jsonl or .parquet")
    return forms[path.suffix.lower()]


def _as_csv(path: Path, schema: pa.Schema, parts: Iterator[pa.Table]) -> None:
    cells = (["" if cell is None else str(cell) for cell in record.values()] for record in _records(parts))
    write_rows(path, cells, schema.names)


def _as_json_lines(path: Path, _: pa.Schema, parts: Iterator[pa.Table]) -> None:
    write_json_lines(path, _records(parts))


def _as_parquet(path: Path, schema: pa.Schema, parts: Iterator[pa.Table]) -> None:
    with parquet.ParquetWriter(path, schema) as out:
        for part in parts:
            out.write_table(part)


def _records(parts: Iterator[pa.Table]) -> Iterator[dict[str, Any]]:
    return chain.from_iterable(part.to_pylist() for part in parts)
