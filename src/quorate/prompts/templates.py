"""Prompt templates: Jinja in a sandbox, where a name that the row lacks is an error and not an empty text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, meta
from jinja2.sandbox import SandboxedEnvironment

from quorate.errors import PluginError

OWN_NAMES = ("labels", "examples", "cannot_tell")
"""What a template sees beside the row's columns."""


_FAULTS = (ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError, TypeError, ValueError)
"""What an expression can raise of itself: `"{} {}".format(text)` an IndexError, a macro that calls itself another."""


def _blank_for_none(cell: Any) -> Any:
    return "" if cell is None else cell


def _blanked(names: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _blank_for_none(cell) for name, cell in names.items()}


_ENVIRONMENT = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False, finalize=_blank_for_none)
# An empty cell is blank before any filter or `~` could write "None" into a prompt; `is none` still finds it.
_ENVIRONMENT.tests["none"] = lambda cell: _blank_for_none(cell) == ""
# Random text would make another question of the same row in each run.
_ENVIRONMENT.globals.pop("lipsum")


@dataclass(frozen=True)
class PromptTemplate:
    """A template by its text; `path` is where it stands, for messages.

    Raises:
        PluginError: its syntax is wrong; the message has the line.
    """

    text: str
    path: Path | None = None

    def __post_init__(self) -> None:
        _ = self._template

    def __reduce__(self) -> tuple[Any, ...]:
        # The compiled template is code, and made again where it arrives.
        return PromptTemplate, (self.text, self.path)

    @staticmethod
    def at(path: Path) -> PromptTemplate:
        """The template in a file.

        Raises:
            PluginError: there is no such file, it is not UTF-8, or its syntax is wrong.
        """
        try:
            return PromptTemplate(path.read_text("utf-8-sig"), path)
        except (OSError, UnicodeDecodeError) as error:
            raise PluginError(f"the prompt template {path} cannot be read: {error}") from None

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads, sorted."""
        used = meta.find_undeclared_variables(_ENVIRONMENT.parse(self.text))
        return tuple(sorted(used - set(OWN_NAMES) - set(_ENVIRONMENT.globals)))

    def render(self, names: Mapping[str, Any]) -> str:
        """The text for one row.

        Raises:
            jinja2.TemplateError: a name that is not there, a forbidden access, or any fault of an expression.
        """
        try:
            return self._template.render(_blanked(names)).strip()
        except _FAULTS as error:
            raise TemplateError(f"{type(error).__name__}: {error}") from None

    @cached_property
    def _template(self) -> Template:
        try:
            return _ENVIRONMENT.from_string(self.text)
        except TemplateSyntaxError as error:
            where = f"{self.path or 'prompt'}:{error.lineno}"
            raise PluginError(f"{where}: {error.message}; prompts are Jinja templates") from None


__all__ = ["OWN_NAMES", "PromptTemplate", "TemplateError"]
