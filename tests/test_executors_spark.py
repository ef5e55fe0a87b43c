"""The executor `spark`: the outcome of this process, in Python workers of Spark that die, hang and share no folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from clusters import (
    DEADLY,
    bundled,
    files_of,
    killing,
    left_running,
    outcome,
    read_then_gone,
    said,
    votes_of,
    waiting_project,
)
from mixed import MIXED, mixed_project
from projects import TOML, needs_spark, quorate, write_project

from quorate import open_project
from quorate.errors import ClusterError
from quorate.executors.local import Local
from quorate.executors.spark import Spark
from quorate.values import Status


@pytest.fixture(scope="module")
def spark() -> Iterator[Spark]:
    """Two cores of this machine, started by the first test that maps."""
    needs_spark()
    executor = Spark(workers=2)
    yield executor
    executor.close()


def test_a_mixed_project_has_the_same_files_byte_for_byte(tmp_path: Path, spark: Spark) -> None:
    toml = MIXED.replace("partition_rows = 1000", "partition_rows = 300")
    folder = mixed_project(tmp_path / "mixed", toml, rows=2000)
    assert outcome(folder, spark) == outcome(folder)


def test_a_streamed_run_has_the_files_of_one_in_memory(tmp_path: Path, spark: Spark) -> None:
    folder = bundled(tmp_path)
    here = outcome(folder)
    toml = (folder / "quorate.toml").read_text(encoding="utf-8")
    (folder / "quorate.toml").write_text(toml + "\n[run]\nstream = true\npartition_rows = 100\n", encoding="utf-8")
    assert outcome(folder, spark) == here


def test_a_worker_killed_in_the_middle_changes_nothing(tmp_path: Path, spark: Spark) -> None:
    here, there = (waiting_project(tmp_path / name / "p") for name in ("here", "there"))
    (here / "go_on").touch()
    with killing(there) as killed:
        votes = votes_of(open_project(there), spark)
    assert killed
    assert said(votes) == said(votes_of(open_project(here), Local()))
    assert not votes.failures


def test_rules_travel_with_their_helpers_and_fail_as_they_do_here(tmp_path: Path, spark: Spark) -> None:
    project = read_then_gone(tmp_path / "p")
    votes = votes_of(project, spark)
    assert {failure.source for failure in votes.failures} == {"hangs", "raises"}
    assert said(votes) == said(votes_of(project, Local()))


def test_a_source_that_kills_its_process_fails_alone(tmp_path: Path, spark: Spark) -> None:
    votes = votes_of(open_project(write_project(tmp_path, rules=DEADLY)), spark)
    assert votes.status[:, 1].tolist() == [Status.ABSTAINED, Status.VOTED, Status.VOTED, Status.ABSTAINED]
    assert [(f.row_id, f.source, f.reason) for f in votes.failures] == [
        (row, "deadly", "worker_died") for row in ("c", "d")
    ]
    assert "(Python worker exited unexpectedly (crashed).)" in votes.failures[0].message


def test_a_context_that_is_there_is_used_and_another_master_is_refused(spark: Spark) -> None:
    assert list(Spark(workers=1).map(abs, range(-3, 0))) == [3, 2, 1]
    with pytest.raises(
        ClusterError, match=r"a Spark context at local\[2,2\].*leave out the address spark://there:7077"
    ):
        list(Spark("spark://there:7077").map(abs, range(3)))


def test_the_command_starts_spark_and_leaves_nothing_running(tmp_path: Path) -> None:
    needs_spark()
    folder = bundled(tmp_path)
    ended = quorate("run", folder, "--executor", "spark", "--workers", "2", "--json", MARK=str(tmp_path))
    assert ended.code == 0, ended.err
    assert left_running(str(tmp_path)) == []
    assert ended.err.count("\n") == ended.err.count("rows/s"), "nothing but the progress"
    made = files_of(folder)
    assert outcome(folder) == made
    assert quorate("run", folder, "--json").json == ended.json


def test_without_java_the_message_says_what_is_missing(tmp_path: Path) -> None:
    needs_spark()
    ended = quorate("run", write_project(tmp_path), "--executor", "spark", JAVA_HOME=str(tmp_path / "no_java"))
    assert ended.code == 2
    assert "Spark did not start" in ended.err
    assert "no_java" in ended.err
    assert "Java 17" in ended.err
    assert "Traceback" not in ended.err


def test_without_items_nothing_is_started() -> None:
    assert list(Spark("spark://10.0.0.1:1", timeout_s=0.1).map(str, [])) == []


def test_the_settings_name_the_cluster(tmp_path: Path) -> None:
    table = '\n[run]\nworkers = 3\nexecutor = { kind = "spark", conf = { "spark.executor.memory" = "4g" } }\n'
    project = open_project(write_project(tmp_path, toml=TOML + table))
    assert project.executor == Spark(workers=3, conf={"spark.executor.memory": "4g"})
