"""choosing: which rows with labels are kept, what each weighs, and sums over them that no cut can change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quorate.estimating.exact import exact_sum
from quorate.values import ABSTAIN, Gold, Labels, Votes

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


def settled_of(ids: pa.StringArray, *golds: Gold | None) -> NDArray[np.int16]:
    """What people said of these rows, int16[n], -1 where nobody did; a later gold goes before."""
    settled = np.full(len(ids), ABSTAIN, np.int16)
    for gold in golds:
        if gold is not None:
            known = gold.aligned(ids)
            settled = np.where(known != ABSTAIN, known, settled)
    return settled


@dataclass(frozen=True, eq=False)
class Chosen:
    """Rows with their label int or -1, probabilities float64[n, k], whether a person gave the label, and whether its
    probability is enough, bool[n] each."""

    hard: NDArray[Any]
    probs: Floats
    by_person: NDArray[np.bool_]
    sure: NDArray[np.bool_]

    @staticmethod
    def of(labels: Labels, settled: NDArray[np.int16], least: float) -> Chosen:
        """A person's label overrides the votes'."""
        by_person = settled != ABSTAIN
        probs = np.where(by_person[:, None], np.eye(len(labels.space))[settled], labels.probs)
        sure = by_person | (probs.max(axis=1, initial=0) >= least)
        return Chosen(np.where(by_person, settled, labels.hard), probs, by_person, sure)

    @property
    def kept(self) -> NDArray[np.bool_]:
        """The rows with a label that is sure enough, bool[n]."""
        return np.asarray((self.hard != ABSTAIN) & self.sure)

    @property
    def keep(self) -> NDArray[np.intp]:
        """Their places."""
        return np.flatnonzero(self.kept)

    @property
    def confidence(self) -> Floats:
        """The probability of the label of each kept row; 1 where a person gave it."""
        keep = self.keep
        return np.asarray(self.probs[keep, self.hard[keep]])

    @property
    def provenance(self) -> tuple[str, ...]:
        """What gave each kept row its label."""
        return tuple("gold" if person else "votes" for person in self.by_person[self.keep])


def voters_of(votes: Votes, chosen: Chosen) -> tuple[tuple[str, ...], ...]:
    """Who voted for the label of each kept row."""
    keep = chosen.keep
    same = votes.matrix[keep] == chosen.hard[keep][:, None]
    return tuple(tuple(votes.sources[j] for j in np.flatnonzero(row)) for row in same)


@dataclass(frozen=True)
class Believed:
    """How many rows have a label, the sum of their confidence, and of confidence times what it lacks."""

    rows: int
    mass: Fraction
    doubt: Fraction

    @staticmethod
    def of(confidence: Floats) -> Believed:
        """Of rows whose labels have these probabilities."""
        return Believed(len(confidence), exact_sum(confidence), exact_sum(confidence * (1 - confidence)))


@dataclass(frozen=True, eq=False)
class Sums:
    """What is counted of rows; `a + b` stands for the rows of both.

    `left` rows without a vote, tied, and not sure enough; `voted` and `agreed` int64[m] votes on kept rows, and those
    for their label; `mass` the confidence of kept rows by label; `doubt` the sum of confidence times what it lacks.
    """

    left: tuple[int, int, int]
    voted: Counts
    agreed: Counts
    reviewed: int
    rows: Counts
    mass: tuple[Fraction, ...]
    doubt: Fraction

    @staticmethod
    def of(labels: Labels, chosen: Chosen, votes: Votes | None) -> Sums:
        """The sums over these rows."""
        without, keep, confidence = chosen.hard == ABSTAIN, chosen.keep, chosen.confidence
        hard = chosen.hard[keep]
        matrix = np.zeros((len(keep), 0), np.int16) if votes is None else votes.matrix[keep]
        k = len(labels.space)
        return Sums(
            left=(
                int((without & ~labels.covered).sum()),
                int((without & labels.covered).sum()),
                int((~without & ~chosen.sure).sum()),
            ),
            voted=(matrix != ABSTAIN).sum(axis=0),
            agreed=(matrix == hard[:, None]).sum(axis=0),
            reviewed=int(chosen.by_person[keep].sum()),
            rows=np.bincount(hard, minlength=k),
            mass=tuple(exact_sum(confidence[hard == y]) for y in range(k)),
            doubt=exact_sum(confidence * (1 - confidence)),
        )

    def __add__(self, other: Sums) -> Sums:
        return replace(
            self,
            left=(self.left[0] + other.left[0], self.left[1] + other.left[1], self.left[2] + other.left[2]),
            voted=self.voted + other.voted,
            agreed=self.agreed + other.agreed,
            reviewed=self.reviewed + other.reviewed,
            rows=self.rows + other.rows,
            mass=tuple(a + b for a, b in zip(self.mass, other.mass, strict=True)),
            doubt=self.doubt + other.doubt,
        )

    def weights(self, chosen: Chosen, balance: bool) -> Floats:
        """What each kept row among these weighs: its confidence, with `balance` such that every label weighs the same
        in all."""
        keep, confidence = chosen.keep, chosen.confidence
        if not balance or not len(keep):
            return confidence
        mass = np.array([float(part) for part in self.mass])
        whole = float(self.believed.mass)
        return np.asarray(confidence * whole / (np.count_nonzero(mass) * mass[chosen.hard[keep]]))

    @property
    def believed(self) -> Believed:
        """What the label model believes of the kept rows."""
        return Believed(int(self.rows.sum()), sum(self.mass, Fraction(0)), self.doubt)

    def facts(self, sources: tuple[str, ...], families: tuple[str, ...]) -> dict[str, Any]:
        """What a card tells of them and of these sources."""
        why = ("rows that no source voted on", "rows whose best labels tie", "rows below the least probability")
        return {
            "left_out": dict(zip(why, self.left, strict=True)),
            "sources": [
                {"name": name, "family": family, "votes": int(self.voted[j]), "agreed": int(self.agreed[j])}
                for j, (name, family) in enumerate(zip(sources, families, strict=True))
            ],
        }
