"""What stands in the fake workspace: people, rooms, messages, pins, reactions and files.

No HTTP here. `Workspace.ledger` has one entry per visible effect, in the order they happened, so
that a test can count what people would have seen.
"""

import re
import time
from bisect import bisect_right, insort
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

TEAM = "T0TEAM"
BOT_ID = "B0BRIDGE"
BOT_USER = "U0BRIDGE"
APP_ID = "A0BRIDGE"
ROOM = "C0SUPPORT"

LIVE = re.compile(r"<(?:!(?!date\^)|@|#)[^>]*>?")


class SlackError(Exception):
    """The call is answered `ok: false` with this code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(slots=True)
class Room:
    """A channel: its messages by timestamp, and which of them answer which root."""

    id: str
    name: str
    member: bool = True
    archived: bool = False
    messages: dict[str, Json] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    threads: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    pins: set[str] = field(default_factory=set)


def person(user: str, name: str, **flags: Any) -> Json:
    """Return a user object; `flags` overrides its fields."""
    profile = {
        "display_name": name,
        "real_name": f"{name} Realname",
        "image_72": f"https://avatars.example/{user}.png",
    }
    return {
        "id": user,
        "team_id": TEAM,
        "name": name.casefold(),
        "real_name": f"{name} Realname",
        "deleted": False,
        "is_bot": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
        "profile": profile,
    } | flags


class Workspace:
    """One workspace with one room and a few people."""

    def __init__(self) -> None:
        self.rooms = {ROOM: Room(ROOM, "support")}
        self.people: dict[str, Json] = {}
        for user, name in (("U0ANN", "Ann"), ("U0BEN", "Ben"), ("U0CAT", "Cat")):
            self.people[user] = person(user, name)
        self.people["U0GUEST"] = person("U0GUEST", "Gus", is_restricted=True)
        self.people["U0OUT"] = person("U0OUT", "Olga", team_id="T0OTHER", is_stranger=True)
        self.people[BOT_USER] = person(BOT_USER, "Bridge", is_bot=True)
        self.files: dict[str, Json] = {}
        self.contents: dict[str, bytes] = {}
        self.ledger: list[Json] = []
        self.reactions: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.ephemeral: list[Json] = []
        self.views: list[Json] = []
        self.calls: Counter[str] = Counter()
        self.now: Callable[[], float] = time.time
        self._last = 0

    def next_ts(self) -> str:
        """Return a timestamp later than all before."""
        self._last = max(self._last + 1, int(self.now() * 1_000_000))
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    def room(self, channel: object) -> Room:
        """Return a room the bot may post in; raises the error Slack would answer."""
        room = self.rooms.get(str(channel))
        if room is None:
            raise SlackError("channel_not_found")
        if not room.member:
            raise SlackError("not_in_channel")
        if room.archived:
            raise SlackError("is_archived")
        return room

    def put(self, room: Room, message: Json, late: float = 0.0) -> Json:
        """Add a message; `late` seconds pass before it can be read back."""
        ts = message["ts"]
        root = message.get("thread_ts")
        if root is not None and root != ts:
            if root not in room.messages:
                raise SlackError("thread_not_found")
            thread = room.threads[root]
            thread.append(ts) if not thread or thread[-1] < ts else insort(thread, ts)
        if late:
            message["_visible_at"] = self.now() + late
        room.messages[ts] = message
        order = room.order
        order.append(ts) if not order or order[-1] < ts else insort(order, ts)
        return message

    def remove(self, room: Room, ts: str) -> Json:
        """Take a message away and return it; raises `message_not_found`."""
        message = room.messages.pop(ts, None)
        if message is None:
            raise SlackError("message_not_found")
        room.order.remove(ts)
        if message.get("thread_ts", ts) != ts:
            room.threads[message["thread_ts"]].remove(ts)
        return message

    def note(self, what: str, channel: str, ts: str, **more: Any) -> None:
        """Write a visible effect into the ledger."""
        self.ledger.append({"what": what, "channel": channel, "ts": ts, **more})

    def message(self, channel: str, ts: str) -> Json:
        """Return a message; raises `message_not_found`."""
        found = self.room(channel).messages.get(ts)
        if found is None:
            raise SlackError("message_not_found")
        return found

    def thread(self, channel: str, root: str) -> list[Json]:
        """Return the replies under a root that can be seen by now, the oldest first."""
        room = self.rooms[channel]
        return [m for ts in room.threads.get(root, ()) if self.is_visible(m := room.messages[ts])]

    def is_visible(self, message: Json) -> bool:
        """Return whether a message can be read back by now."""
        late = message.get("_visible_at")
        return late is None or late <= self.now()

    def roots(self, channel: str = ROOM) -> list[Json]:
        """Return the messages of a room that answer nothing."""
        room = self.rooms[channel]
        found = (room.messages[ts] for ts in room.order)
        return [m for m in found if m.get("thread_ts", m["ts"]) == m["ts"]]

    def posts(self) -> list[Json]:
        """Return the ledger's entries about messages of the bot."""
        return [entry for entry in self.ledger if entry["what"] == "post"]


def public(message: Json, *, metadata: bool) -> Json:
    """Return a message as the Web API shows it."""
    hidden = set() if metadata else {"metadata"}
    return {k: v for k, v in message.items() if not k.startswith("_") and k not in hidden}


def after(timestamps: list[str], oldest: str) -> Iterable[str]:
    """Return the timestamps above `oldest` of a sorted list."""
    return timestamps[bisect_right(timestamps, oldest) :]


def live_mentions(message: Json) -> list[str]:
    """Return all in a message that could notify somebody or name a channel."""
    found = LIVE.findall(str(message.get("text", "")))
    for node in _nodes(message.get("blocks", [])):
        kind = node.get("type")
        if kind in {"user", "usergroup", "channel", "broadcast", "team"}:
            found.append(kind)
        if kind in {"mrkdwn", "markdown", "text", "link", "plain_text"}:
            found += LIVE.findall(str(node.get("text", "")))
    return found


def _nodes(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _nodes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _nodes(inner)
