"""Killed, or out of disk, in the middle: nothing that was durable is asked again, and the votes come out the same."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from asked_rows import answer

from quorate.asking.letters import letter
from quorate.loopback.server import Asked, Fault, Loopback

ROWS = 5_000
KILLS = 20
TOML = """\
[data]
path = "rows.csv"
id = "id"
text = "text"

[labels]
HAM = "honest"
SPAM = "advertising"

[endpoints.small]
kind = "http"
model = "model"
url = "{url}/classify"
request = {{ model = "{{{{ model }}}}", text = "{{{{ prompt }}}}", labels = "{{{{ choices }}}}" }}
usage = {{ input = "usage.input", output = "usage.output" }}
price = {{ input = 1.0, output = 2.0 }}

[[sources]]
kind = "prompt"
name = "small_model"
endpoint = "small"
"""


def misbehave(asked: Asked) -> Fault | None:
    """Three in a hundred rows meet a fault, by what is asked, so that every run meets the same ones."""
    dice = random.Random(asked.body["text"]).random()
    if dice < 0.005:
        return Fault(edit=lambda raw: {**raw, "label": "NO_SUCH", "scores": {}})
    if dice < 0.03 and asked.attempt == 0:
        return [Fault(status=500), Fault(drop="mid_body"), Fault(body=b"<html>")][int(dice * 1e4) % 3]
    return None


def project(folder: Path, url: str, rows: int = ROWS) -> Path:
    folder.mkdir()
    lines = [f"{i},{'my channel' if i % 3 else 'a song'} no. {i}" for i in range(rows)]
    (folder / "rows.csv").write_text("\n".join(["id,text", *lines, ""]))
    (folder / "quorate.toml").write_text(TOML.format(url=url))
    return folder


LIMITED = """
import resource, sys
most = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
from quorate.cli import main
main()
"""


def started(folder: Path, largest_file: int | None = None) -> subprocess.Popen[bytes]:
    """A run of the project; a largest file stands for a full disk."""
    limited = ["-c", LIMITED, str(largest_file)]
    how = ["-m", "quorate"] if largest_file is None else limited
    command = [sys.executable, *how, "run", str(folder), "--json"]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def durable(folder: Path) -> set[bytes]:
    """The keys of whole answers that are on the disk."""
    journal = folder / ".quorate" / "answers.sqlite"
    if not journal.exists():
        return set()
    with sqlite3.connect(journal) as rows:
        return {key for (key,) in rows.execute("SELECT key FROM attempts WHERE reason = ''")}


def votes(folder: Path) -> list[Any]:
    run = (folder / ".quorate" / "runs" / "latest").read_text().strip()
    table = pq.read_table(folder / ".quorate" / "runs" / run / "votes.parquet")
    return [table.column(name).to_pylist() for name in ("row_id", "small_model")]


def key_of(server: Loopback, asked: Asked) -> bytes:
    return letter("http", f"{server.url}/classify", asked.body).key


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The votes of a run that nothing interrupts."""
    with Loopback({"model": answer}, misbehave=misbehave) as server:
        folder = project(tmp_path_factory.mktemp("whole") / "project", server.url)
        process = started(folder)
        out, _ = process.communicate()
        assert process.returncode == 0, out.decode()
    return votes(folder)


def test_killed_twenty_times_it_asks_nothing_twice_that_was_durable(undisturbed: list[Any], tmp_path: Path) -> None:
    dice = random.Random(20)
    with Loopback({"model": answer}, misbehave=misbehave, latency_s=0.02) as server:
        folder = project(tmp_path / "project", server.url)
        kills = 0
        while kills < KILLS:
            before, kept = len(server.log), durable(folder)
            process = started(folder)
            stop = before + dice.randrange(20, 2 * (ROWS // KILLS) - 40)
            while len(server.log) < stop and process.poll() is None:
                time.sleep(0.001)
            assert process.poll() is None, "there is always something left to ask"
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills += 1
            again = {key_of(server, served.asked) for served in server.log[before:]} & kept
            assert not again, f"{len(again)} durable answers were asked for again"
        before, kept = len(server.log), durable(folder)
        process = started(folder)
        out, _ = process.communicate()
        assert process.returncode == 0, out.decode()
        assert not {key_of(server, served.asked) for served in server.log[before:]} & kept
    assert votes(folder) == undisturbed


def test_a_full_disk_stops_the_run_and_loses_nothing(undisturbed: list[Any], tmp_path: Path) -> None:
    with Loopback({"model": answer}, misbehave=misbehave) as server:
        folder = project(tmp_path / "project", server.url)
        process = started(folder, 1_500_000)
        out, _ = process.communicate()
        assert process.returncode == 5, out.decode()[-2000:]
        assert b"cannot be used" in out
        assert b"nothing more is asked" in out
        asked = len(server.log)
        assert asked < ROWS, "it stopped when the disk was full"
        kept = durable(folder)
        assert len(kept) > 100
        process = started(folder)
        out, _ = process.communicate()
        assert process.returncode == 0, out.decode()
        assert not {key_of(server, served.asked) for served in server.log[asked:]} & kept
    assert votes(folder) == undisturbed


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["interrupted", "terminated"])
def test_a_run_that_is_stopped_keeps_what_is_on_its_way(how: signal.Signals, tmp_path: Path) -> None:
    with Loopback({"model": answer}, latency_s=0.5) as server:
        folder = project(tmp_path / "project", server.url, 600)
        process = started(folder)
        while len(server.log) < 100:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(how)
        process.communicate(timeout=60)
        assert process.returncode != 0
        time.sleep(1.0)
        if how is signal.SIGINT:
            assert durable(folder) == {key_of(server, served.asked) for served in server.log}
        asked = len(server.log)
        kept = durable(folder)
        process = started(folder)
        process.communicate(timeout=120)
        assert not {key_of(server, served.asked) for served in server.log[asked:]} & kept


def test_two_processes_on_one_project_ask_everything_once(tmp_path: Path) -> None:
    with Loopback({"model": answer}, latency_s=0.01) as server:
        folder = project(tmp_path / "project", server.url)
        both = [started(folder), started(folder)]
        for process in both:
            out, _ = process.communicate()
            assert process.returncode == 0, out.decode()
        assert len(server.log) == ROWS
