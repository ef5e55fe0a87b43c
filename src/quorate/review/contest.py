"""contest: sources between which people decide row by row, and whether they have answered enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quorate.comparing.anytime import anytime
from quorate.comparing.candidates import check_names
from quorate.comparing.population import DIFFER, sides_of
from quorate.comparing.sampling import next_rows
from quorate.comparing.verdict import peeking
from quorate.errors import CannotTell
from quorate.ranking.drawing import lottery
from quorate.review.ledger import Ledger
from quorate.review.line import Line
from quorate.values import ABSTAIN, Votes


@dataclass(frozen=True, slots=True, eq=False)
class Contest:
    """Two sources or more: `said` int16[n, m] their votes, `side` int8[n] where they differ, `tickets` the lottery.

    `known` int16[n] is the gold that was there before the review, -1 where there was none.
    """

    names: tuple[str, ...]
    said: NDArray[np.int16]
    side: NDArray[np.int8]
    tickets: NDArray[np.uint64]
    known: NDArray[np.int16]

    @staticmethod
    def of(votes: Votes, names: Sequence[str], known: NDArray[np.int16]) -> Contest:
        """
        Raises:
            LabelError: fewer than two names, or one that no source has.
            CannotTell: a source that has no vote.
        """
        check_names(names, votes.sources)
        said = votes.matrix[:, [votes.sources.index(name) for name in names]]
        for name, column in zip(names, said.T, strict=True):
            if (column == ABSTAIN).all():
                raise CannotTell(f"source {name!r} has no vote yet; `quorate run` asks it")
        return Contest(tuple(names), said, sides_of(said), lottery(votes.ids), known)

    def line(self, settled: NDArray[np.int16]) -> Line:
        """The open rows by lottery, nine in ten of those on which the sources differ.

        The project's own estimates do not take them for its random sample: this lottery has other strata.
        """
        order = next_rows(self.side, settled == ABSTAIN, self.tickets, len(self.side))
        differs = (self.side == DIFFER).astype(np.float32)
        return Line(order, np.full(len(self.side), np.nan), {"they_differ": differs})

    def outlook(self, ledger: Ledger) -> str:
        """Whether one may stop, or about how long to go on, of the first two sources."""
        a, b = self.said[:, 0], self.said[:, 1]
        heard = [at for _, at in sorted((s.settled.number, at) for at, s in ledger.answers() if s.settled)]
        # Older gold stands in the order of the table, which may tell the label; the lottery's does not.
        before = np.flatnonzero(self.known != ABSTAIN)
        before = before[np.argsort(self.tickets[before], kind="stable")]
        at = np.array([*before[~np.isin(before, heard)].tolist(), *heard], np.intp)
        # A person's answer takes the place of older gold, also where none of the labels fits: nobody wins that row.
        truth = np.where(np.isin(at, heard), ledger.settled[at], self.known[at])
        wins = ((a[at] == truth) * 1.0 - (b[at] == truth)) * (truth != ABSTAIN)
        differ = a != b
        return peeking(self.names[0], self.names[1], anytime(wins[differ[at]], int(differ.sum()), len(a)))
