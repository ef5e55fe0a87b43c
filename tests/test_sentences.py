"""reads = "sentences": embeddings by sentence-transformers, with the package itself and by its documented interface."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pandas as pd
import pytest
from projects import Ended, needs, quorate
from taught_rows import FILLER, WORDS, comments, write_taught

MORE = '\n[train]\nreads = "sentences"\nsentences = "encoder"\n'

STAND_IN = '''
"""As much of sentence-transformers as is documented of SentenceTransformer: a name or folder in, embeddings out."""

from pathlib import Path

import numpy as np


class SentenceTransformer:
    def __init__(self, name):
        if not (Path(name) / "words.txt").is_file():
            raise OSError(f"{name} is not a local folder and is not a valid model identifier")
        self.words = (Path(name) / "words.txt").read_text().split()

    def encode(self, sentences, show_progress_bar=None):
        assert isinstance(sentences, list)
        counts = [[sentence.split().count(word) for word in self.words] for sentence in sentences]
        return np.array(counts, np.float32)
'''


@pytest.fixture
def stand_in(tmp_path: Path) -> dict[str, str]:
    """The environment of a process that finds the stand-in where the package would be."""
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "sentence_transformers.py").write_text(dedent(STAND_IN), "utf-8")
    return {"PYTHONPATH": os.pathsep.join([str(tmp_path / "packages"), os.environ.get("PYTHONPATH", "")])}


def taught(folder: Path, n: int = 80) -> Path:
    """A project that reads sentences by the model in its folder `encoder`."""
    project = write_taught(folder, n=n, more=MORE)
    (project / "encoder").mkdir()
    (project / "encoder" / "words.txt").write_text(" ".join(known_words()), "utf-8")
    return project


def known_words() -> list[str]:
    return [*WORDS["HAM"], *WORDS["SPAM"], *FILLER]


def accuracy_of(ended: Ended) -> float:
    assert ended.code == 0, ended.err
    return float(next(entry for entry in ended.json["contenders"] if entry["name"] == "weak")["accuracy"]["value"])


def predicted(folder: Path, tmp_path: Path, **environment: str) -> list[Any]:
    """What the kept model says of rows that it has not seen, and their labels."""
    rows = comments(40, seed=5)
    pd.DataFrame({"text": [text for _, text, _ in rows]}).to_parquet(tmp_path / "rows.parquet")
    out = tmp_path / "out.jsonl"
    ended = quorate("predict", folder / ".quorate" / "model", "rows.parquet", "--to", out, cwd=tmp_path, **environment)
    assert ended.code == 0, ended.err
    said = [json.loads(line)["label"] for line in out.read_text("utf-8").splitlines()]
    return [label == known for label, (*_, known) in zip(said, rows, strict=True)]


def test_sentences_are_learned_from_kept_and_judged_by(tmp_path: Path, stand_in: dict[str, str]) -> None:
    folder = taught(tmp_path / "project")
    # From elsewhere: the folder of the encoder is that of the project.
    ended = quorate("train", folder, "--no-worth", "--json", cwd=tmp_path, **stand_in)
    assert accuracy_of(ended) > 0.75
    assert ended.json["model"]["learner"]["sentences"] == str((folder / "encoder").resolve())
    card = (folder / ".quorate" / "model" / "README.md").read_text("utf-8")
    assert "as sentences by the model `" in card
    assert np.mean(predicted(folder, tmp_path, **stand_in)) > 0.75


def test_a_model_of_sentences_that_is_not_there_is_named(tmp_path: Path, stand_in: dict[str, str]) -> None:
    folder = taught(tmp_path / "project")
    (folder / "encoder" / "words.txt").unlink()
    ended = quorate("train", folder, "--no-worth", cwd=tmp_path, **stand_in)
    assert ended.code == 2
    assert "sentence-transformers cannot open" in ended.err
    assert "give a folder that holds it" in ended.err


def test_without_the_package_the_extra_is_named(tmp_path: Path) -> None:
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "sentence_transformers.py").write_text(
        'raise ModuleNotFoundError("none", name="sentence_transformers")\n', "utf-8"
    )
    path = os.pathsep.join([str(tmp_path / "packages"), os.environ.get("PYTHONPATH", "")])
    ended = quorate("train", taught(tmp_path / "project"), "--no-worth", PYTHONPATH=path)
    assert ended.code == 2
    assert "pip install 'quorate[sentences]'" in ended.err


def test_the_package_itself_embeds_by_a_model_that_was_made_here(tmp_path: Path) -> None:
    needs("sentence_transformers")
    folder = write_taught(tmp_path / "project", n=80, more=MORE)
    assert made_model(folder / "encoder") == "(2, 32)"
    ended = quorate("train", folder, "--no-worth", "--json", HF_HUB_OFFLINE="1")
    assert accuracy_of(ended) > 0.75
    assert np.mean(predicted(folder, tmp_path, HF_HUB_OFFLINE="1")) > 0.75
    (folder / "quorate.toml").write_text((folder / "quorate.toml").read_text().replace('"encoder"', '"nowhere/none"'))
    ended = quorate("train", folder, "--no-worth", HF_HUB_OFFLINE="1")
    assert ended.code == 2
    assert "sentence-transformers cannot open 'nowhere/none'" in ended.err


def made_model(folder: Path) -> str:
    """Makes a model of one vector a word, without any download, and says the shape of what it embeds."""
    code = f"""
import numpy as np
from sentence_transformers import SentenceTransformer
try:
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
except ImportError:
    from sentence_transformers.models import StaticEmbedding
from tokenizers import Tokenizer, models, pre_tokenizers

words = ["[UNK]", *{known_words()!r}]
tokenizer = Tokenizer(models.WordLevel({{word: i for i, word in enumerate(words)}}, unk_token="[UNK]"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
vectors = np.random.default_rng(0).normal(size=(len(words), 32)).astype(np.float32)
made = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=vectors)], device="cpu")
made.save({str(folder)!r})
print(made.encode(["lovely song", "free money"]).shape)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
