"""The translator between the domain's values and rows.

A row is a tuple in the order of its table's columns. Deliveries are translated in `outgoing`.
"""

from collections.abc import Sequence
from typing import Any

from bridge.domain.conversation import RECENT, Conversation, Customer, Overtaking
from bridge.domain.facts import Timer
from bridge.domain.handoff import Floor, Handoff, Reason, State
from bridge.domain.ids import PostRef
from bridge.domain.messages import Attachment, Author, Message, Note, Role
from bridge.domain.shards import shard_of_conversation
from bridge.ports.core import Waiting
from bridge.ports.store import Record, TakenFact, TimerSetting
from storage.coding import decode, decode_list, encode
from storage.tables import CONVERSATION, HANDOFF

Row = tuple[Any, ...]


def _author(author: Author) -> Row:
    return author.name, author.avatar_url, author.ref


def _attachments(attachments: tuple[Attachment, ...]) -> str:
    return encode(attachments) if attachments else "[]"


def _plain(values: dict[Any, Any]) -> str:
    return encode(values) if values else "{}"


def conversation_row(conversation: Conversation) -> Row:
    """Return a conversation as a row; its messages are rows of their own."""
    handoff = conversation.handoff
    return (
        conversation.id,
        conversation.version,
        conversation.created_at,
        conversation.floor,
        conversation.epoch,
        conversation.seq,
        conversation.cursor,
        conversation.position,
        handoff.id if handoff else None,
        conversation.thread,
        conversation.mirrored_seq,
        conversation.shown,
        conversation.read,
        *conversation.marked,
        conversation.marking,
        encode(conversation.customer),
        _plain(conversation.memory),
        _plain(conversation.overtaken),
    )


def conversation_of(row: Sequence[Any], recent: tuple[Message, ...]) -> Conversation:
    """Return a conversation from its row, followed by the row of its latest handoff."""
    handoff = row[len(CONVERSATION.columns) :]
    return Conversation(
        id=row[0],
        version=row[1],
        created_at=row[2],
        floor=Floor(row[3]),
        epoch=row[4],
        seq=row[5],
        cursor=row[6],
        position=row[7],
        handoff=handoff_of(handoff) if handoff[0] is not None else None,
        thread=row[9],
        mirrored_seq=row[10],
        shown=row[11],
        read=row[12],
        marked=(row[13], row[14]),
        marking=bool(row[15]),
        customer=decode(Customer, row[16]),
        memory=decode(dict, row[17]),
        overtaken=_overtaken(decode(dict, row[18])),
        recent=tuple(message for message in recent if message.seq <= row[5])[-RECENT:],
    )


def _overtaken(old: dict[PostRef, Any]) -> dict[PostRef, Overtaking]:
    """Return what was stored; earlier versions kept a time and a text, or the text alone."""
    return {post: _overtaking(kept) for post, kept in old.items()}


def _overtaking(kept: Any) -> Overtaking:  # noqa: ANN401 (JSON is whatever it is)
    if isinstance(kept, list):
        return Overtaking(kept[0], kept[1])
    if isinstance(kept, dict):
        files = kept.get("files")
        return Overtaking(kept["at"], kept["text"], None if files is None else tuple(files))
    return Overtaking(0.0, kept)


def handoff_row(handoff: Handoff) -> Row:
    """Return a handoff as a row."""
    return (
        handoff.id,
        handoff.conversation_id,
        handoff.number,
        handoff.state,
        handoff.desk,
        handoff.room,
        encode(handoff.reason),
        handoff.requested_at,
        handoff.changed_at,
        handoff.from_seq,
        encode(handoff.owner) if handoff.owner else None,
        handoff.claimed_at,
        handoff.replied_at,
        handoff.closed_at,
        handoff.reminders,
        encode(handoff.joined) if handoff.joined else "[]",
    )


def handoff_of(row: Sequence[Any]) -> Handoff:
    """Return a handoff from its row."""
    return Handoff(
        id=row[0],
        conversation_id=row[1],
        number=row[2],
        state=State(row[3]),
        desk=row[4],
        room=row[5],
        reason=decode(Reason, row[6]),
        requested_at=row[7],
        changed_at=row[8],
        from_seq=row[9],
        owner=decode(Author, row[10]) if row[10] is not None else None,
        claimed_at=row[11],
        replied_at=row[12],
        closed_at=row[13],
        reminders=row[14],
        joined=decode_list(str, row[15]) if row[15] != "[]" else (),
    )


def waiting_of(row: Sequence[Any]) -> Waiting:
    """Return an open handoff from its row, followed by its customer and thread."""
    customer = decode(Customer, row[len(HANDOFF.columns)])
    named = customer.name or customer.email or customer.external_id or ""
    return Waiting(handoff_of(row), named, row[len(HANDOFF.columns) + 1])


def message_row(message: Message) -> Row:
    """Return a message as a row."""
    return (
        message.id,
        message.conversation_id,
        message.seq,
        message.cursor,
        message.role,
        *_author(message.author),
        message.text,
        message.sent_at,
        _attachments(message.attachments),
        message.edited_at,
        message.deleted,
        message.post,
    )


def message_of(row: Sequence[Any]) -> Message:
    """Return a message from its row."""
    return Message(
        id=row[0],
        conversation_id=row[1],
        seq=row[2],
        cursor=row[3],
        role=Role(row[4]),
        author=Author(row[5], row[6], row[7]),
        text=row[8],
        sent_at=row[9],
        attachments=decode_list(Attachment, row[10]) if row[10] != "[]" else (),
        edited_at=row[11],
        deleted=bool(row[12]),
        post=row[13],
    )


def files_of(row: Sequence[Any]) -> tuple[Attachment, ...]:
    """Return the files of a message from its id and its column of them."""
    return decode_list(Attachment, row[1])


def note_row(note: Note) -> Row:
    """Return a note as a row."""
    author = _author(note.author)
    return (note.id, note.conversation_id, *author, note.text, note.sent_at, note.post)


def note_of(row: Sequence[Any]) -> Note:
    """Return a note from its row."""
    return Note(row[0], row[1], Author(row[2], row[3], row[4]), row[5], row[6], row[7])


def fact_row(fact: TakenFact) -> Row:
    """Return a taken fact as a row."""
    return (fact.key, fact.conversation_id, fact.at, fact.ref, fact.seq, fact.digest)


def fact_of(row: Sequence[Any]) -> TakenFact:
    """Return a taken fact from its row."""
    return TakenFact(*row)


def timer_row(setting: TimerSetting) -> Row:
    """Return a timer as a row."""
    shard = shard_of_conversation(setting.conversation_id)
    return setting.conversation_id, setting.timer, setting.due_at, shard


def timer_of(row: Sequence[Any]) -> TimerSetting:
    """Return a timer from its row."""
    return TimerSetting(row[0], Timer(row[1]), row[2])


def record_row(record: Record) -> Row:
    """Return a record as a row, without the number the database gives it."""
    return record.conversation_id, record.at, record.kind, encode(record.body)


def record_of(row: Sequence[Any]) -> Record:
    """Return a record from its row."""
    return Record(row[0], row[1], row[2], decode(dict, row[3]))
