"""Agreement: textbook tables with known answers, laws, and where nothing is defined."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score

from quorate.agreement import agreement


def table(*raters: str) -> NDArray[np.int64]:
    """Ratings from one line per rater; what is no letter or digit is missing."""
    names = sorted({mark for rater in raters for mark in rater.split() if mark.isalnum()})
    return np.array([[names.index(m) if m.isalnum() else -1 for m in rater.split()] for rater in raters]).T


KRIPPENDORFF = table(
    "1 2 3 3 2 1 4 1 2 . . .", "1 2 3 3 2 2 4 1 2 5 . 3", ". 3 3 3 2 3 4 2 2 5 1 .", "1 2 3 3 2 4 4 1 2 5 1 ."
)


def test_four_observers_of_twelve_units_by_krippendorff() -> None:
    found = agreement(KRIPPENDORFF, 5)
    assert found.alpha.value == pytest.approx(0.743421, abs=1e-6)
    assert found.rows == 11
    assert found.same.value == pytest.approx(0.81818, abs=1e-5)
    assert (found.alpha.low or 0) < 0.743421 < (found.alpha.high or 0)


@pytest.mark.parametrize(
    ("raters", "categories", "alpha"),
    [
        (("0 1 0 0 0 0 0 0 1 0", "1 1 1 0 0 1 0 0 0 0"), 2, 0.095238),
        (("a a b b d c c c e d d a", "b a b b b c c c e d d d"), 5, 0.691964),
        (
            ("* * * * * 3 4 1 2 1 1 3 3 * 3", "1 * 2 1 3 3 4 3 * * * * * * *", "* * 2 1 3 4 4 * 2 1 1 3 3 * 4"),
            4,
            0.691358,
        ),
    ],
)
def test_alpha_of_textbook_tables(raters: tuple[str, ...], categories: int, alpha: float) -> None:
    assert agreement(table(*raters), categories).alpha.value == pytest.approx(alpha, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=40))
def test_kappa_of_two_is_cohens(pairs: list[tuple[int, int]]) -> None:
    ratings = np.array(pairs)
    found = agreement(ratings, 4).kappa.value
    if len(set(ratings.ravel().tolist())) == 1:
        assert found is None
    else:
        assert found == pytest.approx(cohen_kappa_score(*ratings.T, labels=range(4)), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(-1, 2), min_size=3, max_size=3), max_size=30), st.randoms())
def test_the_order_of_rows_and_of_raters_does_not_matter_but_to_the_interval(
    rows: list[list[int]], random: Any
) -> None:
    turned = [row[::-1] for row in rows]
    random.shuffle(turned)
    one, other = agreement(rows, 3), agreement(turned, 3)
    assert one.rows == other.rows
    for name in ("same", "kappa", "alpha", "ac1"):
        assert getattr(one, name).value == pytest.approx(getattr(other, name).value, nan_ok=True)


def test_what_is_not_defined_is_none() -> None:
    always = agreement([[0, 0]] * 5, 2)
    assert (always.same.value, always.kappa.value, always.alpha.value, always.ac1.value) == (1, None, None, 1)
    for nobody in ([], [[0, -1], [-1, 1]], np.zeros((0, 2))):
        assert agreement(nobody, 2).rows == 0
        assert agreement(nobody, 2).alpha.value is None


def test_ac1_holds_where_one_label_is_rare() -> None:
    ratings = [[0, 0]] * 118 + [[0, 1]] * 5 + [[1, 0]] * 2
    found = agreement(ratings, 2)
    assert (found.kappa.value or 0) < 0
    assert (found.ac1.value or 0) > 0.9
