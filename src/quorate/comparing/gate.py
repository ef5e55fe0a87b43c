"""Conditions under which a pipeline should stop: `B worse than A by 2 points`, `A below 90 %`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from quorate.comparing.candidates import Candidates
from quorate.comparing.paired import ONLY_A, ONLY_B, pair_draws
from quorate.comparing.population import Population
from quorate.errors import CannotTell, did_you_mean, listed

_SURE = 0.95
_FORMS = (
    re.compile(
        r"^(?P<one>.+?) (?P<how>possibly )?worse than (?P<other>.+?)(?: by (?P<margin>[\d.]+) ?(?:points?|%))?$"
    ),
    re.compile(r"^(?P<one>.+?) (?P<how>possibly )?below (?P<margin>[\d.]+) ?%$"),
)
GRAMMAR = "'NAME [possibly] worse than NAME [by N points]' or 'NAME [possibly] below N %'"


@dataclass(frozen=True)
class Condition:
    """`one` is worse than `other` (None: than a fixed accuracy) by `margin`; possibly: unless that is ruled out."""

    text: str
    one: str
    other: str | None
    margin: float
    is_possibly: bool


@dataclass(frozen=True)
class Finding:
    """A condition with the probability that it holds, and whether that stops the pipeline."""

    condition: str
    probability: float
    holds: bool


def parse_condition(text: str, candidates: Candidates) -> Condition:
    """
    Raises:
        CannotTell: no such form, or a name that is not compared. A and B stand for the first two.
    """
    words = " ".join(text.split())
    found = next((match for form in _FORMS if (match := form.match(words))), None)
    if found is None:
        raise CannotTell(f"--fail-if {text!r} is not understood; write {GRAMMAR}")
    group = found.groupdict()
    margin = float(group["margin"] or 0) / 100
    other = group.get("other")
    return Condition(
        words, _named(group["one"], candidates), other and _named(other, candidates), margin, bool(group["how"])
    )


def judge(condition: Condition, candidates: Candidates, population: Population) -> Finding:
    """Whether the condition holds with 95 % probability; with `possibly`, whether it is not ruled out with 95 %.

    Raises:
        CannotTell: no row is settled, so no accuracy is known.
    """
    if not len(population.settled):
        raise CannotTell(
            f"--fail-if {condition.text!r} asks about accuracy, and no row is settled: give a gold column, or settle "
            "some rows (`--to-review FILE` writes which)"
        )
    one = candidates.column(condition.one)
    if condition.other is None:
        probability = float((population.share_right(one) < condition.margin).mean())
    else:
        total = pair_draws(population, one, candidates.column(condition.other)).sum(axis=1)
        behind = total[:, ONLY_B] - total[:, ONLY_A]
        met = behind >= condition.margin if condition.margin else behind > 0
        probability = float(met.mean())
    holds = probability > 1 - _SURE if condition.is_possibly else probability >= _SURE
    return Finding(condition.text, probability, holds)


def _named(name: str, candidates: Candidates) -> str:
    name = name.strip().strip("'\"")
    if name in candidates.names:
        return name
    letter = {"A": 0, "B": 1}.get(name)
    if letter is None:
        hint = did_you_mean(name, candidates.names)
        raise CannotTell(
            f"--fail-if names {name!r}, which is not compared; compared are {listed(candidates.names)}.{hint}"
        )
    return candidates.names[letter]
