"""Suspects as laws: what is planted is found, what is clean is left alone, and neither order nor names matter."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from quorate.errors import PluginError
from quorate.suspects.estimate import estimate
from quorate.suspects.held_out import classifier, held_out
from quorate.suspects.neighbours import nearest_others
from quorate.suspects.noise import confident_counts, noise
from quorate.suspects.suspected import Suspects, suspects
from quorate.suspects.suspicion import believed, doubted, suspicion
from quorate.suspects.views import views
from quorate.values import ABSTAIN

Floats = NDArray[np.float64]
SUBJECTS = (
    ("pasta", "salad", "soup", "pizza", "bread", "cheese"),
    ("goal", "match", "team", "league", "coach", "striker"),
    ("rain", "cloud", "storm", "sunny", "wind", "frost"),
)


def stories(n: int = 300, k: int = 3, seed: int = 0) -> tuple[list[str], NDArray[np.int16]]:
    """Different texts of k subjects, and their subjects: each has three words of its own and one of another."""
    generator = np.random.default_rng(seed)
    subject = (np.arange(n) % k).astype(np.int16)
    texts = []
    for at, y in enumerate(subject.tolist()):
        own = generator.choice(SUBJECTS[y], 3, replace=False).tolist()
        other = SUBJECTS[(y + 1 + at % (k - 1)) % k][at % 6]
        texts.append(" ".join([*own, other, f"no{at:04d}x"]))
    return texts, subject


def found(texts: list[str], labels: NDArray[np.int16], k: int = 3, ids: list[str] | None = None) -> Suspects:
    return suspects(views(texts), labels, k, pa.array(ids or [f"r{at}" for at in range(len(texts))]))


def beliefs(seed: int, n: int = 120, k: int = 4) -> tuple[Floats, NDArray[np.int16]]:
    """Probabilities and labels that mostly go with them."""
    generator = np.random.default_rng(seed)
    probs = generator.dirichlet(np.full(k, 0.4), n)
    labels = np.array([generator.choice(k, p=p) for p in probs], np.int16)
    return probs, labels


def test_planted_errors_are_ranked_first_and_told_right() -> None:
    texts, right = stories()
    labels = right.copy()
    wrong = np.arange(5, 300, 23)
    labels[wrong] = (labels[wrong] + 1) % 3
    seen = found(texts, labels)
    assert set(seen.ranked()[: len(wrong)].tolist()) == set(wrong.tolist())
    assert (seen.suggested[wrong] == right[wrong]).all()
    assert seen.suspicion[wrong].min() > 0.5 > np.delete(seen.suspicion, wrong).max()
    assert seen.estimate.low <= len(wrong) <= seen.estimate.high
    assert seen.estimate.rows == pytest.approx(len(wrong), abs=8)


def test_no_label_is_suspect_where_all_are_clean() -> None:
    seen = found(*stories())
    assert seen.suspicion.max() < 0.1
    assert round(seen.estimate.rows) == 0
    assert seen.estimate.trust == "good"


def test_labels_that_have_nothing_to_do_with_texts_are_not_counted_with_trust() -> None:
    texts, _ = stories()
    labels = np.random.default_rng(1).integers(0, 3, len(texts)).astype(np.int16)
    assert found(texts, labels).estimate.trust == "none"


def test_the_order_of_rows_changes_nothing_but_the_order() -> None:
    texts, right = stories(150)
    labels = right.copy()
    labels[::17] = (labels[::17] + 1) % 3
    order = np.random.default_rng(3).permutation(len(texts))
    ids = [f"r{at}" for at in range(len(texts))]
    straight = found(texts, labels, ids=ids)
    shuffled = found([texts[at] for at in order], labels[order], ids=[ids[at] for at in order])
    # The components of texts are found from a random start for each row: alike, not the same to the last digit.
    np.testing.assert_allclose(shuffled.suspicion, straight.suspicion[order], atol=0.02)
    first = [ids[at] for at in straight.ranked()[:8]]
    assert set(first) == {ids[order[at]] for at in shuffled.ranked()[:8]}


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.permutations(range(4)))
def test_the_order_of_labels_changes_nothing(seed: int, order: list[int]) -> None:
    probs, labels = beliefs(seed)
    place = np.argsort(order)
    np.testing.assert_allclose(
        suspicion(probs[:, order], place[labels].astype(np.int16)), suspicion(probs, labels), atol=1e-4
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_suspicion_is_a_probability_and_rows_without_label_have_none(seed: int) -> None:
    probs, labels = beliefs(seed)
    labels[::5] = ABSTAIN
    doubt = suspicion(probs, labels)
    assert ((doubt >= 0) & (doubt <= 1)).all()
    assert (doubt[::5] == 0).all()
    assert noise(probs, labels).transition.sum(axis=0) == pytest.approx(1.0)


def test_a_label_often_given_in_place_of_another_is_suspected_more() -> None:
    """Rows that models hold for 2 as much as for 1: where 0 is often given for 2, that is the likelier one."""
    generator = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], 200)
    probs = np.full((600, 3), 0.02) + 0.94 * np.eye(3)[truth]
    labels = truth.astype(np.int16)
    labels[generator.choice(np.arange(400, 600), 60, replace=False)] = 0
    seen = noise(probs, labels)
    assert seen.transition[0, 2] == pytest.approx(0.3, abs=0.05)
    assert seen.transition[1, 2] < 0.02
    doubtful = np.array([[0.5, 0.25, 0.25]])
    right = believed(np.concatenate([probs, doubtful]), np.append(labels, 0).astype(np.int16), seen)[-1]
    assert right[2] > 5 * right[1]


def test_confident_counts_are_those_of_the_paper_by_hand() -> None:
    probs = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.4, 0.6], [0.1, 0.9]])
    labels = np.array([0, 0, 0, 1, 1], np.int16)
    # Thresholds: the mean of .9, .7, .2 is .6 and that of .6, .9 is .75.
    assert confident_counts(probs, labels).tolist() == [[2, 1], [0, 1]]


def test_votes_against_a_label_add_to_suspicion_and_votes_for_it_take_away() -> None:
    probs, labels = np.array([[0.6, 0.4]] * 40 + [[0.4, 0.6]] * 40), np.repeat([0, 1], 40).astype(np.int16)
    votes = np.full((80, 2), 0.5)
    votes[0], votes[1] = (0.1, 0.9), (0.9, 0.1)
    doubt = doubted(believed(probs, labels, noise(probs, labels), votes), labels)
    assert doubt[0] > doubt[2] > doubt[1]


def test_nothing_that_says_nothing_is_doubted() -> None:
    texts, labels = stories(90)
    texts[7] = ""
    seen = found(texts, (labels + (np.arange(90) == 7)).astype(np.int16) % 3)
    assert seen.suspicion[7] == 0
    assert seen.given[7] == ABSTAIN
    assert 7 not in seen.ranked()


def test_of_rows_that_say_the_same_one_stands_for_all() -> None:
    texts, labels = stories(120)
    texts += [texts[0].upper() + "!"] * 4
    labels = np.append(labels, [1, 1, 1, labels[0]]).astype(np.int16)
    seen = found(texts, labels)
    copies = {0, *range(120, 124)}
    assert len(copies & set(seen.ranked().tolist())) == 2, "one for each label that copies have"
    assert seen.alike[120] == seen.alike[121] != seen.alike[0] == seen.alike[123]


def test_rows_that_are_alike_are_never_on_both_sides_of_a_fold() -> None:
    texts, _ = stories(60)
    seen = views([*texts, *(text.upper() for text in texts)])
    for turn in range(3):
        fold = seen.folds(turn)
        assert (fold[:60] == fold[60:]).all()
    assert (seen.folds(0) != seen.folds(1)).any()


def test_neighbours_are_the_nearest_with_another_label() -> None:
    near = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9], [-1.0, 0.0]])
    labels = np.array([0, 0, 1, 1, 1], np.int16)
    (one,) = nearest_others(near, labels, np.array([0]))
    assert [at for at, _ in one] == [3]
    assert one[0][1] == pytest.approx(0.1 / np.hypot(0.1, 0.9))


def test_numbers_are_judged_as_texts_are() -> None:
    generator = np.random.default_rng(0)
    right = np.repeat([0, 1], 60).astype(np.int16)
    table = generator.normal(size=(120, 3)) * 0.3 + 3 * right[:, None]
    labels = right.copy()
    labels[[4, 70]] = 1 - labels[[4, 70]]
    table[9, 1] = np.nan
    seen = suspects(views(table), labels, 2, pa.array([str(at) for at in range(120)]))
    assert set(seen.ranked()[:2].tolist()) == {4, 70}
    assert seen.given[9] == ABSTAIN


@pytest.mark.parametrize("name", ["ComplementNB", "RandomForestClassifier"])
def test_any_classifier_that_gives_probabilities_may_judge(name: str) -> None:
    texts, labels = stories(120)
    labels[3] = (labels[3] + 1) % 3
    probs = held_out(views(texts), labels, 3, name)
    assert probs.sum(axis=1) == pytest.approx(1.0)
    assert suspicion(probs, labels).argmax() == 3


def test_a_classifier_that_cannot_judge_is_told() -> None:
    with pytest.raises(PluginError, match=r"no classifier 'LogisticRegresion'.*Did you mean 'LogisticRegression'"):
        classifier("LogisticRegresion")
    with pytest.raises(PluginError, match="RidgeClassifier gives no probabilities"):
        classifier("RidgeClassifier")
    _, labels = stories(60)
    with pytest.raises(PluginError, match="MultinomialNB cannot learn from the numbers of these rows"):
        held_out(views(np.random.default_rng(0).normal(size=(60, 2))), labels, 3, "MultinomialNB")


def test_labels_that_votes_gave_are_counted_with_less_trust() -> None:
    _, labels = beliefs(0, 400)
    sharp = np.eye(4)[labels] * 0.96 + 0.01
    seen, doubt = noise(sharp, labels), suspicion(sharp, labels)
    assert estimate(sharp, labels, seen, doubt).trust == "good"
    by_votes = estimate(sharp, labels, seen, doubt, own_doubt=np.full(400, 0.3))
    assert by_votes.trust == "fair"
    assert by_votes.high == pytest.approx(0.3 * 400)
