"""OpenAI's decisions on the wire: a question with choices, answered by a probability for each."""

from __future__ import annotations

from typing import Any

from quorate.errors import PluginError
from quorate.wire import Question, Said
from quorate.wires.messages import messages
from quorate.wires.openai_responses import usage
from quorate.wires.trees import at, dicts_at, number_at, text_at

PATH = "/decisions"

_TASK = "Which of the labels fits the text?"


def asked(question: Question) -> dict[str, Any]:
    """The part of the body that the question makes.

    Raises:
        PluginError: the question holds several rows, which this wire cannot tell apart.
    """
    if question.rows:
        raise PluginError('api = "decisions" takes one row a request; leave out `rows_per_request`')
    choices = [
        {"value": choice} | ({"description": meaning} if (meaning := question.meanings.get(choice, "")) else {})
        for choice in question.choices
    ]
    what = {"type": "choice", "name": "label", "instructions": _TASK, "choices": choices}
    return {"input": messages(question), "questions": [what]}


def said(raw: Any) -> Said:
    """What a decision says: the choice, and the probability of every one."""
    answer = at(raw, "answers", 0)
    used = usage(at(raw, "usage"))
    if text_at(answer, "type") == "refusal":
        return Said("", "refused", usage=used)
    choice = text_at(answer, "choice")
    told = [(one.get("value"), number_at(one, "probability")) for one in dicts_at(answer, "probabilities")]
    distribution = {value: p for value, p in told if isinstance(value, str) and p is not None}
    is_whole = bool(told) and len(distribution) == len(told)
    return Said(choice, "" if choice else "empty", distribution if is_whole else None, usage=used)
