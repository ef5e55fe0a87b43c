"""The laws of sources, over every source there is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import cache
from typing import Any

import cloudpickle
import numpy as np
import pyarrow as pa
import pytest
from discovered import every, example, law
from hypothesis import strategies as st
from projects import needs

from quorate import apply, labeling_function
from quorate.errors import MissingExtra, QuorateError
from quorate.protocols import EXAMPLE_SPACE, SelfTesting, example_rows
from quorate.registry import load, names
from quorate.rows import Rows
from quorate.values import ABSTAIN, Status, VoteColumn

ROWS = example_rows()
_TEXTS = [text for text in ROWS.values("text") if text]
# The texts as they are, in capitals, and with their words run into others.
MANY = Rows.of(pa.table({"text": _TEXTS + [text.upper() for text in _TEXTS] + [f"x{text}x" for text in _TEXTS]}))

positions = st.lists(st.integers(0, len(ROWS) - 1), max_size=14)
texts = st.lists(st.none() | st.text(max_size=40), max_size=6)


def asked(name: str, rows: Rows) -> VoteColumn:
    column: VoteColumn = example("sources", name).vote(rows, EXAMPLE_SPACE)
    return column


def facts(column: VoteColumn) -> list[tuple[Any, ...]]:
    """What a column says of each row, without the row's id, comparable bit for bit."""
    n = len(column.labels)
    nothing = np.full(n, np.nan, np.float32)
    confidence = nothing if column.confidence is None else column.confidence
    soft = np.full((n, len(EXAMPLE_SPACE)), np.nan, np.float32)
    soft = soft if column.distribution is None else column.distribution
    failures = iter(column.failures)
    messages = [next(failures).message if s == Status.FAILED else "" for s in column.status]
    by_row = zip(column.labels.tolist(), column.status.tolist(), confidence, soft, messages, strict=True)
    return [(label, status, c.tobytes(), d.tobytes(), message) for label, status, c, d, message in by_row]


def rows_at(at: list[int]) -> Rows:
    """The example rows at these positions, under ids of their own."""
    return Rows(ROWS.table.take(pa.array(at, pa.int64())), pa.array([f"row {i}" for i in range(len(at))], pa.string()))


@every("sources")
def test_a_source_says_who_it_is_and_what_it_reads(name: str) -> None:
    source = example("sources", name)
    assert source.name
    assert source.family in ("rule", "model")
    assert set(source.columns or ()) <= set(ROWS.columns)
    assert set(source.labels) <= set(EXAMPLE_SPACE.names)


@every("sources")
def test_the_example_votes_on_some_rows_and_fails_on_none(name: str) -> None:
    """Else the laws below would hold of nothing."""
    status = asked(name, ROWS).status
    assert (status == Status.VOTED).any()
    assert not (status == Status.FAILED).any()


@law("sources", texts)
def test_any_text_gets_one_vote_that_is_a_declared_label_or_no_vote(name: str, cells: list[str | None]) -> None:
    rows = Rows.of(pa.table({"text": pa.array(cells, pa.string()), "stars": pa.array([3] * len(cells), pa.int64())}))
    column = asked(name, rows)
    declared = {EXAMPLE_SPACE.index(label) for label in example("sources", name).labels or EXAMPLE_SPACE.names}
    assert len(column.labels) == len(column.status) == len(cells)
    assert ((column.labels == ABSTAIN) == (column.status != Status.VOTED)).all()
    assert set(column.labels.tolist()) <= declared | {ABSTAIN}
    assert {failure.row_id for failure in column.failures} <= set(rows.ids.to_pylist())


@law("sources", positions)
def test_a_vote_depends_on_the_cells_of_its_row_alone(name: str, at: list[int]) -> None:
    """Any rows, in any order, repeated or left out, under any ids."""
    whole = facts(asked(name, ROWS))
    assert facts(asked(name, rows_at(at))) == [whole[i] for i in at]


@every("sources")
@pytest.mark.parametrize("size", [1, 4, None])
def test_votes_of_partitions_are_the_votes_of_the_whole(name: str, size: int | None) -> None:
    parts = [fact for rows in ROWS.partitions(size) for fact in facts(asked(name, rows))]
    assert parts == facts(asked(name, ROWS))


def _star(stars: Any) -> str | None:
    return "SPAM" if str(stars) == "1" else None


def _stars(stars: Any) -> list[str | None]:
    return [_star(cell) for cell in stars]


def _snorkel_star() -> Any:
    needs("snorkel")
    from snorkel.labeling import LabelingFunction

    return LabelingFunction("star", lambda x: 0 if str(x.stars) == "1" else ABSTAIN)


@pytest.mark.parametrize(
    "make",
    [lambda: labeling_function(_star), lambda: labeling_function(batch=True)(_stars), _snorkel_star],
    ids=["function", "batch function", "Snorkel's function"],
)
def test_a_missing_number_in_one_row_does_not_change_what_is_seen_in_another(make: Callable[[], Any]) -> None:
    """pandas makes floats of a column of ints when one of them is missing."""
    rows = Rows.of(pa.table({"stars": [1, None, 3]}))
    whole, one_by_one = (apply(rows, [make()], EXAMPLE_SPACE, partition_rows=size) for size in (None, 1))
    assert whole.matrix.tolist() == one_by_one.matrix.tolist()


def _others(value: Any) -> list[Any]:
    """Values of the same type for an option, where its type tells how."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, float):
        return [0.0, 0.99]
    if isinstance(value, str):
        return ["song", *EXAMPLE_SPACE.names]
    if isinstance(value, Mapping):
        return [dict([entry]) for entry in value.items()]
    return [value[:1], ("song",)] if isinstance(value, tuple) and value else []


def _changed(source: Any, option: str, value: Any) -> Any:
    """The source with another value of an option, None where it refuses that value."""
    try:
        changed = replace(source, **{option: value})
        changed.vote(MANY, EXAMPLE_SPACE)
    except QuorateError:
        return None
    return changed


@every("sources")
def test_an_option_that_changes_the_votes_changes_the_fingerprint(name: str) -> None:
    source, votes = example("sources", name), facts(asked(name, MANY))
    options = [f.name for f in fields(source) if not f.name.endswith("_s")]
    others = [_changed(source, option, other) for option in options for other in _others(getattr(source, option))]
    revised = [other for other in others if other and facts(other.vote(MANY, EXAMPLE_SPACE)) != votes]
    assert [other for other in revised if other.fingerprint() == source.fingerprint()] == []


@every("sources")
def test_a_table_without_rows_gets_no_votes(name: str) -> None:
    assert facts(asked(name, rows_at([]))) == []


@every("sources")
def test_a_column_without_a_type_is_a_column_of_missing_cells(name: str) -> None:
    """A partition of a JSONL file in which every text is null."""
    stars = pa.array([1, 1, 1], pa.int64())
    typed = Rows.of(pa.table({"text": pa.array([None] * 3, pa.string()), "stars": stars}))
    untyped = Rows.of(pa.table({"text": pa.nulls(3), "stars": stars}))
    assert facts(asked(name, untyped)) == facts(asked(name, typed))


@every("sources")
def test_only_the_declared_columns_are_read(name: str) -> None:
    columns = example("sources", name).columns
    narrow = Rows(ROWS.table.select(list(columns or ROWS.columns)), ROWS.ids)
    assert facts(asked(name, narrow)) == facts(asked(name, ROWS))


@every("sources")
def test_its_own_examples_hold(name: str) -> None:
    source = example("sources", name)
    assert not isinstance(source, SelfTesting) or source.broken_examples(EXAMPLE_SPACE) == []


@every("sources")
def test_voting_does_not_change_the_fingerprint(name: str) -> None:
    source = example("sources", name)
    fresh = load("sources", name).example().fingerprint()
    source.vote(Rows.of(pa.table({"text": ["words that no example holds"], "stars": [2]})), EXAMPLE_SPACE)
    assert source.fingerprint() == fresh
    assert load("sources", name).example().fingerprint() == fresh


@every("sources")
def test_a_pickled_copy_votes_the_same_under_the_same_fingerprint(name: str) -> None:
    source = example("sources", name)
    source.vote(ROWS, EXAMPLE_SPACE)
    copy = cloudpickle.loads(cloudpickle.dumps(source))
    assert facts(copy.vote(ROWS, EXAMPLE_SPACE)) == facts(asked(name, ROWS))
    assert copy.fingerprint() == source.fingerprint()


ELSEWHERE = """
import json, sys
import cloudpickle
from quorate.protocols import EXAMPLE_SPACE, example_rows
from quorate.registry import load
found = {}
for name, pickled in cloudpickle.load(sys.stdin.buffer).items():
    source = cloudpickle.loads(pickled)
    found[name] = {
        "made there": load("sources", name).example().fingerprint(),
        "sent there": source.fingerprint(),
        "labels": source.vote(example_rows(), EXAMPLE_SPACE).labels.tolist(),
    }
print(json.dumps(found))
"""


@cache
def _elsewhere() -> Any:
    """What another Python says of every source, made there and sent there."""
    pickled = {}
    for name in names("sources"):
        try:
            pickled[name] = cloudpickle.dumps(load("sources", name).example())
        except MissingExtra:
            continue
    environment = os.environ | {"PYTHONHASHSEED": "12345"}
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        input=cloudpickle.dumps(pickled),
        env=environment,
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr.decode()[-4000:]
    return json.loads(done.stdout)


@every("sources")
def test_another_process_gives_the_same_fingerprint_and_votes(name: str) -> None:
    here, there = example("sources", name).fingerprint(), _elsewhere()[name]
    assert there["made there"] == here
    assert there["sent there"] == here
    assert there["labels"] == asked(name, ROWS).labels.tolist()
