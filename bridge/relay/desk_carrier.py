"""How deliveries are carried to a desk: threads, words page by page, cards, marks.

What a call needs is read first. Reading takes time, the process may stand still meanwhile, and the
lane may pass on: the last look at whether it is still ours comes right before the desk is called.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping

from bridge.domain.card import case_card
from bridge.domain.conversation import Conversation
from bridge.domain.delivery import (
    Delivery,
    MarkReplies,
    OpenThread,
    PostMessage,
    PostNotice,
    PostTranscript,
    Receipt,
    RefreshCard,
)
from bridge.domain.errors import Refused, TryAgain
from bridge.domain.ids import HandoffId, PostRef, ThreadRef
from bridge.domain.messages import Message
from bridge.domain.posts import Card, Post, PostKind
from bridge.domain.summary import CaseSummary, summarise
from bridge.ports.assistant import Summarizer
from bridge.ports.desk import Desk, Turn
from bridge.ports.store import Store
from bridge.relay.board import StoreBoard
from bridge.relay.carriers import DONE, Carried
from bridge.relay.composing import (
    length,
    merged_post,
    message_posts,
    part_key,
    text_of,
    transcript_posts,
)
from bridge.relay.lanes import LaneLost
from bridge.relay.marking import Marks

TURNS: dict[type, Turn] = {
    OpenThread: Turn.ROOT,
    PostTranscript: Turn.WORDS,
    PostMessage: Turn.WORDS,
    PostNotice: Turn.NOTICE,
}
"""Which turn in the room's queue a payload asks for; the others are paced inside the desk."""


_POSTS = (PostMessage, PostNotice, PostTranscript)

MOST_MERGED = 100
"""Lines in one post: each has a key that travels with it, and what carries them has its limit."""

APART = 5.0
"""Seconds by which the clocks of two instances may differ in what they stamp on deliveries."""

LOOKED_AT = 40
"""Messages before the escalation that a summary is made of."""

MOST_SUMMARIES = 1000
"""Summaries remembered, so that a card that is refreshed does not ask a model again."""


class DeskCarrier:
    """Carries everything that goes to a desk."""

    def __init__(
        self,
        desks: Mapping[str, Desk],
        store: Store,
        board: StoreBoard,
        is_ours: Callable[[Delivery], bool],
        summarizer: Summarizer | None = None,
    ) -> None:
        self._desks = desks
        self._is_ours = is_ours
        self._summarizer = summarizer
        self._summaries: OrderedDict[HandoffId, CaseSummary] = OrderedDict()
        self._store = store
        self._board = board

    def _desk(self, delivery: Delivery) -> Desk:
        desk = self._desks.get(delivery.desk)
        if desk is None:
            why = f"the desk {delivery.desk!r} is not connected"
            raise TryAgain(why, 30.0)
        return desk

    def is_limited(self, delivery: Delivery) -> bool:
        """Whether the desk's rooms have a budget."""
        desk = self._desks.get(delivery.desk)
        return desk is None or desk.capabilities.posts_per_second is not None

    def is_ready(self, delivery: Delivery) -> bool:
        """Whether the room grants a turn at once."""
        desk = self._desks.get(delivery.desk)
        return desk is not None and desk.pacer.ready(delivery.room)

    async def turn(self, delivery: Delivery) -> None:
        """Wait for a turn in the room, where the payload needs one."""
        turn = TURNS.get(type(delivery.payload))
        desk = self._desks.get(delivery.desk)
        if turn is not None and desk is not None:
            await desk.pacer.turn(delivery.room, turn)

    def merges(self, group: tuple[Delivery, ...], delivery: Delivery) -> bool:
        """Waiting lines of one speaker become one post; card refreshes and marks become one."""
        first, new = group[0].payload, delivery.payload
        if isinstance(first, RefreshCard | MarkReplies):
            return type(new) is type(first)
        if not isinstance(first, PostMessage) or not isinstance(new, PostMessage):
            return False
        desk = self._desks.get(delivery.desk)
        if desk is None or not desk.capabilities.merges or group[0].parts_done:
            return False
        plain = not first.attachments and not new.attachments
        same = first.role is new.role and first.author == new.author
        few = len(group) < MOST_MERGED
        return plain and same and few and length(group, new.text) <= desk.capabilities.max_text

    async def carry(self, group: tuple[Delivery, ...]) -> Carried:
        """Make the post, or the change, that the delivery asks for."""
        head = group[0]
        desk = self._desk(head)
        payload = head.payload
        if isinstance(payload, _POSTS):
            return await self._post(desk, group)
        conversation = await self._conversation(head)
        if isinstance(payload, OpenThread):
            if conversation.thread is not None:
                return Carried(Receipt(thread=conversation.thread), matters=True)
            card = await self._card(conversation, quick=True)
            self._check(head)
            thread = await desk.open_thread(head.room, card, head.id)
            return Carried(Receipt(thread=thread), matters=True)
        if isinstance(payload, RefreshCard):
            if conversation.thread is not None:
                card = await self._card(conversation)
                self._check(head)
                await desk.refresh(conversation.thread, card)
            return DONE
        if isinstance(payload, MarkReplies):
            marks = Marks(desk, self._store, lambda: self._check(head))
            return Carried(await marks.bring_up(conversation, group), matters=True)
        why = f"a desk cannot carry {type(payload).__name__}"
        raise Refused(why)

    def _check(self, head: Delivery) -> None:
        if not self._is_ours(head):
            raise LaneLost

    async def _conversation(self, delivery: Delivery) -> Conversation:
        found = await self._board.conversation(delivery.conversation_id)
        if found is None:
            why = "its conversation is gone"
            raise Refused(why)
        return found

    async def _thread(self, delivery: Delivery) -> ThreadRef:
        thread = (await self._conversation(delivery)).thread
        if thread is None:
            why = "its thread is not open yet"
            raise TryAgain(why, 1.0)
        return thread

    async def _card(self, conversation: Conversation, *, quick: bool = False) -> Card:
        """Return the card; a `quick` one does not wait for a model to sum the case up."""
        handoff = conversation.handoff
        if handoff is None:
            why = "there is no handoff"
            raise Refused(why)
        summary = self._summaries.get(handoff.id)
        if summary is None:
            until = handoff.from_seq
            said = await self._store.history(conversation.id, max(until - LOOKED_AT, 1), until)
            summary = await self._summed_up(conversation, handoff.id, said, quick=quick)
        return case_card(conversation, handoff, summary)

    async def _summed_up(
        self,
        conversation: Conversation,
        handoff_id: HandoffId,
        said: tuple[Message, ...],
        *,
        quick: bool,
    ) -> CaseSummary:
        if quick or self._summarizer is None:
            return summarise(said, conversation.customer)
        summary = await self._summarizer.summary(said, conversation.customer)
        self._summaries[handoff_id] = summary
        while len(self._summaries) > MOST_SUMMARIES:
            self._summaries.popitem(last=False)
        return summary

    async def _post(self, desk: Desk, group: tuple[Delivery, ...]) -> Carried:
        head = group[0]
        thread = await self._thread(head)
        if len(group) > 1:
            text = "\n".join(text_of(d) for d in group)
            keys = tuple(d.id for d in group)
            self._check(head)
            post = await desk.post(thread, merged_post(head, text), keys)
            return Carried(Receipt(posts=(post,)))
        posts = await self._posts(desk, head)
        part = head.parts_done
        if part >= len(posts):
            return DONE
        self._check(head)
        post = await desk.post(thread, posts[part], (part_key(head),))
        return Carried(Receipt(posts=(post,)), more=part + 1 < len(posts))

    async def _posts(self, desk: Desk, delivery: Delivery) -> tuple[Post, ...]:
        payload, most = delivery.payload, desk.capabilities.max_text
        if isinstance(payload, PostNotice):
            return (Post(PostKind.NOTICE, text=payload.text, loud=payload.loud),)
        if isinstance(payload, PostTranscript):
            history = await self._store.history(
                delivery.conversation_id, payload.from_seq, payload.to_seq
            )
            return transcript_posts(history, most)
        return message_posts(payload, most) if isinstance(payload, PostMessage) else ()

    async def find(self, delivery: Delivery) -> Carried | None:
        """Look for the part that was last on its way."""
        desk = self._desk(delivery)
        payload = delivery.payload
        thread = None if isinstance(payload, OpenThread) else await self._thread(delivery)
        since = delivery.attempted_at or delivery.created_at
        found = await desk.find(delivery.room, thread, part_key(delivery), since)
        if found is None:
            return None
        if isinstance(payload, OpenThread):
            return Carried(Receipt(thread=ThreadRef(found)), matters=True)
        posts = await self._posts(desk, delivery)
        more = delivery.parts_done + 1 < len(posts)
        merged = await self._merged_in(desk, delivery, thread, found)
        return Carried(Receipt(posts=(PostRef(found),)), more=more, merged=merged)

    async def _merged_in(
        self, desk: Desk, delivery: Delivery, thread: ThreadRef | None, found: str
    ) -> frozenset[str]:
        """Return the ids of those behind the delivery that the found post carries as well."""
        behind = await self._store.deliveries(None, (delivery.conversation_id,))
        since = delivery.attempted_at or delivery.created_at
        apart = APART if self._store.shared else 0.0
        merged: set[str] = set()
        for other in behind:
            if other.lane != delivery.lane or other.position <= delivery.position:
                continue
            # What came after the attempt, or never fits into one post with it, is not in there.
            if other.created_at > since + apart or not self.merges((delivery,), other):
                break
            there = await desk.find(delivery.room, thread, other.id, since)
            if there != found:
                break
            merged.add(other.id)
        return frozenset(merged)

    def settle_seconds(self, delivery: Delivery) -> float:
        """Return what the desk says."""
        desk = self._desks.get(delivery.desk)
        return desk.capabilities.settle_seconds if desk else 0.0
