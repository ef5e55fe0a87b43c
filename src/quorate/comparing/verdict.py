"""The verdict in one sentence with its warrant, and the caveats that the data earned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from quorate.comparing.anytime import Anytime
from quorate.comparing.candidates import Candidates
from quorate.comparing.classes import ClassScore
from quorate.comparing.paired import Paired
from quorate.comparing.population import AGREE, DIFFER, Population
from quorate.comparing.stability import Stability

_LEVEL_POINTS = 1.0
"""Two sources whose difference is known to be smaller than so many points are level."""
_FEW_GROUPS = 10
WHY_NO_ACCURACY = (
    "no row is settled: with two sources and no label from a person, the accuracy of neither can be known by any "
    "method, because the same votes fit A right and B wrong as well as the reverse"
)


def verdict(a: str, b: str, paired: Paired | None, agreement: float, prices: Sequence[float | None]) -> dict[str, Any]:
    """Which is better, and why one may say so; `outcome` is `a`, `b`, `level`, `open` or `unknown`."""
    if paired is None:
        sentence = (
            f"{a} and {b} say the same on {agreement:.1%} of the rows that both answer; which of them is right more "
            "often cannot be told, for no row is settled."
        )
        return {"outcome": "unknown", "sentence": sentence, "reason": WHY_NO_ACCURACY, "peeking": ""}
    outcome = _outcome(paired)
    return {
        "outcome": outcome,
        "sentence": _sentence(outcome, (a, b), paired) + _cost(a, b, prices),
        "reason": "",
        "peeking": "" if paired.anytime is None else peeking(a, b, paired.anytime),
    }


def peeking(a: str, b: str, told: Anytime) -> str:
    """Whether a person who looks after every answer may stop, or about how long to go on."""
    if told.settled_after is not None:
        best = a if told.is_a_better else b
        return (
            f"You may stop: {best} is better, also if you looked after every answer ({told.reviews:,} disagreements)."
        )
    if told.more is None:
        return "Go on: if you look after every answer, nothing is decided yet."
    return f"Go on: if you look after every answer, about {max(rounded(told.more), 1):,} more disagreements decide it."


def _outcome(paired: Paired) -> str:
    difference = paired.difference
    if paired.is_told_apart:
        return "a" if difference.value > 0 else "b"
    within = max(abs(difference.low), abs(difference.high)) * 100 < _LEVEL_POINTS
    return "level" if within else "open"


def _sentence(outcome: str, names: tuple[str, str], paired: Paired) -> str:
    a, b = names
    d = paired.difference
    if outcome == "level":
        return f"{a} and {b} are level: they differ by less than {_LEVEL_POINTS:.0f} point ({_points(d.low, d.high)})."
    if outcome == "open":
        now = f"A - B is {_signed(d.value)} points {_points(d.low, d.high)}"
        return f"{a} and {b} are not separable yet: {now}{_more(paired)}"
    best, worst = (a, b) if outcome == "a" else (b, a)
    low, high = (d.low, d.high) if outcome == "a" else (-d.high, -d.low)
    return (
        f"{best} labels better than {worst} by {100 * abs(d.value):.1f} points {_points(low, high)}: "
        f"{d.rows:,} settled rows, {_warrant(paired)}."
    )


def _warrant(paired: Paired) -> str:
    if paired.mcnemar_p is not None:
        return f"exact McNemar p {_p(paired.mcnemar_p)}"
    sure = max(paired.a_is_better, 1 - paired.a_is_better)
    return f"probability {'> 99.9 %' if sure > 0.999 else f'{sure:.1%}'}"


def _more(paired: Paired) -> str:
    if paired.more_labels is None:
        return "; no number of further labels is likely to tell them apart."
    about = "a few" if paired.more_labels < 1 else f"about {rounded(paired.more_labels):,}"
    return f"; {about} more settled disagreements needed."


def _cost(a: str, b: str, prices: Sequence[float | None]) -> str:
    one, other = prices
    if not one or not other:
        return ""
    dear, cheap, times = (a, b, one / other) if one > other else (b, a, other / one)
    return f" {dear} costs {times:.1f}x what {cheap} does." if times >= 1.05 else " Both cost about the same."


def caveats(
    candidates: Candidates,
    population: Population,
    paired: Paired | None,
    classes: Sequence[Sequence[ClassScore]],
    steady: Sequence[Stability],
) -> list[str]:
    """What a reader must know before believing the numbers; only what this data earned."""
    return [
        *_of_agreement(paired),
        *_of_sampling(population),
        *_of_groups(candidates, population),
        *_of_classes(classes),
        *_of_answers(candidates),
        *_of_noise(candidates, steady),
        *_of_people(candidates),
    ]


def _of_agreement(paired: Paired | None) -> Iterator[str]:
    if paired is None:
        yield f"Accuracy is not reported: {WHY_NO_ACCURACY}."
        return
    wrong = paired.both_wrong
    yield (
        f"Agreement is not accuracy: both are wrong in the same way on {wrong.value:.1%} of rows "
        f"[{wrong.low:.1%}, {wrong.high:.1%}]."
    )


def _of_sampling(population: Population) -> Iterator[str]:
    settled, seen, sizes = len(population.settled), population.seen, population.sizes
    if not settled:
        return
    if population.is_sample:
        yield "Every row is settled; the intervals are about further rows that come as these came."
    elif not population.is_random:
        yield (
            f"The settled rows are no random sample of all rows ({seen[DIFFER]:,} of {sizes[DIFFER]:,} disagreements, "
            f"{seen[AGREE]:,} of {sizes[AGREE]:,} agreements): every estimate weighs the two apart. It is right if "
            "rows were chosen at random within each."
        )
    if sizes[AGREE] and seen[AGREE] < 5:
        yield (
            f"Only {seen[AGREE]} rows on which they agree are settled: A - B does not need them, the accuracy of each "
            "does."
        )
    if settled < 30:
        yield f"Only {settled} rows are settled; intervals are wide and rest on few rows."


def _of_groups(candidates: Candidates, population: Population) -> Iterator[str]:
    groups = candidates.groups
    if groups is None or not len(population.settled):
        return
    settled = len(np.unique(groups.of[population.settled.position]))
    yield (
        f"Rows of one group ({groups.name}) count as alike as they were found to be: {len(population.settled):,} "
        f"settled rows of {settled:,} groups. Wins by label, calibration and the noise floor take rows as their own."
    )
    if settled < _FEW_GROUPS:
        yield f"Intervals rest on only {settled} groups with settled rows; settle rows of more groups."


def _of_classes(classes: Sequence[Sequence[ClassScore]]) -> Iterator[str]:
    settled = {score.label: score.settled for scores in classes for score in scores if score.is_thin}
    if settled:
        worst = sorted(settled.items(), key=lambda item: item[1])[:5]
        named = ", ".join(f"{label} ({count})" for label, count in worst)
        more = f" and {len(settled) - 5} more" if len(settled) > 5 else ""
        yield f"Too few settled rows to speak of single labels: {named}{more}."


def _of_answers(candidates: Candidates) -> Iterator[str]:
    for name in candidates.names:
        missing = float((candidates.column(name) < 0).mean())
        if missing > 0.01:
            yield (
                f"{name} gives no label on {missing:.1%} of rows; those count as wrong (the accuracy of answered rows "
                "stands beside it)."
            )
    shared = {n for name in candidates.names if name in candidates.asked for n in candidates.asked[name].shared_with}
    if shared:
        yield f"{', '.join(sorted(shared))} ask the same model: their tokens and prices cannot be told apart."


def _of_noise(candidates: Candidates, steady: Sequence[Stability]) -> Iterator[str]:
    for each in steady:
        if each.explained is not None and each.explained > 0.2:
            yield (
                f"{each.name} answers otherwise on {each.flips:.1%} of rows when asked again, and on "
                f"{each.explained:.0%} of those on which A and B differ: so much of the disagreement may be noise."
            )
    if not steady and any(candidates.asked.get(name) and candidates.asked[name].model for name in candidates.names):
        yield "Nobody was asked twice, so how much of the disagreement is noise is not known (`--again A=A2` tells)."


def _of_people(candidates: Candidates) -> Iterator[str]:
    taught = [name for name in candidates.facts.get("learned_from_gold", ()) if name in candidates.names]
    if taught:
        yield f"{', '.join(taught)} is shown examples of the gold that scores it here: its accuracy is flattered."
    seen = candidates.facts.get("saw_votes")
    if seen:
        yield f"Reviewers saw the votes on {seen:.0%} of the settled rows, and people tend to follow what they see."
    if candidates.facts.get("reviewers") == 1:
        yield "All labels come from one person; how far another would agree is not known."


def _points(low: float, high: float) -> str:
    return f"[{100 * low:.1f}, {100 * high:.1f}]"


def _signed(share: float) -> str:
    return f"{100 * share:+.1f}"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.2g}"


def rounded(count: int) -> int:
    """Two significant digits: the number is a guess."""
    step = 10 ** max(len(str(count)) - 2, 0)
    return int(np.ceil(count / step) * step)
