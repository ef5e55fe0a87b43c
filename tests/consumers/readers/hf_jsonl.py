"""`load_dataset("json")` reads every file of JSON lines as it is."""

from __future__ import annotations

from datasets import load_dataset
from shared import given, same

folder, files, _ = given()
for file, expected in files.items():
    part = load_dataset("json", data_files=str(folder / file), cache_dir=str(folder.parent / "cache"), split="train")
    column = "target" if "target" in part.column_names else "label"
    read = [label[0] if isinstance(label, list) else label for label in part[column]]
    same(file, list(zip(part["text"], read, strict=True)), expected)
