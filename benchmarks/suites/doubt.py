"""doubt: how often 95 % intervals of source accuracy hold the truth, of simulated voters and on the open sets.

The peer, `labels_as_given`, is what one has without asking for doubt: the fused labels taken for the truth, and the
Wilson interval of a source's agreement with them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from benchmarks.measurement import Context, Measurement

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchmarks.vote_sets import VoteSet
    from quorate import VotePatterns
    from quorate.trust.doubt import Estimate

    Floats = NDArray[np.float64]

MODEL = "quorum"
CASES: dict[str, tuple[int, list[float], tuple[float, ...], tuple[tuple[int, int, float], ...]]] = {
    "independent/five voters": (1000, [0.9, 0.8, 0.75, 0.7, 0.65], (0.5, 0.5), ()),
    "independent/three labels": (1000, [0.85, 0.8, 0.75, 0.7, 0.65, 0.6], (0.6, 0.3, 0.1), ()),
    "independent/rare label": (2000, [0.9, 0.9, 0.85, 0.85, 0.8], (0.85, 0.15), ()),
    "correlated/a weak pair": (1000, [0.85, 0.8, 0.75, 0.7, 0.7, 0.65], (0.5, 0.5), ((3, 4, 0.4),)),
    "correlated/the better two": (1000, [0.8, 0.75, 0.75, 0.65, 0.65], (0.25,) * 4, ((1, 2, 0.5),)),
    "correlated/copies": (1000, [0.9, 0.85, 0.65, 0.65, 0.65], (0.5, 0.5), ((2, 3, 1.0), (2, 4, 1.0))),
}
"""Rows, accuracies, class balance, and who gives whose vote how often (a later place that of an earlier one)."""

_SEEDS, _QUICK_SEEDS = 40, 6
_FEWEST_GOLD = 30
_SILENT = 0.2
_MOST_SOURCES = 200
_QUICK_CELLS = 50_000


def measure(context: Context) -> Iterator[Measurement]:
    """The share of sources whose interval holds their accuracy, in percent, and the mean width, in points."""
    from benchmarks.vote_sets import open_sets

    for case in CASES:
        yield from _simulated(case, _QUICK_SEEDS if context.quick else _SEEDS)
    for votes in open_sets(context.data) if context.data else ():
        if votes.matrix.shape[1] <= _MOST_SOURCES and not (context.quick and votes.matrix.size > _QUICK_CELLS):
            yield from _against_gold(votes)


def summarise(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """Mean coverage and width of each group, ours and without doubt."""
    groups: dict[str, list[Measurement]] = defaultdict(list)
    for m in measurements:
        groups[f"{m.case.split('/')[0]}, {m.metric}"].append(m)
    return {
        group: {"ours": round(fmean(m.ours for m in found), 1)}
        | {peer: round(fmean(m.peers[peer] for m in found), 1) for peer in found[0].peers}
        for group, found in groups.items()
    }


def _simulated(case: str, seeds: int) -> Iterator[Measurement]:
    import numpy as np

    from quorate import VotePatterns, Votes

    _, accuracies, balance, copies = CASES[case]
    true = np.array(accuracies)
    for whom, who, often in copies:
        true[who] = often * true[whom] + (1 - often) * true[who]
    held, widths = defaultdict[str, list[Any]](list), defaultdict[str, list[Any]](list)
    of_balance: list[Any] = []
    for seed in range(seeds):
        matrix = _voters(seed, case)
        patterns = VotePatterns.of(Votes.of(matrix, [f"label_{y}" for y in range(len(balance))]))
        found, naive = _intervals(patterns)
        for name, (low, high) in (("ours", (found.low, found.high)), ("labels_as_given", naive)):
            held[name].append((low <= true) & (true <= high))
            widths[name].append(high - low)
        of_balance.append((found.balance[1] <= np.array(balance)) & (np.array(balance) <= found.balance[2]))
    yield _both(case, "accuracy held", held)
    yield _both(case, "width", widths)
    yield Measurement(case, "balance held", 100 * float(np.mean(of_balance)), {}, "%")


def _voters(seed: int, case: str) -> NDArray[np.int16]:
    """Votes whose errors spread evenly over the other labels; a fifth of them is not cast."""
    import numpy as np

    rows, accuracies, balance, copies = CASES[case]
    rng, k, m = np.random.default_rng(seed), len(balance), len(accuracies)
    truth = rng.choice(k, rows, p=np.asarray(balance))
    wrong = (truth[:, None] + rng.integers(1, k, (rows, m))) % k
    matrix = np.where(rng.random((rows, m)) < np.asarray(accuracies), truth[:, None], wrong)
    silent = rng.random((rows, m)) < _SILENT
    for whom, who, often in copies:
        same = rng.random(rows) < often
        matrix[same, who] = matrix[same, whom]
        # A copy is silent where the original is.
        silent[:, who] = silent[:, whom] if often == 1 else silent[:, who]
    return np.where(silent, -1, matrix).astype(np.int16)


def _against_gold(votes: VoteSet) -> Iterator[Measurement]:
    """Of the sources with enough gold: held is what they reach on it, exactly."""
    import numpy as np

    from quorate import VotePatterns, Votes

    patterns = VotePatterns.of(Votes.of(votes.matrix[votes.covered], [f"label_{y}" for y in range(votes.k)]))
    known = (votes.matrix >= 0) & (votes.gold >= 0)[:, None]
    total = known.sum(axis=0)
    judged = np.flatnonzero(total >= _FEWEST_GOLD)
    if not len(judged):
        return
    reached = ((votes.matrix == votes.gold[:, None]) & known).sum(axis=0)[judged] / total[judged]
    found, naive = _intervals(patterns)
    ends = {"ours": (found.low, found.high), "labels_as_given": naive}
    held = {name: [(low[judged] <= reached) & (reached <= high[judged])] for name, (low, high) in ends.items()}
    case = f"{votes.group}/{votes.name} ({'votes tell' if found.is_identified else 'model believed'})"
    yield _both(case, "accuracy held", held)
    yield _both(case, "width", {name: [(high - low)[judged]] for name, (low, high) in ends.items()})
    off = np.abs(found.accuracy[judged] - reached)
    yield Measurement(case, "accuracy off by", 100 * float(off.mean()), {}, "points")


def _intervals(patterns: VotePatterns) -> tuple[Estimate, tuple[Floats, Floats]]:
    """Ours, and the ends of those that take the labels for the truth."""
    import numpy as np

    from quorate.estimating.intervals import wilson
    from quorate.registry import build
    from quorate.trust.doubt import estimate_accuracy

    model = build("label_models", MODEL, {})
    fitted = model.fit(patterns)
    labels = fitted.probabilities(patterns.matrix).argmax(axis=1)
    voted = patterns.matrix >= 0
    right = ((patterns.matrix == labels[:, None]) & voted).T @ patterns.counts
    ends = np.array([wilson(r, n) for r, n in zip(right, voted.T @ patterns.counts, strict=True)])
    return estimate_accuracy(patterns, model, fitted), (ends[:, 0], ends[:, 1])


def _both(case: str, metric: str, found: dict[str, list[Any]]) -> Measurement:
    import numpy as np

    means = {name: 100 * float(np.mean(values)) for name, values in found.items()}
    return Measurement(case, metric, means.pop("ours"), means, "points" if metric == "width" else "%")
