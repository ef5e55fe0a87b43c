"""What gold rows are worth: label models with some rows settled, scored on the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from hashlib import blake2b
from itertools import groupby
from multiprocessing import get_context
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.answers import KEPT, own_code
from benchmarks.vote_sets import VoteSet

SIZES = (20, 50, 100, 300, 1000)
_WORKERS = 2
# Of few rows the luck of the draw is large; of many the fits are slow.
_DRAWS = {20: 3, 50: 3, 100: 2, 300: 1, 1000: 1}
_LEAST = 1e-6


class Draw(NamedTuple):
    """A set, how many of its rows are gold, and which draw it is."""

    votes: VoteSet
    size: int
    number: int


class Believed(NamedTuple):
    """P(label) of the rows that are scored, by model, and their gold."""

    probs: dict[str, NDArray[np.float64]]
    gold: NDArray[np.int64]


def drawn(sets: list[VoteSet], quick: bool) -> Iterator[tuple[VoteSet, int, list[Believed]]]:
    """Each set with each size of gold that leaves half of its known rows to be scored: what models believe, by draw."""
    draws = [
        Draw(votes, size, number)
        for votes in sets
        for size in ((100,) if quick else SIZES)
        if size * 2 <= (votes.gold >= 0).sum()
        for number in range(1 if quick else _DRAWS[size])
    ]
    with ProcessPoolExecutor(_WORKERS, get_context("spawn")) as pool:
        answers = pool.map(believed, draws)
        pairs = zip(draws, answers, strict=True)
        for _, group in groupby(pairs, key=lambda pair: (pair[0].votes.group, pair[0].votes.name, pair[0].size)):
            found = list(group)
            yield found[0][0].votes, found[0][0].size, [answer for _, answer in found]


def believed(draw: Draw) -> Believed:
    """What each model believes of the rows that are not gold."""
    votes = draw.votes
    known = np.flatnonzero(votes.gold >= 0)
    gold = np.random.default_rng(1000 * draw.number + draw.size).choice(known, draw.size, replace=False)
    rest = np.setdiff1d(known, gold)
    probs = {
        "ours": _kept("quorum", votes, gold, _quorum)[rest],
        "no_gold": _kept("quorum", votes, gold[:0], _quorum)[rest],
        "logistic_regression": logistic_regression(votes, gold)[rest],
    }
    return Believed(probs, votes.gold[rest])


def _quorum(votes: VoteSet, gold: NDArray[np.intp]) -> NDArray[np.float64]:
    from quorate import Gold, Votes, fuse

    settled = Gold(tuple(map(str, gold)), votes.gold[gold].astype(np.int16))
    return np.asarray(fuse(Votes.of(votes.matrix, [f"label_{y}" for y in range(votes.k)]), gold=settled).probs)


def logistic_regression(votes: VoteSet, gold: NDArray[np.intp]) -> NDArray[np.float64]:
    """scikit-learn's, at its defaults, on one column for each source and vote, taught by the gold rows alone."""
    from sklearn.linear_model import LogisticRegression

    from quorate.belief.confusion import indicators

    cast = indicators(votes.matrix, votes.k)
    probs = np.full((len(votes.matrix), votes.k), _LEAST)
    seen = np.unique(votes.gold[gold])
    if len(seen) == 1:
        probs[:, seen[0]] = 1.0
    else:
        probs[:, seen] = (
            LogisticRegression(max_iter=1000).fit(cast[gold], votes.gold[gold]).predict_proba(cast) + _LEAST
        )
    return np.asarray(probs / probs.sum(axis=1, keepdims=True))


def _kept(
    name: str, votes: VoteSet, gold: NDArray[np.intp], make: Callable[[VoteSet, NDArray[np.intp]], Any]
) -> NDArray[np.float64]:
    """The answer, kept from one run to the next by the code of the package, the votes and the gold."""
    digest = blake2b(own_code().encode(), digest_size=12)
    for array in (votes.matrix, gold, votes.gold[gold]):
        digest.update(np.ascontiguousarray(array).tobytes())
    path = KEPT / f"{name}-gold-{digest.hexdigest()}.npz"
    if path.exists():
        return np.asarray(np.load(path)["probs"])
    probs: NDArray[np.float64] = make(votes, gold)
    KEPT.mkdir(parents=True, exist_ok=True)
    # Two processes may make the same one.
    beside = path.with_suffix(f".{np.random.default_rng().integers(2**31)}.npz")
    np.savez_compressed(beside, probs=probs)
    beside.replace(path)
    return probs
