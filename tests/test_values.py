"""The values: what they refuse, what they keep, and the algebra of vote patterns."""

from __future__ import annotations

import pickle
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

import quorate
from quorate import ABSTAIN, Gold, Labels, LabelSpace, Rows, Status, VotePatterns, Votes
from quorate.errors import LabelError, TableError
from quorate.rows import numbered_ids
from quorate.values import VoteColumn

SPACE = LabelSpace(("A", "B", "C"))
MATRICES = arrays(np.int16, array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=9), elements=st.integers(-1, 2))


def votes_of(matrix: NDArray[np.int16]) -> Votes:
    return Votes.of(matrix, SPACE)


def gold_of(votes: Votes, labels: list[int]) -> Gold:
    return Gold(tuple(votes.ids.to_pylist())[: len(labels)], np.array(labels, np.int16))


def same(a: VotePatterns, b: VotePatterns) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ("matrix", "counts", "gold"))


# ---- votes ----------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-1, 2), st.sampled_from(list(Status)))))
def test_a_vote_is_minus_one_exactly_where_its_status_is_not_voted(cells: list[tuple[int, Status]]) -> None:
    labels, status = [label for label, _ in cells], [s for _, s in cells]
    lawful = all((label == ABSTAIN) == (s != Status.VOTED) for label, s in cells)
    ids = pa.array([str(i) for i in range(len(cells))], pa.string())
    matrix = np.array(labels, np.int16).reshape(-1, 1), np.array(status, np.uint8).reshape(-1, 1)
    if lawful:
        assert len(Votes(SPACE, ids, ("s",), ("rule",), *matrix)) == len(cells)
    else:
        with pytest.raises(ValueError, match="exactly where its status is not 'voted'"):
            Votes(SPACE, ids, ("s",), ("rule",), *matrix)


def test_a_vote_past_the_last_label_is_refused() -> None:
    with pytest.raises(LabelError, match="a vote is 3, but there are 3 labels"):
        votes_of(np.array([[3]], np.int16))


def test_a_vote_below_minus_one_is_refused() -> None:
    with pytest.raises(ValueError, match="got -2"):
        votes_of(np.array([[-2]], np.int16))


def test_votes_must_fit_their_ids_and_sources() -> None:
    with pytest.raises(ValueError, match="do not fit 1 ids and 2 sources"):
        Votes.of([[0], [1]], SPACE, sources=["s", "t"], ids=["only"])


def test_every_failed_vote_has_a_failure() -> None:
    with pytest.raises(ValueError, match="0 failures for 1 failed rows"):
        VoteColumn(np.array([ABSTAIN]), np.array([Status.FAILED]))


def test_counts_say_how_many_sources_voted_for_each_label() -> None:
    assert votes_of(np.array([[0, 0, 2], [-1, 1, -1]], np.int16)).counts().tolist() == [[2, 0, 1], [0, 1, 0]]


# ---- read-only arrays -----------------------------------------------------------------------------------------------


def arrays_in(value: Any, path: str = "") -> list[tuple[str, NDArray[Any]]]:
    """Every NumPy array inside a value, by its path."""
    if isinstance(value, np.ndarray):
        return [(path, value)]
    if isinstance(value, dict):
        return [found for key, part in value.items() for found in arrays_in(part, f"{path}[{key}]")]
    if is_dataclass(value) and not isinstance(value, Rows):
        return [found for f in fields(value) for found in arrays_in(getattr(value, f.name), f"{path}.{f.name}")]
    return []


def soft_votes() -> Votes:
    @quorate.labeling_function()
    def unsure(text: str) -> dict[str, float]:
        return {"A": 0.75, "B": 0.25} if len(text) > 1 else {"A": 0.5, "B": 0.5}

    return quorate.apply(pd.DataFrame({"text": ["aa", "b", "cc"]}), [unsure], SPACE)


def every_value() -> dict[str, Any]:
    votes = soft_votes()
    gold = Gold.of(["0"], ["A"], SPACE)
    labels = quorate.fuse(votes, gold=gold)
    rows = Rows.of(pd.DataFrame({"text": ["aa", "b", "cc"]}))
    return {
        "Votes": votes,
        "VotePatterns": VotePatterns.of(votes, gold),
        "Labels": labels,
        "Queue": quorate.rank(votes, labels),
        "Gold": gold,
        "TrainingSet": quorate.assemble(rows, labels, gold),
    }


@pytest.mark.parametrize("name", ["Votes", "VotePatterns", "Labels", "Queue", "Gold", "TrainingSet"])
def test_the_arrays_of_a_value_are_read_only(name: str) -> None:
    found = arrays_in(every_value()[name], name)
    assert found
    assert [path for path, array in found if array.flags.writeable] == []


def test_the_callers_array_stays_writable() -> None:
    mine, probs = np.array([[0], [1]], np.int16), np.array([[1.0, 0.0, 0.0]])
    votes_of(mine)
    Labels(SPACE, pa.array(["x"]), probs, np.array([True]), "m")
    mine[0, 0], probs[0] = 1, 0.5
    assert mine.tolist() == [[1], [1]]


def test_soft_votes_keep_their_distribution_and_a_tied_one_does_not_vote() -> None:
    votes = soft_votes()
    assert votes.matrix[:, 0].tolist() == [0, ABSTAIN, 0]
    assert votes.distributions["unsure"].tolist() == [[0.75, 0.25, 0], [0.5, 0.5, 0], [0.75, 0.25, 0]]


# ---- vote patterns --------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(MATRICES, st.integers(0, 9), st.lists(st.integers(0, 2), max_size=9))
def test_patterns_of_the_parts_add_up_to_the_patterns_of_the_whole(
    matrix: NDArray[np.int16], cut: int, answers: list[int]
) -> None:
    whole = votes_of(matrix)
    gold = gold_of(whole, answers[: len(whole)])
    ids = whole.ids.to_pylist()
    parts = [Votes.of(matrix[s], SPACE, whole.sources, ids[s]) for s in (slice(0, cut), slice(cut, None))]
    first, second = (VotePatterns.of(part, gold) for part in parts)
    assert same(first + second, VotePatterns.of(whole, gold))


@settings(deadline=None)
@given(st.integers(1, 6).flatmap(lambda m: st.tuples(*[arrays(np.int16, (4, m), elements=st.integers(-1, 2))] * 3)))
def test_adding_patterns_is_commutative_and_associative(parts: tuple[NDArray[np.int16], ...]) -> None:
    a, b, c = (VotePatterns.of(votes_of(part), gold_of(votes_of(part), [0, 1])) for part in parts)
    assert same(a + b, b + a)
    assert same((a + b) + c, a + (b + c))


@pytest.mark.parametrize(("sources", "labels"), [(1, 2), (39, 2), (40, 2), (60, 5), (31, 3), (32, 3), (300, 50)])
def test_patterns_are_the_distinct_rows_however_wide_the_matrix(sources: int, labels: int) -> None:
    """Past 63 bits a row no longer fits an integer; the answer must not change there."""
    rng = np.random.default_rng(sources)
    distinct = rng.integers(-1, labels, (30, sources)).astype(np.int16)
    distinct[1] = distinct[0]
    distinct[1, -1] = (distinct[0, -1] + 1) % labels
    distinct[2:5, sources // 2 :] = ABSTAIN
    matrix = distinct[rng.integers(0, 30, 500)]
    expected, counts = np.unique(matrix, axis=0, return_counts=True)
    patterns = VotePatterns.of(Votes.of(matrix, [f"l{y}" for y in range(labels)]))
    assert np.array_equal(patterns.matrix, expected)
    assert np.array_equal(patterns.counts, counts)


def test_patterns_of_other_sources_do_not_add_up() -> None:
    a, b = (VotePatterns.of(Votes.of([[0]], SPACE, [name])) for name in "ab")
    with pytest.raises(ValueError, match="same labels and the same sources"):
        a + b


# ---- label spaces ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["SPAM", "spam", "  Spam ", "advert", "ADVERT"])
def test_names_and_aliases_are_met_without_regard_to_case_and_outer_spaces(word: str) -> None:
    assert LabelSpace(("HAM", "SPAM"), aliases={"advert": "SPAM"}).index(word) == 1


def test_an_unknown_name_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(LabelError, match=r"'SPMA' is not a label; the labels are 'HAM', 'SPAM'. Did you mean 'SPAM'\?"):
        LabelSpace(("HAM", "SPAM")).index("SPMA")


@pytest.mark.parametrize(
    ("names", "aliases", "message"),
    [
        (("ONE",), {}, "at least two labels"),
        (("A", "a "), {}, "differ by more than case: 'A', 'a '"),
        (("A", "A"), {}, "differ by more than case"),
        (("A", ""), {}, "empty"),
        (("A", "B"), {"x": "C"}, "'C', which is not a label"),
        (("A", "B"), {"a": "B"}, "stands for two labels"),
    ],
)
def test_a_label_space_without_clear_names_is_refused(
    names: tuple[str, ...], aliases: dict[str, str], message: str
) -> None:
    with pytest.raises(LabelError, match=message):
        LabelSpace(names, aliases=aliases)


# ---- labels and gold ------------------------------------------------------------------------------------------------


def test_a_hard_label_is_none_on_a_tie_and_where_nobody_voted() -> None:
    probs = [[0.4, 0.4, 0.2], [0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.2, 0.2, 0.6]]
    labels = Labels(SPACE, pa.array(list("abcd")), np.array(probs), np.array([True, True, False, True]), "m")
    assert labels.names == [None, "A", None, "C"]
    assert labels.hard.tolist() == [ABSTAIN, 0, ABSTAIN, 2]
    assert labels.tied.tolist() == [True, False, False, False]


@pytest.mark.parametrize("probs", [[0.5, 0.6, 0.1], [np.nan, 0.5, 0.5]])
def test_label_probabilities_must_sum_to_one(probs: list[float]) -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        Labels(SPACE, pa.array(["a"]), np.array([probs]), np.array([True]), "m")


def test_a_later_answer_wins_and_rows_without_one_are_minus_one() -> None:
    gold = Gold.of(["a", "b", "a", "c"], ["A", "B", "C", None], SPACE)
    assert gold.aligned(pa.array(["c", "b", "a", "z"])).tolist() == [ABSTAIN, 1, 2, ABSTAIN]


# ---- rows -----------------------------------------------------------------------------------------------------------


class LikePolars:
    """A frame of some other library: all that is known of it is the Arrow C stream."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._table.__arrow_c_stream__(requested_schema)


PANDAS = pd.DataFrame({"key": ["x", "y", "z"], "text": ["one", None, "three"]}, index=[7, 5, 9])
ARROW = pa.table({"key": ["x", "y", "z"], "text": ["one", None, "three"]})


@pytest.mark.parametrize("frame", [PANDAS, ARROW, LikePolars(ARROW), Rows.of(ARROW)])
def test_rows_come_from_any_frame(frame: Any) -> None:
    rows = Rows.of(frame, "key")
    assert rows.columns == ("key", "text")
    assert rows.ids.to_pylist() == ["x", "y", "z"]
    assert rows.values("text") == ["one", None, "three"]
    assert Rows.of(frame).ids.to_pylist() == ["0", "1", "2"]


def test_what_is_no_frame_is_refused_by_its_type() -> None:
    with pytest.raises(TableError, match="cannot read rows from list"):
        Rows.of([{"text": "x"}])


def test_a_pickled_slice_holds_the_slice_alone() -> None:
    whole = Rows.of(pa.table({"id": [f"r{i}" for i in range(50_000)], "text": ["some words"] * 50_000}), "id")
    part = list(whole.partitions(10))[3]
    copy = pickle.loads(pickle.dumps(part))
    assert len(pickle.dumps(part)) < 5_000
    assert copy.ids.to_pylist() == part.ids.to_pylist()
    assert copy.table.equals(part.table)


@settings(deadline=None)
@given(st.integers(0, 40), st.one_of(st.none(), st.integers(1, 50)))
def test_partitions_are_the_rows_in_order(n: int, size: int | None) -> None:
    rows = Rows.of(pa.table({"text": pa.array([f"t{i}" for i in range(n)], pa.string())}))
    parts = list(rows.partitions(size))
    assert [i for part in parts for i in part.ids.to_pylist()] == rows.ids.to_pylist()
    assert [cell for part in parts for cell in part.values("text")] == rows.values("text")
    assert len(parts) >= 1
    assert all(len(part) <= (size or n) for part in parts)


@pytest.mark.parametrize("rows", [0, 1, 9, 10, 11, 100, 101, 12_345])
def test_rows_without_ids_are_numbered(rows: int) -> None:
    ids = numbered_ids(rows)
    ids.validate(full=True)
    assert ids.to_pylist() == [str(i) for i in range(rows)]
