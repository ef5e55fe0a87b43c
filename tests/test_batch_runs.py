"""Batches against the loopback server: half the price, any order, expired ones, and a crash in between."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import model_projects
import pytest
from asked_rows import answer
from projects import needs

from quorate.loopback.batches import BatchHabits
from quorate.loopback.server import Asked, Fault, Loopback
from quorate.plan import plan
from quorate.project import open_project
from quorate.run import run

TEXTS = {str(i): f"comment no. {i:03}" + " on my channel" * (i % 2) for i in range(40)}
OPTIONS: dict[str, Any] = {"kind": "openai", "texts": TEXTS, "batch": "true", "poll_s": 0.05}


@pytest.fixture(autouse=True)
def _sdk() -> None:
    needs("openai")


def test_a_batch_brings_every_answer_home_at_half_the_price(tmp_path: Path) -> None:
    with Loopback({"model": answer}) as server:
        project = model_projects.opened(tmp_path / "p", server, **OPTIONS)
        told = plan(project)["sources"][0]
        assert told["is_batch"]
        report = run(project).report
        assert len(server.log) == len(TEXTS)
        given, made = server.tokens
    assert report["distribution"] == {"HAM": 20, "SPAM": 20, "undecided": 0}
    assert report["spend"]["usd"] == pytest.approx((given * 1.0 + made * 2.0) / 2e6)
    assert told["usd"]["low"] <= report["spend"]["usd"] <= told["usd"]["high"]


def test_an_expired_batch_gives_what_it_has_and_the_rest_is_asked_again_on_demand(tmp_path: Path) -> None:
    more = "[run]\nmax_failure_share = 1.0\n"
    with Loopback({"model": answer}, batches=BatchHabits(expire_after=25, lost=(3,))) as server:
        project = model_projects.opened(tmp_path / "p", server, more=more, **OPTIONS)
        report = run(project).report
        assert {group["reason"]: group["rows"] for group in report["failures"]} == {"expired": 15, "no_answer": 1}
        assert len(server.log) == 24
    with Loopback({"model": answer}) as server:
        (project.folder / "quorate.toml").unlink()
        again = model_projects.opened(tmp_path / "p", server, more=more, **OPTIONS)
        report = run(again, retry_failed=True).report
        assert len(server.log) == 40, "another server has another journal key"
    assert not report["failures"]


def test_a_line_that_is_refused_fails_its_row_alone(tmp_path: Path) -> None:
    def misbehave(asked: Asked) -> Fault | None:
        body = {"error": {"message": "too long", "code": "context_length_exceeded"}}
        return Fault(status=400, body=body) if "no. 007" in str(asked.body) else None

    with Loopback({"model": answer}, misbehave=misbehave) as server:
        report = run(model_projects.opened(tmp_path / "p", server, **OPTIONS)).report
    (group,) = report["failures"]
    assert (group["reason"], group["rows"], group["examples"]) == ("http_400", 1, ["7"])
    assert "too long" in group["message"]


def test_killed_while_a_batch_is_out_it_waits_for_the_same_batch(tmp_path: Path) -> None:
    with Loopback({"model": answer}, batches=BatchHabits(delay_s=2.0)) as server:
        folder = model_projects.write(tmp_path / "p", server, **OPTIONS)
        process = subprocess.Popen([sys.executable, "-m", "quorate", "run", str(folder)], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not server.batches and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert server.batches
        report = run(open_project(folder)).report
        assert len(server.batches) == 1
        assert len(server.log) == len(TEXTS)
    assert report["distribution"] == {"HAM": 20, "SPAM": 20, "undecided": 0}
    assert report["spend"]["attempts"] == len(TEXTS)


def test_batches_hold_no_more_lines_than_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quorate.asking.batches.MOST_LINES", 15)
    with Loopback({"model": answer}) as server:
        run(model_projects.opened(tmp_path / "p", server, **OPTIONS))
        assert [batch["request_counts"]["total"] for batch in server.batches] == [15, 15, 10]
