"""The probability of each choice from the log-probabilities of an answer's tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp

from quorate.wire import Token

_KEY = '"label"'
_ABOVE_ZERO = 0.01
"""A log-probability may be above zero by what rounding adds, and by no more."""


def token_probabilities(
    text: str, tokens: Sequence[Token], choices: Sequence[str], named: str
) -> dict[str, float] | None:
    """Probability per choice, restricted to the choices and renormalised; None where the tokens do not tell.

    The answer's tokens are followed from the first one that reaches into the name for as long as another choice is
    open. Wherever another token might have stood, its probability goes to the choice that it would have begun, in
    equal parts where it would have begun several; what begins no choice is left out. A wire that tells only of the
    tokens that stand there (Cohere's) leaves what is missing to one to the other choices in equal parts.
    """
    at = _start(text, named)
    if not tokens or at < 0 or named not in choices or "".join(token.text for token in tokens) != text:
        return None
    masses = dict.fromkeys(choices, 0.0)
    path, start = 1.0, 0
    for token in tokens:
        if start + len(token.text) > at:
            before, lead = text[at : max(start, at)], text[start : max(start, at)]
            if not any(choice != named and choice.startswith(before) for choice in choices):
                break
            if max(token.logprob, *token.others.values(), 0.0) > _ABOVE_ZERO:
                return None
            for piece, logprob in _others(token).items():
                owners = _owners(before, piece, lead, choices)
                for owner in owners:
                    masses[owner] += path * exp(logprob) / len(owners)
            path *= exp(token.logprob)
        start += len(token.text)
    if not any(token.others for token in tokens) and len(choices) > 1:
        rest = (1 - min(path, 1.0)) / (len(choices) - 1)
        masses = {choice: 0.0 if choice == named else rest for choice in choices}
    masses[named] += path
    total = sum(masses.values())
    if not path:
        return None
    return {choice: mass / total for choice, mass in masses.items()} if total > 0 else None


def _start(text: str, named: str) -> int:
    """Where the name stands as the answer: in JSON behind its key, whose letters may spell a name too."""
    key = text.find(_KEY)
    if key < 0:
        return text.find(named)
    quote = text.find(f'"{named}"', key + len(_KEY))
    return quote + 1 if quote >= 0 else -1


def _others(token: Token) -> Mapping[str, float]:
    return {piece: logprob for piece, logprob in token.others.items() if piece != token.text}


def _owners(before: str, piece: str, lead: str, choices: Sequence[str]) -> list[str]:
    """The choices that `before` + `piece` would begin, or the one that it would spell out."""
    spelled = before + piece[len(lead) :]
    if not piece.startswith(lead) or spelled == before:
        return []
    begun = [choice for choice in choices if choice.startswith(spelled)]
    # A token may run past the name, into the quote that closes it.
    spelt = [c for c in choices if spelled.startswith(c) and not spelled[len(c) :][:1].isalnum()]
    return begun or sorted(spelt, key=len)[-1:]
