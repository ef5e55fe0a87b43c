"""content: what rows contain smooths the labels that votes made of them, and extends these to rows without votes.

A multinomial regression learns the fused labels from the features of the rows that have votes. Each row is told what
the regression of the other folds says of it:

    log-odds of label y = log P(y | votes) + weight · (log P(y | content) - log P(y))

with the mean of P(y | content) over the covered rows as P(y), so that content shifts rows and not the balance; rows
without votes get P(y | content). Then the same twice more: the regression learns what votes and content said together,
sure rows counting more than doubtful ones. More rounds believe themselves: on rules for many labels they drift.

Votes and a regression that learned from votes err together, so at the end one temperature draws the probabilities to
what either says alone. Content that does not foretell the fused labels on held-out rows is left out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.belief.confusion import Floats, softmax
from quorate.features import FOLDS, Features
from quorate.values import ABSTAIN, Gold, Labels

Mask = NDArray[np.bool_]

_ROUNDS = 3
_WEIGHT = 1.5
# The weight is full where a label has many rows to be learned from: as if so many rows of each had said nothing.
_SILENT_ROWS = 5.0
_RIDGE = 0.3
_ITERATIONS = 100
# Finer steps take twice as long, and no label of the open sets is the better for it.
_TOLERANCE = 1e-5
_FEWEST_ROWS = 20
# Votes that are sure of a label leave content this much room to object.
_LEAST = 1e-4
_COOLEST = 0.05


def with_content(labels: Labels, content: Any, gold: Gold | None = None) -> Labels:
    """The labels after content, under the name "MODEL+content"; rows that people settled keep theirs.

    Args:
        labels: what the votes alone say.
        content: texts, embeddings float[n, d] or `Features`, in the order of the rows.

    Raises:
        ValueError: not one entry a row, or neither texts nor numbers.
    """
    features = content if isinstance(content, Features) else Features.of(content)
    if len(features) != len(labels):
        raise ValueError(f"there are {len(labels)} rows of votes, but {len(features)} rows of features")
    named = replace(labels, model=f"{labels.model}+content")
    taught = labels.covered & features.speaks
    if taught.sum() < _FEWEST_ROWS or len(np.unique(features.fold[taught])) < FOLDS:
        return named
    settled = np.zeros(len(labels), bool) if gold is None else gold.aligned(labels.ids) != ABSTAIN
    heard = _heard(labels.probs, features, taught, features.speaks & ~settled)
    return named if heard is None else replace(named, probs=heard, covered=labels.covered | features.speaks)


def _heard(probs: Floats, features: Features, taught: Mask, open_rows: Mask) -> Floats | None:
    """What votes and content say together, float64[n, k]; None where content does not foretell the labels."""
    by_votes = np.log(np.maximum(probs, _LEAST))
    together, weight = probs, taught.astype(np.float64)
    rows = float(taught.sum())
    credit = _WEIGHT * rows / (rows + _SILENT_ROWS * probs.shape[1])
    starts: dict[int, Floats] = {}
    for turn in range(_ROUNDS):
        by_content = _held_out(features, together, weight, starts)
        if turn == 0 and _loss(probs[taught], by_content[taught]) >= _entropy(probs[taught].mean(axis=0)):
            return None
        balance = np.log(np.exp(by_content[taught]).mean(axis=0))
        logits = np.where(taught[:, None], by_votes + credit * (by_content - balance), by_content)
        together = np.where(open_rows[:, None], softmax(logits), probs)
        weight = taught * _certainty(together)
    either = (probs + np.exp(by_content)) / 2
    cooled = _cooled(np.log(np.maximum(together, 1e-300)), either, taught & open_rows)
    return np.where(open_rows[:, None], cooled, probs)


def _cooled(log_probs: Floats, target: Floats, rows: Mask) -> Floats:
    """The probabilities with log-odds times the factor up to 1 that suits the target on these rows best."""
    from scipy.optimize import minimize_scalar

    if not rows.any():
        return np.exp(log_probs)

    def loss(factor: float) -> float:
        return _loss(target[rows], np.log(softmax(factor * log_probs[rows]) + 1e-300))

    found = minimize_scalar(loss, bounds=(_COOLEST, 1.0), method="bounded", options={"xatol": 1e-4})
    return softmax(found.x * log_probs)


def _held_out(features: Features, target: Floats, weight: Floats, starts: dict[int, Floats]) -> Floats:
    """log P(label | content) of each row, float64[n, k], by the regression that did not see its fold.

    `starts` keeps what each fold found, to begin with the next time.
    """
    logits = np.empty_like(target)
    for fold in range(FOLDS):
        here = features.fold == fold
        seen = ~here & (weight > 0)
        starts[fold] = _fitted(features.values[seen], target[seen], weight[seen], starts.get(fold))
        logits[here] = _scored(features.values[here], starts[fold])
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def _fitted(values: Floats, target: Floats, weight: Floats, start: Floats | None) -> Floats:
    """The coefficients of the regression, the last row the intercepts, float64[d + 1, k]."""
    from scipy.optimize import minimize

    shape = (values.shape[1] + 1, target.shape[1])
    share = (weight / weight.sum())[:, None]
    ridge = _RIDGE / len(weight)

    def objective(flat: Floats) -> tuple[float, Floats]:
        coefficients = flat.reshape(shape)
        logits = _scored(values, coefficients)
        log_probs = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        off = (np.exp(log_probs) - target) * share
        slope = np.concatenate([values.T @ off + ridge * coefficients[:-1], off.sum(axis=0)[None]])
        return float(0.5 * ridge * (coefficients[:-1] ** 2).sum() - (target * log_probs * share).sum()), slope.ravel()

    first = np.zeros(shape) if start is None else start
    found = minimize(
        objective,
        first.ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": _ITERATIONS, "ftol": _TOLERANCE},
    )
    return np.asarray(found.x.reshape(shape))


def _scored(values: Floats, coefficients: Floats) -> Floats:
    return np.asarray(values @ coefficients[:-1] + coefficients[-1])


def _loss(target: Floats, log_probs: Floats) -> float:
    return -float((target * log_probs).sum(axis=1).mean())


def _entropy(probs: Floats) -> float:
    return -float((probs * np.log(np.maximum(probs, 1e-300))).sum())


def _certainty(probs: Floats) -> Floats:
    """1 for a sure row, 0 for one that may be anything, float64[n]."""
    entropy = -(probs * np.log(np.maximum(probs, 1e-300))).sum(axis=1)
    return np.asarray(np.clip(1 - entropy / np.log(probs.shape[1]), 0, 1))
