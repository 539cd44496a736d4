"""What goes wrong at the sandbox desk: the file's own troubles, and faults scripted by a test.

Every failure leaves here as `TryAgain`, `Uncertain` or `Refused`; a scripted fault may be anything.
"""

import sqlite3
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bridge.domain.errors import TryAgain, Uncertain

# https://www.sqlite.org/rescode.html: with these the transaction was surely rolled back.
_SURELY_NOT = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY}
)


@contextmanager
def translated() -> Iterator[None]:
    """Turn an error of the file into a failed delivery."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        failure = TryAgain if code in _SURELY_NOT else Uncertain
        raise failure(f"the sandbox desk's file: {error}") from error


@dataclass(frozen=True, slots=True)
class _Fault:
    error: BaseException
    after: bool


class Faults:
    """Failures to come, by method of the desk, in the order they were planned."""

    def __init__(self) -> None:
        self._planned: defaultdict[str, deque[_Fault]] = defaultdict(deque)

    def plan(
        self, method: str, error: BaseException, *, after: bool = False, times: int = 1
    ) -> None:
        """Let the next `times` calls of `method` raise `error`: before any effect, or after it."""
        self._planned[method].extend(_Fault(error, after) for _ in range(times))

    def clear(self) -> None:
        """Forget what was planned."""
        self._planned.clear()

    @contextmanager
    def around(self, method: str) -> Iterator[None]:
        """Raise what is planned for this call of `method`, before or after the block has run."""
        planned = self._planned[method]
        fault = planned.popleft() if planned else None
        if fault is not None and not fault.after:
            raise fault.error
        yield
        if fault is not None:
            raise fault.error
