"""kept_model: an end model in a folder: what it is, the models themselves, and which rows each did not see.

`model.joblib` is a pickle, as scikit-learn's models are kept: whoever reads it runs the code that is in it. Read the
folders of those whom you trust.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quorate.classifiers import OutOfFold
from quorate.errors import PluginError
from quorate.features import numbers
from quorate.fingerprint import sha256_of
from quorate.rows import Rows
from quorate.training_sets.writing import write_json

MODEL, ABOUT = "model.joblib", "model.json"
SCHEMA = "quorate.model/1"


@dataclass(frozen=True, eq=False)
class KeptModel:
    """A model that judges rows by their cells: `about` is what model.json holds, `models` knows rows by their key."""

    about: Mapping[str, Any]
    models: OutOfFold

    @cached_property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.about["labels"])

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads: one of texts, or those of numbers."""
        return tuple(self.about["columns"])

    def probabilities(self, rows: Rows) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """P(label) float64[n, k], by a model that did not learn from the row, and which rows have anything to read.

        Raises:
            TableError: a column that should hold numbers does not.
        """
        cells, speaks = cells_of(rows, self.columns, self.about["reads"])
        return self.models.probabilities(cells, keys_of(cells), len(self.labels)), speaks


def cells_of(rows: Rows, columns: Sequence[str], reads: str) -> tuple[Any, NDArray[np.bool_]]:
    """What a model reads of rows: texts, or float64[n, d], and whether there is anything to read, bool[n].

    Raises:
        TableError: a column that should hold numbers does not.
    """
    if reads == "texts":
        texts = rows.values(columns[0])
        return ["" if text is None else str(text) for text in texts], np.array([t is not None for t in texts], bool)
    table = np.concatenate([numbers(rows, name) for name in columns], axis=1)
    return table, np.asarray(np.isfinite(table).any(axis=1), np.bool_)


def keys_of(cells: Sequence[Any]) -> list[int]:
    """A number for the content of each row, by which a model knows what it has seen."""
    contents = (c.encode("utf-8", "surrogatepass") if isinstance(c, str) else np.asarray(c).tobytes() for c in cells)
    return [int.from_bytes(blake2b(content, digest_size=8).digest(), "big") for content in contents]


def write_model(folder: Path, model: KeptModel) -> list[Path]:
    """The files of the model, in a folder that is made; its own hash is added to what is said of it."""
    from joblib import dump

    folder.mkdir(parents=True, exist_ok=True)
    dump(model.models, folder / MODEL, compress=3)
    write_json(folder / ABOUT, {**model.about, "sha256": sha256_of(folder / MODEL)})
    return [folder / MODEL, folder / ABOUT]


def read_about(folder: Path) -> dict[str, Any]:
    """What model.json says; the model itself is not opened.

    Raises:
        PluginError: there is no model in the folder, or one of another kind.
    """
    path = folder / ABOUT
    try:
        about: dict[str, Any] = json.loads(path.read_bytes())
    except OSError:
        raise PluginError(f"there is no {ABOUT} in {folder}; `quorate train` writes one") from None
    except ValueError:
        about = {}
    if not isinstance(about, dict) or about.get("schema") != SCHEMA:
        raise PluginError(f"{path} does not describe a model of quorate; train again")
    return about


def read_model(folder: Path) -> KeptModel:
    """The model of a folder.

    Raises:
        PluginError: there is none, or its file is not the one that was described.
    """
    about = read_about(folder)
    if not (folder / MODEL).is_file():
        raise PluginError(f"there is no {MODEL} in {folder}; train again")
    if sha256_of(folder / MODEL) != about["sha256"]:
        raise PluginError(f"{folder / MODEL} is not the file that {ABOUT} describes; train again")
    from joblib import load

    return KeptModel(about, load(folder / MODEL))
