"""What an HTTP status, its headers and its error body mean for the one who asked: the same for every vendor."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from quorate.wire import RateRoom, Unanswered, Verdict

_MESSAGE_CHARS = 300
_STATUS = re.compile(r"[45]\d\d", re.ASCII)
_PASSING = (408, 409, 425, 500, 502, 503, 504, 520, 522, 524, 529)
# A quota that is used up answers 429 like a limit that is, but waiting does not help.
_NO_QUOTA = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")
_NO_SUCH = ("model_not_found", "invalid_api_key", "invalid_authentication")
_OF_THE_ROW = ("context_length_exceeded", "content_filter", "content_policy_violation", "string_above_max_length")
# A gateway that gave up waiting: behind it the model may have answered, and that is charged for.
_GAVE_UP_WAITING = (504, 524)


def unanswered(status: int, headers: Mapping[str, str], body: str) -> Unanswered:
    """The outcome of an attempt that ended in an error status; `body` is the text of the reply.

    A 401, 402, 403, 404 or 405, an unknown model or an empty quota end the run, for no row would fare better. Any
    other 4xx is the row's own fault, as far as one reply can tell: where every row meets it, who counts them stops.
    """
    code, message = error_in(body)
    said = f"HTTP {status}: {message}" if message else f"HTTP {status}"
    reason = "filtered" if code in ("content_filter", "content_policy_violation") else f"http_{status}"
    verdict, is_billed = _verdict(status, code, headers), status in _GAVE_UP_WAITING
    return Unanswered(reason, said, verdict, after_s=retry_after_s(headers), billed=is_billed)


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
    except (ValueError, RecursionError):
        return "", _one_line(re.sub(r"<[^>]*>", " ", body))
    if not isinstance(tree, dict):
        return "", _one_line(body)
    error = tree.get("error") or tree
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
    body = json.dumps(raw)
    if _STATUS.fullmatch(code):
        return unanswered(int(code), {}, body)
    named, message = error_in(body)
    # What is wrong is told by its name alone; a name that says nothing may be a passing fault.
    fault = unanswered(500, {}, body)
    reason = fault.reason if fault.reason == "filtered" else "http_200"
    return Unanswered(reason, f"HTTP 200 with an error inside: {message or named}", fault.verdict)


def retry_after_s(headers: Mapping[str, str], now_s: float | None = None) -> float | None:
    """The seconds that a reply asks to wait: `retry-after-ms`, or `retry-after` in seconds or as an HTTP date."""
    precise = _number(headers.get("retry-after-ms"))
    if precise is not None:
        return max(precise / 1000, 0.0)
    told = headers.get("retry-after")
    if told is None:
        return None
    seconds = _number(told)
    if seconds is not None:
        return max(seconds, 0.0)
    try:
        at_s = parsedate_to_datetime(told).timestamp()
    except (ValueError, OverflowError):
        return None
    return max(at_s - (time.time() if now_s is None else now_s), 0.0)


def room_in(headers: Mapping[str, str]) -> RateRoom:
    """The room that `x-ratelimit-…` headers tell of."""
    left = _number(headers.get("x-ratelimit-remaining-requests"))
    tokens = _number(headers.get("x-ratelimit-remaining-tokens"))
    limit = _number(headers.get("x-ratelimit-limit-requests"))
    if left is None and tokens is None:
        return RateRoom(requests_limit=None if limit is None else int(limit))
    # Where both are used up, the later reset counts; where neither is, nobody waits for one.
    short = [name for name, n in (("requests", left), ("tokens", tokens)) if n is not None and n <= 0]
    resets_s = [duration_s(headers.get(f"x-ratelimit-reset-{name}", "")) for name in short or ["requests"]]
    return RateRoom(
        None if left is None else int(left),
        None if tokens is None else int(tokens),
        max((reset_s for reset_s in resets_s if reset_s is not None), default=None),
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
    """The finite number that a header holds: one that waits for ever, or for no number of seconds, says nothing."""
    try:
        number = math.nan if text is None else float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
