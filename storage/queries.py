"""The queries that read, once for both databases.

They are in PostgreSQL's words (`$1`, `= ANY($1)`); `for_sqlite` says them in SQLite's.
"""

import json
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from bridge.domain.conversation import RECENT
from bridge.domain.handoff import State
from storage import tables
from storage.statements import UNSETTLED
from storage.tables import Table

MOST_TIMERS = 1000
"""Timers read at once; who rang them all asks again."""


def _columns(table: Table, alias: str = "") -> str:
    prefix = f"{alias}." if alias else ""
    return ", ".join(prefix + name for name in table.columns)


# ruff: noqa: S608 (the only words put into these queries are names from our own tables)
CONVERSATIONS = (
    f"SELECT {_columns(tables.CONVERSATION, 'c')}, {_columns(tables.HANDOFF, 'h')}"
    " FROM conversation c LEFT JOIN handoff h ON h.id = c.handoff_id WHERE c.id = ANY($1)"
)
LAST_SAID = (
    f"SELECT {_columns(tables.MESSAGE, 'm')} FROM conversation c JOIN message m"
    f" ON m.conversation_id = c.id AND m.seq > c.seq - {RECENT}"
    " WHERE c.id = ANY($1) ORDER BY m.conversation_id, m.seq"
)
THREADS = "SELECT ref, conversation_id FROM thread WHERE ref = ANY($1)"
HANDOFFS = "SELECT id, conversation_id FROM handoff WHERE id = ANY($1)"
POSTS = f"SELECT {_columns(tables.MESSAGE)} FROM message WHERE post = ANY($1)"
FACTS = f"SELECT {_columns(tables.FACT)} FROM fact WHERE key = ANY($1)"

_MESSAGES = f"SELECT {_columns(tables.MESSAGE)} FROM message WHERE conversation_id = $1"
# Until the first edit or deletion a message's cursor is its seq, and only what comes after it is in
# an index by cursor: an index that a message is not in makes storing it cheaper. All unmoved ones
# stand before the first cursor that moved, so that nothing behind it has to be searched for them.
_MOVED = f"{_MESSAGES} AND cursor <> seq"
_FIRST_MOVED = "SELECT min(cursor) FROM message WHERE conversation_id = $1 AND cursor <> seq"
_UNMOVED = f"{_MESSAGES} AND cursor = seq AND seq < coalesce(({_FIRST_MOVED}), {1 << 62})"
SINCE = (
    f"SELECT * FROM ({_UNMOVED} AND seq > $2 ORDER BY seq LIMIT $3) AS unmoved UNION ALL"
    f" SELECT * FROM ({_MOVED} AND cursor > $2 ORDER BY cursor LIMIT $3) AS moved"
    " ORDER BY cursor LIMIT $3"
)
BETWEEN = f"{_MESSAGES} AND seq >= $2 AND seq <= $3 ORDER BY seq"

WITH_FILES = (
    "SELECT id, attachments FROM message"
    " WHERE conversation_id = $1 AND attachments <> '[]' AND NOT deleted"
)

_DELIVERY = f"SELECT {_columns(tables.DELIVERY)} FROM delivery WHERE"
ONE_DELIVERY = f"{_DELIVERY} id = ANY($1)"
DEAD = f"{_DELIVERY} progress = 'dead' ORDER BY created_at, id LIMIT $1"
_IN_ORDER = "ORDER BY conversation_id, position"
OF_SHARDS = f"{_DELIVERY} {UNSETTLED} AND shard = ANY($1) {_IN_ORDER}"
OF_CONVERSATIONS = f"{_DELIVERY} {UNSETTLED} AND conversation_id = ANY($1) {_IN_ORDER}"
OF_BOTH = f"{_DELIVERY} {UNSETTLED} AND shard = ANY($1) AND conversation_id = ANY($2) {_IN_ORDER}"
OF_ALL = f"{_DELIVERY} {UNSETTLED} {_IN_ORDER}"

DUE = (
    f"SELECT {_columns(tables.TIMER)} FROM timer WHERE due_at <= $1 AND shard = ANY($2)"
    f" ORDER BY due_at, conversation_id LIMIT {MOST_TIMERS}"
)
NEXT = "SELECT min(due_at) FROM timer"

QUEUE = (
    f"SELECT {_columns(tables.HANDOFF, 'h')}, c.customer, c.thread"
    " FROM handoff h JOIN conversation c ON c.id = h.conversation_id"
    " WHERE h.closed_at IS NULL ORDER BY h.requested_at, h.id LIMIT $1"
)
AHEAD = (
    "SELECT count(*) FROM handoff WHERE closed_at IS NULL AND requested_at < $1"
    f" AND state <> '{State.ACTIVE}' AND desk = $2 AND room = $3 AND id <> $4"
)
RECORD = f"SELECT {_columns(tables.RECORD)} FROM record"
# What people wrote for each other, and every passage, for whoever exports a conversation.
NOTES = (
    f"SELECT {_columns(tables.NOTE)} FROM note WHERE conversation_id = ANY($1) ORDER BY sent_at, id"
)
PASSAGES = (
    f"SELECT {_columns(tables.HANDOFF)} FROM handoff"
    " WHERE conversation_id = ANY($1) ORDER BY number"
)
IDS = "SELECT id FROM conversation WHERE id > $1 ORDER BY id LIMIT $2"


@cache
def for_sqlite(query: str) -> str:
    """Return a query in SQLite's words; a list is bound as JSON."""
    listed = re.sub(r"= ANY\(\$(\d)\)", r"IN (SELECT value FROM json_each(?\1))", query)
    return re.sub(r"\$(\d)", r"?\1", listed)


def sqlite_values(values: Iterable[Any]) -> tuple[Any, ...]:
    """Return values as SQLite binds them."""
    return tuple(json.dumps(value) if isinstance(value, list) else value for value in values)
