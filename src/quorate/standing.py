"""standing: what decisions amount to, row by row: answers that stand, disputes, flags, and the gold that follows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from quorate.decisions import Decision
from quorate.frozen import frozen_array
from quorate.rows import Rows
from quorate.values import Gold, LabelSpace

ANSWERS = ("label", "none")
"""The verdicts that settle a row; a skip leaves it to others, a flag says something beside."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What people said of one row, the undone left out: by reviewer the last answer and the last skip, and all flags.

    `ruling` is the last answer of somebody who settled a dispute.
    """

    answers: Mapping[str, Decision] = field(default_factory=dict)
    skips: Mapping[str, Decision] = field(default_factory=dict)
    flags: tuple[Decision, ...] = ()
    ruling: Decision | None = None

    @property
    def is_disputed(self) -> bool:
        """Whether people differ and nobody has ruled."""
        return self.ruling is None and len({said(answer) for answer in self.answers.values()}) > 1

    @property
    def settled(self) -> Decision | None:
        """The answer that counts: the ruling, or the newest where all agree; None elsewhere."""
        if self.ruling is not None or self.is_disputed or not self.answers:
            return self.ruling
        return max(self.answers.values(), key=lambda answer: answer.number)


def said(answer: Decision) -> str | None:
    """The label that an answer gives, None for *none of these*."""
    return answer.label if answer.verdict == "label" else None


def standing(decisions: Iterable[Decision]) -> Standing:
    """How one row stands after these decisions about it, in the order they were made."""
    made = list(decisions)
    undone = {decision.undoes for decision in made}
    answers: dict[str, Decision] = {}
    skips: dict[str, Decision] = {}
    flags: list[Decision] = []
    ruling = None
    for decision in made:
        if decision.number in undone or decision.verdict == "undo":
            continue
        if decision.verdict == "flag":
            flags.append(decision)
        elif decision.verdict == "skip":
            skips[decision.reviewer] = decision
        elif decision.adjudicates:
            ruling = decision
        else:
            answers[decision.reviewer] = decision
    return Standing(answers, skips, tuple(flags), ruling)


def by_row(decisions: Iterable[Decision]) -> dict[str, list[Decision]]:
    """The decisions about each row, in order."""
    found: dict[str, list[Decision]] = {}
    for decision in decisions:
        found.setdefault(decision.row_id, []).append(decision)
    return found


def content_keys(rows: Rows, text: str | None) -> NDArray[np.void]:
    """The hash of what people judge in each row, V16[n]: the main text where there is one, else every cell."""
    return rows.keys([text] if text else rows.columns)


def of_these_rows(decisions: Iterable[Decision], rows: Rows, text: str | None) -> list[Decision]:
    """The decisions about rows that are there and have not changed since."""
    made = list(decisions)
    if not made:
        return []
    keys = content_keys(rows, text).tolist()
    wanted = {decision.row_id for decision in made}
    now = {row_id: keys[at] for at, row_id in enumerate(rows.ids.to_pylist()) if row_id in wanted}
    return [decision for decision in made if now.get(decision.row_id) == decision.content]


def reviewed_gold(decisions: Iterable[Decision], space: LabelSpace) -> Gold:
    """The labels that people settled; rows that are disputed, or none of the labels, have none."""
    settled = [found for made in by_row(decisions).values() if (found := standing(made).settled)]
    labelled = [answer for answer in settled if answer.verdict == "label" and answer.label in space.names]
    return Gold(
        ids=tuple(answer.row_id for answer in labelled),
        labels=frozen_array([space.index(answer.label or "") for answer in labelled], np.int16),
        reviewers=tuple(answer.reviewer for answer in labelled),
        times=tuple(_time(answer) for answer in labelled),
        saw_votes=tuple(answer.saw_votes for answer in labelled),
        inclusion=tuple(1.0 if answer.inclusion is None else answer.inclusion for answer in labelled),
    )


def refused(decisions: Iterable[Decision]) -> dict[str, str]:
    """The rows of which people settled that none of the labels fits, and when."""
    stands = {row_id: standing(made).settled for row_id, made in by_row(decisions).items()}
    return {row_id: _time(answer) for row_id, answer in stands.items() if answer and answer.verdict == "none"}


def _time(answer: Decision) -> str:
    return datetime.fromtimestamp(answer.at_s, UTC).isoformat(timespec="seconds")


def joined_gold(*parts: Gold | None) -> Gold | None:
    """Gold of several origins, a later one winning; None where there is none at all."""
    known = [part for part in parts if part is not None and len(part)]
    if not known:
        return None
    by_id = {i: int(y) for part in known for i, y in zip(part.ids, part.labels.tolist(), strict=True)}
    return Gold(tuple(by_id), frozen_array(list(by_id.values()), np.int16))
