"""Runs that hold a few partitions at a time: the same bytes as in memory, bounded memory, nothing lost."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from asking import HEAD, asked, edit
from hypothesis import given, settings
from hypothesis import strategies as st
from mixed import MIXED, mixed_project
from projects import quorate, write_project
from pyarrow import parquet

from quorate import Gold, Labels, LabelSpace, Rows, Votes, fuse, open_project, rank
from quorate.belief.confidence import Heard, Levels, confidence_bins, sureness
from quorate.decisions import Decision, Decisions, Verdict
from quorate.errors import ProjectError, TooManyFailures
from quorate.patterns import fold
from quorate.project import Project
from quorate.ranking.sieve import Kinds, quotas
from quorate.run import run
from quorate.run_files import growing
from quorate.settings import QueueSettings
from quorate.shortlist import queue_of
from quorate.standing import content_keys

NAMES = ("votes.parquet", "labels.parquet", "queue.parquet", "report.json")
IN_MEMORY = "partition_rows = 1000, workers = 1"


def outcome(folder: Path, how: str) -> dict[str, bytes]:
    """The files of a run that went about its work this way, as if it were the first."""
    shutil.rmtree(folder / ".quorate" / "runs", ignore_errors=True)
    shutil.rmtree(folder / ".quorate" / "votes", ignore_errors=True)
    edit(folder / "quorate.toml", IN_MEMORY, how)
    made = run(open_project(folder))
    edit(folder / "quorate.toml", how, IN_MEMORY)
    return {name: (made.folder / name).read_bytes() for name in NAMES}


def streamed(partition_rows: int, workers: int = 1) -> str:
    return f"partition_rows = {partition_rows}, workers = {workers}, stream = true"


# ---- one outcome, held whole or not ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """Every kind of source, of vote and of failure, and gold that anchors; few rows are all candidates."""
    folder = mixed_project(tmp_path_factory.mktemp("mixed"))
    return folder, outcome(folder, IN_MEMORY)


@pytest.mark.parametrize(("partition_rows", "workers"), [(40, 1), (97, 2), (1_000_000, 1)])
def test_a_streamed_run_writes_the_bytes_of_one_in_memory(
    mixed: tuple[Path, dict[str, bytes]], partition_rows: int, workers: int
) -> None:
    folder, expected = mixed
    assert outcome(folder, streamed(partition_rows, workers)) == expected


RULES = """\
from quorate import labeling_function


@labeling_function(label="SPAM")
def channel(text):
    return "channel" in text


@labeling_function
def unsure(text):
    return {"HAM": 0.9} if "song" in text else {"HAM": 0.6, "SPAM": 0.3} if "love" in text else None


@labeling_function
def raises(text):
    if "crash" in text:
        raise ValueError("a wordless row")
    return "OTHER" if "plain" in text else None
"""


def large_project(folder: Path, queue: str = "size = 20, candidates = 100, random_share = 0.3") -> Path:
    """A project of more rows than the queue looks at one by one."""
    toml = MIXED.partition("\n[[sources]]")[0].replace("size = 60, random_share = 0.3", queue)
    made = mixed_project(folder, toml + "\n", rows=900)
    (made / "rules.py").write_text(RULES)
    return made


@pytest.mark.parametrize(
    "queue",
    [
        "size = 20, candidates = 100, random_share = 0.3",
        'size = 20, candidates = 100, signals = ["entropy", "conflict"]',
        "size = 0",
    ],
)
def test_a_queue_among_candidates_is_the_same_in_memory_and_in_a_stream(tmp_path: Path, queue: str) -> None:
    folder = large_project(tmp_path / "p", queue)
    expected = outcome(folder, IN_MEMORY)
    assert outcome(folder, streamed(64)) == expected


def settle(project: Project, rows: list[tuple[str, str, float]], verdict: Verdict = "label") -> None:
    """What a person said of rows: id, label, and with which chance the queue drew it."""
    data = Rows.of(pa.table(parquet.read_table(project.folder / "rows.parquet")), "id")
    keys = dict(zip(data.ids.to_pylist(), content_keys(data, "text").tolist(), strict=True))
    with Decisions(project.decisions) as decisions:
        decisions.add(
            Decision(
                once=f"{verdict}-{row_id}",
                row_id=row_id,
                content=keys[row_id],
                reviewer="ada",
                verdict=verdict,
                label=label if verdict == "label" else None,
                inclusion=chance,
            )
            for row_id, label, chance in rows
        )


def test_answers_of_people_count_in_a_stream_as_they_do_in_memory(tmp_path: Path) -> None:
    folder = large_project(tmp_path / "p")
    table = pa.csv.read_csv(folder / "rows.csv")
    parquet.write_table(table, folder / "rows.parquet", row_group_size=70)
    edit(folder / "quorate.toml", "rows.csv", "rows.parquet")
    drawn = [(f"r{i}", ("HAM", "SPAM", "OTHER")[i % 3], 0.2) for i in range(3, 400, 17)]
    settle(open_project(folder), drawn + [(f"r{i}", "SPAM", 1.0) for i in range(500, 520)])
    settle(open_project(folder), [("r700", "", 1.0), ("r701", "", 1.0)], "none")
    expected = outcome(folder, IN_MEMORY)
    report = json.loads(expected["report.json"])
    assert report["survey"]["labels"]["drawn"] > 0
    assert report["reviewed"] == {"rows": len(drawn) + 20, "none": 2}
    assert outcome(folder, streamed(64)) == expected


def test_failures_are_counted_and_shown_by_the_first_rows(tmp_path: Path) -> None:
    folder = large_project(tmp_path / "p")
    edit(folder / "quorate.toml", IN_MEMORY, streamed(50))
    made = run(open_project(folder))
    texts = Rows.of(pa.csv.read_csv(folder / "rows.csv"), "id")
    failed = [i for i, text in zip(texts.ids.to_pylist(), texts.values("text"), strict=True) if "crash" in text]
    group = made.report["failures"][0]
    assert (group["source"], group["rows"], group["examples"]) == ("raises", len(failed), failed[:5])


def test_past_a_share_of_failures_of_all_rows_a_stream_stops(tmp_path: Path) -> None:
    folder = large_project(tmp_path / "p")
    edit(folder / "quorate.toml", IN_MEMORY, streamed(50) + ", max_failure_share = 0.01")
    with pytest.raises(TooManyFailures, match=r"'raises' failed on \d+ of 900 rows, more than the allowed 1%"):
        run(open_project(folder))


# ---- what must be known before anything votes -----------------------------------------------------------------------


def small(folder: Path, rows: str, toml: str = "") -> Project:
    text = 'rules = ["rules.py"]\ndata = { path = "rows.csv", id = "id", text = "text" }\n'
    text += 'labels = { HAM = "", SPAM = "" }\nrun = { stream = true, partition_rows = 3 }\n' + toml
    return open_project(write_project(folder, toml=text, rows=rows))


def test_an_id_that_occurs_twice_is_told_with_both_places(tmp_path: Path) -> None:
    project = small(tmp_path / "p", "id,text\n" + "".join(f"{i},a song\n" for i in "abcdefgb"))
    with pytest.raises(ProjectError, match=r"1 value\(s\) of 'id' occur more than once.*'b' at rows 1, 7"):
        run(project)


def test_an_id_that_is_missing_is_told_with_its_place(tmp_path: Path) -> None:
    project = small(tmp_path / "p", "id,text\na,x\nb,x\nc,x\nd,x\n,x\nf,x\n")
    with pytest.raises(ProjectError, match=r"1 of 6 rows have no 'id' \(first at row 4"):
        run(project)


def test_without_an_id_column_rows_are_named_by_their_place(tmp_path: Path) -> None:
    project = small(tmp_path / "p", "id,text\n" + "x,a song\n" * 8)
    edit(project.folder / "quorate.toml", 'id = "id", ', "")
    made = run(open_project(project.folder))
    assert parquet.read_table(made.folder / "labels.parquet").column("row_id").to_pylist() == list("01234567")


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ('content = { column = "text" }', r"content.*a partition at a time.*stream = false"),
        ('gold = { column = "truth" }', r"gold\.column.*no column 'truth'"),
        ('gold = { column = "text" }', r"gold column 'text', row 'a'"),
    ],
)
def test_what_does_not_fit_is_told_before_any_source_votes(tmp_path: Path, toml: str, message: str) -> None:
    project = small(tmp_path / "p", "id,text\na,a song\n", toml + "\n")
    with pytest.raises(ProjectError, match=message):
        run(project)
    assert not (project.state / "votes").exists()


def test_a_table_without_rows_gives_an_empty_report(tmp_path: Path) -> None:
    toml = 'rules = ["rules.py"]\ndata = { path = "rows.parquet", id = "id", text = "text" }\n'
    folder = write_project(tmp_path / "p", toml=toml + 'labels = { HAM = "", SPAM = "" }\nrun = { stream = true }\n')
    empty = pa.table({"id": pa.array([], pa.string()), "text": pa.array([], pa.string())})
    parquet.write_table(empty, folder / "rows.parquet")
    made = run(open_project(folder))
    assert (made.report["rows"], made.report["queue"]) == (0, [])


# ---- killed, and edited ---------------------------------------------------------------------------------------------

TELLING = (
    HEAD
    + """\
@labeling_function(label="SPAM")
def first(text):
    tell("first", text)
    return "channel" in text


@labeling_function(label="HAM")
def second(text):
    tell("second", text)
    return "song" in text
"""
)


def telling_project(folder: Path, n: int = 40) -> Path:
    toml = 'rules = ["rules.py"]\ndata = { path = "rows.csv", id = "id", text = "text" }\n'
    toml += 'labels = { HAM = "", SPAM = "" }\nrun = { stream = true, partition_rows = 4 }\n'
    rows = "id,text\n" + "".join(f"r{i},{('channel', 'song')[i % 2]} number {i}\n" for i in range(n))
    return write_project(folder, toml=toml, rows=rows, rules=TELLING)


def test_after_kill_9_finished_partitions_are_not_asked_again_and_nothing_half_is_left(tmp_path: Path) -> None:
    folder = telling_project(tmp_path / "p")
    edit(folder / "rules.py", '    return "song" in text', '    wait(text)\n    return "song" in text')
    wait = "import os, time\n\n\ndef wait(text):\n    while text.endswith(' 21') and not os.path.exists(LOG + '.go'):\n"
    wait += "        open(LOG + '.here', 'w').close()\n        time.sleep(0.02)\n\n\n@labeling_function(label=\"SPAM\")"
    edit(folder / "rules.py", '@labeling_function(label="SPAM")', wait)
    process = subprocess.Popen([sys.executable, "-m", "quorate", "run", str(folder)], stderr=subprocess.PIPE)
    while not (folder / "rules.py.log.here").exists() and process.poll() is None:
        time.sleep(0.02)
    process.kill()
    process.communicate()
    assert len(asked(folder)["first"]) == 24
    assert not list((folder / ".quorate" / "runs").glob("*/*.parquet"))
    (folder / "rules.py.log.go").touch()
    made = run(open_project(folder))
    assert asked(folder)["first"] == [f"{('channel', 'song')[i % 2]} number {i}" for i in range(20, 40)]
    assert parquet.read_table(made.folder / "labels.parquet").num_rows == 40
    assert sorted(path.name for path in (folder / ".quorate" / "runs").iterdir()) == sorted([made.id, "latest"])


def test_an_edited_rule_is_asked_alone(tmp_path: Path) -> None:
    folder = telling_project(tmp_path / "p")
    run(open_project(folder))
    asked(folder)
    edit(folder / "rules.py", 'return "song" in text', 'return "a song" in text')
    run(open_project(folder))
    assert {name: len(texts) for name, texts in asked(folder).items()} == {"second": 40}


# ---- bounded memory -------------------------------------------------------------------------------------------------

CHILD = """
import re, sys
from pathlib import Path
from quorate import open_project
from quorate.run import run
run(open_project(sys.argv[1]))
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


def peak_kib(folder: Path, rows: int) -> int:
    """The most memory that a run of so many rows ever had."""
    toml = 'data = { path = "rows.parquet", id = "id", text = "text" }\nlabels = { HAM = "", SPAM = "" }\n'
    toml += "run = { stream = true }\nqueue = { candidates = 2000 }\n"
    toml += "".join(
        f'[[sources]]\nkind = "keywords"\nname = "{word}"\nlabel = "{label}"\nany = ["{word}"]\n'
        for word, label in (("three", "SPAM"), ("seven", "HAM"), ("nine", "SPAM"))
    )
    write_project(folder, toml=toml)
    words = np.array(["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"], dtype=object)
    choice = np.random.default_rng(1).integers(0, 10, (rows, 6))
    texts = [" ".join(words[one]) for one in choice.tolist()]
    table = pa.table({"id": [f"row {i}" for i in range(rows)], "text": texts})
    parquet.write_table(table, folder / "rows.parquet", row_group_size=20_000)
    child = subprocess.run([sys.executable, "-c", CHILD, str(folder)], capture_output=True, text=True, check=True)
    return int(child.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ten_times_the_rows_take_no_more_memory_but_for_their_ids(tmp_path: Path) -> None:
    few, many = peak_kib(tmp_path / "few", 120_000), peak_kib(tmp_path / "many", 480_000)
    # 360,000 rows more hold at least 100 bytes each as texts, ids, votes and probabilities; their hashes hold 8.
    assert (many - few) * 1024 < 360_000 * 100


# ---- the parts ------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 5_000), min_size=1, max_size=6))
@settings(max_examples=20, deadline=None)
def test_a_file_does_not_tell_how_its_rows_came(tmp_path_factory: pytest.TempPathFactory, cuts: list[int]) -> None:
    folder = tmp_path_factory.mktemp("files")
    schema = pa.schema([("a", pa.string()), *((f"p{i}", pa.float64()) for i in range(999))])
    columns: dict[str, Any] = {"a": [f"x{i % 7}" for i in range(5_000)]}
    table = pa.table(columns | {f"p{i}": np.zeros(5_000) for i in range(999)}, schema=schema)
    for name, ends in (("whole", [0, 5_000]), ("cut", sorted([0, *cuts, 5_000]))):
        with growing(folder / name, schema) as add:
            for begin, end in pairwise(ends):
                add(table.slice(begin, end - begin))
    assert (folder / "whole").read_bytes() == (folder / "cut").read_bytes()


@given(st.integers(0, 2**32 - 1), st.integers(1, 199))
@settings(max_examples=25, deadline=None)
def test_confidence_heard_in_parts_is_heard_as_a_whole(seed: int, cut: int) -> None:
    generator, n = np.random.default_rng(seed), 200
    matrix = generator.integers(-1, 3, (n, 3)).astype(np.int16)
    sure = np.where(generator.random((n, 3)) < 0.7, generator.random((n, 3)).round(2), np.nan).astype(np.float32)
    status = np.where(matrix == -1, 1, 0).astype(np.uint8)
    space = LabelSpace(("A", "B", "C"))
    votes = Votes(space, pa.array(map(str, range(n)), pa.string()), tuple("stu"), ("rule",) * 3, matrix, status, sure)
    said, whole = sureness(votes), confidence_bins(votes)
    assert said is not None
    assert whole is not None
    levels = Levels.of(matrix[:cut], said[:cut]) + Levels.of(matrix[cut:], said[cut:])
    parts = [levels.bins(matrix[:cut], said[:cut]), levels.bins(matrix[cut:], said[cut:])]
    assert np.array_equal(np.concatenate([part for part in parts if part is not None]), whole)
    settled = np.full(n, -1, np.int16)
    joined = (
        Heard.of(matrix[:cut], whole[:cut], settled[:cut])[0] + Heard.of(matrix[cut:], whole[cut:], settled[cut:])[0]
    )
    once = Heard.of(matrix, whole, settled)[0]
    for name in ("matrix", "bins", "settled", "counts"):
        assert np.array_equal(getattr(joined, name), getattr(once, name))


def queue_from(n: int, candidates: int, seed: int = 3) -> tuple[list[str], list[str]]:
    """The targeted rows of a queue among candidates, and of one that looks at all rows."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 3, n)
    right = generator.random((n, 5)) < 0.7
    matrix = np.where(right, truth[:, None], generator.integers(0, 3, (n, 5)))
    matrix[generator.random((n, 5)) < 0.5] = -1
    votes = Votes.of(matrix, ["A", "B", "C"])
    gold = Gold.of(range(0, n, 50), ["A"] * len(range(0, n, 50)), votes.space)
    labels: Labels = fuse(votes, gold=gold)
    rows = Rows.of(pa.table({"number": np.arange(n)}))
    patterns, where = fold(votes, gold)
    wanted = QueueSettings(size=30, candidates=candidates, random_share=0.0, signals=None)
    among = queue_of(votes, labels, patterns, where, gold, rows=rows, settings=wanted)
    whole = rank(votes, labels, None, size=30, random_share=0.0, gold=gold, rows=rows)
    return among.ids.to_pylist(), whole.ids.to_pylist()


def test_the_queue_among_candidates_is_that_of_all_rows_where_no_text_tells_rows_apart() -> None:
    among, whole = queue_from(3_000, 400)
    assert among == whole


def test_quotas_keep_the_rows_whose_asking_is_worth_most() -> None:
    votes = Votes.of([[0, 1], [0, 0]], ["A", "B"])
    patterns, where = fold(votes)
    kinds, _ = Kinds.of(patterns, where, np.full((2, 2), 0.5), np.array([1_000_000, 3]))
    worth = lambda kind, turn: np.where(kind == 0, 5.0, 4.0) / (1 + turn)  # noqa: E731
    kept = quotas(kinds, worth, 100)
    assert kinds.rows.tolist() == [3, 1_000_000]
    assert kept.tolist() == [3, 97]
    assert quotas(kinds, worth, 10**7).tolist() == [3, 1_000_000]


def test_a_command_that_needs_all_rows_says_so_and_what_to_do(tmp_path: Path) -> None:
    folder = telling_project(tmp_path / "p")
    ended = quorate("next", folder)
    assert ended.code == 2
    assert "holds all rows in memory" in ended.err
    assert "stream = false" in ended.err
    assert quorate("check", folder).code == 0
