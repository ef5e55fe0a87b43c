"""The promises of the design, kept on whole projects: same outcome however the work is cut, nothing lost, no traces."""

from __future__ import annotations

import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from asking import HEAD, ROWS, TOML, asked, edit, project, run, votes
from mixed import MIXED, mixed_project
from projects import needs, quorate
from pyarrow import parquet

from quorate import LabelSpace, Rows, Status, open_project
from quorate import apply as ask
from quorate.errors import TooManyFailures
from quorate.registry import build
from quorate.run import compute, show
from quorate.values import VoteColumn

# ---- one outcome, however the work is cut ---------------------------------------------------------------------------


def outcome(folder: Path, partition_rows: int, workers: int) -> dict[str, bytes]:
    """Every file of a run that was cut into such partitions, over so many workers."""
    as_it_was = "partition_rows = 1000, workers = 1"
    cut = f"partition_rows = {partition_rows}, workers = {workers}"
    edit(folder / "quorate.toml", as_it_was, cut)
    made = run(folder)
    edit(folder / "quorate.toml", cut, as_it_was)
    names = ("votes.parquet", "labels.parquet", "queue.parquet", "report.json", "report.html")
    return {name: (made.folder / name).read_bytes() for name in names}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """The mixed project, and what it comes to in one partition."""
    folder = mixed_project(tmp_path_factory.mktemp("mixed"))
    return folder, outcome(folder, 1_000_000, 1)


def test_the_mixed_project_has_every_kind_of_vote(mixed: tuple[Path, dict[str, bytes]]) -> None:
    """Else the comparisons below would compare little."""
    made = compute(open_project(mixed[0])).votes
    assert {int(s) for s in np.unique(made.status)} == {Status.VOTED, Status.ABSTAINED, Status.FAILED}
    assert set(made.families) == {"rule", "model"}
    assert set(made.distributions) == {"unsure", "learned"}
    assert {failure.reason for failure in made.failures} == {"raised", "bad_label"}
    assert all((column != -1).any() for column in made.matrix.T)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("partition_rows", [7, 1000, 1_000_000])
def test_the_outcome_is_the_same_at_any_partition_size_and_worker_count(
    mixed: tuple[Path, dict[str, bytes]], partition_rows: int, workers: int
) -> None:
    folder, expected = mixed
    shutil.rmtree(folder / ".quorate")
    assert outcome(folder, partition_rows, workers) == expected


@pytest.mark.parametrize(("first", "second"), [(7, 1_000_000), (1_000_000, 7)])
def test_the_outcome_is_the_same_when_the_votes_come_from_the_store(
    mixed: tuple[Path, dict[str, bytes]], first: int, second: int
) -> None:
    folder, expected = mixed
    shutil.rmtree(folder / ".quorate")
    outcome(folder, first, 1)
    shutil.rmtree(folder / ".quorate" / "runs")
    assert outcome(folder, second, 1) == expected


def test_an_estimator_that_draws_at_random_learns_the_same_each_time(tmp_path: Path) -> None:
    forest = MIXED + 'estimator = "RandomForestClassifier"\nparams = { n_estimators = 3 }\n'
    folder = mixed_project(tmp_path, forest, rows=120)
    np.random.seed(3)
    first, second = (compute(open_project(folder)).votes for _ in range(2))
    assert np.array_equal(first.matrix, second.matrix)
    assert np.random.random() == np.random.RandomState(3).random_sample()


def test_a_run_leaves_no_trace_in_the_process(mixed: tuple[Path, dict[str, bytes]]) -> None:
    folder, _ = mixed
    shutil.rmtree(folder / ".quorate")
    random.seed(1)
    np.random.seed(1)
    before = list(warnings.filters), logging.getLogger().handlers[:], list(sys.path), os.getcwd(), signal.getsignal(14)
    run(folder)
    after = list(warnings.filters), logging.getLogger().handlers[:], list(sys.path), os.getcwd(), signal.getsignal(14)
    assert before == after
    assert random.random() == random.Random(1).random()
    assert np.random.random() == np.random.RandomState(1).random_sample()


def test_a_project_opened_twice_is_the_same_project(mixed: tuple[Path, dict[str, bytes]]) -> None:
    first, second = (open_project(mixed[0]) for _ in range(2))
    assert first.fingerprint() == second.fingerprint()
    assert [source.fingerprint() for source in first.sources] == [source.fingerprint() for source in second.sources]


def test_documents_are_parsed_once_and_their_readers_asked_once(tmp_path: Path) -> None:
    """A pipeline learns words while it parses; that must not make it look like another pipeline."""
    needs("spacy")
    rules = (
        HEAD
        + "@labeling_function(label='HAM')\ndef short(doc):\n    tell('short', doc.text)\n    return len(doc) < 3\n"
    )
    folder = project(tmp_path / "p", rules=rules)
    run(folder)
    assert asked(folder) == {"short": [text for _, text, _ in ROWS]}
    compute(open_project(folder))
    assert asked(folder) == {}


# ---- failures -------------------------------------------------------------------------------------------------------

FLAKY = (
    HEAD
    + """\
from os.path import exists


@labeling_function(label="SPAM")
def flaky(text):
    tell("flaky", text)
    if text[-1] in "37" and not exists(LOG.replace("rules.py.log", "service_is_up")):
        raise ConnectionError("no route to the service")
    return "channel" in text
"""
)


def test_a_source_that_raises_fails_on_its_rows_and_the_run_goes_on(tmp_path: Path) -> None:
    made = compute(open_project(project(tmp_path / "p", rules=FLAKY))).votes
    assert [failure.row_id for failure in made.failures] == ["r3", "r7"]
    assert "raise ConnectionError" in made.failures[0].traceback
    assert np.array_equal(made.matrix == -1, made.status != Status.VOTED)
    assert made.status[:, 0].tolist() == [1, 0, 0, 2, 0, 0, 1, 2, 0, 1]


class Broken:
    """A source that gives up as a whole."""

    name, family, columns, labels = "broken", "model", ("text",), ()

    def fingerprint(self) -> str:
        return "broken"

    def vote(self, rows: Rows, space: LabelSpace) -> VoteColumn:
        raise OSError("the model file is gone")


def test_a_source_that_gives_up_as_a_whole_fails_on_every_row_and_alone() -> None:
    rows = Rows.of(pa.table({"text": ["a channel", "a song"]}))
    words = build("sources", "keywords", {"name": "words", "label": "SPAM", "any": ["channel"]})
    made = ask(rows, [Broken(), words], ["HAM", "SPAM"], max_failure_share=1)
    assert made.status.tolist() == [[Status.FAILED, Status.VOTED], [Status.FAILED, Status.ABSTAINED]]
    assert [(f.row_id, f.source, f.message) for f in made.failures] == [
        (row, "broken", "OSError: the model file is gone") for row in ("0", "1")
    ]


def test_failed_votes_are_kept_until_they_are_asked_for_again(tmp_path: Path) -> None:
    folder = project(tmp_path / "p", rules=FLAKY)
    first = run(folder)
    assert [(group["source"], group["rows"], group["examples"]) for group in first.report["failures"]] == [
        ("flaky", 2, ["r3", "r7"])
    ]
    asked(folder)
    (folder / "service_is_up").touch()
    assert run(folder).report == first.report
    assert asked(folder) == {}
    again = run(folder, retry_failed=True)
    assert asked(folder) == {"flaky": ["song number 3", "channel number 7"]}
    assert again.report["failures"] == []
    assert votes(again)[7]["flaky"] == "SPAM"
    assert run(folder).report == again.report


def test_a_failure_that_was_repaired_stays_repaired_at_any_partition_size(tmp_path: Path) -> None:
    folder = project(tmp_path / "p", rules=FLAKY)
    run(folder)
    (folder / "service_is_up").touch()
    edit(folder / "quorate.toml", "partition_rows = 4", "partition_rows = 100")
    run(folder, retry_failed=True)
    edit(folder / "quorate.toml", "partition_rows = 100", "partition_rows = 4")
    row = show(open_project(folder), "r7")
    assert (row["votes"], row["failures"]) == ({"flaky": "SPAM"}, [])


def test_past_a_share_of_failures_the_run_stops_and_keeps_what_it_has(tmp_path: Path) -> None:
    folder = project(tmp_path / "p", rules=FLAKY, toml=TOML + "max_failure_share = 0.1\n")
    with pytest.raises(TooManyFailures, match=r"'flaky' failed on 2 of 10 rows, more than the allowed 10%.*'r3'"):
        run(folder)
    assert len(asked(folder)["flaky"]) == 8
    edit(folder / "quorate.toml", "max_failure_share = 0.1", "max_failure_share = 0.2")
    run(folder)
    assert asked(folder) == {"flaky": ["channel number 8", "song number 9"]}


# ---- killed, and not alone ------------------------------------------------------------------------------------------

WAITS = (
    HEAD
    + """\
import os, time


@labeling_function(label="SPAM", time_limit_s=60)
def waits(text):
    tell("waits", text)
    if text == "channel number 5" and not os.path.exists(LOG.replace("rules.py.log", "go_on")):
        open(LOG.replace("rules.py.log", f"here.{os.getpid()}"), "w").close()
        while not os.path.exists(LOG.replace("rules.py.log", "go_on")):
            time.sleep(0.02)
    return "channel" in text
"""
)


@pytest.fixture
def start() -> Iterator[Callable[[Path], subprocess.Popen[str]]]:
    """Starts `quorate run` in processes of their own, which end with the test."""
    started: list[subprocess.Popen[str]] = []

    def run_beside(folder: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "quorate", "run", str(folder), "--json"]
        pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started.append(subprocess.Popen(command, text=True, encoding="utf-8", **pipes))
        return started[-1]

    yield run_beside
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def until_they_wait(folder: Path, *processes: subprocess.Popen[str]) -> None:
    """Until every process stands in the middle of its run."""
    while len(list(folder.glob("here.*"))) < len(processes):
        ended = [process.communicate() for process in processes if process.poll() is not None]
        assert not ended
        time.sleep(0.02)


def test_after_kill_9_the_finished_partitions_are_not_asked_again(
    tmp_path: Path, start: Callable[[Path], subprocess.Popen[str]]
) -> None:
    folder = project(tmp_path / "p", rules=WAITS)
    process = start(folder)
    until_they_wait(folder, process)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert asked(folder)["waits"] == [text for _, text, _ in ROWS[:6]]
    (folder / "go_on").touch()
    made = run(folder)
    assert asked(folder) == {"waits": [text for _, text, _ in ROWS[4:]]}
    assert [row["waits"] for row in votes(made)] == ["SPAM" if i % 3 else None for i in range(10)]
    assert parquet.read_table(made.folder / "labels.parquet").num_rows == 10


def test_two_processes_on_one_project_both_finish_with_the_same_outcome(
    tmp_path: Path, start: Callable[[Path], subprocess.Popen[str]]
) -> None:
    folder = project(tmp_path / "p", rules=WAITS)
    processes = [start(folder), start(folder)]
    until_they_wait(folder, *processes)
    (folder / "go_on").touch()
    (first, error), (second, other) = (process.communicate(timeout=60) for process in processes)
    assert [process.returncode for process in processes] == [0, 0], error + other
    assert first == second
    assert list((folder / ".quorate").rglob(".*.parquet.*")) == []
    asked(folder)
    assert quorate("run", folder, "--json").out == first
    assert asked(folder) == {}
