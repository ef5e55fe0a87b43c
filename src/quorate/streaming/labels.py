"""labels: labels of partition after partition, from what a label model says of each kind of row once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quorate.belief.confidence import Heard, Levels
from quorate.fuse import fit
from quorate.patterns import VotePatterns
from quorate.project import Data, Project
from quorate.protocols import FittedLabelModel, HearsConfidence
from quorate.ranking.gain import answered
from quorate.ranking.sieve import Kinds
from quorate.streaming.spill import Passed, Spill
from quorate.values import ABSTAIN, Labels, Status, Votes

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Sorts:
    """The rows of a stream by what the label model can tell of them: `pattern` intp[c], `settled` int16[c], `counts`
    int64[c]; with `heard`, they also differ in how sure sources were."""

    patterns: VotePatterns
    pattern: Ints
    settled: NDArray[np.int16]
    counts: NDArray[np.int64]
    heard: Heard | None
    levels: Levels | None

    @staticmethod
    def of(patterns: VotePatterns, levels: Levels | None, spill: Spill) -> Sorts:
        """The sorts of rows that were passed on; read again only where somebody said how sure it was."""
        if levels is None or not levels.often:
            open_rows = patterns.counts - patterns.gold.sum(axis=1)
            nobody = np.full(len(patterns), ABSTAIN, np.int16)
            return Sorts(patterns, np.arange(len(patterns), dtype=np.intp), nobody, open_rows, None, None)
        heard: Heard | None = None
        for passed in spill:
            part = _heard(passed, levels)[0]
            heard = part if heard is None else heard + part
        assert heard is not None, "somebody was heard"
        return Sorts(
            patterns, places(patterns, heard.matrix), heard.settled, heard.counts.astype(np.int64), heard, levels
        )

    def at(self, passed: Passed) -> Ints:
        """The sort of each row, intp[n]."""
        if self.heard is None or self.levels is None:
            return places(self.patterns, passed.matrix)[passed.where]
        part, where = _heard(passed, self.levels)
        return _found(_codes(*_columns(self.heard)), _codes(*_columns(part)))[where]

    def probabilities(self, fitted: FittedLabelModel) -> Floats:
        """P(label | votes, confidence) by sort, float64[c, k]; settled rows teach what confidence is worth."""
        probs = fitted.probabilities(self.patterns.matrix)[self.pattern]
        if self.heard is None or not isinstance(fitted, HearsConfidence):
            return probs
        return self.heard.probabilities(probs, fitted.sharpness)

    def unsettled(self, fitted: FittedLabelModel) -> Floats:
        """The same as if people had settled nothing."""
        if self.heard is None or not isinstance(fitted, HearsConfidence):
            return self.probabilities(fitted)
        heard = self.heard
        nobody = np.full(len(heard.matrix), ABSTAIN, np.int16)
        merged, first, where = Heard.of(heard.matrix, heard.bins, nobody, heard.counts)
        probs = fitted.probabilities(self.patterns.matrix)[self.pattern]
        return np.asarray(merged.probabilities(probs[first], fitted.sharpness)[where])

    def kinds(self, probs: Floats) -> tuple[Kinds, Ints]:
        """Open rows as the queue sees them, and the kind of each sort, intp[c], -1 where none is open."""
        at = np.flatnonzero((self.settled == ABSTAIN) & (self.counts > 0))
        kinds, kind = Kinds.of(self.patterns, self.pattern[at], probs[at], self.counts[at])
        by_sort = np.full(len(self.pattern), -1, np.intp)
        by_sort[at] = kind
        return kinds, by_sort


@dataclass(frozen=True, eq=False)
class Teller:
    """Labels from the probabilities of each sort, float64[c, k]."""

    sorts: Sorts
    probs: Floats
    model: str
    refused: pa.StringArray

    def labels(self, passed: Passed, sort: Ints) -> Labels:
        """The labels of a partition; what people settled stands."""
        known = np.flatnonzero(passed.settled != ABSTAIN)
        probs = self.probs[sort]
        probs[known] = np.eye(probs.shape[1])[passed.settled[known]]
        voted = (passed.matrix != ABSTAIN).any(axis=1)[passed.where]
        covered = voted | (passed.settled != ABSTAIN)
        if len(self.refused):
            covered &= ~np.asarray(pc.is_in(passed.ids, self.refused))
        return Labels(self.sorts.patterns.space, passed.ids, probs, covered, self.model)

    def counting(self) -> Teller:
        """Once answers on rows with the same votes are counted in."""
        reviews = self.sorts.patterns.gold[self.sorts.pattern].astype(np.float64)
        return replace(self, probs=answered(self.probs, reviews))


def fitted_teller(
    project: Project, data: Data, patterns: VotePatterns, levels: Levels | None, spill: Spill
) -> tuple[FittedLabelModel, Teller]:
    """The project's label model fitted on the patterns, and who tells labels by it."""
    fitted = fit(patterns, project.label_model)
    sorts = Sorts.of(patterns, levels if isinstance(fitted, HearsConfidence) else None, spill)
    name = str(project.settings.label_model["kind"])
    teller = Teller(sorts, sorts.probabilities(fitted), name, pa.array(sorted(data.refused), pa.string()))
    return fitted, teller if data.reviewed is None else teller.counting()


def voted(patterns: VotePatterns, families: tuple[str, ...], ids: pa.StringArray, matrix: NDArray[np.int16]) -> Votes:
    """The votes of rows of which no more is known than these labels, int16[n, m]."""
    status = np.where(matrix == ABSTAIN, Status.ABSTAINED, Status.VOTED).astype(np.uint8)
    return Votes(patterns.space, ids, patterns.sources, families, matrix, status)


def places(patterns: VotePatterns, matrix: NDArray[np.int16]) -> Ints:
    """The place among the patterns of each of these votes, which are among them, intp[q]."""
    return _found(_codes(patterns.matrix), _codes(matrix))


def _found(among: NDArray[Any], codes: NDArray[Any]) -> Ints:
    order = np.argsort(among)
    return np.asarray(order[np.searchsorted(among, codes, sorter=order)], np.intp)


def _codes(*columns: NDArray[Any]) -> NDArray[Any]:
    """A text a row, the same for the same numbers; they are -1 or more."""
    rows = np.hstack([(c if c.ndim == 2 else c[:, None]).astype(np.int32) + 1 for c in columns]).astype(">u2")
    return np.ascontiguousarray(rows).view(f"S{2 * rows.shape[1]}").reshape(len(rows))


def _columns(heard: Heard) -> tuple[Any, Any, Any]:
    return heard.matrix, heard.bins, heard.settled


def _heard(passed: Passed, levels: Levels) -> tuple[Heard, Ints]:
    matrix = passed.matrix[passed.where]
    sure = np.full(matrix.shape, np.nan, np.float32) if passed.sure is None else passed.sure
    bins = levels.bins(matrix, sure)
    assert bins is not None, "levels were counted"
    heard, _, where = Heard.of(matrix, bins, passed.settled)
    return heard, where
