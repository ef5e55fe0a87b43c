"""What goes to a model and what comes back: questions, replies, what a reply says, and why there is none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

CAPABILITIES = ("schema", "temperature", "logprobs")
"""What a request may hold that not every model takes."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question to a model, in words of no vendor.

    `instructions` are the same for every row and go first, so that vendors can cache them; `turns` are earlier
    (role, text) pairs: few-shot examples, or the answer that a repair is about; `prompt` is the row and goes last.
    `choices` are the answers allowed, `meanings` what they mean. `rows` are short ids that the model must echo where
    one question holds several rows. `sample` tells apart questions that are the same but asked more than once.
    """

    instructions: str
    prompt: str
    choices: tuple[str, ...]
    meanings: Mapping[str, str] = field(default_factory=dict)
    turns: tuple[tuple[str, str], ...] = ()
    rows: tuple[str, ...] = ()
    sample: int = 0

    @property
    def answers(self) -> int:
        """How many labels the answer holds; its length grows with them."""
        return max(len(self.rows), 1)


def answer_schema(question: Question) -> dict[str, Any]:
    """The JSON schema of the answer: `{"label": …}`, or `{"answers": [{"id": …, "label": …}, …]}` for several rows."""
    label = {"type": "string", "enum": list(question.choices)}
    if not question.rows:
        return _object({"label": label})
    one = _object({"id": {"type": "string", "enum": list(question.rows)}, "label": label})
    return _object({"answers": {"type": "array", "items": one}})


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer: `input` includes `cached` and `cache_write`, `output` includes `reasoning`."""

    input: int = 0
    output: int = 0
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input,
            self.output + other.output,
            self.cached + other.cached,
            self.cache_write + other.cache_write,
            self.reasoning + other.reasoning,
        )


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of an answer's text with its log-probability, and those of the pieces that might have stood there."""

    text: str
    logprob: float
    others: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Said:
    """What a reply says.

    `reason` is empty for a whole answer, else a reason code: `refused`, `truncated`, `filtered`, `empty`.
    `distribution` is the probability of each choice as the model gave it, before any check; `tier` the service tier
    that the vendor says it used; `usage` None where the reply does not tell.
    """

    text: str = ""
    reason: str = ""
    distribution: Mapping[str, float] | None = None
    tokens: tuple[Token, ...] = ()
    usage: Usage | None = None
    tier: str = ""


@dataclass(frozen=True, slots=True)
class RateRoom:
    """What the headers of a reply say of the account's limits: requests left, and seconds until the count resets."""

    requests_left: int | None = None
    tokens_left: int | None = None
    reset_s: float | None = None
    requests_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """One good reply as it came: the JSON body, and the room that its headers tell of."""

    raw: Any
    room: RateRoom = RateRoom()


class Verdict(Enum):
    """What to do about an attempt that brought no reply."""

    AGAIN = "again"  # a passing fault of the server or the connection
    SHRINK = "shrink"  # too many or too fast: ask again, with less at once
    ROW = "row"  # this question will never be answered
    RUN = "run"  # no question will: a bad key, an unknown model, no quota


class Unanswered(Exception):
    """An attempt that brought no reply.

    `reason` is a reason code (`timeout`, `connection`, `http_429`, `unparsable`, …), `after_s` the seconds that the
    server asked to wait, `billed` whether the vendor may have done (and may charge for) the work.
    """

    def __init__(
        self, reason: str, message: str, verdict: Verdict, *, after_s: float | None = None, billed: bool = False
    ) -> None:
        self.reason, self.verdict, self.after_s, self.billed = reason, verdict, after_s, billed
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a question: what the model said (or the reason why nothing was said), and how it was got."""

    said: Said
    message: str = ""
    attempts: int = 0
    is_kept: bool = False


class NotAsked(Exception):
    """The question was not sent: `reason` is `offline` or `budget`."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


Send = Callable[[Mapping[str, Any]], Awaitable[Reply]]
"""One attempt: the wire body out, the reply in. Raises Unanswered."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an account allows: requests in flight, and requests and tokens per minute where the user knows them."""

    at_once: int = 64
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens; `cached` and `cache_write` cost as `input` where they are not given."""

    input: float
    output: float = 0.0
    cached: float | None = None
    cache_write: float | None = None


@dataclass(frozen=True, slots=True)
class BatchLine:
    """What a batch brought for one question: the raw answer of a status 200, else the text of the error, and the
    reason code where the status (0: none) does not tell."""

    key: bytes
    status: int
    raw: Any = None
    error: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class BatchState:
    """How a batch stands: over or not, the vendor's word for it, and, once it is over, every line that came back."""

    is_over: bool
    word: str = ""
    lines: tuple[BatchLine, ...] = ()
