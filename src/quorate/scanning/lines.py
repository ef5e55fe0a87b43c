"""Text files in blocks of whole rows: a few MiB at a time, whatever the size of the file, also gzipped."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import IO, cast

import numpy as np

from quorate.errors import TableError
from quorate.scanning.files import File, first_line
from quorate.scanning.places import opened
from quorate.scanning.stretches import Stretch

BLOCK_BYTES = 4 * 2**20
"""Read at a time; a block is as much longer as a row is that does not fit."""
_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Block:
    """Whole rows as they stand in a file: where they start, and how many lines stand before them."""

    at: int
    content: bytes
    lines: int


def decoded(name: str, content: bytes, lines: int = 0) -> str:
    """The text of a file, or of a part of it after so many lines, without a byte order mark.

    Raises:
        TableError: it is not UTF-8; the message holds the line.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if not lines and content.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise TableError(f"{name} is UTF-16, not UTF-8 (for instance: iconv -f utf-16 -t utf-8)") from None
        line = lines + content.count(b"\n", 0, error.start) + 1
        raise TableError(
            f"{name}, line {line}: byte 0x{content[error.start]:02x} is not UTF-8; save the file as UTF-8 "
            f"(for instance: iconv -f latin1 -t utf-8)"
        ) from None


def blocks(file: File, delimiter: str = "", size: int = BLOCK_BYTES) -> Iterator[Block]:
    """A file's rows, block by block; in one whose cells have a `delimiter`, a quoted cell may hold line breaks.

    Raises:
        TableError: the file is not UTF-8, or damaged.
    """
    lines = 0
    with unpacked(file) as raw:
        start = raw.read(len(_MARK))
        held = start.removeprefix(_MARK)
        at = len(start) - len(held)
        # Twice as much each time that no row ends: what is held is copied every time.
        while fresh := raw.read(max(size, len(held))):
            held += fresh
            end = _row_end(held, delimiter) if held.strip() else 0
            if end:
                yield (block := _block(file, at, held[:end], lines))
                at, lines, held = at + end, lines + _breaks(block.content), held[end:]
    # Blanks may be a row, but not the header.
    if held.strip(b"\r\n") if lines and delimiter else held.strip():
        yield _block(file, at, held, lines)


def stretches_read(stretches: Sequence[Stretch]) -> Iterator[tuple[Stretch, bytes]]:
    """The bytes of blocks that were read before."""
    for file, run in groupby(stretches, key=lambda stretch: stretch.file):
        # Taken out while it is used: no two threads read on in one.
        served = _left_open.pop(file, None) or _served(file)
        for stretch in run:
            yield stretch, served.send((stretch.at, stretch.length))
        if file.is_gzip:
            _left_open.clear()
            _left_open[file] = served


_left_open: dict[File, Generator[bytes, tuple[int, int], None]] = {}
"""The gzip file that was read last: nothing in one is found but by reading all before, so the next piece goes on."""


def _served(file: File) -> Generator[bytes, tuple[int, int], None]:
    """Bytes of an open file as they are asked for, by where they start and how many they are."""
    served = _serving(file)
    next(served)
    return served


def _serving(file: File) -> Generator[bytes, tuple[int, int], None]:
    answer = b""
    with unpacked(file) as raw:
        while True:
            at, length = yield answer
            raw.seek(at)
            answer = raw.read(length)


@contextmanager
def unpacked(file: File) -> Iterator[IO[bytes]]:
    """The bytes of a file, no more gzipped."""
    with opened(file) as raw:
        if not file.is_gzip:
            yield raw
            return
        try:
            with gzip.GzipFile(fileobj=raw) as unzipped:
                yield cast("IO[bytes]", unzipped)
        except (OSError, EOFError, zlib.error) as error:
            raise TableError(f"{file.name}: cannot be read as gzip: {first_line(error)}") from None


def _block(file: File, at: int, content: bytes, lines: int) -> Block:
    decoded(file.name, content, lines)
    return Block(at, content, lines)


def _breaks(content: bytes) -> int:
    return content.count(b"\n") or content.count(b"\r")


def _row_end(content: bytes, delimiter: str) -> int:
    """Where the last whole row ends, or 0 where none does."""
    mark, end = (b"\n", len(content)) if b"\n" in content else (b"\r", len(content) - 1)
    # A \r that comes last may be half of a \r\n.
    if not delimiter or b'"' not in content:
        return content.rfind(mark, 0, end) + 1
    quotes = _borders(content, delimiter)
    while (end := content.rfind(mark, 0, end)) >= 0:
        before = int(np.searchsorted(quotes, end))
        if before % 2 == 0:
            return end + 1
        # Inside a quoted cell: no row ends before the quote that opened it does.
        end = int(quotes[before - 1])
    return 0


def _borders(content: bytes, delimiter: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Where quotes open and close cells; the two of a doubled quote count as a close and an open."""
    every = np.frombuffer(content, np.uint8)
    quotes = np.flatnonzero(every == ord('"'))
    opening = quotes[::2]
    before = every[opening[opening > 0] - 1]
    # A quote opens a cell only at its start; everywhere else but in quotes it is a letter.
    starts = np.isin(before, np.frombuffer(b'\r\n"' + delimiter.encode(), np.uint8))
    return quotes if starts.all() else _borders_one_by_one(content, delimiter)


def _borders_one_by_one(content: bytes, delimiter: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    starts, borders, at = b"\r\n" + delimiter.encode(), [], 0
    while (start := content.find(b'"', at)) >= 0:
        at = start + 1
        if start and content[start - 1] not in starts:
            continue
        end = content.find(b'"', at)
        while end >= 0 and content[end + 1 : end + 2] == b'"':
            end = content.find(b'"', end + 2)
        borders += [start, len(content) if end < 0 else end]
        if end < 0:
            break
        at = end + 1
    return np.array(borders, np.int64)
