"""A process beside this one that does shipped work in its main thread.

Where a vendor's worker calls us in a thread, time limits of rules cannot hold, and a rule that kills its process would
take the worker with it. A child is started by its command line, so it may be started from daemons too.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import threading
import weakref
from contextlib import suppress
from typing import IO

from quorate.protocols import WorkerDied
from quorate.shipping import packed, worked

_LENGTH = struct.Struct(">Q")
_HERE = threading.local()


class ChildDied(Exception):
    """The child ended before it answered."""


class Child:
    """A child of this process; it ends with it, or when nobody holds it any more."""

    def __init__(self) -> None:
        # What this process can import the child can: schedulers put folders of their own in the path.
        path = os.pathsep.join(folder for folder in sys.path if folder)
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from quorate.child import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            # An interrupt from the terminal is for the command, which lets its workers go.
            start_new_session=True,
        )
        self.close = weakref.finalize(self, _end, self._process)

    def work(self, shipped: bytes, item: bytes) -> bytes:
        """As `quorate.shipping.worked`, over there.

        Raises:
            ChildDied: it ended instead.
        """
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            _write(process.stdin, shipped)
            _write(process.stdin, item)
            came = _read(process.stdout)
        except BrokenPipeError:
            came = None
        if came is None:
            process.wait()
            self.close()
            code = process.returncode
            raise ChildDied(f"it was ended by signal {-code}" if code < 0 else f"it ended with exit code {code}")
        return came


def worked_beside(shipped: bytes, item: bytes) -> bytes:
    """As `quorate.shipping.worked`, in the child of this thread; `WorkerDied` where two children died of it."""
    try:
        return _child().work(shipped, item)
    except ChildDied:
        del _HERE.child
    try:
        return _child().work(shipped, item)
    except ChildDied as died:
        del _HERE.child
        return packed((WorkerDied(str(died)), None))


def serve() -> None:
    """What a child does until its parent closes the pipe or ends."""
    asked, told = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # The pipes are not for users' functions: what they print goes to standard error, and there is nothing to read.
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    while (shipped := _read(asked)) is not None and (item := _read(asked)) is not None:
        came = worked(shipped, item)
        try:
            _write(told, came)
        except BrokenPipeError:
            # The parent is gone, and nobody waits for the answer.
            os._exit(0)


def _child() -> Child:
    if not hasattr(_HERE, "child"):
        _HERE.child = Child()
    child: Child = _HERE.child
    return child


def _write(pipe: IO[bytes], message: bytes) -> None:
    pipe.write(_LENGTH.pack(len(message)))
    pipe.write(message)
    pipe.flush()


def _read(pipe: IO[bytes]) -> bytes | None:
    """The next message; None where the other side closed the pipe."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    message = pipe.read(length)
    return message if len(message) == length else None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a child, whatever it is doing."""
    process.kill()
    with suppress(BrokenPipeError):
        # `communicate` writes what is still buffered for a process that is gone.
        process.communicate()
