"""A question as it goes out: its body, and the key under which its answer is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Letter:
    """`key` is 32 bytes that say what is asked of whom, equal for equal questions in every process; `size_bytes` is
    the length of the body, which bounds its tokens, and `answers` how many labels it asks for."""

    key: bytes
    body: Mapping[str, Any]
    size_bytes: int
    answers: int = 1


def letter(wire: str, base_url: str, body: Mapping[str, Any], sample: int = 0, answers: int = 1) -> Letter:
    """The letter of a body; samples of one question are letters of their own."""
    said = _CANONICAL.encode(body).encode("utf-8", "surrogatepass")
    return Letter(sha256(_to(wire, base_url, sample) + said).digest(), body, len(said), answers)


@cache
def _to(wire: str, base_url: str, sample: int) -> bytes:
    return _CANONICAL.encode([wire, base_url, sample]).encode("utf-8", "surrogatepass") + b"\n"
