"""What is read, once for both databases.

A read is a generator: it yields queries and is sent their rows, so that the same text of it runs
in SQLite's thread in one go and on a PostgreSQL connection with awaits between.
"""

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from bridge.domain.conversation import Conversation
from bridge.domain.delivery import Delivery
from bridge.domain.facts import Timer
from bridge.domain.handoff import Handoff
from bridge.domain.ids import ConversationId, DeliveryId, FileId
from bridge.domain.messages import Message, Note
from bridge.ports.core import Waiting
from bridge.ports.store import Loaded, Record, Settlement, TimerSetting, Unreadable, Wanted
from storage import mapping, outgoing, queries
from storage.statements import LONGEST_KEY

log = logging.getLogger(__name__)

Rows = Sequence[Sequence[Any]]
Query = tuple[str, tuple[Any, ...]]
Result = TypeVar("Result")
Reading = Generator[Query, Rows, Result]

_TIMERS = frozenset(Timer)


def _possible(names: Iterable[str]) -> list[str]:
    """Return the names a database can hold; the others cannot be there."""
    return [name for name in names if _can_be(name)]


def _can_be(name: str) -> bool:
    if name.isascii():
        return "\0" not in name and len(name) <= LONGEST_KEY
    return "\0" not in name and len(name) <= LONGEST_KEY and _is_encodable(name)


def _is_encodable(name: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _listed(query: str, names: Iterable[str]) -> Reading[Rows]:
    wanted = _possible(names)
    if not wanted:
        return ()
    return (yield query, (wanted,))


def _made(make: Callable[..., Result], row: Sequence[Any], *more: object) -> Result:
    """Return what a row says; raises `Unreadable`, whatever it is that does not fit."""
    try:
        return make(row, *more)
    except (TypeError, ValueError, AttributeError, LookupError, Unreadable) as problem:
        raise Unreadable(f"{row[0]} cannot be read: {problem}") from problem


def load(wanted: Wanted) -> Reading[Loaded]:
    """Read what a batch needs."""
    threads = {row[0]: row[1] for row in (yield from _listed(queries.THREADS, wanted.threads))}
    handoffs = {row[0]: row[1] for row in (yield from _listed(queries.HANDOFFS, wanted.handoffs))}
    ids = {*wanted.conversations, *threads.values(), *handoffs.values()}
    conversations = yield from _conversations(ids)
    posts = yield from _listed(queries.POSTS, wanted.posts)
    facts = yield from _listed(queries.FACTS, wanted.keys)
    return Loaded(
        conversations=conversations,
        threads=threads,
        handoffs=handoffs,
        posts={row[-1]: _made(mapping.message_of, row) for row in posts},
        facts={row[0]: mapping.fact_of(row) for row in facts},
    )


def _conversations(ids: Iterable[str]) -> Reading[dict[ConversationId, Conversation]]:
    rows = yield from _listed(queries.CONVERSATIONS, ids)
    said: dict[str, list[Message]] = {row[0]: [] for row in rows}
    for row in (yield from _listed(queries.LAST_SAID, said)):
        message = _made(mapping.message_of, row)
        said[message.conversation_id].append(message)
    return {row[0]: _made(mapping.conversation_of, row, tuple(said[row[0]])) for row in rows}


def messages(
    conversation_id: ConversationId, after: int, limit: int
) -> Reading[tuple[tuple[Message, ...], bool]]:
    """Read messages with a cursor above `after`, and whether more wait."""
    if not _can_be(conversation_id):
        return (), False
    rows = yield queries.SINCE, (conversation_id, after, limit + 1)
    return tuple(_made(mapping.message_of, row) for row in rows[:limit]), len(rows) > limit


def history(
    conversation_id: ConversationId, from_seq: int, to_seq: int
) -> Reading[tuple[Message, ...]]:
    """Read the messages from one seq to another, both included."""
    if not _can_be(conversation_id):
        return ()
    rows = yield queries.BETWEEN, (conversation_id, from_seq, to_seq)
    return tuple(_made(mapping.message_of, row) for row in rows)


def shows_file(conversation_id: ConversationId, file_id: FileId) -> Reading[bool]:
    """Read whether a file stands on a message that was not withdrawn."""
    if not _can_be(conversation_id):
        return False
    rows = yield queries.WITH_FILES, (conversation_id,)
    return any(file.id == file_id for row in rows for file in _made(mapping.files_of, row))


def deliveries(
    shards: Iterable[int] | None, conversations: Iterable[ConversationId] | None
) -> Reading[tuple[Delivery, ...]]:
    """Read unsettled deliveries; None means of all shards, or of all conversations."""
    given = (
        list(shards) if shards is not None else None,
        _possible(conversations) if conversations is not None else None,
    )
    if [] in given:
        return ()
    query = {
        (True, True): queries.OF_BOTH,
        (True, False): queries.OF_SHARDS,
        (False, True): queries.OF_CONVERSATIONS,
        (False, False): queries.OF_ALL,
    }[given[0] is not None, given[1] is not None]
    rows = yield query, tuple(values for values in given if values is not None)
    return tuple(_readable(outgoing.delivery_of, rows))


def dead(limit: int) -> Reading[tuple[Delivery, ...]]:
    """Read the deliveries given up on, the oldest first."""
    rows = yield queries.DEAD, (limit,)
    return tuple(_readable(outgoing.delivery_of, rows))


def delivery(delivery_id: DeliveryId) -> Reading[Delivery | None]:
    """Read one delivery."""
    rows = yield from _listed(queries.ONE_DELIVERY, (delivery_id,))
    return next(_readable(outgoing.delivery_of, rows), None)


def settlement(delivery_id: DeliveryId) -> Reading[Settlement | None]:
    """Read one delivery with its receipt."""
    rows = yield from _listed(queries.ONE_DELIVERY, (delivery_id,))
    return next(_readable(outgoing.settlement_of, rows), None)


def due_timers(now: float, shards: Iterable[int]) -> Reading[tuple[TimerSetting, ...]]:
    """Read the timers due in these shards, the earliest first, at most `queries.MOST_TIMERS`.

    One that this version does not know rings for nobody.
    """
    rows = yield queries.DUE, (now, list(shards))
    return tuple(mapping.timer_of(row) for row in rows if row[1] in _TIMERS)


def next_timer() -> Reading[float | None]:
    """Read when the next timer is due."""
    rows = yield queries.NEXT, ()
    found: float | None = rows[0][0]
    return found


def queue(limit: int) -> Reading[tuple[Waiting, ...]]:
    """Read the open handoffs, the longest waiting first."""
    rows = yield queries.QUEUE, (limit,)
    return tuple(_readable(mapping.waiting_of, rows))


def _readable(make: Callable[..., Result], rows: Rows) -> Iterator[Result]:
    """Yield what can be read and report the rest: one row must not hide the others."""
    for row in rows:
        try:
            yield _made(make, row)
        except Unreadable as problem:
            log.error(  # noqa: TRY400 -- the problem says it all
                "a row cannot be read", extra={"action": "unreadable_row", "why": str(problem)}
            )


def ahead(handoff: Handoff) -> Reading[int]:
    """Count the handoffs of the same room that wait for a person since before this one."""
    rows = yield queries.AHEAD, (handoff.requested_at, handoff.desk, handoff.room, handoff.id)
    found: int = rows[0][0]
    return found


def records(
    conversation_id: ConversationId | None, kind: str | None, limit: int
) -> Reading[tuple[Record, ...]]:
    """Read records, newest first."""
    asked = {"conversation_id": conversation_id, "kind": kind}
    given = {name: value for name, value in asked.items() if value is not None}
    if not all(_can_be(value) for value in given.values()):
        return ()
    conditions = [f"{name} = ${number}" for number, name in enumerate(given, start=1)]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    query = f"{queries.RECORD}{where} ORDER BY id DESC LIMIT ${len(given) + 1}"
    rows = yield query, (*given.values(), limit)
    return tuple(mapping.record_of(row) for row in rows)


def notes(conversation_id: ConversationId) -> Reading[tuple[Note, ...]]:
    """Read what teammates said among themselves, oldest first."""
    rows = yield from _listed(queries.NOTES, (conversation_id,))
    return tuple(mapping.note_of(row) for row in rows)


def handoffs(conversation_id: ConversationId) -> Reading[tuple[Handoff, ...]]:
    """Read all handoffs of a conversation, oldest first."""
    rows = yield from _listed(queries.PASSAGES, (conversation_id,))
    return tuple(mapping.handoff_of(row) for row in rows)


def conversation_ids(after: str, limit: int) -> Reading[tuple[ConversationId, ...]]:
    """Read the ids of conversations above one, in order."""
    rows = yield queries.IDS, (after, limit)
    return tuple(row[0] for row in rows)
