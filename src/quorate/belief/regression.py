"""Regression: multinomial logistic regressions on the votes that start from a belief, several at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.belief.confusion import Floats, softmax

_LEAST = 1e-6
# Where L-BFGS stops: steps, gain in units of the machine's precision, largest entry of the gradient.
_ITERATIONS, _FACTOR, _GRADIENT = 40, 4.5e8, 1e-4


@dataclass(frozen=True)
class Ridge:
    """Penalties of U and t (none: left out), b and a."""

    votes: float | None
    sources: float | None
    labels: float
    slope: float


@dataclass(frozen=True, eq=False)
class Problem:
    """What all fits share: `q` patterns with gold, `k` labels, and only the `d` votes that were cast on them.

    `start` float64[q, k] log-odds to start from; `columns` intp[d] the votes among all m·k; `cast` float64[q, d];
    `for_source` CSR float64[q·k, s], how much each of the `sources` intp[s] voted for each label on each pattern.
    """

    start: Floats
    width: int
    columns: NDArray[np.intp]
    cast: Any
    sources: NDArray[np.intp]
    for_source: Any

    @staticmethod
    def of(votes: Any, start: Floats) -> Problem:
        """From votes CSR float64[q, m·k]."""
        from scipy.sparse import csr_matrix

        k, entries = start.shape[1], votes.tocoo()
        columns = np.unique(entries.col)
        sources, place = np.unique(entries.col // k, return_inverse=True)
        shape = (len(start) * k, len(sources))
        for_source = csr_matrix((entries.data, (entries.row * k + entries.col % k, place.reshape(-1))), shape=shape)
        return Problem(start, votes.shape[1], columns, votes[:, columns], sources, for_source)

    @property
    def table(self) -> int:
        """How many numbers U has."""
        return len(self.columns) * int(self.start.shape[1])

    def fit(self, tasks: Floats, ridge: Ridge) -> tuple[Floats, Floats]:
        """The parameters float64[f, n] and P(label) float64[f, q, k] of least penalised log-loss.

        Args:
            tasks: float64[f, q, k], rows by pattern and label, one regression each; they are solved together by
                L-BFGS, each parameter scaled by the curvature at the start.
        """
        from scipy.optimize import fmin_l_bfgs_b

        cast = self.cast.toarray() if ridge.votes is not None else None
        penalty, scale = self._penalty(ridge), self._scale(tasks, ridge)
        rows, rest = tasks.sum(axis=2, keepdims=True), np.zeros(len(penalty))
        rest[0] = 1.0

        def objective(steps: Floats) -> tuple[float, Floats]:
            away = steps.reshape(len(tasks), -1) * scale
            probs = self._probabilities(rest + away, ridge, cast)
            gradient = self._gradient(probs * rows - tasks, ridge, cast) + penalty * away
            loss = -float((tasks * np.log(np.maximum(probs, 1e-300))).sum()) + 0.5 * float((penalty * away**2).sum())
            return loss, (gradient * scale).ravel()

        begin = np.zeros(len(tasks) * len(rest))
        found, *_ = fmin_l_bfgs_b(objective, begin, factr=_FACTOR, pgtol=_GRADIENT, maxiter=_ITERATIONS)
        fitted = rest + np.asarray(found).reshape(len(tasks), -1) * scale
        return fitted, self._probabilities(fitted, ridge, cast)

    def unpacked(self, fitted: Floats, ridge: Ridge) -> tuple[float, Floats, Any]:
        """a, b float64[k], and t and U in one as CSR float64[m·k, k], none if neither is there."""
        from scipy.sparse import csr_matrix

        k = self.start.shape[1]
        a, b, t, u = self._parts(fitted[None], ridge)
        if t is None and u is None:
            return float(a[0]), b[0], None
        own = np.zeros(self.width // k)
        own[self.sources] = 0.0 if t is None else t[0]
        every = np.arange(self.width)
        weights = csr_matrix((np.repeat(own, k), (every, every % k)), shape=(self.width, k))
        if u is not None:
            rows = np.repeat(self.columns, k)
            labels = np.tile(np.arange(k), len(self.columns))
            weights = weights + csr_matrix((u[0].ravel(), (rows, labels)), shape=weights.shape)
        return float(a[0]), b[0], weights

    def _parts(self, theta: Floats, ridge: Ridge) -> Iterator[Any]:
        """a float64[f], b float64[f, k], t float64[f, s] or none, U float64[f, d, k] or none."""
        k, end = self.start.shape[1], 1 + self.start.shape[1]
        yield theta[:, 0]
        yield theta[:, 1:end]
        yield None if ridge.sources is None else theta[:, end : end + len(self.sources)]
        yield None if ridge.votes is None else theta[:, theta.shape[1] - self.table :].reshape(len(theta), -1, k)

    def _probabilities(self, theta: Floats, ridge: Ridge, cast: Floats | None) -> Floats:
        q, k = self.start.shape
        a, b, t, u = self._parts(theta, ridge)
        logits = a[:, None, None] * self.start + b[:, None, :]
        if t is not None:
            logits += (self.for_source @ t.T).T.reshape(-1, q, k)
        if u is not None:
            logits += (cast @ u.transpose(1, 0, 2).reshape(u.shape[1], -1)).reshape(q, -1, k).transpose(1, 0, 2)
        return softmax(logits.reshape(-1, k)).reshape(logits.shape)

    def _gradient(self, off: Floats, ridge: Ridge, cast: Floats | None) -> Floats:
        f, q, k = off.shape
        parts = [(off * self.start).sum(axis=(1, 2))[:, None], off.sum(axis=1)]
        if ridge.sources is not None:
            parts.append((self.for_source.T @ off.reshape(f, -1).T).T)
        if cast is not None:
            by_vote = cast.T @ off.transpose(1, 0, 2).reshape(q, -1)
            parts.append(by_vote.reshape(-1, f, k).transpose(1, 0, 2).reshape(f, -1))
        return np.concatenate(parts, axis=1)

    def _penalty(self, ridge: Ridge) -> Floats:
        parts: list[Floats] = [np.array([ridge.slope]), np.full(self.start.shape[1], ridge.labels)]
        parts += [np.full(len(self.sources), ridge.sources)] if ridge.sources is not None else []
        parts += [np.full(self.table, ridge.votes)] if ridge.votes is not None else []
        return np.concatenate(parts)

    def _scale(self, tasks: Floats, ridge: Ridge) -> Floats:
        """One over the square root of the curvature at the start."""
        probs = softmax(self.start)
        rows = tasks.sum(axis=2).mean(axis=0)[:, None]
        mean = (probs * self.start).sum(axis=1, keepdims=True)
        spread = rows * probs * (1 - probs)
        parts = [[(rows * probs * (self.start - mean) ** 2).sum()], spread.sum(axis=0)]
        if ridge.sources is not None:
            parts.append(self.for_source.power(2).T @ spread.ravel())
        if ridge.votes is not None:
            parts.append(np.asarray(self.cast.power(2).T @ spread).ravel())
        return np.asarray(1 / np.sqrt(self._penalty(ridge) + np.concatenate(parts)))


def log_belief(belief: Floats) -> Floats:
    """log P(label | votes), none of them impossible."""
    floored = np.log(np.maximum(belief, _LEAST))
    return np.asarray(floored - np.log(np.exp(floored).sum(axis=1, keepdims=True)))
