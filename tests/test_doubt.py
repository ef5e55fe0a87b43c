"""Doubt: intervals that cover, kin that are found and named, and the sentences about what votes cannot show."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from discovered import Matrix, example, label_matrices, law, permuted, space
from numpy.typing import NDArray
from simulated import Copies, true_accuracies, voters

from quorate import ABSTAIN, Gold, VotePatterns, Votes
from quorate.fuse import fit
from quorate.protocols import FittedLabelModel
from quorate.registry import build
from quorate.trust.doubt import Estimate, estimate_accuracy, sentences
from quorate.trust.independence import thinned
from quorate.trust.kinship import Kinship, kinship

SLOW = {"snorkel"}


def kin_of(votes: Votes, model: str = "quorum") -> Kinship:
    patterns = VotePatterns.of(votes)
    return kinship(patterns, fit(patterns, model))


def estimated(votes: Votes, gold: Gold | None = None, model: str = "quorum", **more: Any) -> Estimate:
    patterns, maker = VotePatterns.of(votes, gold), build("label_models", model, {})
    return estimate_accuracy(patterns, maker, maker.fit(patterns), **more)


def said(votes: Votes, gold: Gold | None = None, model: str = "quorum", resamples: int | None = None) -> str:
    patterns, maker = VotePatterns.of(votes, gold), build("label_models", model, {})
    fitted = maker.fit(patterns)
    return "\n".join(sentences(patterns, fitted, estimate_accuracy(patterns, maker, fitted, resamples)))


def pairs_of(kin: Kinship) -> set[tuple[str, str]]:
    return {(pair.one.removeprefix("source_"), pair.other.removeprefix("source_")) for pair in kin.pairs}


# ---- intervals ------------------------------------------------------------------------------------------------------

SIMULATED: dict[str, tuple[int, list[float], tuple[float, ...], Copies]] = {
    "independent": (800, [0.9, 0.8, 0.75, 0.7, 0.65], (0.5, 0.5), ()),
    "three labels": (800, [0.85, 0.8, 0.75, 0.7, 0.65, 0.6], (0.6, 0.3, 0.1), ()),
    "one correlated pair": (800, [0.85, 0.8, 0.75, 0.7, 0.7, 0.65], (0.5, 0.5), [(3, 4, 0.4)]),
    "the better two correlated": (800, [0.8, 0.75, 0.75, 0.65, 0.65], (0.25,) * 4, [(1, 2, 0.5)]),
}


@pytest.mark.parametrize("case", SIMULATED.values(), ids=SIMULATED)
def test_95_percent_intervals_cover_the_accuracy_of_simulated_voters(
    case: tuple[int, list[float], tuple[float, ...], Copies],
) -> None:
    """A few draws here; over 16 to 100 each the intervals covered 0.91 to 0.97."""
    rows, accuracies, balance, copies = case
    true, covered = true_accuracies(accuracies, copies), []
    for seed in range(4):
        votes, _ = voters(seed, rows, accuracies, balance, copies=copies)
        found = estimated(votes, model="dawid_skene", resamples=12)
        assert found.is_identified
        covered += ((found.low <= true) & (true <= found.high)).tolist()
    assert np.mean(covered) >= 0.8


def test_doubling_every_count_narrows_every_interval() -> None:
    votes, _ = voters(0, 400, [0.9, 0.8, 0.7, 0.7, 0.65])
    patterns, maker = VotePatterns.of(votes), build("label_models", "quorum", {})
    twice = replace(patterns, counts=2 * patterns.counts)
    once, more = (estimate_accuracy(p, maker, maker.fit(p)) for p in (patterns, twice))
    assert (more.high - more.low < once.high - once.low).all()
    assert (more.balance[2] - more.balance[1] < once.balance[2] - once.balance[1]).all()


@law("label_models", label_matrices(), but=SLOW)
def test_any_votes_give_intervals_around_the_accuracy(name: str, case: tuple[Matrix, int]) -> None:
    votes, maker = Votes.of(case[0], space(case[1])), example("label_models", name)
    patterns = VotePatterns.of(votes)
    fitted = maker.fit(patterns)
    found = estimate_accuracy(patterns, maker, fitted, resamples=3)
    voted = (votes.matrix != ABSTAIN).any(axis=0)
    low, middle, high = found.low[voted], found.accuracy[voted], found.high[voted]
    assert ((low >= 0) & (low <= middle + 1e-12) & (middle <= high + 1e-12) & (high <= 1)).all()
    share, least, most = found.balance
    assert share.sum() == pytest.approx(1)
    assert ((least <= share) & (share <= most)).all()
    assert all(isinstance(sentence, str) for sentence in sentences(patterns, fitted, found))


def test_many_patterns_are_judged_by_a_thinned_few_and_the_interval_is_that_of_all() -> None:
    votes, _ = voters(0, 30_000, [0.8, 0.75, 0.75, 0.7, 0.7, 0.7, 0.65, 0.65], (0.4, 0.3, 0.3), silent=0.3)
    patterns = VotePatterns.of(votes)
    assert len(thinned(patterns)[0]) < len(patterns)
    found = estimated(votes, model="dawid_skene", resamples=6)
    assert found.is_identified
    assert (found.high - found.low < 0.05).all()
    assert found.accuracy == pytest.approx([0.8, 0.75, 0.75, 0.7, 0.7, 0.7, 0.65, 0.65], abs=0.02)


def test_the_same_votes_give_the_same_intervals_and_touch_no_global_state() -> None:
    votes, _ = voters(0, 300, [0.9, 0.8, 0.7, 0.7, 0.65])
    before = str(np.random.get_state(legacy=False))
    one, other = estimated(votes, resamples=5), estimated(votes, resamples=5)
    assert one.low.tobytes() == other.low.tobytes()
    assert str(np.random.get_state(legacy=False)) == before


def test_rules_for_one_label_each_are_believed_as_the_label_model_believes_them() -> None:
    rng = np.random.default_rng(0)
    votes = Votes.of(np.where(rng.random((300, 4)) < 0.3, [0, 0, 1, 1], ABSTAIN), ["A", "B"])
    found, fitted = estimated(votes), fit(VotePatterns.of(votes))
    assert not found.is_identified
    probs = fitted.probabilities(votes.matrix)
    mean = [probs[votes.matrix[:, j] >= 0, y].mean() for j, y in enumerate([0, 0, 1, 1])]
    assert found.accuracy == pytest.approx(mean)


def test_a_label_model_is_refitted_less_often_where_that_is_much_work() -> None:
    rng = np.random.default_rng(0)

    class Counting:
        """Majority vote that counts how often it is fitted."""

        fits = 0

        def fit(self, patterns: VotePatterns) -> FittedLabelModel:
            self.fits += 1
            return fit(patterns, "majority")

    def fits(labels: int) -> int:
        votes = Votes.of(
            np.where(rng.random((4_000, 8)) < 0.5, np.arange(8) % labels, ABSTAIN), [*map(str, range(labels))]
        )
        maker, patterns = Counting(), VotePatterns.of(votes)
        estimate_accuracy(patterns, maker, fit(patterns, "majority"))
        return maker.fits

    assert fits(2_000) < fits(2) == 12


def test_gold_that_anchors_is_believed() -> None:
    """Two voters alone cannot tell who is better; gold on the rows where they differ does."""
    votes, truth = voters(0, 2000, [0.95, 0.75], silent=0.0)
    differ = np.flatnonzero(votes.matrix[:, 0] != votes.matrix[:, 1])
    gold = Gold(tuple(str(i) for i in differ[:200]), truth[differ[:200]].astype(np.int16))
    found = estimated(votes, gold, resamples=4)
    assert found.low[0] > found.accuracy[1]


# ---- kin ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(2))
def test_copies_are_named_and_count_once(seed: int) -> None:
    votes, _ = voters(seed, 2000, [0.9, 0.85, 0.65, 0.65, 0.65], silent=0.0, copies=[(2, 3, 1.0), (2, 4, 1.0)])
    kin = kin_of(votes)
    assert pairs_of(kin) == {("2", "3"), ("2", "4"), ("3", "4")}
    assert {pair.relation for pair in kin.pairs} == {"copy"}
    assert kin.groups.tolist() == [0, 1, 2, 2, 2]
    assert kin.believed is not None
    assert kin.believed.accuracy == pytest.approx([0.9, 0.85, 0.65, 0.65, 0.65], abs=0.06)
    assert "source_2 and source_3 are copies: the same vote on 100.0% of the rows where either votes" in said(votes)


def test_near_copies_are_named() -> None:
    votes, _ = voters(0, 1500, [0.8, 0.8, 0.8, 0.8], copies=[(0, 1, 0.0)])
    matrix = np.array(votes.matrix)
    matrix[:, 1] = matrix[:, 0]
    matrix[:12, 1] = np.where(matrix[:12, 0] == ABSTAIN, 0, ABSTAIN)
    (pair,) = kin_of(Votes.of(matrix, votes.space)).pairs
    assert (pair.relation, pair.one, pair.other) == ("near copy", "source_0", "source_1")
    assert 0.98 < pair.strength < 1


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("pair", [(3, 4), (0, 1)])
def test_a_correlated_pair_is_found_and_no_other(seed: int, pair: tuple[int, int]) -> None:
    copies = [(pair[0], pair[1], 0.5)]
    votes, _ = voters(seed, 1500, [0.8, 0.78, 0.75, 0.7, 0.68, 0.65], copies=copies)
    kin = kin_of(votes)
    assert pairs_of(kin) == {(str(pair[0]), str(pair[1]))}
    (found,) = kin.pairs
    assert found.relation == "correlated"
    assert found.z is not None
    assert found.expected is not None
    assert found.z > 4
    assert found.same > found.expected
    assert 0.3 < found.strength < 0.7


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_independent_voters_are_no_kin(seed: int, k: int) -> None:
    votes, _ = voters(seed, 1000, [0.9, 0.8, 0.8, 0.7, 0.7, 0.6], (1 / k,) * k, silent=0.3)
    assert kin_of(votes).pairs == ()


def test_rules_that_vote_on_the_same_rows_are_named() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 3000)
    fires = [(rng.random(3000) < np.where(truth == y, 0.3, 0.05)) for y in (0, 0, 1, 1, 1)]
    fires[4] = np.where(rng.random(3000) < 0.7, fires[3], fires[4])
    matrix = np.stack([np.where(fire, y, ABSTAIN) for fire, y in zip(fires, (0, 0, 1, 1, 1), strict=True)], axis=1)
    kin = kin_of(Votes.of(matrix, ["A", "B"]))
    assert pairs_of(kin) == {("3", "4")}
    assert kin.believed is None


@law("label_models", permuted("sources"), but=SLOW)
def test_the_order_of_sources_names_the_same_kin(name: str, case: tuple[Matrix, int, NDArray[np.intp]]) -> None:
    matrix, k, order = case
    names = [f"s{j}" for j in range(matrix.shape[1])]
    many = np.repeat(matrix, 40, axis=0)

    def named(columns: Any) -> set[frozenset[str]]:
        votes = Votes.of(many[:, columns], space(k), [names[j] for j in columns])
        patterns = VotePatterns.of(votes)
        kin = kinship(patterns, example("label_models", name).fit(patterns))
        return {frozenset((pair.one, pair.other)) for pair in kin.pairs if pair.relation != "correlated"}

    assert named(list(range(len(names)))) == named(order.tolist())


# ---- sentences ------------------------------------------------------------------------------------------------------


def test_two_sources_are_told_apart_by_gold_only() -> None:
    votes, truth = voters(0, 500, [0.95, 0.85], silent=0.0)
    assert "with two sources the votes cannot tell which of them is better, source_0 or source_1" in said(
        votes, resamples=2
    )
    differ = np.flatnonzero(votes.matrix[:, 0] != votes.matrix[:, 1])[:20]
    gold = Gold(tuple(map(str, differ)), truth[differ].astype(np.int16))
    assert "with two sources" not in said(votes, gold, resamples=2)


def test_a_source_worse_than_chance_is_named() -> None:
    votes, _ = voters(0, 1500, [0.9, 0.85, 0.8, 0.75, 0.3])
    assert "source_4 seems right on" in said(votes)
    assert "the same votes at random would be on 50%" in said(votes)
    assert "seems right" not in said(voters(0, 1500, [0.9, 0.85, 0.8, 0.75, 0.6])[0])


@dataclass(frozen=True)
class Stubborn:
    """A label model that takes most rows to be l1, whose members differ on every other pattern."""

    def fit(self, patterns: VotePatterns) -> Stubborn:
        return self

    @property
    def prior(self) -> NDArray[np.float64]:
        return np.array([0.1, 0.9])

    def probabilities(self, matrix: NDArray[np.int16]) -> NDArray[np.float64]:
        votes = np.stack([(matrix == y).sum(axis=1) for y in range(2)], axis=1) + self.prior
        return np.asarray(votes / votes.sum(axis=1, keepdims=True))

    def spread(self, matrix: NDArray[np.int16]) -> NDArray[np.float64]:
        return np.where(matrix[:, 0] == 0, 0.5, 0.0)


def test_a_prior_that_votes_contradict_and_members_that_differ_are_told() -> None:
    votes, _ = voters(0, 1500, [0.9, 0.85, 0.8, 0.75], (0.7, 0.3))
    patterns, model = VotePatterns.of(votes), Stubborn()
    found = sentences(patterns, model, estimate_accuracy(patterns, model, model))
    assert any("takes 10% of rows to be l0; the votes say 68%" in sentence for sentence in found)
    assert any("members differ by more than 0.2 on" in sentence for sentence in found)
