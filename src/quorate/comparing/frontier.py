"""What to do with both: accuracy, price and human share of ways to combine sources, from votes already there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from quorate.comparing.candidates import Candidates
from quorate.comparing.population import Population
from quorate.estimating.estimates import Estimated
from quorate.values import ABSTAIN

_STEPS = (0.1, 0.2, 0.4)
"""Shares of rows that a cascade hands on, the least certain first."""


@dataclass(frozen=True)
class Way:
    """One way to label all rows. `accuracy` counts a person as right; `human` is the share of rows that people label;
    `usd_per_1000` what models cost, None where a price is unknown. `is_best`: no other way is better in all three.
    """

    name: str
    accuracy: Estimated
    human: float
    usd_per_1000: float | None
    is_best: bool = False


@dataclass(frozen=True)
class _Plan:
    """Labels int16[n], rows for people bool[n], and how often each source is asked, as a share of rows."""

    name: str
    labels: NDArray[np.int16]
    human: NDArray[np.bool_]
    asks: dict[str, float]


def frontier(
    candidates: Candidates,
    population: Population,
    a: str,
    b: str,
    fused: NDArray[np.int16] | None = None,
) -> list[Way]:
    """Every way that the votes allow, with its accuracy on all rows; the settled rows are the evidence.

    Args:
        fused: int16[n], the labels of the label model over all sources; None where there are no more than A and B.
    """
    price = {name: usd_per_1000(candidates, name) for name in (a, b)}
    ways = [
        Way(
            plan.name,
            population.estimate(population.share_right(plan.labels, plan.human)),
            float(plan.human.mean()),
            _price(plan, price),
        )
        for plan in _different(_plans(candidates, a, b, fused))
    ]
    return [replace(way, is_best=not any(_beats(other, way) for other in ways)) for way in ways]


def _different(plans: Iterator[_Plan]) -> list[_Plan]:
    """The plans without those that label every row as an earlier one does."""
    kept: list[_Plan] = []
    for plan in plans:
        again = (np.array_equal(p.human, plan.human) and bool((p.labels == plan.labels)[~p.human].all()) for p in kept)
        if not any(again):
            kept.append(plan)
    return kept


def usd_per_1000(candidates: Candidates, name: str) -> float | None:
    """What 1,000 rows of a source cost in US dollars; None where no price is known."""
    asked = candidates.asked.get(name)
    return None if asked is None or asked.usd is None else 1000 * asked.usd / max(len(candidates), 1)


def _plans(candidates: Candidates, a: str, b: str, fused: NDArray[np.int16] | None) -> Iterator[_Plan]:
    one, other = candidates.column(a), candidates.column(b)
    nobody, differ = np.zeros(len(one), bool), (one != other) | (one == ABSTAIN)
    both = {a: 1.0, b: 1.0}
    yield _Plan(f"{a} alone", one, nobody, {a: 1.0})
    yield _Plan(f"{b} alone", other, nobody, {b: 1.0})
    yield _Plan("where they agree; a person settles the rest", one, differ, both)
    if fused is not None:
        yield _Plan("all sources fused", fused, nobody, both)
        yield _Plan("fused; a person settles where A and B differ", fused, differ | (fused == ABSTAIN), both)
    for first, second, mine, theirs in ((a, b, one, other), (b, a, other, one)):
        certainty = candidates.confidence(first)
        if certainty is None:
            continue
        for step in _STEPS:
            unsure = _least_certain(certainty, mine, step)
            share = float(unsure.mean())
            cascade = np.where(unsure, theirs, mine).astype(np.int16)
            yield _Plan(f"{first}, {second} on its {step:.0%} least sure", cascade, nobody, {first: 1.0, second: share})
            yield _Plan(f"{first}, a person on its {step:.0%} least sure", mine, unsure, {first: 1.0})


def _least_certain(certainty: NDArray[np.float32], labels: NDArray[np.int16], share: float) -> NDArray[np.bool_]:
    """The rows with the lowest certainty, bool[n]; a row without one is the least certain, ties go by row order."""
    sure = np.where((labels == ABSTAIN) | np.isnan(certainty), -1.0, certainty)
    chosen = np.zeros(len(sure), bool)
    chosen[np.argsort(sure, kind="stable")[: round(share * len(sure))]] = True
    return chosen


def _price(plan: _Plan, price: dict[str, float | None]) -> float | None:
    """What the models of a plan cost; sources that were not compared are rules, or paid for already."""
    total = 0.0
    for name, share in plan.asks.items():
        each = price[name]
        if each is None:
            return None
        total += share * each
    return total


def _beats(one: Way, other: Way) -> bool:
    """Whether a way is no worse in accuracy, price and human share, and better in one of them."""
    gains = [one.accuracy.value - other.accuracy.value, other.human - one.human]
    if one.usd_per_1000 is not None and other.usd_per_1000 is not None:
        gains.append(other.usd_per_1000 - one.usd_per_1000)
    return min(gains) >= 0 and max(gains) > 1e-12
