"""References to places in Slack: `slack:TEAM:CHANNEL:TS`, the same shape for threads and posts.

A `ts` names a message within its channel. It is compared as text or as two whole numbers, never
as a float: it has sixteen significant digits.
"""

import re
from dataclasses import dataclass

from bridge.domain.ids import PostRef, ThreadRef

DESK = "slack"
PERSON_PARTS = 3

_REF = re.compile(r"slack:([A-Za-z0-9_-]{1,64}):([A-Za-z0-9_-]{1,64}):([0-9]{1,16}\.[0-9]{1,10})")
_ID = re.compile("[A-Za-z0-9_-]{1,64}")
_TS = re.compile(r"[0-9]{1,16}\.[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class Place:
    """One message in Slack."""

    team: str
    channel: str
    ts: str

    def __str__(self) -> str:
        return f"{DESK}:{self.team}:{self.channel}:{self.ts}"

    @property
    def thread(self) -> ThreadRef:
        """The reference of the thread whose root this message is."""
        return ThreadRef(str(self))

    @property
    def post(self) -> PostRef:
        """The reference of this message as a post."""
        return PostRef(str(self))


def place_of(ref: str) -> Place:
    """Return the place a reference of ours names; raises `ValueError` for anything else."""
    found = _REF.fullmatch(ref)
    if found is None:
        message = f"not a Slack reference: {ref[:80]!r}; it looks like slack:TEAM:CHANNEL:TS"
        raise ValueError(message)
    return Place(*found.groups())


def is_id(text: object) -> bool:
    """Return whether `text` has the shape of an id of Slack's."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def is_ts(text: object) -> bool:
    """Return whether `text` has the shape of a message timestamp."""
    return isinstance(text, str) and _TS.fullmatch(text) is not None


def ts_order(ts: str) -> tuple[int, int]:
    """Return what sorts timestamps by time."""
    seconds, _, rest = ts.partition(".")
    return int(seconds), int(rest or "0")


def person_ref(team: str, user: str) -> str:
    """Return the opaque reference of a person in Slack, as kept in `Author.ref`."""
    return f"{DESK}:{team}:{user}"


def user_of(ref: str | None) -> str | None:
    """Return the user id in a person's reference, or None when it is not one of Slack's."""
    parts = (ref or "").split(":")
    return parts[2] if len(parts) == PERSON_PARTS and parts[0] == DESK else None
