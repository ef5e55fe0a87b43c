"""EBCC, written anew from its paper; NumPy and SciPy alone.

Y. Li, B. I. P. Rubinstein, T. Cohn, "Exploiting Worker Correlation for Label Aggregation in Crowdsourcing", ICML 2019.
Every class has subtypes, and a worker a confusion row for each of them; mean-field variational Bayes; of several random
starts the one with the largest evidence bound. Constants are the paper's, but for the number of starts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from scipy.special import digamma, gammaln

SUBTYPES = 10
# Pseudo-counts: of a class, of a subtype in its class, of a right and of a wrong answer.
_CLASS, _SUBTYPE, _RIGHT, _WRONG = 1.0, 0.1, 4.0, 1.0
_ITERATIONS = 500
_CONVERGED = 1e-6


def ebcc(matrix: Any, k: int, starts: int = 5) -> Any:
    """P(label | votes), float64[n, k], of a label matrix int[n, m] in which -1 is no answer."""
    rows, where, counts = np.unique(matrix, axis=0, return_inverse=True, return_counts=True)
    votes = _indicators(rows, k)
    shares = np.stack([(rows == y).sum(axis=1) for y in range(k)], axis=1).astype(np.float64)
    shares = np.where(shares.sum(axis=1, keepdims=True) > 0, shares, 1.0)
    shares /= shares.sum(axis=1, keepdims=True)
    best, answer = -np.inf, shares
    for seed in range(starts):
        bound, found = _fitted(votes, shares, counts.astype(np.float64), np.random.default_rng(seed))
        if bound > best:
            best, answer = bound, found
    return answer[where.reshape(-1)]


def _indicators(rows: Any, k: int) -> Any:
    """One column for each worker and answer, CSR float64[p, m·k]."""
    i, j = np.nonzero(rows >= 0)
    return csr_matrix((np.ones(len(i)), (i, j * k + rows[i, j])), shape=(len(rows), rows.shape[1] * k))


def _fitted(votes: Any, shares: Any, counts: Any, generator: Any) -> tuple[float, Any]:
    """The evidence bound that one start reaches, and P(label) of each pattern, float64[p, k]."""
    k = shares.shape[1]
    prior = np.where(np.eye(k, dtype=bool), _RIGHT, _WRONG)[None, :, None, :]
    split = generator.dirichlet(np.ones(SUBTYPES), size=shares.shape)
    rho = (shares[:, :, None] * split).reshape(len(shares), -1)
    before = -np.inf
    for _ in range(_ITERATIONS):
        mass = rho * counts[:, None]
        subtypes = mass.sum(axis=0).reshape(k, SUBTYPES) + _SUBTYPE
        classes = mass.sum(axis=0).reshape(k, SUBTYPES).sum(axis=1) + _CLASS
        # By worker, class, subtype and answer.
        answers = np.asarray(votes.T @ mass).reshape(-1, k, k, SUBTYPES).transpose(0, 2, 3, 1) + prior
        bound = _bound(classes, subtypes, answers, prior) - float((mass * np.log(np.maximum(rho, 1e-300))).sum())
        if bound - before < _CONVERGED * abs(bound):
            break
        before = bound
        weights = _expected_log(answers).transpose(0, 3, 1, 2).reshape(votes.shape[1], -1)
        logits = np.asarray(votes @ weights) + (_expected_log(classes)[:, None] + _expected_log(subtypes)).ravel()
        rho = np.exp(logits - logits.max(axis=1, keepdims=True))
        rho /= rho.sum(axis=1, keepdims=True)
    return bound, rho.reshape(-1, k, SUBTYPES).sum(axis=2)


def _bound(classes: Any, subtypes: Any, answers: Any, prior: Any) -> float:
    """What the Dirichlet factors add to the evidence bound when they fit the mass, constants of the data left out."""
    return float(
        _log_beta(classes).sum()
        + _log_beta(subtypes).sum()
        + (_log_beta(answers) - _log_beta(np.broadcast_to(prior, answers.shape))).sum()
    )


def _expected_log(counts: Any) -> Any:
    return digamma(counts) - digamma(counts.sum(axis=-1, keepdims=True))


def _log_beta(counts: Any) -> Any:
    return gammaln(counts).sum(axis=-1) - gammaln(counts.sum(axis=-1))
