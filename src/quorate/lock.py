"""The lock of an export: the hash of everything that went in and came out."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from quorate import __version__
from quorate.collector import FILE
from quorate.errors import TableError
from quorate.fingerprint import sha256_of
from quorate.project import Project
from quorate.scanning.files import shown
from quorate.values import Status, Votes

LOCK, VOTES = "export.lock.json", "export.votes.parquet"


def locked(project: Project, wanted: dict[str, Any], votes: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """The lock of the files in a folder, made of votes of these hashes; paths of inputs are relative to the project,
    of outputs to the folder."""
    return {
        "schema": "quorate.export.lock/1",
        "quorate": __version__,
        "wanted": {**wanted, "options": dict(wanted["options"])},
        "inputs": inputs(project, votes),
        "outputs": outputs(folder),
    }


def inputs(project: Project, votes: Mapping[str, str]) -> dict[str, str]:
    """The hash of each file, source and column of votes that the training set is made of."""
    there = project.scan()
    alone = there.local_file()
    data = {f"file {shown(project.settings.data.path)}": there.fingerprint() if alone is None else sha256_of(alone)}
    files = data | {f"file {name}": sha256_of(project.folder / name) for name in _files(project)}
    sources = {f"source {source.name}": source.fingerprint() for source in project.sources}
    return files | sources | {f"votes {name}": digest for name, digest in votes.items()}


def hashes(votes: Votes) -> dict[str, str]:
    """The hash of each source's votes: label ints of all rows, then their status."""
    return {
        name: sha256(votes.matrix[:, j].tobytes() + votes.status[:, j].tobytes()).hexdigest()
        for j, name in enumerate(votes.sources)
    }


def _files(project: Project) -> Iterator[str]:
    gold = project.settings.gold
    yield FILE
    if gold and gold.path:
        yield gold.path.as_posix()
    yield from (path.as_posix() for path in project.settings.rules)


def outputs(folder: Path) -> dict[str, str]:
    """The hash of each file in a folder, but that of the lock."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != LOCK)
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in found}


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


def install(stage: Path, folder: Path) -> None:
    """Moves the files into place, the lock last, and removes those of the export before that are no more."""
    before = read_lock(folder)["outputs"] if (folder / LOCK).is_file() else {}
    (folder / LOCK).unlink(missing_ok=True)
    fresh = sorted((p.relative_to(stage) for p in stage.rglob("*") if p.is_file()), key=_lock_last)
    for name in set(before) - {path.as_posix() for path in fresh}:
        (folder / name).unlink(missing_ok=True)
    for path in fresh:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        os.replace(stage / path, folder / path)


_lock_last: Callable[[Path], tuple[bool, str]] = lambda path: (path.name == LOCK, path.as_posix())  # noqa: E731
