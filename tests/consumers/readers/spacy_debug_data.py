"""`spacy debug data` finds the corpus loadable; DocBin gives the texts and categories."""

from __future__ import annotations

import subprocess
import sys

import spacy
from shared import given, same
from spacy.tokens import DocBin

folder, files, labels = given()
nlp = spacy.blank("en")
for file, expected in files.items():
    docs = list(DocBin().from_disk(folder / file).get_docs(nlp.vocab))
    assert all(sorted(doc.cats) == sorted(labels) for doc in docs)
    same(file, [(doc.text, max(doc.cats, key=doc.cats.get)) for doc in docs], expected)
spacy_command = [sys.executable, "-m", "spacy"]
config = str(folder / "config.cfg")
subprocess.run([*spacy_command, "init", "config", "-p", "textcat", config], check=True, capture_output=True)
paths = ["--paths.train", str(folder / "train.spacy"), "--paths.dev", str(folder / "dev.spacy")]
done = subprocess.run([*spacy_command, "debug", "data", config, *paths], capture_output=True, text=True, check=False)
assert done.returncode == 0, done.stdout + done.stderr
assert "Corpus is loadable" in done.stdout, done.stdout
assert "2 label(s)" in done.stdout, done.stdout
