"""Goodness: whether votes are as independent, given the label, as the model of one subtype says.

Of every two sources, how often they agree is held against how often they should, given what is believed of the rows
on which both vote. Over all pairs but the worst few, what is left is a correlation, root mean square: goodness of fit
by limited information (after Maydeu-Olivares and Joe 2006), told as an effect and not as a test, because with a million
rows nothing real passes one. Of people, rules and models none was found below .023; independent voters are about .01.
"""

from __future__ import annotations

import numpy as np

from quorate.belief.confusion import Floats
from quorate.belief.evidence import Evidence

_INDEPENDENT = 0.02
# One pair in which a source follows another says nothing against the rest: so many pairs for each source are forgiven.
_FORGIVEN = 0.2
_FEWEST_ROWS = 30
_MOST_SOURCES = 256


def told_apart(sources: int, k: int) -> bool:
    """Whether the pairs that are looked at are more than the numbers of the model, which could else fit anything."""
    pairs = sources * (sources - 1) // 2 - _forgiven(sources)
    return sources <= _MOST_SOURCES and pairs >= sources * k * (k - 1)


def independent(evidence: Evidence, probs: Floats) -> bool:
    """Whether beliefs float64[p, k] of one subtype a label explain how often every two sources agree."""
    sources = int(evidence.cast().any(axis=1).sum())
    if not told_apart(sources, evidence.k):
        return False
    rows, excess = _excess(evidence, probs)
    off = np.sort(rows * excess**2)[: max(len(rows) - _forgiven(sources), 0)]
    return bool(len(off) and off.sum() <= _INDEPENDENT**2 * rows.sum())


def _excess(evidence: Evidence, probs: Floats) -> tuple[Floats, Floats]:
    """Of every pair of sources with common rows, how many, and how far they agree more than they should."""
    k = evidence.k
    says = evidence.confusion(evidence.mass(probs)) + 1e-6
    says /= says.sum(axis=2, keepdims=True)
    by_vote = np.ascontiguousarray(evidence.votes.toarray().T)
    said, votes = [by_vote[y::k] for y in range(k)], by_vote.reshape(-1, k, len(probs)).sum(axis=1)
    agreed = sum((own * evidence.counts) @ own.T for own in said)
    by_label = [(votes * mass) @ votes.T for mass in evidence.mass(probs).T]
    both = np.asarray(sum(by_label))
    expected = sum(rows * (says[:, y] @ says[:, y].T) for y, rows in enumerate(by_label))
    pairs = np.triu(both >= _FEWEST_ROWS, 1)
    rows, share = both[pairs], np.asarray(expected)[pairs] / both[pairs]
    # Rounded: the last bits follow the order of sources and labels, and a threshold is ahead.
    return rows, np.round(
        (np.asarray(agreed)[pairs] / rows - share) / np.sqrt(np.maximum(share * (1 - share), 1e-3)), 9
    )


def _forgiven(sources: int) -> int:
    return int(_FORGIVEN * sources)
