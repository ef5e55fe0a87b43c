"""Redaction: what must not leave is gone, the rest stays, and no fault of a function tells what it was."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quorate.errors import LabelError, PluginError
from quorate.prompts.redaction import KNOWN, redactor


def redacted(text: str, *patterns: str, function: Callable[[str], str] | None = None) -> str:
    redact = redactor(patterns, function)
    assert redact is not None
    return redact(text)


@pytest.mark.parametrize(
    ("pattern", "text", "left"),
    [
        ("email", "write to jo.doe+x@mail.example.org.", "write to [email]."),
        ("email", "ünal@example.com,b@example.com", "[email],[email]"),
        ("email", "a@b@example.com", "a@[email]"),
        ("email", "price @ 5 or me@home", "price @ 5 or me@home"),
        ("url", "see https://example.org/a?b=c and www.example.org", "see [url] and [url]"),
        ("url", "see HTTPS://EXAMPLE.ORG", "see [url]"),
        ("ip", "from 192.168.0.1 to 10.0.0.255:80", "from [ip] to [ip]:80"),
        ("ip", "version 1.2.3", "version 1.2.3"),
        ("card", "card 4111 1111 1111 1111 or 4111-1111-1111-1111", "card [card] or [card]"),
        ("card", "card 4111111111111111.", "card [card]."),
        ("card", "order 123456789012", "order 123456789012"),
        ("phone", "call +44 20 7946 0958 or 020-7946-0958", "call [phone] or [phone]"),
        ("phone", "in 1999 or 2024", "in 1999 or 2024"),
        ("iban", "DE89 3704 0044 0532 0130 00 and GB29NWBK60161331926819", "[iban] and [iban]"),
        (r"\bORD-\d+\b", "order ORD-77 now", "order [redacted] now"),
        (r"(?i)secret\w*", "SECRETLY a secret", "[redacted] a [redacted]"),
    ],
)
def test_what_is_named_is_gone_and_the_rest_stays(pattern: str, text: str, left: str) -> None:
    assert redacted(text, pattern) == left


@pytest.mark.parametrize("order", [list(KNOWN), list(reversed(KNOWN))])
def test_patterns_do_not_break_each_other_in_whatever_order_they_are_named(order: list[str]) -> None:
    text = (
        "IBAN DE89 3704 0044 0532 0130 00, card 4111 1111 1111 1111, tel +44 20 7946 0958, host 192.168.0.1, "
        "mail jo@example.org, page https://jo@example.org/x"
    )
    left = "IBAN [iban], card [card], tel [phone], host [ip], mail [email], page [url]"
    assert redacted(text, *order) == left


def test_an_expression_of_the_user_goes_before_the_known_ones() -> None:
    assert redacted("id 4111 1111 1111 1111", "card", r"4111 1111") == "id [redacted] 1111 1111"


PRIVATE = ["jo@example.org", "https://example.org/x", "10.0.0.1", "4111 1111 1111 1111", "+44 20 7946 0958"]
PRIVATE += ["DE89 3704 0044 0532 0130 00"]
TEXTS = st.lists(st.sampled_from(PRIVATE) | st.text(max_size=10), max_size=8).map(" , ".join)


@settings(deadline=None)
@given(st.sampled_from(list(KNOWN)), TEXTS)
def test_after_a_pattern_nothing_of_its_kind_is_left_and_again_changes_nothing(name: str, text: str) -> None:
    left = redacted(text, name)
    assert not re.search(KNOWN[name], left)
    assert redacted(left, name) == left


@settings(deadline=None)
@given(TEXTS)
def test_nothing_private_is_left_whatever_stands_around_it(text: str) -> None:
    left = redacted(text, *KNOWN)
    assert not any(private in left for private in PRIVATE)


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("unit", ["a", "a.", "1", "1 ", "1.", "A1", "+1-", "@", "a@", "www.", "("])
def test_a_long_cell_is_no_work_without_end(name: str, unit: str) -> None:
    """Not a matter of speed: by the square of its length a cell of a megabyte would hold everybody up for hours."""
    start_s = time.process_time()
    redacted(unit * (20_000 // len(unit)) + "!", name)
    assert time.process_time() - start_s < 1.0


def test_without_anything_to_redact_there_is_no_redactor() -> None:
    assert redactor([]) is None


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("emial", "Did you mean 'email'"),
        ("(unclosed", "is not a regular expression"),
        ("x*", "matches where there is nothing"),
        ("", "matches where there is nothing"),
    ],
)
def test_an_expression_that_is_none_is_told(pattern: str, words: str) -> None:
    with pytest.raises(PluginError, match=words):
        redactor([pattern])


def shout(text: str) -> str:
    return text.upper()


def test_the_function_of_the_user_comes_last() -> None:
    assert redacted("jo@example.org wrote", "email", function=shout) == "[EMAIL] WROTE"
    assert redacted("jo wrote", function=shout) == "JO WROTE"


def fails_with(error: BaseException) -> Callable[[str], str]:
    def fail(text: str) -> str:
        raise error

    return fail


SECRET = "Alice"


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (fails_with(ValueError(f"bad {SECRET}")), "ValueError"),
        (fails_with(KeyError(SECRET)), "KeyError"),
        (fails_with(LabelError(f"{SECRET}: bad")), "raised"),
        (fails_with(LabelError(SECRET)), "raised"),
        (fails_with(StopIteration(SECRET)), "StopIteration"),
        (fails_with(SystemExit(SECRET)), "SystemExit"),
        (lambda text: None, "returned NoneType"),
        (lambda text: text.encode(), "returned bytes"),
    ],
)
def test_a_function_that_fails_stops_the_run_and_tells_nothing_of_the_text(
    function: Callable[[str], str], words: str
) -> None:
    with pytest.raises(PluginError, match="nothing more is sent") as caught:
        redacted(SECRET, function=function)
    assert words in str(caught.value)
    assert SECRET not in str(caught.value)
