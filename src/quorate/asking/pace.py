"""The pace of requests to an account that allows so many a second, found from its refusals."""

from __future__ import annotations

from collections import deque

_MEMORY_S = 1.0
_BACK_OFF = 0.94
_SEARCH_BACK_OFF = 0.6
_SEARCH_PER_S = (1.0, 0.15)
"""Growth of the pace: it doubles every second after the first refusals, then grows slowly enough to be measured."""
_SEARCH_MOST_S = 300.0
"""After so long the climb is past every rate that there is, and a float could not hold it much longer."""
_PLATEAU_S = 15.0
_SLOWEST = 0.1
_SLOWEST_START = 1.0


class Pace:
    """Requests per second, unlimited until the first refusal.

    The rate that a server allows is what was sent within the last second less what it refused of that, which does not
    depend on how long answers take. A first burst tells little of it, least of all where others ask the same server:
    the pace falls well below and doubles every second until it is refused again, falls and climbs steadily, and from
    then on follows CUBIC (Ha, Rhee and Xu, 2008; RFC 9438) in a form without scale: a little below the allowed rate,
    back to it within `_PLATEAU_S`, and past it ever faster.
    """

    def __init__(self, now: float) -> None:
        # Counted from the first request: a key may be read and a connection opened long before.
        self._first_s: float | None = None
        self._sent: deque[float] = deque()
        self._refused: deque[float] = deque()
        self._slowed: tuple[float, float] | None = None
        self._allowed: float | None = None
        self._since_s = now
        self._times_slowed = 0

    @property
    def is_known(self) -> bool:
        """Whether there is a pace."""
        return self._allowed is not None

    def refused(self, now: float) -> None:
        """One request was refused."""
        self._refused.append(now)

    def slow_down(self, now: float, resumed_s: float) -> None:
        """The refusals that began at `now` call for a slower pace from `resumed_s` on."""
        self._slowed = (now, resumed_s)

    def gap_s(self, now: float) -> float:
        """Seconds until the next request, after one at `now`."""
        if self._slowed is not None and now >= self._slowed[1]:
            self._settle(*self._slowed)
        if self._first_s is None:
            self._first_s = now
        self._sent.append(now)
        # As long as nothing was refused, one second is remembered; around a refusal, until the pace is settled.
        while self._slowed is None and self._sent[0] < now - _MEMORY_S:
            self._sent.popleft()
        return 0.0 if self._allowed is None else 1.0 / self._rate(now)

    def _rate(self, now: float) -> float:
        assert self._allowed is not None
        passed = now - self._since_s
        if self._times_slowed <= len(_SEARCH_PER_S):
            growth = 1.0 + _SEARCH_PER_S[self._times_slowed - 1]
            return self._allowed * _SEARCH_BACK_OFF * float(growth ** min(passed, _SEARCH_MOST_S))
        share = (passed - _PLATEAU_S) / _PLATEAU_S
        return self._allowed * (1.0 + (1.0 - _BACK_OFF) * share**3)

    def _settle(self, at_s: float, resumed_s: float) -> None:
        since = max(at_s - _MEMORY_S, self._first_s or 0.0)
        sent = sum(since <= sent_s <= at_s for sent_s in self._sent)
        refused = sum(since <= refused_s for refused_s in self._refused)
        slowest = _SLOWEST if self._times_slowed else _SLOWEST_START
        self._allowed = max((sent - refused) / max(at_s - since, 0.1), slowest)
        self._times_slowed += 1
        self._since_s, self._slowed = resumed_s, None
        self._refused.clear()
