"""Coefficients of agreement: tables with known answers, and laws."""

from __future__ import annotations

from math import isnan, sqrt

import agreement_examples as known
import numpy as np
import pytest
from agreement_examples import square, table, tallies
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm, t

from quorate.agreement import resampling
from quorate.agreement.coefficients import krippendorff, weights_of
from quorate.agreement.measuring import Agreement, measure_agreement
from quorate.agreement.ratings import Ratings
from quorate.agreement.symmetry import bowker, mcnemar, stuart_maxwell
from quorate.values import Status, Votes

EXACT = [
    (known.OBSERVERS, "nominal", "krippendorff_alpha", 0.743421),
    (known.OBSERVERS, "ordinal", "krippendorff_alpha", 0.815388),
    (known.OBSERVERS, "interval", "krippendorff_alpha", 0.849107),
    (known.OBSERVERS, "ratio", "krippendorff_alpha", 0.797403),
    (known.OBSERVERS, "nominal", "fleiss_kappa", 0.76117),
    (known.OBSERVERS, "nominal", "gwet_ac1", 0.77544),
    (known.OBSERVERS, "nominal", "agreement", 0.81818),
    (known.OBSERVERS, "nominal", "conger_kappa", 0.76207),
    (known.OBSERVERS_AS_RAW_4RATERS, "nominal", "conger_kappa", 0.76282),
    (known.OBSERVERS, "nominal", "brennan_prediger", 0.77273),
    (known.BINARY, "nominal", "krippendorff_alpha", 0.095238),
    (known.LETTERS, "nominal", "krippendorff_alpha", 0.691964),
    (known.THREE, "nominal", "krippendorff_alpha", 0.691358),
    (known.THREE, "ordinal", "krippendorff_alpha", 0.806721),
    (known.THREE, "interval", "krippendorff_alpha", 0.810845),
    (known.DIAGNOSES, "nominal", "fleiss_kappa", 0.430245),
    (known.SUBJECTS, "nominal", "fleiss_kappa", 0.209931),
    (known.SUBJECTS, "nominal", "brennan_prediger", 0.222527),
    (tallies("7 1\n3 5"), "nominal", "fleiss_kappa", 0.161905),
    (tallies("7 1\n3 5"), "nominal", "brennan_prediger", 0.214286),
    (tallies("6.99 .01\n6.99 .01"), "nominal", "fleiss_kappa", -0.166667),
    (tallies("6.99 .01\n6.99 .01"), "nominal", "brennan_prediger", 0.993343),
    (tallies("7 0\n7 0"), "nominal", "fleiss_kappa", np.nan),
    (tallies("7 0\n7 0"), "nominal", "brennan_prediger", 1.0),
    (square([[20, 5], [10, 15]]), "nominal", "cohen_kappa", 0.4),
    (square([[45, 15], [25, 15]]), "nominal", "cohen_kappa", 0.130435),
    (square([[25, 35], [5, 35]]), "nominal", "cohen_kappa", 0.259259),
    (known.PSYCHIATRIC, "nominal", "cohen_kappa", 0.491525),
    (known.SKEWED, "nominal", "agreement", 0.944),
    (known.SKEWED, "nominal", "gwet_ac1", 0.94078),
    (known.SKEWED, "nominal", "cohen_kappa", -0.0234),
    (known.SKEWED, "nominal", "fleiss_kappa", -0.0288),
    (square([[40, 9], [6, 45]]), "nominal", "cohen_kappa", 0.6995),
    (square([[40, 9], [6, 45]]), "nominal", "gwet_ac1", 0.70075),
    (square([[80, 10], [5, 5]]), "nominal", "cohen_kappa", 0.3182),
    (square([[80, 10], [5, 5]]), "nominal", "gwet_ac1", 0.80800),
    (known.ABSTRACTORS, "nominal", "cohen_kappa", 0.79641),
    (known.ABSTRACTORS, "nominal", "gwet_ac1", 0.84933),
    (known.ABSTRACTORS, "nominal", "fleiss_kappa", 0.79624),
    (known.ABSTRACTORS, "nominal", "krippendorff_alpha", 0.79726),
    (known.ABSTRACTORS, "nominal", "brennan_prediger", 0.835),
    (known.FIVE_OBSERVERS, "nominal", "gwet_ac1", 0.49662),
    (known.FIVE_OBSERVERS, "nominal", "fleiss_kappa", 0.45762),
    (known.FIVE_OBSERVERS, "nominal", "krippendorff_alpha", 0.48053),
    (known.FIVE_OBSERVERS, "ordinal", "gwet_ac2", 0.78534),
    (known.FIVE_OBSERVERS, "ordinal", "fleiss_kappa", 0.70122),
]


@pytest.mark.parametrize(("ratings", "level", "name", "expected"), EXACT)
def test_known_tables(ratings: Ratings, level: str, name: str, expected: float) -> None:
    value = measure(ratings, level).coefficients[name].value
    places = len(f"{expected:.6g}".split(".")[-1])
    assert value == pytest.approx(expected, abs=0.51 * 10.0**-places, nan_ok=True)


def measure(ratings: Ratings, level: str = "nominal") -> Agreement:
    return measure_agreement(ratings, level, resamples=50)


def test_alpha_with_gwets_ordinal_weights() -> None:
    weights = weights_of("ordinal", known.FIVE_OBSERVERS.values)
    assert resampling.measure(krippendorff(weights), known.FIVE_OBSERVERS, 50).value == pytest.approx(0.72348, abs=5e-6)


def test_kappas_standard_error_is_that_of_fleiss_cohen_everitt() -> None:
    kappa = measure(square([[20, 5], [10, 15]])).coefficients["cohen_kappa"]
    assert kappa.standard_error == pytest.approx(0.126996, abs=5e-7)
    z = norm.ppf(0.975)
    assert kappa.value - z * kappa.standard_error == pytest.approx(0.1511, abs=5e-5)
    kappa = measure(known.PSYCHIATRIC).coefficients["cohen_kappa"]
    assert kappa.value - z * kappa.standard_error == pytest.approx(0.3916, abs=5e-5)


@pytest.mark.parametrize(
    ("ratings", "name", "low"),
    [
        (known.SKEWED, "gwet_ac1", 0.89532),
        (known.ABSTRACTORS, "gwet_ac1", 0.76358),
        (known.ABSTRACTORS, "cohen_kappa", 0.67952),
    ],
)
def test_intervals_are_irrcacs(ratings: Ratings, name: str, low: float) -> None:
    found = measure(ratings).coefficients[name]
    assert found.value - t.ppf(0.975, ratings.units - 1) * found.standard_error == pytest.approx(low, abs=6e-6)


def test_bootstrap_agrees_with_the_analytic_interval() -> None:
    alpha = measure_agreement(known.OBSERVERS).coefficients["krippendorff_alpha"]
    assert (alpha.low, alpha.high) == pytest.approx((0.422, 1.0), abs=0.03)
    skewed = measure_agreement(known.PSYCHIATRIC).coefficients["cohen_kappa"]
    assert (skewed.low, skewed.high) == pytest.approx((0.3916, 0.5915), abs=0.01)


def test_undefined_is_named() -> None:
    one = measure(table("A: a a b b")).coefficients["fleiss_kappa"]
    assert isnan(one.value)
    assert "rated twice" in one.undefined
    apart = measure(table("A: a a . .\nB: . . b b")).coefficients["cohen_kappa"]
    assert isnan(apart.value)
    assert "overlap" in apart.undefined
    same = measure(table("A: a a a b\nB: a a a .")).coefficients
    assert isnan(same["cohen_kappa"].value)
    assert "'a'" in same["cohen_kappa"].undefined
    assert same["gwet_ac1"].value == same["brennan_prediger"].value == same["agreement"].value == 1
    empty = measure(Ratings.of(np.zeros((0, 2)), ["a", "b"])).coefficients["gwet_ac1"]
    assert isnan(empty.value)
    assert empty.undefined == "there are no units"


def test_a_category_that_one_rater_never_used_counts() -> None:
    found = measure(table("A: a a b c\nB: a a b b"))
    assert found.by_category["c"].value == 0
    assert found.by_category["a"].value == 1


def test_abstaining_is_missing_or_a_category() -> None:
    votes = Votes.of([[0, 0], [1, -1], [-1, -1], [1, 1]], ["no", "yes"])
    failed = votes.status.copy()
    failed[1, 1] = Status.FAILED
    votes = Votes(votes.space, votes.ids, votes.sources, votes.families, votes.matrix, failed)
    missing = measure(Ratings.of_votes(votes))
    category = measure(Ratings.of_votes(votes, abstain="category"))
    assert (missing.units, category.units) == (2, 3)
    with pytest.raises(ValueError, match="missing"):
        Ratings.of_votes(votes, abstain="ignored")


def test_groups_are_drawn_together() -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(0, 2, 20)
    b = np.where(rng.random(20) < 0.8, a, 1 - a)
    units, group = np.repeat(np.column_stack([a, b]), 10, axis=0), np.repeat(np.arange(20), 10)
    alone = measure_agreement(Ratings.of(units, ["x", "y"])).coefficients["cohen_kappa"]
    grouped = measure_agreement(Ratings.of(units, ["x", "y"], groups=group)).coefficients["cohen_kappa"]
    assert grouped.value == pytest.approx(alone.value)
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)
    assert grouped.standard_error > 2.5 * alone.standard_error


TABLES = arrays(np.int64, st.tuples(st.integers(2, 12), st.integers(2, 4)), elements=st.integers(-1, 2))


@given(TABLES, st.permutations(range(3)), st.data())
def test_who_rates_first_and_what_labels_are_called_changes_nothing(
    units: np.ndarray, names: list[int], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(units.shape[1])))
    renamed = np.where(units < 0, -1, np.array([*names, -1])[units])[:, order]
    one, other = (measure(Ratings.of(each, ["a", "b", "c"])).coefficients for each in (units, renamed))
    for name, found in one.items():
        assert other[name].value == pytest.approx(found.value, nan_ok=True, abs=1e-9)


@given(st.lists(st.integers(0, 2), min_size=2, max_size=20))
def test_perfect_agreement_is_one_or_undefined(labels: list[int]) -> None:
    found = measure(Ratings.of(np.column_stack([labels, labels, labels]), ["a", "b", "c"])).coefficients
    for one in found.values():
        assert one.value == pytest.approx(1) or (isnan(one.value) and one.undefined)


@settings(deadline=None)
@given(TABLES)
def test_twice_the_units_narrow_the_error_by_the_root_of_two(units: np.ndarray) -> None:
    for name, once in measure(Ratings.of(units, ["a", "b", "c"])).coefficients.items():
        twice = measure(Ratings.of(np.vstack([units, units]), ["a", "b", "c"])).coefficients[name]
        if name != "krippendorff_alpha":
            assert twice.standard_error * sqrt(2) == pytest.approx(once.standard_error, nan_ok=True, abs=1e-6)


def test_many_distinct_units_take_the_delta_method() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 20, 30_000)
    units = np.where(rng.random((30_000, 6)) < 0.7, truth[:, None], rng.integers(0, 20, (30_000, 6)))
    found = measure_agreement(Ratings.of(units, [str(k) for k in range(20)])).coefficients["krippendorff_alpha"]
    assert found.low < found.value < found.high
    assert found.high - found.low < 0.01


def test_symmetry_of_use() -> None:
    # Stuart (1955): unaided distance vision of 7,477 women; the values of statsmodels' SquareTable.
    vision = np.array([[1520, 266, 124, 66], [234, 1512, 432, 78], [117, 362, 1772, 205], [36, 82, 179, 492]], float)
    assert bowker(vision).statistic == pytest.approx(19.107, abs=5e-4)
    assert stuart_maxwell(vision).statistic == pytest.approx(11.957, abs=5e-4)
    assert (bowker(vision).degrees, stuart_maxwell(vision).degrees) == (6, 3)
    assert isnan(bowker(np.eye(3)).p_value)
    assert isnan(stuart_maxwell(np.zeros((2, 2))).p_value)


def test_mcnemar_is_exact() -> None:
    assert mcnemar(10, 3) == pytest.approx(0.092285, abs=1e-6)
    assert mcnemar(0, 0) == 1
