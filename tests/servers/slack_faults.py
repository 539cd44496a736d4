"""What goes wrong on purpose: scripted faults per method, and Slack's own rate limits."""

import asyncio
import socket
import struct
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong with one call.

    `kind`: `error` (ok false with `code`), `status`, `rate` (429), `reset`, `close`, `hang`,
    `slow`, `not_json`, `truncated`, `no_ts`, `late` (the answer is lost, and `seconds` pass until
    the message can be read back), `twice` (all goes well, and once more unseen by the caller).
    `after`: the effect happened all the same.
    """

    kind: str
    after: bool = False
    code: str = "internal_error"
    status: int = 500
    seconds: float = 0.0
    retry_after: str | None = "1"


class Faults:
    """The script: per method a list of faults, each used once, in order."""

    def __init__(self) -> None:
        self._script: dict[str, list[Fault]] = defaultdict(list)

    def add(self, method: str, fault: Fault, times: int = 1) -> None:
        """Let the next calls of a method go wrong."""
        self._script[method] += [fault] * times

    def next(self, method: str) -> Fault | None:
        """Return what happens to a call of this method, or None."""
        if not self._script:
            return None
        waiting = self._script.get(method)
        return waiting.pop(0) if waiting else None

    def clear(self) -> None:
        """Let everything go well again."""
        self._script.clear()


@dataclass(slots=True)
class RateLimit:
    """So many calls a second per key, `burst` at once; None is no limit."""

    per_second: float | None = None
    burst: int = 1
    refused: int = 0
    clock: Callable[[], float] = time.monotonic
    _next: dict[str, float] = field(default_factory=dict)

    def refuses(self, key: str) -> float | None:
        """Return the seconds to wait when a call under `key` is too early."""
        if not self.per_second:
            return None
        now, spacing = self.clock(), 1.0 / self.per_second
        due = self._next.get(key, now)
        wait = due - (self.burst - 1) * spacing - now
        if wait > 0:
            self.refused += 1
            return wait
        self._next[key] = max(due, now) + spacing
        return None


Answerer = Callable[[Fault, web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]


async def fail(fault: Fault, request: web.Request, answer: dict[str, Any]) -> web.StreamResponse:
    """Answer a call the way a fault says."""
    return await _ANSWERERS[fault.kind](fault, request, answer)


async def _error(fault: Fault, request: web.Request, answer: object) -> web.StreamResponse:
    return web.json_response({"ok": False, "error": fault.code})


async def _status(fault: Fault, request: web.Request, answer: object) -> web.StreamResponse:
    body = "<html>something is wrong</html>"
    return web.Response(status=fault.status, text=body, content_type="text/html")


async def _rate(fault: Fault, request: web.Request, answer: object) -> web.StreamResponse:
    headers = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
    body = {"ok": False, "error": "ratelimited"}
    return web.json_response(body, status=429, headers=headers)


async def _not_json(fault: Fault, request: web.Request, answer: object) -> web.StreamResponse:
    return web.Response(text="<html>a proxy says hello</html>", content_type="text/html")


async def _no_ts(fault: Fault, request: web.Request, answer: object) -> web.StreamResponse:
    return web.json_response({"ok": True})


async def _slow(fault: Fault, request: web.Request, answer: object) -> web.StreamResponse:
    await asyncio.sleep(fault.seconds)
    return web.json_response(answer)


async def _late(fault: Fault, request: web.Request, answer: object) -> web.StreamResponse:
    return _cut(request)


async def _hang(fault: Fault, request: web.Request, answer: object) -> web.StreamResponse:
    await asyncio.sleep(fault.seconds or 3600)
    return _cut(request)


async def _reset(fault: Fault, request: web.Request, answer: object) -> web.StreamResponse:
    """Make the coming close of the connection a reset."""
    raw = request.transport.get_extra_info("socket") if request.transport else None
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return _cut(request)


async def _close(fault: Fault, request: web.Request, answer: object) -> web.StreamResponse:
    return _cut(request)


def _cut(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _truncated(fault: Fault, request: web.Request, answer: object) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "500"})
    await response.prepare(request)
    await response.write(b'{"ok": true, "ts": "17')
    _cut(request)
    return response


_ANSWERERS: dict[str, Answerer] = {
    "error": _error,
    "status": _status,
    "rate": _rate,
    "not_json": _not_json,
    "no_ts": _no_ts,
    "slow": _slow,
    "late": _late,
    "twice": _slow,
    "hang": _hang,
    "reset": _reset,
    "close": _close,
    "truncated": _truncated,
}
