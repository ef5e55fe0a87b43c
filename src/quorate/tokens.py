"""The probability of each choice from the log-probabilities of an answer's tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp

from quorate.wire import Token


def token_probabilities(
    text: str, tokens: Sequence[Token], choices: Sequence[str], named: str
) -> dict[str, float] | None:
    """Probability per choice, restricted to the choices and renormalised; None where the tokens do not tell.

    The answer's tokens are followed from the first one that reaches into the name. Wherever another token might have
    stood, its probability goes to the one choice that it would have begun; what begins no choice, or several that the
    chosen path does not, is left out.
    """
    at = text.find(named)
    if not tokens or at < 0 or named not in choices or "".join(token.text for token in tokens) != text:
        return None
    masses = dict.fromkeys(choices, 0.0)
    path, start = 1.0, 0
    for token in tokens:
        stop = start + len(token.text)
        if stop > at:
            rivals = [choice for choice in choices if choice != named and _begins(choice, named, start - at)]
            if start >= at + len(named) or not rivals:
                break
            before = text[at : max(start, at)]
            lead = text[start:at] if start < at else ""
            for piece, logprob in _others(token).items():
                owner = _owner(before, piece, lead, choices)
                if owner not in (None, named):
                    masses[str(owner)] += path * exp(logprob)
            path *= exp(token.logprob)
        start = stop
    masses[named] = path
    total = sum(masses.values())
    return {choice: mass / total for choice, mass in masses.items()} if total > 0 else None


def _others(token: Token) -> Mapping[str, float]:
    return {piece: logprob for piece, logprob in token.others.items() if piece != token.text}


def _begins(choice: str, named: str, length: int) -> bool:
    return length <= 0 or choice[:length] == named[:length]


def _owner(before: str, piece: str, lead: str, choices: Sequence[str]) -> str | None:
    """The one choice that `before` + `piece` would begin or spell."""
    if not piece.startswith(lead):
        return None
    spelled = before + piece[len(lead) :]
    if spelled == before:
        return None
    # A token may run past the name, into the quote that closes it.
    fits = [c for c in choices if c.startswith(spelled) or (spelled.startswith(c) and not spelled[len(c)].isalnum())]
    return fits[0] if len(fits) == 1 else None
