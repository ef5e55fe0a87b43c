"""What the default label model must show: simulations with planted truth, gold, and shapes that break others."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from quorate import ABSTAIN, Gold, VotePatterns, Votes, fuse
from quorate.belief.copies import copied_sources
from quorate.fuse import fit
from quorate.label_models.quorum import FittedQuorum, Quorum

Ints = NDArray[np.int16]
Truth = NDArray[np.int64]


def voters(seed: int, accuracies: ArrayLike, balance: ArrayLike, n: int = 20_000) -> tuple[Ints, Truth]:
    """Independent voters on every row, errors spread evenly over the other labels."""
    rng, k = np.random.default_rng(seed), len(np.asarray(balance))
    truth = rng.choice(k, n, p=np.asarray(balance))
    right = rng.random((n, len(np.asarray(accuracies)))) < np.asarray(accuracies)
    wrong = (truth[:, None] + rng.integers(1, k, right.shape)) % k
    return np.where(right, truth[:, None], wrong).astype(np.int16), truth


def votes_of(matrix: Ints, k: int) -> Votes:
    return Votes.of(matrix, [f"l{y}" for y in range(k)])


def settled(votes: Votes, truth: Truth, rows: NDArray[np.intp]) -> Gold:
    ids = votes.ids.to_pylist()
    return Gold(tuple(ids[i] for i in rows), truth[rows].astype(np.int16))


def share_right(votes: Votes, truth: Truth, model: str = "quorum", gold: Gold | None = None) -> float:
    """Accuracy on rows with votes by the answer of their pattern, ties split evenly."""
    patterns = VotePatterns.of(votes, gold)
    probs, truth = fit(patterns, model).probabilities(votes.matrix)[votes.covered], truth[votes.covered]
    top = probs >= probs.max(axis=1, keepdims=True) - 1e-9
    return float((top / top.sum(axis=1, keepdims=True))[range(len(truth)), truth].mean())


@pytest.mark.parametrize("seed", range(3))
def test_a_rare_label_is_found_without_being_told_how_rare_it_is(seed: int) -> None:
    matrix, truth = voters(seed, [0.95, 0.93, 0.70], [0.95, 0.05])
    assert share_right(votes_of(matrix, 2), truth) >= 0.989


def test_of_two_voters_neither_is_preferred_until_gold_tells_which() -> None:
    told = []
    for seed in range(7):
        matrix, truth = voters(seed, [0.95, 0.85], [0.5, 0.5])
        votes = votes_of(matrix, 2)
        alone, majority = share_right(votes, truth), share_right(votes, truth, "majority")
        assert alone >= 0.895
        assert alone == pytest.approx(majority, abs=0.004)
        differ = np.flatnonzero(matrix[:, 0] != matrix[:, 1])
        looked_at = np.random.default_rng(seed).choice(differ, 20, replace=False)
        told.append(share_right(votes, truth, gold=settled(votes, truth, looked_at)))
    # Twenty rows may mislead, as one draw in six does; most tell.
    assert np.median(told) >= 0.945


@pytest.mark.parametrize("seed", range(3))
def test_copies_are_named_and_heard_once(seed: int) -> None:
    matrix, truth = voters(seed, [0.90, 0.85, 0.65], [0.5, 0.5])
    copied = np.hstack([matrix, matrix[:, [2, 2, 2]]])
    votes = votes_of(copied, 2)
    patterns = VotePatterns.of(votes)
    assert copied_sources(patterns.matrix, patterns.counts) == [[2, 3, 4, 5]]
    model = fit(patterns)
    assert isinstance(model, FittedQuorum)
    assert model.source_weights == pytest.approx([1, 1, 0.25, 0.25, 0.25, 0.25])
    assert share_right(votes, truth) >= 0.89


@pytest.mark.parametrize("seed", range(3))
def test_four_broad_voters_are_no_worse_than_their_majority(seed: int) -> None:
    matrix, truth = voters(seed, [0.90, 0.90, 0.85, 0.80], [0.5, 0.5])
    matrix[np.random.default_rng(seed).random(len(matrix)) > 0.64, 3] = ABSTAIN
    votes = votes_of(matrix, 2)
    assert share_right(votes, truth) >= share_right(votes, truth, "majority")


def rules(seed: int, n: int = 4000) -> tuple[Votes, Truth]:
    """Rules of four labels, some of them mostly wrong."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(4, n, p=[0.4, 0.3, 0.2, 0.1])
    columns = []
    for label, hit, miss in [(y, hit, miss) for y in range(4) for hit, miss in ((0.3, 0.02), (0.25, 0.1), (0.1, 0.15))]:
        columns.append(np.where(rng.random(n) < np.where(truth == label, hit, miss), label, ABSTAIN))
    return votes_of(np.stack(columns, axis=1).astype(np.int16), 4), truth


@pytest.mark.parametrize("seed", range(2))
def test_gold_does_not_make_labels_worse_and_much_of_it_makes_them_better(seed: int) -> None:
    votes, truth = rules(seed)
    covered = np.flatnonzero(votes.covered)
    alone = share_right(votes, truth)
    for n, gain in ((20, -0.01), (100, -0.005), (1000, 0.005)):
        rows = np.random.default_rng(seed).choice(covered, n, replace=False)
        assert share_right(votes, truth, gold=settled(votes, truth, rows)) >= alone + gain, n


def test_a_pattern_with_many_reviews_learns_its_own_answer() -> None:
    """Where two voters agree on l0 the truth is l1 all the same: no weights of sources can say so."""
    matrix, truth = voters(0, [0.8, 0.8, 0.7], [0.5, 0.5], n=3000)
    odd = (matrix == [0, 1, 0]).all(axis=1)
    truth[odd], truth[(matrix == [0, 0, 0]).all(axis=1)] = 1, 0
    votes = votes_of(matrix, 2)
    rows = np.random.default_rng(0).choice(len(matrix), 600, replace=False)
    labels = fuse(votes, gold=settled(votes, truth, rows))
    assert (labels.hard[odd] == 1).all()


def test_reviews_of_doubtful_rows_do_not_swing_the_rows_that_are_sure() -> None:
    matrix, truth = voters(1, [0.85, 0.8, 0.8, 0.75, 0.7], [0.5, 0.5], n=4000)
    votes = votes_of(matrix, 2)
    doubtful = np.flatnonzero(np.isin(matrix.sum(axis=1), (2, 3)))
    wrong = doubtful[(fuse(votes).hard != truth)[doubtful]][:60]
    before, after = fuse(votes), fuse(votes, gold=settled(votes, truth, wrong))
    sure = np.isin(matrix.sum(axis=1), (0, 5))
    assert (before.hard[sure] == after.hard[sure]).all()


def test_a_thousand_labels_need_no_confusion_matrices() -> None:
    matrix, truth = voters(2, np.linspace(0.1, 0.6, 8), np.full(1000, 0.001), n=3000)
    votes = votes_of(matrix, 1000)
    rows = np.arange(50)
    assert share_right(votes, truth) > share_right(votes, truth, "majority") + 0.005
    assert share_right(votes, truth, gold=settled(votes, truth, rows)) > share_right(votes, truth) - 0.01


def test_gold_leaves_votes_and_counts_as_they_were() -> None:
    votes, truth = rules(3, 500)
    matrix, patterns = votes.matrix.copy(), VotePatterns.of(votes, settled(votes, truth, np.arange(40)))
    counts, gold = patterns.counts.copy(), patterns.gold.copy()
    fit(patterns).probabilities(patterns.matrix)
    assert (votes.matrix == matrix).all()
    assert (patterns.counts == counts).all()
    assert (patterns.gold == gold).all()


def test_members_differ_where_votes_do() -> None:
    patterns = VotePatterns.of(votes_of(voters(0, [0.9, 0.8, 0.7, 0.6, 0.55], [0.4, 0.3, 0.3], 2000)[0], 3))
    fitted = Quorum().fit(patterns)
    spread = fitted.spread(patterns.matrix)
    agreed = (patterns.matrix == patterns.matrix[:, :1]).all(axis=1)
    assert ((spread >= 0) & (spread < 1)).all()
    assert spread[agreed].max() < 0.05 < spread[~agreed].max()
    assert fitted.spread(np.full((1, 5), -1, np.int16)).tolist() == [0.0]
