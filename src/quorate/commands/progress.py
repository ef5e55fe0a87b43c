"""How far a command is: bars and lines on a terminal; always on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from quorate.protocols import Tell, unheard


@contextmanager
def progress() -> Iterator[Callable[[int, int | None], None]]:
    """A bar with rate and time left on a terminal, a line every few seconds elsewhere; always on standard error.

    Called with how many rows are done of how many (None: nobody knows); the clock starts anew when none are.
    """
    if not sys.stderr.isatty():
        yield _plain_progress()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("rows"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task("rows", total=None, rate="")
        start = time.monotonic()

        def advance(done: int, total: int | None) -> None:
            nonlocal start
            start = start if done else time.monotonic()
            bar.update(
                task,
                completed=done,
                total=total,
                rate=f"{done / max(time.monotonic() - start, 1e-9):,.0f} rows/s",
            )

        yield advance


@contextmanager
def stages() -> Iterator[Tell]:
    """A line that says what is being done and for how long, on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield unheard
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as line:
        task = line.add_task("", total=None)
        yield lambda doing: line.update(task, description=doing)


def _plain_progress(every_s: float = 5.0) -> Callable[[int, int | None], None]:
    start = last = time.monotonic()

    def advance(done: int, total: int | None) -> None:
        nonlocal start, last
        now = time.monotonic()
        if not done:
            start = last = now
        if now - last >= every_s:
            last = now
            rate = done / (now - start)
            of, left = "", ""
            if total is not None:
                of, left = f" of {total:,}", f", {(total - done) / max(rate, 1e-9):,.0f} s left"
            sys.stderr.write(f"{done:,}{of} rows, {rate:,.0f} rows/s{left}\n")
            sys.stderr.flush()

    return advance
