"""Gazetteers: a file of terms, one a line, as a source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from quorate.errors import PluginError, did_you_mean
from quorate.matching import PatternSource, expressions


@dataclass(frozen=True, kw_only=True)
class Gazetteer(PatternSource):
    """Votes `label` where the column holds any term of the file; empty lines and `#` lines do not count."""

    path: Path
    whole_words: bool = True

    @classmethod
    def example(cls) -> Gazetteer:
        return cls(name="small_words", label="HAM", path=Path(__file__).parent.parent / "example_terms.txt")

    @cached_property
    def patterns(self) -> Sequence[str]:
        try:
            lines = self.path.read_text(encoding="utf-8-sig").splitlines()
        except FileNotFoundError:
            near = did_you_mean(self.path.name, (beside.name for beside in self.path.parent.glob("*.txt")))
            raise PluginError(f"gazetteer {self.name!r}: cannot read {self.path.name}: no such file.{near}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise PluginError(f"gazetteer {self.name!r}: cannot read {self.path.name}: {error}") from None
        terms = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
        if not terms:
            raise PluginError(f"gazetteer {self.name!r}: {self.path.name} holds no term")
        return expressions(terms, self.whole_words)


plugin = Gazetteer
