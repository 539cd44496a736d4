"""The Slack desk keeps the contract of desks, against a fake workspace over real HTTP."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from adapters.slack.refs import place_of
from bridge.domain.errors import DeliveryError, Refused, TryAgain
from bridge.domain.ids import PostRef, ThreadRef
from bridge.ports.desk import Desk
from tests.adapters.slack.scene import Scene, scene
from tests.contracts.desk import DeskUnderTest, MarkingDeskContract
from tests.servers.slack import ROOM


@dataclass
class SlackUnderTest:
    """The Slack desk and its fake workspace."""

    made: Scene
    desk: Desk
    room: str = ROOM
    began: float = field(default_factory=time.time)

    def fail_next(self, end: type[DeliveryError], *, after: bool) -> None:
        """Let the next post end this way."""
        if end is TryAgain:
            self.made.slack.fail("chat.postMessage", "rate", retry_after="0")
        elif end is Refused:
            self.made.slack.fail("chat.postMessage", "error", code="restricted_action")
        else:
            self.made.slack.fail("chat.postMessage", "reset", after=after)

    def shown(self, thread: ThreadRef) -> list[str]:
        """Return the texts of the replies."""
        return [str(m["text"]) for m in self.made.slack.state.thread(ROOM, place_of(thread).ts)]

    def roots(self) -> int:
        """Return how many roots stand in the room."""
        return len(self.made.slack.state.roots())

    def mark_on(self, post: PostRef) -> str | None:
        """Return the one reaction on a post."""
        names = self.made.slack.state.reactions[ROOM, place_of(post).ts]
        assert len(names) <= 1
        return next(iter(names), None)

    async def lose(self, thread: ThreadRef) -> None:
        """Delete the root, its replies before."""
        state = self.made.slack.state
        root = place_of(thread).ts
        for reply in state.thread(ROOM, root):
            state.remove(state.rooms[ROOM], reply["ts"])
        state.remove(state.rooms[ROOM], root)


@pytest.fixture
async def under_test(tmp_path: Path) -> AsyncIterator[DeskUnderTest]:
    """A Slack desk in an empty room."""
    async with scene(tmp_path, begin=False) as made:
        yield SlackUnderTest(made, made.desk)


class TestSlackDesk(MarkingDeskContract):
    """The contract, for Slack."""
