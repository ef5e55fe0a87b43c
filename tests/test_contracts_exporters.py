"""The laws of exporters, over every exporter there is: what was written can be read back as it was."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from discovered import every, example
from pyarrow import parquet

from quorate.assemble import assemble
from quorate.rows import Rows
from quorate.values import Gold, Labels, LabelSpace, TrainingSet

AWKWARD = ["plain", 'comma, "quote"', "line\nbreak\r\nand tab\t", "ünïcödé 🎉", "", None, "=SUM(A1)", "NaN"]
IDS = ["007", "1e5", "NA", "-0", "ü", "a,b", 'q"q', " padded "]
SPACE = LabelSpace(("HAM", "SPAM, really"))


def training_set(table: pa.Table | None = None, name: str = "reviews") -> TrainingSet:
    rows = Rows(pa.table({"text": AWKWARD}) if table is None else table, pa.array(IDS))
    thirds = np.arange(1, len(IDS) + 1) / 30
    labels = Labels(SPACE, rows.ids, np.stack([thirds, 1 - thirds], axis=1), np.ones(len(IDS), bool), "made up")
    return assemble(rows, labels, Gold.of(["a,b"], ["HAM"], SPACE), name=name)


def _from_csv(path: Path) -> Iterator[tuple[str, str, list[float], dict[str, Any]]]:
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            yield row["row_id"], row["label"], [float(row[f"p_{label}"]) for label in SPACE.names], row


def _from_parquet(path: Path) -> Iterator[tuple[str, str, list[float], dict[str, Any]]]:
    for row in parquet.read_table(path).to_pylist():
        yield row["row_id"], row["label"], [row[f"p_{label}"] for label in SPACE.names], row


def _from_jsonl(path: Path) -> Iterator[tuple[str, str, list[float], dict[str, Any]]]:
    for line in path.read_text(encoding="utf-8").removesuffix("\n").split("\n"):
        row = json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
        yield row["id"], row["label"], [row["probabilities"][label] for label in SPACE.names], row["row"]


READERS = {"csv": _from_csv, "jsonl": _from_jsonl, "parquet": _from_parquet}


def written(name: str, folder: Path, exported: TrainingSet) -> Path:
    """The one file that a table exporter makes."""
    (path,) = example("exporters", name).write(exported, folder)
    return Path(path)


@every("exporters")
def test_an_exporter_names_the_files_it_wrote_and_writes_no_others(name: str, tmp_path: Path) -> None:
    paths = example("exporters", name).write(training_set(), tmp_path)
    assert paths
    assert sorted(paths) == sorted(path for path in tmp_path.rglob("*") if path.is_file())


@every("exporters")
def test_a_training_set_without_rows_is_written(name: str, tmp_path: Path) -> None:
    whole = training_set()
    empty = TrainingSet(
        SPACE,
        Rows(whole.rows.table[:0], whole.rows.ids[:0]),
        whole.labels[:0],
        whole.probs[:0],
        whole.weights[:0],
        (),
        (),
    )
    assert all(path.is_file() for path in example("exporters", name).write(empty, tmp_path))


@every("exporters")
def test_writing_again_gives_the_same_bytes(name: str, tmp_path: Path) -> None:
    exporter, exported = example("exporters", name), training_set()
    first = [path.read_bytes() for path in exporter.write(exported, tmp_path)]
    assert [path.read_bytes() for path in exporter.write(exported, tmp_path)] == first


@every("exporters")
@pytest.mark.parametrize("title", ["reviews/2024", "../outside", "a: b? <c>", "ünïcödé"])
def test_any_project_name_makes_files_in_the_folder(name: str, title: str, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    paths = example("exporters", name).write(training_set(name=title), folder)
    assert all(path.is_file() and path.resolve().is_relative_to(folder.resolve()) for path in paths)


@every("exporters")
def test_an_exporter_reads_back_what_it_wrote(name: str, tmp_path: Path) -> None:
    exporter, exported = example("exporters", name), training_set()
    exporter.write(exported, tmp_path)
    parts = exporter.parts(exported)
    assert {e.id for part in parts.values() for e in part} == set(IDS)
    for file, part in parts.items():
        assert exporter.read(tmp_path / file) == [(e.text, e.label) for e in part], file


RISKY = {
    "comma": "a, b",
    "quote": 'he said "no"',
    "line end": "one\ntwo\r\nthree\rfour",
    "NUL": "a\0b",
    "line separator": "one\u2028two\u2029three\x85four",
    "emoji": "👩‍👩‍👧 🇩🇪 e\u0301",
    "NA": "NA",
    "null": "null",
    "mark": "see __label__x here",
    "byte order mark": "\ufeffstart",
    "formula": "=cmd|' /C calc'!A0",
    "empty": "",
    "spaces": "  both ends  ",
    "backslash": "\\n \\ \\u0041",
    "a megabyte": "word " * 200_000,
}


def enough(text: str) -> TrainingSet:
    """Plenty of plain rows by label and split, and one risky one among them."""
    n = 160
    texts = [f"plain text {i}" for i in range(n)]
    texts[7] = text
    rows = Rows(pa.table({"text": texts}), pa.array([f"r{i}" for i in range(n)]))
    probs = np.tile([[0.9, 0.1], [0.2, 0.8]], (n // 2, 1))
    split = tuple("valid" if i % 10 == 8 else "test" if i % 10 == 9 else "train" for i in range(n))
    return TrainingSet(SAFE, rows, probs.argmax(axis=1), probs, probs.max(axis=1), split, ("votes",) * n, "risky")


SAFE = LabelSpace(("HAM", "SPAM"))


@every("exporters")
@pytest.mark.parametrize("kind", RISKY)
def test_a_risky_text_comes_back_as_it_was_or_its_row_is_named(name: str, kind: str, tmp_path: Path) -> None:
    exporter, exported = example("exporters", name), enough(RISKY[kind])
    found = exporter.problems(exported)
    if found.errors:
        assert all("'r7" in error for error in found.errors), found.errors
        return
    exporter.write(exported, tmp_path)
    for file, part in exporter.parts(exported).items():
        back = dict(zip((e.id for e in part), exporter.read(tmp_path / file), strict=True))
        assert back == {e.id: (e.text, e.label) for e in part}
        text = back.get("r7", (RISKY[kind],))[0]
        assert text in (RISKY[kind], "r7") or any("'r7'" in warning for warning in found.warnings)


@every("exporters")
def test_a_set_that_is_large_enough_has_no_errors(name: str) -> None:
    assert example("exporters", name).problems(enough("plain")).errors == ()


@pytest.mark.parametrize("name", READERS)
def test_ids_labels_and_probabilities_are_read_back_as_they_were(name: str, tmp_path: Path) -> None:
    exported = training_set()
    back = [(row_id, label, probs) for row_id, label, probs, _ in READERS[name](written(name, tmp_path, exported))]
    hard = [SPACE.names[y] for y in exported.labels]
    assert back == list(zip(IDS, hard, exported.probs.tolist(), strict=True))


@pytest.mark.parametrize("name", READERS)
def test_texts_are_read_back_as_they_were(name: str, tmp_path: Path) -> None:
    texts = [cells["text"] for *_, cells in READERS[name](written(name, tmp_path, training_set()))]
    assert texts == [text or "" for text in AWKWARD] if name == "csv" else texts == AWKWARD


@pytest.mark.parametrize("name", READERS)
def test_columns_of_the_data_that_have_our_names_keep_their_cells(name: str, tmp_path: Path) -> None:
    clashing = ["label", "row_id", "p_HAM", "data_label", "data_data_label", "split", "id", "row"]
    table = pa.table({column: [f"cell of {column}"] * 8 for column in clashing})
    for row_id, label, _, cells in READERS[name](written(name, tmp_path, training_set(table))):
        assert row_id in IDS
        assert label in SPACE.names
        assert {f"cell of {column}" for column in clashing} <= {str(cell) for cell in cells.values()}


TYPED: dict[str, Callable[[], pa.Array]] = {
    "category": lambda: pa.array(["x", "y"] * 4).dictionary_encode(),
    "not a number": lambda: pa.array([math.nan, 1.5] * 4),
    "infinite": lambda: pa.array([math.inf, -math.inf] * 4),
    "time": lambda: pa.array([datetime(2024, 5, 1, 12)] * 8),
    "duration": lambda: pa.array([3] * 8, pa.duration("s")),
    "decimal": lambda: pa.array([1] * 8, pa.decimal128(5, 2)),
    "bytes": lambda: pa.array([b"\xff\x00"] * 8),
    "list": lambda: pa.array([["a", "b"], None] * 4),
    "struct": lambda: pa.array([{"a": 1, "b": [2]}] * 8),
    "untyped": lambda: pa.nulls(8),
}


@pytest.mark.parametrize("cells", TYPED.values(), ids=TYPED)
@pytest.mark.parametrize("name", READERS)
def test_any_type_of_column_can_be_written(name: str, cells: Callable[[], pa.Array], tmp_path: Path) -> None:
    path = written(name, tmp_path, training_set(pa.table({"cell": cells()})))
    assert [row_id for row_id, *_ in READERS[name](path)] == IDS
