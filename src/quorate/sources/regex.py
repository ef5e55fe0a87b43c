"""Regular expressions declared in quorate.toml, run by RE2 over a whole column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quorate.matching import PatternSource, check_expression


@dataclass(frozen=True, kw_only=True)
class Regex(PatternSource):
    r"""Votes `label` where the pattern is found in the column.

    RE2 syntax: no look-around and no back-references; `\b`, `\w`, `\d` and `\s` know ASCII alone (`\pL` is any letter),
    and `$` is the end of the text.
    """

    pattern: str

    def __post_init__(self) -> None:
        check_expression(self.pattern, self.name)

    @classmethod
    def example(cls) -> Regex:
        return cls(name="has_love", label="HAM", pattern=r"\blove\b")

    @property
    def patterns(self) -> Sequence[str]:
        return (self.pattern,)


plugin = Regex
