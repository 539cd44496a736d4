"""Runs what may block in threads of its own, so that neither the loop nor its pool waits for it.

A thread cannot be ended from outside: when nobody waits any more, the work is told so at its next
word, and until it ends it keeps its slot.
"""

import asyncio
import threading
from collections.abc import Callable
from contextvars import copy_context

from bridge.domain.errors import BridgeError, TryAgain

Say = Callable[[str], None]
Work = Callable[[Say], object]


class Stopped(BridgeError):
    """Nobody waits for this work any more."""


class Crashed(BridgeError):
    """The work ended in a way that no caller can be given as it is, such as `SystemExit`."""


class _Errand:
    """One piece of work, and the loop that waits for it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, say: Say) -> None:
        self.ended: asyncio.Future[object] = loop.create_future()
        self._loop = loop
        self._say = say
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Nobody waits any more."""
        self._stopped.set()

    def say(self, text: str) -> None:
        """Pass words to the loop; raises `Stopped` when nobody listens."""
        if self._stopped.is_set():
            raise Stopped
        self._loop.call_soon_threadsafe(self._say, text)

    def finish(self, result: object, error: BaseException | None) -> None:
        """Pass the end to the loop, if it still runs and waits."""
        if not self._stopped.is_set():
            self._loop.call_soon_threadsafe(self._settle, result, error)

    def _settle(self, result: object, error: BaseException | None) -> None:
        if self.ended.done():
            return
        if error is None:
            self.ended.set_result(result)
        else:
            self.ended.set_exception(error)


class Threads:
    """At most `most` pieces of work at a time."""

    def __init__(self, most: int) -> None:
        self._slots = threading.Semaphore(most)

    async def run(self, work: Work, say: Say) -> object:
        """Return what `work` returns, or raise what it raises; its words reach `say` in the loop.

        Raises `TryAgain` when no slot is free.
        """
        if not self._slots.acquire(blocking=False):
            raise TryAgain("too many calls of the assistant's function are under way")
        errand = _Errand(asyncio.get_running_loop(), say)
        context = copy_context()
        threading.Thread(
            target=context.run, args=(self._carry_out, errand, work), name="assistant", daemon=True
        ).start()
        try:
            return await errand.ended
        finally:
            errand.stop()

    def _carry_out(self, errand: _Errand, work: Work) -> None:
        """Do the work, in its thread."""
        try:
            errand.finish(work(errand.say), None)
        except (StopIteration, SystemExit, KeyboardInterrupt) as error:
            crashed = Crashed(type(error).__name__)
            crashed.__cause__ = error
            errand.finish(None, crashed)
        except Exception as error:  # noqa: BLE001 -- carried over to whoever waits
            errand.finish(None, error)
        finally:
            self._slots.release()
