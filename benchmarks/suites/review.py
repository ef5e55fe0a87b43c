"""review: what a person's answers are worth in the order of our queue, and in that of others; how honest estimates are.

For every open vote set and a reviewer who is always right or wrong on a tenth: the share of wrong labels among the
first rows of the queue, and the accuracy of all labels after some answers, with the label model fitted anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from statistics import fmean
from typing import TYPE_CHECKING, Any

from benchmarks.contenders import snorkel
from benchmarks.measurement import Context, Measurement
from benchmarks.peers import absence, python_with
from benchmarks.worker import Worker

if TYPE_CHECKING:
    from benchmarks.reviewing import Floats, Order, Table
    from benchmarks.vote_sets import VoteSet

REVIEWERS = {"perfect": 0.0, "one in ten wrong": 0.1}
_QUICK_ROWS = 2_500
_SNORKEL_CELLS = 1200
# Answers are simulated with re-fitting where the field has rules; the order of the queue is measured everywhere.
_REFITTED = "votes"
_COVERAGE_SETS = ("votes/imdb", "votes/trec", "votes/domain", "votes/youtube")


def measure(context: Context) -> Iterator[Measurement]:
    """Per set and reviewer: `found_*` in percent of all wrong labels, `accuracy_*` in percent; then `covered`."""
    from benchmarks.vote_sets import whole_sets

    with ExitStack() as stack:
        ask: dict[str, Worker] = {}
        for peer, contender in (("snorkel", snorkel), ("cleanlab", cleanlab_scores)):
            python = python_with(peer)
            if python:
                ask[peer] = stack.enter_context(Worker(contender, python))
        for found in whole_sets(context.data) if context.data else ():
            if context.quick and len(found.matrix) > _QUICK_ROWS:
                continue
            yield from _reviewed(found if found.group == _REFITTED else replace(found, content=None), ask)
            if f"{found.group}/{found.name}" in _COVERAGE_SETS:
                yield from _coverage(found, 100 if context.quick else 1000)


def summarise(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """Means per group, reviewer and metric over the sets where every contender has a value, and the sets lost."""
    means: dict[str, Any] = {}
    for m in measurements:
        group, reviewer = m.case.split("/")[0], m.case.partition(", ")[2]
        means.setdefault(f"{group}, {reviewer}", {}).setdefault(m.metric, []).append(m)
    return {kind: {metric: _mean(found) for metric, found in by_metric.items()} for kind, by_metric in means.items()}


def _mean(found: list[Measurement]) -> dict[str, Any]:
    peers = sorted(set().union(*(m.peers for m in found)))
    values: dict[str, Any] = {"ours": round(fmean(m.ours for m in found), 2)}
    for peer in peers:
        here = [m for m in found if peer in m.peers]
        values[peer] = round(fmean(m.peers[peer] for m in here), 2)
        lost = [m.case.split("/")[1].partition(",")[0] for m in here if m.ours < m.peers[peer] - 1e-9]
        values[f"sets lost to {peer}"] = f"{len(lost)} of {len(here)}: {', '.join(lost)}"
    return values


def _reviewed(found: VoteSet, ask: dict[str, Worker]) -> Iterator[Measurement]:
    from benchmarks.reviewing import ANSWERS, FOUND_AT, Table

    for reviewer, wrong_share in REVIEWERS.items():
        table = Table.of(found, wrong_share, seed=0)
        theirs, missing = _peer_orders(found, table, ask)
        case = f"{found.group}/{found.name}, {reviewer}"
        shares = _found(table, theirs)
        for i, metric in enumerate([*(f"found_{at:.0%}" for at in FOUND_AT), "found_area"]):
            yield _measurement(case, metric, {name: float(values[i]) for name, values in shares.items()}, missing)
        if found.group == _REFITTED:
            reached = _accuracies(table, theirs)
            for i, answers in enumerate(ANSWERS):
                values = {name: float(values[i]) for name, values in reached.items()}
                yield _measurement(case, f"accuracy_{answers}", values, missing)


def _measurement(case: str, metric: str, values: dict[str, float], missing: dict[str, str]) -> Measurement:
    return Measurement(case, metric, float(values.pop("ours")), values, "%", missing)


def _found(table: Table, theirs: dict[str, tuple[Order, Floats]]) -> dict[str, Floats]:
    from benchmarks.reviewing import at_random, by_entropy, by_gain, found_errors

    own: dict[str, tuple[Order, bool]] = {
        "ours": (by_gain, True),
        "random": (at_random, False),
        "entropy": (by_entropy, False),
        "entropy, ranked anew": (by_entropy, True),
    }
    orders = own | {name: (order, False) for name, (order, _) in theirs.items()}
    return {name: found_errors(table, order, rerank=rerank) for name, (order, rerank) in orders.items()}


def _accuracies(table: Table, theirs: dict[str, tuple[Order, Floats]]) -> dict[str, Floats]:
    from benchmarks.reviewing import accuracies, at_random, by_entropy, by_gain, with_probs

    votes_alone, alone, ours = accuracies(table, by_gain)
    reached = {
        "ours": ours,
        "our queue, no content": votes_alone,
        "our queue, fuse alone": alone,
        "random": accuracies(table, at_random)[2],
        "entropy": accuracies(table, by_entropy)[2],
    }
    for name, (order, probs) in theirs.items():
        reached[name] = accuracies(with_probs(table, probs), order, refit=False)[0]
    return reached


def _peer_orders(
    found: VoteSet, table: Table, ask: dict[str, Worker]
) -> tuple[dict[str, tuple[Order, Floats]], dict[str, str]]:
    """The order and the labels of each peer, and why a peer has none."""
    import numpy as np

    from benchmarks.reviewing import by_score

    missing = {
        f"{name}": absence(name.split()[0]) for name in ("snorkel + entropy", "cleanlab") if name.split()[0] not in ask
    }
    orders: dict[str, tuple[Order, Floats]] = {}
    matrix, sources = table.votes.matrix, table.votes.matrix.shape[1]
    if "snorkel" in ask and 3 <= sources <= _SNORKEL_CELLS // found.k:
        probs, _ = ask["snorkel"].ask(matrix=matrix, k=found.k).answer
        entropy = -(probs * np.log(np.maximum(probs, 1e-12))).sum(axis=1)
        orders["snorkel + entropy"] = by_score(entropy), probs
    elif "snorkel" in ask:
        missing["snorkel + entropy"] = "needs 3 sources, and not too many"
    if "cleanlab" in ask:
        scores, probs = ask["cleanlab"].ask(matrix=matrix, probs=table.given.probs).answer
        if scores is None:
            missing["cleanlab"] = probs
        else:
            orders["cleanlab"] = by_score(-scores), probs
    return orders, missing


def cleanlab_scores() -> Callable[..., Any]:
    """cleanlab's active-learning scores (least first) and consensus, given the same label model's probabilities."""
    import warnings

    import numpy as np
    from cleanlab.multiannotator import get_active_learning_scores, get_label_quality_multiannotator

    def task(matrix: Any, probs: Any) -> Any:
        votes = np.where(matrix >= 0, matrix, np.nan).astype(np.float64)
        kept = (matrix >= 0).any(axis=0)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                scores, _ = get_active_learning_scores(votes[:, kept], probs)
                quality = get_label_quality_multiannotator(votes[:, kept], probs, verbose=False)
        except (ValueError, IndexError, AssertionError) as error:
            return None, f"refuses: {str(error).splitlines()[0][:80]}"
        consensus = np.asarray(quality["label_quality"]["consensus_label"], np.intp)
        return np.asarray(scores), np.eye(probs.shape[1])[consensus]

    return task


def _coverage(found: VoteSet, repeats: int) -> Iterator[Measurement]:
    """How often the interval of 200 mixed answers, half of them drawn, holds the accuracy of the labels, in percent."""
    from benchmarks.reviewing import Table
    from benchmarks.surveying import coverage

    truth, aimed, covered, width = coverage(Table.of(found, 0.0, seed=0), repeats)
    case = f"{found.group}/{found.name}, survey"
    yield Measurement(case, "covered", covered, {}, "%")
    yield Measurement(case, "width", width, {}, "%")
    yield Measurement(case, "accuracy", truth, {"read off the targeted rows": aimed}, "%")
