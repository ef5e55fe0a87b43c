"""What the quality benchmark computes: scores by hand, peers written here against known answers, its tables."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import contenders, families
from benchmarks.measurement import Measurement
from benchmarks.peers.ebcc import ebcc
from benchmarks.scores import accuracy, calibration_error, f1


def crowd(seed: int = 0, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Votes int16[n, 6] of five good voters of two labels and one that always says 0, and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    matrix = np.where(rng.random((n, 6)) < 0.75, truth[:, None], 1 - truth[:, None]).astype(np.int16)
    matrix[:, 5] = 0
    matrix[rng.random((n, 6)) < 0.2] = -1
    matrix[(matrix < 0).all(axis=1), 0] = 1
    return matrix, truth


def test_scores_by_hand() -> None:
    probs, gold = np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8], [0.7, 0.3]]), np.array([0, 1, 1, 1])
    assert accuracy(probs, gold) == pytest.approx(100 * 2.5 / 4)
    assert f1(probs, gold) == pytest.approx(100 * 2 * 1.5 / (1.5 + 3))
    # Bins of the most probable label: .9 right, .5 half right, .8 right, .7 wrong.
    assert calibration_error(probs, gold) == pytest.approx((0.1 + 0.0 + 0.2 + 0.7) / 4)


@pytest.mark.parametrize("make", [contenders.weighted_majority, contenders.dawid_skene_abstaining])
def test_contenders_answer_with_probabilities_better_than_one_voter(make: contenders.Task) -> None:
    matrix, truth = crowd()
    probs, peak_mib = make()(matrix=matrix, k=2)
    np.testing.assert_allclose(probs.sum(axis=1), 1.0)
    assert accuracy(probs, truth) > 80
    assert not peak_mib < 0
    judged, _ = make()(matrix=matrix, k=2, judged=matrix[:10])
    np.testing.assert_allclose(judged, probs[:10], atol=1e-4)


def test_ebcc_is_the_same_twice_and_better_than_voting() -> None:
    matrix, truth = crowd()
    first = ebcc(matrix, 2)
    np.testing.assert_array_equal(first, ebcc(matrix, 2))
    np.testing.assert_allclose(first.sum(axis=1), 1.0)
    shares, _ = contenders.majority()(matrix=matrix, k=2)
    assert accuracy(first, truth) > accuracy(shares, truth)


def test_the_tables_and_the_summary_hold_means_over_the_sets_that_a_peer_has() -> None:
    found = [
        Measurement("votes/a", "accuracy", 70.0, {"majority": 60.0, "snorkel": 65.0}),
        Measurement("votes/b", "f1", 60.0, {"majority": 63.0}, missing={"snorkel": "too many"}),
        Measurement("votes/a", "log_loss", 0.5, {"majority": 0.4}),
        Measurement("gold_20/votes/a", "accuracy", 72.0, {"no_gold": 70.0, "logistic_regression": 66.0}),
        Measurement("content/votes/a", "accuracy", 75.0, {"votes_only_guessed": 70.0, "votes_only_balance": 71.0}),
    ]
    numbers = families.summary(found)
    assert numbers["score_votes"] == pytest.approx(65.0)
    assert numbers["worst_against_majority"] == pytest.approx(-3.0)
    assert numbers["log_loss_above_best_peer_votes"] == pytest.approx(0.1)
    assert (numbers["gold_gain_20"], numbers["content_gain"]) == pytest.approx((2.0, 5.0))
    assert set(numbers) - set(families.FLOORS) - set(families.CEILINGS) <= {"score_llm", "content_gain_over_balance"}
    tables = families.markdown(found)
    assert "| **quorum** | **65.0** |" in tables
    assert "| **quorum** | **0.500** |" in tables
    assert "| Snorkel | 65.0 (1) |" in tables
    assert "| votes/a | 70.0 | 71.0 | 75.0 | +5.0 | +4.0 |" in tables
