"""The budget: caps that hold whoever asks when, and prices that nobody knows."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from clockwork import run
from hypothesis import given, settings
from hypothesis import strategies as st

from quorate.asking.budget import Budget, Cost
from quorate.asking.journal import Spent

FREE = Cost(0.0, 0)
CENT = 0.01


def budget(max_usd: float | None = None, max_tokens: int | None = None, spent: Spent | None = None) -> Budget:
    return Budget(max_usd, max_tokens, spent or Spent())


async def fits(purse: Budget, worst: Cost) -> bool:
    """Whether the cost fits beside what is spent; the budget is as before."""
    is_room = await purse.set_aside(worst)
    if is_room:
        purse.settle(worst, FREE)
    return is_room


@pytest.mark.parametrize(
    ("purse", "worst", "is_room"),
    [
        (budget(), Cost(1e9, 10**12), True),
        (budget(), Cost(None, 10**12), True),
        (budget(max_usd=1.0), Cost(1.0, 10**12), True),
        (budget(max_usd=1.0), Cost(1.01, 0), False),
        (budget(max_tokens=100), Cost(1e9, 100), True),
        (budget(max_tokens=100), Cost(0.0, 101), False),
        (budget(1.0, 100), Cost(0.5, 101), False),
        (budget(max_usd=1.0, spent=Spent(usd=0.75)), Cost(0.5, 0), False),
        (budget(max_tokens=100, spent=Spent(tokens=60)), Cost(0.0, 40), True),
        (budget(max_tokens=100, spent=Spent(tokens=61)), Cost(0.0, 40), False),
        (budget(max_usd=1.0, spent=Spent(usd=7.0)), FREE, False),
    ],
)
def test_a_cost_fits_up_to_the_cap(purse: Budget, worst: Cost, is_room: bool) -> None:
    assert run(fits(purse, worst)) is is_room


@pytest.mark.parametrize(
    ("purse", "is_room"), [(budget(max_usd=1e9), False), (budget(1e9, 10), False), (budget(max_tokens=10), True)]
)
def test_an_unknown_price_fits_under_no_cap_on_dollars(purse: Budget, is_room: bool) -> None:
    assert run(fits(purse, Cost(None, 10))) is is_room


def test_a_question_whose_cost_stays_unknown_costs_its_worst_case() -> None:
    async def tell() -> list[bool]:
        purse = budget(max_usd=1.0)
        worst = Cost(0.75, 10)
        assert await purse.set_aside(worst)
        purse.settle(worst, Cost(None, 10))
        return [await fits(purse, Cost(usd, 0)) for usd in (0.25, 0.26)]

    assert run(tell()) == [True, False]


def test_what_an_earlier_process_spent_at_an_unknown_price_leaves_no_room() -> None:
    purse = budget(max_usd=100.0)
    purse.book(Cost(None, 10))
    assert not run(fits(purse, Cost(CENT, 0)))


def test_where_only_tokens_are_capped_unknown_prices_do_no_harm() -> None:
    async def tell() -> bool:
        purse = budget(max_tokens=100)
        for _ in range(10):
            assert await purse.set_aside(Cost(None, 50))
            purse.settle(Cost(None, 50), Cost(None, 5))
        purse.book(Cost(None, 10))
        return await fits(purse, Cost(None, 40))

    assert run(tell())


@pytest.mark.parametrize(("actual", "is_room"), [(0.25, True), (0.75, False)])
def test_who_does_not_fit_yet_waits_for_those_in_flight(actual: float, is_room: bool) -> None:
    async def tell() -> bool:
        purse, worst = budget(max_usd=1.0), Cost(1.0, 0)
        assert await purse.set_aside(worst)
        waits = asyncio.ensure_future(purse.set_aside(Cost(0.5, 0)))
        await asyncio.sleep(60.0)
        assert not waits.done()
        purse.settle(worst, Cost(actual, 0))
        return await waits

    assert run(tell()) is is_room


def test_who_can_never_fit_waits_for_nobody() -> None:
    async def tell() -> bool:
        purse = budget(max_usd=1.0, spent=Spent(usd=0.5))
        assert await purse.set_aside(Cost(0.5, 0))
        return await asyncio.wait_for(purse.set_aside(Cost(0.51, 0)), 1.0)

    assert not run(tell())


def test_who_stops_waiting_leaves_nothing_aside() -> None:
    async def tell() -> bool:
        purse, worst = budget(max_usd=1.0), Cost(1.0, 0)
        assert await purse.set_aside(worst)
        waits = asyncio.ensure_future(purse.set_aside(Cost(0.5, 0)))
        await asyncio.sleep(0)
        waits.cancel()
        await asyncio.wait([waits])
        purse.settle(worst, FREE)
        return await fits(purse, worst)

    assert run(tell())


def test_what_was_booked_counts() -> None:
    purse = budget(1.0, 100)
    purse.book(Cost(0.5, 50))
    assert not run(fits(purse, Cost(0.51, 0)))
    assert not run(fits(purse, Cost(0.0, 51)))
    assert run(fits(purse, Cost(0.5, 50)))


@dataclass(frozen=True)
class Plan:
    """One question: when it comes, what it costs at worst, the share of it that it does cost, and how long it takes."""

    comes_s: float
    usd: float
    tokens: int
    share: float
    takes_s: float


SECONDS = st.integers(0, 20).map(float)
# Eighths of a dollar add up without rounding, so that the law is exact.
PLANS = st.builds(Plan, SECONDS, st.integers(0, 24).map(lambda n: n / 8), st.integers(0, 24), st.just(1.0), SECONDS)
PLANS |= st.builds(Plan, SECONDS, st.integers(0, 6).map(lambda n: n / 2), st.integers(0, 24), st.just(0.5), SECONDS)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(PLANS, max_size=30),
    st.none() | st.integers(0, 40).map(lambda n: n / 4),
    st.none() | st.integers(0, 80),
)
def test_no_interleaving_spends_past_a_cap(plans: list[Plan], max_usd: float | None, max_tokens: int | None) -> None:
    """Also: everybody gets an answer, and nobody is turned away who fits beside what is really spent."""
    out: list[Cost] = []
    spent = [0.0, 0]

    def is_within(more: list[Cost]) -> bool:
        usd = spent[0] + sum(cost.usd or 0.0 for cost in more)
        tokens = spent[1] + sum(cost.tokens for cost in more)
        return (max_usd is None or usd <= max_usd) and (max_tokens is None or tokens <= max_tokens)

    async def one(purse: Budget, plan: Plan) -> None:
        worst = Cost(plan.usd, plan.tokens)
        await asyncio.sleep(plan.comes_s)
        if not await purse.set_aside(worst):
            assert not is_within([worst])
            return
        out.append(worst)
        assert is_within(out)
        await asyncio.sleep(plan.takes_s)
        out.remove(worst)
        actual = Cost(plan.usd * plan.share, int(plan.tokens * plan.share))
        spent[0] += actual.usd or 0.0
        spent[1] += actual.tokens
        purse.settle(worst, actual)

    async def all_of_them() -> None:
        purse = budget(max_usd, max_tokens)
        async with asyncio.TaskGroup() as group:
            for plan in plans:
                group.create_task(one(purse, plan))

    run(all_of_them())
    assert is_within([])


@settings(deadline=None)
@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=20))
def test_once_everything_is_settled_the_rest_is_free_to_the_last_crumb(costs: list[float]) -> None:
    async def tell() -> bool:
        purse = budget(max_usd=sum(costs) * 2)
        for usd in costs:
            assert await purse.set_aside(Cost(usd, 1))
        for usd in costs:
            purse.settle(Cost(usd, 1), FREE)
        return await fits(purse, Cost(sum(costs) * 2, 0))

    assert run(tell())
