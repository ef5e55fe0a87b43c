"""The pace that an account allows: found from refusals, and always a number."""

from __future__ import annotations

import asyncio

import pytest
from clockwork import now_s, run
from crowd import ROOM, Crowd, passed, refused
from hypothesis import given, settings
from hypothesis import strategies as st

from quorate.asking.limiter import Limiter
from quorate.asking.pace import Pace
from quorate.wire import Limits


@pytest.mark.parametrize("allowed_per_s", [3, 40])
def test_a_rate_that_nobody_told_is_found(allowed_per_s: int) -> None:
    """A server that takes so many requests in any second: most of them are used, and few are asked in vain."""
    taken_s: list[float] = []
    counts = {"good": 0, "refused": 0}

    async def tell() -> float:
        limiter = Limiter(Limits(64))

        async def serve(_: int) -> None:
            now = now_s()
            is_taken = sum(then > now - 1.0 for then in taken_s[-allowed_per_s:]) < allowed_per_s
            counts["good" if is_taken else "refused"] += 1
            if is_taken:
                taken_s.append(now)
                await asyncio.sleep(0.3)
                limiter.succeeded(ROOM)
            else:
                limiter.refused(None)

        await Crowd(limiter, serve).all(allowed_per_s * 300)
        return now_s()

    took_s = run(tell())
    assert counts["good"] > 0.75 * allowed_per_s * took_s
    # Twenty of them go in the first burst, before anything is known.
    assert counts["refused"] < 20 + 0.03 * counts["good"]


def test_hours_after_the_only_refusal_the_pace_is_still_a_number() -> None:
    async def tell() -> float:
        limiter = Limiter(Limits(20))
        await refused(limiter, 0.0)
        for _ in range(5):
            await asyncio.sleep(3_600.0)
            await passed(limiter)
        return now_s()

    assert run(tell()) < 5 * 3_600.0 + 1.0


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["sent", "refused", "slow"]), st.floats(0.0, 1e5)), max_size=40))
def test_whatever_is_refused_when_the_next_request_has_its_time(happenings: list[tuple[str, float]]) -> None:
    now = 0.0
    pace = Pace(now)
    for what, passed_s in happenings:
        now += passed_s
        if what == "sent":
            assert 0.0 <= pace.gap_s(now) < 60.0
        else:
            pace.refused(now)
        if what == "slow":
            now += 0.3
            pace.slow_down(now - 0.3, now)


def test_there_is_no_pace_before_a_refusal() -> None:
    pace = Pace(0.0)
    assert [pace.gap_s(0.001 * i) for i in range(2_000)] == [0.0] * 2_000
    assert not pace.is_known
