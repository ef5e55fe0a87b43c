"""ration: work that may take so large a part of the time and no more."""

from __future__ import annotations

import time


class Ration:
    """Use it as a context manager around the work; `share` in (0, 1]."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._began_s = self._ended_s = self._took_s = 0.0

    @property
    def is_due(self) -> bool:
        """Whether the work may be done again."""
        return self.wait_s() == 0

    def wait_s(self) -> float:
        """How long to wait until it may."""
        return max(self._ended_s + self._took_s / self._share - time.monotonic(), 0.0)

    def __enter__(self) -> None:
        self._began_s = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._ended_s = time.monotonic()
        self._took_s = self._ended_s - self._began_s
