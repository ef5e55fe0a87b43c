"""The honest sample, and what answers say of all rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quorate import ABSTAIN, Gold, Labels, LabelSpace, Votes
from quorate.estimating.survey import accuracy_now, accuracy_over, survey
from quorate.ranking.drawing import Stratum, allocated, draw, lottery, strata
from quorate.reporting.report import survey_entry

SPACE = LabelSpace(("A", "B"))


def test_strata_tell_how_far_sources_agree() -> None:
    votes = Votes.of([[ABSTAIN, ABSTAIN], [0, ABSTAIN], [0, 0], [0, 1]], SPACE)
    assert strata(votes).tolist() == [Stratum.SILENT, Stratum.ALONE, Stratum.AGREEING, Stratum.DISAGREEING]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 50), st.floats(0, 1)), min_size=1, max_size=4), st.floats(0, 1))
def test_an_allocation_is_exact_and_fits_the_strata(given_strata: list[tuple[int, float]], share: float) -> None:
    sizes, doubt = np.array([s for s, _ in given_strata]), np.array([d for _, d in given_strata])
    total = int(share * sizes.sum())
    got = allocated(total, sizes, doubt)
    assert got.sum() == total
    assert (got <= sizes).all()
    assert total < 2 * len(sizes) or (got >= np.minimum(sizes, 2)).all()


def test_tickets_depend_on_the_id_alone() -> None:
    ids = pa.array(["a", "a long identifier of a row", "", "a", "ä"])
    assert lottery(ids)[0] == lottery(ids)[3]
    assert len(set(lottery(ids).tolist())) == 4
    assert lottery(ids.slice(1, 2)).tolist() == lottery(ids)[1:3].tolist()
    assert len(set(lottery(pa.array([str(i) for i in range(20_000)])).tolist())) == 20_000


def test_while_people_answer_what_they_settled_is_right_and_drawn_rows_tell_of_the_rest() -> None:
    agreeing = np.full(97, Stratum.AGREEING, np.int8)
    half = accuracy_now(np.array([True, False] * 20), np.full(40, Stratum.AGREEING, np.int8), agreeing, settled=43)
    assert half is not None
    assert half.value == pytest.approx((43 + 97 / 2) / 140, abs=0.01)
    assert 0.5 < half.low < half.value < half.high < 0.8
    assert accuracy_now(np.zeros(0, bool), np.zeros(0, np.int8), agreeing, 3) is None
    done = accuracy_now(np.ones(5, bool), np.full(5, Stratum.AGREEING, np.int8), agreeing[:0], settled=100)
    assert done is not None
    assert done.low == done.value == 1


def test_strata_weigh_as_the_rows_that_are_open() -> None:
    stratum = np.repeat([Stratum.AGREEING, Stratum.DISAGREEING], 50).astype(np.int8)
    open_rows = np.repeat([Stratum.AGREEING, Stratum.DISAGREEING], [9_000, 1_000]).astype(np.int8)
    found = accuracy_now(stratum == Stratum.AGREEING, stratum, open_rows, settled=0)
    assert found is not None
    assert found.value == pytest.approx(0.9, abs=0.02)


def test_inclusion_is_the_rate_of_the_stratum() -> None:
    stratum = np.array([2] * 90 + [3] * 30, np.int8)
    rows, chance = draw(np.arange(120), stratum, np.arange(120, dtype=np.uint64), np.where(stratum == 3, 0.5, 0.1), 40)
    for kind, size in ((2, 90), (3, 30)):
        here = stratum[rows] == kind
        assert chance[here] == pytest.approx(here.sum() / size)
    assert (stratum[rows] == 3).sum() > 10


def test_the_interval_holds_the_truth_as_often_as_it_says_while_targeted_rows_mislead() -> None:
    generator = np.random.default_rng(7)
    n = 3000
    stratum = np.where(generator.random(n) < 0.3, 3, 2).astype(np.int8)
    right = generator.random(n) < np.where(stratum == 3, 0.6, 0.92)
    hard, truth = np.zeros(n, np.int16), np.where(right, 0, 1).astype(np.int16)
    targeted = np.flatnonzero(stratum == 3)[:100]
    rest = np.setdiff1d(np.arange(n), targeted)
    held = 0
    for _ in range(200):
        rows, _ = draw(rest, stratum, generator.integers(0, 2**62, n).astype(np.uint64), np.full(n, 0.2), 100)
        answers, drawn = np.full(n, ABSTAIN, np.int16), np.zeros(n, bool)
        answers[targeted], answers[rows], drawn[rows] = truth[targeted], truth[rows], True
        estimate = accuracy_over(hard, answers, drawn, stratum).estimate
        assert estimate is not None
        held += estimate.low <= right.mean() <= estimate.high
    # 5 sigma of a binomial around 95 %.
    assert held >= 174
    assert right[targeted].mean() < right.mean() - 0.1


def test_with_every_row_answered_nothing_is_left_to_estimate() -> None:
    truth = np.array([0, 1, 0, 0], np.int16)
    found = accuracy_over(np.zeros(4, np.int16), truth, np.array([True, True, False, False]), np.full(4, 2, np.int8))
    assert found.estimate is not None
    assert (found.estimate.value, found.estimate.low, found.estimate.high) == (0.75, 0.75, 0.75)
    assert (found.drawn, found.aimed) == (2, 2)


def test_targeted_rows_alone_estimate_nothing() -> None:
    votes = Votes.of([[0, 1], [0, 0], [1, 1]], SPACE, ids=["a", "b", "c"])
    labels = Labels(SPACE, votes.ids, np.eye(2)[[0, 0, 1]], votes.covered, "told")
    found = survey(votes, labels, Gold(("a", "b"), np.array([1, 0], np.int16), inclusion=(1.0, 1.0)))
    assert survey_entry(found)["labels"] == {
        "accuracy": None,
        "low": None,
        "high": None,
        "drawn": 0,
        "targeted": 2,
    }


def test_a_survey_speaks_of_labels_sources_and_classes() -> None:
    votes = Votes.of([[0, 1], [0, 0], [1, 1], [0, ABSTAIN]], SPACE, sources=["s", "t"], ids=list("abcd"))
    labels = Labels(SPACE, votes.ids, np.eye(2)[[0, 0, 1, 0]], votes.covered, "told")
    found = survey_entry(survey(votes, labels, Gold(tuple("abc"), np.array([0, 0, 1], np.int16), inclusion=(0.5,) * 3)))
    assert set(found["sources"]) == {"s", "t"}
    assert set(found["classes"]) == {"A", "B"}
    assert (found["labels"]["drawn"], found["sources"]["t"]["drawn"], found["classes"]["B"]["drawn"]) == (3, 3, 1)
    assert found["labels"]["accuracy"] > 0.75 > found["sources"]["t"]["accuracy"]
    assert found["sources"]["t"]["low"] == pytest.approx(found["sources"]["t"]["high"]) == pytest.approx(2 / 3)
