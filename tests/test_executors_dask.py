"""The executor `dask`: the outcome of this process, on workers that die, hang and share no folder with us."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
from projects import TOML, needs, quorate, write_project

from quorate import open_project
from quorate.errors import ClusterError
from quorate.executors.dask import Dask
from quorate.executors.local import Local
from quorate.registry import vendor
from quorate.values import Status


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two worker processes that somebody else started."""
    needs("distributed")
    distributed = vendor("distributed", "dask")
    folder = str(tmp_path_factory.mktemp("dask"))
    quiet: dict[str, Any] = {"dashboard_address": "127.0.0.1:0", "silence_logs": 50}
    with distributed.LocalCluster(2, threads_per_worker=1, host="127.0.0.1", local_directory=folder, **quiet) as made:
        yield made


@pytest.fixture(scope="module")
def dask(cluster: Any) -> Iterator[Dask]:
    executor = Dask(cluster.scheduler_address)
    yield executor
    executor.close()


def test_a_mixed_project_has_the_same_files_byte_for_byte(tmp_path: Path, dask: Dask) -> None:
    toml = MIXED.replace("partition_rows = 1000", "partition_rows = 300")
    folder = mixed_project(tmp_path / "mixed", toml, rows=2000)
    assert outcome(folder, dask) == outcome(folder)


def test_a_streamed_run_has_the_files_of_one_in_memory(tmp_path: Path, dask: Dask) -> None:
    folder = bundled(tmp_path)
    here = outcome(folder)
    toml = (folder / "quorate.toml").read_text(encoding="utf-8")
    (folder / "quorate.toml").write_text(toml + "\n[run]\nstream = true\npartition_rows = 100\n", encoding="utf-8")
    assert outcome(folder, dask) == here


def test_a_worker_killed_in_the_middle_changes_nothing(tmp_path: Path, dask: Dask, cluster: Any) -> None:
    here, there = (waiting_project(tmp_path / name / "p") for name in ("here", "there"))
    (here / "go_on").touch()
    workers = _workers(cluster)
    with killing(there, parent=True) as killed:
        project = open_project(there)
        votes = votes_of(project, dask)
    assert set(killed) <= workers
    assert killed
    assert said(votes) == said(votes_of(open_project(here), Local()))
    assert not votes.failures


def test_rules_travel_with_their_helpers_and_fail_as_they_do_here(tmp_path: Path, dask: Dask) -> None:
    project = read_then_gone(tmp_path / "p")
    votes = votes_of(project, dask)
    assert {failure.source for failure in votes.failures} == {"hangs", "raises"}
    assert said(votes) == said(votes_of(project, Local()))


def test_a_source_that_kills_its_process_fails_alone(tmp_path: Path, dask: Dask, cluster: Any) -> None:
    workers = _workers(cluster)
    votes = votes_of(open_project(write_project(tmp_path, rules=DEADLY)), dask)
    assert votes.status[:, 1].tolist() == [Status.ABSTAINED, Status.VOTED, Status.VOTED, Status.ABSTAINED]
    assert [(f.row_id, f.source, f.reason) for f in votes.failures] == [
        (row, "deadly", "worker_died") for row in ("c", "d")
    ]
    assert "exit code 7" in votes.failures[0].message
    assert workers <= _workers(cluster), "it died in a child of the worker"


def test_the_command_starts_a_cluster_and_leaves_nothing_running(tmp_path: Path) -> None:
    needs("distributed")
    folder = bundled(tmp_path)
    ended = quorate("run", folder, "--executor", "dask", "--workers", "2", "--json", MARK=str(tmp_path))
    assert ended.code == 0, ended.err
    assert left_running(str(tmp_path)) == []
    assert ended.err.count("\n") == ended.err.count("rows/s"), "nothing but the progress"
    made = files_of(folder)
    assert outcome(folder) == made
    assert quorate("run", folder, "--json").json == ended.json


def test_a_cluster_that_goes_away_in_the_middle_is_named() -> None:
    needs("distributed")
    options = {"threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0", "silence_logs": 50}
    with vendor("distributed", "dask").LocalCluster(1, **options) as passing:
        executor = Dask(passing.scheduler_address, timeout_s=2)
        results = executor.map(abs, range(20))
        assert next(results) == 0
    with pytest.raises(ClusterError, match=f"the Dask scheduler at {executor.address} is gone; .* run again"):
        list(results)
    executor.close()


def test_without_items_nothing_is_connected() -> None:
    assert list(Dask("tcp://10.0.0.1:1", timeout_s=0.1).map(str, [])) == []


def test_the_settings_name_the_cluster(tmp_path: Path) -> None:
    table = '\n[run]\nexecutor = { kind = "dask", address = "tcp://10.0.0.1:8786", timeout_s = 5 }\n'
    assert open_project(write_project(tmp_path, toml=TOML + table)).executor == Dask("tcp://10.0.0.1:8786", timeout_s=5)


def test_where_nothing_listens_the_message_names_the_address() -> None:
    needs("distributed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(ClusterError, match=f"no Dask scheduler answers at {address}"):
        list(Dask(address, timeout_s=0.5).map(str, range(3)))


def test_a_cluster_without_workers_is_not_waited_for_for_ever() -> None:
    needs("distributed")
    distributed = vendor("distributed", "dask")
    options = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    scheduler = {"cls": distributed.Scheduler, "options": options}
    with distributed.SpecCluster({}, scheduler=scheduler, silence_logs=50) as empty:
        executor = Dask(empty.scheduler_address, timeout_s=0.5)
        with pytest.raises(ClusterError, match=r"had no worker for 0\.5 s; start some with `dask worker tcp://"):
            list(executor.map(str, range(3)))


def _workers(cluster: Any) -> set[int]:
    """The process ids of Dask's workers."""
    distributed = vendor("distributed", "dask")
    with distributed.Client(cluster, set_as_default=False) as client:
        return set(client.run(os.getpid).values())
