"""What the contract tests share: every plug-in there is, its offline example, and votes to run laws over."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cache
from typing import Any, TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray
from projects import needs

from quorate.errors import MissingExtra
from quorate.registry import load, names
from quorate.values import LabelSpace, Votes

T = TypeVar("T")
Matrix = NDArray[np.int16]

SLOW = {"snorkel", "spacy"}
LABELS = ("HAM", "SPAM", "OTHER", "UNSURE")


def every(kind: str, but: Collection[str] = ()) -> pytest.MarkDecorator:
    """Runs a test over every plug-in of a kind, by name; `but` names those of which the law does not hold."""
    return pytest.mark.parametrize("name", [name for name in names(kind) if name not in but])


@cache
def example(kind: str, name: str) -> Any:
    """The plug-in's own example; the test is skipped where its vendor is not installed."""
    return available(load(kind, name).example)


def available(make: Callable[[], T]) -> T:
    """What `make` gives; the test is skipped where it lacks an optional package."""
    try:
        return make()
    except MissingExtra as missing:
        needs(missing.package)
        raise


def law(
    kind: str, cases: st.SearchStrategy[T], but: Collection[str] = (), few: bool = False
) -> Callable[[Callable[[str, T], None]], Callable[[str], None]]:
    """A law of every plug-in of a kind, on cases of a strategy; a plug-in with a slow vendor meets fewer of them.

    Args:
        few: a case takes long, so that eight have to do.
    """

    def decorate(check: Callable[[str, T], None]) -> Callable[[str], None]:
        def over_cases(name: str) -> None:
            @settings(max_examples=3 if name in SLOW else 8 if few else 60, deadline=None)
            @given(cases)
            def holds(case: T) -> None:
                check(name, case)

            holds()

        over_cases.__name__, over_cases.__doc__ = check.__name__, check.__doc__
        over_cases.__module__ = check.__module__
        return every(kind, but)(over_cases)

    return decorate


def space(k: int) -> LabelSpace:
    return LabelSpace(LABELS[:k])


@st.composite
def label_matrices(draw: st.DrawFn, sources: int = 3, rows: int = 0) -> tuple[Matrix, int]:
    """A label matrix of at least so many sources and rows, and how many labels there are."""
    k = draw(st.integers(2, len(LABELS)))
    shape = draw(st.integers(rows, 12)), draw(st.integers(sources, 4))
    return draw(npst.arrays(np.int16, shape, elements=st.integers(-1, k - 1))), k


@st.composite
def permuted(draw: st.DrawFn, axis: str) -> tuple[Matrix, int, NDArray[np.intp]]:
    """A label matrix, how many labels there are, and another order of its rows, sources or labels."""
    matrix, k = draw(label_matrices())
    length = {"rows": matrix.shape[0], "sources": matrix.shape[1], "labels": k}[axis]
    return matrix, k, np.array(draw(st.permutations(range(length))), np.intp)


def votes_of(matrix: Matrix, k: int) -> Votes:
    return Votes.of(matrix, space(k))
