"""The bytes of every text export, against files that people have read. `GOLDEN=write pytest …` writes them anew."""

from __future__ import annotations

import os
from pathlib import Path
from shutil import copytree, rmtree

import numpy as np
import pyarrow as pa
import pytest
from discovered import every, example

from quorate.rows import Rows
from quorate.values import LabelSpace, TrainingSet

GOLDEN = Path(__file__).parent / "golden" / "exports"
BINARY = {".parquet", ".spacy"}
"""Their bytes are those of a version of Arrow or spaCy; the contract tests read them back."""

TEXTS = [
    "check out my channel",
    'he said "no, thanks"',
    "one line\nand another\r\nand more",
    "=SUM(A1), NA",
    "👩‍👩‍👧 ünïcödé\u2028separated",
    "tab\tand  spaces ",
    "NA",
    "the last of the test split",
]


def golden_set() -> TrainingSet:
    """Eight rows of two labels in three splits; a person settled the third."""
    space = LabelSpace(("HAM", "SPAM"), {"SPAM": "advertises something"})
    labels = np.array([1, 0, 1, 0, 1, 0, 1, 0])
    probs = np.where(np.eye(2)[labels] == 1, 0.875, 0.125)
    probs[2] = [0, 1]
    rows = Rows(pa.table({"text": TEXTS, "stars": list(range(8))}), pa.array([f"r{i}" for i in range(8)]))
    facts = {
        "label_model": "quorum",
        "policy": "every row with a label",
        "left_out": {"rows that no source voted on": 2},
        "accuracy": {"value": 0.9, "low": 0.8, "high": 0.95, "by": "measured on 40 gold rows"},
        "sources": [{"name": "channel", "family": "rule", "votes": 4, "agreed": 3}],
        "licence": "CC0-1.0",
    }
    split = ("train", "train", "train", "train", "valid", "valid", "test", "test")
    provenance = tuple("gold" if i == 2 else "votes" for i in range(8))
    voters = tuple(("channel", "song") if y else ("song",) for y in labels)
    weights = probs.max(axis=1)
    return TrainingSet(space, rows, labels, probs, weights, split, provenance, "reviews", "text", voters, facts)


@every("exporters")
def test_the_bytes_are_those_that_people_have_read(name: str, tmp_path: Path) -> None:
    written = [path.relative_to(tmp_path) for path in example("exporters", name).write(golden_set(), tmp_path)]
    for path in written:
        if path.suffix in BINARY:
            (tmp_path / path).unlink()
    if os.environ.get("GOLDEN") == "write":
        rmtree(GOLDEN / name, ignore_errors=True)
        copytree(tmp_path, GOLDEN / name)
    known = {p.relative_to(GOLDEN / name): p for p in (GOLDEN / name).rglob("*") if p.is_file()}
    assert set(known) == {path for path in written if path.suffix not in BINARY}
    assert {path: (tmp_path / path).read_bytes() for path in known} == {p: at.read_bytes() for p, at in known.items()}


def test_there_are_golden_files_of_nothing_else() -> None:
    from quorate.registry import names

    assert {path.name for path in GOLDEN.iterdir()} <= set(names("exporters"))


@pytest.mark.parametrize("path", sorted(GOLDEN.rglob("*.*")), ids=lambda path: path.name)
def test_no_file_begins_with_a_byte_order_mark_or_has_a_carriage_return_of_ours(path: Path) -> None:
    content = path.read_bytes() if path.is_file() else b""
    assert not content.startswith(b"\xef\xbb\xbf")
    texts = b"and another\r\nand more"
    assert b"\r" not in content.replace(texts, b"")
