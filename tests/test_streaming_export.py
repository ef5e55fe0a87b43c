"""Exports that hold a few partitions at a time: the bytes of one in memory, or a plain word that they cannot be."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from asking import edit
from hypothesis import given, settings
from hypothesis import strategies as st
from mixed import MIXED, mixed_project
from projects import write_project
from pyarrow import csv, parquet
from test_exporting import files, inside
from test_streaming import IN_MEMORY, settle, streamed

from quorate.errors import ExportBroken
from quorate.estimating.exact import exact_sum
from quorate.exporters.jsonl import Jsonl
from quorate.exporting import Wanted, export
from quorate.project import open_project
from quorate.streaming.choosing import TOGETHER
from quorate.training_sets.duplicates import first_of_each, without_differences
from quorate.training_sets.splits import split_rows
from quorate.training_sets.spreading import Spreading
from quorate.training_sets.twins import Twins

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
        parquet.write_table(csv.read_csv(folder / "rows.csv"), folder / "rows.parquet", row_group_size=50)
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


# ---- the parts ------------------------------------------------------------------------------------------------------


def in_parts(keys: list[int], labels: list[int], tested: list[int], cut: int) -> tuple[str, ...]:
    """The splits of rows whose texts have these hashes, told a few rows at a time."""
    ids = pa.array([f"r{i}" for i in range(len(keys))], pa.string())
    twins = Twins.of(np.array(keys, np.uint64))
    spreading = Spreading(3, np.array(tested, np.intp))
    for last in (False, True):
        splits: list[str] = []
        spread = spreading.spread() if last else None
        for begin in range(0, len(keys), cut):
            part = twins.part(begin, ids.slice(begin, cut))
            hard = np.array(labels[begin : begin + cut], np.int16)
            at = np.flatnonzero(hard >= 0)
            if spread is None:
                spreading.add(part.of(at), hard[at])
            else:
                splits += spread.splits(part)
    return tuple(splits)


@given(st.data(), st.integers(1, 300), st.integers(1, 40), st.integers(1, 97))
@settings(max_examples=150, deadline=None)
def test_splits_of_parts_are_those_of_the_whole(data: st.DataObject, n: int, distinct: int, cut: int) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    keys = np.where(rng.random(n) < data.draw(st.floats(0, 1)), rng.integers(0, distinct, n), 1000 + np.arange(n))
    labels = rng.choice([-1, 0, 1, 2], n, p=data.draw(st.sampled_from([(0.1, 0.4, 0.4, 0.1), (0, 0.9, 0.08, 0.02)])))
    clusters = first_of_each(keys.tolist())
    tested = np.unique(clusters[rng.random(n) < data.draw(st.sampled_from([0, 0.05, 0.3]))])
    whole = split_rows([f"r{i}" for i in range(n)], clusters, labels.astype(np.int16), frozenset(tested.tolist()))
    assert in_parts(keys.tolist(), labels.tolist(), tested.tolist(), cut) == whole


@given(st.lists(st.floats(0, 1), max_size=60), st.integers(0, 60))
def test_exact_sums_know_no_cut(values: list[float], cut: int) -> None:
    array = np.array(values, np.float64)
    assert exact_sum(array) == sum(map(Fraction, values)) == exact_sum(array[:cut]) + exact_sum(array[cut:])
    assert float(exact_sum(array)) == math.fsum(values)


# ---- said plainly ---------------------------------------------------------------------------------------------------


def large(folder: Path) -> Path:
    made = mixed_project(folder, MIXED.partition('\n[[sources]]\nkind = "sklearn"')[0] + "\n")
    edit(made / "quorate.toml", IN_MEMORY, streamed(64))
    return made


def test_a_format_that_holds_all_rows_says_which_do_not(tmp_path: Path) -> None:
    ended = inside("export", large(tmp_path / "p"), "--to", "openai-chat", "--out", tmp_path / "out")
    assert ended.code == 2
    assert "'csv', 'jsonl', 'parquet'" in ended.err
    assert files(tmp_path / "out") == {}


def test_what_is_kept_together_is_told_on_the_screen_and_on_the_card(tmp_path: Path) -> None:
    folder = large(tmp_path / "p")
    said = inside("export", folder, "--json").json
    checked = inside("export", folder, "--check", "--json").json
    assert said["warnings"] == checked["warnings"] == [TOGETHER]
    assert checked["rows"] == said["rows"]
    assert TOGETHER in Path(said["card"]).read_text("utf-8")
    assert [path.name for path in (folder / ".quorate" / "runs").iterdir()] == []


def test_texts_that_differ_in_punctuation_alone_are_in_one_split(tmp_path: Path) -> None:
    folder = large(tmp_path / "p")
    inside("export", folder)
    lines = [json.loads(line) for line in (folder / ".quorate/export/jsonl/mixed.jsonl").read_text().splitlines()]
    splits: dict[str, set[str]] = {}
    for line in lines:
        splits.setdefault(without_differences(line["row"]["text"]), set()).add(line["split"])
    assert len(splits) < len(lines)
    assert all(len(found) == 1 for found in splits.values())


def test_a_row_that_does_not_come_back_stops_an_export_in_parts(tmp_path: Path, monkeypatch: Any) -> None:
    folder, read = large(tmp_path / "p"), Jsonl.reading
    monkeypatch.setattr(
        Jsonl, "reading", lambda self, path: ((i, y if i != "r9" else "OTHER") for i, y in read(self, path))
    )
    with pytest.raises(ExportBroken, match=r"row 'r9', the one at .* does not read back"):
        export(open_project(folder), Wanted(), tmp_path / "out")
    assert files(tmp_path / "out") == {}


# ---- the same again -------------------------------------------------------------------------------------------------


def test_a_streamed_export_is_replayed_byte_for_byte(tmp_path: Path) -> None:
    folder = large(tmp_path / "p")
    for to in FILE:
        assert inside("export", folder, "--to", to).code == 0
    ended = inside("replay", folder)
    assert ended.code == 0, ended.err
    assert ended.out.count("the same byte for byte") == 3


def test_a_replay_of_a_streamed_export_names_what_changed(tmp_path: Path) -> None:
    folder = large(tmp_path / "p")
    inside("export", folder)
    rules = folder / "rules.py"
    rules.write_text(rules.read_text().replace('return "channel" in text', 'return "song" in text'))
    ended = inside("replay", folder)
    assert ended.code == 1
    for words in ("file rules.py has changed", "source channel has changed", "vote of 'channel' on row", "votes more"):
        assert words in ended.err
    (folder / "rows.csv").write_text((folder / "rows.csv").read_text() + "r999,a song,3,\n")
    assert "the rows are others than were exported: 211 now, 210 then" in inside("replay", folder).err


@pytest.mark.parametrize("to", FILE)
def test_a_table_without_rows_is_exported_as_one_in_memory_is(to: str, tmp_path: Path) -> None:
    toml = (
        'name = "mixed"\ndata = { path = "rows.parquet", id = "id", text = "text" }\nlabels = { HAM = "", SPAM = "" }\n'
    )
    toml += 'rules = ["rules.py"]\nrun = { partition_rows = 1000, workers = 1 }\n'
    folder = write_project(tmp_path / "p", toml=toml)
    empty = pa.table({"id": pa.array([], pa.string()), "text": pa.array([], pa.string())})
    parquet.write_table(empty, folder / "rows.parquet")
    _, expected = written(folder, Wanted(to), IN_MEMORY, tmp_path / "whole")
    said, found = written(folder, Wanted(to), streamed(10), tmp_path / "parts")
    assert said["rows"] == 0
    assert {name: found[name] for name in (*SAME, FILE[to])} == {name: expected[name] for name in (*SAME, FILE[to])}


# ---- bounded memory -------------------------------------------------------------------------------------------------

CHILD = """
import re, sys
from pathlib import Path
from quorate.exporting import Wanted, export
from quorate.project import open_project
folder = Path(sys.argv[1])
assert export(open_project(folder), Wanted(sys.argv[2]), folder / "out")["rows"] > 0
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


def peak_kib(folder: Path, to: str) -> int:
    """The most memory that an export ever had."""
    child = subprocess.run([sys.executable, "-c", CHILD, str(folder), to], capture_output=True, text=True, check=True)
    return int(child.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_an_export_of_five_times_the_rows_takes_no_more_memory_but_for_their_hashes(tmp_path: Path) -> None:
    folders = {n: tmp_path / str(n) for n in (60_000, 300_000)}
    for n, folder in folders.items():
        counted_project(folder, n)
    few, many = (peak_kib(folder, "jsonl") for folder in folders.values())
    # 240,000 rows more hold at least 200 bytes each as texts, ids, votes, probabilities and provenance.
    assert (many - few) * 1024 < 240_000 * 100


def counted_project(folder: Path, rows: int) -> None:
    """Keywords over so many short texts that all differ."""
    toml = 'data = { path = "rows.parquet", id = "id", text = "text" }\nlabels = { HAM = "", SPAM = "" }\n'
    toml += "run = { stream = true, partition_rows = 20000 }\n"
    toml += "".join(
        f'[[sources]]\nkind = "keywords"\nname = "{word}"\nlabel = "{label}"\nany = ["{word}"]\n'
        for word, label in (("three", "SPAM"), ("seven", "HAM"), ("nine", "SPAM"))
    )
    write_project(folder, toml=toml)
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    texts = [f"{words[i % 10]} {words[i // 10 % 10]} {words[i // 100 % 10]} number {i}" for i in range(rows)]
    table = pa.table({"id": [f"row {i}" for i in range(rows)], "text": texts})
    parquet.write_table(table, folder / "rows.parquet", row_group_size=20_000)
