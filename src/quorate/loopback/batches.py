"""OpenAI's files and batches, as a server of our own keeps them."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from quorate.loopback.http import Request, Response, as_json

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?')

Line = Callable[[str, Mapping[str, Any]], Coroutine[Any, Any, tuple[int, Any]]]
"""Answers one line of a batch: path and body to status and body."""


@dataclass(frozen=True, slots=True)
class BatchHabits:
    """A batch takes `delay_s`; its lines come back out of order; `expire_after` so many lines it expires; the lines
    in `lost` (by place) come back with status 0."""

    delay_s: float = 0.05
    expire_after: int | None = None
    lost: tuple[int, ...] = ()


@dataclass(eq=False)
class Batches:
    """Every file and batch of the server."""

    line: Line
    habits: BatchHabits
    _files: dict[str, bytes] = field(default_factory=dict)
    _batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    _work: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def every(self) -> list[dict[str, Any]]:
        return list(self._batches.values())

    def respond(self, request: Request) -> Response:
        """What `/v1/files…` and `/v1/batches…` answer; 404 for any other path."""
        path, _, query = request.path.partition("?")
        parts = path.strip("/").split("/")
        match (request.method, parts):
            case ("POST", ["v1", "files"]):
                return as_json(self._uploaded(request))
            case ("GET", ["v1", "files", id, "content"]) if id in self._files:
                return Response(200, self._files[id])
            case ("POST", ["v1", "batches"]):
                return as_json(self._started(json.loads(request.body)))
            case ("GET", ["v1", "batches"]):
                return as_json(self._listed(query))
            case ("GET", ["v1", "batches", id]) if id in self._batches:
                return as_json(self._batches[id])
        error = {"message": f"Unknown request URL: {path}", "type": "invalid_request_error", "code": "unknown_url"}
        return as_json({"error": error}, 404)

    def _uploaded(self, request: Request) -> dict[str, Any]:
        boundary = _BOUNDARY.search(request.headers.get("content-type", ""))
        parts = request.body.split(b"--" + boundary[1].encode()) if boundary else []
        file = next((part for part in parts if b'name="file"' in part), b"")
        _, _, content = file.partition(b"\r\n\r\n")
        id = self._kept(content.removesuffix(b"\r\n"))
        return {
            "id": id,
            "object": "file",
            "bytes": len(content),
            "created_at": 0,
            "filename": "batch.jsonl",
            "purpose": "batch",
            "status": "processed",
        }

    def _kept(self, content: bytes) -> str:
        id = f"file-{len(self._files) + 1}"
        self._files[id] = content
        return id

    def _started(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        id = f"batch_{len(self._batches) + 1}"
        batch = {
            "id": id,
            "object": "batch",
            "endpoint": asked["endpoint"],
            "input_file_id": asked["input_file_id"],
            "completion_window": asked["completion_window"],
            "status": "validating",
            "created_at": len(self._batches),
            "output_file_id": None,
            "error_file_id": None,
            "metadata": asked.get("metadata"),
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
        }
        self._batches[id] = batch
        task = asyncio.get_running_loop().create_task(self._worked(batch))
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return batch

    def _listed(self, query: str) -> dict[str, Any]:
        newest = list(reversed(self._batches.values()))
        after = re.search(r"after=([^&]+)", query)
        limit = re.search(r"limit=(\d+)", query)
        start = next((i + 1 for i, batch in enumerate(newest) if after and batch["id"] == after[1]), 0)
        shown = newest[start : start + int(limit[1] if limit else 20)]
        more = start + len(shown) < len(newest)
        ends = {"first_id": shown[0]["id"], "last_id": shown[-1]["id"]} if shown else {}
        return {"object": "list", "data": shown, "has_more": more, **ends}

    async def _worked(self, batch: dict[str, Any]) -> None:
        await asyncio.sleep(self.habits.delay_s / 2)
        batch["status"] = "in_progress"
        lines = [json.loads(line) for line in self._files[batch["input_file_id"]].splitlines() if line.strip()]
        ends = self.habits.expire_after
        done = [await self._result(i, line) for i, line in enumerate(lines[:ends])]
        await asyncio.sleep(self.habits.delay_s / 2)
        random.Random(0).shuffle(done)
        good = [line for line in done if line["response"]["status_code"] == 200]
        bad = [line for line in done if line["response"]["status_code"] != 200]
        left = [
            {"custom_id": line["custom_id"], "response": None, "error": {"code": "batch_expired", "message": "expired"}}
            for line in lines[len(done) :]
        ]
        batch["output_file_id"] = self._kept(_jsonl(good)) if good else None
        batch["error_file_id"] = self._kept(_jsonl(bad + left)) if bad or left else None
        batch["request_counts"] = {"total": len(lines), "completed": len(good), "failed": len(bad)}
        batch["status"] = "expired" if left else "completed"

    async def _result(self, place: int, line: Mapping[str, Any]) -> dict[str, Any]:
        status, body = (0, None) if place in self.habits.lost else await self.line(line["url"], line["body"])
        response = {"status_code": status, "request_id": f"req_{place}", "body": body}
        return {"id": f"line_{place}", "custom_id": line["custom_id"], "response": response, "error": None}


def _jsonl(lines: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)
