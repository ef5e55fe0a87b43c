"""What a run asks again and what it takes from the store: every rule writes down each row that it is asked about."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from asking import HEAD, ROWS, TOML, asked, csv, edit, project, run, times_asked, votes
from numpy.typing import NDArray

from quorate import open_project
from quorate.cells import file_name
from quorate.errors import QuorateError
from quorate.rows import KEY_BYTES
from quorate.run import compute
from quorate.store import Store
from quorate.values import VoteColumn


@pytest.fixture
def done(tmp_path: Path) -> Path:
    """A project that was run once."""
    folder = project(tmp_path / "p")
    run(folder)
    assert times_asked(folder) == {"by_text": 10, "by_stars": 10, "by_row": 10}
    return folder


# ---- nothing changed ------------------------------------------------------------------------------------------------


def test_a_second_run_asks_nobody_and_is_the_first_run(done: Path) -> None:
    manifest = next((done / ".quorate" / "runs").glob("*/manifest.json"))
    written = manifest.stat().st_mtime_ns
    made = run(done)
    assert asked(done) == {}
    assert (made.folder / "manifest.json", manifest.stat().st_mtime_ns) == (manifest, written)
    assert (done / ".quorate" / "runs" / "latest").read_text().strip() == made.id


@pytest.mark.parametrize(
    ("before", "after"),
    [("partition_rows = 4", "partition_rows = 3"), ("[labels]", "# a comment\n[labels]"), ("honest", "an honest one")],
)
def test_what_cannot_change_a_vote_asks_nobody(done: Path, before: str, after: str) -> None:
    edit(done / "quorate.toml", before, after)
    run(done)
    compute(open_project(done))
    assert asked(done) == {}


def test_a_run_that_lost_its_manifest_is_made_again_from_the_store(done: Path) -> None:
    first = run(done)
    (first.folder / "manifest.json").unlink()
    (done / ".quorate" / "votes" / "by_text" / ".left.parquet.4711").write_bytes(b"half a fi")
    assert run(done).report == first.report
    assert (first.folder / "manifest.json").exists()
    assert asked(done) == {}


# ---- the code changed -----------------------------------------------------------------------------------------------


def test_of_forty_functions_only_the_edited_one_runs(tmp_path: Path) -> None:
    rule = (
        "@labeling_function(label='SPAM')\ndef f{i}(text):\n    tell('f{i}', text)\n    return 'number {i}' in text\n\n"
    )
    folder = project(tmp_path / "p", rules=HEAD + "".join(rule.replace("{i}", str(i)) for i in range(40)))
    run(folder)
    assert times_asked(folder) == {f"f{i}": 10 for i in range(40)}
    edit(folder / "rules.py", "return 'number 7' in text", "return 'channel number 7' in text")
    made = run(folder)
    assert times_asked(folder) == {"f7": 10}
    assert [row["f7"] for row in votes(made)] == [None] * 7 + ["SPAM"] + [None] * 2


PATTERNS = (
    HEAD
    + """
import re
WORDS = re.compile("chanel")
TERMS = {"song", "tune"}


@labeling_function(label="SPAM")
def by_pattern(text):
    tell("by_pattern", text)
    return WORDS.search(text)


@labeling_function(label="HAM")
def by_terms(text):
    tell("by_terms", text)
    return bool(TERMS & set(text.split()))
"""
)


@pytest.mark.parametrize(
    ("before", "after", "users"),
    [
        ('compile("chanel")', 'compile("channel")', ["by_pattern"]),
        ('compile("chanel")', 'compile("chanel", re.IGNORECASE)', ["by_pattern"]),
        ('"tune"}', '"tune", "melody"}', ["by_terms"]),
        ("return WORDS.search(text)", "return WORDS.match(text)", ["by_pattern"]),
        ("def by_terms(text):\n", "def by_terms(text):\n    '''Says what it does.'''\n", []),
        ("TERMS = ", "# our own words\nTERMS = ", []),
    ],
)
def test_an_edited_constant_asks_the_functions_that_use_it(
    tmp_path: Path, before: str, after: str, users: list[str]
) -> None:
    folder = project(tmp_path / "p", rules=PATTERNS)
    run(folder)
    asked(folder)
    edit(folder / "rules.py", before, after)
    run(folder)
    assert sorted(asked(folder)) == users


HELPERS = "def clean(text):\n    return text.upper()\n\n\ndef other(text):\n    return text\n"
USERS = """

@labeling_function(label="SPAM")
def first(text):
    tell("first", text)
    return "CHANNEL" in {clean}(text)


@labeling_function(label="SPAM")
def second(text):
    tell("second", text)
    return sound(text)


def sound(text):
    return "CHANNEL" in {clean}(text)


@labeling_function(label="HAM")
def third(text):
    tell("third", text)
    return "song" in text
"""


@pytest.mark.parametrize("way", ["from helpers import clean", "import helpers", ""])
def test_an_edited_helper_asks_its_users_alone(tmp_path: Path, way: str) -> None:
    clean = "helpers.clean" if way == "import helpers" else "clean"
    rules = HEAD + (way or HELPERS) + USERS.replace("{clean}", clean)
    folder = project(tmp_path / "p", rules=rules, helpers_py=HELPERS)
    run(folder)
    asked(folder)
    edit(folder / ("helpers.py" if way else "rules.py"), "return text.upper()", "return text.upper().strip()")
    run(folder)
    assert sorted(asked(folder)) == ["first", "second"]


@pytest.mark.parametrize("name", ["rules.py", "helpers.py"])
def test_an_edit_within_one_tick_of_the_clock_is_noticed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python trusts compiled code when the time in seconds and the size are the same; copied trees have both."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    rules = HEAD + "from helpers import clean" + USERS.replace("{clean}", "clean")
    folder = project(tmp_path / "p", rules=rules, helpers_py=HELPERS)
    os.utime(folder / name, (1_700_000_000, 1_700_000_000))
    run(folder)
    asked(folder)
    edit(folder / name, *(("CHANNEL", "CHANMEL") if name == "rules.py" else ("upper", "lower")))
    os.utime(folder / name, (1_700_000_000, 1_700_000_000))
    run(folder)
    assert sorted(asked(folder)) == ["first", "second"]


# ---- the data changed -----------------------------------------------------------------------------------------------


def test_appended_rows_are_asked_alone(done: Path) -> None:
    (done / "rows.csv").write_text(csv([*ROWS, ("new", "a brand new song", 99)]))
    made = run(done)
    assert asked(done) == {"by_text": ["a brand new song"], "by_stars": ["99"], "by_row": ["new"]}
    assert votes(made)[-1] == {"row_id": "new", "by_text": None, "by_stars": "HAM", "by_row": "HAM"}


def test_an_edited_cell_asks_about_one_row_and_only_those_who_read_it(done: Path) -> None:
    (done / "rows.csv").write_text(csv([*ROWS[:5], ("r5", ROWS[5][1], 1), *ROWS[6:]]))
    made = run(done)
    assert asked(done) == {"by_stars": ["1"], "by_row": ["r5"]}
    assert votes(made)[5] == {"row_id": "r5", "by_text": "SPAM", "by_stars": None, "by_row": None}


def test_reordered_rows_come_from_the_store(done: Path) -> None:
    before = {row["row_id"]: row for row in votes(run(done))}
    (done / "rows.csv").write_text(csv([*reversed(ROWS)]))
    after = votes(run(done))
    assert asked(done) == {}
    assert [row["row_id"] for row in after] == [f"r{i}" for i in reversed(range(10))]
    assert all(before[row["row_id"]] == row for row in after)


def test_duplicated_cells_come_from_the_store_under_their_own_ids(done: Path) -> None:
    """Only the function of the whole row sees that the id is another one."""
    (done / "rows.csv").write_text(csv([*ROWS, *[(f"copy{i}", text, stars) for i, text, stars in ROWS]]))
    made = run(done)
    assert set(asked(done)) == {"by_row"}
    first, second = votes(made)[:10], votes(made)[10:]
    assert [row | {"row_id": f"copy{row['row_id']}"} for row in first] == second


def test_a_function_of_the_row_is_asked_again_when_columns_trade_names(tmp_path: Path) -> None:
    """The cells are the same and in the same place; what `row.text` is, is not."""
    rules = HEAD + "@labeling_function(label='SPAM')\ndef by_row(row):\n    return 'channel' in row.text\n"
    rows = [("a", "channel", "song"), ("b", "song", "song")]
    folder = project(tmp_path / "p", rules=rules)
    (folder / "rows.csv").write_text(csv(rows, "id,text,title"))
    assert [row["by_row"] for row in votes(run(folder))] == ["SPAM", None]
    (folder / "rows.csv").write_text(csv(rows, "id,title,text"))
    assert [row["by_row"] for row in votes(run(folder))] == [None, None]


# ---- the labels changed ---------------------------------------------------------------------------------------------


def test_votes_keep_their_label_when_the_labels_change_places(done: Path) -> None:
    before = votes(run(done))
    edit(done / "quorate.toml", 'HAM = "honest"\nSPAM = "advertising"', 'NEW = "new"\nSPAM = "ads"\nHAM = "honest"')
    after = run(done)
    assert votes(after) == before
    assert [entry["polarity"] for entry in after.report["sources"]] == [["SPAM"], ["HAM"], ["HAM"]]


def test_an_answer_is_read_anew_when_its_alias_moves(tmp_path: Path) -> None:
    toml = TOML.replace('HAM = "honest"', 'HAM = { aliases = ["odd"] }')
    rules = HEAD + "@labeling_function\ndef odd(text):\n    return 'odd'\n"
    folder = project(tmp_path / "p", toml=toml, rules=rules)
    assert {row["odd"] for row in votes(run(folder))} == {"HAM"}
    edit(folder / "quorate.toml", 'HAM = { aliases = ["odd"] }', 'HAM = "honest"')
    edit(folder / "quorate.toml", 'SPAM = "advertising"', 'SPAM = { aliases = ["odd"] }')
    assert {row["odd"] for row in votes(run(folder))} == {"SPAM"}


# ---- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a/b", "..", ".", "a b", "é", "x" * 300, "a\\b"])
def test_a_source_of_any_name_has_a_folder_of_its_own(name: str, tmp_path: Path) -> None:
    assert (tmp_path / file_name(name)).resolve().parent == tmp_path.resolve()
    assert (tmp_path / file_name(name)).resolve() != tmp_path.resolve()
    assert len(file_name(name)) < 120
    assert file_name(name) not in ("a_b", "_", file_name(name + "!"))


def test_a_source_cannot_take_the_place_of_the_row_ids(tmp_path: Path) -> None:
    rules = HEAD + "@labeling_function(label='SPAM')\ndef row_id(text):\n    return True\n"
    with pytest.raises(QuorateError, match="'row_id'"):
        run(project(tmp_path / "p", rules=rules))


# ---- memory ---------------------------------------------------------------------------------------------------------


class Named:
    """A source as the store knows it."""

    name = "source"

    def fingerprint(self) -> str:
        return "f"


def keyed(rows: Iterable[int]) -> NDArray[np.void]:
    return np.array([row.to_bytes(KEY_BYTES, "little") for row in rows], f"V{KEY_BYTES}")


def test_sources_that_read_the_same_cells_share_their_keys(done: Path) -> None:
    by_text = {path.stem for path in (done / ".quorate" / "votes" / "by_text").rglob("*.parquet")}
    by_row = {path.stem for path in (done / ".quorate" / "votes" / "by_row").rglob("*.parquet")}
    assert by_text <= {path.name for path in (done / ".quorate" / "keys").iterdir()}
    assert not by_text & by_row


def test_sources_may_keep_the_same_keys_at_the_same_time(tmp_path: Path) -> None:
    """Sources that ask endpoints write from threads; a file that two of them share is moved into its place once."""
    source, column = Named(), VoteColumn.hard([0, 1])

    def keep(turn: int) -> None:
        for i in range(100):
            store = Store(tmp_path / f"{i}")
            store.write(source, keyed([i, turn % 2]), column)  # type: ignore[arg-type]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(keep, range(8)))
    assert not list(tmp_path.rglob(".*"))
    assert Store(tmp_path / "7").read(source, keyed([7, 1]), 2)[1].all()  # type: ignore[arg-type]


def test_a_partition_is_found_whole_whatever_memory_there_is(tmp_path: Path) -> None:
    column, source = VoteColumn.hard([0, 1, -1, 1]), Named()
    Store(tmp_path).write(source, keyed(range(4)), column)  # type: ignore[arg-type]
    for most_bytes, found in ((0, [False, False]), (64, [True, False])):
        store = Store(tmp_path, most_bytes=most_bytes)
        whole, hit = store.read(source, keyed(range(4)), 2)  # type: ignore[arg-type]
        assert hit.all()
        assert np.array_equal(whole.labels, column.labels)
        assert store.read(source, keyed([3, 9]), 2)[1].tolist() == found  # type: ignore[arg-type]


@pytest.mark.parametrize("damage", ["shorter", "other", "absent"])
def test_damaged_keys_are_no_keys(tmp_path: Path, damage: str) -> None:
    source = Named()
    Store(tmp_path).write(source, keyed(range(4)), VoteColumn.hard([0, 1, -1, 1]))  # type: ignore[arg-type]
    (file,) = (tmp_path / "keys").iterdir()
    content = file.read_bytes()
    file.unlink()
    if damage != "absent":
        file.write_bytes(content[:-KEY_BYTES] if damage == "shorter" else content[KEY_BYTES:] + content[:KEY_BYTES])
    assert not Store(tmp_path).read(source, keyed([1]), 2)[1].any()  # type: ignore[arg-type]
