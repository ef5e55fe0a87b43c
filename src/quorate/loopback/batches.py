"""OpenAI's files and batches, as a server of our own keeps them."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from quorate.loopback.http import Request, Response, as_json
from quorate.wires.trees import at, count_at

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?')

_ENDPOINTS = ("/v1/chat/completions", "/v1/responses")
_OVER = ("completed", "failed", "expired", "cancelled")

Line = Callable[[str, Mapping[str, Any]], tuple[int, Any]]
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
        found: Any = None
        match (request.method, path.strip("/").split("/")):
            case ("POST", ["v1", "files"]):
                found = self._uploaded(request)
            case ("GET", ["v1", "files", id]) if id in self._files:
                found = _described(id, self._files[id])
            case ("GET", ["v1", "files", id, "content"]) if id in self._files:
                found = Response(200, self._files[id])
            case ("POST", ["v1", "batches"]):
                found = self._started(json.loads(request.body))
            case ("GET", ["v1", "batches"]):
                found = self._listed(query)
            case ("GET", ["v1", "batches", id]):
                found = self._batches.get(id)
            case ("POST", ["v1", "batches", id, "cancel"]) if id in self._batches:
                found = _cancelled(self._batches[id])
        if found is None:
            return _refused(404, "unknown_url", f"Unknown request URL: {request.method} {path}")
        return found if isinstance(found, Response) else as_json(found)

    def _uploaded(self, request: Request) -> dict[str, Any]:
        boundary = _BOUNDARY.search(request.headers.get("content-type", ""))
        parts = request.body.split(b"--" + boundary[1].encode()) if boundary else []
        file = next((part for part in parts if b'name="file"' in part), b"")
        _, _, content = file.partition(b"\r\n\r\n")
        content = content.removesuffix(b"\r\n")
        return _described(self._kept(content), content)

    def _kept(self, content: bytes) -> str:
        id = f"file-{len(self._files) + 1}"
        self._files[id] = content
        return id

    def _started(self, asked: Mapping[str, Any]) -> Response:
        for name, known in (("input_file_id", self._files), ("endpoint", _ENDPOINTS)):
            if asked.get(name) not in known:
                return _refused(400, "invalid_value", f"Invalid value for {name}: {asked.get(name)!r}")
        id = f"batch_{len(self._batches) + 1}"
        batch = {
            "id": id,
            "object": "batch",
            "endpoint": asked["endpoint"],
            "errors": None,
            "input_file_id": asked["input_file_id"],
            "completion_window": asked.get("completion_window", "24h"),
            "status": "validating",
            "created_at": len(self._batches),
            "output_file_id": None,
            "error_file_id": None,
            "metadata": asked.get("metadata"),
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
            "usage": _usage([]),
        }
        self._batches[id] = batch
        task = asyncio.get_running_loop().create_task(self._worked(batch))
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return as_json(batch)

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
        texts = [line for line in self._files[batch["input_file_id"]].splitlines() if line.strip()]
        lines, wrong = _read(texts, batch["endpoint"])
        if wrong:
            batch |= {"status": "failed", "errors": {"object": "list", "data": wrong}}
            return
        if batch["status"] == "validating":
            batch["status"] = "in_progress"
        batch["request_counts"]["total"] = len(lines)
        done = await self._done(batch, lines[: self.habits.expire_after])
        await asyncio.sleep(self.habits.delay_s / 2)
        self._filed(batch, done, lines[len(done) :])

    async def _done(self, batch: dict[str, Any], lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The results of the lines, as far as nobody cancels the batch."""
        done: list[dict[str, Any]] = []
        for place, line in enumerate(lines):
            if batch["status"] == "cancelling":
                break
            done.append(self._result(place, line))
            batch["request_counts"]["completed" if _is_good(done[-1]) else "failed"] += 1
            # Others are served meanwhile.
            await asyncio.sleep(0)
        return done

    def _result(self, place: int, line: Mapping[str, Any]) -> dict[str, Any]:
        status, body = (0, None) if place in self.habits.lost else self.line(line["url"], line["body"])
        response = {"status_code": status, "request_id": f"req_{place}", "body": body}
        return {"id": f"line_{place}", "custom_id": line["custom_id"], "response": response, "error": None}

    def _filed(self, batch: dict[str, Any], done: list[dict[str, Any]], left: Sequence[dict[str, Any]]) -> None:
        """Ends a batch; the lines that are left go into its error file."""
        is_cancelled = batch["status"] == "cancelling"
        status = "cancelled" if is_cancelled else "expired" if left else "completed"
        error = {"code": f"batch_{status}", "message": "This request could not be executed in time."}
        undone = [{"id": "line", "custom_id": line["custom_id"], "response": None, "error": error} for line in left]
        random.Random(0).shuffle(done)
        good = [line for line in done if _is_good(line)]
        bad = [line for line in done if not _is_good(line)] + undone
        batch["output_file_id"] = self._kept(_jsonl(good)) if good else None
        batch["error_file_id"] = self._kept(_jsonl(bad)) if bad else None
        batch |= {"usage": _usage(good), "status": status}


def _cancelled(batch: dict[str, Any]) -> dict[str, Any]:
    if batch["status"] not in _OVER:
        batch["status"] = "cancelling"
    return batch


def _read(texts: Sequence[bytes], endpoint: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The lines of an input file, and what is wrong with them."""
    lines, wrong, seen = [], [], set()
    for place, text in enumerate(texts, 1):
        try:
            line = json.loads(text)
        except ValueError:
            wrong.append({"code": "invalid_json_line", "message": "This line is not JSON.", "line": place})
            continue
        if at(line, "url") != endpoint or not isinstance(at(line, "body"), dict):
            wrong.append({"code": "invalid_request", "message": f"url must be {endpoint}, with a body.", "line": place})
        elif at(line, "custom_id") in seen:
            wrong.append({"code": "duplicate_custom_id", "message": "custom_id must be unique.", "line": place})
        seen.add(at(line, "custom_id"))
        lines.append(line)
    return lines, wrong


def _is_good(line: Mapping[str, Any]) -> bool:
    return bool(line["response"]["status_code"] == 200)


def _usage(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The tokens of all lines together, under the names that the responses wire has for them."""
    told = [at(line, "response", "body", "usage") for line in lines]
    given = sum(count_at(usage, "prompt_tokens") or count_at(usage, "input_tokens") or 0 for usage in told)
    made = sum(count_at(usage, "completion_tokens") or count_at(usage, "output_tokens") or 0 for usage in told)
    return {
        "input_tokens": given,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": given + made,
    }


def _described(id: str, content: bytes) -> dict[str, Any]:
    name = {"filename": "batch.jsonl", "purpose": "batch", "status": "processed"}
    return {"id": id, "object": "file", "bytes": len(content), "created_at": 0, **name}


def _refused(status: int, code: str, message: str) -> Response:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return as_json({"error": error}, status)


def _jsonl(lines: Sequence[Mapping[str, Any]]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)
