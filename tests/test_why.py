"""why: contributions are differences of log-odds, flips flip, and the fewest changes are the fewest."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product
from math import log

import numpy as np
import pytest
from discovered import Matrix, every, example, label_matrices, law, space
from hypothesis import given, settings
from numpy.typing import NDArray

from quorate import Votes, fuse, why
from quorate.errors import RowNotFound
from quorate.fuse import fit
from quorate.patterns import VotePatterns
from quorate.protocols import FittedLabelModel
from quorate.values import ABSTAIN, Labels
from quorate.why import FLOOR, Why, explain

SLOW = {"snorkel"}


def fitted_on(name: str, votes: Votes) -> FittedLabelModel:
    model: FittedLabelModel = example("label_models", name).fit(VotePatterns.of(votes))
    return model


def ours(fitted: FittedLabelModel, rows: Matrix) -> NDArray[np.int16]:
    """The labels of rows as `fuse` would give them."""
    votes = Votes.of(rows, space(len(fitted.prior)))
    return Labels(votes.space, votes.ids, fitted.probabilities(rows), votes.covered, "").hard


def replaced(row: Matrix, places: Sequence[int], afterwards: Sequence[int]) -> Matrix:
    after = row.copy()
    after[list(places)] = afterwards
    return after


def changed(row: Matrix, found: Why, votes: Votes) -> Matrix:
    after = row.copy()
    assert found.flip is not None
    for change in found.flip.changes:
        assert votes.space.names[row[votes.sources.index(change.source)]] == change.vote
        after[votes.sources.index(change.source)] = (
            ABSTAIN if change.becomes is None else votes.space.index(change.becomes)
        )
    return after


@law("label_models", label_matrices(rows=1), but=SLOW)
def test_a_contribution_is_what_the_log_odds_lose_without_the_vote(name: str, case: tuple[Matrix, int]) -> None:
    votes = Votes.of(case[0], space(case[1]))
    fitted = fitted_on(name, votes)
    found, row = explain(votes, 0, fitted), votes.matrix[0]
    y, z = votes.space.index(found.label), votes.space.index(found.against)

    def odds(row: Matrix) -> float:
        probs = np.maximum(fitted.probabilities(row[None])[0], FLOOR)
        return log(probs[y]) - log(probs[z])

    assert found.log_odds == pytest.approx(odds(row))
    assert found.prior_log_odds == pytest.approx(odds(np.full_like(row, ABSTAIN)))
    assert {entry.source for entry in found.contributions} == {
        s for j, s in enumerate(votes.sources) if row[j] != ABSTAIN
    }
    for entry in found.contributions:
        without = row.copy()
        without[votes.sources.index(entry.source)] = ABSTAIN
        assert entry.log_odds == pytest.approx(odds(row) - odds(without), abs=1e-9)
    sizes = [abs(entry.log_odds) for entry in found.contributions]
    assert sizes == pytest.approx(sorted(sizes, reverse=True), abs=1e-8)


@law("label_models", label_matrices(rows=1), but=SLOW)
def test_a_flip_flips_and_no_fewer_changes_do(name: str, case: tuple[Matrix, int]) -> None:
    """Against a search of all edits, row by row."""
    matrix, k = case
    votes = Votes.of(matrix, space(k))
    fitted = fitted_on(name, votes)
    row, found = votes.matrix[0], explain(votes, 0, fitted)
    label, voted = int(ours(fitted, row[None])[0]), np.flatnonzero(row != ABSTAIN)
    if label == ABSTAIN:
        assert found.flip is None
        return
    fewest = None
    for size in range(1, len(voted) + 1):
        tries = np.array(
            [
                replaced(row, places, afterwards)
                for places in combinations(voted.tolist(), size)
                for afterwards in product(range(ABSTAIN, k), repeat=size)
            ]
        )
        labels = np.where((tries == ABSTAIN).all(axis=1), ABSTAIN, ours(fitted, tries))
        if not np.isin(labels, [label, ABSTAIN]).all():
            fewest = size
            break
    if found.flip is None:
        assert fewest is None or fewest > 3
        return
    assert votes.space.names[int(ours(fitted, changed(row, found, votes)[None])[0])] == found.flip.label
    if found.flip.is_fewest:
        assert len(found.flip.changes) == fewest


def test_by_hand_with_dawid_skene() -> None:
    """The label model is linear in the votes, so each contribution is its likelihood ratio."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 500)
    wrong = rng.random((500, 4)) < np.array([0.05, 0.2, 0.3, 0.4])
    votes = Votes.of(np.where(wrong, 1 - truth[:, None], truth[:, None]), ["HAM", "SPAM"], ["a", "b", "c", "d"])
    fitted = fit(VotePatterns.of(votes), "dawid_skene")
    found = why(votes, "7", fitted)
    y, z = votes.space.index(found.label), votes.space.index(found.against)
    for entry in found.contributions:
        j, v = votes.sources.index(entry.source), votes.space.index(entry.vote)
        ratio = fitted.log_likelihood[j, y, v] - fitted.log_likelihood[j, z, v]  # type: ignore[attr-defined]
        assert entry.log_odds == pytest.approx(ratio, abs=1e-6)
    total = sum(entry.log_odds for entry in found.contributions) + found.prior_log_odds
    assert total == pytest.approx(found.log_odds, abs=1e-6)
    assert found == why(votes, "7", "dawid_skene")


def test_one_vote_is_judged_against_the_prior() -> None:
    votes = Votes.of([[0, -1]] * 30 + [[1, -1]] * 10 + [[0, 0]] * 20, ["HAM", "SPAM"])
    found = why(votes, "0")
    (entry,) = found.contributions
    assert entry.log_odds == pytest.approx(found.log_odds - found.prior_log_odds)
    assert found.flip is not None
    assert [(change.source, change.becomes) for change in found.flip.changes] == [("source_0", "SPAM")]
    assert found.flip.is_fewest


@pytest.mark.parametrize(
    ("sources", "fewest", "is_fewest"), [(3, 2, True), (5, 3, True), (7, 4, True), (25, 13, False)]
)
def test_majority_vote_flips_when_more_than_half_change(sources: int, fewest: int, is_fewest: bool) -> None:
    found = why(Votes.of([[0] * sources], ["HAM", "SPAM"]), "0", "majority")
    assert found.flip is not None
    assert found.flip.label == "SPAM"
    assert (len(found.flip.changes), found.flip.is_fewest) == (fewest, is_fewest)


def test_a_vote_is_taken_away_rather_than_changed_where_that_is_enough() -> None:
    found = why(Votes.of([[0, 0, 1, 1, -1, 0]], ["HAM", "SPAM"]), "0", "majority")
    assert found.flip is not None
    assert [change.becomes for change in found.flip.changes] in ([None, None], ["SPAM"])
    assert len(found.flip.changes) == 1


def test_rows_without_votes_or_label_have_no_flip() -> None:
    votes = Votes.of([[-1, -1], [0, 1], [0, 0]], ["HAM", "SPAM"])
    assert why(votes, "0", "majority").contributions == ()
    assert why(votes, "0", "majority").flip is None
    assert why(votes, "1", "majority").flip is None


def test_many_votes_and_many_labels_are_answered() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 40, 60)
    votes = Votes.of(
        np.where(rng.random((60, 300)) < 0.4, truth[:, None], rng.integers(0, 40, (60, 300))),
        [f"label {y}" for y in range(40)],
    )
    found = why(votes, "3", "majority")
    assert len(found.contributions) == 300
    assert found.flip is not None
    assert not found.flip.is_fewest
    assert fuse(votes, "majority").names[3] == found.label != found.flip.label


def test_a_row_that_is_not_there_is_answered_with_the_nearest() -> None:
    votes = Votes.of([[0], [1]], ["HAM", "SPAM"], ids=["row 1", "row 2"])
    with pytest.raises(RowNotFound, match=r"there is no row 'row 3' among 2\. Did you mean 'row"):
        why(votes, "row 3")


@every("label_models", but=SLOW)
@settings(deadline=None, max_examples=20)
@given(case=label_matrices(rows=2))
def test_the_votes_are_left_as_they_were(name: str, case: tuple[Matrix, int]) -> None:
    votes = Votes.of(case[0], space(case[1]))
    before = votes.matrix.tobytes()
    explain(votes, 1, fitted_on(name, votes))
    assert votes.matrix.tobytes() == before
