"""The contract of endpoints: what `quorate.protocols` says of the models that a source may ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, runtime_checkable

from quorate.wire import BatchState, Limits, Price, Question, Said, Send


class Endpoint(Protocol):
    """How a model is asked over the wire.

    `wire` names the wire format ("openai.chat"), `base_url` the server; `account` says whose limits apply, and never
    holds the key itself. `body` is the canonical JSON body of a question, `read` says what a raw reply means, and
    `connect` opens the way to send bodies, at most `limits.at_once` at a time; one attempt may take `timeout_s`,
    and the answer about one row `max_output_tokens`.
    """

    @property
    def wire(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def base_url(self) -> str: ...
    @property
    def account(self) -> str: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def price(self) -> Price | None: ...
    @property
    def timeout_s(self) -> float: ...
    @property
    def max_output_tokens(self) -> int: ...
    def body(self, question: Question) -> dict[str, Any]: ...
    def read(self, raw: Any) -> Said: ...
    def connect(self) -> AbstractAsyncContextManager[Send]: ...


@runtime_checkable
class Keyed(Protocol):
    """An endpoint that needs a key; `check` raises a PluginError where it is missing, without a word of it."""

    def check(self) -> None: ...


@runtime_checkable
class Capable(Protocol):
    """An endpoint whose requests may hold things that not every model takes: `schema`, `temperature`, `logprobs`.

    `supports` says which it does (all that it leaves out are taken to be), `optional` which its wire has, and
    `using` is the endpoint with just these in its requests.
    """

    @property
    def supports(self) -> Mapping[str, bool]: ...
    @property
    def optional(self) -> tuple[str, ...]: ...
    def using(self, *what: str) -> Endpoint: ...


class BatchPost(Protocol):
    """The way to a vendor's batches.

    `hand_in` uploads the lines (key, body) under a name of ours and gives the vendor's id; `find` gives the id of a
    batch that was handed in under the name, "" where none was; `look` says how it stands. All raise Unanswered.
    """

    async def hand_in(self, name: str, lines: Sequence[tuple[bytes, Mapping[str, Any]]]) -> str: ...
    async def find(self, name: str) -> str: ...
    async def look(self, id: str) -> BatchState: ...


@runtime_checkable
class Batching(Protocol):
    """An endpoint that can take questions in batches; `batch` says whether it should, `poll_s` how often to look."""

    @property
    def batch(self) -> bool: ...
    @property
    def poll_s(self) -> float: ...
    def connect_batches(self) -> AbstractAsyncContextManager[BatchPost]: ...
