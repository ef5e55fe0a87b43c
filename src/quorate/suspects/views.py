"""views: what rows contain, in the ways that models are to look at it; and which rows say the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.features import FOLDS, WORDS, Features, weighed
from quorate.training_sets.duplicates import first_of_each, near_duplicates


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One way of seeing rows: `values` float64[n, d], dense or CSR; `trust` is the inverse strength of the ridge that
    suits a logistic regression on them."""

    name: str
    values: Any
    trust: float


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """All views of some rows; `near` are those in which neighbours are looked for.

    `speaks` bool[n]: whether a row contains anything. `alike` intp[n]: the position of the first row that says nearly
    the same. `draws` uint64[n]: a random number by content, the same for rows that are alike wherever they stand.
    """

    seen: tuple[View, ...]
    near: Any
    speaks: NDArray[np.bool_]
    alike: NDArray[np.intp]
    draws: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.speaks)

    def folds(self, turn: int) -> NDArray[np.intp]:
        """The fold of each row in one turn of cross-validation, intp[n]; rows that are alike share it."""
        salt = np.frombuffer(blake2b(str(turn).encode(), digest_size=8).digest(), np.uint64)[0]
        mixed = (self.draws ^ salt) * np.uint64(0x9E3779B97F4A7C15)
        return np.asarray((mixed >> np.uint64(32)) % np.uint64(FOLDS), np.intp)


def views(content: Any) -> Views:
    """The views of texts (a sequence of str or None), or of numbers float[n, d], NaN where a row has none.

    Texts are seen as words and pairs of words, and as the principal components of these and of pieces of words.

    Raises:
        ValueError: neither texts nor a table of numbers.
    """
    condensed = Features.of(content)
    components = View("components", condensed.values, 3.0)
    if np.asarray(content).ndim == 2:
        numbers = View("numbers", condensed.values, 3.0)
        keys = [row.tobytes() for row in np.asarray(content, np.float64)]
        return Views((numbers,), condensed.values, condensed.speaks, first_of_each(keys), _draws(keys))
    texts = [text or "" for text in content]
    alike = near_duplicates(texts) if texts else np.zeros(0, np.intp)
    words = weighed(texts, [WORDS]) if texts else np.zeros((0, 0))
    seen = (View("words", words, 10.0), components) if words.shape[1] else (components,)
    keys = _least(texts, alike)
    return Views(seen, words if words.shape[1] else condensed.values, condensed.speaks, alike, _draws(keys))


def _least(texts: Sequence[str], alike: NDArray[np.intp]) -> list[bytes]:
    """For each row the least of the texts like its own: it does not depend on the order of rows."""
    least: dict[int, str] = {}
    for text, group in zip(texts, alike.tolist(), strict=True):
        least[group] = min(text, least.get(group, text))
    return [least[group].encode("utf-8", "surrogatepass") for group in alike.tolist()]


def _draws(keys: Sequence[bytes]) -> NDArray[np.uint64]:
    return np.frombuffer(b"".join(blake2b(key, digest_size=8).digest() for key in keys), np.uint64)
