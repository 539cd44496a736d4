"""The tables by name and column, for the statements of the hot path.

`rows` describes the same tables for migrations; a test keeps the two alike. They stand apart
because what describes them there costs a second and 30 MB to import, and a program that finds
its database up to date never needs it.
"""

from dataclasses import dataclass

TEXT, INTEGER, REAL, TRUTH = "text", "bigint", "double precision", "boolean"

# A shard's `owner`, the one name that is not always JSON, is never written from here.
_JSON_COLUMNS = "customer memory overtaken reason owner joined attachments payload receipt body"
JSON = frozenset(_JSON_COLUMNS.split())
"""The columns whose text is JSON of our own making."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its columns with their PostgreSQL types, in order, and its key."""

    name: str
    key: tuple[str, ...]
    columns: dict[str, str]


CONVERSATION = Table(
    "conversation",
    ("id",),
    {
        "id": TEXT,
        "version": INTEGER,
        "created_at": REAL,
        "floor": TEXT,
        "epoch": INTEGER,
        "seq": INTEGER,
        "cursor": INTEGER,
        "position": INTEGER,
        "handoff_id": TEXT,
        "thread": TEXT,
        "mirrored_seq": INTEGER,
        "shown": INTEGER,
        "read": INTEGER,
        "marked_shown": INTEGER,
        "marked_read": INTEGER,
        "marking": TRUTH,
        "customer": TEXT,
        "memory": TEXT,
        "overtaken": TEXT,
    },
)

HANDOFF = Table(
    "handoff",
    ("id",),
    {
        "id": TEXT,
        "conversation_id": TEXT,
        "number": INTEGER,
        "state": TEXT,
        "desk": TEXT,
        "room": TEXT,
        "reason": TEXT,
        "requested_at": REAL,
        "changed_at": REAL,
        "from_seq": INTEGER,
        "owner": TEXT,
        "claimed_at": REAL,
        "replied_at": REAL,
        "closed_at": REAL,
        "reminders": INTEGER,
        "joined": TEXT,
    },
)

MESSAGE = Table(
    "message",
    ("conversation_id", "seq"),
    {
        "id": TEXT,
        "conversation_id": TEXT,
        "seq": INTEGER,
        "cursor": INTEGER,
        "role": TEXT,
        "author_name": TEXT,
        "author_avatar": TEXT,
        "author_ref": TEXT,
        "text": TEXT,
        "sent_at": REAL,
        "attachments": TEXT,
        "edited_at": REAL,
        "deleted": TRUTH,
        "post": TEXT,
    },
)

NOTE = Table(
    "note",
    ("id",),
    {
        "id": TEXT,
        "conversation_id": TEXT,
        "author_name": TEXT,
        "author_avatar": TEXT,
        "author_ref": TEXT,
        "text": TEXT,
        "sent_at": REAL,
        "post": TEXT,
    },
)

FACT = Table(
    "fact",
    ("key",),
    {
        "key": TEXT,
        "conversation_id": TEXT,
        "at": REAL,
        "ref": TEXT,
        "seq": INTEGER,
        "digest": TEXT,
    },
)

THREAD = Table("thread", ("ref",), {"ref": TEXT, "conversation_id": TEXT})

DELIVERY = Table(
    "delivery",
    ("id",),
    {
        "id": TEXT,
        "conversation_id": TEXT,
        "leg": TEXT,
        "position": INTEGER,
        "shard": INTEGER,
        "desk": TEXT,
        "room": TEXT,
        "kind": TEXT,
        "payload": TEXT,
        "created_at": REAL,
        "progress": TEXT,
        "attempts": INTEGER,
        "parts_done": INTEGER,
        "due_at": REAL,
        "attempted_at": REAL,
        "error": TEXT,
        "receipt": TEXT,
    },
)

TIMER = Table(
    "timer",
    ("conversation_id", "kind"),
    {"conversation_id": TEXT, "kind": TEXT, "due_at": REAL, "shard": INTEGER},
)

# Also numbered by the database, in a column `id` that nothing here writes.
RECORD = Table(
    "record",
    ("id",),
    {"conversation_id": TEXT, "at": REAL, "kind": TEXT, "body": TEXT},
)

SHARD = Table("shard", ("id",), {"id": INTEGER, "owner": TEXT, "epoch": INTEGER, "until": REAL})

INSTANCE = Table(
    "instance",
    ("id",),
    {"id": TEXT, "host": TEXT, "started_at": REAL, "seen_at": REAL, "commits": INTEGER},
)

TABLES = (
    CONVERSATION, HANDOFF, MESSAGE, NOTE, FACT, THREAD, DELIVERY, TIMER, RECORD, SHARD, INSTANCE,
)  # fmt: skip
