"""Calls code that users wrote: an exception or a hang costs one call, never the run."""

from __future__ import annotations

import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quorate.errors import QuorateError

DEFAULT_TIME_LIMIT_S = 10.0
_FRAMES_SHOWN = 12
_OWN_CODE = str(Path(__file__).parent)


@dataclass(frozen=True, slots=True)
class Fault:
    """What one call raised: a reason code (`raised` or `timeout`), the last line, and the user's own frames."""

    reason: str
    message: str
    traceback: str = ""


class _TimeUp(BaseException):
    """Raised inside the user's code; not an `Exception`, so that an `except Exception` there does not swallow it."""


def attempt(
    call: Callable[..., Any], *columns: Sequence[Any], time_limit_s: float | None = DEFAULT_TIME_LIMIT_S
) -> tuple[list[Any], dict[int, Fault]]:
    """`call` over the zipped columns: the answers (None where it failed), and the faults by position.

    A call may take `time_limit_s` seconds (None: for ever). The limit needs a Unix signal, so it holds in the main
    thread of a process (where `quorate run`, notebooks and worker processes call it), not in other threads.
    """
    answers: list[Any] = []
    faults: dict[int, Fault] = {}
    # One map iterator for all rows: it runs at the speed of a list comprehension, and after an exception it
    # stands behind the row that raised, so no row is ever called twice.
    calls = map(call, *columns)
    total = min(map(len, columns))
    with _watched(answers, time_limit_s) as late:
        while len(answers) < total:
            try:
                answers.extend(calls)
            except (Exception, SystemExit, _TimeUp) as error:
                # The one broad except of the engine: whatever a user's function does becomes data.
                faults[len(answers)] = _fault(error, time_limit_s)
                answers.append(None)
            else:
                if len(answers) < total:
                    # StopIteration out of a user's function looks like the end of the rows, and leaves no trace.
                    faults[len(answers)] = Fault("raised", "StopIteration: a next() without a default found nothing")
                    answers.append(None)
    # A rule with a bare `except:` swallows even the time limit; its late answer does not count.
    for at in late - set(faults):
        answers[at], faults[at] = None, _fault(_TimeUp(), time_limit_s)
    return answers, faults


def _fault(error: BaseException, time_limit_s: float | None) -> Fault:
    if isinstance(error, _TimeUp):
        return Fault("timeout", f"no answer within {time_limit_s:g} s", _user_frames(error))
    if isinstance(error, QuorateError):
        return Fault("raised", str(error), _user_frames(error))
    # Not str(error): an exception may be unable to print itself.
    lines = traceback.format_exception_only(error)
    said = [line for line in lines if type(error).__name__ in line.partition(":")[0]] or lines
    return Fault("raised", said[0].strip(), _user_frames(error))


def _user_frames(error: BaseException) -> str:
    own = (_OWN_CODE, "<frozen importlib")
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(own)]
    # These two say all they have to say in the message.
    last = [] if isinstance(error, _TimeUp | QuorateError) else traceback.format_exception_only(error)
    return "".join([*traceback.format_list(frames[-_FRAMES_SHOWN:]), *last])


@contextmanager
def _watched(answers: list[Any], limit_s: float | None) -> Iterator[set[int]]:
    """Ticks while calls run and raises in the one that gets nowhere, at no cost per call; yields their positions."""
    late: set[int] = set()
    if limit_s is None or not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield late
        return
    start = since = time.monotonic()
    seen = 0

    def tick(*_: object) -> None:
        nonlocal seen, since
        now = time.monotonic()
        if len(answers) != seen:
            seen, since = len(answers), now
        elif now - since >= limit_s:
            since = now
            late.add(seen)
            raise _TimeUp

    handler = signal.signal(signal.SIGALRM, tick)
    step = max(limit_s / 10, 0.01)
    delay, interval = signal.setitimer(signal.ITIMER_REAL, step, step)
    try:
        yield late
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if delay:
            # The caller's own alarm goes on where it stood.
            signal.setitimer(signal.ITIMER_REAL, max(delay - (time.monotonic() - start), 1e-3), interval)
