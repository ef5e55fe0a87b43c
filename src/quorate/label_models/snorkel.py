"""Snorkel's `LabelModel` behind our contract (extra: `quorate[snorkel]`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from quorate.errors import PluginError
from quorate.patterns import VotePatterns
from quorate.registry import vendor
from quorate.values import ABSTAIN


@dataclass(frozen=True)
class SnorkelLabelModel:
    """Fits `snorkel.labeling.model.LabelModel` on the label matrix; gold rows give it the class balance.

    Snorkel cannot use gold in any other way, and needs at least three sources.
    """

    kind: ClassVar[str] = "label_models"

    epochs: int = 500
    seed: int = 0

    @classmethod
    def example(cls) -> SnorkelLabelModel:
        return cls(epochs=50)

    def fit(self, patterns: VotePatterns) -> FittedSnorkel:
        if len(patterns.sources) < 3:
            raise PluginError(
                f"Snorkel's label model needs 3 sources and there are {len(patterns.sources)}; "
                "use label_model 'quorum', which takes any number"
            )
        k = len(patterns.space)
        if not (patterns.matrix != ABSTAIN).any():
            return FittedSnorkel(None, np.full(k, 1 / k))  # Snorkel cannot fit without a vote
        gold = patterns.gold.sum(axis=0)
        balance = ((gold + 1) / (gold + 1).sum()).tolist() if gold.any() else None
        with _own_random_state():
            model = vendor("snorkel.labeling.model", "snorkel").LabelModel(cardinality=k, verbose=False)
            model.fit(
                np.repeat(patterns.matrix, patterns.counts, axis=0).astype(np.int64),
                n_epochs=self.epochs,
                seed=self.seed,
                class_balance=balance,
                progress_bar=False,
            )
        return FittedSnorkel(model, np.asarray(model.p, np.float64))


@dataclass(frozen=True, eq=False)
class FittedSnorkel:
    """Snorkel's fitted model (None where there was no vote to fit) and the class balance it used."""

    model: Any
    prior: NDArray[np.float64]

    def probabilities(self, matrix: NDArray[np.int16]) -> NDArray[np.float64]:
        probs = np.tile(self.prior, (len(matrix), 1))
        covered = (matrix != ABSTAIN).any(axis=1)
        if covered.any() and self.model is not None:
            given = np.asarray(self.model.predict_proba(matrix[covered].astype(np.int64)), np.float64)
            # Its products of probabilities can underflow to NaN; such rows keep the prior.
            probs[covered] = np.where(np.isfinite(given), given, self.prior)
        return np.asarray(probs / probs.sum(axis=1, keepdims=True))


class _own_random_state:
    """Snorkel seeds the global generators of NumPy, torch and Python; this puts them back."""

    def __enter__(self) -> None:
        import random

        # Importing torch and Snorkel draws random numbers too, so these two states are taken first.
        self._numpy, self._python = np.random.get_state(), random.getstate()
        self._torch = vendor("torch", "snorkel")
        self._torch_state = self._torch.get_rng_state()

    def __exit__(self, *_: object) -> None:
        import random

        np.random.set_state(self._numpy)
        random.setstate(self._python)
        self._torch.set_rng_state(self._torch_state)


plugin = SnorkelLabelModel
