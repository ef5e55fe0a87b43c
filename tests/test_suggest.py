"""Suggested rules: honest on rows that did not choose them, new beside those there are, and in the user's own file."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from projects import quorate
from wordy import FILLER, outlook_of, texts_of, wordy_project

from quorate import Gold, open_project, run
from quorate.errors import ProjectError
from quorate.suggest import Accepted, accept, accept_numbers, suggest
from quorate.suggesting.mining import Mined, Suggestion, mine
from quorate.suggesting.writing import bound_names, function, with_function, with_table

N = 400


def suggestion(**given: object) -> Suggestion:
    plain = {
        "name": "says_free_gift",
        "says": '"free gift"',
        "label": "SPAM",
        "pattern": r"(?i)\bfree\W+gift\b",
        "phrase": "free gift",
        "rows": 9,
        "new_rows": 4,
        "gain": 2.0,
        **dict.fromkeys(("precision", "precision_low", "precision_high"), 0.9),
        **dict.fromkeys(("coverage", "coverage_low", "coverage_high"), 0.1),
        "held_out": 5,
        "on_gold": (0, 0),
        "examples": (),
        "against": (),
    }
    return Suggestion(**{**plain, **given})  # type: ignore[arg-type]


def mined(seed: int, share: float, rows: int = 800) -> Mined:
    """What gold on every second row suggests where each of 40 words goes with SPAM in `share` of its rows."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 2, rows)
    texts = []
    for y in truth.tolist():
        pool = range(40) if generator.random() < 0.3 else range(20 * y, 20 * y + 20)
        words = [
            f"w{generator.choice(pool) if generator.random() < share else generator.integers(40)}" for _ in range(3)
        ]
        texts.append(" ".join([*generator.choice(FILLER, 4), *words]))
    votes = np.where(generator.random(rows) < 0.5, truth, -1)[:, None].astype(np.int16)
    votes = np.hstack([votes, np.where(generator.random((rows, 1)) < 0.3, truth[:, None], -1)]).astype(np.int16)
    known = np.flatnonzero(np.arange(rows) % 2 == 0)
    gold = Gold(tuple(str(i) for i in known), truth[known].astype(np.int16))
    return mine(outlook_of(votes, texts, gold))


def test_a_word_that_tells_the_label_is_suggested_with_its_precision() -> None:
    generator = np.random.default_rng(1)
    truth = generator.integers(0, 2, N)
    texts = texts_of(truth, generator)
    votes = np.where(generator.random((N, 3)) < 0.4, truth[:, None], -1).astype(np.int16)
    found = mine(outlook_of(votes, texts))
    by_word = {each.phrase: each for each in found.suggestions}
    assert by_word["channel"].label == "SPAM"
    assert by_word["channel"].precision > 0.85
    assert by_word["channel"].rows == sum("channel" in text.split() for text in texts)
    assert not by_word.keys() & set(FILLER)
    assert found.candidates > len(found.suggestions)


def test_a_rule_that_is_there_is_not_suggested_again() -> None:
    generator = np.random.default_rng(1)
    truth = generator.integers(0, 2, N)
    texts = texts_of(truth, generator)
    votes = np.where(generator.random((N, 3)) < 0.4, truth[:, None], -1)
    rule = np.array([[1 if "channel" in text.split() else -1] for text in texts])
    found = mine(outlook_of(np.hstack([votes, rule]).astype(np.int16), texts))
    assert "channel" not in {each.phrase for each in found.suggestions}
    assert found.suggestions


def test_rows_that_read_alike_count_once() -> None:
    generator = np.random.default_rng(4)
    truth = generator.integers(0, 2, N)
    texts = texts_of(truth, generator)
    votes = np.where(generator.random((N, 2)) < 0.4, truth[:, None], -1).astype(np.int16)
    once = {s.phrase: s.held_out for s in mine(outlook_of(votes, texts)).suggestions}
    many = mine(outlook_of(np.repeat(votes, 3, axis=0), [text for text in texts for _ in range(3)])).suggestions
    assert once
    assert many
    assert all(s.held_out <= s.rows / 3 for s in many)


def test_the_precision_shown_is_not_the_one_that_chose() -> None:
    """Chosen for high precision on one half, rules keep on the other what they are really worth."""
    held = [each for seed in range(6) for each in mined(seed, 0.9).suggestions if each.on_gold[1] >= 5]
    assert len(held) >= 10
    shown = np.mean([each.precision for each in held])
    real = sum(each.on_gold[0] for each in held) / sum(each.on_gold[1] for each in held)
    assert real - 0.15 < shown < real + 0.03


def test_what_is_accepted_stands_behind_what_the_user_wrote_and_votes_in_the_next_run(tmp_path: Path) -> None:
    folder = wordy_project(tmp_path / "p")
    before = (folder / "rules.py").read_bytes()
    found = suggest(open_project(folder))
    first = found.suggestions[0]
    done = accept_numbers(open_project(folder), found, [1, 1])
    assert [one.name for one in done] == [first.name]
    after = (folder / "rules.py").read_bytes()
    assert after.startswith(before)
    assert after == before + done[0].added.encode()
    report = run(open_project(folder)).report
    votes = {source["name"]: source["votes"] for source in report["sources"]}
    assert votes[first.name] == first.rows
    assert first.phrase not in {each.phrase for each in suggest(open_project(folder)).suggestions}


def test_without_a_python_file_a_table_is_added_to_the_settings(tmp_path: Path) -> None:
    tail = (
        '[[sources]]\n        kind = "keywords"\n        name = "k"\n        label = "SPAM"\n        any = ["channel"]'
    )
    folder = wordy_project(tmp_path / "p", head="", tail=tail)
    before = (folder / "quorate.toml").read_bytes()
    for place, each in enumerate((suggestion(), suggestion(name="shape", phrase="", pattern=r"\d'\"")), start=2):
        accept(open_project(folder), each)
        assert len(open_project(folder).sources) == place
    assert (folder / "quorate.toml").read_bytes().startswith(before)


def test_a_phrase_goes_to_the_terms_of_its_label_and_nowhere_else(tmp_path: Path) -> None:
    table = ("[[sources]]", 'kind = "gazetteer"', 'name = "g"', 'label = "SPAM"', 'path = "terms.txt"')
    tail = "\n        ".join(table)
    folder = wordy_project(tmp_path / "p", tail=tail, terms_txt="visit us")
    accept(open_project(folder), suggestion(), Path("terms.txt"))
    assert (folder / "terms.txt").read_text() == "visit us\nfree gift\n"
    for wrong in (suggestion(label="HAM"), suggestion(phrase="")):
        with pytest.raises(ProjectError, match=r"terms\.txt"):
            accept(open_project(folder), wrong, folder / "terms.txt")
    with pytest.raises(ProjectError, match="no file that the project reads rules from"):
        accept(open_project(folder), suggestion(), Path("other.py"))
    assert (folder / "terms.txt").read_text() == "visit us\nfree gift\n"


@pytest.mark.parametrize("text", ["", "x = 1", "x = 1\n", "x = 1\r\ny = 2\r\n", "\ufeffx = 1\n", "import re\n"])
def test_whatever_the_file_holds_it_goes_on_as_it_was(text: str) -> None:
    after = with_function(text, suggestion(), "text")
    assert after.startswith(text)
    names: dict[str, object] = {}
    exec(compile(after.removeprefix("\ufeff"), "rules.py", "exec"), names)
    assert {"re", "labeling_function", "says_free_gift"} <= bound_names(after)
    assert ("\r\n" in after) == ("\r\n" in text)
    assert names["says_free_gift"]("A Free  gift!")  # type: ignore[operator]
    assert not names["says_free_gift"](None)  # type: ignore[operator]


def test_a_column_that_is_no_name_is_read_from_the_row() -> None:
    assert "def says_free_gift(row):" in function(suggestion(), "the text")
    assert "row['the text']" in function(suggestion(), "the text")


def test_odd_words_make_a_table_that_reads_back() -> None:
    import tomllib

    for pattern in (r"\bit's\b", '"', "\\", "a\nb", "\x7f"):
        odd = suggestion(pattern=pattern, phrase="", says=f"odd {pattern}", label='L"A')
        read = tomllib.loads(with_table("", odd, "text"))["sources"][0]
        assert (read["pattern"], read["label"]) == (pattern, 'L"A')


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    folder = wordy_project(tmp_path / "p")
    first = suggest(open_project(folder)).suggestions[0]
    rules = folder / "rules.py"
    rules.write_text(rules.read_text() + f"\n\ndef {first.name}():\n    pass\n")
    assert suggest(open_project(folder)).suggestions[0].name == f"{first.name}_2"


def test_a_place_that_is_not_there_and_a_file_of_another_encoding_change_nothing(tmp_path: Path) -> None:
    folder = wordy_project(tmp_path / "p")
    project = open_project(folder)
    found = suggest(project, most=1)
    before = (folder / "rules.py").read_bytes()
    with pytest.raises(ProjectError, match="there is no suggestion 2; there are 1"):
        accept_numbers(project, found, [1, 2])
    assert (folder / "rules.py").read_bytes() == before
    (folder / "rules.py").write_bytes(b"# -*- coding: latin-1 -*-\n# caf\xe9\n" + before)
    with pytest.raises(ProjectError, match="is not UTF-8"):
        accept(project, found.suggestions[0])


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    folder = wordy_project(tmp_path / "p")
    (folder / "rules.py").rename(tmp_path / "mine.py")
    (folder / "rules.py").symlink_to(tmp_path / "mine.py")
    done: Accepted = accept(open_project(folder), suggestion())
    assert (folder / "rules.py").is_symlink()
    assert done.added in (tmp_path / "mine.py").read_text()


def test_one_key_takes_a_suggestion_in_a_terminal(tmp_path: Path) -> None:
    folder = wordy_project(tmp_path / "p", rows=900)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "quorate", "suggest", str(folder), "--most", "3"]
    done = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=os.environ | {"TERM": "dumb"})
    os.close(theirs)
    said = b""
    while done.poll() is None:
        if select.select([ours], [], [], 0.5)[0]:
            try:
                said += os.read(ours, 4096)
            except OSError:
                break
        elif b"y, n or q " in b"".join(said.splitlines()[-1:]):
            # The terminal forgets what is typed before a key is waited for, so it may have to be typed again.
            os.write(ours, b"xnyq"[said.count(b"y, n or q ") - 1 :][:1])
    assert done.wait(60) == 0
    os.close(ours)
    second = suggest(open_project(wordy_project(tmp_path / "again", rows=900)), most=3).suggestions
    rules = (folder / "rules.py").read_text()
    assert f"def {second[1].name}(" in rules
    assert f"def {second[0].name}(" not in rules
    assert "held-out rows" in said.decode()


def test_the_command_says_what_it_took(tmp_path: Path) -> None:
    folder = wordy_project(tmp_path / "p")
    told = quorate("suggest", folder, "--accept", "1", "--json").json
    assert told["schema"] == "quorate.suggest/1"
    assert told["accepted"][0]["name"] == told["suggestions"][0]["name"]
    assert all(s["precision_low"] <= s["precision"] <= s["precision_high"] for s in told["suggestions"])
