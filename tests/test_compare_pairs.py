"""A against B: laws of the estimates, examples with known answers, coverage by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from compared import LABELS, made, of, simulated
from hypothesis import given
from hypothesis import strategies as st

from quorate.comparing.anytime import anytime
from quorate.comparing.candidates import Candidates
from quorate.comparing.paired import OUTCOMES, leaning, pair, pair_draws, relation
from quorate.comparing.population import AGREE, DIFFER, SILENT, Population, sides_of
from quorate.comparing.verdict import peeking
from quorate.comparing.wins import wins_by_label, wins_by_pair
from quorate.estimating.estimates import Estimated
from quorate.fuse import fuse
from quorate.values import Votes

ROWS = st.lists(st.tuples(*[st.integers(-1, 2)] * 2, st.integers(0, 2), st.booleans()), min_size=4, max_size=40)


def test_rows_are_on_the_side_of_what_is_said_there() -> None:
    sides = sides_of(np.array([[0, 0], [0, 1], [0, -1], [-1, -1]], np.int16))
    assert sides.tolist() == [AGREE, DIFFER, DIFFER, SILENT]


def test_a_row_that_only_one_source_answers_is_a_relation_of_its_own() -> None:
    a, b = np.array([0, 0, 0, -1, -1], np.int16), np.array([0, 1, -1, 1, -1], np.int16)
    assert relation(a, b).tolist() == [0, 1, 2, 3, 4]


def test_outcomes_are_counted_on_settled_rows() -> None:
    matrix = [[0, 0], [0, 1], [1, 0], [2, 1], [0, -1], [1, 1]]
    found = made(matrix, [0, 0, 0, 0, 0, 0], settled=[0, 1, 2, 3, 4])
    paired = pair(of(found), found.column("a"), found.column("b"))
    assert paired.counts == {"both_right": 1, "a_right": 2, "b_right": 1, "both_acceptable": 0, "neither": 1}


def test_a_row_with_several_labels_makes_both_acceptable() -> None:
    from dataclasses import replace

    found = made([[0, 1], [0, 2], [1, 1], [2, 2]], [0, 0, 1, 2])
    fits = found.settled.fits.copy()
    fits[0, 1] = True
    several = replace(found, settled=replace(found.settled, fits=fits))
    paired = pair(of(several), several.column("a"), several.column("b"))
    assert paired.counts["both_acceptable"] == 1
    assert paired.counts["a_right"] == 1


@given(ROWS)
def test_swapping_the_sources_turns_the_difference_round(rows: list[tuple[int, int, int, bool]]) -> None:
    matrix = np.array([[a, b] for a, b, _, _ in rows])
    gold = [y if known else -1 for *_, y, known in rows]
    one, other = made(matrix, gold), made(matrix[:, ::-1], gold)
    there = pair(of(one), one.column("a"), one.column("b"))
    back = pair(of(other), other.column("a"), other.column("b"))
    assert there.counts["a_right"] == back.counts["b_right"]
    assert there.mcnemar_p == pytest.approx(back.mcnemar_p)
    assert there.difference.value == pytest.approx(-back.difference.value, abs=0.03)


def _with_belief(seed: int, settled: int) -> tuple[Candidates, Population, Population, tuple[float, float, float]]:
    """A pair that a third and a fourth source judge rightly more often than not: with their belief, and without."""
    matrix, gold = simulated(600, seed, (0.8, 0.7, 0.8, 0.7))
    differs = matrix[:, 0] != matrix[:, 1]
    drawn = np.random.default_rng(seed + 10_000).permutation(600)
    at = np.concatenate([drawn[differs[drawn]][:settled], drawn[~differs[drawn]][:10]])
    found = made(matrix[:, :2], gold, settled=at, sampled="strata")
    fused = fuse(Votes.of(matrix, LABELS))
    right = matrix[:, :2] == gold[:, None]
    truth = right[:, 0].mean() - right[:, 1].mean(), right[:, 0].mean(), right[:, 1].mean()
    return found, Population.of(found, fused), of(found), truth


def test_what_all_sources_believe_narrows_the_difference_and_its_interval_still_covers() -> None:
    hits, narrower = np.zeros(3), []
    for seed in range(200):
        found, believing, plain, truth = _with_belief(seed, 60)
        with_it, without = (pair(p, found.column("a"), found.column("b")) for p in (believing, plain))
        estimates = with_it.difference, with_it.a, with_it.b
        hits += [e.low - 1e-9 <= t <= e.high + 1e-9 for e, t in zip(estimates, truth, strict=True)]
        narrower.append(_width(with_it.difference) / _width(without.difference))
    assert (hits / 200 > 0.95 - 3.5 * np.sqrt(0.95 * 0.05 / 200)).all()
    assert np.mean(narrower) < 0.95


def _width(estimate: Estimated) -> float:
    return estimate.high - estimate.low


def test_few_settled_disagreements_are_not_parted() -> None:
    for settled, is_parted in ((29, False), (30, True)):
        found, believing, _, _ = _with_belief(0, settled)
        a, b = found.column("a"), found.column("b")
        assert (leaning(believing, a, b, relation(a, b)) is not None) == is_parted


@given(ROWS)
def test_draws_are_shares_of_all_rows(rows: list[tuple[int, int, int, bool]]) -> None:
    found = made([[a, b] for a, b, _, _ in rows], [y if known else -1 for *_, y, known in rows])
    drawn = pair_draws(of(found), found.column("a"), found.column("b"))
    assert drawn.min() >= 0
    np.testing.assert_allclose(drawn.sum(axis=(1, 2)), 1)


def test_the_order_of_the_rows_does_not_matter() -> None:
    matrix, gold = simulated(400, 1)
    settled, order = np.arange(0, 400, 4), np.random.default_rng(0).permutation(400)
    place = np.argsort(order)
    one = made(matrix, gold, settled=settled)
    other = made(matrix[order], gold[order], settled=place[settled])
    first, second = (pair(of(c), c.column("a"), c.column("b")) for c in (one, other))
    assert first == second


def test_names_of_labels_do_not_matter() -> None:
    matrix, gold = simulated(300, 2)
    other = np.array([2, 0, 1])
    one, turned = made(matrix, gold, settled=range(90)), made(other[matrix], other[gold], settled=range(90))
    first, second = (pair(of(c), c.column("a"), c.column("b")) for c in (one, turned))
    assert first == second


def test_the_exact_mcnemar_test_of_ten_against_two() -> None:
    matrix = [[0, 1]] * 10 + [[1, 0]] * 2 + [[0, 0]] * 20
    found = made(matrix, [0] * 32)
    paired = pair(of(found), found.column("a"), found.column("b"))
    assert paired.mcnemar_p == pytest.approx(0.0385742, abs=1e-6)
    assert paired.a_is_better > 0.98


def test_without_a_random_sample_there_is_no_mcnemar_test() -> None:
    matrix, gold = simulated(2_000, 3)
    differ = np.flatnonzero(matrix[:, 0] != matrix[:, 1])
    found = made(matrix, gold, settled=differ[:100])
    paired = pair(of(found), found.column("a"), found.column("b"))
    assert paired.mcnemar_p is None
    said = made(matrix, gold, settled=differ[:100], sampled="random")
    assert pair(of(said), said.column("a"), said.column("b")).mcnemar_p is not None


def test_disagreements_alone_leave_the_accuracy_of_each_open_and_not_the_difference() -> None:
    matrix, gold = simulated(2_000, 4)
    differ = np.flatnonzero(matrix[:, 0] != matrix[:, 1])
    found = made(matrix, gold, settled=differ)
    paired = pair(of(found), found.column("a"), found.column("b"))
    truth = (matrix[:, 0] == gold).mean() - (matrix[:, 1] == gold).mean()
    assert paired.difference.low == pytest.approx(paired.difference.high) == pytest.approx(truth)
    assert paired.a.high - paired.a.low > 0.5


def test_two_sources_that_never_differ_need_no_more_labels_to_be_level() -> None:
    found = made([[0, 0]] * 30, [0] * 10 + [-1] * 20)
    paired = pair(of(found), found.column("a"), found.column("b"))
    assert (paired.difference.low, paired.difference.high) == (0, 0)
    assert paired.more_labels is None
    assert paired.for_two_points == 0


def test_the_intervals_of_the_queue_cover() -> None:
    """95 % intervals from 60 disagreements and 10 agreements, over 300 tables: a binomial within 3.5 errors."""
    hits = np.zeros(3)
    for seed in range(300):
        matrix, gold = simulated(600, seed, (0.85, 0.8))
        differs = matrix[:, 0] != matrix[:, 1]
        drawn = np.random.default_rng(seed + 10_000).permutation(600)
        at = np.concatenate([drawn[differs[drawn]][:60], drawn[~differs[drawn]][:10]])
        found = made(matrix, gold, settled=at, sampled="strata")
        paired = pair(of(found), found.column("a"), found.column("b"))
        right = matrix == gold[:, None]
        truth = right[:, 0].mean() - right[:, 1].mean(), right[:, 0].mean(), right[:, 1].mean()
        estimates = paired.difference, paired.a, paired.b
        hits += [e.low - 1e-9 <= t <= e.high + 1e-9 for e, t in zip(estimates, truth, strict=True)]
    assert (hits / 300 > 0.95 - 3.5 * np.sqrt(0.95 * 0.05 / 300)).all()


def test_the_anytime_interval_begins_as_wide_as_the_disagreement_and_ends_in_the_truth() -> None:
    nothing = anytime(np.zeros(0), 50, 200)
    assert (nothing.low, nothing.high, nothing.settled_after) == (-0.25, 0.25, None)
    scores = np.array([1.0] * 40 + [-1.0] * 10)
    done = anytime(np.random.default_rng(0).permutation(scores), 50, 200)
    assert done.is_a_better
    assert done.settled_after is not None
    assert done.low <= 30 / 200 <= done.high


def test_one_may_stop_after_a_long_run_of_wins_and_is_told_how_long_to_go_on_before() -> None:
    early, late = (anytime(np.ones(n), 100, 400) for n in (5, 23))
    assert early.settled_after is None
    assert early.more
    assert 0 < early.more < 40
    assert peeking("a", "b", early).startswith("Go on")
    assert anytime(np.ones(3), 100, 400).more is None
    assert (late.is_a_better, late.more) == (True, 0)
    assert peeking("a", "b", late).startswith("You may stop: a is better")


def test_about_so_many_more_answers_decide_under_peeking() -> None:
    """Told after 40 of 3,000 disagreements, of which A wins .65: in the median off by less than three times."""
    off = []
    for seed in range(40):
        scores = np.random.default_rng(seed).choice([1.0, -1.0], 3_000, p=[0.65, 0.35])
        done, now = anytime(scores[:1_000], 3_000, 9_000), anytime(scores[:40], 3_000, 9_000)
        if now.settled_after is None and now.more and done.settled_after:
            off.append((40 + now.more) / done.settled_after)
    assert len(off) > 15
    assert 1 / 3 < np.median(off) < 3


def test_the_order_of_review_gives_an_anytime_interval() -> None:
    matrix, gold = simulated(500, 5)
    found = made(matrix, gold, settled=range(200), in_order=True)
    paired = pair(of(found), found.column("a"), found.column("b"))
    assert paired.anytime is not None
    assert paired.anytime.reviews == (matrix[:200, 0] != matrix[:200, 1]).sum()


def test_wins_are_told_by_pair_of_labels_and_by_label() -> None:
    found = made([[0, 1], [0, 1], [1, 0], [2, 2]], [0, 1, 1, 2])
    a, b = found.column("a"), found.column("b")
    by_pair = wins_by_pair(a, b, found.settled)
    assert {pair: (w.a, w.b) for pair, w in by_pair.items()} == {(0, 1): (1, 1), (1, 0): (1, 0)}
    by_label = wins_by_label(a, b, found.settled, ("no", "yes", "maybe"))
    assert {name: (w.a, w.b) for name, w in by_label.items()} == {"no": (1, 0), "yes": (1, 1)}


def test_outcome_names_are_those_of_the_schema() -> None:
    assert OUTCOMES == ("both_right", "a_right", "b_right", "both_acceptable", "neither")
