"""Every example runs: the README's, CONTRIBUTING's plug-ins, and those in docstrings."""

from __future__ import annotations

import doctest
import re
import shutil
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from projects import REPOSITORY, needs, needs_spark, quorate

from quorate import open_project
from quorate.executors.dask import Dask
from quorate.fuse import fuse
from quorate.protocols import EXAMPLE_SPACE, example_rows
from quorate.run import run as run_project
from quorate.tables import read_table
from quorate.values import Votes

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
FUSING = (REPOSITORY / "docs" / "fusing.md").read_text(encoding="utf-8")
CONTRIBUTING = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """The fenced code blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def run(code: str, names: dict[str, Any]) -> None:
    """Runs an example as a file of its own would run."""
    exec(compile(code, "example", "exec", dont_inherit=True), names)


def contributed() -> dict[str, Any]:
    """The plug-in classes of CONTRIBUTING.md by name, defined as their files would define them."""
    found = {}
    for block in blocks(CONTRIBUTING, "python"):
        names: dict[str, Any] = {"__name__": "contributed"}
        run(block, names)
        found[names["plugin"].__name__] = names["plugin"]
    return found


def test_the_notebook_example_of_the_readme_labels_its_frame() -> None:
    notebook = next(block for block in blocks(README, "python") if "import pandas" in block)
    names: dict[str, Any] = {}
    run(notebook, names)
    assert names["labels"].names == ["SPAM", "HAM", None]
    assert names["queue"].ids[0].as_py() == "2"


def test_the_example_of_the_comparison_compares() -> None:
    names: dict[str, Any] = {}
    run(blocks((REPOSITORY / "docs" / "compare.md").read_text(encoding="utf-8"), "python")[0], names)
    assert names["found"].verdict.startswith("large labels better than small")
    assert len(names["queue"]) == 20


def test_the_example_of_errors_finds_the_wrong_label() -> None:
    names: dict[str, Any] = {}
    run(blocks((REPOSITORY / "docs" / "errors.md").read_text(encoding="utf-8"), "python")[0], names)
    found = names["found"]
    assert found.queue.ids.to_pylist() == ["7"]
    assert found.report["suspects"][0]["suggested"] == "FOOD"


def test_the_settings_and_rules_of_the_readme_make_a_project_that_runs(tmp_path: Path) -> None:
    rules = next(block for block in blocks(README, "python") if "def complains" in block)
    (tmp_path / "quorate.toml").write_text(blocks(README, "toml")[0], encoding="utf-8")
    (tmp_path / "rules.py").write_text(rules, encoding="utf-8")
    (tmp_path / "reviews.csv").write_text("id,text,stars\na,The waiter was rude,1\nb,delicious,5\n", encoding="utf-8")
    assert quorate("check", tmp_path).code == 0
    assert quorate("run", tmp_path, "--json").json["distribution"] == {"POSITIVE": 1, "NEGATIVE": 1, "undecided": 0}


def test_the_commands_of_the_readme_run_on_the_project_that_init_writes(tmp_path: Path) -> None:
    commands = next(block for block in blocks(README, "console") if "quorate init" in block)
    for line in commands.splitlines():
        words = line.partition("#")[0].split()
        ended = quorate(*words[1:], cwd=tmp_path)
        assert ended.code == 0, f"{line}: {ended.err}"


def test_the_examples_of_fusing_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, Any] = {}
    monkeypatch.chdir(tmp_path)
    for block in blocks(FUSING, "python"):
        run(block, names)
    assert names["labels"].names[4] is None
    assert names["reasons"].label == "SPAM"
    assert names["fresh"].names[2] == "SPAM"


def test_the_commands_of_fusing_run_on_the_project_that_init_writes(tmp_path: Path) -> None:
    assert quorate("init", tmp_path / "demo").code == 0
    for line in blocks(FUSING, "console")[0].splitlines():
        ended = quorate(*line.partition("#")[0].split()[1:], cwd=tmp_path)
        assert ended.code == 0, f"{line}: {ended.err}"


def test_the_commands_and_the_example_of_next_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (REPOSITORY / "docs" / "next.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert quorate("init", tmp_path / "demo").code == 0
    for line in blocks(text, "console")[0].splitlines():
        ended = quorate(*line.partition("#")[0].split()[1:], cwd=tmp_path)
        assert ended.code == 0, f"{line}: {ended.err}"
    names: dict[str, Any] = {}
    run(blocks(text, "python")[0], names)
    assert names["step"].basis


def test_the_commands_of_training_run_on_the_project_that_init_writes(tmp_path: Path) -> None:
    training = (REPOSITORY / "docs" / "train.md").read_text(encoding="utf-8")
    assert quorate("init", tmp_path / "demo").code == 0
    for line in blocks(training, "console")[0].splitlines():
        ended = quorate(*line.partition("#")[0].split()[1:], cwd=tmp_path)
        assert ended.code == 0, f"{line}: {ended.err}"
    toml = tmp_path / "demo" / "quorate.toml"
    toml.write_text(toml.read_text("utf-8") + "\n" + blocks(training, "toml")[0], "utf-8")
    assert quorate("run", "demo", cwd=tmp_path).code == 0


def test_the_commands_and_settings_of_executors_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("distributed")
    needs_spark()
    text = (REPOSITORY / "docs" / "executors.md").read_text(encoding="utf-8")
    assert quorate("init", tmp_path / "demo").code == 0
    for line in blocks(text, "console")[0].splitlines():
        shutil.rmtree(tmp_path / "demo" / ".quorate", ignore_errors=True)
        ended = quorate(*line.partition("#")[0].split()[1:], cwd=tmp_path)
        assert ended.code == 0, f"{line}: {ended.err}"
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    run(blocks(text, "python")[0], names)
    assert names["made"].report["rows"]
    toml = tmp_path / "demo" / "quorate.toml"
    toml.write_text(toml.read_text("utf-8") + "\n" + blocks(text, "toml")[0], "utf-8")
    assert open_project(tmp_path / "demo").executor == Dask("tcp://10.0.0.7:8786", timeout_s=120)


def test_the_settings_and_examples_of_data_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("deltalake")
    from deltalake import write_deltalake

    text = (REPOSITORY / "docs" / "data.md").read_text(encoding="utf-8")
    assert quorate("init", tmp_path / "demo").code == 0
    write_deltalake(tmp_path / "demo" / "lake" / "reviews", read_table(tmp_path / "demo" / "reviews.csv", ["id"]))
    monkeypatch.chdir(tmp_path)
    toml = tmp_path / "demo" / "quorate.toml"
    whole = toml.read_text("utf-8")
    data = re.compile(r"\[data\]\n.*?\n\n", re.DOTALL)
    for block in blocks(text, "toml"):
        toml.write_text(data.sub(block + "\n", whole), "utf-8")
        names: dict[str, Any] = {"made": run_project(open_project("demo"))}
        assert names["made"].report["rows"] == read_table("demo/reviews.csv").num_rows
    for block in blocks(text, "python"):
        run(block, names)
    assert names["labels"].num_rows == names["made"].report["rows"]
    assert [piece.read() for piece in names["pieces"]] == [names["table"]]


def test_the_source_of_contributing_votes() -> None:
    plugin = contributed()["LongText"]
    votes = plugin.example().vote(example_rows(), EXAMPLE_SPACE)
    assert votes.labels.tolist() == [1, 1, 1, -1, -1, 1]


def test_the_label_model_of_contributing_fuses() -> None:
    plugin = contributed()["FirstVote"]
    labels = fuse(Votes.of([[-1, 1], [0, 1], [-1, -1]], ["HAM", "SPAM"]), plugin.example())
    assert labels.names == ["SPAM", "HAM", None]


def test_the_signal_of_contributing_finds_rows_with_one_vote() -> None:
    votes = Votes.of([[-1, 1], [0, 1]], ["HAM", "SPAM"])
    assert contributed()["FewVotes"].example().score(votes, fuse(votes)).tolist() == [1.0, 0.0]


def test_the_exporter_of_contributing_writes_ids_and_labels(tmp_path: Path) -> None:
    from quorate.assemble import assemble

    rows = example_rows()
    votes = Votes.of([[1], [0], [1], [-1], [-1], [0]], EXAMPLE_SPACE, ids=rows.ids.to_pylist())
    files = contributed()["Names"].example().write(assemble(rows, fuse(votes)), tmp_path)
    assert files[0].read_text(encoding="utf-8").splitlines()[:2] == ["a\tSPAM", "b\tHAM"]


@pytest.mark.parametrize("name", ["quorate.sources.labeling_function"])
def test_docstring_examples_hold(name: str) -> None:
    module: ModuleType = import_module(name)
    results = doctest.testmod(module, extraglobs={"labeling_function": getattr(module, "labeling_function", None)})
    assert results.attempted
    assert not results.failed


def test_every_module_with_a_docstring_example_is_tested() -> None:
    sources = (REPOSITORY / "src" / "quorate").rglob("*.py")
    with_examples = {path.stem for path in sources if ">>> " in path.read_text(encoding="utf-8")}
    assert with_examples == {"labeling_function"}
