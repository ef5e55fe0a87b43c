"""Delta tables at a version: their files, their columns, and a table written with what it is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

import pyarrow as pa

from quorate.attempt import attempt
from quorate.errors import TableError
from quorate.registry import vendor
from quorate.scanning.files import File, is_remote, local_path, shown, without_secrets
from quorate.scanning.parquet import ParquetForm, row_groups
from quorate.scanning.places import FORMATS, stamp
from quorate.scanning.remote import exists
from quorate.scanning.stretches import Stretch

T = TypeVar("T")
_LOG = "_delta_log"
_FACTS = "quorate."
_OURS = "Labels, written by quorate; each version is those of one run"


@dataclass(frozen=True)
class DeltaTable:
    """One version of a Delta table: what it is called wherever it lies, its columns, its files."""

    id: str
    version: int
    schema: pa.Schema
    files: tuple[File, ...] = field(repr=False)

    def settle(self) -> tuple[ParquetForm, tuple[Stretch, ...]]:
        """How the files are read together, and their row groups; a file older than a column has none of it."""
        given = [self.schema.field(name) for name in dict(self.files[0].given)] if self.files else []
        stretches = tuple(stretch for file in self.files for stretch in row_groups(file)[1])
        return ParquetForm(self.schema, pa.schema(given)), stretches


def is_delta(place: str) -> bool:
    """Whether a Delta table lies at this place."""
    if any(mark in place for mark in "*?[") or place.lower().endswith((*FORMATS, ".gz")):
        return False
    return exists(f"{place.rstrip('/')}/{_LOG}") if is_remote(place) else (local_path(place) / _LOG).is_dir()


def delta_table(place: str, version: int | None = None) -> DeltaTable:
    """A version of the table at a place; without one, the newest.

    Raises:
        TableError: there is no such version, or it uses what cannot be read here.
        MissingExtra: deltalake is not installed.
    """
    package = vendor("deltalake", "delta")
    uri = place if is_remote(place) else str(local_path(place))
    opened = _asked(place, lambda: package.DeltaTable(uri))
    if version is not None and not 0 <= version <= opened.version():
        raise TableError(f"{shown(place)} has no version {version}; the newest is {opened.version()}")
    if version is not None:
        _asked(place, lambda: opened.load_as_version(version))
    configuration = opened.metadata().configuration
    if configuration.get("delta.columnMapping.mode", "none") != "none":
        raise TableError(f"{shown(place)} maps its columns to other names, which quorate cannot read; write it anew")
    files = sorted(_files(place, uri, opened), key=lambda file: file.name)
    return DeltaTable(opened.metadata().id, opened.version(), pa.schema(opened.schema()), tuple(files))


def _files(place: str, uri: str, opened: Any) -> Iterator[File]:
    if "deletionVectors" in (opened.protocol().reader_features or ()) and any(
        pa.table(vectors).num_rows for vectors in [opened.deletion_vectors()]
    ):
        raise TableError(
            f"{shown(place)} marks deleted rows in files of their own, which quorate cannot read; "
            "purge them (REORG TABLE … APPLY (PURGE)) and run again"
        )
    actions = pa.table(opened.get_add_actions()).to_pylist()
    for path, facts in zip(opened.file_uris(), actions, strict=True):
        cells = {name: None if cell is None else str(cell) for name, cell in (facts.get("partition") or {}).items()}
        name = path.removeprefix(uri).lstrip("/")
        if is_remote(place):
            yield File(path, name, facts["size_bytes"], "", tuple(cells.items()), place)
            continue
        if not Path(path).is_file():
            raise TableError(f"{shown(place)}: version {opened.version()} needs {name}, which was vacuumed")
        yield File(path, name, facts["size_bytes"], stamp(Path(path)), tuple(cells.items()))


def check_target(place: str) -> None:
    """
    Raises:
        TableError: something else lies at this place, which writing there would replace.
        MissingExtra: deltalake is not installed.
    """
    package = vendor("deltalake", "delta")
    if is_delta(place):
        opened = _asked(place, lambda: package.DeltaTable(place if is_remote(place) else str(local_path(place))))
        if opened.metadata().description != _OURS:
            raise TableError(
                f"{shown(place)} is a table that quorate did not write, and would be replaced; name another"
            )
    elif not is_remote(place) and local_path(place).exists():
        raise TableError(f"{shown(place)} is there and is no Delta table; name another place")


def write_delta(place: str, schema: pa.Schema, tables: Iterator[pa.Table], facts: Mapping[str, str]) -> int:
    """The version that these rows are of the table at a place, instead of those before; the facts go into its commit.

    Where the newest rows were written with the same facts nothing is written.

    Raises:
        TableError: the table cannot be written.
        MissingExtra: deltalake is not installed.
    """
    package = vendor("deltalake", "delta")
    before = _written(place, lambda found: found == dict(facts), newest=True) if is_delta(place) else None
    if before is not None:
        return before
    uri = place if is_remote(place) else str(local_path(place))
    batches = (batch for table in tables for batch in table.to_batches())
    properties = package.CommitProperties(custom_metadata={f"{_FACTS}{key}": text for key, text in facts.items()})
    _asked(
        place,
        lambda: package.write_deltalake(
            uri,
            pa.RecordBatchReader.from_batches(schema, batches),
            mode="overwrite",
            schema_mode="overwrite",
            description=_OURS,
            commit_properties=properties,
        ),
    )
    return int(_asked(place, lambda: package.DeltaTable(uri)).version())


def version_of(place: str, fact: str, text: str) -> int:
    """The newest version of a table that was written with this fact.

    Raises:
        TableError: there is none.
    """
    found = _written(place, lambda facts: facts.get(fact) == text)
    if found is None:
        raise TableError(f"{shown(place)} has no version of {fact} {text}")
    return found


def _written(place: str, wanted: Callable[[dict[str, str]], bool], newest: bool = False) -> int | None:
    """The newest version whose facts are as wanted; where `newest`, only the last that has facts is looked at."""
    package = vendor("deltalake", "delta")
    uri = place if is_remote(place) else str(local_path(place))
    for commit in _asked(place, lambda: package.DeltaTable(uri).history()):
        facts = {key.removeprefix(_FACTS): str(text) for key, text in commit.items() if key.startswith(_FACTS)}
        if facts and wanted(facts):
            return int(commit["version"])
        if facts and newest:
            return None
    return None


def _asked(place: str, ask: Callable[[], T]) -> T:
    made, faults = attempt(lambda _: ask(), [None], time_limit_s=None)
    if faults:
        raise TableError(f"Delta table {shown(place)}: {without_secrets(faults[0].message, place)}")
    return cast("T", made[0])
