"""Rules and models together with no key: the demo, and what it says where it cannot run."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest
from projects import REPOSITORY, quorate, write_project

BUNDLED = REPOSITORY / "labeling_functions"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the project, at a port that is free."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    for name in ("youtube_spam", "youtube_spam_models"):
        shutil.copytree(BUNDLED / name, tmp_path / name, ignore=shutil.ignore_patterns(".quorate", "__pycache__"))
    folder = tmp_path / "youtube_spam_models"
    toml = folder / "quorate.toml"
    toml.write_text(toml.read_text().replace("8787", str(port)))
    return folder


def test_the_demo_labels_by_rules_and_models_and_a_second_one_pays_nothing(folder: Path) -> None:
    plan = quorate("plan", folder, "--json").json
    assert [source["rows_to_ask"] for source in plan["sources"]] == [1956, 1956]
    report = quorate("demo", folder, "--json").json
    families = [source["family"] for source in report["sources"]]
    assert (families.count("rule"), families.count("model")) == (14, 2)
    assert report["coverage"] == 1.0
    assert report["accuracy"] > report["majority_accuracy"] > 0.9
    assert plan["total"]["usd"]["low"] <= report["spend"]["usd"] <= plan["total"]["usd"]["high"]
    assert any("rules_vs_models" in row["reasons"] for row in report["queue"])
    again = quorate("run", folder, "--json").json
    assert again == report, "the server is gone, and nothing was left to ask"
    assert "everything is answered" in quorate("plan", folder).out


def test_a_port_that_is_taken_is_told(folder: Path) -> None:
    port = int((folder / "quorate.toml").read_text().partition("127.0.0.1:")[2].partition("/")[0])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        ended = quorate("demo", folder)
    assert ended.code == 2
    assert f"port {port} of 127.0.0.1 cannot be served" in ended.err


def test_a_project_that_asks_no_model_here_has_no_demo(tmp_path: Path) -> None:
    ended = quorate("demo", write_project(tmp_path / "p"))
    assert ended.code == 2
    assert "a demo answers at one port of 127.0.0.1" in ended.err
