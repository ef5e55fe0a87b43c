"""What cleaning labels is worth to a model that learns from them, and how many reviews it takes in which order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.gold_texts import GoldTexts, flipped

ROWS, WRONG = 500, 0.12
REVIEWED = (0, 20, 40, 60, 80, 100, 150, 200, 250, 300, 400, 500)
# Where the model is as good as on clean labels, but for this much accuracy.
CLOSE = 0.005
Order = NDArray[np.intp]
Floats = NDArray[np.float64]
Ask = Callable[[Any, NDArray[np.int16]], Mapping[str, Order]]


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """One draw: accuracy of the end model on held-out gold by what it learned from.

    `reviewed` holds, for each order of reviewing the first rows, the accuracy after each number of `REVIEWED`, and
    `found` the share of wrong labels among those reviewed.
    """

    noisy: float
    clean: float
    twice: float
    reviewed: Mapping[str, Floats]
    found: Mapping[str, Floats]


def drawn(texts: GoldTexts, table: Any, draw: int, orders: Ask) -> Draw:
    """500 rows with 12 % wrong labels, 500 more of the same kind, and the rest to measure on.

    Args:
        table: the features of all texts, CSR.
        orders: the review orders of rows, from their features and given labels.
    """
    generator = np.random.default_rng(draw)
    place = generator.permutation(len(texts.texts))
    first, both, held = place[:ROWS], place[: 2 * ROWS], place[2 * ROWS :]
    given = texts.gold.copy()
    for part in (first, both[ROWS:]):
        given[part] = flipped(texts.gold[part], texts.k, "uniform", WRONG, generator)
    accuracy = _Accuracy(table, texts.gold, held)
    reviewed, found = {}, {}
    wrong = given[first] != texts.gold[first]
    for name, order in orders(first, given[first]).items():
        labels = [_settled(given[first], texts.gold[first], order[:many]) for many in REVIEWED]
        reviewed[name] = np.array([accuracy(first, y) for y in labels])
        found[name] = np.array([wrong[order[:many]].sum() / wrong.sum() for many in REVIEWED])
    clean, noisy = accuracy(first, texts.gold[first]), accuracy(first, given[first])
    return Draw(noisy, clean, accuracy(both, given[both]), reviewed, found)


def reviews_needed(curve: Floats, clean: float) -> float:
    """How many reviews bring the mean accuracy within half a point of that on clean labels; linear between."""
    goal = clean - CLOSE
    at = int(np.argmax(curve >= goal))
    if at == 0:
        return float(REVIEWED[0]) if curve[0] >= goal else float("nan")
    before, after = REVIEWED[at - 1], REVIEWED[at]
    return float(before + (goal - curve[at - 1]) / (curve[at] - curve[at - 1]) * (after - before))


def needed_range(made: Sequence[Draw], name: str, samples: int = 1000) -> tuple[float, float]:
    """The 95 % bootstrap interval, over draws, of the reviews needed in one order."""
    curves, clean = np.stack([one.reviewed[name] for one in made]), np.array([one.clean for one in made])
    generator = np.random.default_rng(0)
    chosen = generator.integers(0, len(made), (samples, len(made)))
    needed = [reviews_needed(curves[at].mean(axis=0), float(clean[at].mean())) for at in chosen]
    low, high = np.nanpercentile(needed, [2.5, 97.5])
    return float(low), float(high)


@dataclass(frozen=True, slots=True, eq=False)
class _Accuracy:
    """The accuracy on held-out gold of the end model, logistic regression on TF-IDF, taught with these labels."""

    table: Any
    gold: NDArray[np.int16]
    held: Order
    known: dict[bytes, float] = field(default_factory=dict)

    def __call__(self, rows: Order, labels: NDArray[np.int16]) -> float:
        from sklearn.linear_model import LogisticRegression

        # Orders that put the same labels right teach the same model.
        key = rows.tobytes() + labels.tobytes()
        if key not in self.known:
            model = LogisticRegression(C=10.0, max_iter=1000, tol=1e-3).fit(self.table[rows], labels)
            self.known[key] = float((model.predict(self.table[self.held]) == self.gold[self.held]).mean())
        return self.known[key]


def _settled(given: NDArray[np.int16], gold: NDArray[np.int16], asked: Order) -> NDArray[np.int16]:
    labels = given.copy()
    labels[asked] = gold[asked]
    return labels
