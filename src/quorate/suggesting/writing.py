"""writing: a suggested rule as code that reads as if somebody had written it, after what a file already holds."""

from __future__ import annotations

import ast
import json
import re

from quorate.suggesting.mining import Suggestion


def with_function(text: str, suggestion: Suggestion, column: str) -> str:
    """The text of a Python file with the rule as a labeling function behind it; what it had stands as it was."""
    there = bound_names(text)
    imports = [
        line
        for name, line in (("re", "import re"), ("labeling_function", "from quorate import labeling_function"))
        if name not in there
    ]
    head = "\n".join(imports) + "\n\n\n" if imports else ""
    return _behind(text, f"{head}{function(suggestion, column)}", blank=2)


def with_table(text: str, suggestion: Suggestion, column: str) -> str:
    """The text of quorate.toml with the rule as a [[sources]] table behind it."""
    kind, what = ("regex", f"pattern = {_toml(suggestion.pattern)}")
    if suggestion.phrase:
        kind, what = "keywords", f"any = [{_toml(suggestion.phrase)}]"
    table = (
        f'[[sources]]\n{_note(suggestion)}\nkind = "{kind}"\nname = {_toml(suggestion.name)}\n'
        f"label = {_toml(suggestion.label)}\ncolumn = {_toml(column)}\n{what}\n"
    )
    return _behind(text, table, blank=1)


def with_term(text: str, suggestion: Suggestion) -> str:
    """The text of a file of terms with the phrase as its last line."""
    return _behind(text, f"{suggestion.phrase}\n", blank=0)


def function(suggestion: Suggestion, column: str) -> str:
    """The rule as a labeling function."""
    parameter, cell = (column, column) if column.isidentifier() else ("row", f"row[{column!r}]")
    options = f"label={_quoted(suggestion.label)}"
    if suggestion.phrase and parameter != "row":
        options += f", examples={{{_quoted(suggestion.phrase)}: {_quoted(suggestion.label)}}}"
    return (
        f"{_note(suggestion)}\n@labeling_function({options})\ndef {suggestion.name}({parameter}):\n"
        f'    return re.search({_raw(suggestion.pattern)}, {cell} or "") is not None\n'
    )


def bound_names(text: str) -> set[str]:
    """The names that a Python file defines, assigns or imports at its top level."""
    found: set[str] = set()
    for node in ast.parse(text.removeprefix("\ufeff")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
        else:
            found |= {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
    return found


def _note(suggestion: Suggestion) -> str:
    s = suggestion
    says = " ".join("".join(c if c.isprintable() else " " for c in s.says).split())
    return (
        f"# Suggested: {says}; {s.precision:.0%} of {s.held_out} held-out rows are "
        f"{' '.join(s.label.split())} ({s.precision_low:.0%} to {s.precision_high:.0%})."
    )


def _behind(text: str, more: str, blank: int) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    end = "" if not text or text.endswith("\n") else newline
    gap = newline * blank if text.strip() else ""
    return text + end + gap + more.replace("\n", newline)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _raw(pattern: str) -> str:
    if '"' not in pattern and not pattern.endswith("\\"):
        return f'r"{pattern}"'
    return repr(pattern)


def _toml(text: str) -> str:
    """A TOML string: literal where it can be, for patterns read better without doubled backslashes."""
    if "'" not in text and not re.search(r"[\x00-\x1f\x7f]", text):
        return f"'{text}'" if "\\" in text else f'"{text}"' if '"' not in text else f"'{text}'"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
