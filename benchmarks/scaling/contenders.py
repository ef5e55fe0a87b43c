"""Label models on one file of votes, each in a process of its own: the task measures itself and judges its answer.

What a contender makes of the label matrix first (votes with row ids, a long table, wider integers) is a lap of its own,
`prepare`, that counts for nobody's time; memory is what the process held at most, all of it. A thousand rows are done
before anything is measured, so that what is imported late is imported.
"""

from __future__ import annotations

import gc
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.contenders import resident
from benchmarks.scaling import numpy_em
from benchmarks.scores import accuracy

Task = Callable[[], dict[str, Any]]
_WARM_UP, _JUDGED_AT_ONCE = 1_000, 1_000_000


class Laps:
    """Seconds by the clock and of the core for each lap, as (wall, cpu); laps of one name add up."""

    def __init__(self) -> None:
        self.took: dict[str, tuple[float, float]] = {}
        self._at = time.perf_counter(), time.process_time()

    def note(self, name: str) -> None:
        """The lap that ends now had this name."""
        now = time.perf_counter(), time.process_time()
        before = self.took.get(name, (0.0, 0.0))
        self.took[name] = before[0] + now[0] - self._at[0], before[1] + now[1] - self._at[1]
        self._at = now


def _measured(folder: str, prepare: Callable[[Any], Any], model: Callable[[Any, Laps], Any]) -> Task:
    votes, truth = np.load(Path(folder) / "votes.npy"), np.load(Path(folder) / "truth.npy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model(prepare(votes[:_WARM_UP]), Laps())

    def task() -> dict[str, Any]:
        gc.collect()
        laps = Laps()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            given = prepare(votes)
            laps.note("prepare")
            probs = model(given, laps)
        return {"laps": laps.took, "peak_mib": resident("VmHWM"), **judged(np.asarray(probs), truth)}

    return task


def judged(probs: Any, truth: Any) -> dict[str, Any]:
    """How many rows were answered, in percent how many rightly, and how far the sum of probabilities is from 1."""
    right, off = 0.0, 0.0
    for first in range(0, min(len(probs), len(truth)), _JUDGED_AT_ONCE):
        some = np.asarray(probs[first : first + _JUDGED_AT_ONCE], np.float64)
        gold = truth[first : first + len(some)]
        right += accuracy(np.nan_to_num(some), gold.astype(np.int64)) * len(gold)
        off = max(off, float(np.nan_to_num(np.abs(some.sum(axis=1) - 1), nan=1.0).max()))
    return {"rows": len(probs), "accuracy": right / max(len(truth), 1), "off": off}


def quorum(folder: str, labels: int) -> Task:
    """The package's default label model: votes are folded, it is fitted on the patterns, each row gets its labels."""
    return _package_model(folder, labels, "quorum")


def _package_model(folder: str, labels: int, name: str) -> Task:
    from quorate import Votes
    from quorate.fuse import fit, predict
    from quorate.patterns import fold

    names = [f"label_{y}" for y in range(labels)]

    def model(votes: Any, laps: Laps) -> Any:
        patterns, where = fold(votes)
        laps.note("fold")
        fitted = fit(patterns, name)
        laps.note("fit")
        found = predict(fitted, votes, patterns, where, gold=None, name=name)
        laps.note("predict")
        return found.probs

    return _measured(folder, lambda matrix: Votes.of(matrix, names), model)


def numpy_floor(folder: str, labels: int) -> Task:
    """Dawid-Skene by hand, in numpy and nothing else, on the distinct rows."""

    def model(matrix: Any, laps: Laps) -> Any:
        patterns, where, counts = numpy_em.folded(matrix, labels)
        laps.note("fold")
        weights, prior = numpy_em.fitted(patterns, counts, labels)
        laps.note("fit")
        probs = numpy_em.posterior(patterns, weights, prior)[where]
        laps.note("predict")
        return probs

    return _measured(folder, lambda matrix: matrix, model)


def snorkel(folder: str, labels: int) -> Task:
    """Snorkel's `LabelModel` at its defaults: 100 epochs."""
    from snorkel.labeling.model import LabelModel

    def model(matrix: Any, laps: Laps) -> Any:
        made = LabelModel(cardinality=labels, verbose=False)
        made.fit(matrix, seed=123, progress_bar=False)
        laps.note("fit")
        probs = made.predict_proba(matrix)
        laps.note("predict")
        return probs

    return _measured(folder, lambda matrix: matrix.astype(np.int64), model)


def crowdkit(folder: str, labels: int) -> Task:
    """crowd-kit's Dawid-Skene at its defaults."""
    import pandas as pd
    from crowdkit.aggregation import DawidSkene

    def prepare(matrix: Any) -> Any:
        rows, sources = np.nonzero(matrix >= 0)
        return len(matrix), pd.DataFrame({"task": rows, "worker": sources, "label": matrix[rows, sources]})

    def model(given: Any, laps: Laps) -> Any:
        found = DawidSkene().fit_predict_proba(given[1])
        laps.note("fit")
        return found.reindex(index=range(given[0]), columns=range(labels)).fillna(0.0).to_numpy()

    return _measured(folder, prepare, model)


def hyperlm(folder: str, labels: int) -> Task:
    """The hyper label model; it has no fit."""
    # Its checkpoint is a pickle, which torch loads since 2.6 only when told to.
    os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
    from hyperlm import HyperLabelModel

    made = HyperLabelModel(device="cpu")

    def model(matrix: Any, laps: Laps) -> Any:
        given = made.infer(matrix, return_probs=True)
        laps.note("predict")
        # It counts labels by the largest vote.
        return np.pad(given, ((0, 0), (0, labels - given.shape[1])))

    return _measured(folder, lambda matrix: matrix.astype(np.int64), model)


def skweak(folder: str, labels: int) -> Task:
    """skweak's naive Bayes on one table of observations, which spares it the spaCy document a row that it asks for."""
    import pandas as pd
    from skweak.generative import NaiveBayes

    names = [f"label_{y}" for y in range(labels)]

    def model(table: Any, laps: Laps) -> Any:
        made = NaiveBayes("all", names)
        made._fit([table])
        laps.note("fit")
        probs = made.aggregate(table).to_numpy()
        laps.note("predict")
        return probs

    def prepare(matrix: Any) -> Any:
        return pd.DataFrame(matrix, columns=[f"source_{j:04d}" for j in range(matrix.shape[1])])

    return _measured(folder, prepare, model)


def cleanlab(folder: str, labels: int) -> Task:
    """CROWDLAB, with each label's share of the votes for the classifier that it wants beside them."""
    import pandas as pd
    from cleanlab.multiannotator import get_label_quality_multiannotator

    def prepare(matrix: Any) -> Any:
        shares = np.stack([(matrix == y).sum(axis=1) for y in range(labels)], axis=1) + 1.0
        table = pd.DataFrame(np.where(matrix < 0, np.nan, matrix.astype(np.float64)))
        return table, shares / shares.sum(axis=1, keepdims=True)

    def model(given: Any, laps: Laps) -> Any:
        table, shares = given
        found = get_label_quality_multiannotator(
            table,
            shares,
            calibrate_probs=False,
            return_detailed_quality=False,
            return_annotator_stats=False,
            verbose=False,
        )["label_quality"]
        laps.note("fit")
        quality = found["consensus_quality_score"].to_numpy()
        probs = np.repeat(((1 - quality) / (labels - 1))[:, None], labels, axis=1)
        probs[np.arange(len(probs)), found["consensus_label"].to_numpy().astype(int)] = quality
        return probs

    return _measured(folder, prepare, model)
