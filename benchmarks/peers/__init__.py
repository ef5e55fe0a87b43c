"""Where the peers live: `benchmarks/peers/NAME.sh` makes an environment with the package NAME."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

_FOLDER = Path(__file__).parent


def python_with(package: str) -> str | None:
    """The interpreter that has a peer: of its own environment, else this one; None when neither has it."""
    own = _FOLDER / ".venv" / package / "bin" / "python"
    if own.exists():
        return str(own)
    return sys.executable if find_spec(package) else None


def absence(package: str) -> str:
    """Why there is no number of a peer that is not installed, and what to do about it."""
    return f"absent; `sh benchmarks/peers/{package}.sh` installs it"
