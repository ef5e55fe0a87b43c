"""content: what rows contain smooths the labels that votes made of them, and extends these to rows without votes.

A multinomial regression learns the fused labels from the features of the rows that have votes. Each row is told what
the regression of the other folds says of it:

    log-odds of label y = log P(y | votes) + weight · (log P(y | content) - log P(y))

with the mean of P(y | content) over the covered rows as P(y), so that content shifts rows and not the balance; rows
without votes get P(y | content). Then the same again, a few times: a regression learns what votes and content say
together, sure rows counting more than doubtful ones.

Content that does not foretell the fused labels on held-out rows is left out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.confusion import Floats, softmax
from quorate.features import FOLDS, Features
from quorate.values import ABSTAIN, Gold, Labels

Mask = NDArray[np.bool_]

_ROUNDS = 2
_WEIGHT = 1.5
_RIDGE = 0.3
_ITERATIONS = 100
_FEWEST_ROWS = 20
# Votes that are sure of a label leave content this much room to object.
_LEAST = 1e-4


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
    starts: dict[int, Floats] = {}
    for turn in range(_ROUNDS):
        by_content = _held_out(features, together, weight, starts)
        if turn == 0 and _loss(probs[taught], by_content[taught]) >= _entropy(probs[taught].mean(axis=0)):
            return None
        balance = np.log(np.exp(by_content[taught]).mean(axis=0))
        logits = np.where(taught[:, None], by_votes + _WEIGHT * (by_content - balance), by_content)
        together = np.where(open_rows[:, None], softmax(logits), probs)
        weight = taught * _certainty(together)
    return together


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
    found = minimize(objective, first.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": _ITERATIONS})
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
