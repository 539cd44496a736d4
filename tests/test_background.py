"""Background work: whatever fails ends the program, and nothing outlives it."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from bridge.app.run import Background

Work = Coroutine[object, object, None]


async def until_closed(*works: Callable[[Background], Work], after: float = 0.02) -> None:
    """Run work until it fails or has run for a while, then close."""
    async with asyncio.TaskGroup() as group:
        background = Background(group)
        for work in works:
            background.spawn(work(background), "work")
        try:
            await asyncio.sleep(after)
        finally:
            await background.close()


async def fails(background: Background) -> None:
    """Fail at once."""
    del background
    raise RuntimeError("at once")


async def fails_too(background: Background) -> None:
    """Fail at once, in another way."""
    del background
    raise OSError("too")


async def fails_at_the_end(background: Background) -> None:
    """Fail when told to end."""
    del background
    try:
        await asyncio.sleep(60)
    finally:
        raise RuntimeError("at the end")


async def rests(background: Background) -> None:
    """Wait to be told to end."""
    del background
    await asyncio.sleep(60)


async def test_the_first_failure_ends_everything() -> None:
    """Work that fails ends all the rest, long before it would have ended."""
    async with asyncio.timeout(5):
        with pytest.raises(ExceptionGroup) as found:
            await until_closed(rests, fails, after=60)
    assert found.group_contains(RuntimeError, match="at once")


async def test_no_failure_is_swallowed() -> None:
    """Of failures at the same moment each is told, and one in the middle of the stop as well."""
    with pytest.raises(ExceptionGroup) as both:
        await until_closed(fails, fails_too)
    assert both.group_contains(RuntimeError)
    assert both.group_contains(OSError)
    with pytest.raises(ExceptionGroup) as late:
        await until_closed(fails_at_the_end)
    assert late.group_contains(RuntimeError, match="at the end")


async def test_nothing_outlives_it() -> None:
    """Work that is begun while everything ends is ended with it."""
    log: list[str] = []

    async def child() -> None:
        try:
            await asyncio.sleep(0.2)
            log.append("ran on")
        finally:
            log.append("ended")

    async def parent(background: Background) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            background.spawn(child(), "child")
            await asyncio.sleep(0)

    await until_closed(parent)
    assert log in (["ended"], [])
    await asyncio.sleep(0.3)
    assert "ran on" not in log
