"""The laws of label models, over every label model there is."""

from __future__ import annotations

import random
import sys
from itertools import permutations
from typing import Any

import cloudpickle
import numpy as np
import pytest
from discovered import LABELS, Matrix, available, every, example, label_matrices, law, permuted, space, votes_of
from hypothesis import strategies as st
from numpy.typing import NDArray

from quorate.errors import PluginError
from quorate.fuse import fuse
from quorate.patterns import VotePatterns
from quorate.protocols import FittedLabelModel
from quorate.values import ABSTAIN, Gold, Votes

Floats = NDArray[np.float64]

# Snorkel fits float32 parameters by gradient descent from a start that depends on the order of the labels, to the
# shares of votes among all rows; it cannot tell fewer than three sources apart, and says so.
NOT_EQUIVARIANT = {"snorkel"}
COUNTS_SILENT_ROWS = {"snorkel"}
FEWEST_SOURCES = {"snorkel": 3}

SAMPLE = np.array([[0, 0, -1, 1], [1, -1, 1, 1], [0, 0, 0, -1], [-1, 1, 1, 0], [0, -1, 0, 0], [1, 1, -1, -1]], np.int16)


def fitted(name: str, matrix: Matrix, k: int, gold: Gold | None = None) -> FittedLabelModel:
    patterns = VotePatterns.of(votes_of(matrix, k), gold)
    model: FittedLabelModel = available(lambda: example("label_models", name).fit(patterns))
    return model


def believed(name: str, matrix: Matrix, k: int, gold: Gold | None = None) -> Floats:
    return fitted(name, matrix, k, gold).probabilities(matrix)


def assert_probabilities(probs: Floats, rows: int, k: int) -> None:
    assert probs.shape == (rows, k)
    assert np.isfinite(probs).all()
    assert probs.min(initial=0.0) >= 0
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-9)


@law("label_models", label_matrices())
def test_probabilities_sum_to_one(name: str, case: tuple[Matrix, int]) -> None:
    matrix, k = case
    model = fitted(name, matrix, k)
    assert_probabilities(model.probabilities(matrix), len(matrix), k)
    assert_probabilities(np.asarray(model.prior)[None], 1, k)


@law("label_models", permuted("rows"))
def test_the_order_of_rows_changes_nothing_bit_for_bit(name: str, case: tuple[Matrix, int, NDArray[np.intp]]) -> None:
    matrix, k, order = case
    assert believed(name, matrix[order], k).tobytes() == believed(name, matrix, k)[order].tobytes()


@law("label_models", permuted("sources"))
def test_the_order_of_sources_does_not_matter(name: str, case: tuple[Matrix, int, NDArray[np.intp]]) -> None:
    matrix, k, order = case
    np.testing.assert_allclose(believed(name, matrix[:, order], k), believed(name, matrix, k), atol=1e-6)


@law("label_models", permuted("labels"), but=NOT_EQUIVARIANT)
def test_the_order_of_labels_does_not_matter(name: str, case: tuple[Matrix, int, NDArray[np.intp]]) -> None:
    matrix, k, order = case
    renamed = np.where(matrix == ABSTAIN, ABSTAIN, np.argsort(order)[matrix]).astype(np.int16)
    np.testing.assert_allclose(believed(name, renamed, k), believed(name, matrix, k)[:, order], atol=1e-6)


def part(votes: Votes, rows: slice) -> Votes:
    return Votes.of(votes.matrix[rows], votes.space, votes.sources, votes.ids.to_pylist()[rows])


@st.composite
def cut(draw: st.DrawFn) -> tuple[Matrix, int, int]:
    """A label matrix, how many labels there are, and a row to cut it at."""
    matrix, k = draw(label_matrices())
    return matrix, k, draw(st.integers(0, len(matrix)))


@st.composite
def agreeing_voters(draw: st.DrawFn) -> tuple[Matrix, int]:
    """Three to six voters of two to four labels, each right on 70 to 95 % of 200 rows."""
    k, seed = draw(st.integers(2, 4)), draw(st.integers(0, 10_000))
    accuracies = np.array(draw(st.lists(st.integers(70, 95), min_size=3, max_size=6))) / 100
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, k, 200)[:, None]
    wrong = (truth + generator.integers(1, k, (200, len(accuracies)))) % k
    return np.where(generator.random(wrong.shape) < accuracies, truth, wrong).astype(np.int16), k


Orders = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]
Settled = tuple[Matrix, int, NDArray[np.int16], Orders]


@st.composite
def settled_and_permuted(draw: st.DrawFn) -> Settled:
    """A label matrix, gold for some rows int16[n], and another order of rows, sources and labels."""
    matrix, k = draw(label_matrices())
    gold = np.array([draw(st.integers(-1, k - 1)) for _ in matrix], np.int16)
    rows, sources, labels = (np.array(draw(st.permutations(range(n))), np.intp) for n in (*matrix.shape, k))
    return matrix, k, gold, (rows, sources, labels)


def gold_of(labels: NDArray[np.int16], k: int) -> Gold:
    return Gold.of(range(len(labels)), [None if y == ABSTAIN else LABELS[y] for y in labels], space(k))


FOUND_BY_SEARCH = {
    "EM starts on a saddle": [
        [-1, 0, 0],
        [1, -1, 1],
        [-1, 0, 1],
        [-1, 0, -1],
        [1, -1, -1],
        [1, 0, -1],
        [0, 1, -1],
        [1, -1, 0],
    ],
    "one source has half of the entropy": [[2, 1], [3, -1], [2, 2], [3, 1], [0, -1], [2, -1]],
    "sources are half one-sided": [
        [3, -1, 3, 0, -1],
        [2, -1, -1, 0, 2],
        [1, 0, 2, 1, 2],
        [3, 0, 2, -1, 2],
        [-1, 3, 2, 2, -1],
    ],
}


def orders(n: int) -> list[list[int]]:
    """The orders of n things, or 24 of them spread evenly."""
    found = list(map(list, permutations(range(n))))
    return found[:: max(len(found) // 24, 1)]


@every("label_models", but=NOT_EQUIVARIANT)
@pytest.mark.parametrize("votes", FOUND_BY_SEARCH.values(), ids=FOUND_BY_SEARCH)
def test_rounding_does_not_decide_between_equals(name: str, votes: list[list[int]]) -> None:
    """Sums in another order differ in their last bits, which must not grow into another label."""
    matrix, k = np.array(votes, np.int16), int(np.max(votes)) + 1
    probs = believed(name, matrix, k)
    for order in orders(matrix.shape[1]):
        np.testing.assert_allclose(believed(name, matrix[:, order], k), probs, atol=1e-6)
    for order in orders(k):
        renamed = np.where(matrix == ABSTAIN, ABSTAIN, np.argsort(order)[matrix]).astype(np.int16)
        np.testing.assert_allclose(believed(name, renamed, k), probs[:, order], atol=1e-6)


@law("label_models", label_matrices(rows=1))
def test_a_row_is_judged_by_its_own_votes_bit_for_bit(name: str, case: tuple[Matrix, int]) -> None:
    matrix, k = case
    model = fitted(name, matrix, k)
    whole = model.probabilities(matrix)
    one_by_one = np.concatenate([model.probabilities(matrix[i : i + 1]) for i in range(len(matrix))])
    assert one_by_one.tobytes() == whole.tobytes()
    assert model.probabilities(matrix[::-1]).tobytes() == whole[::-1].tobytes()


@law("label_models", label_matrices())
def test_a_row_without_votes_gets_the_prior(name: str, case: tuple[Matrix, int]) -> None:
    matrix, k = case
    model = fitted(name, matrix, k)
    silent = model.probabilities(np.full((1, matrix.shape[1]), ABSTAIN, np.int16))
    np.testing.assert_allclose(silent[0], model.prior, atol=1e-9)


@law("label_models", label_matrices())
def test_a_source_that_never_votes_changes_nothing(name: str, case: tuple[Matrix, int]) -> None:
    matrix, k = case
    silent = np.full((len(matrix), 1), ABSTAIN, np.int16)
    np.testing.assert_allclose(believed(name, np.hstack([matrix, silent]), k), believed(name, matrix, k), atol=1e-6)


@law("label_models", label_matrices(), but=COUNTS_SILENT_ROWS)
def test_rows_without_votes_change_nothing(name: str, case: tuple[Matrix, int]) -> None:
    matrix, k = case
    silent = np.full((7, matrix.shape[1]), ABSTAIN, np.int16)
    whole = believed(name, np.vstack([matrix, silent]), k)
    np.testing.assert_allclose(whole[: len(matrix)], believed(name, matrix, k), atol=1e-6)


@law("label_models", cut(), few=True)
def test_patterns_counted_in_parts_add_up_to_the_same_fit(name: str, case: tuple[Matrix, int, int]) -> None:
    matrix, k, place = case
    whole, truth = votes_of(matrix, k), [LABELS[i % k] for i in range(0, len(matrix), 2)]
    gold = Gold.of(range(0, len(matrix), 2), truth, space(k))
    parts = [part(whole, slice(None, place)), part(whole, slice(place, None))]
    added = VotePatterns.of(parts[0], gold) + VotePatterns.of(parts[1], gold)
    model: FittedLabelModel = available(lambda: example("label_models", name).fit(added))
    assert model.probabilities(matrix).tobytes() == believed(name, matrix, k, gold).tobytes()


@law("label_models", label_matrices(), few=True)
def test_neither_votes_nor_gold_are_changed(name: str, case: tuple[Matrix, int]) -> None:
    matrix, k = case
    gold = Gold.of(range(len(matrix)), [LABELS[i % k] for i in range(len(matrix))], space(k))
    patterns = VotePatterns.of(votes_of(matrix, k), gold)
    arrays: list[NDArray[Any]] = [matrix, patterns.matrix, patterns.counts, patterns.gold]
    given = [array.copy() for array in arrays]
    fresh: FittedLabelModel = available(lambda: example("label_models", name).fit(patterns))
    fresh.probabilities(matrix)
    for before, after in zip(given, arrays, strict=True):
        assert before.tobytes() == after.tobytes()


@law("label_models", agreeing_voters(), few=True)
def test_what_all_voters_say_is_the_label(name: str, case: tuple[Matrix, int]) -> None:
    """Voters of every label, right more often than not; the rows on which all of them agree."""
    matrix, k = case
    unanimous = (matrix == matrix[:, :1]).all(axis=1)
    assert (believed(name, matrix, k).argmax(axis=1) == matrix[:, 0])[unanimous].all()


@law("label_models", settled_and_permuted(), but=NOT_EQUIVARIANT, few=True)
def test_the_order_of_rows_sources_and_labels_does_not_matter_beside_gold(name: str, case: Settled) -> None:
    matrix, k, gold, (rows, sources, labels) = case
    probs = believed(name, matrix, k, gold_of(gold, k))
    moved = believed(name, matrix[rows][:, sources], k, gold_of(gold[rows], k))
    np.testing.assert_allclose(moved, probs[rows], atol=1e-5)
    new = np.argsort(labels)
    renamed = np.where(matrix == ABSTAIN, ABSTAIN, new[matrix]).astype(np.int16)
    again = believed(name, renamed, k, gold_of(np.where(gold == ABSTAIN, ABSTAIN, new[gold]).astype(np.int16), k))
    np.testing.assert_allclose(again, probs[:, labels], atol=1e-5)


@law("label_models", label_matrices())
def test_two_fits_give_the_same_bytes(name: str, case: tuple[Matrix, int]) -> None:
    matrix, k = case
    assert believed(name, matrix, k).tobytes() == believed(name, matrix, k).tobytes()


@every("label_models")
def test_a_fit_leaves_the_global_random_states_alone(name: str) -> None:
    believed(name, SAMPLE, 2)  # the vendor is loaded now, and a state that it may have left behind is drawn from
    torch: Any = sys.modules.get("torch")
    for draw in [random.random, np.random.random, *([torch.random.seed] if torch else [])]:
        draw()
    before = _random_states(torch)
    believed(name, SAMPLE, 2)
    assert _random_states(torch) == before


def _random_states(torch: Any) -> list[Any]:
    numpy = str(np.random.get_state(legacy=False))
    return [random.getstate(), numpy, torch.get_rng_state().tolist() if torch else None]


@every("label_models")
@pytest.mark.parametrize("sources", [1, 2])
def test_one_and_two_sources_are_enough_or_it_says_so(name: str, sources: int) -> None:
    matrix = SAMPLE[:, :sources]
    if sources < FEWEST_SOURCES.get(name, 1):
        with pytest.raises(PluginError, match=rf"needs 3 sources and there are {sources}; use label_model 'quorum'"):
            fitted(name, matrix, 2)
    else:
        assert_probabilities(believed(name, matrix, 2), len(matrix), 2)


DEGENERATE = {
    "no row": np.zeros((0, 3), np.int16),
    "one row": np.array([[0, 1, -1]], np.int16),
    "no overlap": np.array([[0, -1, -1], [-1, 1, -1], [-1, -1, 0], [1, -1, -1]], np.int16),
    "a source that never votes": np.column_stack([SAMPLE, np.full(len(SAMPLE), ABSTAIN)]).astype(np.int16),
    "nobody votes": np.full((3, 3), ABSTAIN, np.int16),
    "a label without votes": np.zeros((5, 3), np.int16),
    "everybody agrees": np.array([[0, 0, 0], [1, 1, 1], [0, 0, 0]], np.int16),
    "everybody differs": np.array([[0, 1, 2], [1, 2, 0], [2, 0, 1]], np.int16),
    "a liar": np.array([[0, 0, 1], [1, 1, 0], [0, 0, 1], [1, 1, 0]], np.int16),
    "forty sources": np.repeat(SAMPLE, 10, axis=1),
    "a hundred thousand equal rows": np.repeat(SAMPLE, 20_000, axis=0),
}


@every("label_models")
@pytest.mark.parametrize("matrix", DEGENERATE.values(), ids=DEGENERATE)
@pytest.mark.parametrize("k", [3, 4])
def test_no_shape_of_votes_breaks_a_fit(name: str, matrix: Matrix, k: int) -> None:
    assert_probabilities(believed(name, matrix, k), len(matrix), k)


@every("label_models")
@pytest.mark.parametrize("settled", [1, 3, 6])
def test_gold_is_taken_and_settles_its_rows(name: str, settled: int) -> None:
    truth = [LABELS[y] for y in (1, 0, 0, 1, 1, 0)][:settled]
    gold = Gold.of(range(settled), truth, space(2))
    assert_probabilities(believed(name, SAMPLE, 2, gold), len(SAMPLE), 2)
    labels = available(lambda: fuse(votes_of(SAMPLE, 2), example("label_models", name), gold))
    assert labels.names[:settled] == truth


@every("label_models")
def test_a_pattern_that_the_fit_never_saw_is_judged(name: str) -> None:
    unseen = np.array([[2, 2, 2, 2], [-1, -1, -1, 2], [1, 0, 2, 0]], np.int16)
    assert_probabilities(fitted(name, SAMPLE, 3).probabilities(unseen), 3, 3)


@every("label_models")
def test_a_fitted_model_travels_to_another_process(name: str) -> None:
    model = fitted(name, SAMPLE, 2)
    there = cloudpickle.loads(cloudpickle.dumps(model))
    assert there.probabilities(SAMPLE).tobytes() == model.probabilities(SAMPLE).tobytes()


@every("label_models")
def test_agreement_is_believed(name: str) -> None:
    """Rows on which four sources agree, among rows on which one in four errs, get what they agree on."""
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 2, 400)
    wrong = generator.random((400, 4)) < 0.25
    matrix = np.where(wrong, 1 - truth[:, None], truth[:, None]).astype(np.int16)
    probs = believed(name, matrix, 2)
    unanimous = (matrix == matrix[:, :1]).all(axis=1)
    assert unanimous.sum() > 50
    assert (probs.argmax(axis=1) == matrix[:, 0])[unanimous].all()
