"""quality: how good the labels are that label models make of votes, without gold, on the rows they were fitted on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import chain
from statistics import fmean
from typing import TYPE_CHECKING, Any

from benchmarks.measurement import Context, Measurement, WrongAnswer
from benchmarks.peers import absence, python_with
from benchmarks.worker import Worker

if TYPE_CHECKING:
    from benchmarks.scores import Floats
    from benchmarks.vote_sets import VoteSet

OURS = "quorum"
OUR_PEERS = {"majority_vote": "majority", "dawid_skene": "dawid_skene"}
"""Peers that the package has itself, by the name of the label model."""

_QUICK_CELLS = 50_000
# Snorkel fits a square matrix of this side; beyond it takes hours.
_SNORKEL_CELLS = 1200
_RECORDED_TO = 6e-4


def measure(context: Context) -> Iterator[Measurement]:
    """A score and the log-loss of every set; rows without votes get the uniform distribution from every model."""
    from benchmarks.vote_sets import bundled_sets, open_sets

    python = python_with("snorkel")
    with ExitStack() as stack:
        snorkel = stack.enter_context(Worker(snorkel_label_model, python)) if python else None
        for votes in chain(bundled_sets(), open_sets(context.data) if context.data else ()):
            if not (context.quick and votes.matrix.size > _QUICK_CELLS):
                yield from _compared(votes, snorkel)


def summarise(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """Means per group over the sets where every peer that is here has a value; accuracy and F1 are one score."""
    groups = dict.fromkeys(m.case.split("/")[0] for m in measurements)
    return {group: _means([m for m in measurements if m.case.startswith(f"{group}/")]) for group in groups}


def _means(found: Sequence[Measurement]) -> dict[str, Any]:
    peers = set().union(*(m.peers for m in found))
    complete = [m for m in found if peers <= set(m.peers)]
    means: dict[str, Any] = {"sets": len({m.case for m in complete})}
    for name, kept in (
        ("score", [m for m in complete if m.metric != "log_loss"]),
        ("log_loss", [m for m in complete if m.metric == "log_loss"]),
    ):
        means[name] = {"ours": round(fmean(m.ours for m in kept), 4)} | {
            peer: round(fmean(m.peers[peer] for m in kept), 4) for peer in sorted(peers)
        }
    return means


def _compared(votes: VoteSet, snorkel: Worker | None) -> Iterator[Measurement]:
    from benchmarks.scores import SCORES, UNITS

    ours = _believed(votes, OURS)
    peers = {name: _believed(votes, model) for name, model in OUR_PEERS.items()}
    _check_majority(votes, peers["majority_vote"])
    sources = votes.matrix.shape[1]
    missing = {}
    if snorkel is None:
        missing["snorkel"] = absence("snorkel")
    elif sources < 3:
        missing["snorkel"] = f"needs 3 sources, {sources} here"
    elif sources * votes.k > _SNORKEL_CELLS:
        missing["snorkel"] = f"{sources} sources of {votes.k} labels are too many"
    else:
        given = snorkel.ask(matrix=votes.matrix[votes.covered], k=votes.k).answer
        peers["snorkel"] = _spread(votes, given)
    known = votes.gold >= 0
    for metric in (votes.metric, "log_loss"):
        score = SCORES[metric]
        scores = {name: score(probs[known], votes.gold[known]) for name, probs in peers.items()}
        own = score(ours[known], votes.gold[known])
        yield Measurement(f"{votes.group}/{votes.name}", metric, own, scores, UNITS[metric], missing)


def _believed(votes: VoteSet, model: str) -> Floats:
    """What one of the package's label models believes of each row."""
    from quorate import Votes, fuse

    names = [f"label_{y}" for y in range(votes.k)]
    return _spread(votes, fuse(Votes.of(votes.matrix[votes.covered], names), model).probs)


def _spread(votes: VoteSet, given: Floats) -> Floats:
    """Probabilities of the covered rows on all rows."""
    import numpy as np

    probs = np.full((len(votes.matrix), votes.k), 1 / votes.k)
    probs[votes.covered] = given
    return probs


def _check_majority(votes: VoteSet, probs: Floats) -> None:
    """
    Raises:
        WrongAnswer: majority vote does not reach the accuracy that the set's notes record.
    """
    from benchmarks.scores import accuracy

    if votes.majority is None:
        return
    known = votes.gold >= 0
    reached = accuracy(probs[known], votes.gold[known]) / 100
    if abs(reached - votes.majority) > _RECORDED_TO:
        raise WrongAnswer(f"majority vote on {votes.name} reaches {reached:.4f}, its notes say {votes.majority:.4f}")


def snorkel_label_model() -> Callable[..., Any]:
    """Snorkel's `LabelModel` as its own tutorials fit it: 500 epochs, no class balance given."""
    import numpy as np
    from snorkel.labeling.model import LabelModel

    def task(matrix: Any, k: int) -> Any:
        model = LabelModel(cardinality=k, verbose=False)
        model.fit(matrix.astype(np.int64), n_epochs=500, seed=123, progress_bar=False)
        probs = np.asarray(model.predict_proba(matrix.astype(np.int64)), np.float64)
        # Where its products of probabilities underflow there is no answer: the uniform one.
        probs = np.where(np.isfinite(probs).all(axis=1, keepdims=True), probs, 1 / k)
        return probs / probs.sum(axis=1, keepdims=True)

    return task
