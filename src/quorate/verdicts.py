"""What an HTTP status, its headers and its error body mean for the one who asked: the same for every vendor."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from quorate.wire import RateRoom, Unanswered, Verdict

_MESSAGE_CHARS = 300
_PASSING = (408, 409, 425, 500, 502, 503, 504, 520, 522, 524, 529)
# A quota that is used up answers 429 like a limit that is, but waiting does not help.
_NO_QUOTA = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")
_NO_SUCH = ("model_not_found", "invalid_api_key", "invalid_authentication")
_OF_THE_ROW = ("context_length_exceeded", "content_filter", "content_policy_violation", "string_above_max_length")


def unanswered(status: int, headers: Mapping[str, str], body: str) -> Unanswered:
    """The outcome of an attempt that ended in an error status; `body` is the text of the reply.

    A 401, 403 or 404, an unknown model or an empty quota end the run, for no row would fare better. So does a 400
    that does not speak of the row itself: the request has a form that this server never takes.
    """
    code, message = error_in(body)
    said = f"HTTP {status}: {message}" if message else f"HTTP {status}"
    reason = "filtered" if code in ("content_filter", "content_policy_violation") else f"http_{status}"
    return Unanswered(reason, said, _verdict(status, code, headers), after_s=retry_after_s(headers))


def _verdict(status: int, code: str, headers: Mapping[str, str]) -> Verdict:
    if code in _NO_QUOTA or code in _NO_SUCH or status in (401, 402, 403, 404, 405):
        return Verdict.RUN
    if code in _OF_THE_ROW or status in (413, 414):
        return Verdict.ROW
    if status in (429, 498):
        return Verdict.SHRINK
    told = headers.get("x-should-retry")
    if told in ("true", "false"):
        return Verdict.AGAIN if told == "true" else Verdict.ROW
    if status in _PASSING or status >= 500:
        return Verdict.AGAIN
    return Verdict.ROW


def error_in(body: str) -> tuple[str, str]:
    """The error code and message of a body in any of the forms in use; ("", the text) where it has none of them."""
    try:
        tree = json.loads(body)
    except ValueError:
        return "", _one_line(re.sub(r"<[^>]*>", " ", body))
    if not isinstance(tree, dict):
        return "", _one_line(body)
    error = tree.get("error", tree)
    if not isinstance(error, dict):
        return "", _one_line(str(error))
    message = error.get("message") or error.get("detail") or tree.get("message") or ""
    return str(error.get("code") or error.get("type") or ""), _one_line(str(message))


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_MESSAGE_CHARS]


def gateway_error(raw: Any) -> Unanswered | None:
    """The error that a gateway put into a body of status 200, or None where there is none."""
    error = raw.get("error") if isinstance(raw, dict) else None
    if not error:
        return None
    code = str(error.get("code")) if isinstance(error, dict) else ""
    status = int(code) if code.isdigit() and 400 <= int(code) < 600 else 200
    if status != 200:
        return unanswered(status, {}, json.dumps(raw))
    named, message = error_in(json.dumps(raw))
    verdict = Verdict.RUN if named in _NO_QUOTA or named in _NO_SUCH else Verdict.AGAIN
    return Unanswered("http_200", f"HTTP 200 with an error inside: {message or named}", verdict)


def retry_after_s(headers: Mapping[str, str], now_s: float | None = None) -> float | None:
    """The seconds that a reply asks to wait: `retry-after-ms`, or `retry-after` in seconds or as an HTTP date."""
    precise = _number(headers.get("retry-after-ms"))
    if precise is not None:
        return precise / 1000
    told = headers.get("retry-after")
    if told is None:
        return None
    seconds = _number(told)
    if seconds is not None:
        return max(seconds, 0.0)
    try:
        at = parsedate_to_datetime(told)
    except ValueError:
        return None
    return max(at.timestamp() - (time.time() if now_s is None else now_s), 0.0)


def room_in(headers: Mapping[str, str]) -> RateRoom:
    """The room that `x-ratelimit-…` headers tell of."""
    left = _number(headers.get("x-ratelimit-remaining-requests"))
    tokens = _number(headers.get("x-ratelimit-remaining-tokens"))
    if left is None and tokens is None:
        return RateRoom()
    short = "tokens" if tokens is not None and tokens <= 0 else "requests"
    limit = _number(headers.get("x-ratelimit-limit-requests"))
    return RateRoom(
        None if left is None else int(left),
        None if tokens is None else int(tokens),
        duration_s(headers.get(f"x-ratelimit-reset-{short}", "")),
        None if limit is None else int(limit),
    )


_UNITS_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|h|m|s)")


def duration_s(text: str) -> float | None:
    """Seconds of a duration as Go prints it ("6m0s", "120ms"), or of a bare number; None for anything else."""
    bare = _number(text)
    if bare is not None:
        return bare
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _UNITS_S[unit] for number, unit in parts)


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
