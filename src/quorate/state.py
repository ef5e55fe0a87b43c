"""state: what fusing has learned so far, as one value that grows, merges, forgets and is kept in a file."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from quorate.errors import TableError, did_you_mean, listed
from quorate.fuse import fit, name_of, predict
from quorate.patterns import VotePatterns, fold
from quorate.protocols import FittedLabelModel, LabelModel
from quorate.store import write_atomically
from quorate.values import Gold, Labels, LabelSpace, Votes

SCHEMA = "quorate.state/1"


@dataclass(frozen=True, slots=True, eq=False)
class FusionState:
    """The vote patterns of all rows seen so far, without the rows: enough to refit any label model in milliseconds.

    All counts are integers, so that updating in any cut, in any order, equals taking all rows at once, byte for byte.
    Row ids are not kept: a row that is given twice counts twice.
    """

    patterns: VotePatterns

    @staticmethod
    def of(votes: Votes, gold: Gold | None = None) -> FusionState:
        """The state after these rows; `gold` is joined by row id."""
        return FusionState(VotePatterns.of(votes, gold))

    def update(self, votes: Votes, gold: Gold | None = None) -> FusionState:
        """The state after more rows."""
        return self.merge(FusionState.of(votes, gold))

    def settle(self, votes: Votes, gold: Gold) -> FusionState:
        """The state after people settled rows that it already counts; `votes` are the votes of those rows.

        Raises:
            ValueError: more settled rows of a pattern than rows; give the rows to `update` first.
        """
        late = VotePatterns.of(votes, gold)
        settled = self.merge(FusionState(replace(late, counts=np.zeros(len(late), np.int64))))
        if (settled.patterns.counts < settled.patterns.gold.sum(axis=1)).any():
            raise ValueError("more rows are settled than were counted; give rows to `update` before they are settled")
        return settled

    def merge(self, other: FusionState) -> FusionState:
        """The state after the rows of both; the order of this state's sources stands.

        Raises:
            ValueError: other labels or other sources.
        """
        mine, theirs = self.patterns, other.patterns
        if set(theirs.sources) != set(mine.sources):
            odd = sorted(set(theirs.sources) ^ set(mine.sources))
            raise ValueError(f"the sources differ by {listed(odd)}; `forget` a source, or start from all votes anew")
        order = [theirs.sources.index(name) for name in mine.sources]
        return FusionState(mine + replace(theirs, sources=mine.sources, matrix=theirs.matrix[:, order]))

    def forget(self, source: str) -> FusionState:
        """The state as if the source had never voted.

        Raises:
            ValueError: no such source; the message holds the nearest one.
        """
        known = self.patterns
        if source not in known.sources:
            raise ValueError(f"no source is called {source!r}.{did_you_mean(source, known.sources)}")
        kept = [j for j, name in enumerate(known.sources) if name != source]
        names = tuple(known.sources[j] for j in kept)
        narrowed = replace(known, sources=names, matrix=known.matrix[:, kept])
        return FusionState(narrowed + _nothing(known.space, names))

    def fit(self, model: str | LabelModel = "quorum") -> FittedLabelModel:
        """The label model fitted on all rows so far."""
        return fit(self.patterns, model)

    def fuse(self, votes: Votes, model: str | LabelModel = "quorum", gold: Gold | None = None) -> Labels:
        """Labels for these rows by a label model that has learned from all rows so far; they are not counted here.

        Votes of sources that the state does not know, or forgot, are not heard.

        Raises:
            ValueError: a source of the state is not among the votes.
        """
        votes = _heard(votes, self.patterns.sources)
        patterns, where = fold(votes, gold)
        return predict(self.fit(model), votes, patterns, where, gold=gold, name=name_of(model))

    def save(self, path: Path | str) -> None:
        """Writes one .npz file, whole or not at all; equal states give equal bytes."""
        known = self.patterns
        head = {"schema": SCHEMA, "labels": known.space.names, "descriptions": dict(known.space.descriptions)}
        head |= {"aliases": dict(known.space.aliases), "sources": known.sources}
        text = np.frombuffer(json.dumps(head, ensure_ascii=False).encode(), np.uint8)
        arrays = {"head": text, "matrix": known.matrix, "counts": known.counts, "gold": known.gold}

        def write(beside: Path) -> None:
            with beside.open("wb") as handle:
                np.savez_compressed(handle, **arrays)  # type: ignore[arg-type]

        write_atomically(Path(path), write)

    @staticmethod
    def load(path: Path | str) -> FusionState:
        """The state in a file that `save` wrote; no code in it is run.

        Raises:
            TableError: not such a file.
        """
        try:
            with Path(path).open("rb") as handle, np.load(handle, allow_pickle=False) as file:
                head = json.loads(file["head"].tobytes())
                found: list[NDArray[np.int64]] = [file[name] for name in ("matrix", "counts", "gold")]
                if head["schema"] != SCHEMA:
                    raise TableError(f"{path} holds {head['schema']!r}; this version of quorate reads {SCHEMA!r}")
                space = LabelSpace(tuple(head["labels"]), head["descriptions"], head["aliases"])
                matrix = np.asarray(found[0], np.int16)
                return FusionState(VotePatterns(space, tuple(head["sources"]), matrix, found[1], found[2]))
        except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
            raise TableError(f"{path} is no state that FusionState.save wrote: {error}") from None


def _heard(votes: Votes, sources: tuple[str, ...]) -> Votes:
    missing = [name for name in sources if name not in votes.sources]
    if missing:
        raise ValueError(f"there are no votes of {listed(missing)}; `forget` a source that is gone")
    at = [votes.sources.index(name) for name in sources]
    families = tuple(votes.families[j] for j in at)
    return Votes(votes.space, votes.ids, sources, families, votes.matrix[:, at], votes.status[:, at])


def _nothing(space: LabelSpace, sources: tuple[str, ...]) -> VotePatterns:
    """The patterns of no rows."""
    m, k = len(sources), len(space)
    return VotePatterns(space, sources, np.zeros((0, m), np.int16), np.zeros(0, np.int64), np.zeros((0, k), np.int64))
