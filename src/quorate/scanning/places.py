"""Where data is: the files that a path, a folder, a glob or a URL names, in a fixed order."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO
from urllib.parse import unquote

from quorate.errors import TableError, did_you_mean, listed
from quorate.scanning import remote
from quorate.scanning.files import File, is_hidden, is_remote, local_path, shown

FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
_NULL = "__HIVE_DEFAULT_PARTITION__"
_MAGIC = re.compile(r"[*?[]")


def found(place: str) -> tuple[File, ...]:
    """The files at a place, at least one, sorted by their paths as texts (part-10 before part-2).

    In a folder every file counts but those that are hidden (`.x`, `_SUCCESS`) and checksums.

    Raises:
        TableError: there is nothing; the message holds the nearest name.
    """
    if is_remote(place):
        return _files(shown(place), remote.listed_at(place), place)
    path = local_path(place)
    if path.is_file():
        return (File(str(path), path.name, path.stat().st_size, stamp(path)),)
    return _files(shown(place), _local(path))


def opened(file: File) -> IO[bytes]:
    """The bytes of a file as they are stored.

    Raises:
        TableError: it has changed since it was found, or is gone.
    """
    if file.store:
        return remote.opened(file.store, file.url)
    path = Path(file.url)
    if not path.is_file() or stamp(path) != file.stamp:
        raise TableError(f"{file.name} has changed while it was read; run again")
    return path.open("rb")


def _local(path: Path) -> Iterator[tuple[str, str, int, str]]:
    paths: Iterable[Path]
    if path.is_dir():
        root, paths = path, path.rglob("*")
    elif _MAGIC.search(str(path)):
        root, paths = _root(path), map(Path, glob.iglob(str(path), recursive=True))
    else:
        there = [p.name for p in path.parent.glob("*")] if path.parent.is_dir() else []
        raise TableError(f"there is no file {path}.{did_you_mean(path.name, there)}")
    for one in paths:
        if one.is_file():
            yield str(one), one.relative_to(root).as_posix(), one.stat().st_size, stamp(one)


def _root(pattern: Path) -> Path:
    """The folder that a glob starts from: what stands before its first wildcard."""
    parts = pattern.parts
    fixed = next(i for i, part in enumerate(parts) if _MAGIC.search(part))
    return Path(*parts[:fixed])


def _files(place: str, paths: Iterable[tuple[str, str, int, str]], store: str = "") -> tuple[File, ...]:
    every = sorted((one for one in paths if not is_hidden(one[1])), key=lambda one: one[1])
    if not every:
        raise TableError(f"{place} holds no data file; quorate reads {listed(FORMATS)} (text formats also .gz)")
    files = tuple(File(url, name, size, stamp, tuple(_given(name)), store) for url, name, size, stamp in every)
    odd = next((file for file in files if [n for n, _ in file.given] != [n for n, _ in files[0].given]), None)
    if odd is not None:
        raise TableError(f"{place}: the folders of {files[0].name} and {odd.name} name different columns")
    return files


def _given(name: str) -> Iterator[tuple[str, str | None]]:
    for part in name.split("/")[:-1]:
        column, equals, cell = part.partition("=")
        if equals:
            yield unquote(column), None if cell == _NULL else unquote(cell)


def format_of(files: tuple[File, ...], place: str) -> str:
    """The one format of the files.

    Raises:
        TableError: it cannot be told, or files differ in it.
    """
    unknown = next((file for file in files if file.kind not in FORMATS), None)
    if unknown is not None:
        takes = "use .csv, .tsv, .jsonl (also .gz) or .parquet"
        if place.endswith(unknown.name):
            raise TableError(f"{unknown.name}: cannot tell the format; {takes}")
        raise TableError(
            f"the folder {place} holds {unknown.name}, of which the format cannot be told; {takes}, "
            "or name the files that are data by a glob, as in data/*.csv"
        )
    other = next((file for file in files if FORMATS[file.kind] != FORMATS[files[0].kind]), None)
    if other is not None:
        raise TableError(f"{place} holds {files[0].name} and {other.name}: data is of one format; name it by a glob")
    return FORMATS[files[0].kind]


def stamp(path: Path) -> str:
    """What changes with a file of this machine: its size and the time of its last change."""
    status = path.stat()
    return f"{status.st_size}-{status.st_mtime_ns}"
