"""A proxy before a PostgreSQL server, on a Unix socket, that breaks connections on demand."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from enum import Enum
from pathlib import Path

from tests.databases import SOCKET


class Fate(Enum):
    """What happens to the next COMMIT that passes."""

    PASS = "it passes"
    CUT_BEFORE = "the connection breaks before the server has it"
    CUT_AFTER = "the connection breaks when the server has answered"
    GONE_AFTER = "the server has answered, and from then on nobody reaches it"
    HALF_OPEN = "we are cut off, and the server waits for a COMMIT that never comes"
    CUT_AT_ONCE = "it is handed on and the connection breaks at the same moment"


class HalfOpenError(ConnectionResetError):
    """Only the client's side is broken."""


class Proxy:
    """Hands bytes to and fro until it is told otherwise."""

    def __init__(self, server: Path, folder: Path) -> None:
        self._server = server / SOCKET
        self.folder = folder
        self.fate = Fate.PASS
        self.is_down = False
        self.swallow: Callable[[bytes], bool] = lambda _: False
        self.met = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._cut_answers = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        if self.is_down:
            writer.close()
            return
        to_server = await asyncio.open_unix_connection(str(self._server))
        both: tuple[asyncio.StreamWriter, ...] = (writer, to_server[1])
        self._open |= set(both)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._questions(reader, to_server[1]))
                tasks.create_task(self._answers(to_server[0], writer))
        except* HalfOpenError:
            # The server's side is closed with the proxy.
            both = (writer,)
        except* (ConnectionError, EOFError):
            pass
        finally:
            self._open -= set(both)
            for side in both:
                side.close()

    async def _questions(self, client: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        while data := await client.read(65536):
            if b"COMMIT\0" not in data or self.fate is Fate.PASS:
                server.write(data)
                continue
            fate, self.fate = self.fate, Fate.PASS
            self.met += 1
            if fate in {Fate.CUT_BEFORE, Fate.HALF_OPEN}:
                raise HalfOpenError if fate is Fate.HALF_OPEN else ConnectionResetError
            self._cut_answers = fate in {Fate.CUT_AFTER, Fate.GONE_AFTER}
            self.is_down = fate is Fate.GONE_AFTER
            server.write(data)
            await server.drain()
            if fate is Fate.CUT_AT_ONCE:
                raise ConnectionResetError
        raise EOFError

    async def _answers(self, server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        while data := await server.read(65536):
            if self._cut_answers:
                self._cut_answers = False
                if self.is_down:
                    self.cut_all()
                raise ConnectionResetError
            if not self.swallow(data):
                client.write(data)
        raise EOFError

    def reach(self, server: Path) -> None:
        """Lead to another server from the next connection on."""
        self._server = server

    def cut_all(self) -> None:
        """Break every connection there is."""
        for side in self._open:
            side.transport.abort()


@asynccontextmanager
async def proxied(server: Path, folder: Path) -> AsyncIterator[Proxy]:
    """Run a proxy whose socket stands in `folder`."""
    proxy = Proxy(server, folder)
    serving = await asyncio.start_unix_server(proxy.serve, str(folder / SOCKET))
    try:
        yield proxy
    finally:
        serving.close()
        proxy.cut_all()
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                await serving.wait_closed()
