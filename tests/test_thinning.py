"""Many votes: counted by packing, and thinned to as many as teach a label model."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from quorate import ABSTAIN, Gold, VotePatterns, Votes, fuse
from quorate.belief.side_by_side import side_by_side
from quorate.belief.thinning import thinned
from quorate.fuse import fit
from quorate.packing import distinct, looked_up, scrambled

Ints = NDArray[np.int16]


def voters(sources: int, rows: int, k: int = 2, seed: int = 0, rare: int = 0) -> tuple[Ints, NDArray[np.int64]]:
    """Independent voters of different accuracy; the first votes on `rare` rows only, if that is set."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, rows)
    right = rng.random((rows, sources)) < np.linspace(0.6, 0.9, sources)
    matrix = np.where(right, truth[:, None], (truth[:, None] + rng.integers(1, k, right.shape)) % k).astype(np.int16)
    matrix[rng.random(matrix.shape) > 0.5] = ABSTAIN
    if rare:
        matrix[rare:, 0] = ABSTAIN
    return matrix, truth


def votes_of(matrix: Ints, k: int = 2) -> Votes:
    return Votes.of(matrix, [f"l{y}" for y in range(k)])


@pytest.mark.parametrize(("sources", "k"), [(1, 2), (3, 4), (13, 2), (40, 3), (60, 50), (500, 2), (3, 1000)])
@pytest.mark.parametrize("rows", [0, 1, 3000])
def test_distinct_rows_are_those_that_sorting_finds(sources: int, k: int, rows: int) -> None:
    """Most rows are alike but for their last sources, so that every one of many integers has to be looked at."""
    matrix, _ = voters(sources, rows, k)
    matrix[: rows // 2, : max(sources - 2, 0)] = ABSTAIN
    found = distinct(matrix, k)
    expected, where, counts = np.unique(matrix, axis=0, return_inverse=True, return_counts=True)
    assert (found.matrix == expected).all()
    assert (found.where == where.reshape(-1)).all()
    assert (found.counts == counts).all()


def test_rows_are_looked_up_among_distinct_ones() -> None:
    matrix, _ = voters(6, 500, 3)
    found = distinct(matrix, 3)
    assert (looked_up(found.matrix, 3)(matrix) == found.where).all()


def test_scrambled_numbers_are_spread_evenly() -> None:
    numbers = scrambled([np.arange(100_000)])
    assert np.histogram(numbers, 10, (0, 1))[0] == pytest.approx(np.full(10, 10_000), abs=400)
    assert abs(np.corrcoef(numbers[1:], numbers[:-1])[0, 1]) < 0.02


def test_few_votes_are_all_heard() -> None:
    patterns = VotePatterns.of(votes_of(voters(10, 20_000)[0]))
    assert thinned(patterns) is patterns


def test_what_is_left_counts_for_what_is_left_out() -> None:
    patterns = VotePatterns.of(votes_of(voters(30, 60_000, rare=2_000)[0]))
    few = thinned(patterns)
    assert len(few) < 0.2 * len(patterns)
    assert few.rows == pytest.approx(patterns.rows, rel=0.05)
    for y in range(2):
        cast, heard = ((p.counts @ (p.matrix == y)) for p in (patterns, few))
        assert heard == pytest.approx(cast, rel=0.25)
        # What is seldom said is heard more often than its share.
        assert (few.matrix[:, 0] == y).sum() > 200


def test_frequent_patterns_are_counted_exactly() -> None:
    patterns = VotePatterns.of(votes_of(np.vstack([voters(30, 30_000)[0], np.zeros((20_000, 30), np.int16)])))
    few = thinned(patterns)
    assert len(few) < len(patterns)
    assert few.counts[(few.matrix == 0).all(axis=1)] == patterns.counts[(patterns.matrix == 0).all(axis=1)]


def test_settled_patterns_all_stay() -> None:
    matrix, truth = voters(30, 40_000)
    gold = Gold(tuple(str(i) for i in range(300)), truth[:300].astype(np.int16))
    patterns = VotePatterns.of(votes_of(matrix), gold)
    few = thinned(patterns)
    assert len(few) < len(patterns)
    assert (few.gold.sum(axis=0) == patterns.gold.sum(axis=0)).all()
    assert (few.counts[few.gold.any(axis=1)] == patterns.counts[patterns.gold.any(axis=1)]).all()


def test_the_order_of_many_rows_changes_nothing_bit_for_bit() -> None:
    matrix, _ = voters(30, 40_000)
    moved = matrix[np.random.default_rng(1).permutation(len(matrix))]
    first, second = (fit(VotePatterns.of(votes_of(m))).probabilities(matrix[:500]) for m in (matrix, moved))
    assert first.tobytes() == second.tobytes()


def test_labels_of_many_rows_are_right_as_often_as_their_voters_allow() -> None:
    """Of independent voters, log-odds of their accuracies are the best weights there are."""
    matrix, truth = voters(30, 60_000)
    labels = fuse(votes_of(matrix))
    accuracies = np.linspace(0.6, 0.9, 30)
    odds = np.log(accuracies / (1 - accuracies))
    best = ((np.where(matrix == 1, odds, 0) - np.where(matrix == 0, odds, 0)).sum(axis=1) > 0) == truth
    assert (labels.hard == truth)[labels.covered].mean() > best[labels.covered].mean() - 0.002


@pytest.mark.parametrize("parts", [1, 3, 40])
def test_every_part_is_worked_on_and_an_error_is_raised(parts: int) -> None:
    done = np.zeros(parts, int)

    def work(part: slice) -> None:
        done[part] += 1

    side_by_side(work, [slice(i, i + 1) for i in range(parts)])
    assert (done == 1).all()
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda part: done.__setitem__(part, 1 // 0), [slice(i, i + 1) for i in range(parts)])
