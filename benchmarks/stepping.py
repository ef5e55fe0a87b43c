"""A person who does what a list of steps says, one after another, on rows whose truth only they are told."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.measurement import PROJECTS
from benchmarks.vote_sets import whole_sets
from quorate import Gold, Labels, Rows, Status, Votes, apply, open_project
from quorate.content import with_content
from quorate.fuse import fit, predict
from quorate.patterns import fold
from quorate.registry import build
from quorate.steps.answers import rows_to_label
from quorate.steps.faults import rules_to_fix
from quorate.steps.outlook import Outlook
from quorate.steps.removal import sources_to_drop
from quorate.steps.silence import rules_to_write
from quorate.steps.step import Step, in_order
from quorate.steps.texts import texts_to_hear
from quorate.steps.unheard import without
from quorate.suggesting.acceptance import rules_to_accept

_READ = 3
Order = Callable[[Sequence[Step], np.random.Generator], Step]


@dataclass(frozen=True, eq=False)
class Start:
    """Rows with texts, the votes that there are, and the truth (-1 unknown)."""

    texts: list[str]
    votes: Votes
    truth: NDArray[np.int16]
    gold: Gold | None = None
    hears_texts: bool = False

    def labels(self) -> tuple[Labels, Outlook]:
        """The labels as they are now, and the outlook that steps are made from."""
        model = build("label_models", "quorum", {})
        patterns, where = fold(self.votes, self.gold)
        fitted = fit(patterns, model)
        labels = predict(fitted, self.votes, patterns, where, gold=self.gold, name="quorum")
        labels = with_content(labels, self.texts, self.gold) if self.hears_texts else labels
        rows = Rows(pa.table({"text": self.texts}), self.votes.ids)
        return labels, Outlook(rows, self.votes, labels, model, fitted, self.gold, "text")

    def accuracy(self) -> float:
        """Percent of rows whose label is right; a row without one counts as a guess."""
        return 100 * right_labels(self.labels()[0], self.truth) / max(int((self.truth >= 0).sum()), 1)


def right_labels(labels: Labels, truth: NDArray[np.int16]) -> float:
    """The expected number of right labels, ties and rows without votes guessed."""
    top = labels.probs >= labels.probs.max(axis=1, keepdims=True) - 1e-9
    share = np.where(labels.covered, top[np.arange(len(truth)), truth] / top.sum(axis=1), 1 / len(labels.space))
    return float(share[truth >= 0].sum())


def starts(data: Path | None, names: Sequence[str], most: int) -> Iterator[tuple[str, Start]]:
    """Half of the rules of the bundled projects, and all rules of open sets with texts, on the first rows."""
    for folder in (PROJECTS / "youtube_spam", PROJECTS / "snips_intents"):
        project = open_project(folder)
        known = project.read()
        at = np.random.default_rng(0).permutation(len(known.rows))[:most]
        rows = known.rows.take(at)
        votes = apply(rows, project.sources[::2], project.space)
        assert known.gold is not None
        truth = known.gold.aligned(votes.ids)
        yield f"{folder.name}, every second rule", Start([str(t) for t in rows.values("text")], votes, truth)
    for found in whole_sets(data) if data else ():
        if found.group == "votes" and found.name in names:
            at = np.random.default_rng(0).permutation(len(found.matrix))[:most]
            votes = Votes.of(found.matrix[at], [f"label_{y}" for y in range(found.k)])
            yield found.name, Start([found.content[i] for i in at], votes, found.gold[at].astype(np.int16))


def by_gain(steps: Sequence[Step], _generator: np.random.Generator) -> Step:
    """The first of the list."""
    return in_order(steps)[0]


def in_random_order(steps: Sequence[Step], generator: np.random.Generator) -> Step:
    """Any of the list."""
    return steps[int(generator.integers(len(steps)))]


def by_coverage(steps: Sequence[Step], _generator: np.random.Generator) -> Step:
    """The one that speaks of most rows."""
    return max(steps, key=_rows)


def _rows(step: Step) -> int:
    told = step.evidence
    return max(told.get(key, 0) for key in ("rows", "votes", "extended")) or len(told.get("ids", ()))


@dataclass(eq=False)
class Work:
    """A person at work: `reached` is the accuracy after each of the minutes asked for."""

    start: Start
    seed: int
    reached: list[float] = field(default_factory=list)
    expected: list[float] = field(default_factory=list)
    real: float = 0.0

    def follow(self, order: Order, minutes: Sequence[float]) -> Work:
        """Does one step after another until the minutes are over."""
        generator, now, spent = np.random.default_rng(self.seed), self.start, 0.0
        done: set[str] = set()
        accuracy = now.accuracy()
        first = right_labels(now.labels()[0], now.truth)
        while len(self.reached) < len(minutes):
            steps = [step for step in _steps(now.labels()[1]) if step.what.split(":")[0] not in done and step.gain > 0]
            step = order(steps, generator) if steps else None
            spent = spent + step.minutes if step else minutes[-1] + 1
            # What is not done in time counts for the next stop.
            while len(self.reached) < len(minutes) and spent > minutes[len(self.reached)]:
                self.reached.append(accuracy)
            if step is None or spent > minutes[-1]:
                break
            if step.kind in ("fix", "drop"):
                done.add(step.what.split(":")[0])
            now = _does(now, step, generator)
            accuracy = now.accuracy()
            self.expected.append(step.gain)
            self.real = right_labels(now.labels()[0], now.truth) - first
        self.reached += [accuracy] * (len(minutes) - len(self.reached))
        return self


def _steps(outlook: Outlook) -> list[Step]:
    makers = (rules_to_write, rules_to_fix, sources_to_drop, texts_to_hear)
    steps = [step for make in makers for step in make(outlook)]
    return [*steps, *rows_to_label(outlook, ""), *rules_to_accept(outlook, "")]


def _does(now: Start, step: Step, generator: np.random.Generator) -> Start:
    told = step.evidence
    if step.kind == "hear":
        return replace(now, hears_texts=True)
    if step.kind == "label":
        place = {row: i for i, row in enumerate(now.votes.ids.to_pylist())}
        asked = [(row, int(now.truth[place[row]])) for row in told["ids"] if now.truth[place[row]] >= 0]
        before = [] if now.gold is None else list(zip(now.gold.ids, now.gold.labels.tolist(), strict=True))
        every = dict([*before, *asked])
        return replace(now, gold=Gold(tuple(every), np.array(list(every.values()), np.int16)))
    if step.kind == "drop":
        return replace(now, votes=without(now.votes, now.votes.sources.index(told["source"])))
    if step.kind == "fix":
        return replace(now, votes=_mended(now, now.votes.sources.index(told["source"]), generator))
    pattern = told["pattern"] if step.kind == "accept" else rf"(?i)\b({'|'.join(map(re.escape, told['words']))})\b"
    return replace(now, votes=_with_rule(now, step, pattern))


def _mended(now: Start, j: int, generator: np.random.Generator) -> Votes:
    matrix, status = now.votes.matrix.copy(), now.votes.status.copy()
    wrong = np.flatnonzero((matrix[:, j] >= 0) & (now.truth >= 0) & (matrix[:, j] != now.truth))
    gone = generator.permutation(wrong)[: (len(wrong) + 1) // 2]
    matrix[gone, j], status[gone, j] = -1, Status.ABSTAINED
    return replace(now.votes, matrix=matrix, status=status)


def _with_rule(now: Start, step: Step, pattern: str) -> Votes:
    search = re.compile(pattern).search
    hit = np.array([search(text) is not None for text in now.texts])
    if step.kind == "accept":
        label = now.votes.space.index(str(step.evidence["label"]))
    else:
        place = {row: i for i, row in enumerate(now.votes.ids.to_pylist())}
        read = [int(now.truth[place[row["id"]]]) for row in step.evidence["examples"][:_READ]]
        known = [y for y in read if y >= 0]
        label = int(np.bincount(known).argmax()) if known else 0
    column = np.where(hit, label, -1).astype(np.int16)[:, None]
    said = np.where(column >= 0, Status.VOTED, Status.ABSTAINED).astype(np.uint8)
    number = len(now.votes.sources)
    return replace(
        now.votes,
        sources=(*now.votes.sources, f"rule_{number}_{len(now.votes.ids)}_{step.what[:40]}"),
        families=(*now.votes.families, "rule"),
        matrix=np.hstack([now.votes.matrix, column]),
        status=np.hstack([now.votes.status, said]),
        confidence=None,
        distributions={},
    )
