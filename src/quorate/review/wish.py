"""wish: which rows a reviewer wants to see, and in which order they come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from quorate.review.charges import Charges
from quorate.review.ledger import Ledger
from quorate.review.line import Line
from quorate.rows import Rows
from quorate.values import ABSTAIN, Votes

Kind = Literal["open", "flagged", "mine", "skipped", "disputed", "suspect"]
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Wish:
    """A filter: the kind of rows, two sources that differ, two labels that were both voted for, a signal, a word."""

    kind: Kind = "open"
    sources: tuple[str, str] | None = None
    labels: tuple[str, str] | None = None
    signal: str = ""
    text: str = ""

    @staticmethod
    def of(given: Any) -> Wish:
        """What a client asks for; what makes no sense is left out."""
        said: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
        kinds: dict[Any, Kind] = {kind: kind for kind in get_args(Kind)}
        return Wish(
            kind=kinds.get(str(said.get("kind")), "open"),
            sources=_pair(said.get("sources")),
            labels=_pair(said.get("labels")),
            signal=str(said.get("signal") or ""),
            text=str(said.get("text") or "")[:_LONGEST],
        )


def _pair(given: Any) -> tuple[str, str] | None:
    is_pair = isinstance(given, list | tuple) and len(given) == 2 and all(isinstance(name, str) for name in given)
    return (given[0], given[1]) if is_pair and given[0] and given[1] else None


class Wishes:
    """Answers wishes; what depends on the rows and votes alone is remembered."""

    def __init__(self, rows: Rows, votes: Votes, text: str | None, charges: Charges) -> None:
        self._rows, self._votes, self._text, self._charges = rows, votes, text, charges
        self._masks: dict[Wish, NDArray[np.bool_]] = {}

    def order(self, wish: Wish, line: Line, ledger: Ledger, reviewer: str) -> NDArray[np.intp]:
        """The places of the rows, in the order in which they should come."""
        if wish.kind == "suspect":
            places = self._charges.open_to(ledger, reviewer)
        else:
            places = _candidates(wish.kind, line, ledger, reviewer)
        places = places[self._mask(wish)[places]] if wish.sources or wish.labels or wish.text else places
        if wish.signal in line.reasons:
            strength = line.reasons[wish.signal][places]
            places = places[np.argsort(-strength, kind="stable")]
            places = places[line.reasons[wish.signal][places] > 0]
        return places

    def _mask(self, wish: Wish) -> NDArray[np.bool_]:
        key = Wish(sources=wish.sources, labels=wish.labels, text=wish.text)
        if key not in self._masks:
            if len(self._masks) > 20:
                self._masks.clear()
            self._masks[key] = self._differ(wish) & self._both(wish) & self._say(wish.text)
        return self._masks[key]

    def _differ(self, wish: Wish) -> NDArray[np.bool_]:
        names, matrix = self._votes.sources, self._votes.matrix
        known = wish.sources is None or all(name in names for name in wish.sources)
        if wish.sources is None or not known:
            return np.full(len(matrix), known)
        a, b = (matrix[:, names.index(name)] for name in wish.sources)
        return np.asarray((a != ABSTAIN) & (b != ABSTAIN) & (a != b))

    def _both(self, wish: Wish) -> NDArray[np.bool_]:
        space, matrix = self._votes.space, self._votes.matrix
        known = wish.labels is None or all(name in space.names for name in wish.labels)
        if wish.labels is None or not known:
            return np.full(len(matrix), known)
        a, b = ((matrix == space.names.index(name)).any(axis=1) for name in wish.labels)
        return np.asarray(a & b)

    def _say(self, word: str) -> NDArray[np.bool_]:
        found = np.full(len(self._rows), not word)
        if word:
            for column in [self._text] if self._text else self._rows.columns:
                cells = self._rows.arrow(column or "").cast("string")
                said = pc.fill_null(pc.match_substring(cells, word, ignore_case=True), False)
                found |= said.to_numpy(zero_copy_only=False)
        return found


def _candidates(kind: Kind, line: Line, ledger: Ledger, reviewer: str) -> NDArray[np.intp]:
    if kind == "open":
        order = line.order[ledger.open_to(reviewer)[line.order]]
        second = ledger.second_readings(reviewer)
        return _woven(order, second[~np.isin(second, order)])
    match kind:
        case "disputed":
            return np.flatnonzero(ledger.disputed)
        case "flagged":
            return np.flatnonzero(ledger.flagged)
        case "mine":
            return np.array(ledger.answered_by(reviewer), np.intp)
        case "skipped":
            return np.array(ledger.skipped_by(reviewer), np.intp)
        case "suspect":
            raise AssertionError("what is suspect, the charges say")


def _woven(order: NDArray[np.intp], second: NDArray[np.intp]) -> NDArray[np.intp]:
    """The order with one second reading after every two rows, so that agreement is known early."""
    if not len(second):
        return order
    turn = np.concatenate([np.arange(len(order)), np.arange(len(second)) * 2 + 1.5])
    return np.concatenate([order, second])[np.argsort(turn, kind="stable")]
