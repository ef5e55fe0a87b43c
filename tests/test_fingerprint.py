"""fingerprint: changes with whatever can change a vote, and with nothing else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from quorate.fingerprint import fingerprint
from quorate.rules import load_rules

ATOMS = st.sampled_from([None, 0, 1, False, True, 0.0, 1.0, "", "0", "ab", "a", "b", b"a"])
VALUES = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
        | st.sampled_from("ab").map(re.compile)
    ),
    max_leaves=5,
)


@given(VALUES, VALUES)
@example([[1], 0], [[1, 0]])
@example([["ab"], "a"], [["ab", "a"]])
@example([re.compile("a"), re.compile("b")], [re.compile("a"), re.compile("a")])
@example({"a": 1, "b": 0}, {"b": 0, "a": 1})
def test_two_values_share_a_fingerprint_exactly_when_they_are_written_alike(a: Any, b: Any) -> None:
    assert (fingerprint(a) == fingerprint(b)) == (repr(a) == repr(b))


def test_which_of_two_shared_parts_stands_where_counts() -> None:
    a, b = ["a"], ["b"]
    assert fingerprint([a, b, a]) != fingerprint([a, b, b])


def test_a_value_that_holds_itself_has_a_fingerprint() -> None:
    loop: list[Any] = ["a"]
    loop.append(loop)
    assert fingerprint(loop) == fingerprint(loop)


@given(st.permutations(["a", "b", "c", 1, None]))
def test_the_order_of_a_set_does_not_count(things: list[Any]) -> None:
    assert fingerprint(set(things)) == fingerprint({None, 1, "a", "b", "c"})
    assert fingerprint({"words": frozenset(things)}) == fingerprint({"words": frozenset(reversed(things))})


def test_a_path_is_the_content_of_its_file(tmp_path: Path) -> None:
    one, two, absent = tmp_path / "one.txt", tmp_path / "two.txt", tmp_path / "absent.txt"
    one.write_text("song")
    two.write_text("song")
    before = fingerprint(one)
    assert before == fingerprint(two)
    assert before != fingerprint(absent)
    two.write_text("songs")
    assert before != fingerprint(two)


# ---- functions -------------------------------------------------------------------------------------------------------

RULES = '''\
"""Rules."""
import contextlib, functools, re
from enum import Enum
from pathlib import Path
import textools.clean, vocabulary
from helpers import squeezed, SHORTEST
from quorate import labeling_function

WORDS = {"song", "tune"}
TABLE = {"first": "HAM", "second": "SPAM"}
FIRST, SECOND = re.compile("one"), re.compile("two")
PATTERNS = [re.compile("love"), re.compile("like")]
SEARCH = re.compile("great").search
PLACES = Path(__file__).parent / "places.txt"

class Words:
    FORBIDDEN = ("curse",)
    def clean(self, text): return text.replace("a", "b")
class MoreWords(Words): pass
class Kind(Enum): HONEST = "HAM"

@contextlib.contextmanager
def quietly(): yield "quiet"

def shout(text):
    """Louder."""
    return text.upper()

def counted(least):
    def decorate(function):
        @functools.wraps(function)
        def wrapped(text):
            return function(text) if len(text) > least else None
        return wrapped
    return decorate

add_nine = functools.partial(max, 9)
def loaded(): return ["loaded"]
def lowered(text): return text.lower()

@labeling_function
@counted(3)
def rule(text): return None

@labeling_function(
    resources={"given": ["given"], "listed": Path(__file__).parent / "listed.txt", "loaded": loaded},
    pre=[lowered],
    examples={"a": None},
    label="HAM",
)
def judge(text: str, lowered: str, given, listed, loaded, margin=2, *, extra=7) -> bool:
    def inner(word):
        """Inner."""
        return word + "!"  # exclaimed
    try:
        n = int(text)
        n = add_nine(n)
    except ValueError:
        n = 0
    if text in WORDS or SEARCH(text) or PLACES.read_text() == text:
        return True
    if any(pattern.search(text) for pattern in PATTERNS) or FIRST.search(text):
        return len(shout(inner(text))) < 100 + margin + extra
    if text in MoreWords.FORBIDDEN or MoreWords().clean(text) or Kind.HONEST.value == TABLE[text]:
        return n > SHORTEST
    with quietly() as volume:
        if volume == text:
            return False
    if textools.clean.cleaned(text) == vocabulary.known(text):
        return rule.function(squeezed(text)) is None
    return [len(word) for word in text.split()] == [1]
'''

PROJECT = {
    "rules.py": RULES,
    "helpers.py": '''\
"""Helpers."""
from more import DEEP
SHORTEST = 4
def squeezed(text):
    # Spaces go.
    return text.replace(" ", "") + DEEP
''',
    "more.py": 'DEEP = "deep"\n',
    "vocabulary.py": "import origin\n\ndef known(text):\n    return text + origin.place()\n",
    "origin.py": 'def place():\n    return "here"\n',
    "textools/__init__.py": "",
    "textools/clean.py": 'def cleaned(text):\n    return text.strip("*")\n',
    "places.txt": "Rome",
    "listed.txt": "listed",
}

MATTERS = [
    ("rules.py", "len(word) for word", "len(word) + 1 for word", "code of an inner scope"),
    ("rules.py", '== [1]', '== [2]', "a constant"),
    ("rules.py", "margin=2", "margin=3", "a default"),
    ("rules.py", "extra=7", "extra=8", "a keyword default"),
    ("rules.py", 'label="HAM"', 'label="SPAM"', "the label it votes for"),
    ("rules.py", 'word + "!"', 'word + "?"', "an inner function"),
    ("rules.py", "        n = add_nine(n)\n    except ValueError:\n        n = 0\n",
     "    except ValueError:\n        n = 0\n    else:\n        n = add_nine(n)\n", "what a try covers"),
    ("rules.py", '{"song", "tune"}', '{"song", "tunes"}', "a set beside it"),
    ("rules.py", '"first": "HAM", "second": "SPAM"', '"first": "SPAM", "second": "HAM"', "a dict beside it"),
    ("rules.py", 'FIRST, SECOND = re.compile("one")', 'FIRST, SECOND = re.compile("ones")', "an expression"),
    ("rules.py", 're.compile("like")', 're.compile("likes")', "the second expression of a list"),
    ("rules.py", 're.compile("like")', 're.compile("like", re.I)', "the flags of an expression"),
    ("rules.py", 're.compile("great").search', 're.compile("greater").search', "the bound search of an expression"),
    ("rules.py", '("curse",)', '("curses",)', "a constant of a class"),
    ("rules.py", 'replace("a", "b")', 'replace("a", "c")', "a method that a class inherits"),
    ("rules.py", 'HONEST = "HAM"', 'HONEST = "SPAM"', "a value of an enum"),
    ("rules.py", "text.upper()", "text.title()", "a helper in the file"),
    ("rules.py", "@counted(3)", "@counted(4)", "what a decorator closes over"),
    ("rules.py", "len(text) > least", "len(text) >= least", "the code of a decorator"),
    ("rules.py", 'yield "quiet"', 'yield "loud"', "a function behind a decorator of an installed package"),
    ("rules.py", "partial(max, 9)", "partial(max, 8)", "an argument of a partial"),
    ("rules.py", "partial(max, 9)", "partial(min, 9)", "the function of a partial"),
    ("rules.py", '"given": ["given"]', '"given": ["gifts"]', "the value of a resource"),
    ("rules.py", 'return ["loaded"]', 'return ["other"]', "the function that loads a resource"),
    ("rules.py", "text.lower()", "text.casefold()", "a pre-processor"),
    ("helpers.py", 'replace(" ", "")', 'replace(" ", "_")', "an imported function"),
    ("helpers.py", "SHORTEST = 4", "SHORTEST = 5", "an imported constant"),
    ("more.py", '"deep"', '"deeper"', "what an imported function imports"),
    ("vocabulary.py", "text + origin", "text * 2 + origin", "an imported module"),
    ("origin.py", '"here"', '"there"', "a module that an imported module imports"),
    ("textools/clean.py", 'strip("*")', 'strip("+")', "a module of an imported package"),
    ("places.txt", "Rome", "Roma", "the file of a path"),
    ("listed.txt", "listed", "lists", "the file of a resource"),
]  # fmt: skip

DOES_NOT = [
    ("rules.py", "# exclaimed", "# exclaimed, at last", "a comment"),
    ("rules.py", '"""Louder."""', '"""Much louder."""', "the docstring of a helper"),
    ("rules.py", '    """Louder."""\n', "", "a docstring that goes"),
    ("rules.py", '"""Inner."""', '"""Within."""', "an inner docstring"),
    ("rules.py", "    def inner(word):", '    """Judges."""\n    def inner(word):', "a new docstring"),
    ("rules.py", '"""Rules."""', '"""Rules."""\n\n\n', "blank lines"),
    ("rules.py", '"""Rules."""', 'def unrelated():\n    return 1\n', "an unrelated function above"),
    ("rules.py", "text: str, lowered: str", "text: object, lowered: 'str'", "annotations"),
    ("rules.py", "-> bool:", "-> 'bool | None':", "the annotation of the return"),
    ("rules.py", '{"song", "tune"}', '{"tune", "song"}', "the order of a set"),
    ("rules.py", 'SECOND = re.compile("one"), re.compile("two")', 'SECOND = re.compile("one"), 2', "an unused name"),
    ("rules.py", 'examples={"a": None}', 'examples={"b": None}', "examples"),
    ("helpers.py", "# Spaces go.", "# Spaces go away.", "a comment of an imported function"),
    ("helpers.py", '"""Helpers."""', '"""Helpers."""\nUNUSED = 1\n', "an unused name in an imported file"),
]  # fmt: skip


def write(folder: Path, edited: str = "", old: str = "", new: str = "") -> Path:
    for name, text in PROJECT.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    if edited:
        assert PROJECT[edited].count(old) == 1, f"the edit does not apply: {old!r}"
        (folder / edited).write_text(PROJECT[edited].replace(old, new))
    return folder


def judged(folder: Path) -> str:
    """The fingerprint of the last function of the rules."""
    return load_rules(folder / "rules.py")[-1].fingerprint()


def cases(table: list[tuple[str, str, str, str]]) -> list[Any]:
    return [pytest.param(*row[:3], id=row[3]) for row in table]


@pytest.mark.parametrize(("file", "old", "new"), cases(MATTERS))
def test_it_changes_with(file: str, old: str, new: str, tmp_path: Path) -> None:
    before = judged(write(tmp_path))
    assert judged(write(tmp_path, file, old, new)) != before


@pytest.mark.parametrize(("file", "old", "new"), cases(DOES_NOT))
def test_it_does_not_change_with(file: str, old: str, new: str, tmp_path: Path) -> None:
    before = judged(write(tmp_path))
    assert judged(write(tmp_path, file, old, new)) == before


def test_it_does_not_change_when_the_project_moves(tmp_path: Path) -> None:
    before = judged(write(tmp_path / "here"))
    shutil.move(tmp_path / "here", tmp_path / "there")
    assert judged(tmp_path / "there") == before


def test_it_does_not_change_while_the_function_runs(tmp_path: Path) -> None:
    """Python rewrites the bytecode of functions that run often."""
    write(tmp_path)
    source: Any = load_rules(tmp_path / "rules.py")[-1]
    before = fingerprint(source.function)
    for _ in range(2000):
        source.function("tune", "tune", [], [], [])
    assert fingerprint(source.function) == before


def test_an_edit_counts_also_within_the_second_of_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's bytecode cache goes by the second and the size of a file."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    prints = set()
    for least in "456":
        write(tmp_path, "helpers.py", "SHORTEST = 4", f"SHORTEST = {least}")
        os.utime(tmp_path / "helpers.py", (1_700_000_000, 1_700_000_000))
        prints.add(judged(tmp_path))
    assert len(prints) == 3


def test_a_class_of_a_notebook_counts_with_its_code() -> None:
    """What is defined in a notebook or at a prompt belongs to a module without a file."""
    code = "from quorate.fingerprint import fingerprint\nclass C: LIMIT = {}\nprint(fingerprint(C), fingerprint(C()))"
    one, two = ended(*([sys.executable, "-c", code.format(limit)] for limit in (1, 2)))
    assert not set(one.split()) & set(two.split())


def ended(*commands: list[str]) -> list[str]:
    """What each command prints; all run at once, each with a hash seed of its own."""
    started = [
        subprocess.Popen(command, env=os.environ | {"PYTHONHASHSEED": str(i)}, stdout=subprocess.PIPE, text=True)
        for i, command in enumerate(commands, 1)
    ]
    return [process.communicate(timeout=120)[0] for process in started]


def test_it_is_the_same_in_every_process(tmp_path: Path) -> None:
    write(tmp_path)
    code = "from quorate.rules import *; [print(s.fingerprint()) for s in load_rules(Path(sys.argv[1]))]"
    printed = ended(*[[sys.executable, "-c", code, str(tmp_path / "rules.py")]] * 3)
    assert judged(tmp_path) in printed[0]
    assert len(set(printed)) == 1
