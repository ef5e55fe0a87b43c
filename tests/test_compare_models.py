"""Models of a project compared: prompts, prices and latencies come from what was asked."""

from __future__ import annotations

from pathlib import Path

from quorate.asking.ledger import account_of


def test_there_is_no_account_without_a_journal(tmp_path: Path) -> None:
    assert account_of(None, "wire", "model") is None
    assert account_of(tmp_path / "answers.sqlite", "wire", "model") is None


def test_a_damaged_journal_tells_nothing(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    path.write_bytes(b"this is no database" * 100)
    assert account_of(path, "wire", "model") is None
