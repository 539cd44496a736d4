"""The work of a `Write` as PostgreSQL is given it: several statements in one.

Each way to the server and back costs a batch more than most of its rows, and what waits for the
batch waits for all of them. Statements that need not see what the others did go together, as the
common table expressions of one; all of those see the same moment
(https://www.postgresql.org/docs/current/queries-with.html#QUERIES-WITH-MODIFYING).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count

from storage import leases
from storage.postgres_link import MOST_TEXTS
from storage.statements import Work, transposed
from storage.wakeup import CHANNEL

# ruff: noqa: S608 (the only words put into these statements are names from our own tables)

Shape = tuple[tuple[tuple[str, ...], tuple[str, ...], str, str], ...]
"""Of each statement: the columns of its rows, their types, its verb, the rest."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What the other instances are told: who wrote, on which host, and what changed."""

    instance: str
    host: str
    changed: str


@dataclass(frozen=True, slots=True)
class Query:
    """A text and its values, and what the row that it returns must say.

    The row says which of the shards in `fences` are held under which epoch, as pairs; how many rows
    each statement has changed, to be compared with `changes` where that is not None; and, in the
    last query of a transaction, its number.
    """

    text: str
    values: list[object]
    fences: Mapping[int, int]
    changes: list[int | None]


def queries(work: Sequence[Work], fences: Mapping[int, int], notice: Notice) -> list[Query]:
    """Return the queries that do the work in order.

    The first one holds the shards in `fences`, the last one tells the others.
    """
    groups = _grouped(work, fenced=bool(fences))
    last = len(groups) - 1
    return [
        _query(group, {} if place else fences, notice, tells=place == last)
        for place, group in enumerate(groups)
    ]


def _grouped(work: Sequence[Work], *, fenced: bool) -> list[list[Work]]:
    groups: list[list[Work]] = [[]]
    for item in work:
        # A lane that another instance uses by now must show as a lost shard, not as a double.
        if item.after and (groups[-1] or fenced):
            groups.append([])
        groups[-1].append(item)
    return groups


def _query(
    group: Sequence[Work], fences: Mapping[int, int], notice: Notice, *, tells: bool
) -> Query:
    shape = tuple(
        (
            tuple(item.statement.columns),
            tuple(item.statement.columns.values()),
            item.statement.verb,
            item.statement.rest,
        )
        for item in group
    )
    held = [list(fences), notice.instance] if fences else []
    told = [notice.instance, notice.host, notice.changed] if tells else []
    return Query(
        _text(shape, holds=bool(fences), tells=tells),
        [*held, *(column for item in group for column in transposed(item.rows)), *told],
        fences,
        [len(item.rows) if item.exact else None for item in group],
    )


@lru_cache(maxsize=MOST_TEXTS)
def _text(shape: Shape, *, holds: bool, tells: bool) -> str:
    """Return a text that does its parts in order: shards, rows, then the instance's own row.

    A part is run when its result is first asked for, what nobody asks for at the end and backwards;
    leases lock rows in that order too, and two who lock in opposite orders wait for each other.
    Foreign keys are looked at last of all: what has one is written with its conversation, which is
    locked by then.
    """
    numbers = (f"${number}" for number in count(1))
    parts, counts = [], []
    held, told = "NULL", "NULL"
    if holds:
        # Whoever has a shard now keeps it until the transaction ends.
        parts.append(
            f"held AS (SELECT id, epoch FROM shard WHERE id = ANY({next(numbers)}::bigint[])"
            f" AND owner = {next(numbers)} ORDER BY id FOR SHARE)"
        )
        held = "(SELECT array_agg(ARRAY[id, epoch]) FROM held)"
    for place, (names, kinds, verb, rest) in enumerate(shape):
        arrays = ", ".join(f"{next(numbers)}::{kind}[]" for kind in kinds)
        rows = f"WITH v ({', '.join(names)}) AS (SELECT * FROM unnest({arrays}))"
        parts.append(f"done{place} AS ({rows} {verb} {rest} RETURNING 1)")
        counts.append(f"(SELECT count(*) FROM done{place})")
    if tells:
        # Counted in the same transaction, so that whoever missed the notice sees that one is
        # missing.
        instance, host, changed = next(numbers), next(numbers), next(numbers)
        parts.append(
            "told AS (INSERT INTO instance (id, host, started_at, seen_at, commits)"
            f" VALUES ({instance}, {host}, {leases.NOW}, 0, 1)"
            " ON CONFLICT (id) DO UPDATE SET commits = instance.commits + 1 RETURNING commits)"
        )
        notice = f"{instance} || ' ' || commits || ' ' || {changed}"
        told = f"(SELECT pg_current_xact_id()::text FROM told, pg_notify('{CHANNEL}', {notice}))"
    return f"WITH {', '.join(parts)} SELECT {held}, ARRAY[{', '.join(counts)}]::bigint[], {told}"
