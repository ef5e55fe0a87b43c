"""The JSON body of a request as a template: strings are Jinja, tables and lists stay what they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from quorate.errors import PluginError
from quorate.prompts.templates import PromptTemplate, TemplateError
from quorate.wire import Question, answer_schema
from quorate.wires.messages import messages

_WHOLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_EXAMPLE = Question("", "", ("yes", "no"))


@dataclass(frozen=True)
class RequestTemplate:
    """A template over `prompt`, `instructions`, `choices`, `meanings`, `messages`, `schema`, `model` and
    `max_output_tokens`; a string that is a single `{{ name }}` becomes the value itself.

    Raises:
        PluginError: it names something else, or its syntax is wrong.
    """

    tree: Mapping[str, Any]
    model: str
    max_output_tokens: int

    def __post_init__(self) -> None:
        self.filled(_EXAMPLE)

    def filled(self, question: Question) -> dict[str, Any]:
        """The body for a question."""
        names = {
            "prompt": question.prompt if self._has_messages else _transcript(question),
            "instructions": question.instructions,
            "choices": list(question.choices),
            "meanings": dict(question.meanings),
            "messages": messages(question),
            "schema": answer_schema(question),
            "model": self.model,
            "max_output_tokens": self.max_output_tokens * question.answers,
        }
        return {key: _filled(value, names) for key, value in self.tree.items()}

    @cached_property
    def _has_messages(self) -> bool:
        return "messages" in str(self.tree)


def _transcript(question: Question) -> str:
    """The prompt, after the earlier turns if there are any: examples, or the answer that a repair is about."""
    said = [*question.turns, ("user", question.prompt)]
    return question.prompt if len(said) == 1 else "\n\n".join(f"{role}: {text}" for role, text in said)


def _filled(tree: Any, names: Mapping[str, Any]) -> Any:
    if isinstance(tree, Mapping):
        return {key: _filled(value, names) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_filled(value, names) for value in tree]
    if not isinstance(tree, str):
        return tree
    whole = _WHOLE.fullmatch(tree.strip())
    if whole and whole[1] in names:
        return names[whole[1]]
    try:
        return PromptTemplate(tree).render(names)
    except TemplateError as error:
        raise PluginError(f"`request`: {tree!r}: {error}; there are {', '.join(names)}") from None
