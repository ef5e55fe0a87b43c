"""fastText trains on the file, finds our labels and no others, and sees every row of the test file."""

from __future__ import annotations

import fasttext
from shared import given

folder, files, labels = given()
model = fasttext.train_supervised(str(folder / "train.txt"), minCount=1, epoch=5, verbose=0)
assert sorted(model.labels) == sorted(f"__label__{label}" for label in labels), model.labels
for file, expected in files.items():
    rows, precision, _ = model.test(str(folder / file))
    # fastText counts no row without a word.
    assert rows == sum(bool(text.strip()) for text, _ in expected), (file, rows, len(expected))
assert precision > 0.9
