"""Prompt templates: what they read, what they refuse, and that an empty cell is blank."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import TemplateError

from quorate.errors import PluginError
from quorate.prompts.templates import PromptTemplate


def rendered(template: str, /, **cells: Any) -> str:
    return PromptTemplate(template).render(cells)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("no column at all", ()),
        ("{{ title }}: {{ text }} {{ text }}", ("text", "title")),
        ("{% if stars > 3 %}good{% endif %}", ("stars",)),
        ("{% for word in words %}{{ word }}{% endfor %}", ("words",)),
        ("{% set short = text[:9] %}{{ short }}", ("text",)),
        ("{{ labels }} {{ examples }} {{ cannot_tell }} {{ text }}", ("text",)),
        ("{% for i in range(3) %}{{ text }}{% endfor %}", ("text",)),
        ("{% macro m(a) %}{{ a }}{{ b }}{% endmacro %}{{ m(text) }}", ("b", "text")),
        ("{{ text|upper }}{# {{ title }} #}{% raw %}{{ stars }}{% endraw %}", ("text",)),
        ("{{ lipsum }}", ("lipsum",)),
    ],
)
def test_the_columns_that_a_template_reads_are_found(text: str, columns: tuple[str, ...]) -> None:
    assert PromptTemplate(text).columns == columns


@given(st.text(max_size=20).filter(lambda text: "{" not in text))
def test_a_text_without_marks_is_its_own_prompt(text: str) -> None:
    template = PromptTemplate(text)
    assert template.columns == ()
    assert template.render({}).split() == text.split()


@given(st.text(max_size=20))
def test_a_cell_stands_in_the_prompt_as_it_is(cell: str) -> None:
    """No escapes of HTML, and no template inside a cell."""
    assert rendered("<{{ text }}>", text=cell) == f"<{cell}>"
    assert rendered("<{{ text }}>", text="{{ 1 + 1 }}<b>&") == "<{{ 1 + 1 }}<b>&>"


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("<{{ text }}>", "<>"),
        ("<{{ text|trim }}>", "<>"),
        ("<{{ text|upper }}>", "<>"),
        ("<{{ 'Title: ' ~ text }}>", "<Title: >"),
        ("<{{ cells }}>", "<[None, 1]>"),
        ("<{% for cell in cells %}{{ cell }},{% endfor %}>", "<,1,>"),
        ("<{{ text or 'nothing' }}>", "<nothing>"),
        ("<{{ text|default('nothing', true) }}>", "<nothing>"),
        ("<{{ 'none' if text is none else 'some' }}>", "<none>"),
        ("<{{ 'none' if zero is none else 'some' }}>", "<some>"),
        ("<{{ zero }}{{ no }}>", "<0False>"),
    ],
)
def test_an_empty_cell_is_blank(text: str, prompt: str) -> None:
    assert rendered(text, text=None, cells=[None, 1], zero=0, no=False) == prompt


@pytest.mark.parametrize("text", ["{{ titel }}", "{{ titel|upper }}", "{% if titel %}{% endif %}", "{{ text.titel }}"])
def test_a_name_that_is_not_there_is_told_and_not_blank(text: str) -> None:
    with pytest.raises(TemplateError, match="titel"):
        rendered(text, text="hello")


@pytest.mark.parametrize(
    "text",
    [
        "{{ text.__class__.__mro__ }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ text.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ '{0.__class__}'.format(text) }}",
        "{{ text|attr('__class__') }}",
        "{% for i in range(10000000) %}x{% endfor %}",
        "{% include '/etc/hostname' %}",
        "{% import 'os' as os %}",
    ],
)
def test_a_template_stays_in_its_sandbox(text: str) -> None:
    with pytest.raises(TemplateError):
        rendered(text, text="hello")


@pytest.mark.parametrize(
    "text",
    [
        "{{ 1 / zero }}",
        "{{ text + 1 }}",
        "{{ '{} {}'.format(text) }}",
        "{{ '{missing}'.format(text) }}",
        "{{ words.pop() }}{{ words.pop() }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ text|round }}",
    ],
)
def test_whatever_an_expression_does_it_is_a_fault_of_the_template(text: str) -> None:
    with pytest.raises(TemplateError):
        rendered(text, text="hello", zero=0, words=["one"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("one\ntwo {{ text", "prompt:2: "),
        ("{% if text %}", "prompt:1: .*endif"),
        ("{{ text|uper }}", "prompt:1: .*uper"),
        ("{% nonsense %}", "prompt:1: .*nonsense"),
    ],
)
def test_wrong_syntax_is_told_with_its_line_before_anything_is_asked(text: str, words: str) -> None:
    with pytest.raises(PluginError, match=words):
        PromptTemplate(text)


def test_a_template_of_a_file_tells_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "ask.jinja"
    path.write_text("{{ text }}\n\n{% endif %}")
    with pytest.raises(PluginError) as caught:
        PromptTemplate.at(path)
    assert f"{path}:3: " in str(caught.value)


@pytest.mark.parametrize("content", [b"\xef\xbb\xbfRate: {{ text }}\r\n", b"Rate: {{ text }}\n\n"])
def test_a_file_is_read_whoever_wrote_it(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "ask.jinja"
    path.write_bytes(content)
    assert PromptTemplate.at(path).render({"text": "zażółć"}) == "Rate: zażółć"


@pytest.mark.parametrize("content", [None, b"\xff\xfe{{ text }}"])
def test_a_file_that_cannot_be_read_is_named(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "ask.jinja"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PluginError, match="cannot be read") as caught:
        PromptTemplate.at(path)
    assert str(path) in str(caught.value)


def test_a_template_travels_to_another_process() -> None:
    template = PromptTemplate("Rate: {{ text }}", Path("ask.jinja"))
    arrived = pickle.loads(pickle.dumps(template))
    assert arrived == template
    assert arrived.render({"text": "x"}) == "Rate: x"
