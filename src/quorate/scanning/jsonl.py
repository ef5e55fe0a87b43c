"""JSONL files as one table: blocks of lines, and types that hold for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from json import JSONDecodeError, loads
from typing import Any

import pyarrow as pa
from pyarrow import json

from quorate.errors import TableError
from quorate.scanning.files import File, first_line
from quorate.scanning.given import given_columns, with_given
from quorate.scanning.lines import BLOCK_BYTES, Block, blocks, stretches_read
from quorate.scanning.stretches import Stretch

Types = dict[str, pa.DataType]


@dataclass(frozen=True)
class JsonlForm:
    """Files of one JSON object a line; a name that an object lacks is empty there."""

    types: Types
    given: pa.Schema

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([*self.types.items(), *self.given])

    def batches(self, stretches: Sequence[Stretch]) -> Iterator[pa.Table]:
        for stretch, content in stretches_read(stretches):
            try:
                table = _read(content, self.types)
            except pa.ArrowException as error:
                raise TableError(f"{stretch.file.name}: {first_line(error)}") from None
            yield with_given(table.select(list(self.types)), stretch.file, self.given)


def jsonl_scan(files: Sequence[File], text_columns: Sequence[str], size: int) -> tuple[JsonlForm, tuple[Stretch, ...]]:
    """How these files are read together, and their blocks; every block is read once, for the types.

    Raises:
        TableError: a file is not UTF-8 or a line not a JSON object, or not like those before it; all files are empty.
    """
    text: Types | None = None
    types: Types = {}
    stretches: list[Stretch] = []
    for file in files:
        for block in blocks(file, size=size):
            text = _texts(block.content, text_columns) if text is None else text
            try:
                table = _read(block.content, text)
                types = _grown(types, table.schema)
            except (pa.ArrowException, TypeError):
                raise TableError(_bad_line(files) or f"{file.name}: {_misfit(block, text, types)}") from None
            stretches.append(Stretch(file, table.num_rows, block.at, len(block.content)))
    if not types:
        raise TableError(f"{files[0].name} is empty" + (": no object in it has a name" if stretches else ""))
    return JsonlForm(types, given_columns(files, text_columns, list(types))), tuple(stretches)


def _grown(types: Types, schema: pa.Schema) -> Types:
    grown = dict(types)
    for field in schema:
        try:
            grown[field.name] = joined(grown.get(field.name, pa.null()), field.type)
        except TypeError as error:
            raise TypeError(f"{field.name!r} holds {error}, there and in lines before") from None
    return grown


def joined(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """The type that Arrow gives to values of both types, read together.

    Raises:
        TypeError: there is none.
    """
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    if {one, other} == {pa.int64(), pa.float64()}:
        return pa.float64()
    if {one, other} == {pa.timestamp("s"), pa.string()}:
        return pa.string()
    if pa.types.is_list(one) and pa.types.is_list(other):
        return pa.list_(joined(one.value_type, other.value_type))
    if pa.types.is_struct(one) and pa.types.is_struct(other):
        fields: Types = {field.name: field.type for field in one}
        for field in other:
            fields[field.name] = joined(fields.get(field.name, pa.null()), field.type)
        return pa.struct(list(fields.items()))
    raise TypeError(f"{other} and {one}")


def _read(content: bytes, types: Types) -> pa.Table:
    return json.read_json(
        pa.BufferReader(content),
        read_options=json.ReadOptions(block_size=len(content) + 1, use_threads=False),
        parse_options=json.ParseOptions(explicit_schema=pa.schema(types) if types else None),
    )


def _texts(content: bytes, text_columns: Sequence[str]) -> Types:
    """Text for the columns that hold text in the first row: a date in an id column stays the text it is."""
    try:
        first = loads(content.lstrip().split(b"\n", 1)[0])
    except JSONDecodeError:
        return {}
    return {name: pa.string() for name in text_columns if isinstance(first, dict) and isinstance(first.get(name), str)}


def _bad_line(files: Sequence[File]) -> str:
    """Which line is not a JSON object or does not go with those before it, found only after Arrow refused a file."""
    kinds: dict[str, tuple[str, File]] = {}
    for file, number, line in _lines(files):
        try:
            record = loads(line) if line.strip() else {}
        except JSONDecodeError as error:
            shown = line[:80].decode("utf-8", "replace")
            return f"{file.name}: line {number} is not JSON ({error.msg}): {shown!r}"
        if not isinstance(record, dict):
            return f"{file.name}: line {number} is not a JSON object: {line[:80].decode('utf-8', 'replace')!r}"
        for name, cell in record.items():
            kind = _JSON_KINDS.get(type(cell), "null")
            before, where = kinds.setdefault(name, (kind, file)) if kind != "null" else (kind, file)
            if before != kind:
                there = "" if where == file else f" in {where.name}"
                return f"{file.name}: line {number}: {name!r} is {kind}, and was {before} before{there}"
    return ""


def _misfit(block: Block, text: Types, types: Types) -> str:
    """Which line of a block does not go with those before it, where what differs is inside lists or objects."""
    for number, line in enumerate(block.content.splitlines(), block.lines + 1):
        try:
            types = _grown(types, _read(line, text).schema) if line.strip() else types
        except (pa.ArrowException, TypeError) as error:
            return f"line {number}: {first_line(error)}"
    return "an object does not end on the line on which it starts"


def _lines(files: Sequence[File]) -> Iterator[tuple[File, int, bytes]]:
    for file in files:
        for block in blocks(file, size=BLOCK_BYTES):
            for number, line in enumerate(block.content.splitlines(), block.lines + 1):
                yield file, number, line


_JSON_KINDS: dict[type[Any], str] = {
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
}
