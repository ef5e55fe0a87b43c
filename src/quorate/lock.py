"""The lock of an export: the hash of everything that went in and came out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from quorate import __version__
from quorate.collector import FILE
from quorate.errors import TableError
from quorate.project import Project
from quorate.scanning.files import shown
from quorate.values import Status, Votes

LOCK, VOTES = "export.lock.json", "export.votes.parquet"


def locked(project: Project, wanted: dict[str, Any], votes: Votes, folder: Path) -> dict[str, Any]:
    """The lock of the files in a folder; paths of inputs are relative to the project, of outputs to the folder."""
    return {
        "schema": "quorate.export.lock/1",
        "quorate": __version__,
        "wanted": {**wanted, "options": dict(wanted["options"])},
        "inputs": inputs(project, votes),
        "outputs": outputs(folder),
    }


def inputs(project: Project, votes: Votes) -> dict[str, str]:
    """The hash of each file, source and column of votes that the training set is made of."""
    there = project.scan()
    alone = there.local_file()
    data = {f"file {shown(project.settings.data.path)}": there.fingerprint() if alone is None else _of_file(alone)}
    files = data | {f"file {name}": _of_file(project.folder / name) for name in _files(project)}
    sources = {f"source {source.name}": source.fingerprint() for source in project.sources}
    columns = {
        f"votes {name}": sha256(votes.matrix[:, j].tobytes() + votes.status[:, j].tobytes()).hexdigest()
        for j, name in enumerate(votes.sources)
    }
    return files | sources | columns


def _files(project: Project) -> Iterator[str]:
    gold = project.settings.gold
    yield FILE
    if gold and gold.path:
        yield gold.path.as_posix()
    yield from (path.as_posix() for path in project.settings.rules)


def outputs(folder: Path) -> dict[str, str]:
    """The hash of each file in a folder, but that of the lock."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != LOCK)
    return {path.relative_to(folder).as_posix(): _of_file(path) for path in found}


def _of_file(path: Path) -> str:
    with path.open("rb") as raw:
        return file_digest(raw, "sha256").hexdigest()


def read_lock(folder: Path) -> dict[str, Any]:
    """
    Raises:
        TableError: there is no lock in the folder, or it is none.
    """
    path = folder / LOCK
    if not path.is_file():
        raise TableError(f"there is no {LOCK} in {folder}; `quorate export` writes one")
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except ValueError:
        found = {}
    if found.get("schema") != "quorate.export.lock/1":
        raise TableError(f"{path} is no lock of an export; export again")
    return found


def votes_table(votes: Votes) -> pa.Table:
    """The row id, then per source the label name, or "(abstained)" and the like where there is no vote."""
    words = [*votes.space.names, *(f"({status.name.lower()})" for status in Status)]
    columns: dict[str, Any] = {"row_id": votes.ids}
    for j, source in enumerate(votes.sources):
        codes = votes.matrix[:, j].astype(np.int32)
        codes = np.where(codes >= 0, codes, len(votes.space) + votes.status[:, j].astype(np.int32))
        columns[source if source != "row_id" else "row_id (source)"] = pa.array(words).take(pa.array(codes))
    return pa.table(columns)
