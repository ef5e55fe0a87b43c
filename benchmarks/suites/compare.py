"""compare: two models told apart by few reviewed rows: real labels of models, gold hidden and shown row by row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import TYPE_CHECKING, Any

from benchmarks.measurement import Context, Measurement

if TYPE_CHECKING:
    from benchmarks.vote_sets import VoteSet

REVIEWS = (50, 100, 200)
TARGETS = {
    "width_over_random": 0.6,
    "wrong_verdict": 0.05,
    "wrong_verdict_peeking": 0.05,
    "miscovered_beyond_7_percent": 0.0,
    "miscovered_below_3_percent": 0.0,
}
_REPEATS = 200
_QUICK_REPEATS = 20
_QUICK_STEP = 8
_DRAWS = 1_000
_FEWEST_DISAGREEMENTS = 5
_Z = 1.959964


@dataclass
class _Tally:
    """What came of the repeats of one set at one number of reviews."""

    covered: list[list[bool]]
    widths: list[float]
    right: list[bool]
    wrong: list[bool]


def measure(context: Context) -> Iterator[Measurement]:
    """Of every set and number of reviews: coverage of A - B, A and B, width, verdicts; then verdicts under peeking."""
    if context.data is None:
        return
    from benchmarks.vote_sets import open_sets

    for votes in open_sets(context.data):
        if votes.group == "llm":
            yield from _of_set(votes, context.quick)


def summarise(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """Means over the sets; a coverage that leaves 93 to 97 % is a missed target."""
    by_metric: dict[str, list[float]] = {}
    for m in measurements:
        by_metric.setdefault(m.metric, []).append(m.ours)
    means = {name: round(fmean(values), 4) for name, values in by_metric.items()}
    covers = [means[name] for name in ("coverage_difference", "coverage_a", "coverage_b") if name in means]
    means["miscovered_beyond_7_percent"] = sum(0.93 - cover for cover in covers if cover < 0.93)
    means["miscovered_below_3_percent"] = sum(cover - 0.97 for cover in covers if cover > 0.97)
    return means


def _of_set(votes: VoteSet, quick: bool) -> Iterator[Measurement]:
    import numpy as np

    known = votes.gold >= 0
    matrix, gold = votes.matrix[known], votes.gold[known]
    pairs = list(combinations(range(matrix.shape[1]), 2))[:: _QUICK_STEP if quick else 1]
    tallies = {n: _Tally([], [], [], []) for n in REVIEWS if n < len(gold)}
    peeked: list[tuple[bool, bool, int]] = []
    for number, (i, j) in enumerate(pairs):
        if (matrix[:, i] != matrix[:, j]).sum() < _FEWEST_DISAGREEMENTS:
            continue
        generator = np.random.default_rng(number)
        repeats = _QUICK_REPEATS if quick else _REPEATS
        peeked += [_repeat(matrix[:, [i, j]], gold, votes.k, generator, tallies) for _ in range(repeats)]
    for n, tally in tallies.items():
        case = f"{votes.name}, {n} reviews"
        for name, covered in zip(("difference", "a", "b"), zip(*tally.covered, strict=True), strict=True):
            yield Measurement(case, f"coverage_{name}", fmean(covered))
        yield Measurement(case, "width_over_random", fmean(tally.widths))
        yield Measurement(case, "right_verdict", fmean(tally.right))
        yield Measurement(case, "wrong_verdict", fmean(tally.wrong))
    if peeked:
        stops = sorted(stop for right, wrong, stop in peeked if right or wrong)
        yield Measurement(votes.name, "right_verdict_peeking", fmean(right for right, _, _ in peeked))
        yield Measurement(votes.name, "wrong_verdict_peeking", fmean(wrong for _, wrong, _ in peeked))
        yield Measurement(votes.name, "median_stop", float(stops[len(stops) // 2]) if stops else 0.0, unit="reviews")


def _repeat(matrix: Any, gold: Any, k: int, generator: Any, tallies: dict[int, _Tally]) -> tuple[bool, bool, int]:
    """One queue, reviewed to its end; whether a look after every answer gave the right or a wrong verdict, and when."""
    import numpy as np

    from quorate import Votes
    from quorate.comparing.candidates import Candidates, Settled
    from quorate.comparing.paired import anytime
    from quorate.comparing.population import Population
    from quorate.comparing.sampling import review_queue
    from quorate.rows import Rows

    # Other row ids are another order: the queue is a lottery of them.
    salt = int(generator.integers(2**62))
    votes = Votes.of(matrix, [f"label_{y}" for y in range(k)], ("a", "b"), [f"{salt}-{i}" for i in range(len(gold))])
    nobody = Settled(np.zeros(0, np.intp), np.zeros((0, k), bool))
    rows = Rows(None, votes.ids)
    order = review_queue(Candidates("", rows, votes, ("a", "b"), nobody), max(REVIEWS)).position
    a, b = matrix[:, 0], matrix[:, 1]
    wins = (a == gold) * 1.0 - (b == gold)
    truth = wins.mean(), (a == gold).mean(), (b == gold).mean()
    whole = Population.of(Candidates("", rows, votes, ("a", "b"), nobody))
    for n, tally in tallies.items():
        at = order[:n]
        settled = Settled(at, gold[at][:, None] == np.arange(k))
        population = Population(whole.side, settled, is_sample=False, draws=_DRAWS)
        _note(tally, population, a, b, truth, _Z * 2 * float(np.sqrt(wins.var() / n)))
    differ = a[order] != b[order]
    told = anytime(wins[order][differ], int((a != b).sum()), len(gold))
    if told.settled_after is None:
        return False, False, 0
    is_right = truth[0] > 0 if told.is_a_better else truth[0] < 0
    return bool(is_right), not is_right, told.settled_after


def _note(tally: _Tally, population: Any, a: Any, b: Any, truth: Sequence[float], random_width: float) -> None:
    from quorate.comparing.paired import BOTH, EITHER, ONLY_A, ONLY_B, pair_draws

    total = pair_draws(population, a, b).sum(axis=1)
    drawn = (
        total[:, ONLY_A] - total[:, ONLY_B],
        total[:, [BOTH, ONLY_A, EITHER]].sum(axis=1),
        total[:, [BOTH, ONLY_B, EITHER]].sum(axis=1),
    )
    estimates = [population.estimate(each) for each in drawn]
    tally.covered.append([e.low - 1e-9 <= t <= e.high + 1e-9 for e, t in zip(estimates, truth, strict=True)])
    difference = estimates[0]
    tally.widths.append((difference.high - difference.low) / random_width)
    says_a, says_b = difference.low > 0, difference.high < 0
    tally.right.append((says_a and truth[0] > 0) or (says_b and truth[0] < 0))
    tally.wrong.append((says_a and truth[0] <= 0) or (says_b and truth[0] >= 0))
