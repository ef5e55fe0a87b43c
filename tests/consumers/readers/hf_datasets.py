"""`load_dataset` gives our splits with a ClassLabel; `DatasetCard` reads the card."""

from __future__ import annotations

from datasets import ClassLabel, load_dataset
from huggingface_hub import DatasetCard
from shared import given, same

folder, files, labels = given()
found = load_dataset(str(folder), cache_dir=str(folder.parent / "cache"))
assert len(found) == len(files)
for file, expected in files.items():
    part = found[file.removeprefix("data/").partition("-")[0]]
    assert isinstance(part.features["label"], ClassLabel)
    assert part.features["label"].names == labels
    same(file, list(zip(part["text"], part.features["label"].int2str(part["label"]), strict=True)), expected)
    assert all(abs(sum(probs) - 1) < 1e-5 for probs in part["label_probs"])
card = DatasetCard.load(folder / "README.md")
assert card.data.task_categories == ["text-classification"]
assert card.data.to_dict()["configs"][0]["data_files"]
