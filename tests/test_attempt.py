"""attempt: an exception or a hang in a user's function costs one call, never the run."""

from __future__ import annotations

import contextlib
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate.attempt import Fault, attempt
from quorate.errors import LabelError, ProjectError
from quorate.rules import load_rules

timed = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="time limits need Unix signals")

LONG_S = 20.0


@pytest.fixture
def alarm_left_as_found() -> Iterator[None]:
    before = signal.getsignal(signal.SIGALRM)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


class CannotBePrinted(Exception):
    def __str__(self) -> str:
        raise ValueError("not even this")


MISFORTUNES = [None, ValueError, KeyError, StopIteration, SystemExit, RecursionError, MemoryError, LabelError]


@given(st.lists(st.sampled_from(MISFORTUNES)))
def test_every_row_is_called_once_and_in_order_whatever_others_raise(plan: list[type[BaseException] | None]) -> None:
    called: list[int] = []

    def call(position: int, misfortune: type[BaseException] | None) -> int:
        called.append(position)
        if misfortune:
            raise misfortune(f"row {position}")
        return position * 10

    answers, faults = attempt(call, range(len(plan)), plan)
    assert called == list(range(len(plan)))
    assert answers == [None if misfortune else 10 * i for i, misfortune in enumerate(plan)]
    assert sorted(faults) == [i for i, misfortune in enumerate(plan) if misfortune]
    assert all(fault.reason == "raised" for fault in faults.values())
    assert all((plan[i] or object).__name__ in fault.message or plan[i] is LabelError for i, fault in faults.items())
    # `map` takes a StopIteration for its own end, so its text is lost.
    assert all(f"row {i}" in fault.message for i, fault in faults.items() if plan[i] is not StopIteration)


def test_an_empty_next_is_a_fault_of_its_row_and_does_not_end_the_column() -> None:
    """`next(...)` without a default is the commonest way for a rule to raise, and it raises StopIteration."""

    def first_number(text: str) -> str:
        return next(word for word in text.split() if word.isdigit())

    answers, faults = attempt(first_number, ["top 10", "no number", "99 balloons"])
    assert answers == ["10", None, "99"]
    assert faults[1].message.startswith("StopIteration")


def test_an_exception_that_cannot_be_printed_is_a_fault_like_any_other() -> None:
    def call(position: int) -> int:
        if position == 0:
            raise CannotBePrinted
        return position

    answers, faults = attempt(call, [0, 1])
    assert answers == [None, 1]
    assert "CannotBePrinted" in faults[0].message


def test_a_note_on_an_exception_does_not_hide_what_it_says() -> None:
    def call(position: int) -> int:
        error = ValueError("what it says")
        error.add_note("a note")
        raise error

    _, faults = attempt(call, [0])
    assert faults[0].message == "ValueError: what it says"
    assert "a note" in faults[0].traceback


def test_columns_are_zipped_and_no_column_no_call() -> None:
    assert attempt(pow, [2, 3], [3, 2]) == ([8, 9], {})
    assert attempt(pow, [], []) == ([], {})


def loops() -> None:
    until = time.monotonic() + LONG_S
    while time.monotonic() < until:
        pass


def swallows_exceptions() -> None:
    until = time.monotonic() + LONG_S
    while time.monotonic() < until:
        with contextlib.suppress(Exception):
            time.sleep(0.01)


def backtracks() -> None:
    re.match(r"(a+)+$", "a" * 28 + "b")


def sleeps() -> None:
    time.sleep(LONG_S)


@timed
@pytest.mark.parametrize("hang", [loops, sleeps, backtracks, swallows_exceptions])
def test_a_call_that_never_ends_costs_its_row_alone(hang: Callable[[], None]) -> None:
    def call(position: int) -> int:
        if position == 1:
            hang()
        return position

    answers, faults = attempt(call, range(3), time_limit_s=0.2)
    assert answers == [0, None, 2]
    assert {i: (fault.reason, fault.message) for i, fault in faults.items()} == {
        1: ("timeout", "no answer within 0.2 s")
    }
    assert f"in {hang.__name__}" in faults[1].traceback


def gives_up_on_anything() -> None:
    with contextlib.suppress(BaseException):
        time.sleep(LONG_S)


@timed
def test_a_rule_that_swallows_even_the_time_limit_has_timed_out_all_the_same() -> None:
    """A failure is never an abstention, also where a bare `except:` turns it into an answer."""

    def call(position: int) -> int:
        if position == 1:
            gives_up_on_anything()
        return position

    answers, faults = attempt(call, range(3), time_limit_s=0.2)
    assert answers == [0, None, 2]
    assert faults[1].reason == "timeout"


def waits(seconds: float) -> str:
    time.sleep(seconds)
    return "done"


@timed
def test_each_of_several_hanging_rows_times_out() -> None:
    answers, faults = attempt(waits, [0, LONG_S, LONG_S, 0], time_limit_s=0.15)
    assert answers == ["done", None, None, "done"]
    assert [fault.reason for fault in faults.values()] == ["timeout", "timeout"]


@timed
def test_the_limit_is_for_one_row_and_not_for_all() -> None:
    assert attempt(waits, [0.1] * 8, time_limit_s=0.6) == (["done"] * 8, {})


@timed
def test_without_a_limit_a_slow_row_is_answered_and_no_alarm_is_set() -> None:
    def call(_: int) -> tuple[float, float]:
        return signal.getitimer(signal.ITIMER_REAL)

    assert attempt(call, [0], time_limit_s=None) == ([(0.0, 0.0)], {})


def raises(_: int) -> None:
    raise ValueError("no")


def interrupts(_: int) -> None:
    raise KeyboardInterrupt


@timed
@pytest.mark.usefixtures("alarm_left_as_found")
@pytest.mark.parametrize("call", [abs, raises, interrupts])
def test_the_handler_of_the_caller_is_put_back_and_the_ticking_stops(call: Callable[[int], Any]) -> None:
    def mine(*_: object) -> None:
        raise AssertionError("the clock of attempt still ticks")

    signal.signal(signal.SIGALRM, mine)
    try:
        attempt(call, [1, 2], time_limit_s=0.2)
    except KeyboardInterrupt:
        assert call is interrupts
    assert signal.getsignal(signal.SIGALRM) is mine
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@timed
@pytest.mark.usefixtures("alarm_left_as_found")
def test_an_alarm_that_the_caller_had_set_still_rings() -> None:
    """pytest-timeout and many servers guard themselves with the same signal."""
    rung = threading.Event()
    signal.signal(signal.SIGALRM, lambda *_: rung.set())
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    assert attempt(abs, [-1], time_limit_s=5) == ([1], {})
    until = time.monotonic() + 2
    while not rung.is_set() and time.monotonic() < until:
        time.sleep(0.02)
    assert rung.is_set()


def test_in_a_thread_faults_are_caught_and_the_limit_is_not_kept() -> None:
    kept: list[tuple[list[Any], dict[int, Fault]]] = []

    def call(position: int) -> int:
        time.sleep(0.1)
        return 10 // position

    thread = threading.Thread(target=lambda: kept.append(attempt(call, [0, 1], time_limit_s=0.02)))
    thread.start()
    thread.join()
    ((answers, faults),) = kept
    assert answers == [None, 10]
    assert faults[0].message.startswith("ZeroDivisionError")


def test_ctrl_c_ends_the_run() -> None:
    with pytest.raises(KeyboardInterrupt):
        attempt(interrupts, [1, 2])


def files_in(traceback: str) -> set[str]:
    return set(re.findall(r'File "([^"]+)"', traceback))


def outer(position: int) -> int:
    return inner(position)


def inner(position: int) -> int:
    raise RuntimeError("deep inside") if position else ValueError("deep inside")


def test_a_traceback_shows_the_frames_of_the_user_and_ends_with_the_exception() -> None:
    _, faults = attempt(outer, [0])
    lines = faults[0].traceback.splitlines()
    assert files_in(faults[0].traceback) == {__file__}
    assert [line.split()[-1] for line in lines if " in " in line] == ["outer", "inner"]
    assert lines[-1] == "ValueError: deep inside"


def endless(position: int) -> int:
    return endless(position + 1)


def test_the_traceback_of_endless_recursion_is_short() -> None:
    _, faults = attempt(endless, [0])
    assert faults[0].message.startswith("RecursionError")
    assert len(faults[0].traceback.splitlines()) < 60


def test_an_exception_while_rules_are_imported_shows_the_file_of_the_user_alone(tmp_path: Path) -> None:
    rules = tmp_path / "rules.py"
    rules.write_text("def limit():\n    return 1 / 0\n\nLIMIT = limit()\n")
    with pytest.raises(ProjectError, match="ZeroDivisionError") as caught:
        load_rules(rules)
    assert files_in(str(caught.value)) == {str(rules)}


def test_an_exception_in_a_module_that_rules_import_shows_both_files(tmp_path: Path) -> None:
    (tmp_path / "helpers.py").write_text("LIMIT = 1 / 0\n")
    rules = tmp_path / "rules.py"
    rules.write_text("import helpers\n")
    with pytest.raises(ProjectError, match="ZeroDivisionError") as caught:
        load_rules(rules)
    assert files_in(str(caught.value)) == {str(rules), str(tmp_path / "helpers.py")}
