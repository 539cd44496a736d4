"""How instances on one PostgreSQL tell each other what they stored.

Each commit sends one notice: who, the how-manieth commit of theirs, and which conversations. A
notice may get lost, so the count is also a column that is looked at every second: whoever is
behind looks at everything.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping

from bridge.domain.errors import StoreUnavailable
from bridge.domain.ids import ConversationId
from bridge.ports.store import News
from storage.postgres_link import FAILURES, Connection, Link

log = logging.getLogger(__name__)

CHANNEL = "handoff"

LONGEST_NOTICE = 7_000
"""Bytes for the conversations of one notice; PostgreSQL refuses payloads of 8,000 (NOTIFY)."""

POLL = 0.9
"""Seconds between looks at the counts. Being behind twice in a row counts, so that a notice that
is still on its way is waited for: what was lost is noticed within two seconds."""

LONGEST_PAUSE = 10.0
"""Seconds between attempts to connect, at most."""

ALL = News(None)

_COUNTS = "SELECT id, commits FROM instance"


def listed(conversations: Iterable[ConversationId]) -> str:
    """Return conversations as a notice names them: `*` when they are too many to name."""
    names = " ".join(conversations)
    return names if len(names.encode()) <= LONGEST_NOTICE else "*"


class Gossip:
    """What is known of the other instances' commits."""

    def __init__(self, me: str) -> None:
        self._me = me
        self._known: dict[str, int] = {}
        self._behind: set[str] = set()

    def begin(self, counts: Mapping[str, int]) -> None:
        """Start from these counts."""
        self._known = dict(counts)
        self._behind.clear()

    def heard(self, notice: str) -> News | None:
        """Return what a notice says, or None when it is our own."""
        sender, _, rest = notice.partition(" ")
        number, _, names = rest.partition(" ")
        if sender == self._me or not number.isdecimal():
            return None
        expected = self._known.get(sender, 0) + 1
        self._known[sender] = max(int(number), expected - 1)
        if names == "*" or int(number) > expected:
            return ALL
        return News(frozenset(ConversationId(name) for name in names.split()))

    def polled(self, counts: Mapping[str, int]) -> News | None:
        """Return "look at all" when a notice never came; None when all were heard."""
        behind = {
            sender
            for sender, count in counts.items()
            if sender != self._me and count > self._known.get(sender, 0)
        }
        missed = behind & self._behind
        self._behind = behind - missed
        for sender in missed:
            self._known[sender] = counts[sender]
        for gone in self._known.keys() - counts.keys():
            del self._known[gone]
        return ALL if missed else None


class Ear:
    """Listens to the other instances; connects again for ever."""

    def __init__(self, link: Link, me: str) -> None:
        self._link = link
        self._gossip = Gossip(me)
        self._listeners: list[Callable[[News], None]] = []

    def listen(self, listener: Callable[[News], None]) -> None:
        """Call `listener` when another instance committed something."""
        self._listeners.append(listener)

    def _tell(self, news: News | None) -> None:
        for listener in self._listeners if news is not None else ():
            listener(news or ALL)

    def _notified(self, *notice: object) -> None:
        self._tell(self._gossip.heard(str(notice[-1])))

    async def run(self) -> None:
        """Listen until cancelled."""
        pause = 0.1
        while True:
            try:
                connection = await self._link.get()
                await self._begin(connection)
                pause = 0.1
                await self._poll(connection)
            except (*FAILURES, StoreUnavailable) as problem:
                log.warning(
                    "not listening to other instances",
                    extra={"action": "wakeup_lost", "why": str(problem)},
                )
                self._link.drop()
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _begin(self, connection: Connection) -> None:
        await connection.add_listener(CHANNEL, self._notified)
        self._gossip.begin(await _counts(connection))
        # What was stored while nobody listened is found by looking at everything once.
        self._tell(ALL)

    async def _poll(self, connection: Connection) -> None:
        while True:
            await asyncio.sleep(POLL)
            self._tell(self._gossip.polled(await _counts(connection)))


async def _counts(connection: Connection) -> dict[str, int]:
    return {row[0]: row[1] for row in await connection.fetch(_COUNTS)}
