"""What was measured of models, as numbers and in sentences: what the weak labels are worth, and what would help."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from quorate.estimating.estimates import Estimated
from quorate.training.judging import Score
from quorate.training.worth import Worth

NAMES = {
    "labels": "the labels themselves",
    "weak": "model on the labels",
    "hard": "- on the most probable",
    "soft": "- on probabilities",
    "majority": "model on majority vote",
    "gold": "model on gold rows alone",
    "together": "model on labels anchored by gold",
}
_SILENT = 0.05
_MUCH_WORSE = 0.1
_FEW = 10


@dataclass(frozen=True)
class Judged:
    """What one contender reached: from so many rows in the mean over folds; None where there was nothing to learn."""

    name: str
    rows: float
    score: Score


def entry(judged: Judged, labels: Sequence[str]) -> dict[str, Any]:
    """A contender as the report has it."""
    return {
        "name": judged.name,
        "what": NAMES[judged.name],
        "rows": round(judged.rows),
        "accuracy": interval(judged.score.accuracy),
        "macro_f1": interval(judged.score.macro_f1),
        "labels": {name: _rounded(asdict(of)) for name, of in zip(labels, judged.score.labels, strict=True)},
    }


def interval(estimate: Estimated) -> dict[str, Any]:
    """An estimate as the report has it."""
    return _rounded({"value": estimate.value, "low": estimate.low, "high": estimate.high, "rows": estimate.rows})


def _rounded(entry: Mapping[str, Any]) -> dict[str, Any]:
    # The last bits of a sum may differ between machines.
    return {key: round(value, 6) if isinstance(value, float) else value for key, value in entry.items()}


def sentence(found: Mapping[str, Judged], worth: Worth | None, over_gold: Estimated | None, gold_rows: int) -> str:
    """What the weak labels are worth, in one sentence; "" where nothing was measured."""
    if worth is None or over_gold is None:
        return ""
    weak = f"these {found['weak'].rows:,.0f} weak labels"
    reached = f"{found['weak'].score.accuracy.value:.1%} against {found['gold'].score.accuracy.value:.1%}"
    alone = f"the {gold_rows:,} gold rows alone"
    if worth.relation == "more than":
        return f"{weak} are worth more than all {gold_rows:,} gold rows there are to learn from ({reached})"
    if worth.relation == "unknown":
        return f"what {weak} are worth in gold ones cannot be told from {gold_rows:,} ({reached})"
    many = f"{worth.relation} {_count(worth.rows)} gold ones{_between(worth)}"
    if over_gold.low > 0:
        return f"{weak} are worth {many}: {alone} do less well ({reached})"
    better = "do better" if over_gold.high < 0 else "do as well"
    return f"{alone} {better} ({reached}): {weak} are worth {many}"


def _count(rows: int) -> str:
    """Two digits of it: more are not known."""
    size = 10 ** max(len(str(rows)) - 2, 0)
    return f"{round(rows / size) * size:,}"


def _between(worth: Worth) -> str:
    if worth.low is None and worth.high is None:
        return ""
    beyond = ", beyond what was measured" if worth.is_extrapolated else ""
    if worth.low is None or worth.high is None:
        return f" (95 %{beyond}; the other end cannot be told)"
    return f" (95 %: {_count(worth.low)} to {_count(worth.high)}{beyond})"


def advice(
    found: Mapping[str, Judged], over_gold: Estimated | None, silent: float, labels: Sequence[str], anchored: bool
) -> Iterator[str]:
    """What would help, where gold rows alone do as well as the weak labels."""
    if over_gold is None or over_gold.low > 0:
        return
    together = found.get("together")
    if together is not None and together.score.accuracy.value > found["weak"].score.accuracy.value:
        yield (
            f'let the gold rows anchor the label model, [gold] use = "anchor": {together.score.accuracy.value:.1%} '
            f"in place of {found['weak'].score.accuracy.value:.1%}"
        )
    if over_gold.high < 0 and not anchored:
        yield 'train on the gold rows alone (--on gold) and let that model vote beside the rules: kind = "model"'
    if silent > _SILENT:
        yield f"{silent:.0%} of the rows have no vote: write rules for them, or let their [content] speak"
    yield from _missed(found, labels)


def _missed(found: Mapping[str, Judged], labels: Sequence[str]) -> Iterator[str]:
    """The labels that weak labels find much less often than gold rows do, the worst first."""
    worse = []
    for name, weak, strong in zip(labels, found["weak"].score.labels, found["gold"].score.labels, strict=True):
        if weak.recall is None or strong.recall is None or weak.rows < _FEW:
            continue
        if strong.recall - weak.recall >= _MUCH_WORSE:
            worse.append((weak.recall - strong.recall, name, weak.recall, strong.recall))
    for _, name, weak_recall, strong_recall in sorted(worse)[:3]:
        yield f"{name} is found in {weak_recall:.0%} of its rows, by gold alone in {strong_recall:.0%}: rules for it"
