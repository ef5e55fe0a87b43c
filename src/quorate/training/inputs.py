"""Inputs: what the rows are to a model. Texts are cut into words once; what is learned of them is learned anew for
every set of rows to train on, so that a model knows nothing of rows that are held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from quorate.features import PIECES, WORDS

Floats = NDArray[np.float64]
At = NDArray[np.intp]
Reading = Literal["words", "words+pieces", "pieces"]


class Reader(Protocol):
    """What some rows taught of how to read: `values` are those of rows by position, [n, d]; `transformer` is the same
    as a scikit-learn transformer that takes cells."""

    @property
    def transformer(self) -> Any: ...
    def values(self, at: At) -> Any: ...


class Inputs(Protocol):
    """The rows of a project as a model takes them."""

    def __len__(self) -> int: ...
    @property
    def cells(self) -> Any: ...
    def reader(self, at: At) -> Reader: ...


@dataclass(frozen=True, eq=False)
class Counted:
    """How often each term of a vocabulary is in each text: `counts` CSR[n, d], `terms` object[d], in their order."""

    options: dict[str, Any]
    terms: NDArray[Any]
    counts: Any


@dataclass(frozen=True, eq=False)
class Texts:
    """Texts as TF-IDF of words and their pairs, of pieces of words, or of both."""

    cells: Sequence[str]
    parts: tuple[Counted, ...]

    @staticmethod
    def of(texts: Sequence[str], reading: Reading = "words+pieces") -> Texts:
        from sklearn.feature_extraction.text import CountVectorizer

        parts = []
        for name, options in (("words", WORDS), ("pieces", PIECES)):
            if name not in reading.split("+"):
                continue
            # A term that no text has: a vocabulary must not be empty.
            counter = CountVectorizer(**options)
            counts = counter.fit_transform([*texts, "nothing"])[: len(texts)].tocsr()
            parts.append(Counted(options, counter.get_feature_names_out(), counts.astype(np.float64)))
        return Texts(texts, tuple(parts))

    def __len__(self) -> int:
        return len(self.cells)

    def reader(self, at: At) -> Reader:
        return _TextReader(self.parts, tuple(_known(part, at) for part in self.parts))


@dataclass(frozen=True, eq=False)
class _Known:
    """The columns of the terms that some texts have, and how to weigh them."""

    columns: At
    weighing: Any


def _known(part: Counted, at: At) -> _Known:
    from sklearn.feature_extraction.text import TfidfTransformer

    counts = part.counts[at]
    columns = np.flatnonzero(np.bincount(counts.indices, minlength=counts.shape[1]))
    columns = columns if len(columns) else np.zeros(1, np.intp)
    return _Known(columns, TfidfTransformer(sublinear_tf=True).fit(counts[:, columns]))


@dataclass(frozen=True, eq=False)
class _TextReader:
    parts: tuple[Counted, ...]
    known: tuple[_Known, ...]

    def values(self, at: At) -> Any:
        from scipy import sparse

        pairs = zip(self.parts, self.known, strict=True)
        read = [known.weighing.transform(part.counts[at][:, known.columns]) for part, known in pairs]
        return sparse.hstack(read).tocsr() if len(read) > 1 else read[0]

    @property
    def transformer(self) -> Any:
        from sklearn.feature_extraction.text import CountVectorizer
        from sklearn.pipeline import make_pipeline, make_union

        return make_union(
            *(
                make_pipeline(CountVectorizer(**part.options, vocabulary=part.terms[known.columns]), known.weighing)
                for part, known in zip(self.parts, self.known, strict=True)
            )
        )


@dataclass(frozen=True, eq=False)
class Numbers:
    """Columns of numbers or embeddings, float64[n, d], NaN where a cell is empty."""

    cells: Floats

    def __len__(self) -> int:
        return len(self.cells)

    def reader(self, at: At) -> Reader:
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        scaling = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler())
        return _NumberReader(self.cells, scaling.fit(self.cells[at]))


@dataclass(frozen=True, eq=False)
class _NumberReader:
    cells: Floats
    transformer: Any

    def values(self, at: At) -> Any:
        return self.transformer.transform(self.cells[at])


def inputs_of(cells: Any, reads: Reading | Literal["numbers", "sentences", "raw"], sentences: str = "") -> Inputs:
    """Cells as a model takes them: texts, or float64[n, d].

    Raises:
        MissingExtra: sentence embeddings without the package that makes them.
    """
    if reads == "numbers":
        return Numbers(cells)
    if reads == "sentences":
        from quorate.training.sentences import Sentences

        encoder = Sentences(sentences)
        return Embedded(cells, encoder, Numbers(encoder.transform(cells)))
    return Raw(np.array(cells, object)) if reads == "raw" else Texts.of(cells, reads)


@dataclass(frozen=True, eq=False)
class Embedded:
    """Texts as the embeddings that an encoder makes of them, once."""

    cells: Sequence[str]
    encoder: Any
    numbers: Numbers

    def __len__(self) -> int:
        return len(self.cells)

    def reader(self, at: At) -> Reader:
        return _EmbeddedReader(self.encoder, self.numbers.reader(at))


@dataclass(frozen=True, eq=False)
class _EmbeddedReader:
    encoder: Any
    numbers: Reader

    def values(self, at: At) -> Any:
        return self.numbers.values(at)

    @property
    def transformer(self) -> Any:
        from sklearn.pipeline import make_pipeline

        return make_pipeline(self.encoder, self.numbers.transformer)


@dataclass(frozen=True, eq=False)
class Raw:
    """Texts as they are, for classifiers that read them themselves."""

    cells: NDArray[Any]

    def __len__(self) -> int:
        return len(self.cells)

    def reader(self, at: At) -> Reader:  # noqa: ARG002
        from sklearn.preprocessing import FunctionTransformer

        return _RawReader(self.cells, FunctionTransformer())


@dataclass(frozen=True, eq=False)
class _RawReader:
    cells: NDArray[Any]
    transformer: Any

    def values(self, at: At) -> Any:
        return self.cells[at]
