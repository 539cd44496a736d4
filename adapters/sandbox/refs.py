"""References to what stands here: `sandbox:ROOM/THREAD` and `sandbox:ROOM/THREAD/POST`.

Thread and post are numbers that only grow. Nothing outside this folder looks into a reference.
"""

import re
from dataclasses import dataclass

from bridge.domain.errors import Refused
from bridge.domain.ids import PostRef, ThreadRef

NAME = "sandbox"

_REF = re.compile(rf"{NAME}:([\w.-]{{1,80}})/(\d{{1,18}})(?:/(\d{{1,18}}))?")


@dataclass(frozen=True, slots=True)
class Spot:
    """A place at the desk; `post` is 0 for the root of a thread."""

    room: str
    thread: int
    post: int = 0

    @property
    def thread_ref(self) -> ThreadRef:
        """The reference to the thread."""
        return ThreadRef(f"{NAME}:{self.room}/{self.thread}")

    @property
    def post_ref(self) -> PostRef:
        """The reference to the post."""
        return PostRef(f"{NAME}:{self.room}/{self.thread}/{self.post}")


def spot_of(ref: ThreadRef | PostRef) -> Spot:
    """Return the place a reference names; raises `Refused` when it is none of this desk's."""
    match = _REF.fullmatch(ref)
    if match is None:
        raise Refused(f"{ref!r} is no reference of the {NAME} desk", lost_thread=True)
    return Spot(match[1], int(match[2]), int(match[3] or 0))
