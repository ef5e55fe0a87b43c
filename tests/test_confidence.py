"""How sure a source was counts for what it turns out to be worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from quorate import ABSTAIN, Gold, Votes, fuse
from quorate.belief.confidence import confidence_bins

Floats = NDArray[np.float64]
Truth = NDArray[np.int64]
K = 3


def soft(seed: int, accuracies: ArrayLike, knows: ArrayLike, n: int = 3000) -> tuple[Votes, Truth]:
    """Voters that are right with a probability that differs by row; those who know say it, the others boast."""
    rng, mean = np.random.default_rng(seed), np.asarray(accuracies)
    truth = rng.integers(0, K, n)
    chance = rng.beta(8 * mean, 8 * (1 - mean), (n, len(mean)))
    right = rng.random(chance.shape) < chance
    matrix = np.where(right, truth[:, None], (truth[:, None] + rng.integers(1, K, right.shape)) % K)
    said = np.where(knows, chance, rng.uniform(0.9, 1.0, chance.shape))
    silent = rng.random(chance.shape) < 0.2
    matrix[silent], said[silent] = ABSTAIN, np.nan
    return told(votes_of(matrix), said), truth


def votes_of(matrix: ArrayLike) -> Votes:
    return Votes.of(matrix, [f"l{y}" for y in range(K)])


def told(votes: Votes, confidence: NDArray[np.floating] | None) -> Votes:
    return replace(votes, confidence=None if confidence is None else confidence.astype(np.float32))


def right(votes: Votes, truth: Truth) -> float:
    return float((fuse(votes).probs.argmax(axis=1) == truth)[votes.covered].mean())


@pytest.mark.parametrize("seed", range(3))
def test_confidence_that_goes_with_being_right_helps(seed: int) -> None:
    votes, truth = soft(seed, [0.75, 0.7, 0.65], [True, True, True])
    assert right(votes, truth) > right(told(votes, None), truth) + 0.01


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("accuracies", [[0.75, 0.7, 0.65], [0.9, 0.6, 0.6, 0.6], [0.8, 0.7], [0.8]])
def test_a_boaster_is_heard_for_what_it_is_worth(accuracies: list[float], seed: int) -> None:
    votes, truth = soft(seed, accuracies, [False] * len(accuracies))
    assert right(votes, truth) >= right(told(votes, None), truth) - 0.002


@pytest.mark.parametrize("constant", [0.5, 0.99])
def test_the_same_confidence_everywhere_changes_nothing(constant: float) -> None:
    votes, _ = soft(0, [0.8, 0.7, 0.6], [True, True, True], n=300)
    same = told(votes, np.full(votes.matrix.shape, constant))
    assert fuse(same).probs.tobytes() == fuse(told(votes, None)).probs.tobytes()


@pytest.mark.parametrize("model", ["majority", "dawid_skene"])
def test_models_that_do_not_hear_confidence_are_as_they_were(model: str) -> None:
    votes, _ = soft(0, [0.8, 0.7, 0.6], [True, True, True], n=300)
    assert fuse(votes, model).probs.tobytes() == fuse(told(votes, None), model).probs.tobytes()


def test_a_distribution_stands_for_the_confidence_that_was_not_given() -> None:
    votes, _ = soft(1, [0.8, 0.7], [True, True], n=400)
    assert votes.confidence is not None
    held = np.repeat((1 - votes.confidence[:, :1]) / 2, K, axis=1)
    held[np.arange(len(votes)), votes.matrix[:, 0]] = votes.confidence[:, 0]
    other = votes.confidence.copy()
    other[:, 0] = np.nan
    by_distribution = replace(votes, confidence=other, distributions={votes.sources[0]: held.astype(np.float32)})
    assert fuse(by_distribution).probs.tobytes() == fuse(votes).probs.tobytes()


def test_the_order_of_rows_sources_and_labels_does_not_matter() -> None:
    votes, _ = soft(2, [0.8, 0.7, 0.65], [True, True, False], n=400)
    probs, rng = fuse(votes).probs, np.random.default_rng(0)
    assert votes.confidence is not None
    rows, sources, labels = rng.permutation(len(votes)), rng.permutation(3), rng.permutation(K)
    by_row = told(votes_of(votes.matrix[rows]), votes.confidence[rows])
    assert fuse(by_row).probs.tobytes() == probs[rows].tobytes()
    by_source = told(votes_of(votes.matrix[:, sources]), votes.confidence[:, sources])
    assert fuse(by_source).probs == pytest.approx(probs, abs=1e-6)
    renamed = np.where(votes.matrix == ABSTAIN, ABSTAIN, np.argsort(labels)[votes.matrix])
    by_label = told(votes_of(renamed), votes.confidence)
    assert fuse(by_label).probs == pytest.approx(probs[:, labels], abs=1e-6)


def test_gold_teaches_what_a_single_source_is_sure_of() -> None:
    """Alone, nobody contradicts it; settled rows do."""
    votes, truth = soft(3, [0.7], [True], n=2000)
    ids = votes.ids.to_pylist()
    gold = Gold(tuple(ids[:400]), truth[:400].astype(np.int16))
    probs = fuse(votes, gold=gold).probs.max(axis=1)
    assert votes.confidence is not None
    unseen, sure = np.arange(2000) >= 400, votes.confidence[:, 0]
    assert probs[unseen & (sure > 0.85)].mean() > probs[unseen & (sure < 0.5)].mean() + 0.02


def test_equal_confidences_share_a_bin() -> None:
    votes = told(votes_of([[0]] * 10 + [[1]] * 2 + [[ABSTAIN]]), np.array([[0.95]] * 8 + [[0.7]] * 2 + [[0.5]] * 3))
    bins = confidence_bins(votes)
    assert bins is not None
    assert bins[:, 0].tolist() == [1] * 8 + [0] * 2 + [1] * 2 + [-1]
    assert confidence_bins(told(votes, None)) is None
