"""Opinions: what majority vote and each member of an average say of each row, from one pass over its votes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.belief.confusion import Floats
from quorate.belief.evidence import Belief
from quorate.belief.tally import Tally


@dataclass(frozen=True, eq=False)
class Opinions:
    """The weights of all members side by side; `biases` float64[c] of each, whose columns begin at `ends[i]`.

    `rough`: members were taught by a sample, the last digits of which are chance, so seven digits of them are heard.
    """

    tally: Tally
    biases: tuple[Floats, ...]
    ends: tuple[int, ...]

    @staticmethod
    def of(members: tuple[Belief, ...], source_weights: Floats, k: int, *, rough: bool = False) -> Opinions:
        """Of beliefs that are linear in the votes, and of majority vote, which comes first."""
        precision: Any = np.float32 if rough else np.float64
        biases = tuple(member.bias.astype(precision) for member in members)
        ends = np.cumsum([k, *map(len, biases)]).tolist()
        weights = _stacked(members, source_weights, k).astype(precision)
        return Opinions(Tally.of(weights, k), biases, tuple(ends))

    @property
    def columns(self) -> int:
        """How many numbers a row takes while it is judged."""
        return self.ends[-1]

    def said(self, matrix: NDArray[np.int16]) -> tuple[Floats, NDArray[np.bool_]]:
        """P(label) by each, [1 + members, k, p] in the precision of the weights, and which rows have votes, bool[p]."""
        sums, k = self.tally.sums(matrix), self.tally.k
        votes = sums[:k].sum(axis=0)
        covered = votes > 0
        said = np.empty((len(self.ends), k, len(matrix)), sums.dtype)
        said[0] = np.where(covered, sums[:k] / np.where(covered, votes, 1.0), 1.0 / k)
        for i, bias in enumerate(self.biases):
            likelihood = sums[self.ends[i] : self.ends[i + 1]]
            likelihood += bias[:, None]
            likelihood -= likelihood.max(axis=0)
            np.exp(likelihood, out=likelihood)
            by_label = likelihood.reshape(k, -1, len(matrix)).sum(axis=1)
            np.divide(by_label, by_label.sum(axis=0), out=said[i + 1])
        return said, covered


def _stacked(members: tuple[Belief, ...], source_weights: Floats, k: int) -> Any:
    """The weights [m·k, c] of majority vote and all members, each vote scaled by its weight; dense if all are."""
    from scipy.sparse import csr_matrix, diags_array, hstack

    scale, every = np.repeat(source_weights, k), np.arange(len(source_weights) * k)
    if all(isinstance(member.weights, np.ndarray) for member in members):
        return np.hstack([np.eye(k)[every % k], *(member.weights for member in members)]) * scale[:, None]
    majority = csr_matrix((np.ones(len(every)), (every, every % k)), shape=(len(every), k))
    return (diags_array(scale) @ hstack([majority, *(member.weights for member in members)])).tocsr()
