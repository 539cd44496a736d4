"""A proxy between a page and the bridge that cuts every connection at a random byte."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class Cutter:
    """Hands bytes to and fro; each connection may carry so many, both ways together, and is cut."""

    def __init__(self, target: str, chance: random.Random, most: int) -> None:
        parts = urlsplit(target)
        self._host, self._port = parts.hostname or "", parts.port or 0
        self._chance = chance
        self.most = most
        self.cuts = 0
        self.cuts_on_the_way_in = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until its bytes are used up."""
        # Few bytes are as likely as many: so that heads, bodies and events are all cut somewhere.
        left = [int(self.most ** self._chance.random())] if self.most else [1 << 40]
        answers, out = await asyncio.open_connection(self._host, self._port)
        both = [
            asyncio.create_task(self._carry(reader, out, left, inward=True)),
            asyncio.create_task(self._carry(answers, writer, left, inward=False)),
        ]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)
        for side in (writer, out):
            side.transport.abort()

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        left: list[int],
        *,
        inward: bool,
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data[: left[0]])
                left[0] -= len(data)
                # What is on its way is let out first: the cut is at this byte and no other.
                await writer.drain()
                if left[0] <= 0:
                    self.cuts += 1
                    self.cuts_on_the_way_in += inward
                    return


@asynccontextmanager
async def cutting(target: str, chance: random.Random, most: int) -> AsyncIterator[Cutter]:
    """Run the proxy before an address."""
    cutter = Cutter(target, chance, most)
    server = await asyncio.start_server(cutter.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    cutter.url = f"http://127.0.0.1:{port}"
    try:
        yield cutter
    finally:
        server.close()
