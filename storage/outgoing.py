"""Deliveries as rows and back.

The kinds of payloads are a table: the name a payload is stored under never changes, whatever its
class is called, and what this version cannot read comes back as `Undecoded`.
"""

from collections.abc import Sequence
from typing import Any

from bridge.domain.delivery import (
    Ask,
    CallWebhook,
    Delivery,
    Leg,
    MarkReplies,
    OpenThread,
    Payload,
    PostMessage,
    PostNotice,
    PostTranscript,
    Progress,
    Receipt,
    RefreshCard,
    TellMessage,
    Undecoded,
)
from bridge.domain.shards import shard_of
from bridge.ports.store import Settlement, Unreadable
from storage.coding import decode, encode

Row = tuple[Any, ...]

KINDS: dict[str, type[Payload]] = {
    "open_thread": OpenThread,
    "post_transcript": PostTranscript,
    "post_message": PostMessage,
    "post_notice": PostNotice,
    "refresh_card": RefreshCard,
    "mark_replies": MarkReplies,
    "ask": Ask,
    "call_webhook": CallWebhook,
    "tell_message": TellMessage,
}
_KIND_NAMES = {kind: name for name, kind in KINDS.items()}


def delivery_row(delivery: Delivery) -> Row:
    """Return a delivery as a row, without a receipt."""
    return (
        delivery.id,
        delivery.conversation_id,
        delivery.leg,
        delivery.position,
        shard_of(delivery),
        delivery.desk,
        delivery.room,
        _KIND_NAMES[type(delivery.payload)],
        encode(delivery.payload),
        delivery.created_at,
        delivery.progress,
        delivery.attempts,
        delivery.parts_done,
        delivery.due_at,
        delivery.attempted_at,
        delivery.error,
        None,
    )


def delivery_of(row: Sequence[Any]) -> Delivery:
    """Return a delivery from its row; what nobody here can read comes as `Undecoded`.

    Raises ValueError or TypeError when it cannot even be said whose lane it waits in, and how.
    """
    _check_numbers(row[3], row[9], *row[11:14], row[14] or 0.0)
    return Delivery(
        id=row[0],
        conversation_id=row[1],
        position=row[3],
        desk=row[5],
        room=row[6],
        payload=_payload_of(row),
        created_at=row[9],
        progress=Progress(row[10]),
        attempts=row[11],
        parts_done=row[12],
        due_at=row[13],
        attempted_at=row[14],
        error=row[15],
    )


def _check_numbers(*values: object) -> None:
    """Hold values against their columns: in SQLite any column takes any type."""
    for value in values:
        if not isinstance(value, int | float):
            message = f"{value!r} is no number"
            raise TypeError(message)


def _payload_of(row: Sequence[Any]) -> Payload:
    try:
        return decode(KINDS[row[7]], row[8])
    except KeyError:
        why = f"this version knows no payload called {row[7]!r}"
    except Unreadable as problem:
        why = str(problem)
    return Undecoded(Leg(row[2]), why)


def settlement_row(settlement: Settlement) -> Row:
    """Return what a settlement changes: the delivery's id, then the columns from `progress` on."""
    delivery, receipt = settlement.delivery, settlement.receipt
    counts = delivery.attempts, delivery.parts_done
    moments = delivery.due_at, delivery.attempted_at
    told = encode(receipt) if receipt is not None else None
    return (delivery.id, delivery.progress, *counts, *moments, delivery.error, told)


def settlement_of(row: Sequence[Any]) -> Settlement:
    """Return a delivery with its receipt from its row."""
    receipt = decode(Receipt, row[-1]) if row[-1] is not None else None
    return Settlement(delivery_of(row), receipt)
