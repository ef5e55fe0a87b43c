"""suspicion: P(the given label is wrong), from what models say of a row and from how labels are mistaken.

    P(j is right | row, i given)  ∝  Q(j | row) · P(i given | j right)  [· P(j | votes) / P(j)]

with Q the probabilities of a model that did not see the row, divided by the square root of the confidence that it has
in each label (it doubts rare and hard ones too much) and sharpened or flattened by the one power that suits the given
labels best. A label that is often given in place of another is thus suspected where the model says that other one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quorate.suspects.noise import Floats, Given, Noise, noise
from quorate.values import ABSTAIN

_LEAST = 1e-9
# Votes that are sure of a label leave the model of the rows this much room to object.
_LEAST_VOTES = 1e-3
_POWERS = (0.3, 6.0)


def suspicion(probs: Floats, given: Given) -> NDArray[np.float64]:
    """P(the given label is wrong), float64[n] in [0, 1]; 0 where none is given.

    Args:
        probs: P(label | row) float64[n, k] by models that did not see the row.
        given: int16[n], -1 without a label.
    """
    return doubted(believed(probs, given, noise(probs, given)), given)


def believed(probs: Floats, given: Given, seen: Noise | None, votes: Floats | None = None) -> Floats:
    """P(label is right | row, given label, votes), float64[n, k]; as `probs` say where no label is given.

    Args:
        seen: how labels are mistaken; None: the given label is what the votes say, and no evidence beside them.
        votes: P(label | votes) float64[n, k], of votes that have not heard the given label unless `seen` is None.
    """
    logs = np.log(levelled(probs, given))
    labelled = given != ABSTAIN
    if seen is not None:
        logs[labelled] += np.log(np.maximum(seen.transition[given[labelled]], _LEAST))
    if votes is not None:
        said = np.maximum(votes, _LEAST_VOTES)
        logs += np.log(said) - np.log(said.mean(axis=0))
    return np.asarray(np.exp(logs - np.logaddexp.reduce(logs, axis=1, keepdims=True)))


def doubted(believed: Floats, given: Given) -> NDArray[np.float64]:
    """What is left to the labels that were not given, float64[n]; 0 where none is given."""
    own = np.take_along_axis(believed, np.where(given == ABSTAIN, 0, given)[:, None].astype(np.intp), axis=1)[:, 0]
    return np.asarray(np.where(given == ABSTAIN, 0.0, np.clip(1 - own, 0, 1)))


def levelled(probs: Floats, given: Given) -> Floats:
    """The probabilities as fair to every label and as sure as the given labels bear out, float64[n, k]."""
    from scipy.optimize import minimize_scalar

    known = np.flatnonzero(given != ABSTAIN)
    trust = np.array([probs[given == y, y].mean() if (given == y).any() else 1.0 for y in range(probs.shape[1])])
    logs = np.log(np.maximum(probs, _LEAST)) - np.log(np.maximum(trust, _LEAST)) / 2

    def surprise(power: float) -> float:
        scaled = power * logs[known]
        return float((np.logaddexp.reduce(scaled, axis=1) - scaled[np.arange(len(known)), given[known]]).mean())

    power = minimize_scalar(surprise, bounds=_POWERS, method="bounded").x if len(known) else 1.0
    scaled = power * logs
    return np.asarray(np.exp(scaled - np.logaddexp.reduce(scaled, axis=1, keepdims=True)))
