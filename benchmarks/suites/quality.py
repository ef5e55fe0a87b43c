"""quality: how good the labels are that label models make of votes, with and without gold and content."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from statistics import fmean
from typing import TYPE_CHECKING, Any

from benchmarks import families
from benchmarks.measurement import Context, Measurement, WrongAnswer

if TYPE_CHECKING:
    from benchmarks.answers import Answer, Answers, Contender
    from benchmarks.gold_rows import Believed
    from benchmarks.scores import Floats, Ints
    from benchmarks.vote_sets import VoteSet

FLOORS = families.FLOORS
TARGETS = families.CEILINGS

_QUICK_CELLS = 50_000
_QUICK_PEERS = ("majority", "weighted_majority", "dawid_skene", "crowdkit_one_coin")
_RECORDED_TO = 6e-4


def measure(context: Context) -> Iterator[Measurement]:
    """Votes alone on the rows they were fitted on and on test rows, then with gold, then with content."""
    from benchmarks.answers import Answers
    from benchmarks.vote_sets import bundled_sets, open_sets, whole_sets

    found = [
        v for v in chain(bundled_sets(), open_sets(context.data) if context.data else ()) if _is_wanted(v, context)
    ]
    with Answers() as answers:
        for votes in found:
            yield from _transductive(votes, answers, context.quick)
            if votes.test is not None:
                yield from _on_test_rows(votes, answers, context.quick)
    if context.data:
        settled = [v for v in found if v.group == "votes" or (v.group != "bundled" and not context.quick)]
        yield from _with_gold(settled, context.quick)
        if not context.quick:
            yield from _with_content(whole_sets(context.data))


def summarise(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """Means by family and the numbers that have a target."""
    return families.summary(measurements)


def markdown(measurements: Sequence[Measurement]) -> str:
    """The tables of the README, and one for each set."""
    return families.markdown(measurements)


def _is_wanted(votes: VoteSet, context: Context) -> bool:
    return not (context.quick and votes.matrix.size > _QUICK_CELLS)


def _peers(quick: bool) -> dict[str, Contender]:
    from benchmarks.answers import PEERS

    return {name: peer for name, peer in PEERS.items() if not quick or name in _QUICK_PEERS}


def _transductive(votes: VoteSet, answers: Answers, quick: bool) -> Iterator[Measurement]:
    from benchmarks.answers import OURS

    kept, known = votes.matrix[votes.covered], votes.gold[votes.covered] >= 0
    ours = answers.of(OURS, kept, votes.k)
    given, missing = {}, {}
    for name, peer in _peers(quick).items():
        if reason := peer.excuse(kept, votes.k):
            missing[name] = reason
        else:
            given[name] = answers.of(peer, kept, votes.k)
    gold = votes.gold[votes.covered][known]
    _check_majority(votes, given["majority"].probs[known], gold)
    case = f"{votes.group}/{votes.name}"
    yield from _scored(
        case, votes.metric, gold, {n: a.probs[known] for n, a in (("ours", ours), *given.items())}, missing
    )
    yield from _cost(case, ours, given)


def _on_test_rows(votes: VoteSet, answers: Answers, quick: bool) -> Iterator[Measurement]:
    """Fitted on train, scored on all test rows; those without votes get the mean of the model's own answers."""
    from benchmarks.answers import OURS

    assert votes.test is not None
    matrix, gold = votes.test
    covered, fitted_on = (matrix >= 0).any(axis=1), votes.matrix[votes.covered]
    given, missing = {}, {}
    for name, peer in {"ours": OURS, **_peers(quick)}.items():
        reason = peer.excuse(fitted_on, votes.k) if peer.judges else "cannot judge rows that it was not fitted on"
        if reason:
            missing[name] = reason
        else:
            given[name] = _spread(answers.of(peer, fitted_on, votes.k, matrix[covered]).probs, covered)
    yield from _scored(f"test/{votes.name}", votes.metric, gold, given, missing)


def _spread(probs: Floats, covered: Any) -> Floats:
    import numpy as np

    spread = np.tile(probs.mean(axis=0), (len(covered), 1))
    spread[covered] = probs
    return spread


def _with_gold(sets: list[VoteSet], quick: bool) -> Iterator[Measurement]:
    from benchmarks.gold_rows import drawn

    for votes, size, draws in drawn(sets, quick):
        yield from _gold_scores(votes, size, draws)


def _gold_scores(votes: VoteSet, size: int, draws: list[Believed]) -> Iterator[Measurement]:
    from benchmarks.scores import SCORES, UNITS

    for metric in (votes.metric, "log_loss", "ece"):
        means = {
            model: fmean(SCORES[metric](draw.probs[model], draw.gold) for draw in draws) for model in draws[0].probs
        }
        ours = means.pop("ours")
        yield Measurement(f"gold_{size}/{votes.group}/{votes.name}", metric, ours, means, UNITS[metric])


def _with_content(sets: Iterator[VoteSet]) -> Iterator[Measurement]:
    from benchmarks.content_gain import gains

    for gain in gains(sets):
        given = {"ours": gain.with_content, "votes_only_guessed": gain.guessed, "votes_only_balance": gain.balance}
        yield from _scored(f"content/{gain.votes.group}/{gain.votes.name}", gain.votes.metric, gain.gold, given, {})


def _scored(
    case: str, metric: str, gold: Ints, given: dict[str, Floats], missing: dict[str, str]
) -> Iterator[Measurement]:
    from benchmarks.scores import SCORES, UNITS

    for name in (metric, "log_loss", "ece"):
        scores = {model: SCORES[name](probs, gold) for model, probs in given.items()}
        yield Measurement(case, name, scores.pop("ours"), scores, UNITS[name], missing)


def _cost(case: str, ours: Answer, given: dict[str, Answer]) -> Iterator[Measurement]:
    """Seconds of one core and MiB, as they were when the answer was made."""
    yield Measurement(case, "cpu_time", ours.cpu_s, {name: answer.cpu_s for name, answer in given.items()}, "s")
    yield Measurement(case, "memory", ours.peak_mib, {name: answer.peak_mib for name, answer in given.items()}, "MiB")


def _check_majority(votes: VoteSet, probs: Floats, gold: Ints) -> None:
    """
    Raises:
        WrongAnswer: majority vote does not reach the accuracy that the set's notes record.
    """
    from benchmarks.scores import accuracy

    if votes.majority is None:
        return
    reached = accuracy(probs, gold) / 100
    if abs(reached - votes.majority) > _RECORDED_TO:
        raise WrongAnswer(f"majority vote on {votes.name} reaches {reached:.4f}, its notes say {votes.majority:.4f}")
