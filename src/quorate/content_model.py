"""content_model: a plain model of the texts of rows, to hold against what the votes made of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quorate.ranking.alike import text_columns
from quorate.rows import Rows
from quorate.values import ABSTAIN

_FOLDS = 5
_LARGEST_VOCABULARY = 2**17
# More rows teach such a model little more, and a queue must not wait.
_TAUGHT_BY = 10_000
_FEWEST_ROWS = 20
# Beyond, a first card would wait for the texts of all rows to be read.
_MOST_ROWS = 50_000
_CLUSTER_ROWS = 25
_MOST_CLUSTERS = 20
_SEED = 20_110


def text_features(rows: Rows) -> Any:
    """TF-IDF over words and pairs of words of all texts of a row, CSR float64[n, d]; None without any word
    and where there are more than 50,000 rows."""
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

    texts = text_columns(rows)
    if not texts or not 0 < len(rows) <= _MOST_ROWS:
        return None
    joined = pc.binary_join_element_wise(*(pc.fill_null(text, "").cast(pa.string()) for text in texts), " ").to_pylist()
    hashed = HashingVectorizer(ngram_range=(1, 2), n_features=_LARGEST_VOCABULARY, alternate_sign=False, norm=None)
    counts = hashed.transform(joined)
    return TfidfTransformer(sublinear_tf=True).fit_transform(counts) if counts.nnz else None


def out_of_fold(features: Any, given: NDArray[np.int16], k: int) -> NDArray[np.float64]:
    """P(label | text) float64[n, k] by logistic regressions that did not see the row; even where nothing is learnt."""
    from sklearn.linear_model import SGDClassifier

    probs = np.full((len(given), k), 1 / k)
    generator = np.random.default_rng(_SEED)
    fold = generator.permutation(len(given)) % _FOLDS
    for i in range(_FOLDS):
        teaching = np.flatnonzero((fold != i) & (given != ABSTAIN))[:_TAUGHT_BY]
        if len(teaching) < _FEWEST_ROWS or len(np.unique(given[teaching])) < 2:
            continue
        model = SGDClassifier(loss="log_loss", alpha=1e-4, max_iter=10, tol=None, random_state=_SEED)
        model.fit(features[teaching], given[teaching])
        out = np.zeros((int((fold == i).sum()), k))
        out[:, model.classes_] = model.predict_proba(features[fold == i])
        probs[fold == i] = out
    return probs


def clusters(features: Any) -> NDArray[np.intp]:
    """The cluster of like texts that each row lies in, intp[n]; about 25 rows a cluster, at most 20 clusters."""
    from sklearn.cluster import MiniBatchKMeans

    many = int(np.clip(features.shape[0] // _CLUSTER_ROWS, 1, _MOST_CLUSTERS))
    model = MiniBatchKMeans(many, n_init=1, random_state=_SEED, batch_size=1024, max_iter=20)
    return np.asarray(model.fit_predict(features), np.intp)
