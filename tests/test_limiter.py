"""How fast an account is asked: laws of the limiter, against servers made of a clock that jumps."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from clockwork import run
from crowd import ROOM, Crowd, crowd, good_server, passed, refused
from hypothesis import given, settings
from hypothesis import strategies as st

from quorate.asking.limiter import Limiter
from quorate.wire import Limits, RateRoom


async def answered(limiter: Limiter, at_once: int) -> None:
    """A round in which the whole window is in use and every request is answered well."""
    for _ in range(at_once):
        await limiter.enter(1)
    for _ in range(at_once):
        limiter.succeeded(ROOM)
        limiter.leave()


@pytest.mark.parametrize("at_once", [1, 3, 20, 64])
def test_never_more_than_allowed_at_once_and_all_of_it_is_used(at_once: int) -> None:
    assert run(crowd(Limits(at_once), 600)).most == at_once


def test_the_start_is_no_burst() -> None:
    made = run(crowd(Limits(500), 500))
    assert made.entered_s.count(0.0) == 20


def test_the_window_doubles_every_round() -> None:
    made = run(crowd(Limits(10_000), 300, answer_s=1.0))
    assert [made.entered_s.count(float(second)) for second in range(4)] == [20, 40, 80, 160]


def test_first_come_first_in() -> None:
    made = run(crowd(Limits(2, requests_per_minute=600), 30))
    assert made.order == list(range(30))


def test_a_window_that_is_not_used_does_not_grow() -> None:
    async def one_by_one() -> int:
        limiter = Limiter(Limits(64))
        for _ in range(500):
            await limiter.enter(1)
            limiter.succeeded(ROOM)
            limiter.leave()
        return limiter.at_once

    assert run(one_by_one()) == 20


def test_the_first_refusal_slows_down_and_the_next_at_that_pace_takes_a_fifth() -> None:
    async def tell() -> list[int]:
        limiter = Limiter(Limits(20))
        windows = []
        for at_s in (1.0, 10.0, 20.0, 30.0):
            await refused(limiter, at_s)
            windows.append(limiter.at_once)
        return windows

    assert run(tell()) == [20, 16, 12, 10]


@pytest.mark.parametrize("times", [2, 50])
def test_refusals_that_come_together_shrink_the_window_once(times: int) -> None:
    async def tell() -> tuple[int, int]:
        limiter = Limiter(Limits(20))
        await refused(limiter, 1.0)
        await asyncio.sleep(10.0)
        await passed(limiter)
        for _ in range(times):
            limiter.refused(None)
            await asyncio.sleep(1.2 / times)
        within = limiter.at_once
        await refused(limiter, 60.0)
        return within, limiter.at_once

    assert run(tell()) == (16, 12)


def test_the_window_never_closes() -> None:
    async def tell() -> float:
        limiter = Limiter(Limits(4))
        for i in range(40):
            await refused(limiter, 60.0 * i)
        assert limiter.at_once == 1
        return await passed(limiter)

    assert run(tell()) > 0


def test_after_a_shrink_growth_is_slow() -> None:
    async def tell() -> list[int]:
        limiter = Limiter(Limits(100))
        await refused(limiter, 1.0)
        await refused(limiter, 10.0)
        await asyncio.sleep(600.0)
        windows = [limiter.at_once]
        for requests in (64, 4_000):
            await Crowd(limiter, good_server(limiter)).all(requests)
            windows.append(limiter.at_once)
        return windows

    shrunk, after_four_rounds, later = run(tell())
    assert shrunk == 16
    assert shrunk < after_four_rounds < 1.3 * shrunk
    assert later == 100


@pytest.mark.parametrize("after_s", [0.5, 30.0])
def test_everybody_waits_as_long_as_the_server_asks(after_s: float) -> None:
    async def tell() -> float:
        limiter = Limiter(Limits(20))
        await passed(limiter)
        limiter.refused(after_s)
        return await passed(limiter)

    assert after_s <= run(tell()) < after_s + 0.1


def test_a_longer_wait_counts_within_the_cool_down_and_a_shorter_one_takes_nothing_back() -> None:
    async def tell() -> float:
        limiter = Limiter(Limits(20))
        await passed(limiter)
        for after_s in (1.0, 40.0, 2.0, None):
            limiter.refused(after_s)
        return await passed(limiter)

    assert 40.0 <= run(tell()) < 41.0


def test_faults_of_the_server_stop_growth_for_a_while() -> None:
    async def tell() -> list[int]:
        limiter = Limiter(Limits(64))
        limiter.faulted()
        windows = []
        for wait_s in (0.0, 0.9, 0.2):
            await asyncio.sleep(wait_s)
            await answered(limiter, 20)
            windows.append(limiter.at_once)
        return windows

    now, soon, later = run(tell())
    assert (now, soon) == (20, 20)
    assert later > 20


def test_a_fault_does_not_end_the_calm_that_a_refusal_asked_for() -> None:
    async def tell() -> int:
        limiter = Limiter(Limits(64))
        for _ in range(20):
            await limiter.enter(1)
        limiter.refused(30.0)
        limiter.faulted()
        await asyncio.sleep(5.0)
        limiter.succeeded(ROOM)  # one of those that were under way when the server said to wait
        return limiter.at_once

    assert run(tell()) == 20


@pytest.mark.parametrize(
    ("room", "waits_s"),
    [
        (RateRoom(requests_left=0, reset_s=5.0), 5.0),
        (RateRoom(requests_left=9, tokens_left=0, reset_s=7.0), 7.0),
        (RateRoom(tokens_left=-3, reset_s=7.0), 7.0),
        (RateRoom(requests_left=1, tokens_left=1, reset_s=5.0), 0.0),
        (RateRoom(requests_left=0), 0.0),
        (ROOM, 0.0),
    ],
)
def test_where_no_room_is_left_everybody_waits_for_the_reset(room: RateRoom, waits_s: float) -> None:
    async def tell() -> float:
        limiter = Limiter(Limits(20))
        await limiter.enter(1)
        limiter.succeeded(room)
        limiter.leave()
        return await passed(limiter)

    assert run(tell()) == pytest.approx(waits_s)


@settings(deadline=None, max_examples=40)
@given(st.floats(1, 120) | st.floats(1, 6_000), st.integers(1, 64), st.floats(0.01, 1.0), st.integers(1, 200))
def test_no_minute_holds_more_requests_than_are_allowed(rate: float, at_once: int, answer_s: float, n: int) -> None:
    entered_s = run(crowd(Limits(at_once, requests_per_minute=rate), n, answer_s)).entered_s
    assert len(entered_s) == n
    most = max(sum(start <= other < start + 60.0 for other in entered_s) for start in entered_s)
    # One at the beginning of the minute, and what a late timer may catch up with.
    assert most <= rate + 1 + 0.02 * rate / 60.0


@settings(deadline=None, max_examples=40)
@given(st.integers(100, 100_000), st.integers(1, 3_000), st.integers(1, 60))
def test_no_minute_holds_more_tokens_than_are_allowed(rate: int, tokens: int, n: int) -> None:
    entered_s = run(crowd(Limits(64, tokens_per_minute=rate), n, tokens=tokens)).entered_s
    most = max(sum(tokens for other in entered_s if start <= other < start + 60.0) for start in entered_s)
    assert most <= rate + tokens + 0.02 * rate / 60.0


def test_both_limits_hold_and_the_tighter_one_sets_the_pace() -> None:
    made = run(crowd(Limits(64, requests_per_minute=600, tokens_per_minute=6_000), 20, tokens=500))
    assert {round(after - before, 3) for before, after in pairwise(made.entered_s)} <= {4.98, 5.0}


def test_who_stops_waiting_takes_no_slot() -> None:
    async def tell() -> list[int]:
        limiter = Limiter(Limits(1))
        made = Crowd(limiter, good_server(limiter))
        tasks = [asyncio.ensure_future(made.one(i)) for i in range(4)]
        await asyncio.sleep(0)
        tasks[1].cancel()  # while it waits
        await asyncio.sleep(0.5)
        tasks[2].cancel()  # in the moment in which it is let in
        await asyncio.wait(tasks)
        return made.order

    assert run(tell()) == [0, 3]


HAPPENINGS = st.lists(
    st.tuples(st.sampled_from(["good", "good", "good", "slow", "429", "wait", "500", "gone"]), st.floats(0.0, 3.0)),
    min_size=1,
    max_size=60,
)


@settings(deadline=None, max_examples=100)
@given(HAPPENINGS, st.integers(1, 30))
def test_whatever_happens_the_window_holds_and_everybody_has_a_turn(
    happenings: list[tuple[str, float]], at_once: int
) -> None:
    async def tell() -> Crowd:
        limiter = Limiter(Limits(at_once))

        async def serve(i: int) -> None:
            what, answer_s = happenings[i]
            assert made.in_flight <= at_once
            await asyncio.sleep(answer_s * (20 if what == "slow" else 1))
            if what == "429":
                limiter.refused(None)
            elif what == "wait":
                limiter.refused(answer_s)
            elif what == "500":
                limiter.faulted()
            elif what == "gone":
                raise ConnectionError
            else:
                limiter.succeeded(ROOM)

        made = Crowd(limiter, serve)
        await asyncio.gather(*(made.one(i) for i in range(len(happenings))), return_exceptions=True)
        return made

    assert sorted(run(tell()).order) == list(range(len(happenings)))
