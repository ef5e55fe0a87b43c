"""held_out: what models say of rows that they were not taught with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.classifiers import named_classifier
from quorate.errors import PluginError
from quorate.features import FOLDS
from quorate.suspects.noise import Floats, Given
from quorate.suspects.views import View, Views
from quorate.values import ABSTAIN

# More rows teach such a model little more.
_TAUGHT_BY = 20_000
_ITERATIONS = 1_000
_TOLERANCE = 1e-3


def held_out(views: Views, given: Given, k: int, model: str = "", turns: int = 1) -> Floats:
    """P(label | row) float64[n, k] by five-fold cross-validation, the mean over the views and `turns` of dealing rows
    into folds; rows that are alike are never on both sides. Rows that say nothing get the mean of the others.

    Args:
        model: the name of a scikit-learn classifier with `predict_proba`, for the first view alone; "" is logistic
            regression on every view.

    Raises:
        PluginError: scikit-learn has no such classifier, or it gives no probabilities or takes no such numbers.
    """
    seen = views.seen[:1] if model else views.seen
    total = np.zeros((len(views), k))
    for turn in range(turns):
        fold = views.folds(turn)
        for view in seen:
            total += _crossed(view, views, given, fold, model=classifier(model, view.trust), k=k)
    probs = total / (len(seen) * turns)
    if views.speaks.any():
        probs[~views.speaks] = probs[views.speaks].mean(axis=0)
    return probs


def classifier(name: str, trust: float = 1.0) -> Any:
    """A fresh classifier by its name or dotted path; "" is logistic regression.

    Raises:
        PluginError: there is none of that name, or it gives no probabilities.
    """
    from sklearn.linear_model import LogisticRegression

    if not name:
        return LogisticRegression(C=trust, max_iter=_ITERATIONS, tol=_TOLERANCE)
    made = named_classifier(name, {})
    if not hasattr(made, "predict_proba"):
        raise PluginError(f"{name} gives no probabilities; take a classifier that has predict_proba")
    return made


def _crossed(view: View, views: Views, given: Given, fold: NDArray[np.intp], *, model: Any, k: int) -> Floats:
    from sklearn.base import clone

    probs = np.zeros((len(given), k))
    taught = (given != ABSTAIN) & views.speaks
    share = np.bincount(given[taught], minlength=k) / max(int(taught.sum()), 1)
    for i in range(FOLDS):
        here = np.flatnonzero(fold == i)
        teaching = np.flatnonzero((fold != i) & taught)
        teaching = teaching[np.argsort(views.draws[teaching], kind="stable")][:_TAUGHT_BY]
        if not len(here) or len(np.unique(given[teaching])) < 2:
            probs[here] = share
            continue
        try:
            fitted = clone(model).fit(view.values[teaching], given[teaching])
            said = fitted.predict_proba(view.values[here])
        except (TypeError, ValueError) as error:
            name = type(model).__name__
            first = (str(error).splitlines() or [""])[0]
            raise PluginError(f"{name} cannot learn from the {view.name} of these rows: {first}") from None
        probs[np.ix_(here, fitted.classes_)] = said
    return probs
