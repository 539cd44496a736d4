"""The sandbox desk: a whole desk on this machine, for the demo and the tests.

It behaves as a platform does: it keeps what it is sent, twice if it is sent twice, finds posts by
their keys, and knows nothing of the bridge. A test may plan its failures in `faults`.
"""

from types import TracebackType
from typing import Self

from adapters.sandbox.errors import Faults, translated
from adapters.sandbox.ledger import Ledger
from adapters.sandbox.refs import NAME, Spot, spot_of
from adapters.sandbox.render import card_json, new_post
from adapters.sandbox.rows import KeptPost, KeptThread, PostChange
from bridge.domain.capabilities import DeskCapabilities
from bridge.domain.errors import Refused
from bridge.domain.ids import PostRef, ThreadRef
from bridge.domain.posts import Amendment, Card, Post
from bridge.ports.desk import Pacer

CAPABILITIES = DeskCapabilities(
    max_text=8000, can_pin=True, can_mark=True, can_attach=True, settle_seconds=0.0
)


class SandboxDesk:
    """The port `Desk`, on a file of its own. Enter it as an async context before use."""

    name = NAME
    capabilities = CAPABILITIES

    def __init__(self, ledger: Ledger, pacer: Pacer) -> None:
        self.ledger = ledger
        self.pacer = pacer
        self.faults = Faults()

    async def __aenter__(self) -> Self:
        """Open the file."""
        self.ledger.__enter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self.ledger.__exit__(kind, error, trace)

    async def open_thread(self, room: str, card: Card, key: str) -> ThreadRef:
        """Open a thread with the card as its root."""
        with self.faults.around("open_thread"), translated():
            thread = self.ledger.add_thread(room, card_json(card), (key,))
        return Spot(room, thread).thread_ref

    async def post(self, thread: ThreadRef, post: Post, keys: tuple[str, ...]) -> PostRef:
        """Post in a thread; words over the limit are refused, as platforms do."""
        with self.faults.around("post"), translated():
            spot = self._thread(thread)
            _check_length(post.text)
            made = self.ledger.add_post(spot.id, new_post(post), keys)
        return Spot(spot.room, spot.id, made).post_ref

    async def amend(self, post: PostRef, amendment: Amendment) -> None:
        """Mark a post, or change its words; without both it is deleted."""
        with self.faults.around("amend"), translated():
            kept = self._post(post)
            change = _change_of(kept, amendment)
            _check_length(change.text or "")
            if change != PostChange():
                self.ledger.change_post(kept, change)

    async def refresh(self, thread: ThreadRef, card: Card) -> None:
        """Put the card up to date; the page pins it while the handoff is open."""
        with self.faults.around("refresh"), translated():
            kept = self._thread(thread)
            self.ledger.set_card(kept.id, card_json(card))

    async def find(
        self, room: str, thread: ThreadRef | None, key: str, since: float
    ) -> PostRef | ThreadRef | None:
        """Look for a post or, without a thread, for a root by its key."""
        with self.faults.around("find"), translated():
            earliest = int(since * 1_000_000)
            for number, post in self.ledger.keyed(room, key):
                spot = Spot(room, number, post)
                if thread is None and not post and number >= earliest:
                    return spot.thread_ref
                if thread == spot.thread_ref and post >= earliest:
                    return spot.post_ref
            return None

    def _thread(self, ref: ThreadRef) -> KeptThread:
        kept = self.ledger.thread(spot_of(ref).thread)
        if kept is None:
            raise Refused(f"there is no thread {ref}", lost_thread=True)
        return kept

    def _post(self, ref: PostRef) -> KeptPost:
        kept = self.ledger.post(spot_of(ref).post)
        if kept is None:
            raise Refused(f"there is no post {ref}")
        return kept


def _change_of(kept: KeptPost, amendment: Amendment) -> PostChange:
    """Return what an amendment changes; nothing when the post is so already."""
    words = amendment.text is not None or amendment.mark is None
    mark = amendment.mark.value if amendment.mark is not None else kept.mark
    return PostChange(
        set_text=words and amendment.text != kept.text,
        text=amendment.text if words and amendment.text != kept.text else None,
        mark=mark if mark != kept.mark else None,
    )


def _check_length(text: str) -> None:
    if len(text) > CAPABILITIES.max_text:
        raise Refused(f"the post has {len(text)} characters, over {CAPABILITIES.max_text}")
