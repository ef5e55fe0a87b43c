"""replay: an export made again from kept votes and answers, with no network, and compared byte for byte."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from quorate import __version__
from quorate.errors import ExportRefused, ReplayDiffers, TableError
from quorate.exporting import write_files
from quorate.lock import LOCK, VOTES, hashes, inputs, outputs, read_lock, votes_table
from quorate.project import Project
from quorate.streaming.export import write_streamed
from quorate.streaming.looking import streams
from quorate.values import Votes
from quorate.voting import Fused, fused
from quorate.wanted import Wanted

_SHOWN = 10
_BATCH = 65_536


def exports(project: Project) -> list[Path]:
    """The folders under the project's `.quorate/export` that hold an export."""
    return sorted(path.parent for path in (project.state / "export").rglob(LOCK))


def replay(project: Project, folders: Sequence[Path]) -> dict[str, Any]:
    """Makes the exports in these folders anew, elsewhere; what was compared, as a documented object.

    Raises:
        ReplayDiffers: something differs; the message names exports, inputs, votes and files.
        TableError: there is no lock in a folder.
    """
    locks = {folder: read_lock(folder) for folder in folders}
    made = None if streams(project) else fused(project, offline=True)
    differences = [
        (folder, _differences(project, folder, made) if made else _differences_streamed(project, folder))
        for folder in locks
    ]
    found = [f"{folder}: {what}" for folder, told in differences for what in told]
    if found:
        raise ReplayDiffers("\n".join(found))
    entries = [
        {"folder": str(folder), "format": lock["wanted"]["format"], "files": sorted(lock["outputs"])}
        for folder, lock in locks.items()
    ]
    return {"schema": "quorate.replay/1", "project": project.name, "same": True, "exports": entries}


def _differences(project: Project, folder: Path, made: Fused) -> Iterator[str]:
    lock = read_lock(folder)
    yield from _inputs(lock, inputs(project, hashes(made.votes)))
    yield from _votes(folder, lock, made.votes)
    with TemporaryDirectory() as beside:
        try:
            write_files(project, Wanted(**lock["wanted"]), made, Path(beside))
        except (ExportRefused, TableError) as error:
            yield f"it cannot be made anew: {error}"
            return
        yield from _files(lock["outputs"], outputs(Path(beside)), outputs(folder))


def _differences_streamed(project: Project, folder: Path) -> Iterator[str]:
    lock = read_lock(folder)
    project.state.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=project.state, prefix=".replay-") as beside:
        try:
            made = write_streamed(project, Wanted(**lock["wanted"]), Path(beside))
        except (ExportRefused, TableError) as error:
            yield f"it cannot be made anew: {error}"
            return
        yield from _inputs(lock, inputs(project, made.votes))
        there, anew = outputs(folder), outputs(Path(beside))
        if there.get(VOTES) == lock["outputs"].get(VOTES) != anew[VOTES]:
            yield from _votes_streamed(folder / VOTES, Path(beside) / VOTES)
        yield from _files(lock["outputs"], anew, there)


def _votes_streamed(then: Path, now: Path) -> Iterator[str]:
    """The first votes that are others, or the first row that is: the rows of both files stand in the same order."""
    shown = more = 0
    with parquet.ParquetFile(then) as before, parquet.ParquetFile(now) as after:
        for old, new in zip_longest(before.iter_batches(_BATCH), after.iter_batches(_BATCH)):
            if old is None or new is None or not old.column("row_id").equals(new.column("row_id")):
                yield (
                    f"the rows are others than were exported: {after.metadata.num_rows:,} now, "
                    f"{before.metadata.num_rows:,} then"
                )
                break
            if old.equals(new):
                continue
            known, cells = _cells(pa.Table.from_batches([old])), _cells(pa.Table.from_batches([new]))
            changed = [(cell, said) for cell, said in known.items() if cell in cells and cells[cell] != said]
            for (source, row_id), said in changed[: _SHOWN - shown]:
                yield f"vote of {source!r} on row {row_id!r} was {said}, is {cells[source, row_id]}"
            more += len(changed) - len(changed[: _SHOWN - shown])
            shown += len(changed[: _SHOWN - shown])
    if more:
        yield f"and {more:,} votes more"


def _inputs(lock: Mapping[str, Any], now: Mapping[str, str]) -> Iterator[str]:
    then: Mapping[str, str] = lock["inputs"]
    if lock["quorate"] != __version__:
        yield f"the export was made by quorate {lock['quorate']}, this is {__version__}"
    for what in sorted(then.keys() | now.keys()):
        if what not in then or what not in now:
            yield f"{what} is {'new' if what in now else 'gone'}"
        elif then[what] != now[what]:
            yield f"{what} has changed"


def _votes(folder: Path, lock: Mapping[str, Any], votes: Votes) -> Iterator[str]:
    """Which vote of which source on which row is another now."""
    path = folder / VOTES
    if not path.is_file() or outputs(folder).get(VOTES) != lock["outputs"].get(VOTES):
        return  # told with the files
    then, now = _cells(parquet.read_table(path)), _cells(votes_table(votes))
    changed = [(cell, said) for cell, said in then.items() if cell in now and now[cell] != said]
    for (source, row_id), said in changed[:_SHOWN]:
        yield f"vote of {source!r} on row {row_id!r} was {said}, is {now[source, row_id]}"
    if len(changed) > _SHOWN:
        yield f"and {len(changed) - _SHOWN:,} votes more"
    gone, new = {row for _, row in then} - {row for _, row in now}, {row for _, row in now} - {row for _, row in then}
    for what, ids in (("gone", gone), ("new", new)):
        if ids:
            yield f"{len(ids):,} rows are {what}, first {min(ids)!r}"


def _cells(table: pa.Table) -> dict[tuple[str, str], str]:
    ids = table.column("row_id").to_pylist()
    return {
        (source, row_id): said
        for source in table.column_names[1:]
        for row_id, said in zip(ids, table.column(source).to_pylist(), strict=True)
    }


def _files(then: Mapping[str, str], anew: Mapping[str, str], there: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(then.keys() | anew.keys()):
        if name not in there:
            yield f"{name} is no longer in the folder"
        elif name in then and there[name] != then[name]:
            yield f"{name} was changed after it was exported"
        if then.get(name) != anew.get(name):
            yield f"{name} comes out different"
