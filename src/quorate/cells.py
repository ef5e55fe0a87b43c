"""What cells and names become outside: in JSON, in file names."""

from __future__ import annotations

import re
from hashlib import blake2b
from math import isfinite
from typing import Any


def plain(cell: Any) -> Any:
    """The cell as JSON has it: what JSON lacks (dates, decimals, bytes, NaN) becomes its text."""
    if isinstance(cell, float):
        return cell if isfinite(cell) else str(cell)
    if isinstance(cell, dict):
        return {str(key): plain(part) for key, part in cell.items()}
    if isinstance(cell, list | tuple):
        return [plain(part) for part in cell]
    return cell if cell is None or isinstance(cell, str | int | bool) else str(cell)


def file_name(name: str) -> str:
    """The name with what file systems dislike replaced; a short hash keeps changed names apart."""
    safe = re.sub(r"[^\w.-]", "_", name)[:80]
    return safe if safe == name and name.strip(".") else f"{safe}-{blake2b(name.encode(), digest_size=4).hexdigest()}"
