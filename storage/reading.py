"""What is read, once for both databases.

A read is a generator: it yields queries and is sent their rows, so that the same text of it runs
in SQLite's thread in one go and on a PostgreSQL connection with awaits between. Queries are in
PostgreSQL's words (`$1`, `= ANY($1)`); `for_sqlite` says them in SQLite's.
"""

import json
import logging
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, TypeVar

from bridge.domain.conversation import RECENT, Conversation
from bridge.domain.delivery import Delivery
from bridge.domain.facts import Timer
from bridge.domain.handoff import Handoff, State
from bridge.domain.ids import ConversationId, DeliveryId
from bridge.domain.messages import Message, Note
from bridge.ports.core import Waiting
from bridge.ports.store import Loaded, Record, Settlement, TimerSetting, Unreadable, Wanted
from storage import mapping, outgoing, tables
from storage.statements import LONGEST_KEY, UNSETTLED
from storage.tables import Table

log = logging.getLogger(__name__)

Rows = Sequence[Sequence[Any]]
Query = tuple[str, tuple[Any, ...]]
Result = TypeVar("Result")
Reading = Generator[Query, Rows, Result]

_TIMERS = frozenset(Timer)

MOST_TIMERS = 1000
"""Timers read at once; who rang them all asks again."""


def _columns(table: Table, alias: str = "") -> str:
    prefix = f"{alias}." if alias else ""
    return ", ".join(prefix + name for name in table.columns)


# ruff: noqa: S608 (the only words put into these queries are names from our own tables)
_CONVERSATIONS = (
    f"SELECT {_columns(tables.CONVERSATION, 'c')}, {_columns(tables.HANDOFF, 'h')}"
    " FROM conversation c LEFT JOIN handoff h ON h.id = c.handoff_id WHERE c.id = ANY($1)"
)
_RECENT = (
    f"SELECT {_columns(tables.MESSAGE, 'm')} FROM conversation c JOIN message m"
    f" ON m.conversation_id = c.id AND m.seq > c.seq - {RECENT}"
    " WHERE c.id = ANY($1) ORDER BY m.conversation_id, m.seq"
)
_THREADS = "SELECT ref, conversation_id FROM thread WHERE ref = ANY($1)"
_HANDOFFS = "SELECT id, conversation_id FROM handoff WHERE id = ANY($1)"
_POSTS = f"SELECT {_columns(tables.MESSAGE)} FROM message WHERE post = ANY($1)"
_FACTS = f"SELECT {_columns(tables.FACT)} FROM fact WHERE key = ANY($1)"

_MESSAGES = f"SELECT {_columns(tables.MESSAGE)} FROM message WHERE conversation_id = $1"
# Until the first edit or deletion a message's cursor is its seq, and only what comes after it is in
# an index by cursor: an index that a message is not in makes storing it cheaper.
_MOVED = f"{_MESSAGES} AND cursor <> seq"
_FIRST_MOVED = "SELECT min(cursor) FROM message WHERE conversation_id = $1 AND cursor <> seq"
_UNMOVED = f"{_MESSAGES} AND cursor = seq AND seq < coalesce(({_FIRST_MOVED}), {1 << 62})"
_SINCE = (
    f"SELECT * FROM ({_UNMOVED} AND seq > $2 ORDER BY seq LIMIT $3) AS unmoved UNION ALL"
    f" SELECT * FROM ({_MOVED} AND cursor > $2 ORDER BY cursor LIMIT $3) AS moved"
    " ORDER BY cursor LIMIT $3"
)
_BETWEEN = f"{_MESSAGES} AND seq >= $2 AND seq <= $3 ORDER BY seq"

_DELIVERY = f"SELECT {_columns(tables.DELIVERY)} FROM delivery WHERE"
_ONE_DELIVERY = f"{_DELIVERY} id = ANY($1)"
_DEAD = f"{_DELIVERY} progress = 'dead' ORDER BY created_at, id LIMIT $1"
_IN_ORDER = "ORDER BY conversation_id, position"
_OF_SHARDS = f"{_DELIVERY} {UNSETTLED} AND shard = ANY($1) {_IN_ORDER}"
_OF_CONVERSATIONS = f"{_DELIVERY} {UNSETTLED} AND conversation_id = ANY($1) {_IN_ORDER}"
_OF_BOTH = f"{_DELIVERY} {UNSETTLED} AND shard = ANY($1) AND conversation_id = ANY($2) {_IN_ORDER}"
_OF_ALL = f"{_DELIVERY} {UNSETTLED} {_IN_ORDER}"

_DUE = (
    f"SELECT {_columns(tables.TIMER)} FROM timer WHERE due_at <= $1 AND shard = ANY($2)"
    f" ORDER BY due_at, conversation_id LIMIT {MOST_TIMERS}"
)
_NEXT = "SELECT min(due_at) FROM timer"

_QUEUE = (
    f"SELECT {_columns(tables.HANDOFF, 'h')}, c.customer, c.thread"
    " FROM handoff h JOIN conversation c ON c.id = h.conversation_id"
    " WHERE h.closed_at IS NULL ORDER BY h.requested_at, h.id LIMIT $1"
)
_AHEAD = (
    "SELECT count(*) FROM handoff WHERE closed_at IS NULL AND requested_at < $1"
    f" AND state <> '{State.ACTIVE}' AND desk = $2 AND room = $3 AND id <> $4"
)
_RECORD = f"SELECT {_columns(tables.RECORD)} FROM record"
# What people wrote for each other, and every passage, for whoever exports a conversation.
_NOTES = (
    f"SELECT {_columns(tables.NOTE)} FROM note WHERE conversation_id = ANY($1) ORDER BY sent_at, id"
)
_PASSAGES = (
    f"SELECT {_columns(tables.HANDOFF)} FROM handoff"
    " WHERE conversation_id = ANY($1) ORDER BY number"
)
_IDS = "SELECT id FROM conversation WHERE id > $1 ORDER BY id LIMIT $2"


@cache
def for_sqlite(query: str) -> str:
    """Return a query in SQLite's words; a list is bound as JSON."""
    listed = re.sub(r"= ANY\(\$(\d)\)", r"IN (SELECT value FROM json_each(?\1))", query)
    return re.sub(r"\$(\d)", r"?\1", listed)


def sqlite_values(values: Iterable[Any]) -> tuple[Any, ...]:
    """Return values as SQLite binds them."""
    return tuple(json.dumps(value) if isinstance(value, list) else value for value in values)


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
    threads = {row[0]: row[1] for row in (yield from _listed(_THREADS, wanted.threads))}
    handoffs = {row[0]: row[1] for row in (yield from _listed(_HANDOFFS, wanted.handoffs))}
    ids = {*wanted.conversations, *threads.values(), *handoffs.values()}
    conversations = yield from _conversations(ids)
    posts = yield from _listed(_POSTS, wanted.posts)
    facts = yield from _listed(_FACTS, wanted.keys)
    return Loaded(
        conversations=conversations,
        threads=threads,
        handoffs=handoffs,
        posts={row[-1]: _made(mapping.message_of, row) for row in posts},
        facts={row[0]: mapping.fact_of(row) for row in facts},
    )


def _conversations(ids: Iterable[str]) -> Reading[dict[ConversationId, Conversation]]:
    rows = yield from _listed(_CONVERSATIONS, ids)
    said: dict[str, list[Message]] = {row[0]: [] for row in rows}
    for row in (yield from _listed(_RECENT, said)):
        message = _made(mapping.message_of, row)
        said[message.conversation_id].append(message)
    return {row[0]: _made(mapping.conversation_of, row, tuple(said[row[0]])) for row in rows}


def messages(
    conversation_id: ConversationId, after: int, limit: int
) -> Reading[tuple[tuple[Message, ...], bool]]:
    """Read messages with a cursor above `after`, and whether more wait."""
    if not _can_be(conversation_id):
        return (), False
    rows = yield _SINCE, (conversation_id, after, limit + 1)
    return tuple(_made(mapping.message_of, row) for row in rows[:limit]), len(rows) > limit


def history(
    conversation_id: ConversationId, from_seq: int, to_seq: int
) -> Reading[tuple[Message, ...]]:
    """Read the messages from one seq to another, both included."""
    if not _can_be(conversation_id):
        return ()
    rows = yield _BETWEEN, (conversation_id, from_seq, to_seq)
    return tuple(_made(mapping.message_of, row) for row in rows)


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
        (True, True): _OF_BOTH,
        (True, False): _OF_SHARDS,
        (False, True): _OF_CONVERSATIONS,
        (False, False): _OF_ALL,
    }[given[0] is not None, given[1] is not None]
    rows = yield query, tuple(values for values in given if values is not None)
    return tuple(_readable(outgoing.delivery_of, rows))


def dead(limit: int) -> Reading[tuple[Delivery, ...]]:
    """Read the deliveries given up on, the oldest first."""
    rows = yield _DEAD, (limit,)
    return tuple(_readable(outgoing.delivery_of, rows))


def delivery(delivery_id: DeliveryId) -> Reading[Delivery | None]:
    """Read one delivery."""
    rows = yield from _listed(_ONE_DELIVERY, (delivery_id,))
    return next(_readable(outgoing.delivery_of, rows), None)


def settlement(delivery_id: DeliveryId) -> Reading[Settlement | None]:
    """Read one delivery with its receipt."""
    rows = yield from _listed(_ONE_DELIVERY, (delivery_id,))
    return next(_readable(outgoing.settlement_of, rows), None)


def due_timers(now: float, shards: Iterable[int]) -> Reading[tuple[TimerSetting, ...]]:
    """Read the timers due in these shards, the earliest first, at most `MOST_TIMERS`.

    One that this version does not know rings for nobody.
    """
    rows = yield _DUE, (now, list(shards))
    return tuple(mapping.timer_of(row) for row in rows if row[1] in _TIMERS)


def next_timer() -> Reading[float | None]:
    """Read when the next timer is due."""
    rows = yield _NEXT, ()
    found: float | None = rows[0][0]
    return found


def queue(limit: int) -> Reading[tuple[Waiting, ...]]:
    """Read the open handoffs, the longest waiting first."""
    rows = yield _QUEUE, (limit,)
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
    rows = yield _AHEAD, (handoff.requested_at, handoff.desk, handoff.room, handoff.id)
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
    query = f"{_RECORD}{where} ORDER BY id DESC LIMIT ${len(given) + 1}"
    rows = yield query, (*given.values(), limit)
    return tuple(mapping.record_of(row) for row in rows)


def notes(conversation_id: ConversationId) -> Reading[tuple[Note, ...]]:
    """Read what teammates said among themselves, oldest first."""
    rows = yield from _listed(_NOTES, (conversation_id,))
    return tuple(mapping.note_of(row) for row in rows)


def handoffs(conversation_id: ConversationId) -> Reading[tuple[Handoff, ...]]:
    """Read all handoffs of a conversation, oldest first."""
    rows = yield from _listed(_PASSAGES, (conversation_id,))
    return tuple(mapping.handoff_of(row) for row in rows)


def conversation_ids(after: str, limit: int) -> Reading[tuple[ConversationId, ...]]:
    """Read the ids of conversations above one, in order."""
    rows = yield _IDS, (after, limit)
    return tuple(row[0] for row in rows)
