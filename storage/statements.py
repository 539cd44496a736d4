"""The statements that write, and the plan by which a `Write` becomes rows for them.

Each is one text for both databases: the rows come in as the table `v`, which SQLite is given as
VALUES and PostgreSQL as arrays (`postgres_plan`). One statement carries many rows, because a writer
that runs statement by statement gives the interpreter away at each, and gets it back late.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from bridge.domain.delivery import OpenThread, Progress
from bridge.ports.store import Unstorable, Write
from storage import mapping, outgoing, tables
from storage.mapping import Row
from storage.outgoing import KINDS
from storage.tables import JSON, TEXT, Table

# ruff: noqa: S608 (the only words put into these statements are names from our own tables)

LONGEST_KEY = 1000
"""Characters a key may have; PostgreSQL's indexes refuse more than 2,704 bytes (nbtree)."""

UNSETTLED = "progress IN ('queued', 'sending', 'dead')"


@dataclass(frozen=True)
class Statement:
    """A statement over the rows `v`: the columns of `v` with types, its verb, and the rest."""

    columns: dict[str, str]
    verb: str
    rest: str

    @property
    def names(self) -> str:
        """The columns of `v`, as a list in SQL."""
        return ", ".join(self.columns)

    @cached_property
    def texts(self) -> tuple[tuple[int, str], ...]:
        """The columns that hold text from outside, with their places; JSON escapes what it must."""
        columns = enumerate(self.columns.items())
        return tuple(
            (at, name) for at, (name, kind) in columns if kind == TEXT and name not in JSON
        )


# A statement that undoes the whole transaction needs no journal to be undone alone.
_WHOLE = {
    "INSERT INTO": "INSERT OR ROLLBACK INTO",
    "UPDATE": "UPDATE OR ROLLBACK",
    "DELETE FROM": "DELETE FROM",
}


@cache
def _sqlite(columns: tuple[str, ...], verb: str, rest: str, count: int) -> str:
    row = f"({', '.join('?' * len(columns))})"
    rows = ", ".join([row] * count)
    return f"WITH v ({', '.join(columns)}) AS (VALUES {rows}) {_WHOLE[verb]} {rest}"


def for_sqlite(statement: Statement, count: int) -> str:
    """Return the statement for so many rows, their values to be bound one after the other."""
    return _sqlite(tuple(statement.columns), statement.verb, statement.rest, count)


def _insert(table: Table) -> Statement:
    names = ", ".join(table.columns)
    return Statement(
        table.columns, "INSERT INTO", f"{table.name} ({names}) SELECT {names} FROM v WHERE true"
    )


def _assigned(columns: Iterable[str], source: str) -> str:
    return ", ".join(f"{name} = {source}.{name}" for name in columns)


def _upsert(table: Table) -> Statement:
    plain = _insert(table)
    others = [name for name in table.columns if name not in table.key]
    conflict = f"ON CONFLICT ({', '.join(table.key)}) DO UPDATE SET {_assigned(others, 'excluded')}"
    return Statement(plain.columns, plain.verb, f"{plain.rest} {conflict}")


def _update(table: Table, condition: str, extra: dict[str, str] | None = None) -> Statement:
    others = [name for name in table.columns if name not in table.key]
    matched = " AND ".join(f"{table.name}.{name} = v.{name}" for name in table.key)
    return Statement(
        {**table.columns, **(extra or {})},
        "UPDATE",
        f"{table.name} SET {_assigned(others, 'v')} FROM v WHERE {matched}{condition}",
    )


_SETTLED = dict(list(tables.DELIVERY.columns.items())[-7:])
_SETTLE = f"delivery SET {_assigned(_SETTLED, 'v')} FROM v WHERE delivery.id = v.id"

INSERT_CONVERSATION = _insert(tables.CONVERSATION)
UPDATE_CONVERSATION = _update(
    tables.CONVERSATION, " AND conversation.version = v.was", {"was": tables.INTEGER}
)
INSERT_FACT = _insert(tables.FACT)
INSERT_MESSAGE = _insert(tables.MESSAGE)
UPDATE_MESSAGE = _update(tables.MESSAGE, "")
UPSERT_NOTE = _upsert(tables.NOTE)
UPSERT_HANDOFF = _upsert(tables.HANDOFF)
UPSERT_THREAD = _upsert(tables.THREAD)
INSERT_DELIVERY = _insert(tables.DELIVERY)
END_DELIVERY = Statement({"id": TEXT, **_SETTLED}, "UPDATE", _SETTLE)
# What has ended is never brought back to life by a step that was decided on before.
MOVE_DELIVERY = Statement({"id": TEXT, **_SETTLED}, "UPDATE", f"{_SETTLE} AND delivery.{UNSETTLED}")
CANCEL_DELIVERIES = Statement(
    {"conversation_id": TEXT, "leg": TEXT, "up_to": tables.INTEGER, "spared": TEXT},
    "UPDATE",
    "delivery SET progress = 'cancelled' FROM v"
    " WHERE delivery.conversation_id = v.conversation_id AND delivery.leg = v.leg"
    f" AND delivery.position <= v.up_to AND delivery.{UNSETTLED}"
    " AND (delivery.progress = 'queued'"
    " OR delivery.progress = 'dead' AND delivery.kind <> v.spared)",
)
UPSERT_TIMER = _upsert(tables.TIMER)
DELETE_TIMER = Statement(
    {name: tables.TIMER.columns[name] for name in tables.TIMER.key},
    "DELETE FROM",
    "timer WHERE (conversation_id, kind) IN (SELECT conversation_id, kind FROM v)",
)
INSERT_RECORD = _insert(tables.RECORD)

_NAMED = {"conversation_id": TEXT}
_OF_NAMED = "IN (SELECT conversation_id FROM v)"
# Facts stay, so that nothing comes back with a repetition, but say nothing about anybody.
ERASURE = (
    Statement(_NAMED, "DELETE FROM", f"conversation WHERE id {_OF_NAMED}"),
    Statement(_NAMED, "DELETE FROM", f"record WHERE conversation_id {_OF_NAMED}"),
    Statement(
        _NAMED, "UPDATE", f"fact SET ref = '', digest = '' WHERE conversation_id {_OF_NAMED}"
    ),
)

_SPARED = next(name for name, kind in KINDS.items() if kind is OpenThread)
_ENDED = frozenset({Progress.DELIVERED, Progress.SKIPPED, Progress.CANCELLED})


def _new_conversations(write: Write) -> list[Row]:
    states = write.conversations.values()
    return [mapping.conversation_row(after) for was, after in states if was is None]


def _changed_conversations(write: Write) -> list[Row]:
    states = write.conversations.values()
    rows = [(*mapping.conversation_row(after), was) for was, after in states if was is not None]
    # Rows are mostly locked in this order, and no two writers wait for each other in a ring; where
    # the server joins the other way round, one of them is told so and does it again.
    return sorted(rows, key=lambda row: str(row[0]))


def _settled(*progress: Progress) -> Callable[[Write], list[Row]]:
    wanted = frozenset(progress)

    def rows(write: Write) -> list[Row]:
        last = {settlement.delivery.id: settlement for settlement in write.settled}
        return [
            outgoing.settlement_row(settlement)
            for settlement in last.values()
            if settlement.delivery.progress in wanted
        ]

    return rows


def _cancelled(write: Write) -> list[Row]:
    return [
        (cancelled.conversation_id, leg, cancelled.up_to, _SPARED)
        for cancelled in write.cancelled
        for leg in sorted(cancelled.legs)
    ]


def _timers(write: Write, *, cleared: bool) -> list[Row]:
    last = {(setting.conversation_id, setting.timer): setting for setting in write.timers}
    return [
        mapping.timer_row(setting)
        for setting in last.values()
        if (setting.due_at is None) is cleared
    ]


@dataclass(frozen=True, slots=True)
class Step:
    """A statement and its rows in a `Write`.

    `exact` when each row must change exactly one, `after` when it must see what those before it
    did.
    """

    statement: Statement
    rows: Callable[[Write], Sequence[Row]]
    exact: bool = False
    after: bool = False


# In this order: what a row refers to stands before it, and a lane is freed before it is used.
PLAN = (
    Step(INSERT_CONVERSATION, _new_conversations),
    Step(UPDATE_CONVERSATION, _changed_conversations, exact=True),
    Step(INSERT_FACT, lambda write: [mapping.fact_row(fact) for fact in write.facts]),
    Step(INSERT_MESSAGE, lambda write: [mapping.message_row(m) for m in write.messages]),
    Step(
        UPDATE_MESSAGE,
        lambda write: [
            mapping.message_row(m)
            for m in {(m.conversation_id, m.seq): m for m in write.amended}.values()
        ],
        after=True,
    ),
    Step(
        UPSERT_NOTE,
        lambda write: [mapping.note_row(note) for note in {n.id: n for n in write.notes}.values()],
    ),
    Step(
        UPSERT_HANDOFF,
        lambda write: [mapping.handoff_row(h) for h in {h.id: h for h in write.handoffs}.values()],
    ),
    Step(UPSERT_THREAD, lambda write: list(dict(write.threads).items())),
    Step(END_DELIVERY, _settled(*_ENDED)),
    Step(MOVE_DELIVERY, _settled(Progress.QUEUED, Progress.DEAD)),
    Step(CANCEL_DELIVERIES, _cancelled, after=True),
    Step(MOVE_DELIVERY, _settled(Progress.SENDING), after=True),
    Step(
        INSERT_DELIVERY,
        lambda write: [outgoing.delivery_row(d) for d in write.deliveries],
        after=True,
    ),
    Step(UPSERT_TIMER, lambda write: _timers(write, cleared=False)),
    Step(
        DELETE_TIMER,
        lambda write: [row[:2] for row in _timers(write, cleared=True)],
    ),
    Step(INSERT_RECORD, lambda write: [mapping.record_row(record) for record in write.records]),
)


@dataclass(frozen=True, slots=True)
class Work:
    """A statement with the rows it is to be run over."""

    statement: Statement
    rows: Sequence[Row]
    exact: bool
    after: bool


def planned(write: Write) -> list[Work]:
    """Return the work of a `Write`, in order; raises `Unstorable` for values no database takes."""
    try:
        work = [Work(step.statement, step.rows(write), step.exact, step.after) for step in PLAN]
    except (TypeError, ValueError) as problem:
        raise Unstorable(f"a value has no JSON form: {problem}") from problem
    _refuse_long_keys(write)
    found = [item for item in work if item.rows]
    for item in found:
        _refuse_nul(item)
    return found


def erasing(conversation_id: str) -> list[Work]:
    """Return the work that erases a conversation and all that belongs to it."""
    return [Work(statement, [(conversation_id,)], exact=False, after=True) for statement in ERASURE]


def _refuse_long_keys(write: Write) -> None:
    keys: Iterable[str] = (
        *(fact.key for fact in write.facts),
        *(ref for ref, _ in write.threads),
        *(message.post or "" for message in write.messages),
        *write.conversations,
    )
    if any(len(key) > LONGEST_KEY for key in keys):
        raise Unstorable(f"a key has more than {LONGEST_KEY} characters")


def _refuse_nul(work: Work) -> None:
    for index, name in work.statement.texts:
        # One look at a whole column is several times cheaper than one at each value.
        if "\0" in "".join([row[index] for row in work.rows if row[index]]):
            raise Unstorable(f"{name}: a text with a NUL character cannot be stored")


def flattened(rows: Sequence[Row]) -> list[Any]:
    """Return the values of the rows, one after the other."""
    return [value for row in rows for value in row]


def transposed(rows: Sequence[Row]) -> list[list[Any]]:
    """Return the values of the rows, column by column."""
    return [list(column) for column in zip(*rows, strict=True)]
