"""compare: two or more sources in numbers, as one documented object (schema `quorate.compare/1`, docs/compare.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass, replace
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.agreement.measuring import Agreement, measure_agreement
from quorate.agreement.ratings import Floats, Ratings
from quorate.agreement.symmetry import bowker, stuart_maxwell
from quorate.comparing.calibration import calibrate
from quorate.comparing.candidates import Candidates
from quorate.comparing.ceiling import ceiling
from quorate.comparing.classes import ClassScore, class_scores, confusion
from quorate.comparing.completion import completion, money
from quorate.comparing.disagreements import disagreements
from quorate.comparing.frontier import frontier, usd_per_1000
from quorate.comparing.gate import judge, parse_condition
from quorate.comparing.guideline import guideline
from quorate.comparing.leaderboard import leaderboard, pairwise_agreement
from quorate.comparing.paired import Paired, pair
from quorate.comparing.population import DIFFER, SIDES, Population
from quorate.comparing.powered import powered
from quorate.comparing.provenance import ran
from quorate.comparing.slices import slices
from quorate.comparing.stability import stability
from quorate.comparing.verdict import WHY_NO_ACCURACY, caveats, verdict
from quorate.comparing.wins import Wins, wins_by_label, wins_by_pair
from quorate.fuse import fuse
from quorate.values import ABSTAIN, Labels, Votes

SCHEMA = "quorate.compare/1"
_MOST_LABELS = 40
"""A table of labels by labels with more is not drawn out; its tests still hold for all."""
_MANY_LABELS_DRAWS = 600


def comparison(candidates: Candidates, conditions: Sequence[str] = ()) -> dict[str, Any]:
    """Everything that the terminal, the HTML page, Markdown and `--json` show of a comparison.

    Args:
        conditions: what must not be, as in `gate`.

    Raises:
        CannotTell: a condition that is not understood, or that asks about accuracy where no row is settled.
    """
    asked = [parse_condition(text, candidates) for text in conditions]
    a, b = candidates.names[:2]
    fused = _fused(candidates)
    population = Population.of(candidates, fused)
    two = _ratings(candidates, (a, b))
    has_gold = len(population.settled) > 0
    agreement = measure_agreement(two)
    paired = _paired(population, candidates, a, b) if has_gold else None
    scores = _scores(population, candidates) if has_gold else []
    found = disagreements(candidates, a, b)
    prices = [usd_per_1000(candidates, name) for name in (a, b)]
    steady = stability(candidates)
    raw = agreement.coefficients["agreement"].value
    judged = verdict(a, b, paired, raw, prices)
    wins = wins_by_pair(candidates.column(a), candidates.column(b), population.settled) if has_gold else {}
    report = {
        "schema": SCHEMA,
        "title": candidates.title,
        "rows": len(candidates),
        "labels": list(candidates.votes.space.names),
        "sources": list(candidates.names),
        "a": a,
        "b": b,
        "verdict": judged,
        "ran": ran(candidates),
        "completion": completion(candidates),
        "agreement": _agreement(agreement),
        "matrix": _matrix(two),
        "groups": _groups(population, candidates),
        "stability": steady,
        "disagreements": {"rows": int((candidates.column(a) != candidates.column(b)).sum()), "pairs": found},
        "settled": _settled(population),
        "ceiling": ceiling(candidates),
        "accuracy_refused": "" if has_gold else WHY_NO_ACCURACY,
        "paired": paired,
        "wins": _wins(population, candidates, wins) if has_gold else None,
        "powered": _powered(population, candidates, fused) if has_gold else None,
        "classes": dict(zip((a, b), scores, strict=False)) if has_gold else None,
        "confusion": _confusions(population, candidates) if has_gold else None,
        "calibration": _calibrations(population, candidates) if has_gold else None,
        "slices": slices(candidates, population, a, b),
        "money": [money(candidates, name, _accuracy(paired, place)) for place, name in enumerate((a, b))],
        "frontier": frontier(candidates, population, a, b, None if fused is None else fused.hard) if has_gold else None,
        "guideline": guideline(candidates, found, wins),
        "leaderboard": _leaderboard(candidates, population),
        "next": _next(population, candidates, judged["outcome"]),
        "conditions": [judge(one, candidates, population) for one in asked],
        "caveats": caveats(candidates, population, paired, scores, steady),
    }
    plain: dict[str, Any] = plain_numbers(report)
    return plain


def plain_numbers(value: Any) -> Any:
    """The value as JSON has it: dataclasses as objects, arrays as lists, what is no number as null."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain_numbers(asdict(value))
    if isinstance(value, dict):
        return {str(key): plain_numbers(part) for key, part in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain_numbers(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return round(value, 6) if isfinite(value) else None
    return value


def _paired(population: Population, candidates: Candidates, a: str, b: str) -> Paired:
    return pair(population, candidates.column(a), candidates.column(b))


def _scores(population: Population, candidates: Candidates) -> list[list[ClassScore]]:
    """The figures of every label, of A and of B; from fewer draws where there are many labels."""
    names = candidates.votes.space.names
    lighter = replace(population, draws=_MANY_LABELS_DRAWS) if len(names) > _MOST_LABELS else population
    return [class_scores(lighter, candidates.column(name), names) for name in candidates.names[:2]]


def _wins(population: Population, candidates: Candidates, by_pair: Mapping[tuple[int, int], Wins]) -> dict[str, Any]:
    names = candidates.votes.space.names
    a, b = (candidates.column(name) for name in candidates.names[:2])
    said = {ABSTAIN: None, **dict(enumerate(names))}
    return {
        "by_pair": [{"a": said[i], "b": said[j], "wins": wins} for (i, j), wins in by_pair.items()],
        "by_label": wins_by_label(a, b, population.settled, names),
    }


def _accuracy(paired: Paired | None, place: int) -> Any:
    return None if paired is None else (paired.a, paired.b)[place]


def _fused(candidates: Candidates) -> Labels | None:
    """What the label model makes of all sources; None where there is nothing but A and B."""
    if len(candidates.others) + len(candidates.names) < 3:
        return None
    used = [j for j, name in enumerate(candidates.votes.sources) if name not in candidates.again.values()]
    votes = candidates.votes
    return fuse(Votes.of(votes.matrix[:, used], votes.space, [votes.sources[j] for j in used], votes.ids.to_pylist()))


def _ratings(candidates: Candidates, names: Sequence[str]) -> Ratings:
    """What some of the sources said; their groups are drawn whole by the bootstrap."""
    matrix = np.stack([candidates.column(name) for name in names], axis=1)
    groups = None if candidates.groups is None else candidates.groups.of
    return Ratings.of(matrix, candidates.votes.space.names, names, groups=groups)


def _next(population: Population, candidates: Candidates, outcome: str) -> dict[str, Any]:
    """How many disagreements are left to settle, and how to go about it where the verdict waits for them."""
    left = int(population.sizes[DIFFER] - population.seen[DIFFER])
    waits = left and outcome in ("open", "unknown")
    return {"disagreements": left, "commands": list(candidates.settle) if waits else []}


def _groups(population: Population, candidates: Candidates) -> dict[str, Any] | None:
    """How many groups there are, and how many of them hold a settled row."""
    groups = candidates.groups
    if groups is None:
        return None
    settled = len(np.unique(groups.of[population.settled.position]))
    return {"column": groups.name, "groups": len(groups), "settled": settled}


def _agreement(agreement: Agreement) -> dict[str, Any]:
    return {
        "rows": int(agreement.units),
        "coefficients": agreement.coefficients,
        "by_label": agreement.by_category,
    }


def _matrix(two: Ratings) -> dict[str, Any]:
    """Rows by what A (down) and B (across) say, its tests, and the labels that one gives more often."""
    table = two.table()
    down, across = table.sum(axis=1), table.sum(axis=0)
    uneven = [
        (float(abs(table[i, j] - table[j, i])), i, j)
        for i in range(len(table))
        for j in range(i)
        if table[i, j] + table[j, i]
    ]
    shift = sorted(range(len(table)), key=lambda y: -abs(down[y] - across[y]))
    names = two.categories
    return {
        "counts": table.astype(np.int64).tolist() if len(table) <= _MOST_LABELS else None,
        "bowker": bowker(table),
        "stuart_maxwell": stuart_maxwell(table),
        "shift": [{"label": names[y], "a": int(down[y]), "b": int(across[y])} for y in shift if down[y] + across[y]],
        "asymmetric": [
            {"a": names[i], "b": names[j], "rows": int(table[i, j]), "reverse": int(table[j, i])}
            for _, i, j in sorted(uneven, reverse=True)[:8]
        ],
    }


def _settled(population: Population) -> dict[str, Any]:
    return {
        "rows": len(population.settled),
        "sampled": "random" if population.is_random else "strata",
        "is_assumed": not population.settled.sampled,
        "about": "rows like these" if population.is_sample else "this table",
        "strata": [
            {"name": name, "rows": int(size), "settled": int(seen), "inclusion": float(seen / size) if size else None}
            for name, size, seen in zip(SIDES, population.sizes, population.seen, strict=True)
        ],
        "several_labels": int((population.settled.fits.sum(axis=1) > 1).sum()),
        "no_label": int((~population.settled.fits.any(axis=1)).sum()),
    }


def _powered(population: Population, candidates: Candidates, fused: Labels | None) -> dict[str, Any] | None:
    """Prediction-powered accuracy of A, of B and their difference, with the fused probabilities as the prediction."""
    if fused is None:
        return None
    right: list[Floats] = []
    predicted: list[Floats] = []
    for name in candidates.names[:2]:
        labels = candidates.column(name)
        right.append(population.settled.right(labels).astype(np.float64))
        predicted.append(_probability(fused, labels))
    return {
        "prediction": f"the probability of each label by {fused.model}, from {len(candidates.votes.sources)} sources",
        "a": powered(population, right[0], predicted[0]),
        "b": powered(population, right[1], predicted[1]),
        "difference": powered(population, right[0] - right[1], predicted[0] - predicted[1]),
    }


def _probability(fused: Labels, labels: NDArray[np.int16]) -> Floats:
    chosen = fused.probs[np.arange(len(labels)), np.maximum(labels, 0)]
    return np.asarray(np.where(labels == ABSTAIN, 0.0, chosen), np.float64)


def _confusions(population: Population, candidates: Candidates) -> dict[str, Any] | None:
    k = len(candidates.votes.space)
    if k > _MOST_LABELS:
        return None
    return {name: confusion(population, candidates.column(name), k).round(2) for name in candidates.names[:2]}


def _calibrations(population: Population, candidates: Candidates) -> dict[str, Any]:
    told = {name: candidates.confidence(name) for name in candidates.names}
    return {
        name: calibrate(population, candidates.column(name), sure) for name, sure in told.items() if sure is not None
    }


def _leaderboard(candidates: Candidates, population: Population) -> dict[str, Any] | None:
    if len(candidates.names) < 3:
        return None
    standings, duels = leaderboard(candidates, population) if len(population.settled) else ([], [])
    return {
        "standings": standings,
        "duels": duels,
        "agreement": pairwise_agreement(candidates),
        "all": measure_agreement(_ratings(candidates, candidates.names), resamples=500).coefficients,
    }
