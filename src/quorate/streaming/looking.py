"""looking: what has to be known of a large table before any source votes: ids, gold, what people decided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quorate.collector import Collector
from quorate.decisions import Decision, read_decisions
from quorate.errors import Problem, ProjectError, TableError, did_you_mean, listed
from quorate.misfits import misfits
from quorate.project import Data, Project, declared_at, document_column
from quorate.protocols import Learner
from quorate.rows import Rows
from quorate.scanning.scan import Scan
from quorate.standing import joined_gold, of_these_rows, refused, reviewed_gold
from quorate.streaming.intake import IdCheck, Intake
from quorate.tables import read_table
from quorate.values import Gold

STREAMED_BYTES = 256 * 2**20
"""Data of more bytes on the disk is read a partition at a time, unless the settings say otherwise."""


def streams(project: Project) -> bool:
    """Whether the project's run holds a few partitions at a time, and not the whole table."""
    wished = project.settings.run.stream
    if wished is not None:
        return wished
    try:
        return sum(file.size for file in project.scan().files) > STREAMED_BYTES
    except TableError:
        # Reading it tells what is wrong.
        return False


def check_fits(project: Project) -> None:
    """
    Raises:
        ProjectError: the table is not to be held in memory, which whoever asks would do.
    """
    if streams(project):
        raise ProjectError([Problem("run.stream", _TOO_LARGE)])


_TOO_LARGE = (
    "this command holds all rows in memory, and the table is read a partition at a time; `quorate run` made its labels "
    "and its queue, as Parquet, in .quorate/runs. Set stream = false in [run] where the table fits into memory, or "
    "name a part of it in [data] path"
)


@dataclass(frozen=True, eq=False)
class Looked:
    """The rows of a project, yet to be read, with what was found in them.

    The rows of `data` are those that learning sources learn from, and none else.
    """

    intake: Intake
    data: Data


def look(project: Project) -> Looked:
    """One look through all rows, a partition at a time.

    Raises:
        ProjectError: the data cannot be read, or does not fit the sources and labels, or the project asks for what
            needs the whole table at once.
    """
    collector = Collector(project.text)
    intake = _intake(project, collector)
    collector.check()
    assert intake is not None, "what could not be read was noted"
    looked = _looked(project, intake, collector)
    collector.check()
    assert looked is not None, "what could not be read was noted"
    return looked


def _intake(project: Project, collector: Collector) -> Intake | None:
    """The rows, checked by their columns alone."""
    settings, data, gold = project.settings, project.settings.data, project.settings.gold
    if settings.content:
        collector.note(
            ["content"],
            "smooths labels by the content of all rows at once, and this table is read a partition at a time; leave "
            "[content] out, or set stream = false in [run] where the table fits into memory",
        )
    held = gold.column if gold and not gold.path else ""

    def opened() -> Scan:
        found = project.scan()
        _ = found.schema
        return found

    found = collector.collect(["data", "path"], opened)
    if found is None:
        return None
    for key, name in (("id", data.id), ("text", data.text)):
        collector.collect(["data", key], partial(_check_column, found, name))
    if held:
        collector.collect(["gold", "column"], partial(_check_column, found, held))
    if collector.problems:
        return None
    plain = Intake(found, data.id, held, (), settings.run.partition_rows)
    doc = collector.collect(["spacy", "pipeline"], partial(_documents, project, plain))
    return None if doc is None else replace(plain, derived=doc)


def _check_column(found: Scan, name: str | None) -> None:
    if name and name not in found.columns:
        hint = did_you_mean(name, found.columns)
        raise TableError(f"there is no column {name!r}; the columns are {listed(found.columns)}.{hint}")
    if name and not _is_plain(found.schema.field(name).type):
        raise TableError(f"column {name!r} holds {found.schema.field(name).type}; ids and labels are texts or numbers")


def _is_plain(kind: pa.DataType) -> bool:
    return not pa.types.is_nested(kind) and not pa.types.is_binary(kind)


def _documents(project: Project, intake: Intake) -> tuple[Any, ...]:
    doc = None if "doc" in intake.scan.columns else document_column(project)
    if doc is None:
        return ()
    doc.fingerprint()  # loads the pipeline, so that a missing one is told now
    return (doc,)


def _looked(project: Project, intake: Intake, collector: Collector) -> Looked | None:
    gold = project.settings.gold
    outside = None
    if gold and gold.path:
        path = project.folder / gold.path
        read = lambda: Rows.of(read_table(path, [gold.id, gold.column]), gold.id)  # noqa: E731
        rows = collector.collect(["gold", "path"], read)
        outside = rows and collector.collect(["gold", "column"], lambda: gold.read(rows, project.space))
    found = collector.collect(["data", "id"], partial(_through, project, intake, collector))
    if found is None or collector.problems:
        return None
    inside, decided, first = found
    known = outside if gold and gold.path else inside
    for error, source, option in misfits(project.sources, first, project.space):
        where = declared_at(project, source, option)
        collector.problems.append(Problem(collector.place(where) if where else "", str(error)))
    anchors = known if gold and gold.use == "anchor" else None
    data = Data(first.take(np.zeros(0, np.intp)), known, anchors)
    if decided:
        reviewed = reviewed_gold(decided, project.space)
        data = replace(data, anchors=joined_gold(anchors, reviewed), reviewed=reviewed, refused=refused(decided))
    return Looked(intake, _with_lessons(project, intake, data))


def _through(project: Project, intake: Intake, collector: Collector) -> tuple[Gold | None, list[Decision], Rows]:
    """The gold column, the decisions about these rows as they are now, and the first partition."""
    settings = project.settings
    made = read_decisions(project.decisions) if settings.review.use != "off" else []
    wanted = pa.array(sorted({decision.row_id for decision in made}), pa.string())
    check = IdCheck(settings.data.id, intake.total) if settings.data.id else None
    golds, standing, first = [], set(), None
    for _, rows in intake.partitions(whole=True):
        shown = intake.shown(rows)
        first = shown if first is None else first
        if check:
            check.add(rows.ids)
        if settings.gold and not settings.gold.path:
            golds.append(collector.collect(["gold", "column"], partial(settings.gold.read, rows, project.space, True)))
        if made:
            at = np.flatnonzero(np.asarray(pc.is_in(rows.ids, wanted)))
            standing |= {d.number for d in of_these_rows(made, shown.take(at), settings.data.text)}
        if collector.problems:
            break
    assert first is not None, "there is at least one partition"
    if check and not collector.problems:
        check.check(intake.partitions)
    if settings.gold and golds and intake.total and not collector.problems:
        collector.collect(["gold", "column"], partial(_check_gold, golds, settings.gold.column))
    gold = None if not golds or collector.problems else _joined(golds)
    return gold, [decision for decision in made if decision.number in standing], first


def _check_gold(golds: Sequence[Gold], column: str) -> None:
    if not any(map(len, golds)):
        raise TableError(f"gold column {column!r} holds no label")


def _joined(golds: Sequence[Gold]) -> Gold:
    labels = np.concatenate([gold.labels for gold in golds]).astype(np.int16)
    return Gold(tuple(row_id for gold in golds for row_id in gold.ids), labels)


def _with_lessons(project: Project, intake: Intake, data: Data) -> Data:
    """The data with the rows that learning sources learn from: those that gold settles."""
    if data.anchors is None or not any(isinstance(source, Learner) for source in project.sources):
        return data
    return replace(data, rows=intake.taken(np.concatenate([np.zeros(0, np.intp), *_places(intake, data.anchors)])))


def _places(intake: Intake, gold: Gold) -> Iterator[Any]:
    wanted = pa.array(gold.ids, pa.string())
    for first, rows in intake.partitions():
        yield first + np.flatnonzero(np.asarray(pc.is_in(rows.ids, wanted)))
