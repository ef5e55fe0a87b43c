"""What every reader needs: the export, and what it must hold. Runs where quorate is not installed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def given() -> tuple[Path, dict[str, list[tuple[str, str]]], list[str]]:
    """The folder, the texts and labels of each file, and the label names."""
    expected: dict[str, Any] = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    files = {file: [(text, label) for text, label in part] for file, part in expected["files"].items()}
    return Path(sys.argv[1]), files, expected["labels"]


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().decode("utf-8").split("\n") if line]


def same(file: str, read: list[tuple[str, str]], expected: list[tuple[str, str]]) -> None:
    """Fails with the first row that differs."""
    assert len(read) == len(expected), f"{file}: {len(read)} rows, not {len(expected)}"
    for i, (got, wanted) in enumerate(zip(read, expected, strict=True)):
        assert tuple(got) == tuple(wanted), f"{file}, row {i}: {str(got)[:200]!r} is not {str(wanted)[:200]!r}"
