"""Awaiting many things at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")


async def together(asking: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """What all of them give; when one raises, the others are ended before it is raised on."""
    async with _grouped() as group:
        tasks = [group.create_task(one) for one in asking]
    return [task.result() for task in tasks]


async def in_turn(items: Iterable[T], work: Callable[[T], Awaitable[None]], workers: int) -> None:
    """Works on every item, so many at a time; memory holds those under way, not all."""
    left = iter(items)

    async def worker() -> None:
        for item in left:
            await work(item)

    await together([worker() for _ in range(workers)])


@asynccontextmanager
async def _grouped() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group that raises the first error itself, not a group of one."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as several:
        first: BaseException = several
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from None
