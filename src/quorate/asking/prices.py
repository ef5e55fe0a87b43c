"""What answers cost: the user's own table, else public price lists. Both are estimates."""

from __future__ import annotations

from functools import cache
from typing import Any

from quorate.protocols import Endpoint
from quorate.wire import Price, Usage

_SHARE = {"batch": 0.5, "flex": 0.5}
"""Of the standard price, by service tier; a tier that is not here costs the whole of it."""


def price_of(endpoint: Endpoint) -> Price | None:
    """US dollars per million tokens: what the endpoint declares, else what genai-prices (if installed) knows of its
    model, at the rate for short prompts; None where neither knows. An unknown price is never zero.
    """
    if endpoint.price is not None:
        return endpoint.price
    vendor, _, _ = endpoint.wire.partition(".")
    return _listed(vendor, endpoint.model) if vendor != "http" and endpoint.model else None


def cost_usd(price: Price | None, usage: Usage, tier: str = "") -> float | None:
    """The cost of an answer at a service tier (`batch` and `flex` are half), None where no price is known.

    `(input - cached - cache_write) p + cached p_c + cache_write p_w + output p_o`, each per million tokens.
    """
    if price is None:
        return None
    cached = price.input if price.cached is None else price.cached
    written = price.input if price.cache_write is None else price.cache_write
    plain = max(usage.input - usage.cached - usage.cache_write, 0)
    whole = plain * price.input + usage.cached * cached + usage.cache_write * written + usage.output * price.output
    return whole * _SHARE.get(tier, 1.0) / 1e6


@cache
def _listed(vendor: str, model: str) -> Price | None:
    try:
        from genai_prices import Usage as Use
        from genai_prices import calc_price
    except ModuleNotFoundError:
        return None
    try:
        found: Any = calc_price(Use(input_tokens=1), model_ref=model, provider_id=vendor).model_price
    except LookupError:
        return None
    rates = [_rate(getattr(found, f"{name}_mtok", None)) for name in ("input", "output", "cache_read", "cache_write")]
    if not rates[0]:
        return None  # a list that says zero does not know
    return Price(rates[0], rates[1] or 0.0, rates[2], rates[3])


def _rate(told: Any) -> float | None:
    """A rate; of one with tiers by the length of the prompt, the first."""
    base = getattr(told, "base", told)
    return None if base is None else float(base)
