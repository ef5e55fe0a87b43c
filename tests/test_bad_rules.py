"""Rules as they should not be: a module that cannot be used is refused, a function that fails costs its own votes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from projects import TOML, write_project
from typer.testing import CliRunner

from quorate.apply import apply
from quorate.cli import app
from quorate.project import open_project, with_workers
from quorate.run import compute
from quorate.values import Failure, Votes

HEAD = "import os, re, time\nfrom quorate import labeling_function\n\n"
SONG = '\n@labeling_function(label="HAM")\ndef song(text):\n    return "song" in text\n'
SPAM = '@labeling_function(label="SPAM")\n'
# Rows b and c hold a song; only row a says "check".
SONG_VOTES = [-1, 0, 0, -1]


@dataclass(frozen=True)
class Refused:
    """A rules.py that is not taken, and what the message must hold."""

    rules: str
    said: list[str]
    toml: str = TOML
    files: dict[str, str] = field(default_factory=dict)


BROKEN = {
    "a syntax error": Refused(HEAD + "def f(:\n    pass\n", ["SyntaxError", 'rules.py", line 4']),
    "a wrong indent": Refused("def f():\nreturn 1\n", ["IndentationError", 'rules.py", line 2']),
    "a package that is not there": Refused("\nimport nowhere\n", ["No module named 'nowhere'", 'rules.py", line 2']),
    "a name that is not there": Refused(
        "from quorate import labelling_function\n", ["ImportError", "labelling_function", 'rules.py", line 1']
    ),
    "an exception at import": Refused(
        "def load():\n    raise ValueError('no key')\n\nload()\n",
        ["ValueError: no key", 'rules.py", line 4', 'rules.py", line 2'],
    ),
    "an exit at import": Refused("raise SystemExit('bye')\n", ["SystemExit: bye", 'rules.py", line 1']),
    "a module beside it that fails": Refused(
        "import words\n",
        ["SyntaxError", 'rules.py", line 1', 'words.py", line 2'],
        files={"words_py": "LIST = [\n    1 2\n]\n"},
    ),
    "no labeling function": Refused("def f(text):\n    return True\n", ["no labeling function", "@labeling_function"]),
    "an empty module": Refused("", ["no labeling function", "@labeling_function"]),
    "a misspelled file": Refused(
        HEAD + SONG, ["quorate.toml:1", "rule.py", "Did you mean 'rules.py'?"], TOML.replace("rules.py", "rule.py")
    ),
    "a file that is not Python": Refused(
        HEAD + SONG, ["quorate.toml:1", "rows.csv", ".py"], TOML.replace("rules.py", "rows.csv")
    ),
    "one name defined twice": Refused(
        HEAD + SPAM + "def f(text):\n    return True\n\n" + SPAM + "def f(text):\n    return False\n", ["two", "'f'"]
    ),
    "one name given twice": Refused(
        HEAD + SONG + '@labeling_function(label="SPAM", name="song")\ndef f(text):\n    return True\n',
        ["two", "'song'"],
    ),
    "one name in two files": Refused(
        HEAD + SONG,
        ["two", "'song'"],
        TOML.replace('["rules.py"]', '["rules.py", "more.py"]'),
        {"more_py": HEAD + SONG},
    ),
    "a label that is not declared": Refused(
        HEAD + SPAM.replace("SPAM", "SPAMM") + "def f(text):\n    return True\n",
        ["'f'", "'SPAMM'", "'HAM', 'SPAM'", "Did you mean 'SPAM'?"],
    ),
    "a label without its keyword": Refused(
        HEAD + '@labeling_function("SPAM")\ndef f(text):\n    return True\n', ['label="SPAM"', 'rules.py", line 4']
    ),
    "an option that is not there": Refused(
        HEAD + '@labeling_function(lable="SPAM")\ndef f(text):\n    return True\n', ["'lable'", 'rules.py", line 4']
    ),
    "a time limit of nothing": Refused(
        HEAD + "@labeling_function(time_limit_s=0)\ndef f(text):\n    return None\n", ["time_limit_s", "0"]
    ),
    "a column that is not there": Refused(
        HEAD + SPAM + "def f(txt):\n    return True\n",
        ["'f'", "'txt'", "'id', 'text', 'stars'", "Did you mean 'text'?"],
    ),
    "no column at all": Refused(HEAD + SPAM + "def f():\n    return True\n", ["'f'", "no column"]),
    "columns without names": Refused(HEAD + SPAM + "def f(*cells):\n    return True\n", ["'f'", "'cells'"]),
}

# What f returns on row a, and what its failure must say.
WRONG_ANSWERS = {
    "a misspelled label": ('"SPAMM"', ["'SPAMM'", "'HAM', 'SPAM'", "Did you mean 'SPAM'?"]),
    "an empty label": ('""', ["''", "'HAM', 'SPAM'"]),
    "a number": ("3", ["3", "int", "label name"]),
    "a class number": ("1", ["1", "int", "label name"]),
    "True without a label": ("True", ["True", "label="]),
    "a match without a label": ('re.match("c", "c")', ["re.Match", "label="]),
    "a list": ('["SPAM"]', ["['SPAM']", "list", "label name"]),
    "NaN": ('float("nan")', ["nan", "float", "label name"]),
    "a mapping with a key that is no name": ("{3: 0.5}", ["3", "label names"]),
    "a mapping with a misspelled label": ('{"SPAMM": 0.5}', ["'SPAMM'", "Did you mean 'SPAM'?"]),
    "a probability over 1": ('{"SPAM": 1.5}', ["1.5", "'SPAM'", "between 0 and 1"]),
    "a probability below 0": ('{"SPAM": -0.5}', ["-0.5", "'SPAM'", "between 0 and 1"]),
    "a probability that is no number": ('{"SPAM": "high"}', ["'high'", "'SPAM'", "between 0 and 1"]),
    "probabilities over 1 together": ('{"SPAM": 0.9, "HAM": 0.9}', ["1.8"]),
    "an empty mapping": ("{}", ["0"]),
    "one label twice in a mapping": ('{"SPAM": 0.5, "spam": 0.4}', ["'SPAM'", "twice"]),
}

# What f does on row a.
HANGS = {
    "a loop": "while True:\n            pass",
    "a regex that backtracks": 're.match(r"(a+)+$", "a" * 40 + "b")',
    "a sleep": "time.sleep(600)",
    "an except in the loop": (
        "while True:\n            try:\n                time.sleep(0.01)\n            except Exception:\n"
        "                pass"
    ),
}


def when_checking(body: str, decorator: str = SPAM) -> str:
    """A rules.py whose f does this where the text says "check" and votes SPAM elsewhere; and the song function."""
    return f'{HEAD}{decorator}def f(text):\n    if "check" in text:\n        {body}\n    return "SPAM"\n{SONG}'


def votes_of(folder: Path, workers: int = 1) -> Votes:
    """The votes of a project, two rows at a time, however many fail."""
    project = with_workers(open_project(folder), workers)
    rows, where = project.read().rows, project.executor
    return apply(rows, project.sources, project.space, executor=where, partition_rows=2, max_failure_share=1.0)


@pytest.mark.parametrize("bad", BROKEN.values(), ids=BROKEN)
def test_rules_that_cannot_be_used_are_refused_before_anything_runs(bad: Refused, tmp_path: Path) -> None:
    folder = write_project(tmp_path, rules=bad.rules, toml=bad.toml, **bad.files)

    ended = CliRunner().invoke(app, ["check", str(folder), "--json"])

    assert (ended.exit_code, ended.stderr) == (2, "")
    error = json.loads(ended.stdout)
    assert error["schema"] == "quorate.error/1"
    [problem] = error["problems"]
    assert [part for part in bad.said if part not in problem] == []
    assert "importlib" not in problem
    assert 'quorate/rules.py"' not in problem


def test_an_example_for_a_label_that_is_not_there_does_not_hold(tmp_path: Path) -> None:
    rules = HEAD + '@labeling_function(label="SPAM", examples={"x": "SPAMM"})\ndef f(text):\n    return True\n'

    ended = CliRunner().invoke(app, ["check", str(write_project(tmp_path, rules=rules)), "--json"])

    assert ended.exit_code == 1
    [problem] = json.loads(ended.stdout)["problems"]
    assert [part for part in ("f", "example", "'SPAMM'", "Did you mean 'SPAM'?") if part not in problem] == []


@pytest.mark.parametrize(("answer", "said"), WRONG_ANSWERS.values(), ids=WRONG_ANSWERS)
def test_an_answer_that_means_nothing_fails_on_its_row_and_says_what_to_return(
    answer: str, said: list[str], tmp_path: Path
) -> None:
    rules = when_checking(f"return {answer}", "@labeling_function()\n")

    votes = votes_of(write_project(tmp_path, rules=rules))

    assert votes.matrix.T.tolist() == [[-1, 1, 1, 1], SONG_VOTES]
    [failure] = votes.failures
    assert (failure.source, failure.row_id, failure.reason) == ("f", "a", "bad_label")
    assert [part for part in said if part not in failure.message] == []


def test_an_answer_beside_the_declared_label_fails(tmp_path: Path) -> None:
    votes = votes_of(write_project(tmp_path, rules=when_checking('return "HAM"')))

    [failure] = votes.failures
    assert [part for part in ("'HAM'", "'SPAM'") if part not in failure.message] == []


@pytest.mark.parametrize("answer", ["[True]", "True", '"SPAM"[:2]', "text.nothing()"])
def test_a_batch_function_that_fails_does_so_on_every_row(answer: str, tmp_path: Path) -> None:
    rules = f'{HEAD}@labeling_function(label="SPAM", batch=True)\ndef f(text):\n    return {answer}\n{SONG}'

    votes = votes_of(write_project(tmp_path, rules=rules))

    assert votes.matrix.T.tolist() == [[-1] * 4, SONG_VOTES]
    assert [failure.row_id for failure in votes.failures] == ["a", "b", "c", "d"]
    assert all("batch" in f.message or re.search(r'rules\.py", line 6', f.traceback) for f in votes.failures)


@pytest.mark.parametrize("error", ["KeyError('k')", "RecursionError()", "SystemExit(0)"])
def test_a_function_that_raises_on_a_row_fails_there_and_the_run_goes_on(error: str, tmp_path: Path) -> None:
    votes = votes_of(write_project(tmp_path, rules=when_checking(f"raise {error}")))

    assert votes.matrix.T.tolist() == [[-1, 1, 1, 1], SONG_VOTES]
    [failure] = votes.failures
    assert (failure.source, failure.row_id, failure.reason) == ("f", "a", "raised")
    assert re.match(r"\w+", error)[0] in failure.message  # type: ignore[index]
    assert re.search(r'rules\.py", line 7, in f', failure.traceback)
    assert "quorate/sources" not in failure.traceback


def test_failures_are_in_the_report_and_in_show(tmp_path: Path) -> None:
    folder = write_project(tmp_path, rules=when_checking("return {}[text]"))

    ran = CliRunner().invoke(app, ["run", str(folder), "--json"])
    shown = CliRunner().invoke(app, ["show", str(folder), "a"], env={"COLUMNS": "200"})

    assert (ran.exit_code, shown.exit_code) == (0, 0)
    [group] = json.loads(ran.stdout)["failures"]
    assert (group["source"], group["rows"], group["examples"]) == ("f", 1, ["a"])
    for text in (group["message"] + group["traceback"], shown.stdout):
        assert "KeyError" in text
        assert re.search(r'rules\.py", line 7', text)


def test_a_row_without_a_column_names_the_columns_there_are(tmp_path: Path) -> None:
    rules = HEAD + "@labeling_function()\ndef f(row):\n    return row.txt\n" + SONG

    votes = votes_of(write_project(tmp_path, rules=rules))

    assert [part for part in ("'txt'", "Did you mean 'text'?") if part not in votes.failures[0].message] == []


def test_a_function_that_calls_itself_by_its_name_is_a_function_like_any_other(tmp_path: Path) -> None:
    rules = HEAD + SPAM + "def f(text):\n    return text == 'check' or (len(text) > 5 and f(text[:5]))\n" + SONG

    votes = compute(open_project(write_project(tmp_path, rules=rules))).votes

    assert votes.matrix.T.tolist() == [[1, -1, -1, -1], SONG_VOTES]


@pytest.mark.parametrize("hang", HANGS.values(), ids=HANGS)
def test_a_function_that_never_returns_is_stopped_on_its_row(hang: str, tmp_path: Path) -> None:
    rules = when_checking(hang, '@labeling_function(label="SPAM", time_limit_s=0.2)\n')

    votes = votes_of(write_project(tmp_path, rules=rules))

    assert votes.matrix.T.tolist() == [[-1, 1, 1, 1], SONG_VOTES]
    _assert_timed_out(votes.failures, ["a"])


def test_a_batch_function_that_never_returns_is_stopped(tmp_path: Path) -> None:
    decorator = '@labeling_function(label="SPAM", batch=True, time_limit_s=0.2)\n'
    rules = f"{HEAD}{decorator}def f(text):\n    while True:\n        pass\n{SONG}"

    votes = votes_of(write_project(tmp_path, rules=rules))

    assert votes.matrix.T.tolist() == [[-1] * 4, SONG_VOTES]
    _assert_timed_out(votes.failures, ["a", "b", "c", "d"])


def test_a_function_that_never_returns_is_stopped_in_a_worker_too(tmp_path: Path) -> None:
    rules = when_checking(HANGS["a loop"], '@labeling_function(label="SPAM", time_limit_s=0.2)\n')

    votes = votes_of(write_project(tmp_path, rules=rules), workers=2)

    assert votes.matrix.T.tolist() == [[-1, 1, 1, 1], SONG_VOTES]
    _assert_timed_out(votes.failures, ["a"])


def _assert_timed_out(failures: tuple[Failure, ...], rows: list[str]) -> None:
    assert [(failure.row_id, failure.reason) for failure in failures] == [(row, "timeout") for row in rows]
    assert "0.2 s" in failures[0].message
    assert 'rules.py", line' in failures[0].traceback


def test_a_killed_worker_costs_the_votes_of_its_source_in_its_partition(tmp_path: Path) -> None:
    folder = write_project(tmp_path, rules=when_checking("os.kill(os.getpid(), 9)"))

    votes = votes_of(folder, workers=2)

    assert votes.matrix.T.tolist() == [[-1, -1, 1, 1], SONG_VOTES]
    assert [(f.source, f.row_id, f.reason) for f in votes.failures] == [
        ("f", "a", "worker_died"),
        ("f", "b", "worker_died"),
    ]
    assert "2 rows" in votes.failures[0].message
