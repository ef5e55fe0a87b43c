"""Whether very many votes are as independent as the model of one subtype says, and what follows."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from quorate import ABSTAIN, VotePatterns, Votes
from quorate.belief.evidence import Evidence
from quorate.belief.goodness import independent, told_apart
from quorate.belief.subtypes import even_rows, fit_subtypes
from quorate.fuse import fit

Ints = NDArray[np.int16]
SKILL = np.linspace(0.6, 0.9, 10)


def voters(followers: int, rows: int = 80_000) -> tuple[Ints, NDArray[np.int64]]:
    """Ten voters of two labels, who vote on half of the rows; as many as said repeat the first on half of theirs."""
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 2, rows)
    said = np.where(rng.random((rows, 10)) < SKILL, truth[:, None], 1 - truth[:, None])
    for j in range(1, 1 + followers):
        repeats = rng.random(rows) < 0.5
        said[repeats, j] = said[repeats, 0]
    return np.where(rng.random(said.shape) < 0.5, said, ABSTAIN).astype(np.int16), truth


def patterns_of(matrix: Ints) -> VotePatterns:
    return VotePatterns.of(Votes.of(matrix, ["a", "b"]))


def holds(matrix: Ints) -> bool:
    evidence = Evidence.of(patterns_of(matrix))
    return independent(evidence, fit_subtypes(evidence, 1, even_rows(2)).classes(evidence.votes))


@pytest.mark.parametrize(("followers", "expected"), [(0, True), (1, True), (4, False)])
def test_one_pair_that_agrees_too_often_is_forgiven_and_more_are_not(followers: int, expected: bool) -> None:
    assert holds(voters(followers)[0]) is expected


def test_rows_that_are_hard_for_all_are_no_independence() -> None:
    """On a third of the rows everyone guesses together."""
    matrix, _ = voters(0)
    rng = np.random.default_rng(0)
    together = np.flatnonzero(rng.random(len(matrix)) < 0.3)
    guess = rng.integers(0, 2, (len(together), 1))
    matrix[together] = np.where(
        matrix[together] == ABSTAIN, ABSTAIN, np.where(rng.random((len(together), 10)) < 0.7, guess, 1 - guess)
    )
    matrix[together, :3] = np.where(matrix[together, :3] == ABSTAIN, ABSTAIN, 1 - guess)
    assert not holds(matrix)


def test_few_sources_can_be_explained_by_anything() -> None:
    assert told_apart(10, 2)
    assert not told_apart(4, 2)
    assert not told_apart(10, 5)
    assert not holds(voters(0)[0][:, :4])


def test_independent_voters_are_weighed_as_they_deserve() -> None:
    """Log-odds of their accuracies are the best weights there are, and the probabilities mean what they say."""
    matrix, truth = voters(0)
    probs = fit(patterns_of(matrix)).probabilities(matrix)
    odds = (np.where(matrix == 1, 1.0, np.where(matrix == 0, -1.0, 0.0)) * np.log(SKILL / (1 - SKILL))).sum(axis=1)
    best = 1 / (1 + np.exp(-odds))
    decided = odds != 0
    right = (probs.argmax(axis=1) == truth)[decided].mean()
    assert right > ((odds > 0) == truth)[decided].mean() - 0.0005
    assert np.abs(probs[:, 1] - best).mean() < 0.01


def test_few_votes_are_no_proof_of_independence() -> None:
    """Below 2^18 votes the members still speak together."""
    patterns = patterns_of(voters(0, 20_000)[0])
    assert len(fit(patterns).members) > 1  # type: ignore[attr-defined]
