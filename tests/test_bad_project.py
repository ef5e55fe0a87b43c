"""Projects as they should not be: every fault is said at once with its line; a run that failed is taken up again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from projects import RULES, TOML, quorate, write_project
from typer.testing import CliRunner

import quorate as package
from quorate.cli import app

SOURCE = '\n[[sources]]\nkind = "keywords"\nname = "k"\nlabel = "SPAM"\nany = ["free"]\n'
REGEX = '\n[[sources]]\nkind = "regex"\nname = "r"\nlabel = "SPAM"\npattern = "x"\n'
TERMS = '\n[[sources]]\nkind = "gazetteer"\nname = "g"\nlabel = "SPAM"\npath = "terms.txt"\n'
MODEL = '\n[label_model]\nkind = "quorum"\n'


def changed(toml: str, old: str, new: str) -> str:
    assert toml.count(old) == 1
    return toml.replace(old, new)


# A quorate.toml, the beginning of the line that is wrong, and what the message must hold.
WRONG = {
    "a value that is missing": (TOML + "size = \n", "size", ["TOML"]),
    "a table that never closes": ("[run\n" + TOML, "[run", ["TOML"]),
    "a table twice": (TOML + '\n[data]\npath = "x.csv"\n', "[data]", ["TOML", "data"]),
    "an unknown key": ('nam = "x"\n' + TOML, "nam", ["nam", "Did you mean 'name'?"]),
    "an unknown table": (TOML + "\n[rum]\nworkers = 2\n", "[rum]", ["rum", "Did you mean 'run'?"]),
    "an unknown key of a table": (TOML + "\n[run]\nworker = 2\n", "worker", ["run.worker", "Did you mean 'workers'?"]),
    "an unknown key of a label": (
        changed(TOML, '"honest"', '{ descripton = "honest" }'),
        "HAM",
        ["labels.HAM", "descripton", "Did you mean 'description'?"],
    ),
    "text for a number": (TOML + '\n[run]\nworkers = "two"\n', "workers", ["run.workers", "integer", "'two'"]),
    "an unknown executor": (
        TOML + '\n[run]\nexecutor = "dusk"\n',
        "executor",
        ["run.executor", "Did you mean 'dask'?"],
    ),
    "an executor without its name": (TOML + "\n[run]\nexecutor = { workers = 2 }\n", "executor", ["needs `kind`"]),
    "an option of another executor": (
        TOML + '\n[run]\nexecutor = { kind = "local", address = "tcp://a" }\n',
        "executor",
        ["run.executor.address", "it takes 'workers'"],
    ),
    "a number too small": (TOML + "\n[run]\nworkers = 0\n", "workers", ["run.workers", "1", "got 0"]),
    "text for a list": (changed(TOML, '["rules.py"]', '"rules.py"'), "rules", ["rules", "list", "'rules.py'"]),
    "a list for a table": (
        'labels = ["HAM", "SPAM"]\n' + TOML[: TOML.index("[labels]")],
        "labels",
        ["labels", "table", "['HAM', 'SPAM']"],
    ),
    "a number for sources": ("sources = 5\n" + TOML, "sources", ["sources", "5"]),
    "names for sources": ('sources = ["k"]\n' + TOML, "sources", ["sources", "table", "'k'"]),
    "a number for a label": (changed(TOML, '"honest"', "3"), "HAM", ["labels.HAM", "3"]),
    "an unknown choice": (
        TOML + '\n[gold]\ncolumn = "stars"\nuse = "anchr"\n',
        "use",
        ["gold.use", "'evaluate'", "'anchor'", "'anchr'"],
    ),
    "no path": (changed(TOML, 'path = "rows.csv"\n', ""), "[data]", ["data.path", "missing"]),
    "one label only": (changed(TOML, 'SPAM = "advertising"\n', ""), "[labels]", ["labels", "two", "HAM"]),
    "labels that differ by case": (
        changed(TOML, 'SPAM = "advertising"', 'ham = "x"'),
        "[labels]",
        ["'HAM'", "'ham'", "case"],
    ),
    "an alias that is a label": (
        changed(TOML, '"advertising"', '{ aliases = ["ham"] }'),
        "[labels]",
        ["'ham'", "two labels"],
    ),
    "a source without a kind": (changed(TOML + SOURCE, 'kind = "keywords"\n', ""), "[[sources]]", ["kind"]),
    "a source without a name": (changed(TOML + SOURCE, 'name = "k"\n', ""), "[[sources]]", ["name"]),
    "a source with an empty name": (changed(TOML + SOURCE, '"k"', '""'), "[[sources]]", ["name"]),
    "an unknown kind of source": (changed(TOML + SOURCE, "keywords", "keyword"), "kind", ["Did you mean 'keywords'?"]),
    "a kind for Python only": (changed(TOML + SOURCE, "keywords", "labeling_function"), "[[sources]]", ["rules"]),
    "a label that is not declared": (
        changed(TOML + SOURCE, 'label = "SPAM"', 'label = "SPAMM"'),
        "label = ",
        ["'k'", "'SPAMM'", "'HAM', 'SPAM'", "Did you mean 'SPAM'?"],
    ),
    "an unknown option": (
        TOML + SOURCE + "ignorecase = false\n",
        "ignorecase",
        ["sources[0]", "'ignorecase'", "Did you mean 'ignore_case'?"],
    ),
    "an option that is missing": (changed(TOML + SOURCE, 'any = ["free"]\n', ""), "[[sources]]", ["keywords", "'any'"]),
    "text for a list of words": (changed(TOML + SOURCE, '["free"]', '"free"'), "any", ["any", "list", "'free'"]),
    "no words": (changed(TOML + SOURCE, '["free"]', "[]"), "[[sources]]", ["'k'", "any"]),
    "look-ahead": (changed(TOML + REGEX, '"x"', '"x(?=y)"'), "[[sources]]", ["'r'", "(?=", "RE2", "labeling function"]),
    "a back-reference": (changed(TOML + REGEX, '"x"', r"'(x)\1'"), "[[sources]]", ["'r'", r"\1", "RE2"]),
    "an open bracket": (changed(TOML + REGEX, '"x"', '"(x"'), "[[sources]]", ["'r'", "(x", "missing )"]),
    "a file of terms that is not there": (
        changed(TOML + TERMS, "terms.txt", "term.txt"),
        "[[sources]]",
        ["'g'", "term.txt"],
    ),
    "a file without terms": (
        changed(TOML + TERMS, "terms.txt", "empty.txt"),
        "[[sources]]",
        ["'g'", "empty.txt", "term"],
    ),
    "an unknown label model": (
        changed(TOML + MODEL, "quorum", "quorom"),
        "kind",
        ["'quorom'", "Did you mean 'quorum'?"],
    ),
    "an unknown option of a label model": (TOML + MODEL + "epochs = 3\n", "epochs", ["label_model.epochs", "quorum"]),
    "a label model without a kind": (TOML + "\n[label_model]\n", "[label_model]", ["label_model", "kind"]),
    "an unknown signal": (
        TOML + '\n[queue]\nsignals = ["entropi"]\n',
        "signals",
        ["queue.signals", "'entropi'", "Did you mean 'entropy'?"],
    ),
    "no source at all": (changed(TOML, 'rules = ["rules.py"]\n', ""), "", ["no source", "rules", "[[sources]]"]),
}


def line_of(toml: str, start: str) -> str:
    """ "quorate.toml:7" for the last line that begins so."""
    found = [number for number, line in enumerate(toml.splitlines(), 1) if line.startswith(start)]
    return f"quorate.toml:{found[-1]}" if start else "quorate.toml"


@pytest.mark.parametrize(("toml", "line", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_setting_is_refused_with_its_line(toml: str, line: str, said: list[str], tmp_path: Path) -> None:
    folder = write_project(tmp_path, toml=toml, terms_txt="free\n", empty_txt="# nothing\n")

    ended = CliRunner().invoke(app, ["check", str(folder), "--json"])

    assert (ended.exit_code, ended.stderr) == (2, "")
    error = json.loads(ended.stdout)
    assert error["schema"] == "quorate.error/1"
    [problem] = error["problems"]
    assert [part for part in [line_of(toml, line), *said] if part not in problem] == []
    assert [word for word in ("tuple", "dictionary", "LabelSettings") if word in problem] == []


SEVERAL = {
    "settings": (
        'nam = "x"\n' + changed(TOML, 'text = "text"', 'txt = "text"') + '\n[run]\nworkers = "two"\n',
        3,
        ["nam", "data.txt", "run.workers"],
    ),
    "plug-ins and files": (
        changed(TOML + SOURCE + REGEX + MODEL, "keywords", "keyword")
        .replace('pattern = "x"', 'pattern = "(x"')
        .replace("quorum", "quorom")
        .replace("rules.py", "rule.py")
        .replace("rows.csv", "row.csv"),
        5,
        ["'rules.py'", "'rows.csv'", "'keywords'", "missing )", "'quorum'"],
    ),
    "sources": (
        TOML + (SOURCE + REGEX).replace('label = "SPAM"', 'label = "SPAMM"') + 'column = "txt"\n' + TERMS + TERMS,
        4,
        ["toml:15", "'k'", "'SPAMM'", "toml:21", "toml:23", "'r'", "'txt'", "two"],
    ),
}


@pytest.mark.parametrize(("toml", "problems", "said"), SEVERAL.values(), ids=SEVERAL)
def test_all_problems_are_said_in_one_go(toml: str, problems: int, said: list[str], tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, ["check", str(write_project(tmp_path, toml=toml, terms_txt="x")), "--json"])

    assert ended.exit_code == 2
    error = json.loads(ended.stdout)
    assert len(error["problems"]) == problems
    assert [part for part in said if part not in error["message"]] == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", ["quorate.toml", "quorate init"]),
        ("nowhere", ["nowhere", "quorate init"]),
        ("rules.py", ["rules.py", "folder"]),
    ],
    ids=["a folder without one", "no folder", "a file"],
)
def test_what_is_no_project_is_refused_with_the_way_to_one(name: str, said: list[str], tmp_path: Path) -> None:
    (write_project(tmp_path) / "quorate.toml").unlink()

    ended = CliRunner().invoke(app, ["check", str(tmp_path / name), "--json"])

    assert ended.exit_code == 2
    [problem] = json.loads(ended.stdout)["problems"]
    assert [part for part in said if part not in problem] == []


def test_a_quorate_toml_that_is_not_utf_8_is_refused_with_the_line(tmp_path: Path) -> None:
    folder = write_project(tmp_path)
    (folder / "quorate.toml").write_bytes(TOML.replace("honest", "naïve").encode("latin1"))

    ended = CliRunner().invoke(app, ["check", str(folder)])

    assert ended.exit_code == 2
    assert [part for part in ("quorate.toml", line_of(TOML, "HAM"), "UTF-8") if part not in ended.stderr] == []


def test_a_byte_order_mark_in_quorate_toml_does_no_harm(tmp_path: Path) -> None:
    folder = write_project(tmp_path)
    (folder / "quorate.toml").write_bytes(b"\xef\xbb\xbf" + TOML.encode())

    assert CliRunner().invoke(app, ["check", str(folder)]).exit_code == 0


FAILING = {
    "at import": (RULES + "1 / 0\n", 2),
    "on every row": (RULES.replace('return "song"', 'raise ValueError("no")\n    return "song"'), 3),
}


@pytest.mark.parametrize(("rules", "code"), FAILING.values(), ids=FAILING)
def test_a_command_that_fails_says_why_once_and_shows_no_code_of_ours(rules: str, code: int, tmp_path: Path) -> None:
    folder = write_project(tmp_path, rules=rules)

    spoken = quorate("run", folder)
    written = CliRunner().invoke(app, ["run", str(folder), "--json"])

    assert (spoken.code, spoken.out, written.exit_code, written.stderr) == (code, "", code, "")
    error = json.loads(written.stdout)
    assert (error["schema"], error["message"]) == ("quorate.error/1", spoken.err.strip())
    assert len(error["problems"]) == 1
    assert "Traceback" not in spoken.err
    assert str(Path(package.__file__).parent) not in spoken.err


COUNTING = """\
import os
from quorate import labeling_function

HERE = os.path.dirname(__file__)


@labeling_function(label="SPAM")
def fragile(text):
    with open(HERE + "/asked.txt", "a") as file:
        file.write(text[:1])
    if text[:1] in "FAILS" and os.path.exists(HERE + "/broken.txt"):
        raise ConnectionError("down")
    return True


@labeling_function(label="HAM")
def steady(text):
    with open(HERE + "/steady.txt", "a") as file:
        file.write(text[:1])
    return True
"""


def test_a_source_that_raises_on_all_rows_ends_the_run_and_finished_votes_are_kept(tmp_path: Path) -> None:
    rules = COUNTING.replace("FAILS", "clmn")
    folder = write_project(tmp_path, rules=rules, broken_txt="")

    ended = CliRunner().invoke(app, ["run", str(folder)])

    assert (ended.exit_code, ended.stdout) == (3, "")
    said = ["'fragile'", "4 of 4 rows", "50%", "'a'", "ConnectionError: down", 'rules.py", line 12']
    assert [part for part in said if part not in ended.stderr] == []

    (folder / "rules.py").write_text(rules.replace("clmn", ""), encoding="utf-8")
    assert CliRunner().invoke(app, ["run", str(folder)]).exit_code == 0
    assert (folder / "steady.txt").read_text() == "clmn"


def test_retry_failed_asks_the_failed_rows_again_and_no_others(tmp_path: Path) -> None:
    folder = write_project(tmp_path, rules=COUNTING.replace("FAILS", "cn"), broken_txt="")
    asked = folder / "asked.txt"

    def failed_after(*options: str) -> tuple[int, str]:
        """The failed votes of `fragile` after a run, and the rows that it was asked about, by their first letters."""
        asked.write_text("")
        ended = CliRunner().invoke(app, ["run", str(folder), "--json", *options])
        failed = {source["name"]: source["failed"] for source in json.loads(ended.stdout)["sources"]}
        return failed["fragile"], asked.read_text()

    assert failed_after() == (2, "clmn")
    assert failed_after() == (2, "")
    assert failed_after("--retry-failed") == (2, "cn")
    (folder / "broken.txt").unlink()
    assert failed_after() == (2, "")
    assert failed_after("--retry-failed") == (0, "cn")
    assert failed_after("--retry-failed") == (0, "")
    assert (folder / "steady.txt").read_text() == "clmn"


def test_functions_that_print_do_not_spoil_the_json(tmp_path: Path) -> None:
    rules = "print('loading')\n" + RULES.replace('return "song"', 'print("voting")\n    return "song"')

    ended = quorate("run", write_project(tmp_path, rules=rules), "--json", "--workers", "2")

    assert (ended.code, ended.json["rows"]) == (0, 4)
    assert [word for word in ("loading", "voting") if word not in ended.err] == []
