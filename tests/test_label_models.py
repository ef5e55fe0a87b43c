"""Label models against hand-worked examples, planted truth, and a plain implementation of the paper."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import ArrayLike, NDArray
from projects import needs

from quorate import ABSTAIN, Gold, VotePatterns, Votes, fuse
from quorate.errors import PluginError
from quorate.fuse import fit
from quorate.label_models.dawid_skene import DawidSkene
from quorate.reporting.analysis import accuracy, calibration

Ints = NDArray[np.int16]
Floats = NDArray[np.float64]
OURS = ("majority", "dawid_skene", "quorum")


def votes_of(matrix: ArrayLike, k: int) -> Votes:
    return Votes.of(matrix, [f"l{y}" for y in range(k)])


def truth_of(votes: Votes, truth: NDArray[np.int64]) -> Gold:
    return Gold(tuple(votes.ids.to_pylist()), truth.astype(np.int16))


def symmetric(accuracies: ArrayLike, k: int) -> Floats:
    """Confusion matrices of voters whose errors are spread evenly, float64[m, k, k]."""
    right = np.asarray(accuracies)[:, None, None]
    return np.where(np.eye(k, dtype=bool), right, (1 - right) / (k - 1))


def two_sided(
    seed: int, n: int, confusion: Floats, balance: ArrayLike, silent: float = 0.2
) -> tuple[Votes, NDArray[np.int64]]:
    """Voters that answer for every label, independent given the true one."""
    rng, k = np.random.default_rng(seed), confusion.shape[1]
    truth = rng.choice(k, n, p=np.asarray(balance))
    draws = rng.random((n, len(confusion)))
    bounds = confusion.cumsum(axis=2).transpose(1, 0, 2)[truth]
    matrix = (draws[:, :, None] > bounds).sum(axis=2).clip(0, k - 1)
    return votes_of(np.where(rng.random(matrix.shape) < silent, ABSTAIN, matrix), k), truth


def one_sided(seed: int, n: int, rules: list[tuple[int, float, float]]) -> tuple[Votes, NDArray[np.int64]]:
    """Keyword rules: (its label, how often it fires on that label, how often on the other)."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    fires = [rng.random(n) < np.where(truth == y, hit, miss) for y, hit, miss in rules]
    matrix = np.stack([np.where(fire, y, ABSTAIN) for fire, (y, _, _) in zip(fires, rules, strict=True)], axis=1)
    return votes_of(matrix, 2), truth


RULES = [(0, 0.3, 0.02), (0, 0.3, 0.25), (0, 0.2, 0.2), (1, 0.3, 0.02), (1, 0.3, 0.25), (1, 0.4, 0.05), (1, 0.1, 0.1)]


# ---- majority vote --------------------------------------------------------------------------------------------------


def test_majority_vote_gives_each_label_its_share_of_the_votes() -> None:
    labels = fuse(votes_of([[0, 0, 1], [2, -1, -1], [0, 1, -1], [-1, -1, -1]], 3), "majority")
    assert labels.probs == pytest.approx(np.array([[2 / 3, 1 / 3, 0], [0, 0, 1], [0.5, 0.5, 0], [1 / 3] * 3]))
    assert labels.names == ["l0", "l2", None, None]


# ---- Dawid-Skene ----------------------------------------------------------------------------------------------------


def reference(matrix: Ints, k: int, gold: Ints, iterations: int, smoothing: float) -> tuple[Floats, Floats, Floats]:
    """Dawid and Skene's EM row by row over dense arrays: class balance, confusion matrices, posteriors."""
    n, m = matrix.shape
    votes = (matrix[:, :, None] == np.arange(k)).astype(float)
    voted = votes.sum(axis=(1, 2)) > 0
    posterior = np.full((n, k), 1 / k)
    posterior[voted] = votes.sum(axis=1)[voted] / votes.sum(axis=(1, 2))[voted, None]
    for _ in range(iterations):
        mass = posterior * voted[:, None]
        mass[gold >= 0] = np.eye(k)[gold[gold >= 0]]
        confusion = np.einsum("nt,njv->jtv", mass, votes) + smoothing
        confusion /= confusion.sum(axis=2, keepdims=True)
        balance = mass.sum(axis=0) + smoothing
        balance /= balance.sum()
        likelihood = np.ones((n, k))
        for j in range(m):
            for i in np.flatnonzero(matrix[:, j] >= 0):
                likelihood[i] *= confusion[j, :, matrix[i, j]]
        posterior = balance * likelihood
        posterior /= posterior.sum(axis=1, keepdims=True)
    return balance, confusion, posterior


@pytest.mark.parametrize("settled", [0, 30])
def test_dawid_skene_equals_a_plain_implementation_of_the_paper(settled: int) -> None:
    votes, truth = two_sided(3, 200, symmetric([0.9, 0.7, 0.6, 0.8], 3), [0.5, 0.3, 0.2], silent=0.4)
    gold = Gold(tuple(votes.ids.to_pylist()[:settled]), truth[:settled].astype(np.int16))
    balance, confusion, posterior = reference(votes.matrix, 3, gold.aligned(votes.ids), 25, 0.01)
    fitted = DawidSkene(iterations=25).fit(VotePatterns.of(votes, gold))
    assert fitted.prior == pytest.approx(balance, abs=1e-5)
    assert np.exp(fitted.log_likelihood) == pytest.approx(confusion, abs=1e-5)
    assert fitted.probabilities(votes.matrix) == pytest.approx(posterior, abs=1e-4)


def test_dawid_skene_recovers_planted_confusion_matrices_and_balance() -> None:
    rng = np.random.default_rng(0)
    planted = symmetric(rng.uniform(0.6, 0.9, 8), 3)
    planted[0] = [[0.9, 0.1, 0], [0.3, 0.7, 0], [0.1, 0.2, 0.7]]
    votes, _ = two_sided(1, 8000, planted, [0.6, 0.3, 0.1])
    fitted = DawidSkene().fit(VotePatterns.of(votes))
    assert fitted.prior == pytest.approx([0.6, 0.3, 0.1], abs=0.03)
    assert np.exp(fitted.log_likelihood) == pytest.approx(planted, abs=0.06)


# ---- quorum ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_quorum_beats_majority_vote_on_rules_of_different_precision(seed: int) -> None:
    votes, truth = one_sided(seed, 3000, RULES)
    ours, majority = (accuracy(fuse(votes, model), truth_of(votes, truth)) for model in ("quorum", "majority"))
    assert ours is not None
    assert majority is not None
    assert ours > majority + 0.02


@pytest.mark.parametrize("seed", range(4))
def test_quorum_beats_majority_vote_on_voters_of_different_accuracy(seed: int) -> None:
    votes, truth = two_sided(seed, 3000, symmetric([0.9, 0.85, 0.6, 0.55, 0.55], 3), [0.4, 0.3, 0.3])
    ours, majority = (accuracy(fuse(votes, model), truth_of(votes, truth)) for model in ("quorum", "majority"))
    assert ours is not None
    assert majority is not None
    assert ours > majority + 0.02


@pytest.mark.parametrize("model", ["dawid_skene", "quorum"])
@pytest.mark.parametrize("balance", [(0.75, 0.25), (0.5, 0.5), (0.9, 0.1), (0.6, 0.3, 0.1)])
def test_the_class_balance_is_estimated_from_voters_for_every_label(model: str, balance: tuple[float, ...]) -> None:
    k = len(balance)
    confusion = symmetric([0.85, 0.8, 0.75, 0.7, 0.65, 0.65], k)
    votes, _ = two_sided(7, 4000, confusion, balance)
    assert fit(VotePatterns.of(votes), model).prior == pytest.approx(balance, abs=0.06)


def test_quorum_takes_one_source_at_its_word() -> None:
    labels = fuse(votes_of([[0]] * 6 + [[1]] * 4 + [[-1]] * 5, 2))
    assert labels.hard.tolist() == [0] * 6 + [1] * 4 + [ABSTAIN] * 5


def test_two_sources_decide_where_they_agree_and_where_one_is_silent() -> None:
    labels = fuse(votes_of([[0, 0], [1, 1]] * 20 + [[0, -1], [-1, 1]] * 5, 2))
    assert labels.hard.tolist() == [0, 1] * 25


@pytest.mark.parametrize("model", OURS)
def test_a_source_that_always_abstains_changes_nothing(model: str) -> None:
    votes, _ = one_sided(0, 400, RULES)
    silent = np.insert(votes.matrix, 3, ABSTAIN, axis=1)
    assert fuse(votes_of(silent, 2), model).probs == pytest.approx(fuse(votes, model).probs, abs=1e-12)


@settings(deadline=None, max_examples=60)
@pytest.mark.parametrize("model", OURS)
@given(
    arrays(np.int16, array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=12), elements=st.integers(-1, 2)),
    st.lists(st.integers(0, 2), max_size=12),
)
def test_any_votes_give_probabilities(model: str, matrix: Ints, answers: list[int]) -> None:
    votes = votes_of(matrix, 3)
    gold = Gold(tuple(votes.ids.to_pylist()[: len(answers)]), np.array(answers[: len(votes)], np.int16))
    labels, prior = fuse(votes, model, gold), fit(VotePatterns.of(votes, gold), model).prior
    assert np.isfinite(labels.probs).all()
    assert labels.probs.sum(axis=1) == pytest.approx(np.ones(len(votes)))
    assert ((prior >= 0) & (prior <= 1)).all()
    assert prior.sum() == pytest.approx(1)


@pytest.mark.parametrize("model", OURS)
@pytest.mark.parametrize(
    ("rows", "sources", "k"), [(300, 300, 50), (200, 300, 2), (400, 5, 50), (1, 1, 2), (1, 300, 50)]
)
def test_many_sources_and_many_labels_give_probabilities(model: str, rows: int, sources: int, k: int) -> None:
    """Products over 300 sources underflow unless they are sums of logarithms."""
    votes, truth = two_sided(0, rows, symmetric(np.full(sources, 0.6), k), np.full(k, 1 / k), silent=0.1)
    labels = fuse(votes, model)
    assert np.isfinite(labels.probs).all()
    if sources == 300 and rows > 1:
        assert (labels.hard == truth).all()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("case", ["voters", "rules"])
def test_a_hundred_gold_rows_correct_a_wrong_majority(case: str, seed: int) -> None:
    """Most sources vote l1 on rows that are l0; the rows that people did not see get better too."""
    wrong, right = [[0.3, 0.7], [0.1, 0.9]], [[0.85, 0.15], [0.15, 0.85]]
    votes, truth = (
        two_sided(seed, 3000, np.array([wrong] * 3 + [right] * 2), [0.5, 0.5])
        if case == "voters"
        else one_sided(seed, 3000, [(1, 0.1, 0.4)] * 3 + [(1, 0.5, 0.05)] * 2 + [(0, 0.5, 0.05)] * 2)
    )
    ids = votes.ids.to_pylist()
    gold = Gold(tuple(ids[:100]), truth[:100].astype(np.int16))
    unseen = votes.covered & (np.arange(3000) >= 100)
    before, after = ((fuse(votes, "quorum", g).hard == truth)[unseen].mean() for g in (None, gold))
    majority = (fuse(votes, "majority").hard == truth)[unseen].mean()
    assert after > majority + 0.05
    # Which voters are wrong for one label is told by the votes themselves already; of rules it takes gold.
    assert after > before + (0.02 if case == "rules" else -0.025)


@pytest.mark.parametrize("model", OURS)
def test_a_settled_row_keeps_its_own_label(model: str) -> None:
    votes = votes_of([[0, 0, 0]] * 20 + [[1, 1, 1]] * 20 + [[-1, -1, -1]], 2)
    labels = fuse(votes, model, Gold.of(["3", "40"], ["l1", "l0"], votes.space))
    assert labels.probs[3].tolist() == [0.0, 1.0]
    assert labels.probs[40].tolist() == [1.0, 0.0]
    assert labels.covered.all()
    assert labels.names == ["l0"] * 3 + ["l1"] + ["l0"] * 16 + ["l1"] * 20 + ["l0"]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("case", ["rules", "voters"])
def test_the_probabilities_of_quorum_can_be_believed(case: str, seed: int) -> None:
    """Expected calibration error, and what it is very sure of."""
    rules = [(0, 0.3, 0.02), (0, 0.3, 0.15), (0, 0.2, 0.1), (1, 0.3, 0.02), (1, 0.3, 0.15), (1, 0.4, 0.05)]
    votes, truth = (
        one_sided(seed, 4000, rules)
        if case == "rules"
        else two_sided(seed, 4000, symmetric([0.9, 0.8, 0.75, 0.7, 0.65], 2), [0.5, 0.5])
    )
    bins = calibration(fuse(votes), truth_of(votes, truth))
    rows = sum(b["rows"] for b in bins)
    assert sum(b["rows"] * abs(b["mean_probability"] - b["accuracy"]) for b in bins) / rows < 0.13
    assert all(b["accuracy"] > 0.9 for b in bins if b["low"] >= 0.9)


# ---- Snorkel --------------------------------------------------------------------------------------------------------


def test_snorkels_label_model_leaves_the_global_random_state_alone() -> None:
    needs("snorkel")
    import torch

    votes, truth = one_sided(0, 200, RULES)
    random.seed(1)
    np.random.seed(2)
    torch.manual_seed(3)
    labels = fuse(votes, "snorkel")
    assert random.random() == random.Random(1).random()
    assert np.random.random() == np.random.RandomState(2).random_sample()
    assert torch.equal(torch.rand(3), torch.rand(3, generator=torch.Generator().manual_seed(3)))
    assert fuse(votes, "snorkel").probs == pytest.approx(labels.probs)
    score = accuracy(labels, truth_of(votes, truth))
    assert score is not None
    assert score > 0.6


@pytest.mark.parametrize("sources", [1, 2])
def test_snorkels_label_model_says_that_it_needs_three_sources(sources: int) -> None:
    needs("snorkel")
    with pytest.raises(PluginError, match=f"needs 3 sources and there are {sources}; use label_model 'quorum'"):
        fuse(votes_of([[0] * sources, [1] * sources], 2), "snorkel")
