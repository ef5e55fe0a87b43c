"""Keyword lists declared in quorate.toml."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from quorate.errors import PluginError
from quorate.matching import PatternSource, expressions


@dataclass(frozen=True, kw_only=True)
class Keywords(PatternSource):
    """Votes `label` where the column holds any of the words or phrases."""

    any: tuple[str, ...]
    whole_words: bool = True

    def __post_init__(self) -> None:
        if not [word for word in self.any if word.strip()]:
            raise PluginError(f"keywords {self.name!r}: `any` holds no word")

    @classmethod
    def example(cls) -> Keywords:
        return cls(name="mentions_channel", label="SPAM", any=("channel", "free money"))

    @cached_property
    def patterns(self) -> Sequence[str]:
        return expressions(self.any, self.whole_words)


plugin = Keywords
