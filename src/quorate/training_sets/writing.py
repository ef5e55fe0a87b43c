"""Rules that all text formats share: UTF-8 without a byte order mark, "\\n" line ends, one JSON object a line.

Lines are cut at "\\n" alone: U+2028, U+2029 and U+0085 are legal inside JSON and CSV, and `str.splitlines` cuts there.
"""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

_LINE_ENDS = re.compile(r"\r\n|[\r\n\x0b\x0c\x85\u2028\u2029]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")


def write_text(path: Path, text: str) -> Path:
    """The file with exactly this text; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8"))
    return path


def write_json(path: Path, value: Any) -> Path:
    """One JSON document, indented, keys in their order."""
    return write_text(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def write_json_lines(path: Path, objects: Iterable[Any]) -> Path:
    """One JSON object a line, written as it comes; NaN is refused, for it is not JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as out:
        out.writelines(map(json_line, objects))
    return path


def json_line(value: Any) -> str:
    """The object on one line, with its end; NaN is refused."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n"


def read_json_lines(path: Path) -> list[Any]:
    """The objects of a file with one a line."""
    return json_lines(path.read_bytes().decode("utf-8"))


def json_lines(text: str) -> list[Any]:
    """The objects of a text with one a line; blank lines are left out."""
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def write_rows(path: Path, rows: Iterable[Sequence[str]], header: Sequence[str] = ()) -> Path:
    """CSV as RFC 4180 has it but with "\\n": quoted where needed, quotes doubled, no space around commas."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_MINIMAL, doublequote=True)
        if header:
            writer.writerow(header)
        writer.writerows(rows)
    return path


def read_rows(path: Path) -> list[list[str]]:
    """The rows of a CSV file, the header too."""
    text = path.read_bytes().decode("utf-8")
    limit = csv.field_size_limit(max(len(text) + 1, csv.field_size_limit()))
    try:
        return list(csv.reader(_lines(text)))
    finally:
        csv.field_size_limit(limit)


def _lines(text: str) -> Iterable[str]:
    # A carriage return inside quotes has to reach the reader as it is.
    return (line + "\n" for line in text.removesuffix("\n").split("\n")) if text else ()


def on_one_line(text: str) -> str:
    """The text with every line end as a space."""
    return _LINE_ENDS.sub(" ", text)


def without_control(text: str) -> str:
    """The text without control characters and without a byte order mark in front; tabs and line ends stay."""
    return _CONTROL.sub("", text).lstrip("\ufeff")


def control_in(text: str) -> str:
    """The first control character as "U+0000", "" where there is none; tabs and line ends are none."""
    found = _CONTROL.search(text)
    return f"U+{ord(found[0]):04X}" if found else ""


def label_faults(names: Sequence[str]) -> list[str]:
    """What no platform takes in a label: control characters, spaces at its ends, two forms of one word."""
    faults = [f"label {name!r} holds the control character {control_in(name)}" for name in names if control_in(name)]
    faults += [f"label {name!r} begins or ends with a space" for name in names if name != name.strip()]
    faults += [f"label {name!r} holds a line end" for name in names if on_one_line(name) != name]
    faults += [
        f"label {name!r} is not in Unicode's composed form (NFC); platforms may see two labels"
        for name in names
        if unicodedata.normalize("NFC", name) != name
    ]
    return faults
