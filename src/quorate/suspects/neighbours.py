"""neighbours: the rows nearest to a row that were given another label."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.suspects.noise import Given
from quorate.values import ABSTAIN

_AT_ONCE = 256


def nearest_others(near: Any, given: Given, at: NDArray[np.intp], many: int = 3) -> list[list[tuple[int, float]]]:
    """For each row of `at` the positions of the nearest rows with another label, and their cosine; nearest first.

    Rows that have nothing in common (a cosine of 0 or less) are not near.
    """
    from sklearn.preprocessing import normalize

    unit = normalize(near) if near.shape[1] else near
    found: list[list[tuple[int, float]]] = []
    for start in range(0, len(at), _AT_ONCE):
        some = at[start : start + _AT_ONCE]
        likeness = unit[some] @ unit.T
        dense = np.asarray(likeness.toarray() if hasattr(likeness, "toarray") else likeness)
        dense[(given[None, :] == given[some, None]) | (given[None, :] == ABSTAIN)] = 0.0
        for cosines in dense:
            best = np.argsort(-cosines, kind="stable")[:many]
            found.append([(int(i), float(cosines[i])) for i in best if cosines[i] > 0])
    return found
