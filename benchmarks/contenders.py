"""The label models that quality measures: each sets up in a process of its own, and returns the task.

A task takes a label matrix int[n, m] (-1 is no vote) whose rows all have votes, the number of labels, and, where it
can fit on some rows and judge others, the rows to judge. It returns P(label) float64[n, k] and its peak memory in MiB.
What a peer needs is imported inside its function: no other environment has it.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Task = Callable[..., Any]
_MIB = 1024
# Of WRENCH's Dawid-Skene.
_ITERATIONS, _SMOOTHING, _CONVERGED = 100, 0.01, 1e-6


def with_peak(task: Task) -> Task:
    """The task, which also tells by how many MiB its process grew at most; NaN where the system keeps no count."""

    def measured(**arguments: Any) -> tuple[Any, float]:
        before = resident("VmRSS") if _peak_reset() else float("nan")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = np.asarray(task(**arguments), np.float64)
        return answer, max(resident("VmHWM") - before, 0.0)

    return measured


def _peak_reset() -> bool:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def resident(which: str) -> float:
    """What the system says of the memory of this process, in MiB: `VmRSS` now, `VmHWM` at most; NaN without a word."""
    found = re.search(rf"{which}:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) / _MIB if found else float("nan")


def _package_model(name: str) -> Task:
    from quorate import VotePatterns, Votes
    from quorate.fuse import fit

    def task(matrix: Any, k: int, judged: Any = None) -> Any:
        patterns = VotePatterns.of(Votes.of(matrix, [f"label_{y}" for y in range(k)]))
        return fit(patterns, name).probabilities(np.asarray(matrix if judged is None else judged, np.int16))

    return with_peak(task)


def quorum() -> Task:
    """The package's default label model."""
    return _package_model("quorum")


def majority() -> Task:
    """Each label's share of the votes."""
    return _package_model("majority")


def dawid_skene() -> Task:
    """Dawid-Skene as the package has it."""
    return _package_model("dawid_skene")


def dawid_skene_abstaining() -> Task:
    """Dawid-Skene as WRENCH has it: to abstain is one more answer, and tells of the label."""
    from quorate.belief.confusion import softmax, vote_shares

    def task(matrix: Any, k: int, judged: Any = None) -> Any:
        asked = matrix if judged is None else judged
        votes, probs = _answers(matrix, k), vote_shares(matrix, k)
        for _ in range(_ITERATIONS):
            said = np.stack([votes[:, a :: k + 1].T @ probs for a in range(k + 1)], axis=2) + _SMOOTHING
            log_said, log_prior = np.log(said / said.sum(axis=2, keepdims=True)), np.log(probs.mean(axis=0) + 1e-12)
            weights = log_said.transpose(0, 2, 1).reshape(-1, k)
            before, probs = probs, softmax(votes @ weights + log_prior)
            if np.abs(probs - before).max() < _CONVERGED:
                break
        return softmax(_answers(asked, k) @ weights + log_prior)

    return with_peak(task)


def _answers(matrix: Any, k: int) -> Any:
    """One column for each source and answer, abstaining the last, CSR float64[n, m·(k+1)]."""
    from quorate.belief.confusion import indicators

    return indicators(np.where(matrix < 0, k, matrix), k + 1)


def weighted_majority() -> Task:
    """Majority vote in which a source counts by how often it agrees with majority vote."""

    def task(matrix: Any, k: int, judged: Any = None) -> Any:
        one_hot = np.stack([matrix == y for y in range(k)], axis=2).astype(np.float64)
        shares = one_hot.sum(axis=1) / one_hot.sum(axis=(1, 2))[:, None]
        top = shares >= shares.max(axis=1, keepdims=True) - 1e-9
        right = np.einsum("njk,nk->j", one_hot, top / top.sum(axis=1, keepdims=True))
        weight = right / np.maximum(one_hot.sum(axis=(0, 2)), 1)
        asked = matrix if judged is None else judged
        scores = np.stack([(asked == y) @ weight for y in range(k)], axis=1)
        total = scores.sum(axis=1, keepdims=True)
        return np.where(total > 0, scores / np.maximum(total, 1e-12), 1 / k)

    return with_peak(task)


def snorkel() -> Task:
    """Snorkel's `LabelModel` as its own tutorials fit it: 500 epochs, no class balance given."""
    from snorkel.labeling.model import LabelModel

    def task(matrix: Any, k: int, judged: Any = None) -> Any:
        model = LabelModel(cardinality=k, verbose=False)
        model.fit(matrix.astype(np.int64), n_epochs=500, seed=123, progress_bar=False)
        asked = matrix if judged is None else judged
        probs = np.asarray(model.predict_proba(asked.astype(np.int64)), np.float64)
        # Where its products of probabilities underflow there is no answer: the uniform one.
        probs = np.where(np.isfinite(probs).all(axis=1, keepdims=True), probs, 1 / k)
        return probs / probs.sum(axis=1, keepdims=True)

    return with_peak(task)


def hyperlm() -> Task:
    """The hyper label model with its own checkpoint; it has no fit and sees all rows that it judges."""
    # Its checkpoint is a pickle, which torch loads since 2.6 only when told to.
    os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
    from hyperlm import HyperLabelModel

    model = HyperLabelModel(device="cpu")

    def task(matrix: Any, k: int, judged: Any = None) -> Any:
        # Columns in which nobody votes are no sources, and its class count is that of the largest vote.
        asked = np.asarray(matrix if judged is None else judged, np.int64)
        given = model.infer(asked[:, (asked >= 0).any(axis=0)], return_probs=True)
        probs = np.zeros((len(asked), k))
        probs[:, : given.shape[1]] = np.nan_to_num(given)
        total = probs.sum(axis=1, keepdims=True)
        return np.where(total > 0, probs / np.where(total > 0, total, 1), 1 / k)

    return with_peak(task)


def ebcc() -> Task:
    """EBCC of `benchmarks/peers/ebcc.py`."""
    from benchmarks.peers.ebcc import ebcc as infer

    return with_peak(infer)


def _crowd_kit(name: str, **options: Any) -> Task:
    import pandas as pd
    from crowdkit import aggregation

    def task(matrix: Any, k: int) -> Any:
        rows, sources = np.nonzero(matrix >= 0)
        votes = pd.DataFrame({"task": rows, "worker": sources, "label": matrix[rows, sources]})
        given = getattr(aggregation, name)(**options).fit_predict_proba(votes)
        probs = given.reindex(index=range(len(matrix)), columns=range(k)).fillna(0.0).to_numpy()
        total = probs.sum(axis=1, keepdims=True)
        return np.where(total > 0, probs / np.where(total > 0, total, 1), 1 / k)

    return with_peak(task)


def crowdkit_ds() -> Task:
    """crowd-kit's Dawid-Skene."""
    return _crowd_kit("DawidSkene", n_iter=100)


def crowdkit_one_coin() -> Task:
    """crowd-kit's Dawid-Skene with one number a worker."""
    return _crowd_kit("OneCoinDawidSkene", n_iter=100)


def crowdkit_mace() -> Task:
    """crowd-kit's MACE at its defaults."""
    return _crowd_kit("MACE")


def crowdkit_glad() -> Task:
    """crowd-kit's GLAD at its defaults."""
    return _crowd_kit("GLAD")
