"""How good label probabilities are: ties count as evenly split, so no score depends on the order of the labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_TIE = 1e-9
# What a label that was held to be impossible costs: 20.7 nats.
_LEAST = 1e-9
_BINS = 15


def accuracy(probs: Floats, gold: Ints) -> float:
    """The share of rows whose most probable label is gold, in percent."""
    return 100 * float(_chosen(probs)[range(len(gold)), gold].mean())


def f1(probs: Floats, gold: Ints) -> float:
    """F1 of label 1, in percent, from expected counts."""
    chosen, true = _chosen(probs)[:, 1], gold == 1
    return 200 * float(chosen[true].sum() / (chosen.sum() + true.sum()))


def log_loss(probs: Floats, gold: Ints) -> float:
    """Mean negative log probability of gold, in nats."""
    return -float(np.log(np.maximum(probs[range(len(gold)), gold], _LEAST)).mean())


def calibration_error(probs: Floats, gold: Ints) -> float:
    """Expected calibration error: how far certainty and accuracy are apart in 15 bins of certainty, by rows."""
    top = probs.max(axis=1)
    right = _chosen(probs)[range(len(gold)), gold]
    bins = np.minimum((top * _BINS).astype(int), _BINS - 1)
    return float(np.abs(np.bincount(bins, top - right, _BINS)).sum() / max(len(gold), 1))


def _chosen(probs: Floats) -> Floats:
    """The most probable label of each row; tied labels share the row."""
    top = probs >= probs.max(axis=1, keepdims=True) - _TIE
    return np.asarray(top / top.sum(axis=1, keepdims=True))


SCORES: Mapping[str, Callable[[Floats, Ints], float]] = {
    "accuracy": accuracy,
    "f1": f1,
    "log_loss": log_loss,
    "ece": calibration_error,
}
UNITS = {"accuracy": "%", "f1": "%", "log_loss": "nats", "ece": ""}
