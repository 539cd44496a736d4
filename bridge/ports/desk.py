"""The desk: where the support team lives, and the pacer that keeps us inside its limits."""

from enum import IntEnum
from typing import Protocol

from bridge.domain.capabilities import DeskCapabilities
from bridge.domain.ids import PostRef, ThreadRef
from bridge.domain.posts import Amendment, Card, Post


class Turn(IntEnum):
    """What a turn is asked for; of those who wait for the same room, the lowest goes first."""

    ROOT = 0
    WORDS = 1
    NOTICE = 2
    CARD = 3


class Pacer(Protocol):
    """Hands out the turns of each room.

    Whoever calls `open_thread` or `post` takes a turn first, and may do so before marking a
    delivery as sending: these two wait for nobody. All other calls are paced inside the desk.
    """

    def ready(self, room: str) -> bool:
        """Return whether a turn would be granted at once."""
        ...

    async def turn(self, room: str, turn: Turn) -> None:
        """Wait for a turn in `room`: in order of `turn`, then first come, first served."""
        ...

    def pause(self, room: str, seconds: float) -> None:
        """Grant no turn in `room` for so long; the others go on."""
        ...


class Desk(Protocol):
    """A platform with rooms, threads and posts.

    Each method makes at most one visible effect, tries once, and ends in one of four ways: it
    returns, or raises `TryAgain` (surely no effect), `Uncertain` (perhaps), or `Refused` (surely
    no effect, and repeating cannot help). `keys` and `key` go along with the post, invisible to
    people, so that `find` can tell later whether it arrived. No method may retry by itself.
    """

    @property
    def name(self) -> str:
        """The desk's name, which also begins each of its references: `slack`, `sandbox`."""
        ...

    @property
    def capabilities(self) -> DeskCapabilities:
        """What this desk can do."""
        ...

    @property
    def pacer(self) -> Pacer:
        """Hands out the turns of the desk's rooms."""
        ...

    async def open_thread(self, room: str, card: Card, key: str) -> ThreadRef:
        """Post the case card as the root of a new thread in `room`."""
        ...

    async def post(self, thread: ThreadRef, post: Post, keys: tuple[str, ...]) -> PostRef:
        """Post in a thread; `keys` are the ids of all deliveries that this post settles."""
        ...

    async def amend(self, post: PostRef, amendment: Amendment) -> None:
        """Change or mark a post. Repeating it is harmless."""
        ...

    async def refresh(self, thread: ThreadRef, card: Card) -> None:
        """Bring the root up to date, and pin or unpin it. Repeating it is harmless."""
        ...

    async def find(
        self, room: str, thread: ThreadRef | None, key: str, since: float
    ) -> PostRef | ThreadRef | None:
        """Look for a post that carries `key`, made after `since` (epoch seconds).

        Without a thread, a root is looked for in the room and returned as `ThreadRef`. None means
        that it is not there now. Raises `TryAgain` when the platform cannot be asked.
        """
        ...
