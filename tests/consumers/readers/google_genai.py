"""The types of `google-genai`, which refuse keys they do not know, take every line."""

from __future__ import annotations

from google.genai.types import Content
from shared import given, lines, same

folder, files, labels = given()
for file, expected in files.items():
    read = []
    for line in lines(folder / file):
        assert set(line) == {"systemInstruction", "contents"}
        Content.model_validate(line["systemInstruction"])
        turns = [Content.model_validate(turn) for turn in line["contents"]]
        assert [turn.role for turn in turns] == ["user", "model"]
        assert turns[-1].parts[0].text in labels
        read.append((turns[0].parts[0].text, turns[1].parts[0].text))
    same(file, read, expected)
