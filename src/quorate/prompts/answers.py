"""What a model's words say about labels: read in stages, and never guessed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.errors import LabelError
from quorate.prompts.tokens import token_probabilities
from quorate.values import ABSTAIN, LabelSpace
from quorate.wire import Said

_SUM_TOLERANCE = 0.02
_FENCE = re.compile(r"```(?:json)?\s*(.*?)\s*```", re.DOTALL | re.IGNORECASE)
_AROUND = " \t\r\n\"'`*_.\u201c\u201d\u2018\u2019"
_WORDS_OF_A_NAME = 8
"""A longer answer that is no label is talk around one, or none at all."""


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What was heard about one row: a label int or -1, the distribution float64[k] where there is one, or the reason
    code and the message of why nothing was."""

    label: int = ABSTAIN
    distribution: NDArray[np.float64] | None = None
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads what was said as labels of a space; `cannot_tell` is the answer that abstains ("" where there is none)."""

    space: LabelSpace
    cannot_tell: str = ""

    def __post_init__(self) -> None:
        if self.cannot_tell and self.cannot_tell in self.space.names:
            raise LabelError(f"{self.cannot_tell!r} is a label; give `cannot_tell` another word for what abstains")

    def read(self, said: Said) -> Heard:
        """What one answer about one row says.

        Stages: the exact name; the name without regard to case, quotes and space; the `label` of a JSON object,
        fenced or not; an alias. Anything else is `unknown_label` or `unparsable`.
        """
        if said.reason:
            return Heard(reason=said.reason, message=_shown(said.text))
        if not said.text.strip():
            return self._likeliest(said)
        named = _named(said.text)
        if named is not None:
            heard = self._heard(named, said)
            if not heard.reason or len(named.split()) <= _WORDS_OF_A_NAME:
                return heard
        return Heard(reason="unparsable", message=_shown(said.text))

    def read_rows(self, said: Said, rows: Sequence[str]) -> dict[str, Heard] | None:
        """What an answer about several rows says, by echoed id; None where the ids are not those asked, once each."""
        tree = None if said.reason else _json(said.text)
        answers = tree.get("answers") if isinstance(tree, dict) else tree
        if not isinstance(answers, list) or not all(isinstance(one, dict) for one in answers):
            return None
        if sorted(str(one.get("id")) for one in answers) != sorted(rows):
            return None
        return {str(one["id"]): self._heard(_label_in(one) or "", Said(said.text)) for one in answers}

    def _likeliest(self, said: Said) -> Heard:
        """What a reply without words says by its probabilities: a tie abstains."""
        given = said.distribution or {}
        most = max(given.values(), default=0.0)
        best = [name for name, p in given.items() if p == most > 0]
        if not best or math.isnan(sum(given.values())):
            return Heard(reason="empty", message="the answer is empty")
        return self._heard(best[0], said) if len(best) == 1 else Heard()

    def _heard(self, named: str, said: Said) -> Heard:
        label = self._label(named)
        if label is None:
            return Heard(reason="unknown_label", message=_shown(named))
        return Heard(label, self._distribution(said, named) if label != ABSTAIN else None)

    def _label(self, named: str) -> int | None:
        """The label int, -1 for "cannot tell", None for a name that is neither."""
        bare = named.strip(_AROUND)
        for name in (named, bare):
            if self.cannot_tell and _loose(name) == _loose(self.cannot_tell):
                return ABSTAIN
            try:
                return self.space.index(name)
            except LabelError:
                pass
        return None

    def _distribution(self, said: Said, named: str) -> NDArray[np.float64] | None:
        """The probability of each label, given that it is one of them; None where the answer gives none to trust."""
        choices = [*self.space.names, *([self.cannot_tell] if self.cannot_tell else [])]
        given = said.distribution or token_probabilities(said.text, said.tokens, choices, named)
        if not given or (said.distribution and abs(sum(given.values()) - 1.0) > _SUM_TOLERANCE):
            return None
        probs = np.zeros(len(self.space))
        for name, p in given.items():
            label = self._label(name)
            if label is None or not 0.0 <= p <= 1.0 + _SUM_TOLERANCE:
                return None
            if label != ABSTAIN:
                probs[label] += p
        total = float(probs.sum())
        said_label = self._label(named)
        # A distribution that contradicts the answer it came with says that one of the two is wrong.
        is_sound = total > 0 and said_label is not None and probs[said_label] >= probs.max() - 1e-6
        return probs / total if is_sound else None


def _named(text: str) -> str | None:
    """The name that the answer gives, None where it gives none."""
    tree = _json(text)
    if isinstance(tree, dict):
        return _label_in(tree)
    if isinstance(tree, str):
        return tree
    return text if tree is None else None


def _label_in(answer: Mapping[str, Any]) -> str | None:
    """The label that a JSON answer gives; models write the labels "1" and "true" as what they are in JSON."""
    label = answer.get("label")
    return str(label) if isinstance(label, str | int) else None


def _loose(name: str) -> str:
    return " ".join(name.split()).casefold()


def _json(text: str) -> Any:
    """The JSON value that the text is, or holds in a fence; None where there is none."""
    fenced = _FENCE.search(text)
    for candidate in (text, *([fenced[1]] if fenced else [])):
        try:
            tree = json.loads(candidate)
        except (ValueError, RecursionError):
            continue
        if isinstance(tree, dict | list | str):
            return tree
    return None


def _shown(text: str) -> str:
    flat = " ".join(text.split())
    return f"the model said {flat[:200]!r}" if flat else "the model said nothing"


def frequencies(heard: Sequence[Heard], k: int) -> Heard:
    """One vote of several samples: the label most often heard, with its share as the distribution.

    "Cannot tell" counts as an answer of its own; a tie abstains. Samples that failed do not count, unless all did.
    """
    good = [one for one in heard if not one.reason]
    if not good:
        return heard[0]
    counts = np.bincount([one.label + 1 for one in good], minlength=k + 1)
    best = np.flatnonzero(counts == counts.max())
    if len(best) > 1 or best[0] == 0:
        return Heard()
    return Heard(int(best[0]) - 1, counts[1:] / counts[1:].sum())


def describe(space: LabelSpace, cannot_tell: str) -> dict[str, str]:
    """What each allowed answer means, in the order of the labels."""
    meanings: Mapping[str, str] = space.descriptions
    known = {name: meanings.get(name, "") for name in space.names}
    return known | ({cannot_tell: "The text does not say, or none of the others fits"} if cannot_tell else {})
