"""The message types of `openai` take every line, and so do the checks of its cookbook."""

from __future__ import annotations

from openai.types.chat import ChatCompletionMessageParam
from pydantic import TypeAdapter
from shared import given, lines, same

folder, files, labels = given()
messages = TypeAdapter(list[ChatCompletionMessageParam])
for file, expected in files.items():
    read = []
    for line in lines(folder / file):
        assert set(line) == {"messages"}
        messages.validate_python(line["messages"])
        turns = line["messages"]
        assert all(set(turn) == {"role", "content"} and turn["content"] for turn in turns)
        assert [turn["role"] for turn in turns] == ["system", "user", "assistant"]
        assert turns[-1]["content"] in labels
        read.append((turns[1]["content"], turns[2]["content"]))
    same(file, read, expected)
