"""similar: which rows read the same, so that one answer may settle them together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quorate.ranking.alike import is_text, same_reading
from quorate.rows import Rows


def groups(rows: Rows, text: str | None) -> NDArray[np.intp]:
    """The number of each row's group, intp[n]: main texts read alike, or, without one, every cell is the same."""
    if text and is_text(rows.arrow(text)):
        return same_reading(rows, text)
    return np.unique(rows.keys(None), return_inverse=True)[1].reshape(-1).astype(np.intp)


class Similar:
    """Rows by the number of their group, intp[n], which near-identical rows share."""

    def __init__(self, groups: NDArray[np.intp]) -> None:
        self._group = groups
        self._order = np.argsort(groups, kind="stable")
        self._sorted = groups[self._order]

    def others(self, at: int) -> NDArray[np.intp]:
        """The places of the rows that read as this one does, without it, in the order of the rows."""
        low, high = np.searchsorted(self._sorted, [self._group[at], self._group[at] + 1])
        found = self._order[low:high]
        return np.asarray(found[found != at], np.intp)
