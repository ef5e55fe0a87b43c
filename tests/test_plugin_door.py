"""Strangers come in by the same door as the built-ins: a package with entry points, found by a new Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from projects import REPOSITORY, RULES, TOML, quorate, write_project

from quorate import Labels, Votes, fuse, rank

THIRD_PARTY = Path(__file__).parent / "third_party"
PLUGINS = {"sources": "shouting", "label_models": "weighted_vote", "signals": "alone", "exporters": "tsv"}

ACME_TOML = f"""\
{TOML}
[[sources]]
kind = "shouting"
name = "loud"
label = "SPAM"
share = 0.9

[label_model]
kind = "weighted_vote"
weights = {{ loud = 3.0 }}

[queue]
signals = ["alone", "conflict"]
"""
ACME_ROWS = "id,text\na,check out my channel\nb,lovely song\nc,MY SONG IS LOUD\nd,SHOUTING song\n"


def _with(folder: Path) -> str:
    """The PYTHONPATH on which a folder's packages are found too."""
    return os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rules = RULES.replace('"song" in (text or "")', '"song" in (text or "").lower()')
    return write_project(tmp_path_factory.mktemp("acme"), toml=ACME_TOML, rules=rules, rows=ACME_ROWS)


@pytest.fixture(scope="module")
def report(project: Path) -> Any:
    ended = quorate("run", project, "--json", PYTHONPATH=_with(THIRD_PARTY))
    assert ended.code == 0, ended.err
    return ended.json


def test_a_strangers_source_votes_with_its_options_from_the_toml(report: Any) -> None:
    by_id = {entry["id"]: entry for entry in report["queue"]}
    assert by_id["c"]["votes"] == {"song": "HAM", "loud": "SPAM"}
    assert by_id["d"]["votes"] == {"song": "HAM"}


def test_a_strangers_label_model_fuses_with_its_options_from_the_toml(report: Any) -> None:
    by_id = {entry["id"]: entry for entry in report["queue"]}
    assert report["label_model"]["name"] == "weighted_vote"
    assert by_id["c"]["probabilities"]["SPAM"] == pytest.approx(0.75, abs=1e-6)


def test_a_strangers_signal_ranks(report: Any) -> None:
    reasons = {entry["id"]: entry["reasons"] for entry in report["queue"]}
    assert reasons["a"] == {"alone": 1.0, "conflict": 0.0}
    assert reasons["c"] == {"alone": 0.0, "conflict": 1.0}


def test_a_strangers_exporter_writes(project: Path, tmp_path: Path) -> None:
    ended = quorate("export", project, "--format", "tsv", "--out", tmp_path, "--json", PYTHONPATH=_with(THIRD_PARTY))
    (written,) = map(Path, ended.json["files"])
    header, *lines = written.read_text(encoding="utf-8").splitlines()
    assert header == "row_id\tlabel\tHAM\tSPAM"
    assert [line.split("\t")[:2] for line in lines] == [["a", "SPAM"], ["b", "HAM"], ["c", "SPAM"], ["d", "HAM"]]


BY_NAME = """
import json
import quorate
from quorate.protocols import example_rows
from quorate.registry import KINDS, build, names
spam = build("sources", "shouting", {"name": "loud", "label": "SPAM", "share": 0.1})
votes = quorate.apply(example_rows(), [spam], ["HAM", "SPAM"])
labels = quorate.fuse(votes, "weighted_vote")
queue = quorate.rank(votes, labels, ["alone"])
everything = quorate.rank(votes, labels)
print(json.dumps({
    "names": {kind: names(kind) for kind in KINDS},
    "labels": labels.names,
    "queue": list(queue.reasons),
    "every signal": list(everything.reasons),
}))
"""


@pytest.fixture(scope="module")
def by_name() -> Any:
    done = subprocess.run(
        [sys.executable, "-c", BY_NAME],
        env=os.environ | {"PYTHONPATH": _with(THIRD_PARTY)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize(("kind", "name"), PLUGINS.items())
def test_the_registry_lists_strangers_among_the_built_ins(by_name: Any, kind: str, name: str) -> None:
    assert name in by_name["names"][kind]
    assert by_name["names"][kind] == sorted(by_name["names"][kind])
    assert len(by_name["names"][kind]) > 1


def test_a_strangers_plugins_work_by_name_in_python(by_name: Any) -> None:
    assert by_name["labels"] == [None, None, None, None, None, "SPAM"]
    assert by_name["queue"] == ["alone"]
    assert "alone" in by_name["every signal"]


def test_the_contract_tests_run_over_strangers_too() -> None:
    # One law of each kind: that they run over the newcomers at all is the point here.
    laws = "its_example_is_one_of_its_own or probabilities_sum_to_one or example_votes_on_some_rows"
    chosen = f"({' or '.join(PLUGINS.values())}) and ({laws})"
    files = sorted(Path(__file__).parent.glob("test_contracts*.py"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *files, "-k", chosen, "-p", "no:cacheprovider", "-rA"],
        env=os.environ | {"PYTHONPATH": _with(THIRD_PARTY)},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert all(f"[{name}" in done.stdout for name in PLUGINS.values())


def test_a_misspelt_option_of_a_stranger_is_named_with_the_nearest(project: Path, tmp_path: Path) -> None:
    folder = write_project(tmp_path / "p", toml=ACME_TOML.replace("weights =", "wieghts ="), rows=ACME_ROWS)
    ended = quorate("check", folder, PYTHONPATH=_with(THIRD_PARTY))
    assert ended.code == 2
    assert "wieghts" in ended.err
    assert "Did you mean 'weights'?" in ended.err


def test_without_the_package_its_plugins_are_unknown_by_name(tmp_path: Path) -> None:
    ended = quorate("check", write_project(tmp_path / "p", toml=ACME_TOML, rows=ACME_ROWS))
    assert ended.code == 2
    assert "no label model is called 'weighted_vote'" in ended.err
    assert "no signal is called 'alone'" in ended.err
    assert "no source is called 'shouting'" in ended.err


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("nowhere_at_all:Model", "nowhere_at_all"),
        ("broken_plugin:Missing", "Missing"),
        ("broken_plugin:Plain", "dataclass"),
    ],
    ids=["its module is absent", "its class is absent", "its class is no dataclass"],
)
def test_a_broken_plugin_is_named_with_its_package(tmp_path: Path, target: str, says: str) -> None:
    info = tmp_path / "installed" / "acme_broken-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[quorate.label_models]\nbroken = {target}\n")
    (info.parent / "broken_plugin.py").write_text("class Plain:\n    pass\n")
    folder = write_project(tmp_path / "p", toml=TOML + '[label_model]\nkind = "broken"\n')
    ended = quorate("check", folder, PYTHONPATH=_with(info.parent))
    assert "Traceback" not in ended.err
    assert ended.code == 2
    assert "acme-broken" in ended.err
    assert "'broken'" in ended.err
    assert says in ended.err


@dataclass(frozen=True)
class Never:
    def score(self, votes: Votes, labels: Labels) -> NDArray[np.float32]:
        return np.zeros(len(votes), np.float32)


@dataclass(frozen=True)
class Always:
    def score(self, votes: Votes, labels: Labels) -> NDArray[np.float32]:
        return np.ones(len(votes), np.float32)


def test_two_signals_written_in_one_file_are_two_reasons() -> None:
    votes = Votes.of([[0], [1]], ["HAM", "SPAM"])
    queue = rank(votes, fuse(votes, "majority"), [Always(), Never()])
    assert len(queue.reasons) == 2
    assert queue.score.tolist() == [0.5, 0.5]
