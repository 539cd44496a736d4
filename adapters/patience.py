"""How long a connection may take over each thing, and what one is told that takes longer."""

from dataclasses import dataclass

from adapters.problems import MEDIA_TYPE, document


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Seconds and numbers a connection must keep to.

    `head` is for a whole request head, counted from the connection or the head's first byte;
    `body` for a body that comes slower than `body_rate` bytes a second, and `largest_body` the
    bytes of any body at all; `reader` is for taking what was written, `idle` for the pause
    between two requests, `linger` for the rest of a body that was refused. The watch's own step
    comes on top: a head is cut within 10 seconds, a body or a reader that stands still within 30.
    """

    head: float = 8.0
    body: float = 25.0
    body_rate: int = 4096
    largest_body: int = 64 << 20
    reader: float = 25.0
    idle: float = 75.0
    linger: float = 2.0
    total: int = 20_000
    per_address: int = 256

    @property
    def step(self) -> float:
        """The seconds between two looks at the connections."""
        return min(1.0, self.head / 4, self.body / 4, self.reader / 4)


def _plain_answer(status: int, phrase: str, detail: str) -> bytes:
    """Return a whole HTTP/1.1 answer, for a connection that has no request to answer."""
    body = document(status, detail)
    head = (
        f"HTTP/1.1 {status} {phrase}\r\nContent-Type: {MEDIA_TYPE}\r\n"
        f"Content-Length: {len(body)}\r\nRetry-After: 5\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


BUSY = _plain_answer(503, "Service Unavailable", "There are too many connections; come again.")
MALFORMED = _plain_answer(400, "Bad Request", "This is not a well-formed HTTP request.")
TOO_SLOW = _plain_answer(408, "Request Timeout", "The request did not come in time.")
