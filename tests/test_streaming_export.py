"""Exports that hold a few partitions at a time: the bytes of one in memory, or a plain word that they cannot be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asking import edit
from mixed import MIXED, mixed_project
from test_exporting import files
from test_streaming import IN_MEMORY, settle, streamed

from quorate.exporting import Wanted, export
from quorate.project import open_project

SAME = ("provenance.jsonl", "export.votes.parquet")
FILE = {"jsonl": "mixed.jsonl", "csv": "mixed.csv", "parquet": "mixed.parquet"}


def written(folder: Path, wanted: Wanted, how: str, out: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """What an export says and writes that goes about its work this way."""
    edit(folder / "quorate.toml", IN_MEMORY, how)
    try:
        return export(open_project(folder), wanted, out), files(out)
    finally:
        edit(folder / "quorate.toml", how, IN_MEMORY)


def alone(folder: Path) -> Path:
    """The project, with texts that are near no other, but for some that differ in case and punctuation alone."""
    table = (folder / "rows.csv").read_text().splitlines()
    rng = np.random.default_rng(5)
    rows = []
    for i, line in enumerate(table[1:]):
        id, text, stars, label = line.split(",")
        letters = "".join(rng.choice(list("bcdfghjkmnpqrtvwxz"), 60))
        rows.append([id, f"{text} {letters}", stars, label])
        if i % 11 == 10:
            rows[-1][1] = f"  {rows[-7][1]}!"
    (folder / "rows.csv").write_text("\n".join([table[0], *map(",".join, rows)]) + "\n")
    return folder


@pytest.fixture(scope="module", params=["anchor", "evaluate", "people"])
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    toml = MIXED
    if request.param == "evaluate":
        toml = MIXED.replace('"anchor"', '"evaluate"').partition('\n[[sources]]\nkind = "sklearn"')[0] + "\n"
    folder = alone(mixed_project(tmp_path_factory.mktemp(request.param), toml))
    if request.param == "people":
        import pyarrow.csv
        from pyarrow import parquet

        parquet.write_table(pyarrow.csv.read_csv(folder / "rows.csv"), folder / "rows.parquet", row_group_size=50)
        edit(folder / "quorate.toml", "rows.csv", "rows.parquet")
        settle(open_project(folder), [(f"r{i}", ("HAM", "SPAM", "OTHER")[i % 3], 0.2) for i in range(3, 200, 17)])
        settle(open_project(folder), [("r1", "", 1.0)], "none")
    return folder


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted("jsonl"),
        Wanted("jsonl", balance=True, min_probability=0.6, licence="CC0-1.0", clean_text=True),
        Wanted("csv", target_precision=0.5),
        Wanted("parquet", text="text"),
    ],
)
@pytest.mark.parametrize("partition_rows", [40, 1_000_000])
def test_an_export_in_parts_writes_the_bytes_of_one_in_memory(
    project: Path, wanted: Wanted, partition_rows: int, tmp_path: Path
) -> None:
    told, expected = written(project, wanted, IN_MEMORY, tmp_path / "whole")
    said, found = written(project, wanted, streamed(partition_rows), tmp_path / "parts")
    assert (said["rows"], said["left_out"]) == (told["rows"], told["left_out"])
    assert found.keys() == expected.keys()
    for name in (*SAME, FILE[wanted.format]):
        assert found[name] == expected[name], name
    cards = [made["README.md"].decode().splitlines() for made in (expected, found)]
    apart = [lines for lines in zip(*cards, strict=True) if lines[0] != lines[1]]
    assert [one.split(":")[0] for one, _ in apart] == ["- Splits"]
    locks = [json.loads(made["export.lock.json"]) for made in (expected, found)]
    for lock in locks:
        del lock["inputs"]["file quorate.toml"], lock["outputs"]["README.md"]
    assert locks[0] == locks[1]
