"""Work that may outlast the request it began with: downloads, and answers only one person sees.

It runs in the task group of `run`, which the program starts; without it, errands are done at once.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine

log = logging.getLogger(__name__)

Job = Coroutine[None, None, None]


class NotYet(Exception):
    """The work goes on; whoever asked must come again."""


class Errands:
    """Runs small jobs, at most one at a time under the same key."""

    def __init__(self) -> None:
        self._group: asyncio.TaskGroup | None = None
        self._under_way: dict[str, asyncio.Future[None]] = {}

    async def run(self) -> None:
        """Carry errands until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                await asyncio.Event().wait()
            finally:
                self._group = None

    async def soon(self, job: Job) -> None:
        """Do something whose end nobody waits for."""
        if self._group is None:
            await _guarded(job)
        else:
            self._group.create_task(_guarded(job))

    async def within(self, seconds: float, key: str, job: Callable[[], Job]) -> None:
        """Do something once and wait for its end, at most so long.

        Raises `NotYet` when it is still under way then, else what the job raised.
        """
        if self._group is None:
            await job()
            return
        end = self._under_way.get(key)
        if end is None:
            end = self._begin(self._group, key, job())
        try:
            async with asyncio.timeout(seconds):
                await asyncio.shield(end)
        except TimeoutError as error:
            raise NotYet from error

    async def past(self, seconds: float, prefix: str) -> None:
        """Wait, at most so long, until nothing whose key begins so is under way.

        Raises `NotYet` when something still is.
        """
        ends = [end for key, end in self._under_way.items() if key.startswith(prefix)]
        if ends and (await asyncio.wait(ends, timeout=seconds))[1]:
            raise NotYet

    def _begin(self, group: asyncio.TaskGroup, key: str, job: Job) -> "asyncio.Future[None]":
        end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        end.add_done_callback(asyncio.Future.exception)  # it may be that nobody waits any more
        self._under_way[key] = end
        group.create_task(self._see_through(key, end, job))
        return end

    async def _see_through(self, key: str, end: "asyncio.Future[None]", job: Job) -> None:
        try:
            await job
            end.set_result(None)
        except Exception as error:  # noqa: BLE001 - told to whoever waits, never to the group
            end.set_exception(error)
        finally:
            del self._under_way[key]
            if not end.done():
                end.set_exception(NotYet())


async def _guarded(job: Job) -> None:
    try:
        await job
    except Exception:
        log.exception("slack.errand_failed", extra={"action": "errand"})
