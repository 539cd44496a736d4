"""Conversations and what belongs to them, made by hand for the tests of the store."""

from dataclasses import replace
from typing import Any

from bridge.domain.conversation import Conversation, Customer, Overtaking
from bridge.domain.delivery import (
    Ask,
    CallWebhook,
    Delivery,
    MarkReplies,
    OpenThread,
    Payload,
    PostMessage,
    PostNotice,
    PostTranscript,
    RefreshCard,
    TellMessage,
)
from bridge.domain.handoff import Floor, Handoff, Reason, State
from bridge.domain.ids import (
    ConversationId,
    DeliveryId,
    FileId,
    HandoffId,
    MessageId,
    PostRef,
    ThreadRef,
)
from bridge.domain.messages import Attachment, Author, Message, Role
from bridge.ports.store import TakenFact, Write

NOW = 1_800_000_000.25
FILE = Attachment(FileId("0f" * 16), "receipt.pdf", "application/pdf", 1234)
ADA = Author("Ada", "https://pictures.example/ada.png", "slack:U1")

PAYLOADS: tuple[Payload, ...] = (
    OpenThread(HandoffId("hnd_1")),
    PostTranscript(1, 40),
    PostMessage(MessageId("msg_1"), 3, Role.CUSTOMER, ADA, "hello", (FILE,)),
    PostMessage(MessageId("msg_2"), 4, Role.ASSISTANT, Author("Assistant"), ""),
    PostNotice("somebody waits", loud=True),
    RefreshCard(HandoffId("hnd_1")),
    MarkReplies(PostRef("slack:C1:2")),
    MarkReplies(),
    Ask(3, 2, retry=True),
    CallWebhook("handoff.claimed", {"id": "msg_1", "nested": {"list": [1, 2.5, None, True]}}),
    TellMessage("message.created", 3, "the bot's own"),
    TellMessage("message.updated", 3),
)


def conversation(name: str = "1", **changes: Any) -> Conversation:
    """Return a conversation as its first write leaves it."""
    plain = Conversation(ConversationId(f"cnv_{name}"), Customer(), NOW, version=1)
    return replace(plain, **changes)


def changed(before: Conversation, **changes: Any) -> Conversation:
    """Return a conversation one version on."""
    return replace(before, version=before.version + 1, **changes)


def message(of: Conversation, seq: int, **changes: Any) -> Message:
    """Return the customer's message with this seq."""
    plain = Message(
        MessageId(f"msg_{of.id}_{seq}"),
        of.id,
        seq,
        seq,
        Role.CUSTOMER,
        Author("Kim"),
        f"line {seq}",
        NOW + seq,
    )
    return replace(plain, **changes)


def fact(of: Conversation, key: str, **changes: Any) -> TakenFact:
    """Return a taken fact."""
    return replace(TakenFact(key, of.id, NOW), **changes)


def delivery(of: Conversation, position: int, **changes: Any) -> Delivery:
    """Return a queued delivery to the desk."""
    payload = PostMessage(
        MessageId(f"msg_{position}"), position, Role.CUSTOMER, Author("Kim"), "hello"
    )
    plain = Delivery(
        DeliveryId(f"dlv_{of.id}_{position}"), of.id, position, payload, NOW, "slack", "C1"
    )
    return replace(plain, **changes)


def handoff(of: Conversation, number: int = 1, **changes: Any) -> Handoff:
    """Return a handoff that waits for a teammate."""
    plain = Handoff(
        HandoffId(f"hnd_{of.id}_{number}"),
        of.id,
        number,
        State.WAITING,
        "slack",
        "C1",
        Reason("asked", "words", "The customer asked for a person.", evidence="a human please"),
        NOW,
        NOW,
        1,
    )
    return replace(plain, **changes)


def full_conversation() -> Conversation:
    """Return a conversation in which no field has its default."""
    bare = conversation("full")
    return replace(
        bare,
        customer=Customer(
            "Kim", "kim@shop.example", "fr", "https://shop.example/?a=1", "c-9", {"plan": "gold"}
        ),
        version=7,
        floor=Floor.TEAMMATE,
        epoch=3,
        seq=5,
        cursor=9,
        position=11,
        handoff=handoff(
            bare,
            2,
            state=State.ACTIVE,
            owner=ADA,
            claimed_at=NOW + 1,
            replied_at=NOW + 2,
            reminders=1,
            joined=("u-ada",),
        ),
        thread=ThreadRef("slack:C1:1.0"),
        mirrored_seq=4,
        memory={"turns": 3, "scores": [0.5, 1], "seen": {"asked": True}},
        overtaken={
            PostRef("slack:C1:8"): Overtaking(5.5, None),
            PostRef("slack:C1:9"): Overtaking(NOW, "better words"),
            PostRef("slack:C1:10"): Overtaking(NOW, "see file", ("F1",)),
        },
        shown=4,
        read=3,
        marked=(2, 1),
        marking=True,
    )


def first(of: Conversation, **parts: Any) -> Write:
    """Return the write that makes a conversation."""
    return Write(conversations={of.id: (None, of)}, **parts)


def later(before: Conversation, after: Conversation, **parts: Any) -> Write:
    """Return the write that takes a conversation from one state to the next."""
    return Write(conversations={after.id: (before.version, after)}, **parts)
