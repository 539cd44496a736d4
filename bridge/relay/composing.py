"""How what a delivery says becomes posts, and how a part of it is named at the desk."""

from collections.abc import Iterable

from bridge.domain.delivery import Delivery, PostMessage
from bridge.domain.errors import Refused
from bridge.domain.messages import Message, Role
from bridge.domain.posts import Post, PostKind
from bridge.domain.transcript import pages, pieces

NAMES = {Role.CUSTOMER: "Customer", Role.ASSISTANT: "Assistant", Role.TEAMMATE: "Team"}


def part_key(delivery: Delivery) -> str:
    """Return the key that a delivery's current part carries at the desk."""
    return f"{delivery.id}.{delivery.parts_done}" if delivery.parts_done else delivery.id


def text_of(delivery: Delivery) -> str:
    """Return the words of a message's delivery; of any other, none."""
    return delivery.payload.text if isinstance(delivery.payload, PostMessage) else ""


def length(group: tuple[Delivery, ...], text: str) -> int:
    """Return how many characters one post of a group and one more text would have."""
    return sum(len(text_of(d)) + 1 for d in group) + len(text)


def merged_post(delivery: Delivery, text: str) -> Post:
    """Return one post of a message's speaker with the words of several."""
    payload = delivery.payload
    if not isinstance(payload, PostMessage):
        why = "only messages are merged"
        raise Refused(why)
    return Post(PostKind.MESSAGE, payload.role, _speaker(payload), text)


def message_posts(payload: PostMessage, most: int) -> tuple[Post, ...]:
    """Return the posts of a message: its words in pieces of at most `most`, then its files."""
    texts = pieces(payload.text, most) if payload.text else ()
    name = _speaker(payload)
    words = [Post(PostKind.MESSAGE, payload.role, name, text) for text in texts]
    files = [Post(PostKind.MESSAGE, payload.role, name, file=f) for f in payload.attachments]
    return (*words, *files)


def transcript_posts(history: Iterable[Message], most: int) -> tuple[Post, ...]:
    """Return the posts of a history: its pages, then the files that the pages name, in order.

    Not those of teammates: they came from the desk, and may be withdrawn while this is on its
    way, which would change which post is which.
    """
    said = tuple(history)
    found = pages(said, NAMES, most)
    shown = (
        Post(PostKind.TRANSCRIPT, entries=entries, page=number, pages=len(found))
        for number, entries in enumerate(found, 1)
    )
    files = (
        Post(PostKind.MESSAGE, m.role, m.author.name or NAMES.get(m.role, ""), file=file)
        for m in said
        if m.role in NAMES and m.role is not Role.TEAMMATE and not m.deleted
        for file in m.attachments
    )
    return (*shown, *files)


def _speaker(payload: PostMessage) -> str:
    return payload.author.name or NAMES.get(payload.role, "")
