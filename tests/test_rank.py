"""The review queue: its order, its random share, and why each row is in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from quorate import ABSTAIN, Gold, Labels, LabelSpace, Queue, Rows, Votes, fuse, labeling_function, rank
from quorate import apply as ask
from quorate.reporting.report import queue_entry

SPACE = LabelSpace(("A", "B", "C"))
SIGNALS = [
    "conflict",
    "endpoints_differ",
    "entropy",
    "label_error",
    "margin",
    "rare_label",
    "rules_vs_models",
    "uncovered",
]
MATRICES = arrays(np.int16, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40), elements=st.integers(-1, 2))


@dataclass(frozen=True)
class Given:
    """A signal that says what it was told to say."""

    kind: ClassVar[str] = "signals"

    scores: tuple[float, ...]

    def score(self, votes: Votes, labels: Labels) -> NDArray[np.float32]:
        return np.array(self.scores, np.float32)


def queue_of(
    scores: list[float], size: int | None = None, random_share: float = 0.0, gold: Gold | None = None
) -> Queue:
    votes = Votes.of(np.zeros((len(scores), 1), np.int16), SPACE, ids=[f"r{i}" for i in range(len(scores))])
    return rank(votes, fuse(votes, "majority"), [Given(tuple(scores))], size=size, random_share=random_share, gold=gold)


def test_the_highest_score_comes_first_and_equal_scores_keep_row_order() -> None:
    queue = queue_of([0.5, 0.9, 0.5, 0.1, 0.9, 0.5])
    assert queue.ids.to_pylist() == ["r1", "r4", "r0", "r2", "r5", "r3"]
    assert queue.position.tolist() == [1, 4, 0, 2, 5, 3]
    assert queue.score.tolist() == pytest.approx([0.9, 0.9, 0.5, 0.5, 0.5, 0.1])


@pytest.mark.parametrize(("size", "expected"), [(2, ["r1", "r4"]), (0, []), (99, None), (None, None)])
def test_the_queue_is_cut_at_its_size(size: int | None, expected: list[str] | None) -> None:
    queue = queue_of([0.5, 0.9, 0.5, 0.1, 0.9, 0.5], size)
    assert queue.ids.to_pylist() == (["r1", "r4", "r0", "r2", "r5", "r3"] if expected is None else expected)


def test_rows_that_people_settled_are_left_out() -> None:
    gold = Gold.of(["r1", "r5", "elsewhere"], ["A", "B", "A"], SPACE)
    assert queue_of([0.5, 0.9, 0.5, 0.1, 0.9, 0.5], gold=gold).ids.to_pylist() == ["r4", "r0", "r2", "r3"]


def test_a_queue_over_settled_rows_alone_is_empty() -> None:
    assert len(queue_of([0.5], 10, 0.5, Gold.of(["r0"], ["A"], SPACE))) == 0


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(0, 60), st.floats(0, 1))
def test_inclusion_probabilities_over_all_rows_sum_up_to_the_size_of_the_queue(n: int, size: int, share: float) -> None:
    """What Horvitz-Thompson estimates need: each open row's chance to be here, and no row twice."""
    queue = queue_of(list(np.linspace(0, 1, n)), size, share)
    targeted = queue.inclusion == 1
    drawn = queue.inclusion[~targeted]
    not_targeted = n - int(targeted.sum())
    assert len(queue) == min(size, n)
    assert len(set(queue.position.tolist())) == len(queue)
    assert ((queue.inclusion > 0) & (queue.inclusion <= 1)).all()
    assert len(set(drawn.tolist())) <= 1
    if len(drawn):
        assert drawn[0] * not_targeted == pytest.approx(len(drawn))


def test_the_drawn_rows_stand_behind_the_targeted_ones() -> None:
    queue = queue_of(list(np.linspace(0, 1, 100)), 20, 0.25)
    assert queue.inclusion.tolist() == [1.0] * 15 + [5 / 85] * 5
    assert queue.ids.to_pylist()[:15] == [f"r{i}" for i in range(99, 84, -1)]
    assert queue.score[15:].max() < queue.score[14]


def test_every_row_has_the_same_chance_in_the_lottery() -> None:
    """Over many sets of ids each place of the table is drawn about as often; 5 sigma of a binomial."""
    votes = [
        Votes.of(np.zeros((50, 1), np.int16), SPACE, ids=[f"{trial}-{i}" for i in range(50)]) for trial in range(400)
    ]
    drawn = np.concatenate([rank(v, fuse(v, "majority"), [], size=10, random_share=1.0).position for v in votes])
    hits = np.bincount(drawn, minlength=50)
    assert np.abs(hits - 80).max() < 5 * np.sqrt(400 * 0.2 * 0.8)


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_queue_does_not_depend_on_the_order_of_the_rows(random: object) -> None:
    scores = dict(zip([f"r{i}" for i in range(30)], np.linspace(0, 1, 30).tolist(), strict=True))
    ids = list(scores)
    random.shuffle(ids)  # type: ignore[attr-defined]
    votes = Votes.of(np.zeros((30, 1), np.int16), SPACE, ids=ids)
    shuffled = rank(votes, fuse(votes, "majority"), [Given(tuple(scores[i] for i in ids))], size=12, random_share=0.5)
    assert shuffled.ids.to_pylist() == queue_of(list(scores.values()), 12, 0.5).ids.to_pylist()


def test_no_global_random_state_is_read_or_written() -> None:
    np.random.seed(1)
    first = queue_of([0.5] * 40, 20, 0.5).ids.to_pylist()
    assert np.random.random() == np.random.RandomState(1).random_sample()
    assert queue_of([0.5] * 40, 20, 0.5).ids.to_pylist() == first


@settings(deadline=None)
@given(MATRICES)
def test_signals_and_scores_lie_between_zero_and_one(matrix: NDArray[np.int16]) -> None:
    votes = Votes.of(matrix, SPACE)
    labels = fuse(votes)
    assert list(rank(votes, labels, size=None).reasons) == SIGNALS
    queue = rank(votes, labels, SIGNALS, size=None)
    for values in (queue.score, rank(votes, labels, size=None).score, *queue.reasons.values()):
        assert ((values >= 0) & (values <= 1)).all()
    assert queue.score == pytest.approx(np.mean(list(queue.reasons.values()), axis=0), abs=1e-6)


def test_entropy_is_highest_where_the_model_knows_nothing() -> None:
    votes = Votes.of([[0, 0], [0, 1], [ABSTAIN, ABSTAIN]], ["A", "B"])
    queue = rank(votes, fuse(votes, "majority"), ["entropy"], size=None)
    assert dict(zip(queue.ids.to_pylist(), queue.reasons["entropy"].tolist(), strict=True)) == {"0": 0, "1": 1, "2": 1}


def test_conflict_is_the_share_of_pairs_that_disagree() -> None:
    votes = Votes.of([[0, 0, 1], [0, 1, 2], [0, ABSTAIN, ABSTAIN], [1, 1, 1], [0, 1, ABSTAIN]], SPACE)
    queue = rank(votes, fuse(votes, "majority"), ["conflict"], size=None)
    by_id = dict(zip(queue.ids.to_pylist(), queue.reasons["conflict"].tolist(), strict=True))
    assert by_id == pytest.approx({"0": 2 / 3, "1": 1, "2": 0, "3": 0, "4": 1})


def test_rules_against_models_is_the_distance_between_both_sides() -> None:
    matrix = np.array([[0, 0, 0], [0, 0, 1], [0, 1, 1], [ABSTAIN, ABSTAIN, 1], [0, 0, ABSTAIN]], np.int16)
    plain = Votes.of(matrix, SPACE)
    votes = Votes(SPACE, plain.ids, plain.sources, ("rule", "rule", "model"), matrix, plain.status)
    queue = rank(votes, fuse(votes, "majority"), ["rules_vs_models"], size=None)
    by_id = dict(zip(queue.ids.to_pylist(), queue.reasons["rules_vs_models"].tolist(), strict=True))
    assert by_id == pytest.approx({"0": 0, "1": 1, "2": 0.5, "3": 0, "4": 0})


# ---- each row says why it is here ------------------------------------------------------------------------------------


@labeling_function(label="A")
def says_a(text: str) -> bool:
    return "a" in text


@labeling_function(label="A")
def says_a_too(text: str) -> bool:
    return "a" in text


@labeling_function(label="B")
def says_b(text: str) -> bool:
    return "b" in text


def entries(*texts: str, share: float = 0.0) -> dict[str, dict[str, Any]]:
    rows = Rows.of(pd.DataFrame({"text": texts}))
    votes = ask(rows, [says_a, says_a_too, says_b], SPACE)
    labels = fuse(votes, "majority")
    queue = rank(votes, labels, size=None if share == 0 else 2, random_share=share)
    return {str(queue.ids[i]): queue_entry(queue, i, rows, votes, labels) for i in range(len(queue))}


def test_a_row_says_who_voted_what_and_why_it_is_here() -> None:
    entry = entries("ab", "a", "c")["0"]
    assert entry["votes"] == {"says_a": "A", "says_a_too": "A", "says_b": "B"}
    assert entry["cells"] == {"text": "ab"}
    assert entry["label"] == "A"
    assert entry["inclusion"] == 1.0
    assert {name: score for name, score in entry["reasons"].items() if score} == pytest.approx(
        {"conflict": 0.6667, "entropy": 0.5794, "margin": 0.6667}, abs=1e-4
    )
    assert entry["why"] == (
        "2 sources say A, 1 source says B; the label model says A (0.67); strongest signal: conflict"
    )


def test_a_row_without_votes_says_so() -> None:
    entry = entries("ab", "a", "c")["2"]
    assert (entry["votes"], entry["label"], entry["why"]) == ({}, None, "no source voted")


def test_a_drawn_row_says_that_it_was_drawn() -> None:
    whys = {entry["why"] for entry in entries("b", "b", "b", "b", share=1.0).values()}
    assert whys == {"drawn at random to keep estimates honest"}
