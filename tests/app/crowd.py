"""Requests that come all at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from app.errors import OverloadedError


async def outcomes(work: Callable[[int], Awaitable[object]], count: int) -> list[str]:
    """What becomes of `count` pieces of work that start together, each made of its number: answered ones first."""
    found = []

    async def attempt(number: int) -> None:
        try:
            await work(number)
            found.append("answered")
        except OverloadedError:
            found.append("refused")

    async with anyio.create_task_group() as group:
        for number in range(count):
            group.start_soon(attempt, number)
    return sorted(found)
