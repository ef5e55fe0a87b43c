"""Labels in a lakehouse: a finished run's labels as a version of a Delta table, beside the table that was labelled."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from quorate.collector import Collector
from quorate.project import Project
from quorate.scanning.delta import check_target, version_of, write_delta
from quorate.scanning.files import placed, shown
from quorate.scanning.scan import scan
from quorate.values import LabelSpace

_ROWS = 65_536


def check_labels_to(project: Project) -> None:
    """
    Raises:
        ProjectError: what lies where the labels are to be written is not ours to replace.
        MissingExtra: deltalake is not installed.
    """
    collector = Collector(project.text)
    if project.settings.data.labels_to:
        place = placed(project.folder, project.settings.data.labels_to)
        collector.collect(["data", "labels_to"], lambda: check_target(place))
    collector.check()


def write_labels(project: Project, run: str, labels: Path) -> int | None:
    """The version of the table `[data] labels_to` that holds a run's labels; None where the settings name no table.

    A row has `row_id`, `label` (null on a tie), `probability` (of the likeliest label), `covered` and `p_LABEL`. The
    commit says of which run, data, version of the data and labels they are. The run whose labels are the newest there
    is not written again.

    Args:
        labels: the Parquet file, or folder of such, that the run wrote.

    Raises:
        TableError: the table cannot be written.
        MissingExtra: deltalake is not installed.
    """
    data = project.settings.data
    if not data.labels_to:
        return None
    there = scan(labels, ["row_id", "label"])
    facts = {
        "run": run,
        "source": shown(data.path),
        "source_version": "" if data.version is None else str(data.version),
        "labels": json.dumps(project.space.names, ensure_ascii=False),
    }
    schema = _formed(there.schema.empty_table(), project.space).schema
    tables = (_formed(table, project.space) for table in there.partitions(_ROWS))
    return write_delta(placed(project.folder, data.labels_to), schema, tables, facts)


def read_labels(project: Project, run: str) -> pa.Table:
    """The labels of a run as they were written to `[data] labels_to`.

    Raises:
        TableError: the table has no labels of this run.
        MissingExtra: deltalake is not installed.
    """
    place = placed(project.folder, project.settings.data.labels_to)
    return scan(place, version=version_of(place, "run", run)).table()


def _formed(table: pa.Table, space: LabelSpace) -> pa.Table:
    chances = [f"p_{name}" for name in space.names]
    best = pc.max_element_wise(*(table.column(name) for name in chances))
    columns = {name: table.column(name) for name in ("row_id", "label", "covered", *chances)}
    return pa.table({**columns, "probability": best}).select(["row_id", "label", "probability", "covered", *chances])
