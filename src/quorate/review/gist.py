"""gist: what the content of rows adds to the votes, remembered between the times that it is worked out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.belief.confusion import softmax
from quorate.content import with_content
from quorate.features import Features
from quorate.values import Gold, Labels

_LEAST = 1e-12


class Gist:
    """By how much content moves the log-odds of each row; by nothing until it was read, and without any content."""

    def __init__(self, content: Any) -> None:
        self._content = content
        self._features: Features | None = None
        self._shift: NDArray[np.float32] | None = None
        self._covered: NDArray[np.bool_] | None = None

    @property
    def is_asked(self) -> bool:
        """Whether there is content to be read."""
        return self._content is not None

    def reread(self, labels: Labels, gold: Gold) -> None:
        """Works out what content adds to labels that hold what people settled, `gold`."""
        self._features = self._features or Features.of(self._content)
        heard = with_content(labels, self._features, gold)
        self._shift = (_log(heard) - _log(labels)).astype(np.float32)
        self._covered = heard.covered

    def heard(self, labels: Labels) -> Labels:
        """The labels of the votes with what content adds."""
        if self._shift is None or self._covered is None:
            return labels
        return replace(labels, probs=softmax(_log(labels) + self._shift), covered=labels.covered | self._covered)


def _log(labels: Labels) -> NDArray[np.float64]:
    return np.log(np.maximum(labels.probs, _LEAST))
