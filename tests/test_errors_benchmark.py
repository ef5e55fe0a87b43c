"""What the benchmarks of wrong labels compute, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.__main__ import _module
from benchmarks.cleaning import CLOSE, REVIEWED, reviews_needed
from benchmarks.gold_texts import Noise, flipped
from benchmarks.measurement import Measurement
from benchmarks.suites.errors import COMPARED, _listed, summarise


@given(st.integers(2, 12), st.sampled_from([0.05, 0.1, 0.2]), st.sampled_from(["uniform", "class-dependent"]))
def test_as_many_labels_are_wrong_as_were_asked_for(k: int, share: float, kind: Noise) -> None:
    gold = (np.arange(400) % k).astype(np.int16)
    labels = flipped(gold, k, kind, share, np.random.default_rng(k))
    assert (labels != gold).sum() == round(share * 400)
    assert ((labels >= 0) & (labels < k)).all()


def test_class_dependent_noise_gives_each_label_one_other_in_its_place() -> None:
    gold = (np.arange(600) % 5).astype(np.int16)
    labels = flipped(gold, 5, "class-dependent", 0.2, np.random.default_rng(0))
    assert all(len(np.unique(labels[(gold == y) & (labels != y)])) == 1 for y in range(5))


def test_reviews_are_counted_to_within_half_a_point_of_clean() -> None:
    curve = np.full(len(REVIEWED), 0.9)
    curve[0], curve[1], curve[2] = 0.8, 0.84, 0.88
    # The goal is .86, half way between the second and the third.
    assert reviews_needed(curve, 0.86 + CLOSE) == pytest.approx((REVIEWED[1] + REVIEWED[2]) / 2)
    assert reviews_needed(curve, 0.8) == 0
    assert np.isnan(reviews_needed(curve, 0.95))


def test_a_list_that_leaves_wrong_labels_out_loses_them() -> None:
    wrong = np.array([True, False, True, True])
    assert _listed(wrong, np.array([0, 1, 2])) == pytest.approx(100 * (1 + 2 / 3) / 3)


def test_the_summary_counts_the_sets_where_ours_is_at_least_a_peers() -> None:
    def measured(name: str, ours: float, theirs: float) -> Measurement:
        return Measurement(f"{name}, uniform 5%", "average_precision", ours, {"cleanlab": theirs})

    found = [measured(COMPARED[0], 80, 70), measured(COMPARED[1], 60, 70), measured("hausa", 10, 90)]
    assert summarise(found)["compared sets where ours is at least"] == {"cleanlab": "1 of 2"}


def test_a_benchmark_may_be_named_with_hyphens() -> None:
    assert _module("clean-or-more") == "clean_or_more"
