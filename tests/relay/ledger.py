"""What the people in a random talk were told, and what must follow from it.

The ledger knows nothing of how the bridge works: words that were acknowledged, replies, edits, and
the epochs that the bridge itself gave out. It is compared with what both sides can see.
"""

import re
from dataclasses import dataclass, field

from bridge.domain.conversation import Conversation
from bridge.domain.ids import ConversationId, PostRef
from bridge.domain.messages import Message, Role
from bridge.domain.posts import PostKind
from bridge.ports.core import Changed, DraftGrew, Event
from tests.world import Kept

SECRET = "for us only"
EPOCH = re.compile(r"\be(\d+)\.")


@dataclass(slots=True)
class Ledger:
    """One conversation as its people know it."""

    id: ConversationId
    lines: list[str] = field(default_factory=list)
    """The customer's lines in the order they were acknowledged."""
    client_ids: list[str] = field(default_factory=list)
    skipped: set[str] = field(default_factory=set)
    """Lines the operator gave up on."""
    replies: dict[PostRef, str | None] = field(default_factory=dict)
    """Replies by post, in order, with their newest text; None when withdrawn."""
    ahead: dict[PostRef, str | None] = field(default_factory=dict)
    """Edits and deletions that came before their reply."""
    notes: list[PostRef] = field(default_factory=list)
    epochs: list[tuple[int, int]] = field(default_factory=list)
    """(seq, epoch) as the bridge told it: what comes after this seq is of this epoch or later."""
    log: dict[int, Message] = field(default_factory=dict)
    """The customer's own view, read by cursor."""
    cursor: int = 0
    problems: list[str] = field(default_factory=list)

    def replied(self, post: PostRef, text: str) -> None:
        """A reply was taken; an edit that overtook it holds."""
        if post not in self.replies:
            newest = self.ahead.pop(post, text)
            if newest is not None:
                self.replies[post] = newest

    def amended(self, post: PostRef, text: str | None) -> None:
        """An edit or a deletion was taken; what is withdrawn stays withdrawn."""
        book = self.replies if post in self.replies else self.ahead
        if book.get(post, "") is not None:
            book[post] = text

    def heard(self, event: Event, now: Conversation | None) -> None:
        """A live stream of the customer's was told something."""
        texts = [m.text for m in event.messages] if isinstance(event, Changed) else []
        if isinstance(event, DraftGrew):
            texts.append(event.text)
            if now is not None and event.text and now.epoch != event.epoch:
                self.problems.append(f"a draft of epoch {event.epoch} was shown in {now.epoch}")
        self.problems += [f"a note in the stream: {text}" for text in texts if SECRET in text]

    def read(self, page: tuple[Message, ...]) -> None:
        """The customer read on from the cursor."""
        for message in page:
            if message.cursor <= self.cursor:
                self.problems.append(f"the cursor went back: {message}")
            self.cursor = max(self.cursor, message.cursor)
            self.log[message.seq] = message

    def check_log(self) -> list[str]:
        """Return what is wrong with the customer's view at this moment."""
        found = list(self.problems)
        seqs = sorted(self.log)
        if seqs != list(range(1, len(seqs) + 1)):
            found.append(f"{self.id}: gaps in {seqs}")
        log = [self.log[seq] for seq in seqs]
        found += [f"a note reached the customer: {m.text}" for m in log if SECRET in m.text]
        posts = [m.post for m in log if m.role is Role.TEAMMATE]
        order = list(self.replies)
        if posts != order:
            found.append(f"{self.id}: replies {posts}, not {order}")
        lines = [m.text for m in log if m.role is Role.CUSTOMER]
        if lines != self.lines:
            found.append(f"{self.id}: the log has {lines}, not {self.lines}")
        found += [p for m in log if m.role is Role.ASSISTANT for p in self._out_of_turn(m)]
        return found

    def _out_of_turn(self, message: Message) -> list[str]:
        said = EPOCH.search(message.text)
        if said is None:
            return []
        epoch = int(said[1])
        return [
            f"{self.id}: an answer of epoch {epoch} at {message.seq}, but {now} was told at {seq}"
            for seq, now in self.epochs
            if (seq < message.seq and now > epoch) or (seq > message.seq and now < epoch)
        ]

    def check_thread(self, posts: list[Kept]) -> list[str]:
        """Return what is wrong with the living thread so far: once each, and in order."""
        lines = self.seen_in(posts)
        known = [line for line in self.lines if line in lines]
        extra = [line for line in lines if line not in self.lines]
        found = []
        if len(set(lines)) != len(lines):
            found.append(f"{self.id}: a line stands twice: {lines}")
        elif [line for line in lines if line in known] != known:
            found.append(f"{self.id}: out of order: {lines}")
        if extra:
            found.append(f"{self.id}: nobody was told that {extra} were taken")
        return found

    def seen_in(self, posts: list[Kept]) -> list[str]:
        """Return the customer's lines as the teammates see them."""
        seen: list[str] = []
        for kept in posts:
            if kept.post is None:
                continue
            if kept.post.kind is PostKind.MESSAGE:
                seen += kept.post.text.split("\n")
            seen += [e.text for e in kept.post.entries if e.role is Role.CUSTOMER]
        return [line for line in seen if line.startswith("line ")]

    def check_end(self, posts: list[Kept]) -> list[str]:
        """Return what is missing when everything has been mended and has settled."""
        found = []
        seen = self.seen_in(posts)
        missing = [line for line in self.lines if line not in seen and line not in self.skipped]
        if missing:
            found.append(f"{self.id}: never shown to the team: {missing}")
        shown = {
            m.post: None if m.deleted else m.text
            for m in self.log.values()
            if m.role is Role.TEAMMATE
        }
        if shown != self.replies:
            found.append(f"{self.id}: the customer sees {shown}, not {self.replies}")
        return found
