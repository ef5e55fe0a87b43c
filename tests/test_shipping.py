"""What travels to workers: what was raised comes back, what cannot travel comes back as text, children are let go."""

from __future__ import annotations

import os
import platform
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from quorate import __version__
from quorate.child import Child, ChildDied, worked_beside
from quorate.errors import ClusterError
from quorate.protocols import WorkerDied
from quorate.shipping import ahead, folded, opened, packed, unlike, worked


class Locked(Exception):
    """An exception that holds what cannot be pickled."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.lock = threading.Lock()


def refuse(item: int) -> None:
    raise KeyError(item)


def refuse_for_good(item: int) -> None:
    raise Locked(f"{item} and 2")


def test_what_is_raised_there_is_raised_here_with_where_it_was() -> None:
    with pytest.raises(KeyError, match="5") as raised:
        opened(worked(packed(refuse), packed(5)))
    assert "in refuse" in raised.value.__notes__[0]


def test_an_exception_that_cannot_travel_comes_as_its_traceback() -> None:
    with pytest.raises(RuntimeError, match=r"(?s)in refuse_for_good.*1 and 2"):
        opened(worked(packed(refuse_for_good), packed(1)))


def test_a_module_that_a_worker_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("only_here")
    exec("def double(i):\n    return 2 * i\n", module.__dict__)
    monkeypatch.setitem(sys.modules, "only_here", module)
    shipped = packed(module.double)
    monkeypatch.delitem(sys.modules, "only_here")
    with pytest.raises(ClusterError, match=r"cannot import 'only_here'.*beside quorate\.toml"):
        opened(worked(shipped, packed(1)))


@pytest.mark.parametrize("most", [1, 3, 100])
def test_so_many_items_at_most_are_on_their_way(most: int) -> None:
    sent: list[int] = []

    def send(item: int) -> Callable[[], int]:
        sent.append(item)
        return lambda: item

    for given, item in enumerate(ahead(range(20), send, most)):
        assert item == given
        assert len(sent) == min(given + most, 20)


def test_a_fold_ends_with_the_first_item_that_a_worker_died_for() -> None:
    died = WorkerDied("first")
    results: list[int | WorkerDied] = [1, died, 2, WorkerDied("second")]
    assert folded(results, lambda a, b: a + b) is died
    assert folded([1, 2, 3], lambda a, b: a * 10 + b) == 123


@pytest.mark.parametrize(
    ("python", "quorate", "problem"),
    [
        (platform.python_version(), __version__, ""),
        ("3.2.1", __version__, "runs Python 3.2.1"),
        (platform.python_version(), "0.0.0", f"has quorate 0.0.0 and this is {__version__}"),
        (platform.python_version(), None, "has no quorate"),
    ],
)
def test_workers_that_are_not_like_us_are_told_apart(python: str, quorate: str | None, problem: str) -> None:
    assert problem in unlike(python, quorate)
    assert bool(unlike(python, quorate)) == bool(problem)


def test_a_child_works_in_its_main_thread_and_what_users_print_and_read_is_not_in_the_way() -> None:
    def talk(item: int) -> tuple[int, bool]:
        import subprocess

        print("printed")
        subprocess.run(["echo", "shouted"], check=True)
        assert sys.stdin.read() == ""
        return item, threading.current_thread() is threading.main_thread()

    child = Child()
    assert [opened(child.work(packed(talk), packed(i))) for i in (1, 2)] == [(1, True), (2, True)]
    child.close()


def test_a_child_that_dies_is_tried_once_more(tmp_path: Path) -> None:
    once = tmp_path / "once"

    def die_once(item: int) -> int:
        if not once.exists():
            once.touch()
            os._exit(9)
        return item

    def die(item: int) -> None:
        os.abort()

    assert opened(worked_beside(packed(die_once), packed(4))) == 4
    assert opened(worked_beside(packed(die), packed(4))) == WorkerDied("it was ended by signal 6")
    assert opened(worked_beside(packed(abs), packed(-4))) == 4


def test_a_child_ends_when_nobody_holds_it() -> None:
    child = Child()
    pid = opened(child.work(packed(lambda _: os.getpid()), packed(0)))
    del child
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not Path(f"/proc/{pid}").exists()


def test_a_child_that_is_closed_is_dead() -> None:
    child = Child()
    child.close()
    with pytest.raises((ChildDied, ValueError)):
        child.work(packed(abs), packed(-4))
