"""Redaction: what must not leave the machine is replaced before a question is made of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from quorate.attempt import Fault, attempt
from quorate.errors import PluginError, did_you_mean

KNOWN = {
    "email": r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    "url": r"(?i:https?://|www\.)\S+",
    "ip": r"\b(?:\d{1,3}\.){3}\d{1,3}\b",
    "iban": r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b",
    "card": r"\b(?:\d[ -]?){12,18}\d\b",
    "phone": r"(?<!\w)\+?\d[\d ()./-]{6,}\d\b",
}
"""Patterns by name; the more particular ones first, for they are applied in this order. What comes before an address
is looked at once: a pattern that began anywhere would take time by the square of a long word."""

Redact = Callable[[str], str]


def redactor(patterns: Sequence[str], function: Redact | None = None) -> Redact | None:
    """The function that redacts a text: named patterns and regular expressions become `[email]` or `[redacted]`,
    and then the user's own function has its turn; None where there is nothing to redact.

    Raises:
        PluginError: an expression that is none.
    """
    made = [_compiled(pattern) for pattern in sorted(patterns, key=_rank)]
    if not made and function is None:
        return None

    def redact(text: str) -> str:
        for pattern, instead in made:
            text = pattern.sub(instead, text)
        return text if function is None else _applied(function, text)

    return redact


def _rank(pattern: str) -> int:
    return list(KNOWN).index(pattern) if pattern in KNOWN else -1


def _compiled(pattern: str) -> tuple[re.Pattern[str], str]:
    if pattern in KNOWN:
        return re.compile(KNOWN[pattern]), f"[{pattern}]"
    if re.fullmatch(r"\w+", pattern):
        hint = did_you_mean(pattern, KNOWN)
        raise PluginError(f"{pattern!r} is neither a known pattern ({', '.join(KNOWN)}) nor an expression.{hint}")
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise PluginError(f"{pattern!r} is not a regular expression: {error}") from None
    if compiled.search(""):
        raise PluginError(f"{pattern!r} matches where there is nothing; write + for * where one or more is meant")
    return compiled, "[redacted]"


def _applied(function: Redact, text: str) -> str:
    answers, faults = attempt(function, [text])
    if faults or not isinstance(answers[0], str):
        # Never the text itself: what was to be redacted must not get into a message.
        what = _kind(faults[0]) if faults else f"returned {type(answers[0]).__name__}, not a text"
        raise PluginError(
            f"the redaction function {getattr(function, '__name__', '')!r} failed ({what}); nothing more is sent"
        )
    return answers[0]


def _kind(fault: Fault) -> str:
    """The name of what was raised, where that is what the message begins with."""
    name = fault.message.partition(":")[0]
    is_name = re.fullmatch(r"[\w.]+(?:Error|Exception|Warning|Exit|Iteration|Interrupt)", name, re.ASCII)
    return name if is_name else fault.reason
