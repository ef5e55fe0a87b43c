"""Each label on its own: precision, recall, F1 and how frequent it is; and what a source says where people say what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quorate.comparing.population import Population
from quorate.estimating.estimates import Estimated, Floats

_ENOUGH = 10
"""Settled rows that people, or the source, gave the label: with fewer its figures are marked."""


@dataclass(frozen=True)
class ClassScore:
    """One label of one source; `is_thin` where too few settled rows bear on it."""

    label: str
    precision: Estimated
    recall: Estimated
    f1: Estimated
    prevalence: Estimated
    given: int
    settled: int
    is_thin: bool


def class_scores(population: Population, labels: NDArray[np.int16], names: tuple[str, ...]) -> list[ClassScore]:
    """The figures of every label that the source or people gave, drawn over rows that got the label and others."""
    fits = population.settled.fits
    return [
        _score(population, labels == y, fits[:, y], name, len(names))
        for y, name in enumerate(names)
        if (labels == y).any() or fits[:, y].any()
    ]


def _score(population: Population, said: NDArray[np.bool_], is_so: NDArray[np.bool_], name: str, k: int) -> ClassScore:
    # Where the source says something else, one of the other labels is likely: the prior counts one over all labels.
    prior = np.array([[1 / k, 1 - 1 / k], [0.5, 0.5]])
    drawn = population.shares((~is_so).astype(np.int64), prior, said.astype(np.int8))
    hit, false, missed = drawn[:, 1, 0], drawn[:, 1, 1], drawn[:, 0, 0]
    said_settled = int(said[population.settled.position].sum())
    return ClassScore(
        name,
        population.estimate(_over(hit, hit + false)),
        population.estimate(_over(hit, hit + missed)),
        population.estimate(_over(2 * hit, 2 * hit + false + missed)),
        population.estimate(hit + missed),
        int(said.sum()),
        int(is_so.sum()),
        min(said_settled, int(is_so.sum())) < _ENOUGH,
    )


def _over(above: Floats, below: Floats) -> Floats:
    return np.asarray(np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0))


def confusion(population: Population, labels: NDArray[np.int16], k: int) -> Floats:
    """About how many rows people would give each label, by what the source says, float64[k + 1, k + 1].

    Rows are people's labels, columns the source's; the last of each is none. A row with several labels is shared.
    """
    settled = population.settled
    none_fits = ~settled.fits.any(axis=1, keepdims=True)
    truth = np.hstack([settled.fits, none_fits]).astype(np.float64)
    truth /= truth.sum(axis=1, keepdims=True)
    given = labels[settled.position].astype(np.int64)
    # What a person accepts of a row is what they would have said: only rows that are wrong are shared.
    right = settled.right(labels)
    truth[right] = np.eye(k + 1)[given[right]]
    table = np.zeros((k + 1, k + 1))
    np.add.at(table.T, np.where(given < 0, k, given), truth * population.weights[:, None])
    return table
