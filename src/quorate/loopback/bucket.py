"""The rate that a server allows, and the headers that tell of it."""

from __future__ import annotations

import math
import time


class Bucket:
    """Lets in so many requests a second, a tenth of a second's worth at once.

    The headers count by the minute, as OpenAI's do, which also refuses long before the minute's worth is used up.
    """

    def __init__(self, per_s: float | None, retry_after: bool) -> None:
        self._per_s, self._retry_after = per_s, retry_after
        self._most = max((per_s or 0.0) / 10, 1.0)
        self._left, self._at_s = self._most, time.monotonic()

    def take(self) -> bool:
        """Whether the rate has room for one more request, which is taken."""
        if self._per_s is None:
            return True
        now = time.monotonic()
        self._left, self._at_s = min(self._left + (now - self._at_s) * self._per_s, self._most), now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def headers(self) -> dict[str, str]:
        """The room that is left; none where there is no rate."""
        if self._per_s is None:
            return {}
        limit, used = max(round(self._per_s * 60), 1), self._most - self._left
        return {
            "x-ratelimit-limit-requests": str(limit),
            "x-ratelimit-remaining-requests": str(max(limit - math.ceil(used), 0)),
            "x-ratelimit-reset-requests": f"{1000 * used / self._per_s:.0f}ms",
        }

    def refusal(self) -> dict[str, str]:
        """What a refused request is told of waiting."""
        return {"retry-after": "1"} if self._retry_after else {}
