"""classifiers: those of scikit-learn by name, and several as one that judges no row by a model that saw it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from inspect import isclass, signature
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.errors import PluginError, did_you_mean, listed
from quorate.registry import imported
from quorate.values import ABSTAIN, LabelSpace, Status, VoteColumn

# BLAS may round the last bits differently for batches of different size; votes must not depend on the batch.
_DECIMALS = 5


def named_classifier(name: str, params: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> Any:
    """An unfitted scikit-learn classifier, by its name or by a dotted path to a class that is made like one.

    Args:
        defaults: parameters it gets where it takes them and `params` does not give them.

    Raises:
        PluginError: there is no such classifier, or it does not take the parameters.
    """
    kind = _class_at(name) if "." in name else _class_named(name)
    takes = signature(kind).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in takes.values())
    unknown = set(params) - set(takes)
    if unknown and not takes_any:
        hint = did_you_mean(min(unknown), takes)
        raise PluginError(f"{name} takes no parameter {listed(sorted(unknown))}.{hint}")
    # What it learns must not depend on a throw of the dice.
    given = {"random_state": 0, **(defaults or {})}
    try:
        return kind(**{key: value for key, value in given.items() if key in takes} | dict(params))
    except TypeError as error:
        raise PluginError(f"{error}; give such a classifier as an object") from None


@cache
def _every() -> dict[str, Any]:
    from sklearn.utils import all_estimators

    return dict(all_estimators(type_filter="classifier"))


def _class_named(name: str) -> Any:
    known = _every()
    if name not in known:
        raise PluginError(f"scikit-learn has no classifier {name!r}.{did_you_mean(name, known)}")
    return known[name]


def _class_at(path: str) -> Any:
    module, _, name = path.rpartition(".")
    kind = getattr(imported(module), name, None)
    if not (isclass(kind) and hasattr(kind, "fit") and hasattr(kind, "predict") and hasattr(kind, "get_params")):
        raise PluginError(f"{path} is no class with fit, predict and get_params, as scikit-learn's classifiers are")
    return kind


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """A model of all rows, and models that each left a fold of them out; classes are label ints.

    `fold_of` names the model that did not see a content: that one judges it. Content that no model saw is judged by
    `whole`. `temperature` divides log-odds, to what was right of rows that were left out.
    """

    whole: Any
    parts: tuple[Any, ...]
    fold_of: Mapping[Any, int]
    temperature: float = 1.0

    def probabilities(self, cells: Sequence[Any], keys: Sequence[Any], k: int) -> NDArray[np.float64]:
        """P(label) float64[n, k] of cells, each as the models take them, known by `keys`."""
        probs = np.zeros((len(cells), k))
        folds = np.array([self.fold_of.get(key, -1) for key in keys], np.intp)
        for fold in sorted(set(folds.tolist())):
            model = self.whole if fold < 0 else self.parts[fold]
            at = np.flatnonzero(folds == fold)
            probs[np.ix_(at, model.classes_)] = model.predict_proba([cells[i] for i in at.tolist()])
        return tempered(probs, self.temperature)


def tempered(probs: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """The probabilities with their log-odds divided by the temperature; a label of probability 0 keeps it."""
    if temperature == 1.0 or not len(probs):
        return probs
    top = probs.max(axis=1, keepdims=True)
    raised = (probs / top) ** (1 / temperature)
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def fitting_temperature(probs: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    """The temperature with which probabilities float64[n, k] tell the target distributions best (least log-loss).

    C. Guo et al., "On calibration of modern neural networks", ICML 2017.
    """
    from scipy.optimize import minimize_scalar

    if not len(probs):
        return 1.0

    def loss(log_temperature: float) -> float:
        told = tempered(probs, float(np.exp(log_temperature)))
        return -float((target * np.log(np.maximum(told, 1e-12))).sum(axis=1).mean())

    found = minimize_scalar(loss, bounds=(np.log(0.1), np.log(10)), method="bounded", options={"xatol": 1e-3})
    return round(float(np.exp(found.x)), 4)


def of_labels(probs: NDArray[np.float64], classes: Iterable[Any], space: LabelSpace) -> NDArray[np.float64]:
    """P(label) float64[n, k] from P(class) float64[n, c]; classes may be aliases of one label, which has the
    probability of all of them."""
    found = np.zeros((len(probs), len(space)))
    for name, column in zip(classes, probs.T, strict=True):
        found[:, space.index(str(name))] += column
    return found


def confident_votes(probs: NDArray[np.float64], min_confidence: float) -> VoteColumn:
    """A vote for the most probable label of each row; none where it is less probable, shares its place, or is NaN."""
    told = np.round(probs, _DECIMALS)
    known = np.nan_to_num(told)
    top = known.max(axis=1)
    sure = (top >= min_confidence) & ((told == top[:, None]).sum(axis=1) == 1)
    labels = np.where(sure, known.argmax(axis=1), ABSTAIN).astype(np.int16)
    status = np.where(sure, Status.VOTED, Status.ABSTAINED).astype(np.uint8)
    return VoteColumn(labels, status, told.max(axis=1).astype(np.float32), told.astype(np.float32))
