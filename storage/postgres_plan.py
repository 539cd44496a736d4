"""The work of a `Write` as PostgreSQL is given it: several statements in one.

Each way to the server and back costs a batch more than most of its rows, and what waits for the
batch waits for all of them. Statements that need not see what the others did go together, as the
common table expressions of one; all of those see the same moment
(https://www.postgresql.org/docs/current/queries-with.html#QUERIES-WITH-MODIFYING).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count

from storage import leases
from storage.statements import Work, transposed
from storage.wakeup import CHANNEL

# ruff: noqa: S608 (the only words put into these statements are names from our own tables)

# Counted in the same transaction, so that whoever missed the notice sees that one is missing.
_TOLD = f"""
INSERT INTO instance (id, host, started_at, seen_at, commits)
VALUES ($1, $2, {leases.NOW}, 0, 1)
ON CONFLICT (id) DO UPDATE SET commits = instance.commits + 1
RETURNING commits
"""
_TELLING = f"pg_current_xact_id()::text, pg_notify('{CHANNEL}', $1 || ' ' || commits || ' ' || $3)"

Shape = tuple[tuple[tuple[str, ...], tuple[str, ...], str, str, bool], ...]
"""Of each statement: the columns of its rows, their types, its verb, the rest, whether counted."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What the other instances are told: who wrote, on which host, and what changed."""

    instance: str
    host: str
    changed: str


@dataclass(frozen=True, slots=True)
class Query:
    """A text, its values, and how many rows each counted statement in it must have changed.

    The row it returns begins with the counts; with a notice in it the transaction's number follows.
    """

    text: str
    values: list[object]
    changes: tuple[int, ...]


def queries(work: Sequence[Work], notice: Notice) -> list[Query]:
    """Return the queries that do the work in order; the last one also tells the others."""
    groups = _grouped(work)
    return [
        _query(group, notice if number == len(groups) else None)
        for number, group in enumerate(groups, start=1)
    ]


def _grouped(work: Sequence[Work]) -> list[list[Work]]:
    groups: list[list[Work]] = [[]]
    for item in work:
        if item.after and groups[-1]:
            groups.append([])
        groups[-1].append(item)
    return groups


def _query(group: Sequence[Work], notice: Notice | None) -> Query:
    told: list[object] = [notice.instance, notice.host, notice.changed] if notice else []
    shape = tuple(
        (
            tuple(item.statement.columns),
            tuple(item.statement.columns.values()),
            item.statement.verb,
            item.statement.rest,
            item.exact,
        )
        for item in group
    )
    return Query(
        _text(shape, tells=notice is not None),
        [*told, *(column for item in group for column in transposed(item.rows))],
        tuple(len(item.rows) for item in group if item.exact),
    )


@cache
def _text(shape: Shape, *, tells: bool) -> str:
    numbers = count(4 if tells else 1)
    parts, found = [], []
    for place, (names, kinds, verb, rest, is_counted) in enumerate(shape):
        arrays = ", ".join(f"${next(numbers)}::{kind}[]" for kind in kinds)
        rows = f"WITH v ({', '.join(names)}) AS (SELECT * FROM unnest({arrays}))"
        parts.append(f"done{place} AS ({rows} {verb} {rest} RETURNING 1)")
        if is_counted:
            found.append(f"(SELECT count(*) FROM done{place})")
    if tells:
        parts.append(f"told AS ({_TOLD})")
        found.append(_TELLING)
    source = "FROM told" if tells else ""
    return f"WITH {', '.join(parts)} SELECT {', '.join(found) or '1'} {source}"
