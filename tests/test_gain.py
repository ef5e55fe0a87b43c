"""The default ranking: what an answer is worth, and what is folded."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quorate import ABSTAIN, Gold, Labels, LabelSpace, Rows, Votes, fuse, rank
from quorate.patterns import fold
from quorate.ranking.alike import reading_s, same_reading
from quorate.ranking.gain import STRENGTH, answered, count_answers, gain

SPACE = LabelSpace(("A", "B"))


def judged(probs: list[list[float]], matrix: list[list[int]]) -> tuple[Votes, Labels]:
    votes = Votes.of(np.array(matrix, np.int16), SPACE, ids=[f"r{i}" for i in range(len(matrix))])
    return votes, Labels(SPACE, votes.ids, np.array(probs), votes.covered, "told")


def test_a_doubtful_pattern_of_many_rows_goes_before_one_of_few() -> None:
    votes, labels = judged([[0.5, 0.5]] * 2 + [[0.5, 0.5]] * 20, [[0, 1]] * 2 + [[1, 0]] * 20)
    assert rank(votes, labels, size=1, random_share=0).position[0] >= 2


def test_a_row_whose_label_is_surely_wrong_goes_first_among_single_rows() -> None:
    votes, labels = judged([[0.9, 0.1], [0.6, 0.4], [0.99, 0.01]], [[0, 1], [1, 0], [0, 0]])
    assert rank(votes, labels, size=None).position.tolist() == [1, 0, 2]


def test_a_batch_spreads_over_patterns() -> None:
    votes, labels = judged([[0.5, 0.5]] * 30 + [[0.5, 0.5]] * 30, [[0, 1]] * 30 + [[1, 0]] * 30)
    first = rank(votes, labels, size=10, random_share=0).position
    assert 4 <= (first < 30).sum() <= 6


def test_answers_that_agree_with_a_label_send_its_pattern_back() -> None:
    votes, labels = judged([[0.6, 0.4]] * 40, [[0, 1]] * 20 + [[1, 0]] * 20)
    gold = Gold.of([f"r{i}" for i in range(10)], ["A"] * 10, SPACE)
    assert (rank(votes, labels, size=5, random_share=0, gold=gold).position >= 20).all()


def test_answers_that_contradict_the_labels_given_bring_their_pattern_forward() -> None:
    votes, labels = judged([[0.6, 0.4]] * 40, [[0, 1]] * 20 + [[1, 0]] * 20)
    gold = Gold.of([f"r{i}" for i in range(10)], ["B"] * 10, SPACE)
    assert (rank(votes, labels, size=5, random_share=0, gold=gold).position < 20).all()


def test_rows_with_the_same_votes_take_answers_into_account() -> None:
    votes, labels = judged([[0.6, 0.4]] * 4, [[0, 1]] * 3 + [[1, 0]])
    told = count_answers(labels, *fold(votes, Gold.of(["r0"], ["B"], SPACE)))
    expected = [0.6 * STRENGTH / (STRENGTH + 1), (0.4 * STRENGTH + 1) / (STRENGTH + 1)]
    assert told.probs[1] == pytest.approx(expected)
    assert told.probs[3].tolist() == labels.probs[3].tolist()


@settings(deadline=None, max_examples=50)
@given(st.floats(0, 1), st.floats(0.5, 1), st.integers(0, 50), st.integers(1, 10_000))
def test_gain_is_at_least_the_row_itself_and_never_more_than_the_pattern(
    wrong: float, best: float, answers: int, left: int
) -> None:
    share = np.array([[best, 1 - best]])
    worth = gain(np.array([wrong]), share, np.array([STRENGTH + answers]), np.array([float(left)]))[0]
    assert wrong - 1e-12 <= worth <= left + 1e-9


@settings(deadline=None, max_examples=50)
@given(st.floats(0.5, 0.99), st.integers(0, 40), st.integers(2, 5_000))
def test_each_further_answer_on_a_pattern_is_worth_less(best: float, answers: int, left: int) -> None:
    share = np.full((2, 2), [best, 1 - best])
    strength = STRENGTH + np.array([answers, answers + 1.0])
    more, less = gain(np.full(2, 1 - best), share, strength, np.array([left, left - 1.0]))
    assert less <= more + 1e-9


def test_answers_overrule_belief_in_the_long_run() -> None:
    assert answered(np.array([[0.9, 0.1]]), np.array([[0.0, 100.0]]))[0, 1] > 0.95


def test_rows_without_votes_do_not_crowd_the_queue() -> None:
    votes = Votes.of(np.array([[ABSTAIN, ABSTAIN]] * 50 + [[0, 1]] * 50, np.int16), SPACE)
    first = rank(votes, fuse(votes, "majority"), size=20, random_share=0).position
    assert (first >= 50).sum() >= 15


def test_rows_that_read_alike_are_folded_and_stand_last() -> None:
    rows = Rows.of(pd.DataFrame({"text": ["Win £100 now!!", "win £250 NOW", "see you at noon", "what a song"]}))
    votes, labels = judged([[0.5, 0.5]] * 4, [[0, 1]] * 4)
    votes = Votes.of(votes.matrix, SPACE)
    labels = Labels(SPACE, votes.ids, labels.probs, labels.covered, "told")
    queue = rank(votes, labels, size=None, rows=rows)
    order = queue.position.tolist()
    assert order[0] in (0, 1)
    assert order[-1] in (0, 1)
    assert queue.score[-1] < 0.01 < queue.score[-2]


def test_rows_are_alike_up_to_case_digits_and_punctuation() -> None:
    groups = same_reading(Rows.of(pd.DataFrame({"a": ["Hi 1", "hi 22!", "ho", "12", "34", None], "n": range(6)})))
    assert groups[0] == groups[1]
    assert len(set(groups[1:].tolist())) == 5


def test_a_longer_text_takes_longer_and_is_asked_about_later() -> None:
    rows = Rows.of(pd.DataFrame({"text": ["word " * 200, "a word", "other words"]}))
    assert reading_s(rows)[0] > reading_s(rows)[1] > 2
    votes = Votes.of(np.array([[0, 1]] * 3, np.int16), SPACE)
    assert rank(votes, fuse(votes, "majority"), size=None, rows=rows).position[-1] == 0


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(12)))
def test_the_default_queue_does_not_depend_on_the_order_of_the_rows(order: list[int]) -> None:
    matrix = np.array([[0, 1, 1]] * 4 + [[0, 0, 1]] * 5 + [[1, 1, -1]] * 3, np.int16)
    ids = [f"r{i}" for i in range(12)]
    straight = Votes.of(matrix, SPACE, ids=ids)
    shuffled = Votes.of(matrix[order], SPACE, ids=[ids[i] for i in order])
    queues = [rank(votes, fuse(votes, "majority"), size=8, random_share=0.25) for votes in (straight, shuffled)]
    assert queues[0].ids.to_pylist() == queues[1].ids.to_pylist()
    assert queues[0].inclusion.tolist() == queues[1].inclusion.tolist()


def test_a_label_that_contradicts_its_text_is_a_label_error() -> None:
    texts = ["buy cheap pills now"] * 40 + ["lovely song and melody"] * 41
    rows = Rows.of(pd.DataFrame({"text": texts}))
    matrix = np.array([[0]] * 40 + [[1]] * 40 + [[0]], np.int16)
    votes = Votes.of(matrix, SPACE)
    queue = rank(votes, fuse(votes, "majority"), ["label_error"], size=1, random_share=0, rows=rows)
    assert queue.position.tolist() == [80]
    assert queue.reasons["label_error"][0] > 0.5


def test_clusters_of_rows_without_votes_weigh_by_their_size() -> None:
    texts = ["pills and more pills"] * 60 + ["a quiet evening by the sea"] * 20 + ["voted"] * 20
    matrix = np.array([[ABSTAIN]] * 80 + [[0]] * 20, np.int16)
    votes = Votes.of(matrix, SPACE)
    queue = rank(votes, fuse(votes, "majority"), ["uncovered"], size=None, rows=Rows.of(pd.DataFrame({"text": texts})))
    by_row = dict(zip(queue.position.tolist(), queue.reasons["uncovered"].tolist(), strict=True))
    assert by_row[0] == pytest.approx(0.6)
    assert by_row[70] == pytest.approx(0.2)
    assert by_row[90] == 0
