"""compare: two models told apart by few reviewed rows: real labels of models, gold hidden and shown row by row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from benchmarks.large_comparison import compare_file, write_labels
from benchmarks.measurement import Context, Measurement, WrongAnswer
from benchmarks.worker import Worker

if TYPE_CHECKING:
    from benchmarks.vote_sets import VoteSet

REVIEWS = (50, 100, 200)
QUANTITIES = ("difference", "a", "b")
LARGE = (("1,000,000 rows, 5 labels", 1_000_000, 5), ("20,000 rows, 200 labels", 20_000, 200))
TARGETS = {
    "seconds_of_1,000,000_rows": 30.0,
    "peak_gib": 2.0,
    "page_mb": 5.0,
    "seconds_of_20,000_rows": 5.0,
    "width_over_random_at_50": 0.6,
    "width_over_random_at_100": 0.6,
    "width_over_random_at_200": 0.6,
    "wrong_verdict": 0.05,
    "wrong_verdict_peeking": 0.05,
    "miscovered_beyond_7_percent": 0.0,
    "miscovered_below_3_percent": 0.0,
}
_REPEATS = 200
_QUICK_REPEATS = 20
_QUICK_STEP = 8
_DRAWS = 600
_ALONE_EVERY = 8
"""Of so many repeats, one is also estimated without the votes of the other models."""
_FEWEST_DISAGREEMENTS = 5
_FIRST_LOOKS = 50
_Z = 1.959964


@dataclass
class _Tally:
    """What came of the repeats of one set at one number of reviews.

    `covered` by quantity, of intervals that leave something open; `widths` over that of a random sample, also `alone`:
    without the votes of the other models.
    """

    covered: dict[str, list[bool]] = field(default_factory=lambda: {name: [] for name in QUANTITIES})
    widths: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    covered_alone: list[bool] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    wrong: list[bool] = field(default_factory=list)


@dataclass(frozen=True)
class _Pair:
    """Two models of a set on the rows with gold: what they said, who is right, and what all models believe."""

    a: Any
    b: Any
    gold: Any
    k: int
    side: Any
    belief: Any

    @cached_property
    def wins(self) -> Any:
        return (self.a == self.gold) * 1.0 - (self.b == self.gold)

    @cached_property
    def truth(self) -> tuple[float, float, float]:
        return self.wins.mean(), (self.a == self.gold).mean(), (self.b == self.gold).mean()

    def random_width(self, n: int) -> float:
        """The width of the usual interval of A - B from n rows at random, without replacement: the true variance."""
        rows = len(self.gold)
        return float(2 * _Z * (self.wins.var() / n * (rows - n) / (rows - 1)) ** 0.5)


def measure(context: Context) -> Iterator[Measurement]:
    """Of every set and number of reviews: coverage of A - B, A and B, width, verdicts; then verdicts under peeking."""
    if not context.quick:
        for case, rows, labels in LARGE:
            yield from _large(case, rows, labels)
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
        if m.metric == "seconds":
            by_metric[f"seconds_of_{m.case.split()[0]}_rows"] = [m.ours]
        if "reviews" in m.case:
            by_metric.setdefault(f"{m.metric}_at_{m.case.split()[-2]}", []).append(m.ours)
    means = {name: round(fmean(values), 4) for name, values in by_metric.items()}
    for name in ("peak_gib", "page_mb"):
        if name in by_metric:
            means[name] = max(by_metric[name])
    covers = [means[f"coverage_{name}"] for name in QUANTITIES if f"coverage_{name}" in means]
    means["miscovered_beyond_7_percent"] = sum(0.93 - cover for cover in covers if cover < 0.93)
    means["miscovered_below_3_percent"] = sum(cover - 0.97 for cover in covers if cover > 0.97)
    return means


def _large(case: str, rows: int, labels: int) -> Iterator[Measurement]:
    """Seconds of a core, peak memory and size of the page, of a fresh process that compares a file."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "labels.parquet"
        write_labels(path, rows, labels)
        with Worker(compare_file, path=str(path)) as worker:
            took, answer = worker.ask()
    if not answer["a_is_better"]:
        raise WrongAnswer(f"{case}: A is right on .8 of the rows and B on .7, and the verdict is another")
    yield Measurement(case, "seconds", took.cpu_s, unit="s")
    yield Measurement(case, "peak_gib", answer["peak_gib"], unit="GiB")
    yield Measurement(case, "page_mb", answer["page_mb"], unit="MB")


def _of_set(votes: VoteSet, quick: bool) -> Iterator[Measurement]:
    pairs = list(_pairs(votes))[:: _QUICK_STEP if quick else 1]
    tallies = {n: _Tally() for n in REVIEWS if n < int((votes.gold >= 0).sum())}
    peeked: list[tuple[bool, bool, int]] = []
    for number, pair in enumerate(pairs):
        peeked += _of_pair(pair, number, _QUICK_REPEATS if quick else _REPEATS, tallies)
    for n, tally in tallies.items():
        yield from _told(f"{votes.name}, {n} reviews", tally)
    if peeked:
        stops = sorted(stop for right, wrong, stop in peeked if right or wrong)
        yield Measurement(votes.name, "pairs", float(len(pairs)))
        yield Measurement(votes.name, "right_verdict_peeking", fmean(right for right, _, _ in peeked))
        yield Measurement(votes.name, "wrong_verdict_peeking", fmean(wrong for _, wrong, _ in peeked))
        yield Measurement(votes.name, "median_stop", float(stops[len(stops) // 2]) if stops else 0.0, unit="reviews")


def _pairs(votes: VoteSet) -> Iterator[_Pair]:
    """Every two models that differ on a few rows; what all models believe never sees gold."""
    import numpy as np

    from quorate import Votes, fuse
    from quorate.comparing.population import sides_of

    known = votes.gold >= 0
    matrix, gold = votes.matrix[known], votes.gold[known]
    belief = fuse(Votes.of(matrix, [f"label_{y}" for y in range(votes.k)])).probs
    for i, j in combinations(range(matrix.shape[1]), 2):
        two = np.ascontiguousarray(matrix[:, [i, j]])
        if (two[:, 0] != two[:, 1]).sum() >= _FEWEST_DISAGREEMENTS:
            yield _Pair(two[:, 0], two[:, 1], gold, votes.k, sides_of(two), belief)


def _told(case: str, tally: _Tally) -> Iterator[Measurement]:
    for name, covered in tally.covered.items():
        if covered:
            yield Measurement(case, f"coverage_{name}", fmean(covered))
    if tally.covered_alone:
        yield Measurement(case, "coverage_difference_pair_alone", fmean(tally.covered_alone))
    yield Measurement(case, "width_over_random", fmean(tally.widths))
    yield Measurement(case, "width_over_random_pair_alone", fmean(tally.alone))
    yield Measurement(case, "right_verdict", fmean(tally.right))
    yield Measurement(case, "wrong_verdict", fmean(tally.wrong))


def _of_pair(pair: _Pair, number: int, repeats: int, tallies: dict[int, _Tally]) -> list[tuple[bool, bool, int]]:
    import numpy as np

    generator = np.random.default_rng(number)
    peeked = []
    for repeat in range(repeats):
        # Other tickets are another order: those of a table are a hash of its row ids.
        order = _order(pair, generator.integers(2**63, size=len(pair.gold), dtype=np.uint64))
        for n, tally in tallies.items():
            _note(tally, pair, order[:n], is_alone=repeat % _ALONE_EVERY == 0)
        peeked.append(_looked_after_every_answer(pair, order))
    return peeked


def _order(pair: _Pair, tickets: Any) -> Any:
    import numpy as np

    from quorate.comparing.sampling import next_rows

    return next_rows(pair.side, np.ones(len(pair.gold), bool), tickets, max(REVIEWS))


def _looked_after_every_answer(pair: _Pair, order: Any) -> tuple[bool, bool, int]:
    """Whether that gave the right or a wrong verdict, and when."""
    from quorate.comparing.anytime import anytime

    differ = (pair.a != pair.b)[order]
    scores, disagreements = pair.wins[order][differ], int((pair.a != pair.b).sum())
    told = anytime(scores[:_FIRST_LOOKS], disagreements, len(pair.gold))
    if told.settled_after is None:
        # What is decided early stays so: the rest need not be reckoned.
        told = anytime(scores, disagreements, len(pair.gold))
    if told.settled_after is None:
        return False, False, 0
    is_right = bool(pair.truth[0] > 0 if told.is_a_better else pair.truth[0] < 0)
    return is_right, not is_right, told.settled_after


def _note(tally: _Tally, pair: _Pair, at: Any, *, is_alone: bool) -> None:
    import numpy as np

    from quorate.comparing.candidates import Settled
    from quorate.comparing.population import Population

    settled = Settled(at, pair.gold[at][:, None] == np.arange(pair.k))
    population = Population(pair.side, settled, is_sample=False, draws=_DRAWS, belief=pair.belief)
    intervals = _intervals(population, pair)
    for name, interval, truth in zip(QUANTITIES, intervals, pair.truth, strict=True):
        # What is known exactly is covered for sure: it would flatter the share.
        if interval[1] > interval[0]:
            tally.covered[name].append(_holds(interval, truth))
    (low, high), usual = intervals[0], pair.random_width(len(at))
    tally.widths.append((high - low) / usual)
    if is_alone:
        without = _intervals(replace(population, belief=None), pair)[0]
        tally.alone.append((without[1] - without[0]) / usual)
        if without[1] > without[0]:
            tally.covered_alone.append(_holds(without, pair.truth[0]))
    says_a, says_b = low > 0, high < 0
    tally.right.append((says_a and pair.truth[0] > 0) or (says_b and pair.truth[0] < 0))
    tally.wrong.append((says_a and pair.truth[0] <= 0) or (says_b and pair.truth[0] >= 0))


def _holds(interval: Any, truth: float) -> bool:
    return bool(interval[0] - 1e-9 <= truth <= interval[1] + 1e-9)


def _intervals(population: Any, pair: _Pair) -> list[tuple[float, float]]:
    """The 95 % intervals of A - B, A and B, those of `Population.estimate`, from one set of draws at once."""
    import numpy as np

    from quorate.comparing.paired import BOTH, EITHER, ONLY_A, ONLY_B, pair_draws

    total = pair_draws(population, pair.a, pair.b).sum(axis=1)
    drawn = (
        total[:, ONLY_A] - total[:, ONLY_B],
        total[:, [BOTH, ONLY_A, EITHER]].sum(axis=1),
        total[:, [BOTH, ONLY_B, EITHER]].sum(axis=1),
    )
    low, high = np.percentile(np.stack(drawn), [2.5, 97.5], axis=1).tolist()
    return list(zip(low, high, strict=True))
