"""The arithmetic of prices, against sums done by hand."""

from __future__ import annotations

import pytest

from quorate.asking.prices import cost_usd
from quorate.wire import Price, Usage

PRICE = Price(input=2.0, output=8.0, cached=0.5, cache_write=2.5)


@pytest.mark.parametrize(
    ("usage", "tier", "usd"),
    [
        (Usage(1_000_000), "", 2.0),
        (Usage(1_000, 100), "", (1_000 * 2.0 + 100 * 8.0) / 1e6),
        # Cached and written tokens are part of the input, and not counted twice.
        (Usage(1_000, 100, cached=600, cache_write=300), "", (100 * 2.0 + 600 * 0.5 + 300 * 2.5 + 100 * 8.0) / 1e6),
        (Usage(1_000, 100, cached=600, cache_write=300), "flex", (100 * 2.0 + 600 * 0.5 + 300 * 2.5 + 800) / 2e6),
        (Usage(1_000, 100), "batch", (1_000 * 2.0 + 100 * 8.0) / 2e6),
        (Usage(1_000, 100), "priority", (1_000 * 2.0 + 100 * 8.0) / 1e6),
        # Thinking is part of the output.
        (Usage(0, 100, reasoning=90), "", 100 * 8.0 / 1e6),
        (Usage(), "", 0.0),
    ],
)
def test_a_cost_is_the_sum_done_by_hand(usage: Usage, tier: str, usd: float) -> None:
    assert cost_usd(PRICE, usage, tier) == pytest.approx(usd)


def test_without_rates_of_their_own_cached_tokens_cost_as_input() -> None:
    assert cost_usd(Price(2.0), Usage(1_000, cached=400, cache_write=100)) == pytest.approx(1_000 * 2.0 / 1e6)


def test_an_unknown_price_is_not_zero() -> None:
    assert cost_usd(None, Usage(1_000, 100)) is None
