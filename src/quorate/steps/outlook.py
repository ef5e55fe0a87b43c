"""outlook: where a project stands, as every kind of step looks at it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.belief.confusion import Floats
from quorate.content import with_content
from quorate.content_model import text_features
from quorate.patterns import VotePatterns, fold
from quorate.protocols import FittedLabelModel, LabelModel
from quorate.ranking.alike import Reading
from quorate.rows import Rows
from quorate.trust.doubt import believed_accuracy
from quorate.values import ABSTAIN, Gold, Labels, Votes

_EXAMPLES = 3


@dataclass(frozen=True, eq=False)
class Outlook:
    """Rows with their votes and labels, the label model fitted on them, and the gold that may be learned from.

    `text` is the column that people and rules read, "" where there is none.
    """

    rows: Rows
    votes: Votes
    labels: Labels
    model: LabelModel
    fitted: FittedLabelModel
    gold: Gold | None
    text: str = ""

    @cached_property
    def folded(self) -> tuple[VotePatterns, NDArray[np.intp]]:
        """The vote patterns with their gold, and which one each row has."""
        return fold(self.votes, self.gold)

    @cached_property
    def settled(self) -> NDArray[np.int16]:
        """The gold label of each row, int16[n], -1 where nobody said."""
        none = np.full(len(self.votes), ABSTAIN, np.int16)
        return none if self.gold is None else self.gold.aligned(self.votes.ids)

    @cached_property
    def undecided(self) -> NDArray[np.bool_]:
        """Rows without a label, bool[n]: nobody voted, or the best labels tie."""
        return np.asarray(self.labels.hard == ABSTAIN)

    @cached_property
    def believed(self) -> Floats:
        """P(label) of each row by votes and texts together, float64[n, k]; by votes alone where rows have no text.

        Votes alone are no judge of the sources that cast them: what the rows say is a second opinion.
        """
        if not self.texts:
            return self.labels.probs
        return with_content(self.labels, self.texts, self.gold).probs

    @cached_property
    def right(self) -> Floats:
        """The chance that each row's label is right, float64[n]; a row without one counts as a guess."""
        given = self.believed[np.arange(len(self.labels)), self.labels.probs.argmax(axis=1)]
        return np.asarray(np.where(self.labels.covered, given, 1 / len(self.labels.space)))

    @cached_property
    def accuracy(self) -> Floats:
        """How often each source is right where it votes, as the label model believes, float64[m]."""
        return np.asarray(believed_accuracy(self.folded[0], self.fitted))

    @cached_property
    def texts(self) -> list[str]:
        """The text of each row; empty without a text column."""
        if not self.text:
            return []
        return [str(cell) if cell is not None else "" for cell in self.rows.values(self.text)]

    @cached_property
    def features(self) -> Any:
        """The texts as `content_model.text_features` takes them, or None."""
        return text_features(Rows(self.rows.table.select([self.text]), self.rows.ids)) if self.text else None

    @cached_property
    def reading(self) -> Reading:
        """What the rows are to a person."""
        return Reading.of(self.rows)

    def examples(self, at: NDArray[np.intp]) -> list[dict[str, Any]]:
        """The first three of these rows: their id, and text or cells."""
        shown = at[:_EXAMPLES].tolist()
        texts = [self.texts[i] if self.texts else str(self.rows.table.slice(i, 1).to_pylist()[0]) for i in shown]
        return [{"id": self.votes.ids[i].as_py(), "text": text} for i, text in zip(shown, texts, strict=True)]
