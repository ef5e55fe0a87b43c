"""OpenAI's batches on the wire: a file of questions in, files of answers and errors out."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quorate.asking.verdicts import error_in
from quorate.wire import BatchLine, BatchState
from quorate.wires.trees import at, count_at

_OVER = ("completed", "failed", "expired", "cancelled")
_NAMED = "quorate"
_PAGES = 20
"""Pages of 100 that `find` looks through: a batch lost in a crash is among the newest."""


@dataclass(frozen=True)
class OpenAIBatches:
    """Hands in and takes home through an SDK client; `told` awaits a call and raises its faults as Unanswered."""

    client: Any
    path: str
    told: Callable[[Awaitable[Any]], Awaitable[Any]]

    async def hand_in(self, name: str, lines: Sequence[tuple[bytes, Mapping[str, Any]]]) -> str:
        """The vendor's id of the batch."""
        file = (f"{name}.jsonl", b"".join(self._line(key, body) for key, body in lines))
        uploaded = await self.told(self.client.files.create(file=file, purpose="batch"))
        making = self.client.batches.create(
            input_file_id=uploaded.id, endpoint=self.path, completion_window="24h", metadata={_NAMED: name}
        )
        return str((await self.told(making)).id)

    async def find(self, name: str) -> str:
        """The id of the batch that was handed in under the name, "" where none was."""
        page = await self.told(self.client.batches.list(limit=100))
        for _ in range(_PAGES):
            for batch in page.data:
                if (batch.metadata or {}).get(_NAMED) == name:
                    return str(batch.id)
            if not page.has_next_page():
                break
            page = await self.told(page.get_next_page())
        return ""

    async def look(self, id: str) -> BatchState:
        """How the batch stands; once it is over, every line of both its files."""
        batch = await self.told(self.client.batches.retrieve(id))
        if batch.status not in _OVER:
            return BatchState(False, batch.status)
        texts = [await self._file(file) for file in (batch.output_file_id, batch.error_file_id) if file]
        lines = [line for text in texts for line in map(_read, text.splitlines()) if line is not None]
        return BatchState(True, batch.status, tuple(lines))

    def _line(self, key: bytes, body: Mapping[str, Any]) -> bytes:
        line = {"custom_id": key.hex(), "method": "POST", "url": self.path, "body": body}
        return json.dumps(line, ensure_ascii=True).encode() + b"\n"

    async def _file(self, id: str) -> str:
        return str((await self.told(self.client.files.content(id))).text)


def _read(line: str) -> BatchLine | None:
    """One line of a result file; None for one that is no answer to a question of ours."""
    try:
        tree = json.loads(line)
        key = bytes.fromhex(str(at(tree, "custom_id")))
    except ValueError:
        return None
    status = count_at(tree, "response", "status_code") or 0
    raw = at(tree, "response", "body")
    if status == 200 and isinstance(raw, dict):
        return BatchLine(key, status, raw)
    code, message = error_in(json.dumps(raw if raw is not None else {"error": at(tree, "error")}))
    reason = "expired" if code == "batch_expired" else ""
    return BatchLine(key, status, error=message or code or "the line holds no answer", reason=reason)
