"""The command line as people and scripts use it: what it prints where, what it writes, how it ends."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from projects import RULES, TOML, Ended, quorate, write_project
from pyarrow import csv, parquet
from typer.testing import CliRunner

from quorate.cli import app

VERBS = ("init", "check", "run", "show", "export")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ended, Ended]:
    """A project as `quorate init` writes it, and its first run with and without `--json`."""
    folder = tmp_path_factory.mktemp("demo") / "reviews"
    made = quorate("init", folder)
    assert (made.code, made.err) == (0, "")
    return folder, quorate("run", folder, "--json"), quorate("run", folder)


def inside(*arguments: object) -> Ended:
    """The command line in this process: quicker, and the same to all but the operating system."""
    screen = {"COLUMNS": "160", "NO_COLOR": "1"}
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], env=screen, catch_exceptions=False)
    return Ended(done.exit_code, done.stdout, done.stderr)


def object_on(ended: Ended) -> Any:
    """The one JSON object on standard output, which holds nothing else."""
    assert ended.out.count("\n") == 1
    return ended.json


# ---- help -----------------------------------------------------------------------------------------------------------


def test_help_teaches_the_way_and_names_every_verb_and_exit_code() -> None:
    said = inside("--help")
    assert said.code == 0
    assert "quorate init demo" in said.out
    for word in (*VERBS, "Exit codes", "0 done", "1 ", "2 ", "3 "):
        assert word in said.out


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb_says_what_it_takes(verb: str) -> None:
    said = inside(verb, "--help")
    assert said.code == 0
    assert "quorate.toml" in said.out
    assert "--json" in said.out


# ---- init and run ---------------------------------------------------------------------------------------------------


def test_what_init_writes_runs_and_labels(demo: tuple[Path, Ended, Ended]) -> None:
    _, as_json, as_text = demo
    assert (as_json.code, as_text.code) == (0, 0)
    found = object_on(as_json)
    assert found["schema"] == "quorate.run/1"
    for key in ("rows", "coverage", "sources", "failures", "label_model", "queue", "accuracy", "majority_accuracy"):
        assert key in found
    assert found["rows"] == 10
    assert found["accuracy"] >= found["majority_accuracy"] >= 0.9
    assert found["failures"] == []
    assert {entry["name"] for entry in found["sources"]} == {"kind_words", "long_wait", "complains", "by_stars"}
    for word in ("kind_words", "POSITIVE", "NEGATIVE", "report.html", "coverage", "review queue"):
        assert word in as_text.out


def test_what_init_writes_passes_its_checks(demo: tuple[Path, Ended, Ended]) -> None:
    assert inside("check", demo[0]).code == 0
    found = object_on(inside("check", demo[0], "--json"))
    assert (found["schema"], found["problems"], len(found["sources"])) == ("quorate.check/1", [], 4)


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "rules.py").write_text("# mine\n")
    refused = inside("init", tmp_path)
    assert refused.code == 2
    assert "rules.py: is already there; nothing was written" in refused.err
    assert [path.name for path in tmp_path.iterdir()] == ["rules.py"]
    assert (tmp_path / "rules.py").read_text() == "# mine\n"


def test_init_says_what_it_wrote_as_json(tmp_path: Path) -> None:
    found = object_on(inside("init", tmp_path / "a b", "--json"))
    assert found["schema"] == "quorate.init/1"
    assert all(Path(file).is_file() for file in found["files"])


def test_the_json_of_a_run_is_its_report_file(demo: tuple[Path, Ended, Ended]) -> None:
    folder, first, _ = demo
    found = object_on(first)
    made = folder / ".quorate" / "runs" / found["run"]
    assert json.loads((made / "report.json").read_text("utf-8")) == found
    assert object_on(inside("run", folder, "--json")) == found
    assert {path.name for path in made.iterdir()} == {
        *("manifest.json", "report.json", "report.html"),
        *("votes.parquet", "labels.parquet", "queue.parquet"),
    }


def test_a_run_writes_nothing_outside_its_state(demo: tuple[Path, Ended, Ended]) -> None:
    folder = demo[0]
    visible = {path.name for path in folder.iterdir()} - {"__pycache__"}
    assert visible == {"quorate.toml", "rules.py", "reviews.csv", ".quorate"}
    assert (folder / ".quorate" / ".gitignore").read_text() == "*\n"


def test_progress_goes_line_by_line_to_standard_error_when_there_is_no_terminal(tmp_path: Path) -> None:
    slow = "import time\n" + RULES.replace("    return", "    time.sleep(0.9)\n    return", 1)
    rows = "id,text\n" + "".join(f"r{i},my channel {i}\n" for i in range(7))
    folder = write_project(tmp_path, toml=TOML + "[run]\npartition_rows = 1\n", rules=slow, rows=rows)
    ended = quorate("run", folder, "--json")
    assert object_on(ended)["rows"] == 7
    line = ended.err.splitlines()[0]
    assert re.fullmatch(r"[1-7] of 7 rows, \d+ rows/s, \d+ s left", line)
    assert "\x1b" not in ended.err + ended.out


def test_sources_that_never_vote_still_make_a_report(tmp_path: Path) -> None:
    ended = inside("run", write_project(tmp_path, rows="id,text\na,nothing\nb,to see\n"), "--json")
    assert ended.code == 0, ended.err
    found = object_on(ended)
    assert (found["coverage"], found["distribution"]["undecided"]) == (0, 2)
    assert found["sources"][0]["accuracy"] is None
    assert "never voted: channel, song" in found["warnings"]


# ---- exit codes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["check", "run", "show", "export"])
@pytest.mark.parametrize("as_json", [True, False])
def test_a_folder_without_a_project_ends_with_2_and_says_how_to_make_one(
    verb: str, as_json: bool, tmp_path: Path
) -> None:
    arguments = [verb, tmp_path, *(["r1"] if verb == "show" else []), *(["--json"] if as_json else [])]
    ended = inside(*arguments)
    assert ended.code == 2
    if as_json:
        found = object_on(ended)
        assert (found["schema"], found["error"], len(found["problems"])) == ("quorate.error/1", "ProjectError", 1)
        assert "quorate init" in found["message"]
    else:
        assert ended.out == ""
        assert "there is no quorate.toml here" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("arguments", [["rum"], ["run"], ["run", ".", "--retry"], ["run", ".", "--workers", "0"]])
def test_a_command_that_is_wrong_ends_with_2(arguments: list[str]) -> None:
    ended = inside(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert "Traceback" not in ended.err


BROKEN = RULES.replace('label="SPAM"', 'label="SPAM", examples={"my channel": "SPAM", "a song": "SPAM", "x": None}')


def test_check_ends_with_1_and_says_which_example_does_not_hold(tmp_path: Path) -> None:
    ended = inside("check", write_project(tmp_path, rules=BROKEN))
    assert ended.code == 1
    assert "channel('a song') gave None, expected 'SPAM'" in ended.err
    assert "my channel" not in ended.err
    found = inside("check", tmp_path, "--json")
    assert found.code == 1
    assert object_on(found)["problems"] == ["channel('a song') gave None, expected 'SPAM'"]
    assert not (tmp_path / ".quorate").exists()


def test_too_many_failures_end_with_3_and_keep_the_first_traceback(tmp_path: Path) -> None:
    folder = write_project(tmp_path, rules=RULES.replace('"channel" in', "undefined in"))
    ended = quorate("run", folder)
    assert ended.code == 3
    assert "'channel' failed on 4 of 4 rows, more than the allowed 50%" in ended.err
    assert "NameError: name 'undefined' is not defined" in ended.err
    assert object_on(inside("run", folder, "--json"))["error"] == "TooManyFailures"


def test_failed_rows_are_grouped_at_the_end_and_asked_again_on_demand(tmp_path: Path) -> None:
    rules = "import os\n" + RULES.replace('"channel" in', 'os.stat(__file__ + ".key") and "channel" in', 1)
    folder = write_project(tmp_path, toml=TOML + "[run]\nmax_failure_share = 1\n", rules=rules)
    ended = inside("run", folder)
    assert ended.code == 0
    assert "channel: 4 row(s), raised: FileNotFoundError" in ended.out
    assert "(rows a, b, c, d)" in ended.out
    (folder / "rules.py.key").touch()
    assert object_on(inside("run", folder, "--retry-failed", "--json"))["failures"] == []


# ---- show -----------------------------------------------------------------------------------------------------------


def test_show_says_who_voted_what(demo: tuple[Path, Ended, Ended]) -> None:
    found = object_on(inside("show", demo[0], "r9", "--json"))
    assert found["schema"] == "quorate.row/1"
    assert found["votes"] == {"complains": "NEGATIVE", "by_stars": "POSITIVE", "kind_words": "POSITIVE"}
    assert found["abstained"] == ["long_wait"]
    assert found["failures"] == []
    assert found["cells"]["text"] == "Rude at first, lovely in the end"
    assert sum(found["probabilities"].values()) == pytest.approx(1)
    said = inside("show", demo[0], "r9").out
    for words in ("Rude at first", "NEGATIVE: complains", "POSITIVE: by_stars, kind_words", "abstained: long_wait"):
        assert words in said


def test_a_row_that_is_not_there_is_answered_with_the_nearest_id(demo: tuple[Path, Ended, Ended]) -> None:
    ended = inside("show", demo[0], "r11")
    assert ended.code == 2
    assert "there is no row 'r11' among 10" in ended.err
    assert "Did you mean 'r1'?" in ended.err or "Did you mean 'r10'?" in ended.err


# ---- export ---------------------------------------------------------------------------------------------------------


def exported(
    demo: tuple[Path, Ended, Ended], form: str, tmp_path: Path, *more: str
) -> tuple[dict[str, Any], list[Any]]:
    found = object_on(inside("export", demo[0], "--format", form, "--out", tmp_path, "--json", *more))
    (file,) = (Path(name) for name in found["files"])
    if form == "jsonl":
        return found, [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    return found, (csv.read_csv if form == "csv" else parquet.read_table)(file).to_pylist()


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_export_writes_every_labelled_row_in_each_format(
    form: str, demo: tuple[Path, Ended, Ended], tmp_path: Path
) -> None:
    found, rows = exported(demo, form, tmp_path)
    assert (found["schema"], found["format"], found["rows"]) == ("quorate.export/1", form, len(rows))
    assert found["rows"] + found["left_out"] == 10
    labels = {row["id"]: row["label"] for row in rows} if form == "jsonl" else {r["row_id"]: r["label"] for r in rows}
    assert {"r1": "POSITIVE", "r2": "NEGATIVE"}.items() <= labels.items()
    assert "r10" not in labels
    assert all(row["split"] in ("train", "valid", "test") and row["provenance"] == "votes" for row in rows)


def test_export_leaves_out_what_the_model_is_less_sure_of(demo: tuple[Path, Ended, Ended], tmp_path: Path) -> None:
    _, every = exported(demo, "jsonl", tmp_path)
    least = sorted(max(row["probabilities"].values()) for row in every)[3]
    _, sure = exported(demo, "jsonl", tmp_path, "--min-probability", str(least))
    assert [row["id"] for row in sure] == [row["id"] for row in every if max(row["probabilities"].values()) >= least]
    assert len(sure) < len(every)


def test_an_unknown_format_is_answered_with_those_there_are(demo: tuple[Path, Ended, Ended]) -> None:
    ended = inside("export", demo[0], "--format", "jsnl")
    assert ended.code == 2
    assert "'jsonl', 'label_studio', 'openai_chat', 'parquet'" in ended.err
    assert "Did you mean 'jsonl'?" in ended.err
