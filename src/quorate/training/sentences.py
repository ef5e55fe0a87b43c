"""Sentences: texts as embeddings, by a model of sentence-transformers (`pip install 'quorate[sentences]'`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.errors import PluginError
from quorate.registry import vendor


@dataclass(frozen=True)
class Sentences:
    """A scikit-learn transformer; it is kept by the name of its model or by the folder that holds it."""

    name: str

    def fit(self, texts: Sequence[str], labels: Any = None) -> Sentences:  # noqa: ARG002
        return self

    def transform(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """The embeddings, float64[n, d].

        Raises:
            MissingExtra: the package is not installed.
            PluginError: there is no such model here, and none can be fetched.
        """
        return np.asarray(_encoder(self.name).encode(list(texts), show_progress_bar=False), np.float64)

    def __sklearn_is_fitted__(self) -> bool:
        return True


@cache
def _encoder(name: str) -> Any:
    package = vendor("sentence_transformers", "sentences")
    try:
        return package.SentenceTransformer(name)
    except (OSError, ValueError) as error:
        raise PluginError(
            f"sentence-transformers cannot open {name!r}: {error}; give a folder that holds it"
        ) from error
