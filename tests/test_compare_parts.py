"""The parts of a comparison: queue, labels, calibration, prediction-powered estimates, slices, ways, leaderboard."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from compared import LABELS, made, of, simulated
from hypothesis import given
from hypothesis import strategies as st

from quorate.comparing.calibration import calibrate
from quorate.comparing.candidates import Asked, Candidates, Settled
from quorate.comparing.classes import class_scores, confusion
from quorate.comparing.disagreements import disagreements
from quorate.comparing.frontier import frontier
from quorate.comparing.gate import judge, parse_condition
from quorate.comparing.leaderboard import leaderboard
from quorate.comparing.population import AGREE, DIFFER, Population
from quorate.comparing.powered import powered
from quorate.comparing.sampling import review_queue
from quorate.comparing.slices import slices
from quorate.comparing.stability import stability
from quorate.errors import CannotTell, LabelError
from quorate.rows import Rows


def test_the_queue_holds_open_rows_with_their_chance_to_be_drawn() -> None:
    matrix, gold = simulated(1_000, 0)
    found = made(matrix, gold, settled=range(50))
    queue = review_queue(found, 100)
    side = of(found).side
    assert len(queue) == 100
    assert queue.position.min() >= 50
    assert (side[queue.position] == AGREE).sum() == 10
    for one in (AGREE, DIFFER):
        drawn = (side[queue.position] == one).sum() + (side[:50] == one).sum()
        np.testing.assert_allclose(queue.inclusion[side[queue.position] == one], drawn / (side == one).sum())


@given(st.integers(1, 200), st.integers(1, 200))
def test_a_longer_queue_has_the_same_disagreements_first(short: int, long: int) -> None:
    matrix, gold = simulated(1_000, 1)
    found = made(matrix, gold, settled=[])
    few, many = (review_queue(found, n) for n in sorted((short, long)))

    def differing(queue: object) -> list[int]:
        return [p for p, s in zip(queue.position.tolist(), queue.score.tolist(), strict=True) if s]  # type: ignore[attr-defined]

    assert differing(many)[: len(differing(few))] == differing(few)


def test_agreements_come_all_along_the_queue() -> None:
    matrix, gold = simulated(1_000, 2)
    score = review_queue(made(matrix, gold, settled=[]), 200).score
    assert all(part.min() == 0 for part in np.split(score, 10))


def test_the_queue_ends_with_the_rows() -> None:
    matrix, gold = simulated(60, 3)
    assert len(review_queue(made(matrix, gold, settled=[]), 500)) == 60


def test_the_figures_of_a_label_are_those_of_the_table_where_all_is_settled() -> None:
    matrix, gold = simulated(1_000, 4)
    found = made(matrix, gold)
    population = replace(of(found), is_sample=False)
    score = class_scores(population, found.column("a"), LABELS)[0]
    said, true = matrix[:, 0] == 0, gold == 0
    assert score.precision.value == pytest.approx((said & true).sum() / said.sum())
    assert score.recall.value == pytest.approx((said & true).sum() / true.sum())
    assert score.prevalence.low == score.prevalence.high == pytest.approx(true.mean())
    assert not score.is_thin


def test_a_label_with_few_settled_rows_is_marked() -> None:
    matrix, gold = simulated(1_000, 4)
    found = made(matrix, gold, settled=range(12))
    assert all(score.is_thin for score in class_scores(of(found), found.column("a"), LABELS))


def test_the_confusion_is_weighted_to_all_rows() -> None:
    matrix, gold = simulated(1_000, 5)
    found = made(matrix, gold, settled=range(300), sampled="strata")
    table = confusion(of(found), found.column("a"), 3)
    assert table.sum() == pytest.approx(1_000)
    assert table.argmax(axis=1)[:3].tolist() == [0, 1, 2]


def test_a_certainty_that_is_what_it_says_is_calibrated() -> None:
    generator = np.random.default_rng(6)
    sure = generator.uniform(0.4, 1.0, 1_000).astype(np.float32)
    gold = np.zeros(1_000, int)
    a = np.where(generator.random(1_000) < sure, 0, 1)
    found = made(np.stack([a, gold], axis=1), gold)
    honest, boastful = (calibrate(of(found), found.column("a"), c) for c in (sure, np.sqrt(np.sqrt(sure))))
    assert honest is not None
    assert boastful is not None
    assert honest.ece < 0.06 < boastful.ece
    assert boastful.after["isotonic"]["ece"] < boastful.ece
    assert boastful.ece_low <= boastful.ece <= boastful.ece_high
    assert honest.coverage["0.9"] < 1


def test_calibration_needs_settled_rows() -> None:
    matrix, gold = simulated(1_000, 7)
    found = made(matrix, gold, settled=range(20))
    assert calibrate(of(found), found.column("a"), np.full(1_000, 0.9, np.float32)) is None


def test_a_good_prediction_narrows_the_interval_and_a_bad_one_does_not_widen_it() -> None:
    matrix, gold = simulated(1_000, 8)
    found = made(matrix, gold, settled=range(200))
    population, right = of(found), (matrix[:, 0] == gold).astype(float)
    told = powered(population, right[:200], right)
    noise = powered(population, right[:200], np.random.default_rng(0).random(1_000))
    assert told is not None
    assert noise is not None
    assert told.high - told.low <= told.plain_width
    assert told.value == pytest.approx(right.mean(), abs=0.02)
    # Too few errors among agreements for a normal approximation.
    assert not told.is_trusted
    assert noise.high - noise.low <= noise.plain_width * 1.001
    assert noise.low < right.mean() < noise.high


def test_a_stratum_with_one_settled_row_has_no_prediction_powered_estimate() -> None:
    matrix, gold = simulated(100, 9)
    found = made(matrix, gold, settled=[0])
    assert powered(of(found), np.ones(1), np.ones(100)) is None


def test_a_slice_where_the_sign_turns_is_found() -> None:
    generator = np.random.default_rng(10)
    part, gold = generator.random(1_000) < 0.3, generator.integers(0, 3, 1_000)
    good = np.where(generator.random(1_000) < 0.95, gold, (gold + 1) % 3)
    poor = np.where(generator.random(1_000) < 0.7, gold, (gold + 1) % 3)
    a, b = np.where(part, poor, good), np.where(part, good, poor)
    found = made(np.stack([a, b], axis=1), gold)
    table = pa.table({"text": ["x"] * 1_000, "where": ["here" if p else "there" for p in part]})
    told = slices(replace(found, rows=Rows(table, found.votes.ids)), of(found), "a", "b")
    here = next(each for each in told if each.name == "where = here")
    assert here.turns
    assert here.stands
    assert not next(each for each in told if each.name == "where = there").turns


def test_slices_of_pure_noise_rarely_stand() -> None:
    matrix, gold = simulated(1_000, 11, (0.85, 0.85))
    found = made(matrix, gold)
    kinds = np.random.default_rng(1).integers(0, 10, 1_000)
    table = pa.table({"text": ["x"] * 1_000, "kind": [f"k{k}" for k in kinds]})
    told = slices(replace(found, rows=Rows(table, found.votes.ids)), of(found), "a", "b")
    assert sum(each.stands for each in told) <= 1


def test_the_ways_to_use_both_cost_and_give_what_they_should() -> None:
    matrix, gold = simulated(1_000, 12)
    found = made(matrix, gold, asked={"a": Asked(usd=2.0), "b": Asked(usd=0.5)})
    ways = {way.name: way for way in frontier(found, of(found), "a", "b")}
    agree = ways["where they agree; a person settles the rest"]
    assert agree.human == pytest.approx((matrix[:, 0] != matrix[:, 1]).mean())
    assert agree.usd_per_1000 == pytest.approx(2.5)
    both_right = ((matrix[:, 0] == matrix[:, 1]) & (matrix[:, 0] == gold)).mean()
    assert agree.accuracy.value == pytest.approx(both_right + agree.human, abs=0.01)
    assert ways["a alone"].usd_per_1000 == pytest.approx(2.0)
    assert not ways["b alone"].is_best or ways["b alone"].usd_per_1000 == pytest.approx(0.5)


def test_the_leaderboard_tells_apart_what_is_apart() -> None:
    matrix, gold = simulated(1_000, 13, (0.9, 0.6, 0.6))
    found = made(matrix, gold, names=("a", "b", "c"))
    standings, duels = leaderboard(found, of(found))
    assert standings[0].name == "a"
    assert standings[0].groups == "a"
    assert standings[1].groups == standings[2].groups == "b"
    assert [duel.is_told_apart for duel in duels] == [True, True, False]


def test_the_best_beside_its_double_shares_a_letter() -> None:
    matrix, gold = simulated(1_000, 14, (0.9,))
    standings, _ = leaderboard(*_with_double(matrix, gold))
    assert {standing.groups for standing in standings[:2]} == {"a"}


def _with_double(matrix: np.ndarray, gold: np.ndarray) -> tuple[Candidates, Population]:
    third = (gold + 1) % 3
    found = made(np.column_stack([matrix[:, 0], matrix[:, 0], third]), gold, names=("a", "b", "c"))
    return found, of(found)


def test_what_flips_when_asked_again_is_the_noise_floor() -> None:
    matrix, gold = simulated(1_000, 15)
    again = matrix[:, 0].copy()
    again[:100] = (again[:100] + 1) % 3
    found = made(np.column_stack([matrix, again]), gold, names=("a", "b", "a2"), compared=("a", "b"), again={"a": "a2"})
    (steady,) = stability(found)
    assert steady.flips == pytest.approx(0.1)
    differ = matrix[:, 0] != matrix[:, 1]
    assert steady.explained == pytest.approx(differ[:100].sum() / differ.sum())


def test_disagreements_are_by_pair_of_labels_with_copies_folded() -> None:
    found = made([[0, 1]] * 4 + [[1, 0]] * 2 + [[0, 0]] * 4, [0] * 10)
    texts = ["the parcel never came"] * 3 + ["refund my card"] + ["nice", "kind"] + ["same"] * 4
    pairs = disagreements(replace(found, rows=Rows(pa.table({"text": texts}), found.votes.ids)), "a", "b")
    assert [(pair.a, pair.b, pair.rows) for pair in pairs] == [("no", "yes", 4), ("yes", "no", 2)]
    assert pairs[0].clusters[0].rows == 3
    assert pairs[0].clusters[0].examples[0]["near_duplicates"] == 2


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("B worse than A by 2 points", True),
        ("b worse than a", True),
        ("A worse than B by 2 points", False),
        ("A possibly worse than B", False),
        ("B below 99 %", True),
        ("a below 20%", False),
    ],
)
def test_conditions(text: str, holds: bool) -> None:
    matrix, gold = simulated(1_000, 16, (0.95, 0.6))
    found = made(matrix, gold)
    assert judge(parse_condition(text, found), found, of(found)).holds is holds


@pytest.mark.parametrize("text", ["B bad", "C worse than A", "A worse than D by 1 point", ""])
def test_a_condition_that_makes_no_sense_is_refused(text: str) -> None:
    found = made([[0, 1]] * 4, [0] * 4)
    with pytest.raises(CannotTell):
        parse_condition(text, found)


def test_a_condition_without_settled_rows_is_refused_with_what_to_do() -> None:
    found = made([[0, 1]] * 4, [-1] * 4)
    with pytest.raises(CannotTell, match="to-review"):
        judge(parse_condition("A worse than B", found), found, of(found))


@pytest.mark.parametrize("compared", [("a",), ("a", "a"), ("a", "c")])
def test_a_comparison_is_of_two_different_sources_that_are_there(compared: tuple[str, ...]) -> None:
    with pytest.raises(LabelError):
        made([[0, 1]] * 4, [0] * 4, compared=compared)


def test_how_rows_were_sampled_has_two_answers() -> None:
    with pytest.raises(ValueError, match="random or strata"):
        Settled(np.zeros(0, np.intp), np.zeros((0, 3), bool), sampled="by hand")
