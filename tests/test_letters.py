"""The key of a question: equal where everything that is sent is equal, in every process, and nowhere else."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quorate.asking.letters import letter

SAID = ("openai.chat", "https://a", {"model": "m", "messages": [{"role": "user", "content": "hello"}]}, 0)


@pytest.mark.parametrize(
    "other",
    [
        ("openai.responses", *SAID[1:]),
        (SAID[0], "https://b", *SAID[2:]),
        ("openai.chath", "ttps://a", *SAID[2:]),
        (*SAID[:2], {"model": "n", "messages": SAID[2]["messages"]}, 0),
        (*SAID[:2], {"model": "m", "messages": [{"role": "user", "content": "hello "}]}, 0),
        (*SAID[:2], {"model": "m", "messages": SAID[2]["messages"], "temperature": 0}, 0),
        (*SAID[:3], 1),
    ],
)
def test_another_question_has_another_key(other: tuple[Any, ...]) -> None:
    assert letter(*other).key != letter(*SAID).key


def test_the_order_of_a_body_is_no_part_of_the_key() -> None:
    turned = {"messages": [{"content": "hello", "role": "user"}], "model": "m"}
    assert letter(SAID[0], SAID[1], turned).key == letter(*SAID).key


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
BODIES = st.dictionaries(st.text(max_size=5), JSON, max_size=3)
# Half a surrogate pair: what is left of an emoji that was cut in two.
BROKEN = st.text(st.characters(categories=["L", "Cs", "Cc", "So"]), max_size=8)
QUESTIONS = st.tuples(BROKEN, BROKEN, BODIES | BROKEN.map(lambda text: {"content": text}), st.integers(0, 3))


@settings(deadline=None)
@given(QUESTIONS, QUESTIONS)
def test_no_two_questions_share_a_key(a: tuple[Any, ...], b: tuple[Any, ...]) -> None:
    key = letter(*a).key
    assert len(key) == 32
    assert key == letter(*a).key
    assert a == b or key != letter(*b).key


def test_a_key_is_the_same_in_every_process() -> None:
    code = "from quorate.asking.letters import letter; print(letter('w', 'https://a', {'b': 1, 'a': [2]}).key.hex())"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.strip() == letter("w", "https://a", {"a": [2], "b": 1}).key.hex()
