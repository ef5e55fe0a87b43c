"""What ran: models, prompts and their difference, and a hash of all that the numbers come of."""

from __future__ import annotations

from difflib import unified_diff
from hashlib import blake2b
from typing import Any

import numpy as np

from quorate import __version__
from quorate.comparing.candidates import Asked, Candidates


def ran(candidates: Candidates) -> dict[str, Any]:
    """What is known of the compared sources and of the data; prompts of A and B as a unified diff."""
    a, b = candidates.names[:2]
    asked = {name: candidates.asked.get(name, Asked()) for name in candidates.names}
    diff = list(unified_diff(asked[a].wording.splitlines(), asked[b].wording.splitlines(), a, b, lineterm="", n=2))
    return {
        "sources": [
            {
                "name": name,
                "model": known.model or None,
                "fingerprint": known.fingerprint or None,
                "prompt_hash": _hash(known.wording) if known.wording else None,
            }
            for name, known in asked.items()
        ],
        "prompt_diff": diff,
        "quorate": __version__,
        "data": _content(candidates),
        "same_prompt": bool(asked[a].wording) and asked[a].wording == asked[b].wording,
        **candidates.facts,
    }


def _content(candidates: Candidates) -> str:
    """A hash of the row ids, the compared votes and what people settled: the same numbers come of the same hash."""
    settled = candidates.settled
    columns = np.stack([candidates.column(name) for name in candidates.names], axis=1)
    parts = (columns, settled.position.astype(np.int64), settled.fits)
    whole = blake2b("\n".join(candidates.votes.ids.to_pylist()).encode("utf-8", "surrogatepass"), digest_size=8)
    for part in parts:
        whole.update(np.ascontiguousarray(part).tobytes())
    return whole.hexdigest()


def _hash(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
